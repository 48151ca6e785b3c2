"""What is held is protected whoever runs, what is no longer held is not; alarms where it fails."""

from decimal import Decimal

import msgspec
import pytest

from engine.kernel.alarms import alarms
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder
from engine.model.envelope import RunStarted, TimerFired
from engine.model.market import FeedUp
from engine.strategy.candle import BUY, Decision, enter, hold
from tests.builders import BTC, FEED, Run, a_fill, a_trade, an_instrument, an_update
from tests.unit.engine.kernel.strategy_desk import (
    LEAVE,
    LONG,
    LOTS,
    SHORT,
    Desk,
    shapes,
)


def asked(*actions: c.Action) -> c.OperatorCommand:
    return c.OperatorCommand(1, "hand", "line", actions, confirm=2)


def ended(desk: Desk, *orders) -> None:
    for order in orders:
        key = order.client_order_id
        desk.hear(f.OrderRejected(desk.run.now_ns, key, "refused"))


# After an entry.


def test_an_entry_is_protected_on_both_sides_as_soon_as_it_is_filled():
    desk = Desk()
    runner = desk.ready(LONG)
    (entry,) = desk.close().placed

    desk.fill(entry, price=1_001)

    assert shapes(desk.placed) == [
        ("stop", "sell", LOTS, 971),
        ("take_profit", "sell", LOTS, 1_051),
    ]
    for order in desk.placed:
        intent = order.intent
        assert (intent.owner, intent.is_protective) == (runner.owner, True)
        assert intent.spec.is_reduce_only


def test_triggers_of_a_short_are_rounded_to_the_safe_side_too():
    desk = Desk()
    desk.ready(SHORT)
    (entry,) = desk.close().placed

    desk.fill(entry, price=999)

    assert shapes(desk.placed) == [
        ("stop", "buy", LOTS, 1_028),
        ("take_profit", "buy", LOTS, 950),
    ]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (enter(BUY, 0.105), []),
        (enter(BUY, 0.105, stop_pct=3.0), [("stop", "sell", LOTS, 970)]),
        (enter(BUY, 0.105, target_pct=5.0), [("take_profit", "sell", LOTS, 1_050)]),
        (
            enter(BUY, 0.105, stop=12.5, target=20.0),
            [("stop", "sell", LOTS, 988), ("take_profit", "sell", LOTS, 1_020)],
        ),
    ],
)
def test_distances_are_percents_or_prices_or_none(decision: Decision, expected: list):
    desk = Desk()
    desk.ready(decision)
    (entry,) = desk.close().placed

    desk.fill(entry)

    assert shapes(desk.placed) == expected


def test_an_entry_in_parts_is_protected_when_it_is_whole():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed

    desk.fill(entry, lots=4, price=1_000)
    assert desk.placed == []
    assert desk.tick().placed == []
    desk.fill(entry, lots=6, price=1_005)

    assert shapes(desk.placed) == [
        ("stop", "sell", LOTS, 973),
        ("take_profit", "sell", LOTS, 1_053),
    ]


def test_an_entry_of_which_the_rest_lapsed_is_protected():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.fill(entry, lots=4)

    assert desk.expire(entry).placed == []
    desk.tick()

    assert shapes(desk.placed) == [("stop", "sell", 4, 970), ("take_profit", "sell", 4, 1_050)]
    for order in desk.placed:
        desk.accept(order)
    assert desk.tick(4).placed == []


def test_a_fill_after_the_end_of_an_entry_gets_protection_of_its_own():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.fill(entry, lots=4)
    desk.expire(entry).tick()

    desk.fill(entry, lots=3, price=1_010)

    assert shapes(desk.placed) == [("stop", "sell", 3, 975), ("take_profit", "sell", 3, 1_054)]


def test_an_entry_of_unknown_fate_is_not_waited_for():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.fill(entry, lots=4)
    desk.hear(f.OrderUnknown(desk.run.now_ns, entry.client_order_id, "no answer"))

    assert desk.tick().placed == []
    desk.tick(2)

    assert [order.intent.spec.qty_lots for order in desk.placed] == [4, 4]


