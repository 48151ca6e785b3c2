"""What a parent's rule sees, and what it may want next.

A rule is pure: the parent as it was confirmed, how far it has come, the market. It wants children,
an amend, a cancel, or the end; the kernel puts each child through the gate, and stops at the first
that is refused. What a rule may still send is what no child has filled or may still fill.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import OrderState, TimeInForce

SETTLE_NS: Final = NS_PER_S
"""A child that ended with lots unfilled keeps them so long: a fill may still be on its way."""


class Seen(NamedTuple):
    """The moment of a rule."""

    now_ns: int
    bid_ticks: PriceTicks
    ask_ticks: PriceTicks
    taking_ticks: PriceTicks
    """The limit at which an order takes from the market, as the gate draws it."""
    record: ParentRecord
    left_lots: QtyLots
    """What may still be sent."""
    working: tuple[OrderRecord, ...]
    """Children that may still fill, oldest first; of one whose fate is unknown, all of it may."""
    newest: OrderRecord | None
    """The child that was sent last, while it is remembered."""

    @property
    def is_settled(self) -> bool:
        """Whether the newest child has ended so long ago that its lots are free again."""
        if self.working:
            return False
        newest = self.newest
        if newest is None or newest.filled_lots >= newest.spec.qty_lots:
            return True
        return self.now_ns - newest.updated_ns >= SETTLE_NS

    def has_ended(self, *states: OrderState) -> bool:
        """Whether the newest child ended so, and nobody has said since to go on."""
        newest = self.newest
        is_ended = newest is not None and newest.state in states
        return is_ended and self.record.newest != self.record.answered


class Place(NamedTuple):
    """Send a child; without a limit it takes at the market."""

    lots: int
    limit_ticks: PriceTicks | None
    tif: TimeInForce = "gtc"
    is_post_only: bool = False


class Amend(NamedTuple):
    """Give a child another price."""

    order: OrderRecord
    limit_ticks: PriceTicks


class Cancel(NamedTuple):
    """Take a child back."""

    order: OrderRecord


class Pause(NamedTuple):
    """Wait for a person."""

    reason: str


class End(NamedTuple):
    """It is over."""

    reason: str


class Progress(NamedTuple):
    """How far a parent has come, for people."""

    words: str
    next_ns: int | None = None


Move = Place | Amend | Cancel | Pause | End

Rule = Callable[[Any, Seen], Iterator[Move]]
"""`Any`: each rule names its own kind of parent."""


def done(seen: Seen) -> str:
    """Return what to say at the end of a parent."""
    filled, lots = seen.record.filled_lots, seen.record.spec.qty_lots
    return "filled" if filled >= lots else f"{lots - filled} of {lots} lots were not filled"
