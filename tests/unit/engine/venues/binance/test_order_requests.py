"""What is sent for an order: the venue's words, our numbers, and nothing near what was wanted."""

import re

import pytest

from engine.execution.ledger import Ledger
from engine.model.errors import UnsupportedByVenue
from engine.venues.binance.order_names import is_ours
from tests.fakes.binance_trading import (
    ABC,
    CID,
    a_stop,
    a_trade_wire,
    algo_update,
    an_intent,
    instrument,
)

VENUE_IDS = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")


def test_a_limit_order_is_written_whole():
    request = a_trade_wire().place(CID, an_intent(is_reduce_only=True))

    assert (request.purpose, request.method, request.path) == ("place", "POST", "/fapi/v1/order")
    assert request.params == (
        ("symbol", "ABCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("price", "10"),
        ("quantity", "0.005"),
        ("reduceOnly", "true"),
        ("newClientOrderId", CID),
        ("newOrderRespType", "ACK"),
    )
    assert (request.order_count, request.is_read, request.is_signed) == (1, False, True)
    assert (request.client_order_id, request.instrument_id) == (CID, ABC)


def test_a_new_order_costs_no_weight_of_requests():
    wire = a_trade_wire()

    requests = [wire.place(CID, one) for one in (an_intent(), a_stop())]

    assert [(one.weight, one.order_count) for one in requests] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("changed", "tif"),
    [({"tif": "ioc"}, "IOC"), ({"tif": "fok"}, "FOK"), ({"is_post_only": True}, "GTX")],
)
def test_time_in_force_and_post_only_are_one_word(changed: dict, tif: str):
    params = dict(a_trade_wire().place(CID, an_intent(**changed)).params)

    assert params["timeInForce"] == tif


@pytest.mark.parametrize("tif", ["gtc", "ioc"])
def test_a_market_order_has_neither_price_nor_time_in_force(tif: str):
    intent = an_intent(type="market", limit_ticks=None, side="sell", tif=tif)

    params = dict(a_trade_wire().place(CID, intent).params)

    assert (params["type"], params["side"]) == ("MARKET", "SELL")
    assert not {"price", "timeInForce", "reduceOnly"} & set(params)


@pytest.mark.parametrize(
    ("kind", "limit", "type_"),
    [
        ("stop", None, "STOP_MARKET"),
        ("stop", 890, "STOP"),
        ("take_profit", None, "TAKE_PROFIT_MARKET"),
        ("take_profit", 890, "TAKE_PROFIT"),
    ],
)
def test_a_conditional_order_goes_to_its_own_service(kind: str, limit: int | None, type_: str):
    intent = a_stop(type=kind, limit_ticks=limit, is_reduce_only=True)

    request = a_trade_wire().place(CID, intent)

    params = dict(request.params)
    assert (request.path, request.order_count) == ("/fapi/v1/algoOrder", 1)
    assert (params["algoType"], params["type"]) == ("CONDITIONAL", type_)
    assert (params["triggerPrice"], params["quantity"]) == ("9", "0.005")
    assert (params["workingType"], params["reduceOnly"]) == ("CONTRACT_PRICE", "true")
    assert params["clientAlgoId"] == CID
    assert params.get("price") == (None if limit is None else "8.9")
    assert params.get("timeInForce") == (None if limit is None else "GTC")


@pytest.mark.parametrize(
    "changed",
    [
        {"qty_lots": 0},
        {"qty_lots": -1},
        {"limit_ticks": 0},
        {"limit_ticks": -5},
        {"limit_ticks": None},
        {"type": "market"},
        {"trigger_ticks": 900},
        {"type": "stop"},
        {"type": "stop", "trigger_ticks": 0},
        {"type": "stop", "trigger_ticks": -1},
        {"is_post_only": True, "tif": "ioc"},
        {"type": "market", "limit_ticks": None, "is_post_only": True},
        {"type": "market", "limit_ticks": None, "tif": "fok"},
        {"type": "stop", "limit_ticks": None, "trigger_ticks": 900, "tif": "fok"},
    ],
)
def test_an_order_that_the_venue_does_not_have_is_not_sent(changed: dict):
    with pytest.raises(UnsupportedByVenue):
        a_trade_wire().place(CID, an_intent(**changed))