def test_protection_that_the_venue_refused_is_sent_again_after_a_while():
    desk = Desk()
    runner = desk.ready(LONG)
    (entry,) = desk.close().placed
    stop, target = desk.fill(entry).placed
    desk.accept(target)
    ended(desk, stop)

    assert desk.tick(2.5).placed == []
    desk.tick(0.5)

    assert shapes(desk.placed) == [("stop", "sell", LOTS, 970)]
    assert desk.lots(runner) == LOTS


def test_a_target_that_was_sent_again_keeps_no_stop_waiting():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    stop, target = desk.fill(entry).placed
    desk.accept(stop)
    ended(desk, target)
    (again,) = desk.tick(3).placed
    assert again.intent.spec.type == "take_profit"

    desk.accept(again).cancelled(stop.client_order_id).tick()

    assert shapes(desk.placed) == [("stop", "sell", LOTS, 970)]


def test_a_stop_that_was_refused_is_no_duplicate_of_itself():
    desk = Desk()
    limits = desk.state.desk.limits
    desk.state.desk.limits = msgspec.structs.replace(limits, duplicate_window_s=60)
    desk.ready(LONG)
    (entry,) = desk.close().placed
    stop, target = desk.fill(entry).placed
    desk.accept(target)
    ended(desk, stop)

    assert shapes(desk.tick(3).placed) == [("stop", "sell", LOTS, 970)]


def test_a_fill_of_what_is_not_watched_yet_is_protected_when_it_is():
    before = Desk()
    before.ready(LONG)
    (entry,) = before.close().placed

    run = Run()
    run.state.desk.ledger = before.ledger
    run.ms = before.run.ms
    run.take(RunStarted("run-2", "0.1"), source="engine")
    run.take(a_fill(entry.client_order_id, LOTS))
    assert run.asked(PlaceOrder) == []

    run.take(FeedUp(FEED), an_update(an_instrument(is_trading=True)), a_trade(1_000, ms=run.ms))
    run.take(TimerFired("sweep", run.now_ns))
    placed = [effect.approved for effect in run.asked(PlaceOrder)]
    assert shapes(placed) == [("stop", "sell", LOTS, 970), ("take_profit", "sell", LOTS, 1_050)]


def test_while_nothing_may_leave_protection_is_refused_once_and_told():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.ledger.apply(f.TradingStateSet(desk.run.now_ns, "all", "killed", "test"))

    desk.fill(entry)
    assert [text for text in desk.run.said if text.startswith("stop refused: Trading is killed")]
    desk.tick(10)
    assert desk.recorded == []

    desk.ledger.apply(f.TradingStateSet(desk.run.now_ns, "all", "reduce_only", "by hand"))
    assert len(desk.tick().placed) == 2


def test_a_halted_strategy_gets_its_position_protected():
    desk = Desk()
    runner = desk.ready(LONG)
    (entry,) = desk.close().placed
    halt = f.TradingStateSet(desk.run.now_ns, f"strategy:{runner.owner}", "halted", "test")
    desk.ledger.apply(halt)

    stop, target = desk.fill(entry).placed
    ended(desk, stop)
    ended(desk, target)
    assert len(desk.tick(3).placed) == 2


def test_a_stop_below_zero_is_none_and_told():
    desk = Desk()
    desk.ready(enter(BUY, 0.105, stop_pct=100.0))
    (entry,) = desk.close().placed

    desk.fill(entry)

    assert desk.placed == []
    assert "no stop: A trigger of 0.0 is no number above zero." in desk.run.said


# When a position ends.


@pytest.mark.parametrize("filled", [0, 1])
def test_when_one_side_of_the_protection_closes_the_other_is_cancelled(filled: int):
    desk = Desk()
    runner = desk.ready(LONG)
    protection = desk.entered(runner)

    desk.fill(protection[filled])

    assert desk.lots(runner) == 0
    assert desk.cancels == [protection[1 - filled].client_order_id]
    assert desk.tick().cancels == []


