"""Fills to the last page, each with the order id that the venue leaves out."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.numbers import NS_PER_S
from tests.fakes.binance_trading import (
    ABC,
    CID,
    JSON,
    T_MS,
    T_NS,
    a_trade_wire,
    algo_row,
    answer,
    failed,
    fill_update,
    filled,
    order_row,
    order_update,
    trade_row,
)

DAY_MS = 86_400_000
DAY_NS = DAY_MS * 1_000_000


def a_wire_with_order() -> Any:
    wire = a_trade_wire()
    wire.receive(order_update(), 0)
    return wire


def first_page(wire: Any, since_ns: int = T_NS - DAY_NS) -> Any:
    (found,) = [part for part in wire.report(since_ns, T_NS) if part.purpose == "fills"]
    return found


def test_a_fill_names_its_order_trade_fee_and_side():
    wire = a_wire_with_order()

    found = answer(wire, first_page(wire), [trade_row()])

    assert found.rows == (
        filled(T_NS, CID, "501", 1_000, 2, "maker", Decimal("0.000008"), "USDT", ABC, "buy"),
    )
    assert found.next_page is None


def test_a_rebate_is_received():
    wire = a_wire_with_order()
    rebate = trade_row(commission="-0.5", side="SELL", maker=False)

    (fill,) = answer(wire, first_page(wire), [rebate]).rows

    assert (fill.fee, fill.side, fill.liquidity) == (Decimal("-0.5"), "sell", "taker")


def test_orders_that_are_not_known_are_asked_for_one_by_one_before_the_page_counts():
    wire = a_wire_with_order()
    rows = [trade_row(), trade_row(id=502, orderId=78), trade_row(id=503, orderId=79)]
    rows += [trade_row(id=504, orderId=78)]

    first = answer(wire, first_page(wire), rows)
    assert (first.rows, first.next_page.path) == ((), "/fapi/v1/order")
    assert first.next_page.params == (("symbol", "ABCUSDT"), ("orderId", "78"))
    second = answer(wire, first.next_page, order_row(orderId=78, clientOrderId="web_1"))
    assert second.next_page.params == (("symbol", "ABCUSDT"), ("orderId", "79"))
    third = answer(wire, second.next_page, order_row(orderId=79, clientOrderId="ck0007"))
    assert third.next_page == first_page(wire)
    last = answer(wire, third.next_page, rows)

    assert [row.client_order_id for row in last.rows] == [CID, "web_1", "ck0007", "web_1"]
    assert last.next_page is None


@pytest.mark.parametrize("row", [order_row(orderId=99), order_row(orderId=78, symbol="XYZUSDT")])
def test_the_answer_of_another_order_names_nothing(row: dict):
    wire = a_wire_with_order()
    first = answer(wire, first_page(wire), [trade_row(orderId=78)])

    assert answer(wire, first.next_page, row).verdict == "unknown"


def test_a_copy_of_the_venue_that_lags_names_nothing():
    wire = a_wire_with_order()
    recent = trade_row(orderId=78, time=T_MS - 59_999)
    rows = [trade_row(id=502, orderId=78, time=T_MS - DAY_MS), recent]
    first = answer(wire, first_page(wire), rows)

    assert failed(wire, first.next_page, -2013).verdict == "refused"
    assert failed(wire, first.next_page, -2013, status=500).verdict == "unknown"
    assert failed(wire, first.next_page, -1121).verdict == "refused"


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_how_long_ago_a_fill_was_is_told_by_the_clock_of_the_venue(ahead_s: int):
    """By ours, an hour ahead, a fill of now is an old one, and an order of ours somebody else's."""
    wire = a_wire_with_order()
    body = msgspec.json.encode({"code": -2013, "msg": "no"})
    for age_ms, verdict in ((59_999, "refused"), (60_000, "confirmed")):
        rows = [trade_row(orderId=78, time=T_MS - age_ms)]
        asked = answer(wire, first_page(wire), rows).next_page

        found = wire.decode(asked, 400, JSON, body, T_NS - ahead_s * NS_PER_S, ahead_s * NS_PER_S)

        assert found.verdict == verdict


def test_an_order_that_the_venue_never_shows_is_called_by_its_number():
    wire = a_wire_with_order()
    old = {"orderId": 78, "time": T_MS - 60_000}
    rows = [trade_row(), trade_row(id=502, **old), trade_row(id=503, orderId=79)]
    first = answer(wire, first_page(wire), rows)

    second = failed(wire, first.next_page, -2013)
    third = answer(wire, second.next_page, order_row(orderId=79, clientOrderId="web_1"))
    last = answer(wire, third.next_page, rows)

    assert second.verdict == "confirmed"
    assert [row.client_order_id for row in last.rows] == [CID, "#78", "web_1"]


def test_a_report_that_was_given_up_for_its_length_leaves_less_to_ask_for():
    wire = a_wire_with_order()
    old = T_MS - 60_000
    rows = [trade_row(id=number, orderId=number, time=old) for number in range(100, 600)]
    told = asked = 0

    for _ in range(4):  # What the shell does not follow further is asked for by the next report.
        page = answer(wire, first_page(wire), rows)
        for _ in range(198):
            if page.next_page is None or page.next_page.path != "/fapi/v1/order":
                break
            number = int(dict(page.next_page.params)["orderId"])
            asked += 1
            if number % 2:
                page = failed(wire, page.next_page, -2013)
            else:
                row = order_row(orderId=number, clientOrderId=f"web_{number}")
                page = answer(wire, page.next_page, row)
        told = len(page.rows)

    assert (asked, told) == (500, 500)


