"""Iceberg: one slice at a time at one price; the next only when the one before is filled."""

from collections.abc import Iterator
from typing import Final

from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.base import End, Move, Pause, Place, Progress, Seen, done
from engine.model.parents import Iceberg

SLICES_MAX: Final = 1_000


def step(spec: Iceberg, seen: Seen) -> Iterator[Move]:
    """Show the next slice; one that ended otherwise than by fills is a person's affair."""
    if seen.has_ended("canceled", "expired"):
        yield Pause("its slice ended unfilled")
    elif seen.is_settled and seen.left_lots:
        lots = min(spec.show_lots, seen.left_lots)
        yield Place(lots, spec.limit_ticks, is_post_only=spec.is_post_only)
    elif not seen.working and not seen.left_lots:
        yield End(done(seen))


def samples(spec: Iceberg, seen: Seen) -> list[Place]:
    """Return a slice, and what is left for the last one."""
    del seen
    sizes = {int(spec.show_lots), spec.qty_lots % spec.show_lots or spec.show_lots}
    return [Place(lots, spec.limit_ticks, is_post_only=spec.is_post_only) for lots in sorted(sizes)]


def progress(spec: Iceberg, record: ParentRecord) -> Progress:
    """Return how many slices were shown."""
    del spec
    return Progress(f"{record.sent} slices")


def problem(spec: Iceberg) -> str:
    """Return why it cannot be; nothing if it can."""
    if spec.show_lots >= spec.qty_lots:
        return "an iceberg shows less than all of it"
    slices = -(-spec.qty_lots // spec.show_lots)
    if slices > SLICES_MAX:
        return f"{slices:,} slices are too many: {SLICES_MAX:,} at most"
    return ""
