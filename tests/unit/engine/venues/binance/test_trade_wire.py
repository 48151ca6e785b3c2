"""The wire as a whole: what it signs, what it learns of limits, what it never shows."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from engine.model.account import TradeRules
from engine.model.errors import ConfigError, VenuePayloadError
from engine.venues.base import Endpoints
from engine.venues.binance.spec import FUTURES, SPOT
from engine.venues.trading import OpenOrder, PrivatePlan, TradeRequest, TradeWire
from tests.fakes.binance_trading import (
    ABC,
    CID,
    CREDENTIALS,
    KEY,
    REST,
    SECRET,
    STREAM,
    T_MS,
    T_NS,
    a_stop,
    a_trade_wire,
    an_intent,
    answer,
    failed,
    order_row,
)

LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"


def every_request(wire: Any) -> list[TradeRequest]:
    plan = wire.stream_plan(b'{"listenKey":"%s"}' % LISTEN_KEY.encode())
    assert plan.keep is not None
    rights = wire.rights()
    assert rights is not None
    return [
        wire.place(CID, an_intent()),
        wire.place(CID, a_stop()),
        wire.amend(CID, an_intent(), 1_001, 7),
        *(wire.cancel(CID, ABC, kind) for kind in ("limit", "stop")),
        *wire.cancel_all(ABC),
        *(wire.query(CID, ABC, kind) for kind in ("limit", "stop")),
        *(wire.order_fills(ABC, key) for key in ("77", "algo-9001")),
        *wire.report(T_NS - 1, T_NS),
        wire.dead_man(ABC, 1),
        rights,
        wire.time(),
        wire.listing(),
        *wire.survey(),
        wire.clear("XYZUSDT"),
        wire.cancel_open(OpenOrder("XYZUSDT", "77", "c", is_buy=True)),
        wire.cancel_open(OpenOrder("XYZUSDT", "78", "c", is_buy=True, is_conditional=True)),
        *(wire.fate(OpenOrder("XYZUSDT", "7", "c", True, stop)) for stop in (False, True)),
        wire.open_stream(),
        plan.keep,
    ]


def test_it_is_a_trade_wire_that_the_venue_names():
    assert FUTURES.trade is not None
    wire: TradeWire = FUTURES.trade.wire(Endpoints(REST, STREAM), CREDENTIALS)

    assert {(limit.name, limit.limit) for limit in wire.limits} == {
        ("weight_1m", 2_400),
        ("orders_10s", 300),
        ("orders_1m", 1_200),
    }
    assert SPOT.trade is None


def test_what_nobody_has_confirmed_of_the_venue_counts_as_the_worse():
    assert FUTURES.trade is not None
    assert FUTURES.trade.rules == TradeRules(
        validity_ns=5_000_000_000,
        replica_lag_ns=45_000_000_000,
        amends=True,
        cancel_all_covers_stops=True,
        dead_man_ns=60_000_000_000,
        dead_man_covers_stops=True,
        dead_man_min_ns=5_000_000_000,
    )


def test_everything_that_it_asks_for_may_be_signed():
    wire = a_trade_wire()

    for request in every_request(wire):
        call = wire.sign(request, T_NS)
        sent = urlsplit(call.url)
        params = parse_qs(sent.query + call.body.decode())
        assert f"{sent.scheme}://{sent.netloc}" == (request.origin or REST)
        assert ("signature" in params) == request.is_signed
        if request.is_signed:
            assert params["timestamp"] == [str(T_MS)]
            assert params["recvWindow"] == ["5000"]
        assert call.headers.get("X-MBX-APIKEY") == (
            None if request.purpose in {"time", "listing"} else KEY
        )
        assert [*params][: len(request.params)] == [name for name, _ in request.params]


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/sapi/v1/capital/withdraw/apply"},
        {"path": "/fapi/v1/order/../../sapi"},
        {"method": "PUT", "path": "/fapi/v1/algoOrder"},
        {"origin": "https://evil.example"},
        {"origin": "https://api.binance.com"},
    ],
)
def test_nothing_else_may_be_signed(changed: dict[str, Any]):
    fields = {"purpose": "place", "method": "POST", "path": "/fapi/v1/order"} | changed

    with pytest.raises(ConfigError):
        a_trade_wire().sign(TradeRequest(**fields), T_NS)


@pytest.mark.parametrize(("status", "kind"), [(200, "json"), (400, "json"), (502, "text/html")])
def test_an_answer_that_repeats_the_request_shows_neither_its_key_nor_its_signature(
    status: int, kind: str
):
    wire = a_trade_wire()
    request = next(one for one in every_request(wire) if one.is_signed and one.is_read)
    call = wire.sign(request, T_NS)
    said = f"{dict(call.headers)} signature={parse_qs(urlsplit(call.url).query)['signature'][0]} x"
    body = msgspec.json.encode({"code": -9999, "msg": said})

    answer = wire.decode(request, status, {"content-type": kind}, body, T_NS)

    assert "signature=*** x" in answer.reason
    assert "X-MBX-APIKEY" in answer.reason
    assert KEY not in answer.reason


@pytest.mark.parametrize("rest", ["https://evil.example", "http://fapi.binance.com"])
def test_an_evil_base_url_of_the_settings_gets_no_signature(rest: str):
    wire = a_trade_wire(rest=rest)

    for request in every_request(wire):
        with pytest.raises(ConfigError):
            wire.sign(request, T_NS)


@pytest.mark.parametrize(
    ("rest", "origin"),
    [
        (REST, "https://api.binance.com"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("https://demo-fapi.binance.com", None),
        ("https://testnet.binancefuture.com", None),
    ],
)
def test_rights_are_asked_for_where_they_are_told(rest: str, origin: str | None):
    request = a_trade_wire(rest=rest).rights()

    assert (None if request is None else request.origin) == origin


def test_the_time_of_the_venue_is_read():
    wire = a_trade_wire()

    assert wire.venue_time_ns(b'{"serverTime":%d}' % T_MS) == T_NS
    assert answer(wire, wire.time(), {"serverTime": T_MS}).verdict == "confirmed"
    for body in (b"{}", b'{"serverTime":-1}', b'{"serverTime":1e30}', b"<html>"):
        with pytest.raises(VenuePayloadError):
            wire.venue_time_ns(body)
        assert answer(wire, wire.time(), body).verdict == "unknown"


def test_the_private_stream_is_opened_with_its_key_and_kept():
    wire = a_trade_wire()
    body = b'{"listenKey":"%s"}' % LISTEN_KEY.encode()

    assert answer(wire, wire.open_stream(), body).verdict == "confirmed"
    plan = wire.stream_plan(body)

    assert plan.url == f"{STREAM}/private/ws?listenKey={LISTEN_KEY}"
    assert plan.keep is not None
    assert (plan.keep.method, plan.keep.path) == ("PUT", "/fapi/v1/listenKey")
    assert (plan.keep_every_ns, plan.life_ns) == (1_800_000_000_000, 85_800_000_000_000)
    assert answer(wire, plan.keep, {}).verdict == "confirmed"
    assert failed(wire, plan.keep, -1125).verdict == "refused"
    assert plan.close is not None
    assert (plan.close.method, plan.close.path) == ("DELETE", "/fapi/v1/listenKey")
    assert answer(wire, plan.close, {}).verdict == "confirmed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"listenKey":""}',
        b'{"listenKey":"/../../evil-and-long-enough"}',
        b'{"listenKey":"with blank and long enough"}',
        b'{"listenKey":"0123456789abcdef\\n"}',
        b'{"listenKey":"0123456789abcdef","listenKey":"0123456789abcdef"}',
    ],
)
def test_a_key_of_the_stream_that_is_none_is_refused_without_showing_it(body: bytes):
    wire = a_trade_wire()

    with pytest.raises(VenuePayloadError) as refused:
        wire.stream_plan(body)

    assert str(refused.value) == "no key of the private stream"
    assert answer(wire, wire.open_stream(), body).verdict == "unknown"


def test_used_limits_are_taken_from_every_answer():
    wire = a_trade_wire()
    used = {"x_mbx_used_weight_1m": "15", "x_mbx_order_count_10s": "2", "x_mbx_order_count_1m": "3"}

    for status, body in ((200, order_row()), (400, {"code": -2019}), (500, b"")):
        found = answer(wire, wire.place(CID, an_intent()), body, status, **used)
        assert (found.used_weight, found.used_orders) == (15, (("orders_10s", 2), ("orders_1m", 3)))


@pytest.mark.parametrize("text", ["", "-1", "1e3", "9999999999", "٣", "many"])
def test_a_count_that_is_none_is_not_known(text: str):
    wire = a_trade_wire()

    found = answer(wire, wire.time(), {"serverTime": 1}, x_mbx_used_weight_1m=text)

    assert (found.used_weight, found.used_orders) == (None, ())


def test_nothing_that_is_printed_shows_a_secret():
    wire = a_trade_wire()
    body = b'{"listenKey":"%s"}' % LISTEN_KEY.encode()
    plan: PrivatePlan = wire.stream_plan(body)

    shown = [repr(wire), repr(plan), str(plan)]
    shown += [repr(request) + repr(wire.sign(request, T_NS)) for request in every_request(wire)]

    for text in shown:
        assert not any(secret in text for secret in (SECRET, KEY, LISTEN_KEY, "signature"))
