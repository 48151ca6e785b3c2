"""The look at the wall clock: a step is reported once, and slewing never."""

import asyncio

from engine.model.envelope import WallClockMoved
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.virtual_loop import run
from engine.runtime.wall_clock import EVERY_S, WallClockWatch


class MachineClock(LoopClock):
    """Engine time, and a wall clock that can be set."""

    ahead_ns = 0

    def wall_drift_ns(self) -> int:
        """Return how far the wall clock is ahead."""
        return self.ahead_ns


def test_each_step_is_reported_once_and_both_ways():
    async def main() -> None:
        told: list[tuple[str, WallClockMoved]] = []
        clock = MachineClock(0)
        watch = asyncio.ensure_future(WallClockWatch(clock, lambda *one: told.append(one)).run())
        slewed = [600 * NS_PER_S + ms * NS_PER_MS for ms in range(100, 1_000, 100)]
        away = [0, 600 * NS_PER_S, *slewed, -NS_PER_S, -NS_PER_S]
        for clock.ahead_ns in away:
            await asyncio.sleep(EVERY_S)
        await asyncio.sleep(EVERY_S)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

        assert told == [
            ("wall clock", WallClockMoved(600 * NS_PER_S, 600 * NS_PER_S)),
            ("wall clock", WallClockMoved(-601_900 * NS_PER_MS, -NS_PER_S)),
        ]

    run(main)
