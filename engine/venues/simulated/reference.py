"""Reference prices: index, mark and the funding that is due at the next full hour."""

from decimal import Decimal
from typing import Final

from engine.model.chance import Chance
from engine.model.market import MarkPrice
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.draws import normal
from engine.venues.simulated.instruments import SimulatedInstrument

FUNDING_EVERY_NS: Final = 3_600 * NS_PER_S
INTEREST_RATE: Final = 0.0000125
"""Hourly share of the usual 0.01 % in eight hours."""
FUNDING_RATE_MAX: Final = 0.0005
PREMIUM_MEMORY: Final = 0.995
"""Share of the former premium in the next, each second: an average over some minutes."""
BASIS_MEMORY: Final = 0.8
"""Share of the former basis in the next: the mark follows the mid within seconds."""
INDEX_NOISE: Final = 0.00001
"""Deviation of the index from the fair value, as a share: other venues do not agree to the tick."""
RATE_DECIMALS: Final = 8
FINER: Final = 10
"""The mark is told to a tenth of the price scale's unit, as venues do."""


class ReferencePrices:
    """Mark, index and funding of one instrument.

    Args:
        chance: Draws of the index alone.
        instrument: Whose prices they are.
    """

    def __init__(self, chance: Chance, instrument: SimulatedInstrument) -> None:
        self._chance = chance
        self._instrument_id = instrument.instrument_id
        self._decimals = instrument.price_decimals + 1
        self._basis = 0.0
        self._premium = INTEREST_RATE * (1 - 2 * chance.uniform())

    def mark(self, fair_units: float, mid_units: float, ts_ns: int) -> MarkPrice:
        """Return the prices of this second; both arguments in units of the price scale."""
        index = fair_units * (1 + INDEX_NOISE * normal(self._chance))
        self._basis += (mid_units - index - self._basis) * (1 - BASIS_MEMORY)
        self._premium += (self._basis / index - self._premium) * (1 - PREMIUM_MEMORY)
        rate = min(max(self._premium + INTEREST_RATE, -FUNDING_RATE_MAX), FUNDING_RATE_MAX)
        return MarkPrice(
            instrument_id=self._instrument_id,
            mark=_decimal((index + self._basis) * FINER, self._decimals),
            index=_decimal(index * FINER, self._decimals),
            funding_rate=_decimal(rate * 10**RATE_DECIMALS, RATE_DECIMALS),
            next_funding_ns=ts_ns - ts_ns % FUNDING_EVERY_NS + FUNDING_EVERY_NS,
            ts_venue_ns=ts_ns,
        )


def _decimal(units: float, decimals: int) -> Decimal:
    return Decimal(int(units)).scaleb(-decimals)
