"""Makers: those who keep a book, near the fair value in small sizes, farther away in large ones.

Each side has a fixed number of slots with an offset from the fair value and a usual size; a slot
holds at most one order. Slots near the touch are looked after often, far ones seldom, as real
ones are: the far book stays where it is while the price walks through it.
"""

from typing import Final

from engine.execution.matching import BUY, SELL, Side
from engine.model.chance import Chance
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.instruments import SimulatedInstrument

SLOTS: Final = 120
REACH_SHARE: Final = 0.0105
"""How far the farthest slot lies from the fair value: the book shows a little more than 1 %."""
CROWDING: Final = 2.1
"""Power by which slots crowd at the touch."""
NEAR_USD: Final = 4_000.0
FAR_USD: Final = 11_000.0
"""Usual sizes of a level at the touch and at the reach; with the spread of sizes none comes near a
whale's."""
FOLLOWED_SLOTS: Final = 14
"""Slots whose makers watch the fair value all the time."""
INATTENTION_BITS: Final = 2
"""A watched quote that should move is left where it is once in two to the power of this."""

_SLOT_BITS: Final = 20
_SIZE_BITS: Final = 10
_SIZE_MASK: Final = 2**_SIZE_BITS - 1
_HALF_SIZE: Final = 2 ** (_SIZE_BITS - 1)


class _Quotes:
    """Slots of one side."""

    __slots__ = ("order_ids", "prices", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = -1 if side == BUY else 1
        self.order_ids = [0] * SLOTS
        self.prices = [0] * SLOTS


class Makers:
    """All makers of one instrument.

    Args:
        chance: Draws of the makers alone.
        desk: Where they quote.
        instrument: What they quote.
        price_ticks: Price at which sizes in dollars become lots.
    """

    def __init__(
        self, chance: Chance, desk: Desk, instrument: SimulatedInstrument, price_ticks: int
    ) -> None:
        self._chance = chance
        self._desk = desk
        self._tick = instrument.tick_units
        self._lot = instrument.lot_units
        self._sides = (_Quotes(BUY), _Quotes(SELL))
        reach = max(SLOTS // 2, int(price_ticks * REACH_SHARE))
        shares = [(slot / (SLOTS - 1)) ** CROWDING for slot in range(SLOTS)]
        self._offsets = [int(reach * share) for share in shares]
        self._jitters = [1 + offset // 8 for offset in self._offsets]
        lot_usd = float(instrument.lot) * price_ticks * float(instrument.tick)
        self._lots = [
            max(1, int(_level_usd(slot) / self._offsets.count(offset) / lot_usd))
            for slot, offset in enumerate(self._offsets)
        ]

    def fill(self, fair_ticks: float) -> None:
        """Quote on all slots; those of former quotes count as gone."""
        for slot in range(SLOTS):
            for quotes in self._sides:
                quotes.order_ids[slot] = 0
                self._requote(quotes, slot, fair_ticks, self._chance.next_u64())

    def look_after_one(self, fair_ticks: float) -> None:
        """Renew the quote of one slot, rather a near one than a far one."""
        bits = self._chance.next_u64()
        drawn = bits & 0xFFFFF
        slot = (drawn * drawn * SLOTS) >> (2 * _SLOT_BITS)
        self._requote(self._sides[bits >> 63], slot, fair_ticks, bits >> _SLOT_BITS)

    def follow(self, fair_ticks: float) -> None:
        """Move near quotes that are gone or no longer where they should be, most of them."""
        lots_left = self._desk.matching.lots_left
        floor = int(fair_ticks)
        attention = self._chance.next_u64()
        for quotes in self._sides:
            base = floor if quotes.sign < 0 else floor + 1
            for slot in range(FOLLOWED_SLOTS):
                offset = self._offsets[slot]
                target = (base + quotes.sign * offset) * self._tick
                away = abs(quotes.prices[slot] - target)
                is_there = away <= (1 + offset) * self._tick
                if is_there and lots_left(quotes.order_ids[slot]):
                    continue
                attention >>= INATTENTION_BITS
                if attention & 3 or slot == 0:
                    self._requote(quotes, slot, fair_ticks, self._chance.next_u64())

    def _requote(self, quotes: _Quotes, slot: int, fair_ticks: float, bits: int) -> None:
        former = quotes.order_ids[slot]
        if former:
            self._desk.cancel(former)
        offset = self._offsets[slot] + ((bits & 0xFFFF) * self._jitters[slot] >> 16)
        base = int(fair_ticks) if quotes.sign < 0 else int(fair_ticks) + 1
        price = max(1, base + quotes.sign * offset) * self._tick
        size = _HALF_SIZE + (bits >> 16 & _SIZE_MASK)
        lots = max(1, self._lots[slot] * size >> _SIZE_BITS) * self._lot
        quotes.order_ids[slot] = self._desk.post(quotes.side, lots, price)
        quotes.prices[slot] = price


def _level_usd(slot: int) -> float:
    return NEAR_USD + (FAR_USD - NEAR_USD) * slot / SLOTS
