"""Frames that do not say what Binance documents are refused whole, and change nothing."""

import sys
from typing import Any

import pytest

from engine.model.errors import VenuePayloadError
from engine.model.market import InstrumentUpdated, ScalesWidened, Trade
from engine.venues.base import HttpRequest
from engine.venues.binance.market_wire import STREAMS_MAX, SYMBOLS_MAX
from tests.fakes.binance_wire import ABC, a_wire, depth, frame, market_events, trade
from tests.fakes.captures import kline_data, text

NUMBERS = ["1e3", "1E-3", "-1", "+1", "NaN", "Infinity", "", " 1", "1 ", "1_0", "0x1", ".5", "1."]
NUMBERS += [
    "1,5",
    "\u0661",
    "\uff11",
    "4611686018427387904",
    "9" * 400,
    "0." + "0" * 12 + "1",
    "--1",
]
SNAPSHOT = HttpRequest("snapshot", "https://x/depth", 20, ABC)


def depth_with(price: str, size: str) -> str:
    return depth(bids=[["1", "1"], [price, size]])


@pytest.mark.parametrize("number", NUMBERS)
def test_only_plain_decimals_are_numbers(number: str):
    quote = {"s": "ABCUSDT", "u": 1, "B": "1", "a": "1", "A": "1"}
    mark = {"s": "ABCUSDT", "E": 1, "T": 1}
    messages = [
        trade(price=number),
        trade(size=number),
        depth_with(number, "1"),
        depth_with("1", number),
        frame("abcusdt@bookTicker", b=number, **quote),
        frame("abcusdt@kline_1m", **kline_data("1m", c=number)),
        frame("abcusdt@kline_1m", **kline_data("1m", v=number)),
    ]
    if number not in {"-1", "4611686018427387904", "0." + "0" * 12 + "1"}:
        messages.append(frame("abcusdt@markPrice", p=number, **mark))
    wire = a_wire()

    for message in messages:
        for form in (message, message.encode()):
            with pytest.raises(VenuePayloadError):
                wire.receive(form, 0)


@pytest.mark.parametrize("value", [2**62 + 1, 2**63, 2**64, 10**30, -2, 1.5, "1", None, True])
@pytest.mark.parametrize("field", ["U", "u", "pu", "E", "T"])
def test_integers_are_bounded(field: str, value: Any):
    ids = {"U": 1, "u": 2, "pu": 0, "E": 1, "T": 1}
    message = frame("abcusdt@depth", s="ABCUSDT", b=[], a=[], **ids | {field: value})

    with pytest.raises(VenuePayloadError):
        a_wire().receive(message, 0)


