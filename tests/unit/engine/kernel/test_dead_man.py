"""The venue's dead-man timers: armed, renewed, ended, failed and run out."""

import pytest
from msgspec.structs import replace

from engine.kernel.dead_man import to_end
from engine.model import account as a
from engine.model import facts as f
from engine.model.effects import SendCancel, SetDeadMan
from engine.model.envelope import RunEnding, TimerFired
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL
from tests.builders import BTC, ETH
from tests.unit.engine.kernel.live_desk import RULES, LiveDesk, a_live_desk

LIFE = 60 * NS_PER_S
TIMED = replace(RULES, dead_man_ns=LIFE)


def a_timed_desk(*, covers_stops: bool = False) -> LiveDesk:
    return a_live_desk(rules=replace(TIMED, dead_man_covers_stops=covers_stops))


def set_(desk: LiveDesk, ms: float = 250) -> list[SetDeadMan]:
    """Let time pass and return which timers were set."""
    return desk.wait(ms).asked(SetDeadMan)


def confirm(desk: LiveDesk, after_ns: int = LIFE) -> LiveDesk:
    return desk.tells(a.DeadManSet(BTC, desk.now_ns + after_ns if after_ns else 0))


def fail(desk: LiveDesk) -> LiveDesk:
    return desk.tells(a.DeadManFailed(BTC, "HTTP 503"))


def test_a_timer_is_armed_where_we_have_orders_and_renewed_four_times_in_its_life():
    desk = a_timed_desk()
    assert set_(desk) == []
    desk.rests()
    assert set_(desk) == [SetDeadMan(BTC, LIFE)]
    confirm(desk)

    assert set_(desk, 14_750) == []
    assert set_(desk) == [SetDeadMan(BTC, LIFE)]


def test_orders_made_elsewhere_arm_nothing():
    desk = a_timed_desk()
    desk.works(owner=EXTERNAL)

    assert set_(desk) == []


@pytest.mark.parametrize("rules", [None, RULES])
def test_where_there_is_no_timer_none_is_set(rules):
    desk = a_live_desk(rules=rules, is_clean=False)
    desk.works()
    desk.tells(a.DeadManSet(BTC, 0), a.DeadManFailed(BTC, "none"))

    assert set_(desk, 60_000) == []


def test_a_timer_ends_with_the_last_order_and_is_asked_to_until_it_has():
    desk = a_timed_desk()
    cid = desk.rests()
    set_(desk)
    confirm(desk).tells(f.OrderCanceled(desk.now_ns, cid, "asked"))

    assert set_(desk) == [SetDeadMan(BTC, 0)]
    fail(desk)
    assert set_(desk, 14_750) == []
    assert set_(desk) == [SetDeadMan(BTC, 0)]
    confirm(desk, 0)

    assert desk.side.dead_men == {}
    assert set_(desk, 60_000) == []
    assert "dead man" not in {notice.source for notice in desk.state.notices}


def test_a_timer_that_is_being_ended_is_armed_again_for_a_new_order():
    desk = a_timed_desk()
    cid = desk.rests()
    set_(desk)
    confirm(desk).tells(f.OrderCanceled(desk.now_ns, cid, "asked"))
    assert set_(desk) == [SetDeadMan(BTC, 0)]
    desk.rests()

    assert set_(desk) == [SetDeadMan(BTC, LIFE)]
    confirm(desk, 0)
    assert BTC in desk.side.dead_men


def test_one_that_would_take_protection_away_is_not_armed():
    desk = a_timed_desk(covers_stops=True).holds(5)
    desk.stops(lots=5)
    desk.works(instrument_id=ETH)

    assert set_(desk) == [SetDeadMan(ETH, LIFE)]


def test_one_that_leaves_stops_alone_is_armed_beside_them():
    desk = a_timed_desk().holds(5)
    desk.stops(lots=5)

    assert set_(desk) == [SetDeadMan(BTC, LIFE)]


def test_two_failures_are_told_and_three_cancel_what_does_not_protect():
    desk = a_timed_desk()
    cid, other = desk.rests(), desk.works(owner=EXTERNAL)
    set_(desk)
    fail(desk)
    assert "dead man" not in {notice.source for notice in desk.state.notices}
    set_(desk, 15_000)
    fail(desk)
    told = "the dead-man timer of BTCUSDT was not renewed 2 times (HTTP 503)"
    assert told in desk.said
    set_(desk, 15_000)
    fail(desk)

    assert desk.asked(SendCancel) == [SendCancel(cid)]
    assert desk.ledger.orders[other].state == "open"
    set_(desk, 15_000)
    assert fail(desk).asked(SendCancel) == []


