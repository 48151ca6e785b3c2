"""Engine time: the wall clock at the start plus monotonic time since; it never runs backwards.

A wall clock that is set while the engine runs moves nothing here. How far it went away can be
asked, so that people are told.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from engine.model.numbers import NS_PER_S


class Clock(Protocol):
    """Where shells get the time, and where they wait."""

    def now_ns(self) -> int:
        """Return engine time; never less than before."""

    def wall_drift_ns(self) -> int:
        """Return how far the wall clock is ahead of engine time; slewing lets that creep."""

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop, at least until its next pass."""


class SystemClock:
    """The machine's clocks.

    On Linux monotonic time stands still while the machine sleeps: afterwards engine time is
    behind by the length of the sleep, and `wall_drift_ns` says so.
    """

    def __init__(
        self,
        read_wall_ns: Callable[[], int] = time.time_ns,
        read_monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._read_wall_ns = read_wall_ns
        self._read_monotonic_ns = read_monotonic_ns
        self._offset_ns = read_wall_ns() - read_monotonic_ns()

    def now_ns(self) -> int:
        """Return engine time."""
        return self._offset_ns + self._read_monotonic_ns()

    def wall_drift_ns(self) -> int:
        """Return how far the wall clock is ahead of engine time."""
        return self._read_wall_ns() - self.now_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(seconds)


class LoopClock:
    """Time of the running loop, counted from a given moment: for loops with virtual time.

    Args:
        start_ns: Engine time at the moment of construction.
    """

    def __init__(self, start_ns: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop_start = self._loop.time()
        self._start_ns = start_ns

    def now_ns(self) -> int:
        """Return engine time."""
        return self._start_ns + round((self._loop.time() - self._loop_start) * NS_PER_S)

    def wall_drift_ns(self) -> int:
        """Return 0: there is no other clock."""
        return 0

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(seconds)


async def sleep_until(clock: Clock, due_ns: int) -> None:
    """Wait until engine time has reached `due_ns`, also where the loop's timers fire early."""
    while (left_ns := due_ns - clock.now_ns()) > 0:
        await clock.sleep(left_ns / NS_PER_S)