def test_nothing_is_sent_for_an_instrument_without_steps():
    wire = a_trade_wire()
    stranger = instrument("XYZUSDT").instrument_id

    for write in (
        lambda: wire.cancel(CID, stranger, "limit"),
        lambda: wire.cancel_all(stranger),
        lambda: wire.query(CID, stranger, "limit"),
        lambda: wire.order_fills(stranger, "77"),
        lambda: wire.dead_man(stranger, 0),
    ):
        with pytest.raises(UnsupportedByVenue):
            write()


def test_an_amend_says_price_and_whole_size():
    request = a_trade_wire().amend(CID, an_intent(), 1_001, 7)

    assert (request.method, request.path, request.order_count) == ("PUT", "/fapi/v1/order", 1)
    assert request.params == (
        ("symbol", "ABCUSDT"),
        ("side", "BUY"),
        ("quantity", "0.007"),
        ("price", "10.01"),
        ("origClientOrderId", CID),
    )


@pytest.mark.parametrize(("limit", "qty"), [(0, 5), (1_000, 0), (-1, 5)])
def test_an_amend_to_nothing_is_not_sent(limit: int, qty: int):
    with pytest.raises(UnsupportedByVenue):
        a_trade_wire().amend(CID, an_intent(), limit, qty)


@pytest.mark.parametrize(
    "intent", [a_stop(), a_stop(limit_ticks=890), an_intent(type="market", limit_ticks=None)]
)
def test_only_limit_orders_are_amended(intent):
    with pytest.raises(UnsupportedByVenue, match="amends limit orders"):
        a_trade_wire().amend(CID, intent, 1_001, 7)


def test_orders_are_canceled_and_asked_for_by_our_id_where_they_are_kept():
    wire = a_trade_wire()

    plain = (("symbol", "ABCUSDT"), ("origClientOrderId", CID))
    algo = (("clientAlgoId", CID),)
    for kind, path, params in (
        ("limit", "/fapi/v1/order", plain),
        ("market", "/fapi/v1/order", plain),
        ("stop", "/fapi/v1/algoOrder", algo),
        ("take_profit", "/fapi/v1/algoOrder", algo),
    ):
        cancel, query = wire.cancel(CID, ABC, kind), wire.query(CID, ABC, kind)
        assert (cancel.method, cancel.path, cancel.params) == ("DELETE", path, params)
        assert (query.method, query.path, query.params) == ("GET", path, params)
        assert (cancel.is_read, query.is_read) == (False, True)


def test_a_triggered_order_is_canceled_and_asked_for_where_it_is_now():
    wire = a_trade_wire()
    wire.receive(algo_update(X="TRIGGERED", ai="88"), 0)

    cancel, query = wire.cancel(CID, ABC, "stop"), wire.query(CID, ABC, "stop")

    assert cancel.path == query.path == "/fapi/v1/order"
    assert cancel.params == query.params == (("symbol", "ABCUSDT"), ("orderId", "88"))


def test_all_plain_orders_of_an_instrument_are_canceled_by_one_request():
    (request,) = a_trade_wire().cancel_all(ABC)

    assert (request.method, request.path) == ("DELETE", "/fapi/v1/allOpenOrders")
    assert request.params == (("symbol", "ABCUSDT"),)


@pytest.mark.parametrize(("after_ns", "ms"), [(120_000_000_000, "120000"), (0, "0")])
def test_the_dead_man_timer_counts_milliseconds(after_ns: int, ms: str):
    request = a_trade_wire().dead_man(ABC, after_ns)

    assert (request.method, request.path) == ("POST", "/fapi/v1/countdownCancelAll")
    assert request.params == (("symbol", "ABCUSDT"), ("countdownTime", ms))
    assert request.weight == 10


def test_the_ids_of_our_ledgers_are_ids_for_the_venue_and_known_as_ours():
    name = Ledger().next_client_order_id()

    assert VENUE_IDS.fullmatch(name)
    assert is_ours(name)


@pytest.mark.parametrize(
    "name", ["", "ck", "web_1", "autoclose-1", "CK0001", "ck-1", "ck00\n", "xck001"]
)
def test_other_ids_are_not_ours(name: str):
    assert not is_ours(name)