def test_an_order_called_by_its_number_has_its_name_as_soon_as_it_is_told():
    wire = a_wire_with_order()
    rows = [trade_row(orderId=78, time=T_MS - 60_000)]
    past = failed(wire, answer(wire, first_page(wire), rows).next_page, -2013)

    wire.receive(order_update(i=78, c="web_1"), 0)

    assert [row.client_order_id for row in answer(wire, past.next_page, rows).rows] == ["web_1"]


@pytest.mark.parametrize(("price", "ticks"), [("10.0049", 1_000), ("10.005", 1_001)])
def test_a_price_between_two_ticks_is_told_exactly_beside_the_nearest(price: str, ticks: int):
    wire = a_wire_with_order()

    (by_report,) = answer(wire, first_page(wire), [trade_row(price=price)]).rows
    (by_stream,) = wire.receive(fill_update(L=price), 0)

    assert by_report.price_ticks == by_stream.price_ticks == ticks
    assert by_report.off_tick_price == by_stream.off_tick_price == Decimal(price)


def test_a_price_on_a_tick_is_told_once():
    wire = a_wire_with_order()

    (by_report,) = answer(wire, first_page(wire), [trade_row(price="10.0100")]).rows

    assert (by_report.price_ticks, by_report.off_tick_price) == (1_001, None)


def test_windows_are_seven_days_and_the_last_is_open():
    wire = a_wire_with_order()
    asked = first_page(wire, T_NS - 16 * DAY_NS)
    told = []

    while asked is not None:
        params = dict(asked.params)
        told.append((int(params["startTime"]), params.get("endTime")))
        asked = answer(wire, asked, []).next_page

    week, start = 7 * 86_400_000, T_MS - 16 * 86_400_000
    assert told == [
        (start, str(start + week - 1)),
        (start + week, str(start + 2 * week - 1)),
        (start + 2 * week, None),
    ]


def test_a_full_page_is_followed_by_number_to_the_end_of_all():
    wire = a_wire_with_order()
    full = [trade_row(id=number) for number in range(1, 1_001)]

    first = answer(wire, first_page(wire, T_NS - 16 * DAY_NS), full)
    assert first.next_page.params == (
        ("symbol", "ABCUSDT"),
        ("fromId", "1001"),
        ("limit", "1000"),
    )
    second = answer(wire, first.next_page, [trade_row(id=1_001)])

    assert (len(first.rows), len(second.rows), second.next_page) == (1_000, 1, None)


def test_pages_that_do_not_go_on_are_refused():
    wire = a_wire_with_order()
    full = [trade_row(id=number) for number in range(1, 1_001)]
    first = answer(wire, first_page(wire), full)

    assert answer(wire, first.next_page, full).verdict == "unknown"


@pytest.mark.parametrize(
    "changed",
    [
        {"symbol": "XYZUSDT"},
        {"qty": "0"},
        {"qty": "0.0005"},
        {"price": "1e1"},
        {"price": "0"},
        {"price": "0.0049"},
        {"commission": "free"},
        {"side": "?"},
        {"id": 0},
        {"id": 2**63},
        {"time": -1},
        {"maker": "yes"},
    ],
)
def test_a_page_with_one_strange_row_is_no_information(changed: dict):
    wire = a_wire_with_order()

    found = answer(wire, first_page(wire), [trade_row(), trade_row(**changed)])

    assert (found.verdict, found.rows) == ("unknown", ())


def test_fills_of_an_order_are_asked_for_by_its_number():
    wire = a_wire_with_order()
    request = wire.order_fills(ABC, "77")

    assert (request.purpose, request.weight) == ("order_fills", 5)
    assert request.params == (("symbol", "ABCUSDT"), ("orderId", "77"), ("limit", "1000"))
    assert [row.trade_id for row in answer(wire, request, [trade_row()]).rows] == ["501"]
    assert answer(wire, request, [trade_row(orderId=78)]).verdict == "unknown"


def test_a_full_page_of_an_order_is_followed_within_the_order():
    wire = a_wire_with_order()
    full = [trade_row(id=number) for number in range(1, 1_001)]

    asked = answer(wire, wire.order_fills(ABC, "77"), full).next_page

    assert dict(asked.params) == {
        "symbol": "ABCUSDT",
        "orderId": "77",
        "fromId": "1001",
        "limit": "1000",
    }


def test_an_order_of_a_run_before_is_named_first():
    wire = a_trade_wire()

    first = answer(wire, wire.order_fills(ABC, "77"), [trade_row()])
    second = answer(wire, first.next_page, order_row())
    third = answer(wire, second.next_page, [trade_row()])

    assert [row.client_order_id for row in third.rows] == [CID]
    assert first.next_page.purpose == second.next_page.purpose == "order_fills"


def test_fills_of_a_conditional_order_are_those_of_what_it_became():
    wire = a_trade_wire()
    request = wire.order_fills(ABC, "algo-9001")
    assert (request.path, request.params) == ("/fapi/v1/algoOrder", (("algoId", "9001"),))

    waiting = answer(wire, request, algo_row())
    triggered = answer(wire, request, algo_row(actualOrderId="88"))
    last = answer(wire, triggered.next_page, [trade_row(orderId=88)])

    assert (waiting.verdict, waiting.rows, waiting.next_page) == ("confirmed", (), None)
    assert [row.client_order_id for row in last.rows] == [CID]
    assert answer(wire, request, algo_row(algoId=9002)).verdict == "unknown"
