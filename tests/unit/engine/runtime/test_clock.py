"""Engine time goes forward, and says when the wall clock does not agree."""

import asyncio

from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock, SystemClock, sleep_until
from engine.runtime.virtual_loop import run

START_NS = 1_700_000_000 * NS_PER_S


class _Hands:
    """A wall clock and a monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.wall_ns = START_NS
        self.monotonic_ns = 42

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall_ns, lambda: self.monotonic_ns)

    def pass_time(self, length_ns: int) -> None:
        self.wall_ns += length_ns
        self.monotonic_ns += length_ns


def test_engine_time_is_the_wall_clock_at_the_start_plus_monotonic_time() -> None:
    hands = _Hands()
    clock = hands.clock()

    hands.pass_time(3 * NS_PER_S)

    assert clock.now_ns() == START_NS + 3 * NS_PER_S
    assert clock.wall_drift_ns() == 0


def test_a_wall_clock_set_back_an_hour_is_reported_and_moves_nothing() -> None:
    hands = _Hands()
    clock = hands.clock()

    hands.wall_ns -= 3_600 * NS_PER_S

    assert clock.now_ns() == START_NS
    assert clock.wall_drift_ns() == -3_600 * NS_PER_S


def test_a_machine_that_slept_leaves_engine_time_behind_and_says_so() -> None:
    hands = _Hands()
    clock = hands.clock()

    hands.wall_ns += 60 * NS_PER_S

    assert clock.wall_drift_ns() == 60 * NS_PER_S


async def test_the_clocks_of_this_machine_agree_with_each_other() -> None:
    clock = SystemClock()

    before_ns = clock.now_ns()
    await clock.sleep(0)

    assert clock.now_ns() >= before_ns > START_NS
    assert abs(clock.wall_drift_ns()) < NS_PER_S


def test_virtual_engine_time_counts_every_nanosecond_of_a_day() -> None:
    async def scenario() -> list[int]:
        clock = LoopClock(START_NS)
        seen = []
        for _ in range(24):
            await clock.sleep(3_600)
            seen.append(clock.now_ns() - START_NS)
        assert clock.wall_drift_ns() == 0
        return seen

    assert run(scenario) == [hour * 3_600 * NS_PER_S for hour in range(1, 25)]


def test_waiting_for_a_moment_ends_at_that_moment_and_not_before() -> None:
    async def scenario() -> int:
        await asyncio.sleep(0.123456789)
        clock = LoopClock(START_NS)
        await sleep_until(clock, START_NS + 1_000_000_001)
        await sleep_until(clock, START_NS)
        return clock.now_ns()

    assert run(scenario) == START_NS + 1_000_000_001
