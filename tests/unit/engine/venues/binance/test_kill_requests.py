"""What a kill asks of the venue: everything, in the venue's words, whoever watches it."""

from decimal import Decimal
from typing import Any

import pytest

from engine.venues.trading import HeldPosition, OpenOrder
from tests.fakes.binance_trading import (
    T_NS,
    a_trade_wire,
    algo_row,
    answer,
    failed,
    instrument,
    order_row,
)

PLAIN = OpenOrder("XYZUSDT", "77", "web_1", is_buy=True)
STOP = OpenOrder("XYZUSDT", "9001", "web_2", is_buy=False, is_conditional=True, is_reduce_only=True)


def surveyed(at: int, body: object) -> Any:
    wire = a_trade_wire()
    return answer(wire, wire.survey()[at], body)


def position(**changed: Any) -> dict[str, Any]:
    row = {"symbol": "XYZUSDT", "positionSide": "BOTH", "positionAmt": "-2.5", "entryPrice": "10"}
    return row | changed


def test_orders_are_seen_whatever_their_instrument_and_type():
    rows = [order_row(symbol="XYZUSDT", clientOrderId="web_1", type="OF_NEXT_YEAR")]

    assert surveyed(0, rows).rows == (PLAIN,)


def test_conditional_orders_are_seen_until_they_became_another():
    rows = [
        algo_row(symbol="XYZUSDT", clientAlgoId="web_2", orderType="OF_NEXT_YEAR"),
        algo_row(symbol="XYZUSDT", actualOrderId="78"),
        algo_row(symbol="XYZUSDT", clientAlgoId="", reduceOnly=False, closePosition=True),
    ]

    first, second = surveyed(1, rows).rows

    assert first == STOP
    assert second.is_reduce_only


def test_positions_are_seen_with_their_mark_and_where_the_venue_closes_them():
    rows = [
        position(markPrice="11", liquidationPrice="20.5"),
        position(markPrice="", liquidationPrice="0"),
        position(positionAmt="0"),
    ]

    assert surveyed(2, rows).rows == (
        HeldPosition("XYZUSDT", Decimal("-2.5"), Decimal(11), Decimal("20.5")),
        HeldPosition("XYZUSDT", Decimal("-2.5"), None, None),
    )


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("body", [{}, [{}], b"<html>", b'[{"symbol":"A","symbol":"B"}]'])
def test_what_cannot_be_read_is_no_empty_answer(at: int, body: object):
    assert surveyed(at, body).verdict == "unknown"


def test_cancels_name_the_symbol_and_the_venues_own_number():
    wire = a_trade_wire()

    asked = [wire.clear("XYZUSDT"), wire.cancel_open(PLAIN), wire.cancel_open(STOP)]

    assert [(one.method, one.path.rpartition("/")[2], one.params) for one in asked] == [
        ("DELETE", "allOpenOrders", (("symbol", "XYZUSDT"),)),
        ("DELETE", "order", (("symbol", "XYZUSDT"), ("orderId", "77"))),
        ("DELETE", "algoOrder", (("algoId", "9001"),)),
    ]
    for request in asked:
        assert answer(wire, request, {"code": 200}).verdict == "confirmed"
        assert failed(wire, request, -2011).verdict == "refused"
        assert failed(wire, request, -1001).verdict == "unknown"


@pytest.mark.parametrize(("order", "word"), [(PLAIN, "status"), (STOP, "algoStatus")])
def test_how_an_order_stands_is_told_in_the_venues_word(order: OpenOrder, word: str):
    wire = a_trade_wire()

    assert answer(wire, wire.fate(order), {word: "FILLED"}).rows == ("FILLED",)
    assert answer(wire, wire.fate(order), {}).verdict == "unknown"


def test_the_listing_makes_orders_of_every_instrument_readable_and_leaves_watched_ones_alone():
    wire = a_trade_wire()
    steps = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.1"},
        {"filterType": "LOT_SIZE", "stepSize": "1"},
    ]
    names = {"status": "TRADING", "baseAsset": "X", "quoteAsset": "USDT"}
    bad = [{"filterType": "PRICE_FILTER", "tickSize": "nonsense"}]
    body = {
        "symbols": [
            {"symbol": "BADUSDT", "filters": bad} | names,
            {"symbol": "", "filters": steps} | names,
            {"symbol": "NONEUSDT", "filters": []} | names,
            {"symbol": "XYZUSDT", "filters": steps} | names,
            {"symbol": "ABCUSDT", "filters": steps} | names,
        ]
    }

    assert answer(wire, wire.listing(), body).verdict == "confirmed"

    conditional, plain, *_ = wire.report(T_NS - 1, T_NS)
    found = answer(wire, plain, [order_row(symbol="XYZUSDT", origQty="3", price="7.5")])
    assert [(row.qty_lots, row.limit_ticks) for row in found.rows] == [(3, 75)]
    assert answer(wire, plain, [order_row()]).rows[0].qty_lots == 5
    for symbol in ("BADUSDT", "NONEUSDT"):
        row = algo_row(symbol=symbol)
        assert answer(wire, conditional, [row]).verdict == "unknown"
    fills = [one for one in wire.report(T_NS - 1, T_NS) if one.purpose == "fills"]
    assert len(fills) == 1, "of the watched one alone"


def test_an_instrument_that_is_watched_later_is_known_by_its_own_word():
    wire = a_trade_wire()
    wire.learn(instrument("XYZUSDT", "0.5", "2"))

    fills = [one for one in wire.report(T_NS - 1, T_NS) if one.purpose == "fills"]

    assert len(fills) == 2
