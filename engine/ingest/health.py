"""How old data is, judged by stream class, and how each connection is doing.

Staleness counts application messages only, never pings (R4). A quiet instrument is not stale
while the connection that carries its book delivers other data.
"""

from typing import Final, Literal

import msgspec

from engine.model.market import Freshness
from engine.model.numbers import NS_PER_S

StreamClass = Literal["book", "trade", "candle"]


class Limits(msgspec.Struct, frozen=True):
    """Ages from which on data of one class is slow, and stale."""

    slow_ns: int
    stale_ns: int


LIMITS: Final[dict[StreamClass, Limits]] = {
    "book": Limits(slow_ns=2 * NS_PER_S, stale_ns=5 * NS_PER_S),
    "trade": Limits(slow_ns=30 * NS_PER_S, stale_ns=120 * NS_PER_S),
    "candle": Limits(slow_ns=70 * NS_PER_S, stale_ns=130 * NS_PER_S),
}


def freshness(stream: StreamClass, age_ns: int | None) -> Freshness:
    """Judge an age; None, nothing received yet, is `none`."""
    if age_ns is None:
        return "none"
    limits = LIMITS[stream]
    if age_ns < limits.slow_ns:
        return "fresh"
    return "slow" if age_ns < limits.stale_ns else "stale"


class Connection:
    """One connection to a venue as the kernel knows it."""

    __slots__ = ("attempt", "is_up", "last_ns", "reason", "retry_at_ns", "since_ns")

    def __init__(self, ts_ns: int) -> None:
        self.is_up = False
        self.since_ns = ts_ns
        self.last_ns = 0
        """Engine time of the last event it brought; 0 when there was none since it opened."""
        self.reason = ""
        self.retry_at_ns = 0
        self.attempt = 0

    def go_up(self, ts_ns: int) -> None:
        """Note that the connection is open."""
        self.is_up = True
        self.since_ns = ts_ns
        self.last_ns = 0
        self.reason = ""
        self.retry_at_ns = 0

    def go_down(self, ts_ns: int, reason: str, retry_at_ns: int, attempt: int) -> None:
        """Note that the connection is gone and when it is tried again."""
        self.is_up = False
        self.since_ns = ts_ns
        self.reason = reason
        self.retry_at_ns = retry_at_ns
        self.attempt = attempt

    def age_ns(self, now_ns: int) -> int | None:
        """Return the time since the last event."""
        return now_ns - self.last_ns if self.last_ns else None

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        return (
            self.is_up,
            self.since_ns,
            self.last_ns,
            self.reason,
            self.retry_at_ns,
            self.attempt,
        )
