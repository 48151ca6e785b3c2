"""The whole account as the venue shows it: every row counts, or none of an answer does."""

from decimal import Decimal
from typing import Any

import pytest

from engine.model.account import BalanceSeen, CashSeen, PositionSeen, RightsSeen
from engine.model.instrument import InstrumentId
from tests.fakes.binance_trading import (
    ABC,
    CID,
    T_MS,
    T_NS,
    a_trade_wire,
    algo_row,
    answer,
    failed,
    instrument,
    order_row,
    seen,
)

DAY_NS = 86_400 * 1_000_000_000
XYZ = InstrumentId("binance_futures:XYZUSDT")


def part_of(wire: Any, path: str, since_ns: int = T_NS - DAY_NS) -> Any:
    (found,) = [part for part in wire.report(since_ns, T_NS) if part.path.endswith(path)]
    return found


def read(path: str, body: object, wire: Any = None) -> Any:
    wire = wire or a_trade_wire()
    return answer(wire, part_of(wire, path), body)


def position_row(**changed: Any) -> dict[str, Any]:
    row = {"symbol": "ABCUSDT", "positionSide": "BOTH", "positionAmt": "-0.005"}
    return row | {"entryPrice": "10.00250000", "markPrice": "1"} | changed


def income_row(**changed: Any) -> dict[str, Any]:
    row = {"symbol": "ABCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.37500000"}
    return row | {"asset": "USDT", "time": T_MS, "tranId": 9_689, "tradeId": ""} | changed


def test_a_report_asks_for_everything_once():
    wire = a_trade_wire(instrument("XYZUSDT"))

    parts = wire.report(T_NS - DAY_NS, T_NS)

    assert [part.path for part in parts] == [
        "/fapi/v1/openAlgoOrders",
        "/fapi/v1/openOrders",
        "/fapi/v1/userTrades",
        "/fapi/v1/userTrades",
        "/fapi/v3/positionRisk",
        "/fapi/v3/balance",
        "/fapi/v1/income",
    ]
    assert [part.weight for part in parts] == [40, 40, 5, 5, 5, 5, 30]
    assert {(part.method, part.is_read, part.is_signed) for part in parts} == {("GET", True, True)}
    assert [part.instrument_id for part in parts][2:4] == [ABC, XYZ]


@pytest.mark.parametrize(
    ("since_ns", "start_ms"),
    [
        (T_NS - DAY_NS, T_MS - 86_400_000),
        (0, T_MS - 89 * 86_400_000),
        (T_NS + DAY_NS, T_MS),
    ],
)
def test_nothing_older_than_the_venue_keeps_is_asked_for(since_ns: int, start_ms: int):
    wire = a_trade_wire()

    for path in ("userTrades", "income"):
        params = dict(part_of(wire, path, since_ns).params)
        assert params["startTime"] == str(start_ms)


def test_open_orders_of_both_kinds_are_shown():
    plain = read("openOrders", [order_row()])
    conditional = read("openAlgoOrders", [algo_row(), algo_row(actualOrderId="88")])

    assert plain.rows == (
        seen(CID, "77", ABC, "buy", "limit", "open", 5, 0, 1_000, None, False, T_NS),
    )
    assert [(row.venue_order_id, row.type) for row in conditional.rows] == [("algo-9001", "stop")]


def test_what_a_conditional_order_became_is_shown_by_our_id():
    wire = a_trade_wire()
    read("openAlgoOrders", [algo_row(actualOrderId="88")], wire)

    found = read("openOrders", [order_row(orderId=88, clientOrderId="by-the-venue")], wire)

    assert [row.client_order_id for row in found.rows] == [CID]


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("MARKET", "market"),
        ("LIQUIDATION", "market"),
        ("STOP", "stop"),
        ("TAKE_PROFIT", "take_profit"),
        ("TRAILING_STOP_MARKET", "stop"),
    ],
)
def test_orders_made_elsewhere_are_shown_whatever_they_are(type_: str, kind: str):
    found = read("openOrders", [order_row(clientOrderId="web_1", type=type_, stopPrice="9.5")])

    assert [(row.type, row.trigger_ticks) for row in found.rows] == [(kind, 950)]


def test_where_a_trailing_stop_made_elsewhere_acts_is_not_known():
    row = algo_row(clientAlgoId="web_1", orderType="TRAILING_STOP_MARKET", triggerPrice="8.91")
    found = read("openAlgoOrders", [row])

    assert [(one.type, one.trigger_ticks, one.state) for one in found.rows] == [
        ("stop", None, "open")
    ]


