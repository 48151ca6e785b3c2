"""Chase: a post-only order that stays at the best price of its side, so far and so long.

It follows by amends, one a second at most. When its time is over, or it has followed too often, it
is taken back, and only when that is certain the rest is taken from the market, if it was asked so.
"""

from collections.abc import Iterator
from typing import Final

from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.base import (
    Amend,
    Cancel,
    End,
    Move,
    Pause,
    Place,
    Progress,
    Seen,
    done,
)
from engine.model.numbers import NS_PER_S, PriceTicks
from engine.model.parents import Chase

AMENDS_MAX: Final = 200
AMEND_NS: Final = NS_PER_S
DURATION_MAX_NS: Final = 3_600 * NS_PER_S


def step(spec: Chase, seen: Seen) -> Iterator[Move]:
    """Join the best price, follow it, or come to the end."""
    if not seen.left_lots and not seen.working:
        yield End(done(seen))
    elif _is_over(spec, seen):
        yield from _ending(spec, seen)
    elif seen.working:
        yield from _following(spec, seen)
    elif seen.has_ended("canceled"):
        yield Pause("its order was canceled")
    elif seen.is_settled:
        yield Place(seen.left_lots, touch(spec, seen), is_post_only=True)


def samples(spec: Chase, seen: Seen) -> list[Place]:
    """Return its order, and how it may end."""
    joins = Place(spec.qty_lots, touch(spec, seen), is_post_only=True)
    return [joins, Place(spec.qty_lots, None, "ioc")] if spec.then == "mkt" else [joins]


def progress(spec: Chase, record: ParentRecord) -> Progress:
    """Return how often it has followed, and when its time is over."""
    rest_ns = spec.duration_ns - record.active_for_ns
    return Progress(f"{record.amends} moves", record.active_ns + max(0, rest_ns))


def touch(spec: Chase, seen: Seen) -> PriceTicks:
    """Return the best price of its side, no worse than it may follow."""
    if spec.side == "buy":
        return PriceTicks(min(seen.bid_ticks, spec.worst_ticks))
    return PriceTicks(max(seen.ask_ticks, spec.worst_ticks))


def _is_over(spec: Chase, seen: Seen) -> bool:
    moves = seen.record.sent + seen.record.amends
    return seen.record.ran_ns(seen.now_ns) >= spec.duration_ns or moves >= AMENDS_MAX


def _ending(spec: Chase, seen: Seen) -> Iterator[Move]:
    if seen.working:
        for order in seen.working:
            yield Cancel(order)
    elif seen.is_settled:
        newest = seen.newest
        has_taken = newest is not None and newest.spec.tif == "ioc"
        if spec.then == "mkt" and not has_taken:
            yield Place(seen.left_lots, None, "ioc")
        else:
            yield End(f"time is up: {done(seen)}")


def _following(spec: Chase, seen: Seen) -> Iterator[Move]:
    order, price = seen.working[0], touch(spec, seen)
    is_due = seen.now_ns - max(seen.record.amended_ns, seen.record.sent_ns) >= AMEND_NS
    if is_due and order.state in ("open", "partial") and order.spec.limit_ticks != price:
        yield Amend(order, price)


def problem(spec: Chase) -> str:
    """Return why it cannot be; nothing if it can."""
    if not 0 < spec.duration_ns <= DURATION_MAX_NS:
        return "a chase lasts an hour at most"
    return ""