@pytest.mark.parametrize("moment", [2**43 + 1, 1_723_161_256_299_000, -1])
def test_a_time_that_nanoseconds_cannot_hold_is_refused(moment: int):
    with pytest.raises(VenuePayloadError):
        a_wire().receive(trade(T=moment), 0)
    with pytest.raises(VenuePayloadError):
        a_wire().receive(frame("abcusdt@kline_1m", **kline_data("1m", t=moment)), 0)


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "null",
        "[]",
        "5",
        '"text"',
        "{",
        trade()[:-1],
        trade()[: len(trade()) // 2],
        trade() + "x",
        trade() + trade(),
        "\x00" * 100,
        "\ufeff" + trade(),
        "x" * 2**20,
        "[" * 2**20,
        '{"a":' * 200_000,
        '{"stream":"abcusdt@trade","data":' + "[" * 200_000,
        '{"stream":"' + "a" * 2**20,
        '{"stream":"' + "a" * 2**20 + '@trade","data":{}}',
        '{"stream":"@trade","data":{}}',
        '{"stream":"abc\\u0000usdt@trade","data":{}}',
        '{"stream":"abc\\nusdt@trade","data":{}}',
        '{"stream":5,"data":{}}',
        '{"stream":"abcusdt@trade"}',
        '{"stream":"abcusdt@trade","data":null}',
        '{"stream":"abcusdt@trade","data":[]}',
        '{"stream":"abcusdt@depth","data":{"s":"ABCUSDT"}}',
        depth(bids=[["1"]]),
        depth(bids=[["1", "1", "1"]]),
        depth(bids=[[1, 1]]),
        depth(bids=["11"]),
        trade(m="true"),
        trade(price="0"),
        trade(size="0.000"),
        trade(p=100),
        frame("abcusdt@kline_1m", **kline_data("5m")),
        frame("abcusdt@kline_1m", **kline_data("3m")),
        frame("abcusdt@kline_5m", **kline_data("1m")),
        frame("abcusdt@kline_1m", **kline_data("1m", n=-1)),
        "\ud800",
        trade().replace("ABC", "\ud800"),
    ],
    ids=lambda message: ascii(message[:40]),
)
def test_what_is_no_message_is_refused_and_costs_only_itself(message: str):
    wire = a_wire()
    wire.receive(trade("1", "1"), 0)

    for form in (message, message.encode("utf-8", "surrogatepass")):
        with pytest.raises(VenuePayloadError) as refused:
            wire.receive(form, 0)

        assert len(str(refused.value)) < 800  # 120 characters of it, at most four each.

    assert len(wire.receive(trade("1", "1"), 0)) == 1


@pytest.mark.parametrize("damage", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_what_is_not_utf_8_is_refused(damage: bytes):
    wire = a_wire()
    wire.receive(trade(), 0)

    for place in (b"ABCUSDT", b"100.5", b"abcusdt"):
        with pytest.raises(VenuePayloadError):
            wire.receive(trade().encode().replace(place, place[:2] + damage + place[2:]), 0)


@pytest.mark.parametrize(
    "message",
    [
        '{"code":3,"msg":"Invalid JSON"}',
        '{"error":{"code":2,"msg":"Invalid request"},"id":1}',
        '{"id":1,"error":"no"}',
    ],
)
def test_the_venues_error_is_told_with_its_words(message: str):
    with pytest.raises(VenuePayloadError, match="the venue reports an error") as refused:
        a_wire().receive(message, 0)

    assert refused.value.excerpt == message


@pytest.mark.parametrize("symbol", ["XYZUSDT", "abcusdt", "", "ABCUSDC"])
def test_a_payload_of_another_symbol_is_refused(symbol: str):
    wire = a_wire()
    times = {"E": 1, "T": 1, "s": symbol}
    messages = [
        frame("abcusdt@depth", **times, U=1, u=2, pu=0, b=[], a=[]),
        frame("abcusdt@bookTicker", **times, u=1, b="1", B="1", a="1", A="1"),
        frame("abcusdt@trade", **times, t=1, p="1", q="1", m=True),
        frame("abcusdt@aggTrade", **times, a=1, p="1", q="1", m=True),
        frame("abcusdt@kline_1m", **kline_data("1m", symbol=symbol)),
        frame("abcusdt@markPrice", **times, p="1"),
    ]

    for message in messages:
        with pytest.raises(VenuePayloadError, match="symbol does not fit the stream"):
            wire.receive(message, 0)


def test_a_refused_frame_leaves_the_scales_as_they_were():
    wire = a_wire()
    wire.receive(trade("100.5", "1"), 0)
    finer_then_broken = depth(bids=[["100.255", "0.125"], ["1e9", "1"]])

    with pytest.raises(VenuePayloadError):
        wire.receive(finer_then_broken, 0)

    (event,) = wire.receive(trade("100.5", "1"), 0)
    assert type(event) is Trade
    assert (event.price_ticks, event.qty_lots) == (1_005, 1)
    assert market_events(wire, trade("100.25", "1"))[0] == ScalesWidened(ABC, 2, 0)


def test_a_refused_first_frame_announces_nothing_and_the_next_one_does():
    wire = a_wire()

    with pytest.raises(VenuePayloadError):
        wire.receive(depth(bids=[["100.255", "1"], ["-1", "1"]]), 0)

    first = wire.receive(trade("100.5", "1"), 0)
    announced = first[0]
    assert type(announced) is InstrumentUpdated
    assert (announced.price_decimals, announced.qty_decimals) == (0, 0)
    assert first[1] == ScalesWidened(ABC, 1, 0)


def test_a_number_of_a_refused_frame_does_not_forbid_finer_scales_later():
    wire = a_wire()
    wire.receive(trade("100", "1"), 0)
    for message in (
        depth(bids=[[str(2**62 - 1), str(2**62 - 1)], ["-1", "1"]]),
        depth(bids=[[str(2**62 - 1), "0.5"], ["-1", "1"]]),
    ):
        with pytest.raises(VenuePayloadError):
            wire.receive(message, 0)

    assert market_events(wire, trade("100.25", "1.5"))[0] == ScalesWidened(ABC, 2, 1)


def test_a_number_that_fits_no_more_when_finer_is_refused_and_the_rest_goes_on():
    wire = a_wire()
    wire.receive(trade("100", str(2**61)), 0)

    with pytest.raises(VenuePayloadError, match="do not fit"):
        wire.receive(trade("100", "0.5"), 0)

    assert len(wire.receive(trade("101", "3"), 0)) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 418, 429, 500, 503])