def test_an_order_that_closes_whatever_is_held_has_no_size():
    row = algo_row(clientAlgoId="web_1", quantity="", closePosition=True, reduceOnly=False)
    found = read("openAlgoOrders", [row, row | {"algoId": 2, "quantity": "0"}])

    assert [(row.qty_lots, row.is_reduce_only) for row in found.rows] == [(0, True), (0, True)]


@pytest.mark.parametrize("path", ["openOrders", "openAlgoOrders", "positionRisk"])
def test_what_is_of_an_unwatched_instrument_makes_the_answer_worthless_with_a_sentence(path: str):
    body = {
        "openOrders": [order_row(), order_row(symbol="XYZUSDT")],
        "openAlgoOrders": [algo_row(symbol="XYZUSDT")],
        "positionRisk": [position_row(symbol="XYZUSDT")],
    }[path]

    found = read(path, body)

    assert (found.verdict, found.rows) == ("unknown", ())
    assert "clear it at the venue" in found.reason
    assert "XYZUSDT" in found.reason


def test_positions_are_signed_and_flat_ones_are_left_out():
    flat = position_row(symbol="XYZUSDT", positionAmt="0.000")

    found = read("positionRisk", [position_row(), flat])

    assert found.rows == (PositionSeen(ABC, -5, Decimal("10.0025")),)


@pytest.mark.parametrize(
    "rows",
    [
        [position_row(positionSide="LONG")],
        [position_row(), position_row()],
        [position_row(positionAmt="0.0005")],
        [position_row(positionAmt="1e5")],
        [position_row(positionAmt="")],
        [position_row(entryPrice="NaN")],
        [{"symbol": "ABCUSDT"}],
        {"code": 200},
        None,
    ],
)
def test_positions_that_cannot_be_counted_are_no_information(rows: object):
    found = read("positionRisk", rows)

    assert (found.verdict, found.rows) == ("unknown", ())


def test_hedge_mode_is_told_in_words_that_say_what_to_do():
    assert "one-way mode" in read("positionRisk", [position_row(positionSide="SHORT")]).reason


def test_balances_without_money_are_left_out():
    rows = [{"asset": "USDT", "balance": "-12.5"}, {"asset": "BNB", "balance": "0.00000000"}]

    assert read("balance", rows).rows == (BalanceSeen("USDT", Decimal("-12.5")),)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("FUNDING_FEE", "funding"),
        ("TRANSFER", "transfer"),
        ("INTERNAL_TRANSFER", "transfer"),
        ("COIN_SWAP_WITHDRAW", "transfer"),
        ("REFERRAL_KICKBACK", "other"),
        ("A_KIND_OF_TOMORROW", "other"),
    ],
)
def test_money_that_moved_is_shown_by_kind(kind: str, expected: Any):
    found = read("income", [income_row(incomeType=kind)])

    assert found.rows == (
        CashSeen(T_NS, f"{kind}:9689:USDT", expected, "USDT", Decimal("-0.375"), ABC),
    )


def test_what_fills_bring_is_not_booked_twice():
    rows = [income_row(incomeType="REALIZED_PNL"), income_row(incomeType="COMMISSION")]

    assert read("income", rows).rows == ()


@pytest.mark.parametrize("symbol", ["", None])
def test_money_may_be_of_no_instrument(symbol: object):
    (row,) = read("income", [income_row(symbol=symbol, tranId="9689")]).rows

    assert (row.instrument_id, row.movement_id) == (None, "FUNDING_FEE:9689:USDT")


def test_the_two_sides_of_an_exchange_are_two_movements():
    rows = [income_row(asset="USDT"), income_row(asset="BNB")]

    assert len({row.movement_id for row in read("income", rows).rows}) == 2


def test_income_is_read_to_its_last_page_and_window():
    wire = a_trade_wire()
    asked = part_of(wire, "income", T_NS - 10 * DAY_NS)
    told = []

    while asked is not None:
        told.append(tuple(dict(asked.params).get(key) for key in ("startTime", "endTime", "page")))
        full = [income_row(tranId=number) for number in range(1_000)]
        asked = answer(wire, asked, full if len(told) == 1 else full[:999]).next_page

    start, middle = T_MS - 10 * 86_400_000, T_MS - 3 * 86_400_000
    first = (str(start), str(middle - 1))
    assert told == [(*first, "1"), (*first, "2"), (str(middle), None, "1")]


def test_a_read_that_fails_is_no_information():
    wire = a_trade_wire()

    for part in wire.report(T_NS - DAY_NS, T_NS):
        for status in (400, 500, 302):
            found = failed(wire, part, -2013, status=status)
            assert found.verdict != "confirmed"
            assert not found.rows


