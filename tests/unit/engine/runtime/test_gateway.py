"""The gateway to a real venue: once each, never after a kill, and nothing guessed."""

import asyncio
from decimal import Decimal

import pytest

from engine.fake.trading.mishaps import RestFaults, TradingFaults
from engine.model import account as a
from engine.model import facts as f
from engine.model.effects import CancelAllOrders, QueryOrder, RequestReport
from engine.model.envelope import TimerFired
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from engine.runtime.gateway import CANCELS_MAX, LEAVE_NS, ORDERS_MAX, TURN_NS
from engine.runtime.trade_rest import CLOCK_AGAIN_NS
from engine.venues.trading import RateLimit
from tests.builders import START_NS, an_instrument, an_update
from tests.order_facts import an_intent, known
from tests.unit.engine.runtime.gateway_desk import BTC, SOON_S, Desk, simulated

ORDER = "/fapi/v1/order"
FIVE_ORDERS = (RateLimit("orders_10s", "orders", 10 * NS_PER_S, 5),)


# Orders.


def test_an_order_is_sent_acknowledged_and_filled_in_this_order() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        assert desk.place("a", lots=3, price=101) == ""
        await asyncio.sleep(SOON_S)

        assert desk.kinds() == ["OrderSent", "OrderAcked"]
        assert desk.ledger.orders["a"].state == "filled"
        assert desk.exchange.placed == {"a": 1}

    simulated(scenario)


def test_what_the_venue_refuses_was_never_accepted() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.place("a", lots=3, price=1)  # Worth less than the venue takes.
        await asyncio.sleep(SOON_S)

        (rejected,) = desk.heard(f.OrderRejected)
        assert rejected.is_by_venue
        assert "HTTP 400" in rejected.reason

    simulated(scenario)


def test_what_waits_to_leave_is_written_in_the_steps_in_which_it_was_approved() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        other = an_update(an_instrument(BTC, tick_size=Decimal(5)))
        desk.place("a", lots=3, price=95)
        desk.market.take(other)
        desk.gateway.on_market(other)
        await asyncio.sleep(SOON_S)

        (order,) = desk.exchange.desk.open_orders()
        assert order.price == 95

        desk.ledger.apply(f.OrderCanceled(desk.clock.now_ns(), "a", "gone"))
        desk.ledger.apply(known(BTC, tick="5"))
        desk.gateway.on_market(TimerFired("second", desk.clock.now_ns()))
        desk.place("b", lots=3, price=19)
        await asyncio.sleep(SOON_S)
        assert desk.exchange.desk.open_orders()[-1].price == 95

    simulated(scenario)


def test_an_order_whose_answer_is_lost_is_unknown_and_never_sent_again() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.lost = ORDER
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(120)

        assert desk.network.left("POST", ORDER) == 1
        assert desk.exchange.placed == {"a": 1}
        assert [one.reason for one in desk.heard(f.OrderUnknown)] == ["connection lost"]

    simulated(scenario)


@pytest.mark.parametrize("share", ["unanswered_share", "spoiled_share", "lost_share"])
def test_whatever_proves_nothing_leaves_an_order_unknown_and_alone(share: str) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.way._mishaps.faults = TradingFaults(rest=RestFaults(**{share: 1.0}))
        for number in range(20):
            desk.place(f"a{number}", lots=1, price=95)
            await asyncio.sleep(SOON_S)
        await asyncio.sleep(120)

        assert desk.network.left("POST", ORDER) == 20
        assert max(desk.exchange.placed.values(), default=0) <= 1
        assert desk.heard(f.OrderRejected) == []
        assert len({one.client_order_id for one in desk.heard(f.OrderUnknown)}) == 20

    simulated(scenario)


def test_an_order_that_could_not_leave_was_never_sent() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.dead = ORDER
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(SOON_S)

        assert desk.kinds() == ["OrderRejected"]
        (rejected,) = desk.heard(f.OrderRejected)
        assert not rejected.is_by_venue
        assert rejected.reason == "it never left: connection refused"

    simulated(scenario)


def test_an_order_that_the_wire_cannot_write_is_refused_here() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.place("a", lots=3, price=None, type="market", tif="fok")
        await asyncio.sleep(SOON_S)

        assert not desk.heard(f.OrderRejected)[0].is_by_venue
        assert desk.network.calls == []

    simulated(scenario)


def test_an_order_that_waited_too_long_for_a_connection_does_not_leave() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.connect_s = LEAVE_NS / NS_PER_S + 0.1
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(5)

        assert "could not leave within 2 s" in desk.heard(f.OrderRejected)[0].reason
        assert desk.exchange.placed == {}

    simulated(scenario)


def test_too_many_orders_on_their_way_are_refused_here() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.connect_s = 0.5
        for number in range(ORDERS_MAX + 1):
            desk.place(f"a{number}", lots=1, price=95)

        assert [one.client_order_id for one in desk.heard(f.OrderRejected)] == [f"a{ORDERS_MAX}"]

    simulated(scenario)