def test_a_protection_filled_in_part_is_matched_by_the_other():
    desk = Desk()
    runner = desk.ready(LONG)
    stop, target = desk.entered(runner)
    desk.run.ms += 4_000
    desk.fill(target, lots=4, price=1_050)

    (smaller,) = desk.tick().placed
    assert shapes([smaller]) == [("stop", "sell", 6, 970)]
    assert desk.tick(1).cancels == []
    desk.accept(smaller)

    assert desk.tick().cancels == [stop.client_order_id]


def test_a_smaller_stop_that_would_not_only_reduce_does_not_leave():
    desk = Desk()
    stop, target = desk.entered(desk.ready(LONG))
    other = msgspec.structs.replace(stop.intent, owner="ghost", is_protective=False)
    desk.ledger.apply(f.OrderIntended(desk.run.now_ns, "other", other, 1))
    desk.ledger.apply(a_fill("other", 9))  # Of the net position, one lot is left.

    desk.fill(target, lots=4, price=1_050).tick(4)

    assert [one for one in desk.placed if one.intent.supersedes] == []
    assert desk.ledger.orders[stop.client_order_id].state == "open"


def test_a_close_that_fills_in_part_leaves_the_rest_protected():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    desk.entered(runner)
    (closing,) = desk.close().placed
    desk.fill(closing, lots=7)
    desk.expire(closing)

    desk.tick()

    assert [order.intent.spec.qty_lots for order in desk.placed] == [3, 3]


def test_a_position_closed_by_hand_leaves_no_protection():
    desk = Desk()
    runner = desk.ready(LONG)
    protection = desk.entered(runner)
    (closing,) = desk.take(asked(c.ClosePosition(BTC)), source="operator").placed
    assert closing.intent.owner == "hand"

    desk.fill(closing)

    assert desk.lots(runner) == 0
    assert desk.cancels == [order.client_order_id for order in protection]


def test_protection_outlives_its_strategy_but_not_its_position():
    desk = Desk()
    runner = desk.ready(LONG)
    stop, target = desk.entered(runner)
    desk.take(asked(c.StopStrategy("script", BTC)), source="operator")
    assert (desk.cancels, desk.state.desk.runners) == ([], {})

    desk.fill(stop, price=970)

    assert desk.cancels == [target.client_order_id]


def test_protection_by_hand_goes_with_the_net_position():
    desk = Desk()
    desk.state.desk.armed_until_ns = 0
    buy = c.SubmitOrder(BTC, "buy", "market", Decimal(5))
    (entry,) = desk.take(asked(buy), source="operator").placed
    desk.fill(entry)
    stop = c.SubmitOrder(
        BTC,
        "sell",
        "stop",
        Decimal(5),
        trigger=Decimal(900),
        is_reduce_only=True,
        is_protective=True,
    )
    resting = c.SubmitOrder(
        BTC, "buy", "stop", Decimal(5), trigger=Decimal(1_100), is_protective=True
    )
    (kept,) = desk.take(asked(stop), source="operator").placed
    (other,) = desk.take(asked(resting), source="operator").placed
    desk.accept(kept).accept(other)
    (closing,) = desk.take(asked(c.ClosePosition(BTC)), source="operator").placed

    desk.fill(closing)

    assert desk.cancels == [kept.client_order_id]


# Several strategies.


def test_two_strategies_on_one_instrument_have_positions_and_protection_of_their_own():
    desk = Desk()
    one = desk.ready(LONG, hold(), LEAVE)
    two = desk.ready(hold(), enter(BUY, 0.055, stop_pct=2.0), name="two")
    mine = desk.entered(one)
    (entry,) = desk.close().placed
    (their_stop,) = desk.fill(entry).placed
    desk.accept(their_stop)

    (closing,) = desk.close().placed
    assert desk.cancels == []
    desk.fill(closing)

    assert (desk.lots(one), desk.lots(two)) == (0, 5)
    assert desk.cancels == [order.client_order_id for order in mine]
    assert shapes([their_stop]) == [("stop", "sell", 5, 980)]
    assert their_stop.intent.owner == two.owner


