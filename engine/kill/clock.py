"""Time as the kill program has it: the wall's at the start, from then on what has passed."""

import time
from typing import Protocol

from engine.model.numbers import NS_PER_S


class KillClock(Protocol):
    """Tells the time and waits."""

    def now_ns(self) -> int:
        """Return the time in UTC nanoseconds; it never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SteadyClock:
    """The machine's; a wall clock that is set meanwhile changes nothing."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the time in UTC nanoseconds."""
        return time.monotonic_ns() + self._ahead_ns

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def seconds(span_ns: int) -> float:
    """Return a length of time in seconds."""
    return span_ns / NS_PER_S
