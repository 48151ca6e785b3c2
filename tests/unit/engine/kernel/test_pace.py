"""A loop that stood still: a word, and a step down when it was long."""

import pytest

from engine.model.envelope import LoopLagged
from tests.builders import a_trader

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