def test_opposite_strategies_are_both_protected():
    desk = Desk()
    one = desk.ready(LONG)
    two = desk.ready(hold(), SHORT, name="two")
    mine = desk.entered(one)
    (entry,) = desk.close().placed
    theirs = desk.fill(entry).placed

    assert [(order.intent.owner, *shapes([order])[0][:3]) for order in theirs] == [
        (two.owner, "stop", "buy", LOTS),
        (two.owner, "take_profit", "buy", LOTS),
    ]
    desk.fill(theirs[0])
    assert (desk.lots(one), desk.lots(two)) == (LOTS, 0)
    assert desk.cancels == [theirs[1].client_order_id]
    assert mine[0].client_order_id not in desk.cancels


# When the strategy is gone.


def stopped(desk: Desk) -> Desk:
    return desk.take(asked(c.StopStrategy("script", BTC)), source="operator")


PROTECTED = [("stop", "sell", LOTS, 970), ("take_profit", "sell", LOTS, 1_050)]


def test_an_entry_in_flight_when_its_strategy_is_stopped_is_cancelled_and_protected_if_it_fills():
    desk = Desk()
    runner = desk.ready(LONG)
    (entry,) = desk.close().placed

    assert stopped(desk).cancels == [entry.client_order_id]
    assert desk.state.desk.runners == {}
    desk.fill(entry)

    assert shapes(desk.placed) == PROTECTED
    assert {order.intent.owner for order in desk.placed} == {runner.owner}


def test_a_close_in_flight_is_not_taken_back_when_its_strategy_is_stopped():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    desk.entered(runner)
    desk.close()

    assert stopped(desk).cancels == []


def test_what_an_entry_filled_before_it_was_cancelled_is_protected():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    stopped(desk)
    desk.fill(entry, lots=4)

    desk.cancelled(entry.client_order_id).tick()

    assert shapes(desk.placed) == [("stop", "sell", 4, 970), ("take_profit", "sell", 4, 1_050)]


def test_an_entry_of_a_strategy_that_fails_is_protected():
    desk = Desk()
    desk.ready(LONG, ZeroDivisionError("x"))
    (entry,) = desk.close().placed

    desk.close()
    assert desk.state.desk.runners == {}
    desk.fill(entry)

    assert shapes(desk.placed) == PROTECTED


def test_an_entry_that_fills_after_a_kill_is_an_alarm_and_protected_at_the_release():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed
    assert desk.take(asked(c.EngageKill())).cancels == [entry.client_order_id]

    desk.fill(entry)
    assert desk.placed == []
    for _ in range(3):
        desk.tick(2)
    (alarm,) = alarms(desk.state)
    assert alarm.startswith("UNPROTECTED BTCUSDT: no stop for 10 of +10 of script@BTCUSDT: Trading")

    desk.take(a_release(desk))
    desk.tick()

    assert shapes(desk.placed) == PROTECTED
    for order in desk.placed:
        desk.accept(order)
    desk.tick()
    assert alarms(desk.state) == ()
    assert "BTCUSDT: protected again" in desk.run.said


def a_release(desk: Desk) -> c.OperatorCommand:
    word = desk.state.desk.setup.account
    actions = (c.ReleaseKill("a fat finger"),)
    return c.OperatorCommand(2, "hand", "unkill", actions, confirm=3, word=word)


def test_partial_fills_that_do_not_end_put_protection_off_for_two_seconds_only():
    desk = Desk()
    desk.ready(LONG)
    (entry,) = desk.close().placed

    for _ in range(3):
        desk.fill(entry, lots=1).tick(0.75)

    assert [order.intent.spec.qty_lots for order in desk.placed] == [3, 3]
