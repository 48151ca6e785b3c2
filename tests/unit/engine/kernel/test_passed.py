"""What comes too late to wait for its price closes what it was for, once and without delay."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.account_controls import breaker_of
from engine.kernel.alarms import alarms
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder
from engine.strategy.candle import BUY, enter
from tests.builders import BTC, Trader, a_fill, a_mark, a_trader, buy, set_state
from tests.unit.engine.kernel.strategy_desk import LONG, Desk

TOO_LATE = "Order would immediately trigger."


def refused(trader: Trader, kind: str = "stop") -> Trader:
    """Let the venue say of the newest order of a kind that its price is passed."""
    late = [one for one in trader.ledger.working() if one.spec.type == kind][-1]
    lapsed = f.OrderExpired(trader.now_ns, late.client_order_id, TOO_LATE, is_passed=True)
    return trader.take(lapsed, source="gateway")


def lapsed(trader: Trader) -> Trader:
    """Let the newest order end without a fill."""
    return trader.take(f.OrderExpired(trader.now_ns, trader.newest.client_order_id, "no bid"))


def acked(trader: Trader) -> Trader:
    for order in trader.ledger.working():
        if not order.venue_order_id:
            key = order.client_order_id
            trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return trader


def sent(trader: Trader) -> list[tuple]:
    """Return what the last call sent: type, side, size, time in force, whether it only reduces."""
    specs = [effect.approved.intent.spec for effect in trader.asked(PlaceOrder)]
    return [(one.type, one.side, one.qty_lots, one.tif, one.is_reduce_only) for one in specs]


CLOSE = ("limit", "sell", 10, "ioc", True)
STOP = ("stop", "sell", 10, "gtc", True)


def bracketed(**changed) -> Trader:
    """Hold ten lots whose bracket has just been sent."""
    trader = a_trader(**changed)
    triggers = {"stop": Decimal(950), "target": Decimal(1_100)}
    assert trader.do(buy(10, **triggers)).verdict == "accepted"
    key = trader.newest.client_order_id
    return trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}")).take(a_fill(key, 10))


def test_the_stop_of_a_bracket_that_is_too_late_becomes_a_close():
    trader = bracketed()
    entry = next(iter(trader.ledger.orders))

    assert sent(refused(trader)) == [CLOSE]
    close = trader.newest
    assert (close.intent.tag, close.intent.parent) == ("stop passed", entry)
    assert close.intent.is_protective
    assert "BTCUSDT: closed, as the price of its stop is passed" in trader.said
    assert sent(trader.wait(2_000)) == []

    trader.take(a_fill(close.client_order_id, 10, 940)).wait(250)

    assert trader.ledger.net_lots(BTC) == 0
    assert trader.ledger.orders[entry].bracketed_lots == 0
    assert sent(trader.wait(60_000)) == []
    assert alarms(trader.state) == ()


def test_so_does_its_target():
    trader = bracketed()

    assert sent(refused(trader, "take_profit")) == [CLOSE]
    assert "BTCUSDT: closed, as the price of its take-profit is passed" in trader.said


def test_the_other_leg_goes_on_beside_the_close_and_ends_with_the_position():
    trader = refused(bracketed())
    close = trader.newest.client_order_id
    target = next(one for one in trader.ledger.working() if one.spec.type == "take_profit")
    acked(trader)

    trader.take(a_fill(close, 10, 940)).wait(250)

    assert trader.ledger.orders[target.client_order_id].state == "pending_cancel"


def test_what_a_close_leaves_is_closed_at_once():
    trader = refused(bracketed())
    close = trader.newest.client_order_id
    trader.take(a_fill(close, 4, 940))
    assert sent(trader.wait(250)) == []

    trader.take(f.OrderExpired(trader.now_ns, close, "no more bids"))

    assert sent(trader.wait(250)) == [("limit", "sell", 6, "ioc", True)]


def test_a_close_that_fills_nothing_comes_again_ever_more_slowly():
    trader = refused(bracketed())

    for pause_ms in (3_000, 6_000, 12_000):
        lapsed(trader)
        assert sent(trader.wait(pause_ms - 250)) == []
        assert sent(trader.wait(250)) == [CLOSE]
    assert len(alarms(trader.state)) == 1


def test_after_a_minute_the_stop_itself_is_tried_again():
    trader = refused(bracketed())
    trader.wait(60_000)

    lapsed(trader)

    assert sent(trader.wait(3_000)) == [STOP]


def test_a_close_that_the_gate_refuses_is_told_and_tried_again_later():
    trader = bracketed()
    set_state(trader, "all", "halted")
    limits = trader.desk.limits
    trader.desk.limits = msgspec.structs.replace(limits, orders_per_10min_max=0)

    refused(trader)
    assert sent(trader) == []
    assert any(text.startswith("stop refused: ") for text in trader.said)
    trader.desk.limits = limits
    assert sent(trader.wait(2_750)) == []

    assert sent(trader.wait(250)) == [CLOSE]


def test_nothing_is_closed_while_killed():
    trader = bracketed()
    set_state(trader, "all", "killed")

    refused(trader)

    assert sent(trader.wait(10_000)) == []


@pytest.mark.parametrize("setting", ["nothing", "flatten"])
def test_whatever_the_settings_ask_for_what_is_bare_the_close_leaves_once(setting: str):
    trader = bracketed()
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_unprotected=setting)

    assert sent(refused(trader)) == [CLOSE]
    trader.take(f.OrderUnknown(trader.now_ns, trader.newest.client_order_id, "no answer"))

    assert sent(trader.wait(10_000)) == []
    assert len(alarms(trader.state)) == 1


def test_the_alarm_says_why_a_stop_does_not_rest():
    trader = bracketed()
    stop = next(one for one in trader.ledger.working() if one.spec.type == "stop")
    trader.take(f.OrderRejected(trader.now_ns, stop.client_order_id, "too many orders"))
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_unprotected="nothing")

    trader.wait(4_000)

    told = "UNPROTECTED BTCUSDT: no stop for 10 of +10 of hand: too many orders"
    assert alarms(trader.state) == (told,)


def test_a_refused_target_is_no_reason_of_an_alarm():
    trader = bracketed()
    target = next(one for one in trader.ledger.working() if one.spec.type == "take_profit")

    trader.take(f.OrderRejected(trader.now_ns, target.client_order_id, "too many orders"))

    assert {cover.problem for cover in trader.desk.covers.values()} == {""}


# Trails.


def trailing() -> Trader:
    """Hold ten lots whose stop follows the price by 40."""
    trader = a_trader().holds(10)
    assert trader.do(c.SetTrail(BTC, c.TrailWish("ticks", Decimal(40)))).verdict == "accepted"
    return trader


def test_the_stop_of_a_trail_that_is_too_late_becomes_a_close():
    trader = trailing()

    assert sent(refused(trader)) == [CLOSE]
    assert sent(trader.wait(2_000)) == []
    trader.take(a_fill(trader.newest.client_order_id, 10, 940)).wait(250)

    assert trader.ledger.trails == {}
    assert trader.ledger.working() == []


def test_a_trail_that_cannot_move_closes_and_its_stop_before_stays_until_then():
    trader = acked(trailing())
    before = trader.newest.client_order_id
    trader.take(a_mark("1010.5")).wait(250)
    assert before in trader.newest.intent.supersedes

    assert sent(refused(trader)) == [CLOSE]
    assert not trader.newest.intent.supersedes
    assert trader.ledger.orders[before].state == "open"
    trader.take(a_fill(trader.newest.client_order_id, 10, 940)).wait(250)

    assert trader.ledger.orders[before].state == "pending_cancel"


# Strategies.


def late(desk: Desk, kind: str = "stop") -> Desk:
    order = [one for one in desk.placed if one.intent.spec.type == kind][-1]
    key = order.client_order_id
    return desk.hear(f.OrderExpired(desk.run.now_ns, key, TOO_LATE, is_passed=True))


def test_the_stop_of_a_strategy_that_is_too_late_becomes_its_close():
    desk = Desk()
    runner = desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.fill(entry)

    (close,) = late(desk).placed
    assert (close.intent.owner, close.intent.tag) == (runner.owner, "stop passed")
    assert (close.intent.spec.tif, close.intent.spec.is_reduce_only) == ("ioc", True)
    assert desk.tick().placed == []
    desk.fill(close, price=960).tick()

    assert desk.lots(runner) == 0
    assert desk.ledger.failures(breaker_of(runner.owner, "test")) == 0


def test_a_later_entry_has_a_stop_of_its_own():
    desk = Desk()
    runner = desk.ready(enter(BUY, 0.105, stop_pct=3.0), enter(BUY, 0.105, stop_pct=3.0))
    (entry,) = desk.close().placed
    desk.fill(entry)
    stops = desk.placed
    desk.tick(5)
    desk.placed = stops
    (close,) = late(desk).placed
    desk.fill(close, price=960).tick()

    (again,) = desk.close().placed
    desk.fill(again)

    (stop,) = desk.placed  # Although the venue's word of the first one is not a minute old.
    assert (stop.intent.owner, stop.intent.spec.type) == (runner.owner, "stop")
