"""Prices and sizes of an instrument: whole steps of ours, texts of the venue, exact (R30)."""

import re
from decimal import Decimal
from typing import Final

import msgspec

from engine.model.errors import UnsupportedByVenue, VenuePayloadError
from engine.model.instrument import Instrument, InstrumentId, symbol_of
from engine.model.numbers import (
    UNITS_MAX,
    PriceTicks,
    QtyLots,
    decimal_text,
    decimals_of,
    split_decimal,
)
from engine.venues.scaling import require

_AMOUNT: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?", re.ASCII)


def amount(text: str) -> Decimal:
    """Return an amount of money, which may be negative.

    Raises:
        VenuePayloadError: It is no plain decimal number.
    """
    require(_AMOUNT.fullmatch(text) is not None, "not a plain amount", text)
    return Decimal(text)


class Steps(msgspec.Struct, frozen=True):
    """The steps of one instrument."""

    instrument_id: InstrumentId
    symbol: str
    tick: Decimal
    lot: Decimal

    def ticks(self, text: str) -> PriceTicks:
        """Return the ticks of a price.

        Raises:
            VenuePayloadError: It is no plain number, or between two ticks.
        """
        return PriceTicks(_units(text, self.tick))

    def nearest_ticks(self, text: str) -> PriceTicks:
        """Return the tick nearest to a price; from the middle it is the upper one.

        Liquidations, ADL and settlements may be made between two, and what rests since before a
        change of steps may stand there.

        Raises:
            VenuePayloadError: It is no plain number.
        """
        ticks, rest, divisor = _split(text, self.tick)
        return PriceTicks(ticks + (2 * rest >= divisor))

    def traded_ticks(self, text: str) -> PriceTicks:
        """Return the tick nearest to the price of a fill.

        Raises:
            VenuePayloadError: It is no plain number, or so little that nothing would be booked.
        """
        ticks = self.nearest_ticks(text)
        require(ticks > 0, "a fill without a price", text)
        return ticks

    def off_tick(self, text: str) -> Decimal | None:
        """Return a price that lies between two ticks; None for one that does not."""
        _, rest, _ = _split(text, self.tick)
        return Decimal(text) if rest else None

    def ticks_or_none(self, text: str) -> PriceTicks | None:
        """Return the nearest tick of a price that the venue may leave out, or write as zero."""
        return (self.nearest_ticks(text) or None) if text else None

    def lots(self, text: str) -> QtyLots:
        """Return the lots of a size.

        Raises:
            VenuePayloadError: It is no plain number, or no whole number of lots.
        """
        return QtyLots(_units(text, self.lot))

    def signed_lots(self, text: str) -> int:
        """Return the lots of a position, negative when short."""
        lots = self.lots(text.removeprefix("-"))
        return -lots if text.startswith("-") else lots

    def price_text(self, ticks: int) -> str:
        """Return a price as the venue reads it."""
        return _text(ticks, self.tick)

    def qty_text(self, lots: int) -> str:
        """Return a size as the venue reads it."""
        return _text(lots, self.lot)


class Listing:
    """The instruments that a trade wire can write and read."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self._by_symbol: dict[str, Steps] = {}
        self._watched: dict[str, None] = {}

    def learn(self, instrument: Instrument) -> None:
        """Take in the steps of an instrument that is watched, if the venue has said them."""
        if self._take(instrument):
            self._watched[symbol_of(instrument.instrument_id)] = None

    def describe(self, instrument: Instrument) -> None:
        """Take in the steps of one that the account may meet; a watched one is known better."""
        if symbol_of(instrument.instrument_id) not in self._watched:
            self._take(instrument)

    def watched(self) -> tuple[Steps, ...]:
        """Return those that are watched, first learned first."""
        return tuple(self._by_symbol[symbol] for symbol in self._watched)

    def named(self, symbol: str) -> Steps | None:
        """Return the steps of a symbol, if they are known."""
        return self._by_symbol.get(symbol)

    def _take(self, instrument: Instrument) -> bool:
        if instrument.tick_size is None or instrument.lot_size is None:
            return False
        symbol = symbol_of(instrument.instrument_id)
        self._by_symbol[symbol] = Steps(
            instrument.instrument_id, symbol, instrument.tick_size, instrument.lot_size
        )
        return True

    def read(self, symbol: str) -> Steps:
        """Return the steps by which something of a symbol is read.

        Raises:
            VenuePayloadError: They are not known.
        """
        found = self._by_symbol.get(symbol)
        if found is None:
            raise VenuePayloadError(
                "the account has orders or positions in an instrument whose steps the venue has"
                " not said, and that cannot be counted without them: clear it at the venue",
                symbol,
            )
        return found

    def write(self, instrument_id: InstrumentId) -> Steps:
        """Return the steps in which something of an instrument is written.

        Raises:
            UnsupportedByVenue: They are not known, so nothing may be sent.
        """
        found = self._by_symbol.get(symbol_of(instrument_id))
        if found is None or found.instrument_id != instrument_id:
            raise UnsupportedByVenue(f"{instrument_id}: {self.venue} has not said its steps")
        return found


def _units(text: str, step: Decimal) -> int:
    units, rest, _ = _split(text, step)
    require(rest == 0, f"no whole number of steps of {step}", text)
    return units


def _split(text: str, step: Decimal) -> tuple[int, int, int]:
    """Return the whole steps of a number, and what is left of it: as a part of which divisor."""
    digits, decimals = split_decimal(text)
    finer = decimals_of(step)
    divisor = _ten_to(decimals) * _digits(step, finer)
    units, rest = divmod(digits * _ten_to(finer), divisor)
    require(units < UNITS_MAX, "number too large", text)
    return units, rest, divisor


def _text(units: int, step: Decimal) -> str:
    decimals = decimals_of(step)
    return decimal_text(units * _digits(step, decimals), decimals)


def _ten_to(decimals: int) -> int:
    power: int = 10**decimals
    return power


def _digits(step: Decimal, decimals: int) -> int:
    """Return a step as a whole number of its last decimals."""
    return int(step.scaleb(decimals))
