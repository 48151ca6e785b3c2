"""What a detector is, and what it may look at."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from engine.model.instrument import Instrument
from engine.model.market import Addition, BookState, Trade
from engine.model.signals import CONFIDENCE_MIN, CONFIDENCE_SPAN, WhaleSignal, WhaleType

THRESHOLD_USD: Final = 25_000.0
"""Large-order threshold of an instrument without a category: that of the majors."""


class Scales(msgspec.Struct, frozen=True):
    """What one tick and one lot of the decoding scale are worth."""

    price_decimals: int
    qty_decimals: int

    @property
    def units_per_quote(self) -> int:
        """`ticks * lots` that make one unit of the quote currency."""
        units: int = 10 ** (self.price_decimals + self.qty_decimals)
        return units


class Setting(msgspec.Struct, frozen=True):
    """What a detector is made for."""

    instrument: Instrument
    threshold_usd: float


class BookReader(Protocol):
    """What a detector may ask of the book."""

    @property
    def state(self) -> BookState:
        """Whether there is a book."""

    @property
    def additions(self) -> Sequence[Addition]:
        """Levels that grew in the last delta by at least the floor that was asked for."""

    @property
    def mid_ticks(self) -> float | None:
        """Half way between best bid and best ask."""

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the lots at a price; 0 where there is no level."""

    def notional_around(self, share: float) -> int:
        """Return the sum of `ticks * lots` of all levels within a share of mid."""

    def notionals(self, *, is_bid: bool, around_mid_share: float, limit: int) -> list[int]:
        """Return `ticks * lots` of levels within a share of mid, at most `limit`."""


class Detector(Protocol):
    """Watches one instrument; told of every change, in order, and returns what it noticed."""

    @property
    def addition_floor_usd(self) -> float:
        """Additions to a level below this notional need not be reported to it."""

    def on_trade(self, trade: Trade, book: BookReader, ts_ns: int) -> Sequence[WhaleSignal]:
        """Take in a trade; the book is that of before the trade's own delta."""

    def on_book(self, book: BookReader, ts_ns: int) -> Sequence[WhaleSignal]:
        """Take in a delta, already applied; `book.additions` holds the levels that grew."""

    def on_book_lost(self, ts_ns: int) -> Sequence[WhaleSignal]:
        """Forget everything that came from the book: its continuity is gone."""

    def rescale(self, scales: Scales, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""

    def digest_parts(self) -> object:
        """Return everything that decides what happens next, as plain values."""


class DetectorSpec(msgspec.Struct, frozen=True):
    """One line of the registry."""

    type: WhaleType
    title: str
    make: Callable[[Setting, Scales, Callable[[], int]], Detector]
    """The last argument gives out signal ids."""


def confidence(*evidence: tuple[float, float]) -> float:
    """Return 0.60 to 0.95 from pairs of (evidence 0 to 1, weight); evidence is clipped."""
    weights = sum(weight for _, weight in evidence)
    mean = sum(min(max(x, 0.0), 1.0) * weight for x, weight in evidence) / weights
    return CONFIDENCE_MIN + CONFIDENCE_SPAN * mean
