"""One instrument on OKX's wire: its description, its scales, what it waits for."""

from decimal import Decimal
from typing import Final

import msgspec

from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument, symbol_of
from engine.model.market import InstrumentUpdated, Level
from engine.model.numbers import DECIMALS_MAX, TextScale, decimals_of
from engine.venues.okx.payloads import BookLevel

ONE: Final = Decimal(1)

Marks = tuple[int, int, int, int]
"""Decimals and largest number of prices, then of sizes."""


class Channel:
    """One instrument.

    `announced` tells whether the kernel was told of it; `mark_price` is the newest one with its
    time, and `funding` the newest rate with the time it is due. `is_streamed` tells whether the
    stream brought a whole book after it was last asked for one.
    """

    __slots__ = (
        "announced",
        "funding",
        "instrument",
        "instrument_id",
        "is_streamed",
        "mark_price",
        "prices",
        "sizes",
        "symbol",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.instrument_id = instrument.instrument_id
        self.symbol = symbol_of(instrument.instrument_id)
        self.prices = TextScale(_decimals(instrument.tick_size))
        self.sizes = _sizes_of(instrument)
        self.announced = False
        self.is_streamed = False
        self.mark_price: tuple[Decimal, int] | None = None
        self.funding: tuple[Decimal | None, int] = None, 0

    def levels(self, levels: list[BookLevel]) -> list[Level]:
        """Decode levels of a book."""
        prices, sizes = self.prices, self.sizes
        return [(prices[level.price], sizes[level.size]) for level in levels]

    def describe(self) -> InstrumentUpdated:
        """Return the announcement."""
        self.announced = True
        return InstrumentUpdated(self.instrument, self.prices.decimals, self.sizes.decimals)

    def take(self, instrument: Instrument) -> None:
        """Take in a new description, with scales that are at least as fine as its steps.

        Sizes that were told count contracts of the size known then. If that was another one they
        cannot be mended: the old unit stays, and nothing may be ordered any more.
        """
        if instrument.contract_size != self.instrument.contract_size:
            if self.announced:
                self.instrument = msgspec.structs.replace(self.instrument, is_trading=False)
                return
            self.sizes = _sizes_of(instrument)
        self.instrument = instrument
        for scale, step in (
            (self.prices, instrument.tick_size),
            (self.sizes, instrument.lot_size),
        ):
            decimals = _decimals(step)
            if decimals > scale.decimals:
                try:
                    scale.widen(decimals)
                except VenuePayloadError:
                    continue  # It does not fit beside a number already seen: stay as coarse.

    def marks(self) -> Marks:
        """Return what a frame can change, to come back to if it is refused."""
        prices, sizes = self.prices, self.sizes
        return prices.decimals, prices.largest, sizes.decimals, sizes.largest

    def reset(self, marks: Marks) -> None:
        """Be as before a frame that turned out to be damaged."""
        if marks != self.marks():
            self.prices.reset(*marks[:2])
            self.sizes.reset(*marks[2:])


def _sizes_of(instrument: Instrument) -> TextScale:
    return TextScale(_decimals(instrument.lot_size), instrument.contract_size or ONE)


def _decimals(step: Decimal | None) -> int:
    return min(DECIMALS_MAX, decimals_of(step or ONE))
