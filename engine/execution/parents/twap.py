"""TWAP: slices that take from the market, one after the other.

The time of a slice is counted from the one before: after a stall or a pause it goes on where it
was, later, and nothing is caught up. What a slice leaves goes into those after it; the last takes
the remainder.
"""

from collections.abc import Iterator
from typing import Final

from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.base import End, Move, Place, Progress, Seen, done
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.parents import Twap

COUNT_MAX: Final = 1_000
GAP_MIN_NS: Final = NS_PER_S
DURATION_MAX_NS: Final = 86_400 * NS_PER_S
JITTER_MAX: Final = 50

TIMES_EVEN_MAX: Final = 2
"""A slice is no larger than so many even shares, however much was left before."""

TIMES_LATE_MAX: Final = 2
"""Slices go on for so many times the duration, pauses left out; then the rest is let go."""

_MILLION: Final = 1_000_000


def step(spec: Twap, seen: Seen) -> Iterator[Move]:
    """Send the slice that is due."""
    if not seen.is_settled:
        return
    if not seen.left_lots:
        yield End(done(seen))
    elif seen.record.ran_ns(seen.now_ns) > TIMES_LATE_MAX * spec.duration_ns:
        yield End(f"time is up: {done(seen)}")
    elif seen.now_ns >= due_ns(spec, seen.record) and not _is_beyond(spec, seen):
        yield Place(slice_lots(spec, seen.record.sent, seen.left_lots), _limit(spec, seen), "ioc")


def samples(spec: Twap, seen: Seen) -> list[Place]:
    """Return the first slice; all are about as large."""
    return [Place(slice_lots(spec, 0, spec.qty_lots), _limit(spec, seen), "ioc")]


def progress(spec: Twap, record: ParentRecord) -> Progress:
    """Return how many slices have left, and when the next one does."""
    is_last = record.filled_lots >= spec.qty_lots
    return Progress(f"{record.sent}/{spec.count} slices", None if is_last else due_ns(spec, record))


def due_ns(spec: Twap, record: ParentRecord) -> int:
    """Return when the next slice may leave; the first at once."""
    if not record.sent:
        return record.active_ns
    gap = spec.duration_ns // spec.count
    play = int(gap * spec.jitter_percent / 100)
    dice = Chance(record.started_ns * _MILLION + record.sent)
    return record.sent_ns + gap + dice.between(-play, play)


def slice_lots(spec: Twap, sent: int, left_lots: int) -> QtyLots:
    """Return the size of a slice: an even share of what is left, all of it at the end."""
    even = -(-spec.qty_lots // spec.count)
    wanted = left_lots // max(1, spec.count - sent)
    return QtyLots(max(1, min(wanted, TIMES_EVEN_MAX * even, left_lots)))


def _limit(spec: Twap, seen: Seen) -> PriceTicks | None:
    if spec.limit_ticks is None:
        return None
    if spec.side == "buy":
        return min(spec.limit_ticks, seen.taking_ticks)
    return max(spec.limit_ticks, seen.taking_ticks)


def _is_beyond(spec: Twap, seen: Seen) -> bool:
    """Whether the market is on the wrong side of the limit: the slice waits."""
    if spec.limit_ticks is None:
        return False
    if spec.side == "buy":
        return seen.ask_ticks > spec.limit_ticks
    return seen.bid_ticks < spec.limit_ticks


def problem(spec: Twap) -> str:
    """Return why it cannot be; nothing if it can."""
    if not 2 <= spec.count <= COUNT_MAX:
        return f"a twap has 2 to {COUNT_MAX:,} slices"
    if not 0 < spec.duration_ns <= DURATION_MAX_NS:
        return "a twap lasts a day at most"
    if spec.duration_ns // spec.count < GAP_MIN_NS:
        return f"{spec.count} slices need {spec.count} s at least"
    if not (spec.jitter_percent.is_finite() and 0 <= spec.jitter_percent <= JITTER_MAX):
        return f"jitter is 0 to {JITTER_MAX}%"
    if spec.qty_lots < spec.count:
        return f"{spec.qty_lots} lots are too few for {spec.count} slices"
    return ""
