"""An engine that is not well: a word, and a step down when it was bad."""

import pytest

from engine.model.envelope import DiskSeen, LoopLagged, PartFailed
from tests.builders import a_trader, set_state

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