@pytest.mark.parametrize(
    "right", ["enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"]
)
def test_a_right_to_take_money_away_is_told(right: str):
    wire = a_trade_wire()
    rights = {
        "enableFutures": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
    }
    request = wire.rights()
    assert request is not None

    none = answer(wire, request, rights)
    some = answer(wire, request, rights | {right: True, "enableFutures": False})

    assert none.rows == (RightsSeen("binance_futures", may_trade=True, may_withdraw=False),)
    assert some.rows == (RightsSeen("binance_futures", may_trade=False, may_withdraw=True),)


def test_rights_that_are_not_told_whole_are_not_known():
    wire = a_trade_wire()
    request = wire.rights()
    assert request is not None

    assert answer(wire, request, {"enableFutures": True}).verdict == "unknown"


def test_margin_and_liquidation_are_read_where_they_are_told():
    money = {"crossWalletBalance": "100.5", "crossUnPnl": "-0.5", "availableBalance": "60"}
    rows = [{"asset": "USDT", "balance": "100.5"} | money]
    [seen] = read("balance", rows).rows
    assert (seen.margin, seen.free) == (Decimal(100), Decimal(60))

    for text, price in (("0", Decimal(0)), ("9.5", Decimal("9.5")), ("", None)):
        [held] = read("positionRisk", [position_row(liquidationPrice=text)]).rows
        assert held.liquidation_price == price


@pytest.mark.parametrize("name", ["crossWalletBalance", "crossUnPnl", "availableBalance"])
def test_margin_that_is_told_in_part_is_not_known(name: str):
    money = {"crossWalletBalance": "1", "crossUnPnl": "1", "availableBalance": "1"}
    [seen] = read("balance", [{"asset": "USDT", "balance": "1"} | money | {name: ""}]).rows

    assert (seen.margin, seen.free) == (None, None)


def test_a_balance_tells_when_it_changed_last():
    (seen,) = read("balance", [{"asset": "USDT", "balance": "5", "updateTime": T_MS}]).rows

    assert seen.updated_ns == T_NS


def test_cash_may_be_asked_for_further_back_than_fills():
    parts = a_trade_wire().report(T_NS - DAY_NS, T_NS, T_NS - 2 * DAY_NS)

    began = {part.purpose: dict(part.params).get("startTime", "") for part in parts}
    assert int(began["fills"]) - int(began["cash"]) == DAY_NS // 1_000_000


@pytest.mark.parametrize(
    ("changed", "kind", "limit", "trigger"),
    [
        ({"price": "10.00"}, "limit", 1_000, None),
        ({"price": "0"}, "market", None, None),
        ({"price": "0", "stopPrice": "9.00"}, "market", None, 900),
        ({"price": "10.004"}, "limit", 1_000, None),
    ],
)
def test_a_plain_order_of_a_kind_that_nobody_described_is_read_by_what_it_has(
    changed: dict, kind: str, limit: int | None, trigger: int | None
):
    wire = a_trade_wire()
    row = order_row(clientOrderId="web_1", type="OF_NEXT_YEAR", **changed)
    _, plain, *_ = wire.report(T_NS, T_NS)

    (seen,) = answer(wire, plain, [row]).rows

    assert (seen.type, seen.limit_ticks, seen.trigger_ticks) == (kind, limit, trigger)


def test_a_conditional_order_of_a_kind_that_nobody_described_is_an_unclear_stop():
    wire = a_trade_wire()
    row = algo_row(clientAlgoId="web_1", orderType="OF_NEXT_YEAR", triggerPrice="9.004")
    conditional, *_ = wire.report(T_NS, T_NS)

    (seen,) = answer(wire, conditional, [row]).rows

    assert (seen.type, seen.trigger_ticks) == ("stop", 900)
    assert (seen.state, seen.reason) == ("unclear", "type OF_NEXT_YEAR")


def test_a_status_that_nobody_described_makes_one_order_unclear_and_the_others_count():
    odd, long = "FROZEN_\x1b[2J", "X" * 60
    plain = read("openOrders", [order_row(status=odd), order_row(orderId=78)])
    conditional = read("openAlgoOrders", [algo_row(algoStatus=long), algo_row(algoId=9_002)])

    assert [(row.state, row.reason) for row in plain.rows] == [
        ("unclear", "status FROZEN_?[2J"),
        ("open", ""),
    ]
    assert [row.state for row in conditional.rows] == ["unclear", "open"]
    assert len(conditional.rows[0].reason) == len("status ") + 40


def test_an_ended_order_of_a_kind_that_nobody_described_has_ended():
    found = read("openAlgoOrders", [algo_row(orderType="OF_NEXT_YEAR", algoStatus="CANCELED")])

    assert [row.state for row in found.rows] == ["canceled"]