def test_an_answer_with_another_status_is_refused(status: int):
    body = '{"code":-1121,"msg":"Invalid symbol."}'

    with pytest.raises(VenuePayloadError, match=f"HTTP {status} for snapshot"):
        a_wire().receive_answer(SNAPSHOT, status, body, 0)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>502 Bad Gateway</html>",
        "{}",
        "[]",
        '{"lastUpdateId":1,"bids":[["1","1"]]',
        text({"lastUpdateId": 1, "bids": [["1", "0"]], "asks": []}),
        text({"lastUpdateId": -5, "bids": [], "asks": []}),
        text({"lastUpdateId": 2**63, "bids": [], "asks": []}),
        text({"lastUpdateId": 1, "bids": [["1e1", "1"]], "asks": []}),
        '{"lastUpdateId":1,"x":' + "[" * 200_000,
        '{"lastUpdateId":1,"bids":[["\ud800","1"]],"asks":[]}',
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_a_snapshot_that_is_none_is_refused(body: str):
    for form in (body, body.encode("utf-8", "surrogatepass")):
        with pytest.raises(VenuePayloadError):
            a_wire().receive_answer(SNAPSHOT, 200, form, 0)


def test_invented_symbols_stop_at_a_bound():
    wire = a_wire()
    for number in range(SYMBOLS_MAX):
        wire.receive(frame(f"s{number}@ticker"), 0)

    with pytest.raises(VenuePayloadError, match="too many symbols"):
        wire.receive(frame("onemore@ticker"), 0)

    assert len(wire.receive(trade(symbol="S1"), 0)) == 2  # Its scale widens, then the trade.


def test_invented_streams_of_one_symbol_stay_within_a_bound():
    wire = a_wire()

    for number in range(STREAMS_MAX):
        wire.receive(frame(f"abcusdt@depth5@{number}"), 0)

    assert len(wire._handlers) <= STREAMS_MAX
    assert sys.getsizeof(wire._handlers) < 2**22
    assert len(market_events(wire, trade("1", "1"))) == 1


@pytest.mark.parametrize(
    ("message", "leaves"),
    [
        ('{"e":"serverShutdown","E":1700000000000}', True),
        ('{"stream":"!serverShutdown","data":{"e":"serverShutdown"}}', True),
        ('{"result":null,"id":1}', False),
    ],
)
def test_a_server_that_shuts_down_is_left(message: str, leaves: bool):
    wire = a_wire()

    assert wire.receive(message, 0) == ()
    assert wire.is_leaving(message) is wire.is_leaving(message.encode()) is leaves
