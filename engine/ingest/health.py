"""How old data is, judged by stream class, and how each connection is doing: the one table (R4).

Staleness counts application messages only, never pings (R4). A quiet instrument is not stale
while the connection that carries its book delivers other data.
"""

from typing import Final

import msgspec

from engine.model.market import Freshness, StreamClass
from engine.model.numbers import NS_PER_S

SOFT_NS_MIN: Final = 2 * NS_PER_S


class Limits(msgspec.Struct, frozen=True):
    """Ages from which on data of one class is slow, and stale.

    `first_ns` is how long a new subscription may bring nothing before it is asked for again; None
    where nothing may happen for long.
    """

    slow_ns: int
    stale_ns: int
    first_ns: int | None = None


def _by_cadence(cadence_ms: int, stale_s: int) -> Limits:
    """Return the limits of what comes at a pace: twice that, at least 2 s, is slow."""
    slow_ns = max(SOFT_NS_MIN, 2 * cadence_ms * NS_PER_S // 1_000)
    return Limits(slow_ns, stale_s * NS_PER_S, first_ns=10 * NS_PER_S)


LIMITS: Final[dict[StreamClass, Limits]] = {
    "book": _by_cadence(250, stale_s=5),
    "quote": _by_cadence(250, stale_s=5),
    "mark": _by_cadence(3_000, stale_s=15),
    "trade": Limits(slow_ns=30 * NS_PER_S, stale_ns=120 * NS_PER_S),
    "candle": Limits(slow_ns=70 * NS_PER_S, stale_ns=130 * NS_PER_S),
}
"""The cadences are the slowest that a wire subscribes to: books and quotes each 250 ms, mark
prices each 3 s."""


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

    __slots__ = ("attempt", "is_up", "last_ns", "reason", "retry_at_ns", "since_ns", "ups")

    def __init__(self, ts_ns: int) -> None:
        self.is_up = False
        self.since_ns = ts_ns
        self.last_ns = 0
        """Engine time of the last event it brought; 0 when there was none since it opened."""
        self.reason = ""
        self.retry_at_ns = 0
        self.attempt = 0
        self.ups = 0
        """Times that it was opened."""

    def go_up(self, ts_ns: int) -> None:
        """Note that the connection is open."""
        self.is_up = True
        self.ups += 1
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
            self.ups,
        )