def test_a_cancel_leaves_although_the_clock_of_the_venue_is_not_known() -> None:
    async def scenario(desk: Desk) -> None:
        desk.network.dead = "/time"
        await desk.begin()
        wanted = an_intent(instrument_id=BTC)
        desk.ledger.apply(f.OrderIntended(desk.clock.now_ns(), "a", wanted, 1))
        desk.gateway.cancel("a")
        await asyncio.sleep(CLOCK_AGAIN_NS / NS_PER_S + 0.1)

        assert desk.network.left("DELETE", ORDER) == 1

    simulated(scenario)


def test_no_order_is_signed_before_the_clock_of_the_venue_is_known() -> None:
    async def scenario(desk: Desk) -> None:
        desk.network.dead = "/time"
        await desk.begin()
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(TURN_NS / NS_PER_S + 0.1)

        assert "clock is not known" in desk.heard(f.OrderRejected)[0].reason
        assert desk.network.left("POST", ORDER) == 0

    simulated(scenario)


def test_a_clock_that_was_set_is_measured_anew_and_the_order_is_not_repeated() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.exchange.skew_ns = 20 * NS_PER_S
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(3)

        assert desk.network.left("POST", ORDER) == 1
        assert desk.heard(f.OrderRejected)[0].is_by_venue
        assert [one.offset_ns // NS_PER_S for one in desk.heard(ClockMeasured)] == [19]

        await desk.rest_order("b")

    simulated(scenario)


@pytest.mark.parametrize("skew_s", [-30.0, 30.0])
def test_orders_are_signed_with_the_time_of_the_venue(skew_s: float) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        (sent,) = desk.heard(f.OrderSent)

        assert START_NS <= sent.ts_ns <= desk.clock.now_ns()

    simulated(scenario, TradingFaults(skew_s=skew_s))


# The latch.


def test_a_kill_while_the_connection_is_made_keeps_the_order_here() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.connect_s = 0.5
        assert desk.place("a", lots=3, price=95) == ""
        await asyncio.sleep(0.25)
        desk.guard.latch()
        await asyncio.sleep(5)

        assert desk.network.left("POST", ORDER) == 0
        assert desk.kinds() == ["OrderRejected"]
        assert desk.heard(f.OrderRejected)[0].reason == "guard: the kill switch is on"

    simulated(scenario)


def test_a_kill_while_an_order_waits_for_the_rate_keeps_it_here() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        for number in range(4):
            desk.place(f"a{number}", lots=1, price=95)
        await asyncio.sleep(8.5)
        desk.place("late", lots=1, price=95)
        await asyncio.sleep(0.1)
        desk.guard.latch()
        desk.guard.release()
        await asyncio.sleep(5)

        assert desk.network.left("POST", ORDER) == 4
        assert "killed while it waited" in desk.heard(f.OrderRejected)[0].reason

    simulated(scenario, limits=FIVE_ORDERS)


def test_a_kill_while_an_order_is_signed_keeps_it_here() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.wire.on_sign = lambda _: desk.guard.latch()
        desk.place("a", lots=3, price=95)
        await asyncio.sleep(SOON_S)

        assert desk.network.left("POST", ORDER) == 0
        assert not desk.heard(f.OrderRejected)[0].is_by_venue

    simulated(scenario)


def test_a_kill_keeps_an_amend_here_and_lets_cancels_pass() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.network.connect_s = 0.5
        assert desk.replace("a", 96, 3) == ""
        await asyncio.sleep(0.1)
        desk.guard.latch()
        desk.guard.cancel("a")
        await asyncio.sleep(SOON_S)

        assert desk.network.left("PUT", ORDER) == 0
        assert desk.heard(f.ReplaceRejected)[0].reason == "guard: the kill switch is on"
        assert desk.ledger.orders["a"].state == "canceled"

    simulated(scenario)


# The rate.


def test_an_order_waits_a_second_for_the_rate_and_then_goes_nowhere() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        for number in range(5):
            desk.place(f"a{number}", lots=1, price=95)
        await asyncio.sleep(0.1)
        assert "rate limit" in desk.heard(f.OrderRejected)[0].reason

        await asyncio.sleep(8.2)
        desk.place("b", lots=1, price=95)
        await asyncio.sleep(SOON_S)

        assert desk.ledger.orders["b"].state == "open"

    simulated(scenario, limits=FIVE_ORDERS)


def test_cancels_and_questions_use_what_is_kept_back() -> None:
    limits = (RateLimit("weight_1m", "weight", 60 * NS_PER_S, 60),)

    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        budget = desk.gateway._rest._budget
        budget._counts[0].used = 48
        desk.replace("a", 96, 3)  # Costs weight, and is no way out.
        await asyncio.sleep(0.1)
        assert "rate limit" in desk.heard(f.ReplaceRejected)[0].reason

        desk.told.clear()
        desk.gateway.serve(QueryOrder("a"))
        desk.guard.cancel("a")
        await asyncio.sleep(0.1)

        assert desk.ledger.orders["a"].state == "canceled"
        assert desk.heard(a.OrderAnswered) != []

    simulated(scenario, limits=limits)


def test_what_only_reduces_leaves_when_questions_and_orders_have_used_the_rest() -> None:
    minute, ten_s = 60 * NS_PER_S, 10 * NS_PER_S
    limits = (RateLimit("m", "weight", minute, 60), RateLimit("s", "orders", ten_s, 20))

    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.place("in", type="market", price=None, lots=3)
        await asyncio.sleep(SOON_S)
        weight, orders = desk.gateway._rest._budget._counts
        weight.used, orders.used = 57, 16

        desk.place("more", lots=1, price=95)
        closing = {"side": "sell", "lots": 1, "is_reduce_only": True}
        desk.place("stop", type="stop", price=None, trigger_ticks=90, **closing)
        desk.place("close", price=105, **closing)
        await asyncio.sleep(0.1)

        assert [one.client_order_id for one in desk.heard(f.OrderRejected)] == ["more"]
        assert {desk.ledger.orders[name].state for name in ("stop", "close")} == {"open"}

    simulated(scenario, limits=limits)


@pytest.mark.parametrize("ahead_s", [0, -3_600, 240])
def test_while_the_venue_wants_to_be_left_alone_nothing_is_asked_not_even_a_cancel(
    ahead_s: int,
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.exchange.skew_ns = ahead_s * NS_PER_S
        await desk.begin()
        await desk.rest_order("a")
        now_ns = desk.clock.now_ns() + desk.exchange.skew_ns
        desk.exchange.limits.banned_until_ns = now_ns + 300 * NS_PER_S
        desk.gateway.serve(RequestReport(1, START_NS))
        await asyncio.sleep(SOON_S)
        (used,) = [one for one in desk.heard(a.RateUsed) if one.banned_until_ns]
        assert 295 <= (used.banned_until_ns - desk.clock.now_ns()) / NS_PER_S <= 300
        asked = len(desk.network.calls)

        for _ in range(20):
            desk.guard.cancel("a")
            desk.gateway.serve(RequestReport(2, START_NS))
            desk.place("b", lots=1, price=95)
            await asyncio.sleep(10)
        assert len(desk.network.calls) == asked

        await asyncio.sleep(160)
        desk.guard.cancel("a")
        await asyncio.sleep(SOON_S)
        assert desk.ledger.orders["a"].state == "canceled"
        assert desk.heard(a.RateUsed)[-1].banned_until_ns == 0

    simulated(scenario)


# Amends and cancels.


def test_an_amend_is_answered() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.replace("a", 96, 5)
        await asyncio.sleep(SOON_S)

        order = desk.ledger.orders["a"]
        assert (order.spec.limit_ticks, order.spec.qty_lots) == (96, 5)

    simulated(scenario)


def test_an_amend_whose_answer_is_lost_makes_its_order_unknown() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.network.lost = ORDER
        desk.replace("a", 96, 5)
        await asyncio.sleep(0)
        await asyncio.sleep(SOON_S)

        assert len(desk.heard(f.OrderUnknown)) == 1
        assert desk.network.left("PUT", ORDER) == 1

    simulated(scenario)


def test_a_cancel_is_not_held_up_by_orders_that_are_stuck() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.network.connect_s = 1.9
        for number in range(ORDERS_MAX):
            desk.place(f"b{number}", lots=1, price=95)
        await asyncio.sleep(0)
        desk.network.connect_s = 0.0
        began_ns = desk.clock.now_ns()
        desk.guard.cancel("a")
        await asyncio.sleep(0.01)

        (left_ns,) = [at for at, method, _ in desk.network.calls if method == "DELETE"]
        assert left_ns - began_ns < NS_PER_S // 1_000

    simulated(scenario)


def test_a_cancel_without_an_answer_may_be_followed_by_another_but_not_by_many() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.network.connect_s = 5.0
        for _ in range(10):
            desk.guard.cancel("a")
        await asyncio.sleep(6)

        assert desk.network.left("DELETE", ORDER) == CANCELS_MAX

    simulated(scenario)


def test_a_cancel_that_proves_nothing_says_nothing() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.told.clear()
        desk.way._mishaps.faults = TradingFaults(rest=RestFaults(lost_share=1.0))
        desk.guard.cancel("a")
        await asyncio.sleep(60)

        assert desk.kinds() == []

    simulated(scenario)


def test_all_orders_of_an_instrument_are_canceled_at_once() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        await desk.rest_order("b")
        desk.gateway.serve(CancelAllOrders(BTC))
        await asyncio.sleep(SOON_S)

        assert {order.state for order in desk.ledger.orders.values()} == {"canceled"}

    simulated(scenario)


def test_the_worth_of_orders_is_reckoned_in_the_steps_of_the_venue() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a", lots=3, price=95)

        assert "worth 2000000" in desk.place("b", lots=20_000, price=100)
        assert "worth 2020000" in desk.place("c", lots=20_000, price=None, type="market")
        assert "unknown" in desk.place("d", instrument_id=f"{BTC}X")
        assert "worth 1900000" in desk.replace("a", 95, 20_000)

    simulated(scenario)
