"""One instrument on Binance's wires: its description and the scales of its texts."""

from decimal import Decimal

from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument, symbol_of
from engine.model.market import InstrumentUpdated, Level
from engine.model.numbers import TextScale, decimals_of
from engine.venues.binance.payloads import Levels

Marks = tuple[int, int, int, int]
"""Decimals and largest number of prices, then of sizes."""


class Channel:
    """One instrument; `announced` tells whether the kernel was told of it."""

    __slots__ = ("announced", "instrument", "instrument_id", "prices", "sizes", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.instrument_id = instrument.instrument_id
        self.symbol = symbol_of(instrument.instrument_id)
        self.prices = TextScale(decimals_of(instrument.tick_size or Decimal(1)))
        self.sizes = TextScale(decimals_of(instrument.lot_size or Decimal(1)))
        self.announced = False

    def levels(self, texts: Levels) -> list[Level]:
        """Decode levels of a book."""
        prices, sizes = self.prices, self.sizes
        return [(prices[price], sizes[size]) for price, size in texts]

    def describe(self) -> InstrumentUpdated:
        """Return the announcement."""
        self.announced = True
        return InstrumentUpdated(self.instrument, self.prices.decimals, self.sizes.decimals)

    def take(self, instrument: Instrument) -> None:
        """Take in a new description, with scales that are at least as fine as its steps."""
        self.instrument = instrument
        for scale, step in (
            (self.prices, instrument.tick_size),
            (self.sizes, instrument.lot_size),
        ):
            decimals = decimals_of(step or Decimal(1))
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
