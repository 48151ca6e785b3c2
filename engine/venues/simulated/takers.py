"""Takers: those who trade at once, in bursts, and those who know where the price should be."""

from math import exp
from typing import Final

from engine.execution.matching import BUY, SELL, Side
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.draws import size_table
from engine.venues.simulated.fair_value import FairValue
from engine.venues.simulated.instruments import SimulatedInstrument

QUIET_RATE_PER_S: Final = 6.0
"""Orders per second when nobody is excited, at activity 1."""
EXCITEMENT: Final = 0.65
"""Orders that each order brings about on average (Hawkes): below 1, or it never ends."""
CALMING_PER_S: Final = 4.0
SAME_SIDE_SHARE: Final = 0.55
"""Share of orders that simply follow the one before."""
TREND_LEAN: Final = 0.8
"""How much a trend tilts the choice of side: share of buys is 0.5 plus this times the drift."""
SIZE_USD_MEDIAN: Final = 450.0
SIZE_SPREAD: Final = 1.2
SIZE_USD_MAX: Final = 15_000.0
PRICE_LIMIT_SHARE: Final = 0.003
"""Nobody takes farther from the fair value than this: no order empties a side."""
INFORMED_USD: Final = 30_000.0


class Takers:
    """All takers of one instrument.

    Args:
        chance: Draws of the takers alone.
        desk: Where they trade.
        fair_value: What the informed among them know.
        instrument: What they trade.
        intensity: Factor on the number of orders.
    """

    def __init__(
        self,
        chance: Chance,
        desk: Desk,
        fair_value: FairValue,
        instrument: SimulatedInstrument,
        intensity: float,
    ) -> None:
        self._chance = chance
        self._desk = desk
        self._fair_value = fair_value
        self._tick = instrument.tick_units
        lot_usd = float(instrument.lot) * fair_value.ticks * float(instrument.tick)
        sizes = size_table(chance, SIZE_USD_MEDIAN, SIZE_SPREAD, SIZE_USD_MAX)
        self._sizes = [max(1, int(usd / lot_usd)) * instrument.lot_units for usd in sizes]
        self._informed_lots = max(1, int(INFORMED_USD / lot_usd)) * instrument.lot_units
        self._quiet_rate = QUIET_RATE_PER_S * instrument.activity
        self._excited_rate = 0.0
        self._intensity = intensity
        self._side: Side = BUY

    def gap_ns(self) -> int:
        """Return how long it is to the next order, and calm down over that time.

        The process runs in its own time, which intensity makes run faster: bursts keep their
        shape however dense the flow.
        """
        gap_s = self._chance.exponential(1 / (self._quiet_rate + self._excited_rate))
        self._excited_rate *= exp(-CALMING_PER_S * gap_s)
        return 1 + int(gap_s / self._intensity * NS_PER_S)

    def trade(self, ts_ns: int) -> None:
        """Send one order, and be a little more excited."""
        self._excited_rate += EXCITEMENT * CALMING_PER_S
        bits = self._chance.next_u64()
        if (bits & 0xFFFF) >= SAME_SIDE_SHARE * 0x10000:
            buys = 0.5 + TREND_LEAN * self._fair_value.trend
            self._side = BUY if (bits >> 16 & 0xFFFF) < buys * 0x10000 else SELL
        reach = 1 + PRICE_LIMIT_SHARE if self._side == BUY else 1 - PRICE_LIMIT_SHARE
        limit = int(self._fair_value.ticks * reach) * self._tick
        self._desk.take(self._side, self._sizes[bits >> 56], limit, ts_ns)

    def pick_off(self, ts_ns: int) -> None:
        """Take quotes that the fair value has left behind, as those do who see it first."""
        floor = int(self._fair_value.ticks)
        ask, bid = self._desk.matching.best_ask, self._desk.matching.best_bid
        if ask is not None and ask[0] <= floor * self._tick:
            self._desk.take(BUY, self._informed_lots, floor * self._tick, ts_ns)
        if bid is not None and bid[0] >= (floor + 1) * self._tick:
            self._desk.take(SELL, self._informed_lots, (floor + 1) * self._tick, ts_ns)
