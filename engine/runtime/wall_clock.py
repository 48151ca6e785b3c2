"""Whether the machine slept, or its clock was set: engine time knows of neither (R15)."""

from collections.abc import Callable
from typing import Final

from engine.model.envelope import WallClockMoved
from engine.model.numbers import NS_PER_MS
from engine.runtime.clock import Clock

EVERY_S: Final = 1.0
STEP_NS: Final = 500 * NS_PER_MS
"""What goes further between two looks was set, or slept; slewing stays far below."""


class WallClockWatch:
    """Looks each second how far the wall clock is from engine time, and reports each step of it.

    Args:
        clock: Engine time; the one that everything else has.
        report: Takes `WallClockMoved` in.
    """

    def __init__(self, clock: Clock, report: Callable[[str, WallClockMoved], None]) -> None:
        self._clock = clock
        self._report = report
        self._ahead_ns = clock.wall_drift_ns()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            before_ns, self._ahead_ns = self._ahead_ns, self._clock.wall_drift_ns()
            step_ns = self._ahead_ns - before_ns
            if abs(step_ns) > STEP_NS:
                self._report("wall clock", WallClockMoved(step_ns, self._ahead_ns))
