"""What stands behind a position: how it is to be closed, and since when nothing would close it.

A cover belongs to the position, not to who opened it: a strategy that is stopped, fails or is
killed leaves the protection of what it holds, or is about to hold, behind.
"""

from typing import Final, NamedTuple

import msgspec

from engine.model.instrument import InstrumentId

Holding = tuple[str, InstrumentId]
"""Owner and instrument of a position."""

ENTRY: Final = "enter"
"""First word of an entry's tag; its distances follow, so that the journal knows them."""


class Exits(NamedTuple):
    """How far from the entry fill a position is closed: in percent or in price, 0 for none."""

    stop_pct: float = 0.0
    target_pct: float = 0.0
    stop: float = 0.0
    target: float = 0.0

    @property
    def has_stop(self) -> bool:
        """Whether a loss ends by itself."""
        return bool(self.stop_pct or self.stop)

    @property
    def tag(self) -> str:
        """The tag of the entry that is closed so."""
        return " ".join((ENTRY, *map(repr, self)))


def exits_of(tag: str) -> Exits | None:
    """Return what an entry's tag says; None if it is not that of an entry."""
    name, *distances = tag.split() or [""]
    if name != ENTRY or len(distances) != len(Exits._fields):
        return None
    return Exits(*map(float, distances))


class Cover(msgspec.Struct):
    """The protection of one owner's position, beside the orders that are in the ledger."""

    exits: Exits | None = None
    """None: nobody knows."""
    wants_stop: bool = False
    """Whether it is an alarm when no stop rests."""
    refused_ns: dict[str, int] = {}
    """When a stop and when a target was last refused here: neither waits for the other."""
    bare_ns: int = 0
    """Since when a stop is missing; 0 while none is."""
    is_alarmed: bool = False
    problem: str = ""
    """Why the newest attempt to protect it came to nothing."""
