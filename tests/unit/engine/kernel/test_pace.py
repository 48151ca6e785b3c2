"""An engine that is not well: a word, and a step down when it was bad."""

import pytest

from engine.model.effects import RenewBook, RequestReport
from engine.model.envelope import DiskSeen, LoopLagged, PartFailed, WallClockMoved
from engine.model.market import ClockMeasured, FeedDown
from tests.builders import BTC, FEED, a_trader, at, set_state
from tests.unit.engine.kernel.live_desk import a_live_desk

MS = 1_000_000


def test_a_short_stall_is_told_with_its_place_and_changes_nothing():
    trader = a_trader().take(LoopLagged(300 * MS, "columns.py:7 push"))

    assert (trader.state.loop_stalls, trader.state.loop_stall_ns) == (1, 300 * MS)
    assert trader.state.loop_stall_at_ns == trader.state.ts_ns
    assert trader.state.notices[-1].text == "stood still for 300 ms in columns.py:7 push"
    assert trader.desk.trading_state == "active"


@pytest.mark.parametrize(("late_ms", "state"), [(2_000, "active"), (2_001, "reduce_only")])
def test_a_long_one_lets_trading_only_reduce_until_a_person_looks(late_ms, state):
    trader = a_trader().take(LoopLagged(late_ms * MS))

    assert trader.desk.trading_state == state


def test_a_stall_lifts_no_stricter_state():
    trader = a_trader()
    trader.take(LoopLagged(3_000 * MS)).take(LoopLagged(300 * MS))

    assert trader.desk.trading_state == "reduce_only"


def test_a_part_that_is_started_again_is_told_and_counted_and_changes_nothing():
    trader = a_trader().take(PartFailed("latch watch", "KeyError", 1))

    assert trader.state.part_failures == 1
    told = trader.state.notices[-1]
    assert told.text == (
        "latch watch failed by an error of the program (KeyError), see its log; it is started again"
    )
    assert told.level == "warning"
    assert trader.desk.trading_state == "active"


def test_a_part_that_stays_down_halts_trading_and_says_what_to_do():
    trader = a_trader().take(PartFailed("latch watch", "KeyError", 3, is_given_up=True))

    assert trader.desk.trading_state == "halted"
    assert trader.state.parts_down == {"latch watch": "KeyError"}
    assert "latch watch" in trader.desk.ledger.state_facts["all"].reason
    texts = [notice.text for notice in trader.state.notices]
    assert any(text.endswith("Stop the engine and start it anew") for text in texts)


def test_a_part_that_stays_down_lifts_no_kill_and_is_told_all_the_same():
    trader = a_trader()
    set_state(trader, "all", "killed")
    trader.take(PartFailed("latch watch", "KeyError", 3, is_given_up=True))

    assert trader.desk.trading_state == "killed"
    assert "stays down" in trader.state.notices[-1].text


GIB = 1024**3


def disks(trader) -> list[str]:
    return [one.text for one in trader.state.notices if one.source == "disk"]


@pytest.mark.parametrize(
    ("free", "total", "is_low"),
    [(GIB, 10 * GIB, False), (GIB - 1, 10 * GIB, True), (5 * GIB, 101 * GIB, True)],
)
def test_a_disk_that_fills_up_is_told(free: int, total: int, is_low: bool):
    assert bool(disks(a_trader().take(DiskSeen(free, total)))) == is_low


def test_it_is_told_once_and_again_only_after_there_was_room():
    trader = a_trader()
    low, roomy = DiskSeen(GIB // 2, 10 * GIB), DiskSeen(3 * GIB, 10 * GIB)

    trader.take(low, low, roomy, roomy, low)

    room = "3.0 GiB are free on the disk of the data folder again"
    assert [text == room for text in disks(trader)] == [False, True, False]
    assert disks(trader)[0].startswith("only 0.5 GiB are free")
    assert trader.desk.trading_state == "active"


# The wall clock.


def test_after_a_sleep_every_book_is_fetched_anew():
    trader = a_trader()

    trader.take(WallClockMoved(600_000 * MS, 600_000 * MS))

    assert trader.market.book.state == "invalid"
    assert trader.market.is_mute
    assert RenewBook(BTC) in trader.effects
    told = " ".join(one.text for one in trader.state.notices)
    assert "clock went 600.0 s ahead: it was set, or the machine slept; books and account" in told


def test_a_book_that_is_none_is_left_as_it_is():
    trader = a_trader().take(FeedDown(FEED, "closed", at(0), 1))
    effects = trader.take(WallClockMoved(600_000 * MS, 600_000 * MS)).effects

    assert RenewBook(BTC) not in effects


def test_after_a_sleep_the_account_is_compared_and_the_venues_clock_measured_before_risk_is_added():
    desk = a_live_desk()

    desk.tells(WallClockMoved(600_000 * MS, 600_000 * MS))

    assert desk.side.agreed_ns is None
    assert "was not measured since" in desk.state.desk.clock_fault
    assert len(desk.wait(1_000).asked(RequestReport)) == 1
    desk.tells(ClockMeasured("test", 3 * MS, 1))
    assert desk.state.desk.clock_fault == ""


def test_a_report_that_was_asked_for_before_the_sleep_confirms_nothing_after_it():
    desk = a_live_desk()
    number = desk.waits_for_report()
    desk.tells(WallClockMoved(600_000 * MS, 600_000 * MS))

    desk.reports(number=number)
    assert desk.side.agreed_ns is None

    assert desk.wait(1_000).asked(RequestReport)
    desk.reports()
    assert desk.side.agreed_ns == desk.now_ns


@pytest.mark.parametrize("step_ms", [-3_600_000, 1_999])
def test_a_clock_that_was_set_is_told_and_changes_nothing(step_ms: int):
    trader = a_trader().take(WallClockMoved(step_ms * MS, step_ms * MS))

    assert trader.market.book.state == "live"
    assert "it was set; the engine's time did not move" in trader.state.notices[-1].text