def test_orders_that_come_while_the_timer_keeps_failing_are_cancelled_too():
    desk = a_timed_desk()
    first = desk.rests()
    for _ in range(3):
        set_(desk, 15_000)
        fail(desk)
    desk.tells(f.OrderCanceled(desk.now_ns, first, "asked"))
    desk.wait(15_000)
    later = desk.rests()
    set_(desk, 15_000)

    fail(desk)

    assert desk.asked(SendCancel) == [SendCancel(later)]


def test_protection_stays_although_its_timer_fails():
    desk = a_timed_desk().holds(5)
    stop = desk.stops(lots=5)

    set_(desk, 60_000)

    assert desk.side.dead_men[BTC].failures >= 3
    assert desk.ledger.orders[stop].state == "open"


def test_a_renewal_without_an_answer_is_a_failure():
    desk = a_timed_desk()
    desk.rests()

    set_(desk, 45_500)

    assert desk.side.dead_men[BTC].failures == 3
    confirm(desk)
    assert desk.side.dead_men[BTC].failures == 0
    assert "the dead-man timer of BTCUSDT is renewed again" in desk.said


def test_a_timer_that_ran_out_steps_down_and_asks_for_the_account():
    desk = a_timed_desk()
    cid = desk.rests()
    set_(desk)
    confirm(desk, 5 * NS_PER_S).tells(f.OrderCanceled(desk.now_ns, cid, "by the timer"))
    desk.ms += 5_000

    desk.take(TimerFired("late", desk.now_ns), source="timer")

    assert desk.desk.trading_state == "reduce_only"
    assert desk.side.due_ns <= desk.now_ns
    assert BTC not in desk.side.dead_men


def test_a_timer_that_is_being_ended_may_run_out():
    desk = a_timed_desk()
    cid = desk.rests()
    set_(desk)
    confirm(desk, 5 * NS_PER_S).tells(f.OrderCanceled(desk.now_ns, cid, "asked"))

    set_(desk, 6_000)

    assert desk.desk.trading_state == "active"
    assert desk.side.dead_men == {}


def test_an_orderly_end_disarms_what_stays():
    desk = a_timed_desk().holds(5)
    desk.stops(lots=5)
    set_(desk)
    confirm(desk).take(RunEnding(), source="engine")

    assert set_(desk) == [SetDeadMan(BTC, 0)]


def test_what_an_orderly_end_could_not_disarm_is_asked_for_again_soon():
    desk = a_timed_desk().holds(5)
    desk.stops(lots=5)
    set_(desk)
    confirm(desk).take(RunEnding(), source="engine")
    assert to_end(desk.state) == [BTC]
    assert set_(desk) == [SetDeadMan(BTC, 0)]

    fail(desk)

    assert set_(desk, 750) == []
    assert set_(desk) == [SetDeadMan(BTC, 0)]
    confirm(desk, 0)
    assert to_end(desk.state) == []


def test_an_end_while_killed_leaves_the_timer_of_what_is_still_there():
    desk = a_timed_desk()
    desk.rests()
    set_(desk)
    confirm(desk)
    desk.desk.setup = replace(desk.desk.setup, on_exit="keep")
    desk.ledger.apply(f.TradingStateSet(desk.now_ns, "all", "killed", "a test"))

    desk.take(RunEnding(), source="engine")

    assert SetDeadMan(BTC, 0) not in set_(desk)
    assert to_end(desk.state) == []


@pytest.mark.parametrize("rules", [None, TIMED])
def test_where_no_timer_runs_none_is_to_end(rules):
    assert to_end(a_live_desk(rules=rules, is_clean=False).state) == []


def test_an_orderly_end_disarms_once_its_orders_are_gone():
    desk = a_timed_desk()
    cid = desk.rests()
    set_(desk)
    confirm(desk).take(RunEnding(), source="engine")
    assert set_(desk) == []

    desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"))

    assert set_(desk) == [SetDeadMan(BTC, 0)]
