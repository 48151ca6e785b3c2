"""Stream names, addresses and who gets what."""

import pytest

from engine.fake.binance_frames import StreamFrame, stream_frame
from engine.fake.streams import (
    StreamAddress,
    StreamSession,
    Subscriptions,
    message_for,
    stream_address,
)
from tests.unit.engine.fake.captures import MemoryOutlet


@pytest.mark.parametrize(
    ("venue", "target", "address"),
    [
        ("binance_futures", "/public/ws", StreamAddress("public", False, ())),
        ("binance_futures", "/market/stream", StreamAddress("market", True, ())),
        (
            "binance_futures",
            "/public/stream?streams=a@depth/b@trade",
            StreamAddress("public", True, ("a@depth", "b@trade")),
        ),
        (
            "binance_futures",
            "/public/stream?streams=a%40depth%2Fb%40trade",
            StreamAddress("public", True, ("a@depth", "b@trade")),
        ),
        ("binance_futures", "/public/ws/a@depth", StreamAddress("public", False, ("a@depth",))),
        ("binance_futures", "/stream", StreamAddress("", True, ())),
        ("binance", "/ws/a@depth/b@trade", StreamAddress("", False, ("a@depth", "b@trade"))),
        ("binance", "/stream?streams=a@depth", StreamAddress("", True, ("a@depth",))),
        ("binance", "/public/ws", None),
        ("binance_futures", "/private/ws", None),
        ("binance_futures", "/public", None),
        ("binance_futures", "/stream/a@depth", None),
        ("binance_futures", "/", None),
    ],
)
def test_addresses(venue: str, target: str, address: StreamAddress | None):
    assert stream_address(venue, target) == address


def subscribed(venue: str, target: str, *names: str) -> tuple[Subscriptions, StreamSession]:
    address = stream_address(venue, target)
    assert address is not None
    table, session = Subscriptions(venue), StreamSession(address, MemoryOutlet(), 0)
    table.open(session)
    table.add(session, names)
    return table, session


@pytest.mark.parametrize(
    ("target", "name", "recorded", "comes"),
    [
        ("/public/ws", "a@depth", "a@depth@0ms", True),
        ("/public/ws", "a@depth@500ms", "a@depth@100ms", True),
        ("/public/ws", "a@depth@250ms", "a@depth@100ms", False),
        ("/public/ws", "A@depth", "a@depth@100ms", False),
        ("/public/ws", "a@depth5", "a@depth@100ms", False),
        ("/public/ws", "a@trade", "a@trade", True),
        ("/public/ws", "a@bookTicker", "a@bookTicker", True),
        ("/public/ws", "!bookTicker", "!bookTicker", True),
        ("/public/ws", "a@aggTrade", "a@aggTrade", False),
        ("/market/ws", "a@aggTrade", "a@aggTrade", True),
        ("/market/ws", "a@kline_1m", "a@kline_1m", True),
        ("/market/ws", "a@depth", "a@depth@100ms", False),
        ("/market/ws", "a@trade", "a@trade", False),
        ("/ws", "a@depth", "a@depth@100ms", True),
        ("/ws", "a@aggTrade", "a@aggTrade", False),
    ],
)
def test_what_futures_serve_where(target: str, name: str, recorded: str, comes: bool):
    table, session = subscribed("binance_futures", target, name)

    assert list(table.listeners(recorded)) == ([(name, session)] if comes else [])
    assert list(session.names) == [name], "it is acknowledged all the same"


def test_spot_serves_everything_at_the_root():
    table, _ = subscribed("binance", "/ws", "a@aggTrade", "a@depth")

    assert table.has_listener("a@aggTrade")
    assert table.has_depth_listener()


def test_two_paces_on_one_socket_are_two_messages_and_one_can_go():
    table, session = subscribed("binance_futures", "/public/ws", "a@depth", "a@depth@100ms")

    assert [name for name, _ in table.listeners("a@depth@0ms")] == ["a@depth", "a@depth@100ms"]

    table.remove(session, ("a@depth", "never@subscribed"))

    assert [name for name, _ in table.listeners("a@depth@0ms")] == ["a@depth@100ms"]


def test_a_closed_socket_gets_nothing():
    table, session = subscribed("binance_futures", "/public/ws", "a@depth")

    table.close(session)

    assert not table.has_depth_listener()
    assert not table.is_open(session)
    assert table.sessions == []


def frame_of(raw: str) -> StreamFrame:
    frame = stream_frame(raw)
    assert frame is not None
    return frame


def test_payload_bytes_are_never_touched():
    frame = frame_of('{"stream":"a@depth@0ms","data":{"s":"A",  "b":[["1.0","\\u0031"]]}}')
    payload = b'{"s":"A",  "b":[["1.0","\\u0031"]]}'

    assert message_for(frame, "a@depth@0ms", is_combined=True) == frame.raw
    assert message_for(frame, "a@depth", is_combined=True) == (
        b'{"stream":"a@depth","data":' + payload + b"}"
    )
    assert message_for(frame, "a@depth", is_combined=False) == payload


@pytest.mark.parametrize(
    ("raw", "stream"),
    [
        ('{"e":"depthUpdate","s":"AB"}', "ab@depth@100ms"),
        ('{"e":"kline","s":"AB","k":{"i":"1m"}}', "ab@kline_1m"),
        ('{"u":1,"s":"AB","b":"1","B":"1","a":"2","A":"1"}', "ab@bookTicker"),
        ('{"e":"markPriceUpdate","s":"AB"}', "ab@markPrice@1s"),
    ],
)
def test_bare_messages_tell_their_stream(raw: str, stream: str):
    frame = frame_of(raw)

    assert (frame.stream, frame.symbol) == (stream, "AB")
    assert message_for(frame, stream, is_combined=True) == (
        b'{"stream":"%b","data":%b}' % (stream.encode(), raw.encode())
    )


@pytest.mark.parametrize("raw", ['{"result":null,"id":1}', "[]", "", "x", '{"e":"kline","k":3}'])
def test_anything_else_belongs_to_no_stream(raw: str):
    assert stream_frame(raw) is None
