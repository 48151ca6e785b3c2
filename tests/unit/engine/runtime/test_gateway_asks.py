"""What a gateway asks a real venue, and that no answer is no information (R41)."""

import asyncio

import pytest

from engine.model import account as a
from engine.model.effects import QueryOrder, RequestReport, SetDeadMan
from engine.model.facts import OrderUnknown
from engine.model.numbers import NS_PER_S
from engine.venues.trading import TradeRequest
from tests.builders import START_NS
from tests.unit.engine.runtime.gateway_desk import BTC, SOON_S, Desk, simulated

ORDER = "/fapi/v1/order"


# Questions.


def test_a_question_brings_the_order_and_all_of_its_fills() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a", lots=5, price=100)
        desk.trade(price=99, lots=2)
        desk.trade(price=99, lots=20)
        await asyncio.sleep(SOON_S)
        asked_ns = desk.clock.now_ns()
        desk.told.clear()
        desk.gateway.serve(QueryOrder("a"))
        await asyncio.sleep(SOON_S)

        (answered,) = desk.heard(a.OrderAnswered)
        assert answered.order is not None
        assert answered.order.state == "filled"
        assert sum(fill.qty_lots for fill in answered.fills) == 5
        assert answered.asked_ns >= asked_ns

    simulated(scenario)


def test_an_order_that_the_venue_does_not_show_is_answered_with_none() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.dead = ORDER
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(SOON_S)
        desk.network.dead = ""
        desk.gateway.serve(QueryOrder("a"))
        await asyncio.sleep(SOON_S)

        assert [one.order for one in desk.heard(a.OrderAnswered)] == [None]

    simulated(scenario)


def test_an_answer_on_which_the_wire_fails_proves_nothing_and_ends_nothing() -> None:
    def fail(request: TradeRequest) -> None:
        if request.purpose in {"place", "open_orders"}:
            raise AssertionError("nobody thought of this answer")

    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.wire.on_decode = fail
        desk.place("a", lots=3, price=95)
        desk.gateway.serve(RequestReport(1, START_NS))
        await asyncio.sleep(SOON_S)

        (failed,) = desk.heard(a.ReportFailed)
        assert failed.reason == "error of the program (AssertionError), see the log"
        (unknown,) = desk.heard(OrderUnknown)
        assert unknown.reason == failed.reason

    simulated(scenario)


def test_a_question_without_an_answer_brings_no_information() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.network.dead = ORDER
        desk.gateway.serve(QueryOrder("a"))
        desk.gateway.serve(QueryOrder("a"))  # Is the same question.
        desk.gateway.serve(QueryOrder("nobody"))
        await asyncio.sleep(SOON_S)

        failed = sorted(one.client_order_id for one in desk.heard(a.QueryFailed))
        assert failed == ["a", "nobody"]

    simulated(scenario)


def test_a_report_is_the_whole_account() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.place("b", lots=3, price=101)
        await asyncio.sleep(SOON_S)
        desk.gateway.serve(RequestReport(7, START_NS - NS_PER_S))
        await asyncio.sleep(SOON_S)

        (report,) = desk.heard(a.AccountReported)
        assert (report.number, report.since_ns) == (7, START_NS - NS_PER_S)
        assert [one.client_order_id for one in report.orders] == ["a"]
        assert sum(fill.qty_lots for fill in report.fills) == 3
        assert [(one.instrument_id, one.lots) for one in report.positions] == [(BTC, 3)]
        assert [one.currency for one in report.balances] == ["USDT"]

    simulated(scenario)


@pytest.mark.parametrize(
    "part", ["openOrders", "openAlgoOrders", "userTrades", "positionRisk", "balance", "income"]
)
def test_a_report_that_lacks_a_part_is_no_information(part: str) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.dead = part
        desk.gateway.serve(RequestReport(7, START_NS))
        await asyncio.sleep(SOON_S)

        assert desk.heard(a.AccountReported) == []
        assert [one.number for one in desk.heard(a.ReportFailed)] == [7]

    simulated(scenario)


def test_one_report_is_made_at_a_time() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.gateway.serve(RequestReport(7, START_NS))
        desk.gateway.serve(RequestReport(8, START_NS))
        await asyncio.sleep(SOON_S)

        assert [one.number for one in desk.heard(a.AccountReported)] == [7]
        assert [one.number for one in desk.heard(a.ReportFailed)] == [8]

    simulated(scenario)


# The dead-man timer.


def test_the_dead_man_timer_is_set_and_fires_at_the_venue() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        asked_ns = desk.clock.now_ns()
        desk.gateway.serve(SetDeadMan(BTC, 60 * NS_PER_S))
        await asyncio.sleep(SOON_S)
        (told,) = desk.heard(a.DeadManSet)
        assert abs(told.due_ns - asked_ns - 60 * NS_PER_S) < NS_PER_S

        await asyncio.sleep(60)
        assert desk.ledger.orders["a"].state == "canceled"

        desk.gateway.serve(SetDeadMan(BTC, 0))
        await asyncio.sleep(SOON_S)
        assert desk.heard(a.DeadManSet)[-1].due_ns == 0

    simulated(scenario)


def test_a_dead_man_timer_that_was_not_set_is_told() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.dead = "countdown"
        desk.gateway.serve(SetDeadMan(BTC, 60 * NS_PER_S))
        await asyncio.sleep(SOON_S)

        assert desk.heard(a.DeadManFailed)[0].reason == "connection refused"

    simulated(scenario)


# The key and the end.


def test_a_key_that_is_refused_is_told_once() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.exchange.rights = type(desk.exchange.rights)(is_revoked=True)
        desk.gateway.serve(RequestReport(7, START_NS))
        await asyncio.sleep(SOON_S)
        desk.gateway.serve(RequestReport(8, START_NS))
        await asyncio.sleep(SOON_S)

        assert [one.may_trade for one in desk.heard(a.RightsSeen)] == [False]

    simulated(scenario)


def test_nothing_is_sent_after_the_end() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.gateway.close()
        asked = len(desk.network.calls)
        desk.place("b", lots=1, price=95)
        desk.guard.cancel("a")
        await asyncio.sleep(SOON_S)

        assert len(desk.network.calls) == asked

    simulated(scenario)
