"""Instruments of the simulated venue: names, steps, and how wild their markets are.

Ticks and lots are fixed. Prices and tempers are near those of the real markets of the same names,
so that the screen looks as it will look; nothing here follows the real ones.
"""

from decimal import Decimal
from difflib import get_close_matches
from typing import Final

import msgspec

from engine.model.errors import ConfigError
from engine.model.instrument import Instrument, InstrumentId, instrument_id
from engine.model.numbers import decimals_of

VENUE: Final = "simulated"


class SimulatedInstrument(msgspec.Struct, frozen=True):
    """One instrument and the temper of its market."""

    symbol: str
    tick: Decimal
    lot: Decimal
    price_ticks: int
    """Where its history ends, more or less, counted in `tick`."""
    volatility: float
    """Standard deviation of a year's return."""
    activity: float
    """Flow of orders relative to BTC-PERP."""

    @property
    def instrument_id(self) -> InstrumentId:
        """Id with the venue's name."""
        return instrument_id(VENUE, self.symbol)

    @property
    def price_decimals(self) -> int:
        """Digits after the point in a price."""
        return decimals_of(self.tick)

    @property
    def qty_decimals(self) -> int:
        """Digits after the point in a size."""
        return decimals_of(self.lot)

    @property
    def tick_units(self) -> int:
        """Units of the decoding scale in a tick: 5 for a tick of 0.5."""
        return int(self.tick.scaleb(self.price_decimals))

    @property
    def lot_units(self) -> int:
        """Units of the decoding scale in a lot."""
        return int(self.lot.scaleb(self.qty_decimals))

    def described(self) -> Instrument:
        """Return what the venue says about the instrument."""
        return Instrument(
            instrument_id=self.instrument_id,
            sequence_rule="contiguous_ids",
            base=self.symbol.partition("-")[0],
            quote="USD",
            tick_size=self.tick,
            lot_size=self.lot,
            notional_min=Decimal(10),
            is_trading=True,
        )


def _row(
    symbol: str, tick: str, lot: str, price_ticks: int, volatility: float, activity: float
) -> SimulatedInstrument:
    return SimulatedInstrument(
        symbol, Decimal(tick), Decimal(lot), price_ticks, volatility, activity
    )


INSTRUMENTS: Final = (
    _row("BTC-PERP", "0.5", "0.001", 128_000, 0.45, 1.0),
    _row("ETH-PERP", "0.1", "0.01", 31_000, 0.60, 0.8),
    _row("SOL-PERP", "0.01", "0.1", 18_000, 0.80, 0.6),
    _row("XRP-PERP", "0.0001", "1", 22_000, 0.75, 0.4),
    _row("BNB-PERP", "0.05", "0.01", 12_200, 0.50, 0.4),
    _row("DOGE-PERP", "0.00001", "10", 16_500, 0.85, 0.4),
    _row("HYPE-PERP", "0.001", "0.1", 31_000, 1.00, 0.4),
    _row("ADA-PERP", "0.00005", "1", 13_800, 0.80, 0.3),
    _row("AVAX-PERP", "0.001", "0.1", 27_500, 0.90, 0.3),
    _row("LINK-PERP", "0.001", "0.1", 14_800, 0.85, 0.3),
    _row("SUI-PERP", "0.0001", "1", 31_000, 0.95, 0.3),
    _row("LTC-PERP", "0.005", "0.01", 18_800, 0.65, 0.3),
    _row("BCH-PERP", "0.02", "0.01", 24_000, 0.70, 0.3),
    _row("DOT-PERP", "0.0001", "1", 41_000, 0.80, 0.3),
    _row("NEAR-PERP", "0.0001", "1", 26_500, 0.95, 0.3),
    _row("AAVE-PERP", "0.01", "0.01", 25_500, 0.85, 0.3),
    _row("UNI-PERP", "0.0005", "0.1", 16_600, 0.90, 0.3),
    _row("ARB-PERP", "0.00002", "1", 19_500, 0.95, 0.3),
    _row("OP-PERP", "0.00005", "1", 14_200, 1.00, 0.3),
    _row("TON-PERP", "0.0002", "1", 16_000, 0.70, 0.3),
)


def find_instruments(symbols: tuple[str, ...]) -> tuple[SimulatedInstrument, ...]:
    """Return the instruments of these names, in this order, each once.

    Raises:
        ConfigError: There is no such instrument; the message names the nearest.
    """
    by_symbol = {instrument.symbol: instrument for instrument in INSTRUMENTS}
    for symbol in symbols:
        if symbol not in by_symbol:
            near = get_close_matches(symbol.upper(), by_symbol, n=1, cutoff=0.3)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_symbol)}"
            raise ConfigError(f"The simulated venue does not list {symbol!r}; {hint}")
    return tuple(by_symbol[symbol] for symbol in dict.fromkeys(symbols))
