"""Whether the machine slept, or its clock was set: engine time knows of neither (R15)."""

from collections.abc import Callable
from typing import Final

from engine.model.envelope import WallClockMoved
from engine.runtime.clock import WALL_STEP_NS, Clock

EVERY_S: Final = 1.0


class WallClockWatch:
    """Looks each second how far the wall clock is from engine time, and reports each step of it.

    Args:
        clock: Engine time; the one that everything else has.
        report: Takes `WallClockMoved` in.
    """

    def __init__(self, clock: Clock, report: Callable[[str, WallClockMoved], None]) -> None:
        self._clock = clock
        self._report = report
        self._told_ns = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            ahead_ns = self._clock.wall_drift_ns()
            step_ns = ahead_ns - self._told_ns
            if abs(step_ns) > WALL_STEP_NS:
                self._told_ns = ahead_ns
                self._report("wall clock", WallClockMoved(step_ns, ahead_ns))
