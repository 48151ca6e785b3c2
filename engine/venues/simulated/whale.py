"""A whale: puts one large order into the book, waits, and either is filled or takes it back."""

from typing import Final, Literal, assert_never

from engine.execution.matching import BUY, SELL, Side
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.fair_value import FairValue
from engine.venues.simulated.instruments import SimulatedInstrument

WALL_USD_MIN: Final = 220_000
WALL_USD_MAX: Final = 420_000
"""8.8 to 16.8 times the 25,000 dollars from which an order counts as large."""
DISTANCE_TICKS_MIN: Final = 8
DISTANCE_TICKS_MAX: Final = 16
"""From the touch at its side; the touch moves a few ticks until the book is published."""
FIRST_S_MIN: Final = 12
FIRST_S_MAX: Final = 38
"""When the first whale of the first instrument comes: soon enough for somebody who has a look."""
LATER_FIRST_S_MAX: Final = 180
PAUSE_S_MIN: Final = 75
PAUSE_S_MAX: Final = 260
STAND_S_MIN: Final = 18
STAND_S_MAX: Final = 50
ATTACK_S_MAX: Final = 30
"""A wall that is not broken by then is taken back."""
ATTACK_SLICES: Final = 14
PULLED_SHARE: Final = 0.45

Plan = Literal["away", "standing", "attacked"]


class Whale:
    """The one whale of an instrument.

    Args:
        chance: Draws of the whale alone.
        desk: Where it puts its order.
        fair_value: What its order holds back while it stands.
        instrument: What it trades.
    """

    def __init__(
        self,
        chance: Chance,
        desk: Desk,
        fair_value: FairValue,
        instrument: SimulatedInstrument,
    ) -> None:
        self._chance = chance
        self._desk = desk
        self._fair_value = fair_value
        self._tick = instrument.tick_units
        self._lot = instrument.lot_units
        self._lot_usd_per_tick = float(instrument.lot) * float(instrument.tick)
        self._plan: Plan = "away"
        self._side: Side = BUY
        self._price_ticks = 0
        self._order_id = 0
        self._lots = 0
        self._attack_end_ns = 0

    def first_ns(self, start_ns: int, *, is_early: bool) -> int:
        """Return when it comes for the first time."""
        last_s = FIRST_S_MAX if is_early else LATER_FIRST_S_MAX
        return start_ns + self._chance.between(FIRST_S_MIN * NS_PER_S, last_s * NS_PER_S)

    def act(self, ts_ns: int) -> int:
        """Do what is next and return when to act again."""
        match self._plan:
            case "away":
                return self._come(ts_ns)
            case "standing":
                if self._chance.happens(PULLED_SHARE) or not self._left():
                    return self._leave(ts_ns)
                self._plan = "attacked"
                self._attack_end_ns = ts_ns + ATTACK_S_MAX * NS_PER_S
                return self._attack(ts_ns)
            case "attacked":
                return self._attack(ts_ns)
            case _:
                assert_never(self._plan)

    def sway(self) -> None:
        """Keep the fair value on the near side of the wall; lead it there under attack."""
        if self._plan == "away" or not self._left():
            return
        price = self._price_ticks
        if self._plan == "attacked":
            self._fair_value.approach(price + 0.5 if self._side == BUY else price - 0.5)
        if self._side == BUY:
            self._fair_value.hold(price + 0.5, float("inf"))
        else:
            self._fair_value.hold(0.0, price - 0.5)

    def forget(self) -> None:
        """The book was cleared: there is no order of it any more."""
        self._plan = "away"

    def _left(self) -> int:
        return self._desk.matching.lots_left(self._order_id)

    def _come(self, ts_ns: int) -> int:
        chance = self._chance
        side: Side = BUY if chance.happens(0.5) else SELL
        matching = self._desk.matching
        touch = matching.best_bid if side == BUY else matching.best_ask
        if touch is None:
            return ts_ns + NS_PER_S
        distance = chance.between(DISTANCE_TICKS_MIN, DISTANCE_TICKS_MAX)
        price_ticks = touch[0] // self._tick + (-distance if side == BUY else distance)
        usd = chance.between(WALL_USD_MIN, WALL_USD_MAX)
        lots = (1 + int(usd / (self._lot_usd_per_tick * price_ticks))) * self._lot
        self._side, self._price_ticks, self._lots = side, price_ticks, lots
        self._order_id = self._desk.post(side, lots, price_ticks * self._tick)
        self._plan = "standing"
        return ts_ns + chance.between(STAND_S_MIN * NS_PER_S, STAND_S_MAX * NS_PER_S)

    def _leave(self, ts_ns: int) -> int:
        self._desk.cancel(self._order_id)
        self._plan = "away"
        return ts_ns + self._chance.between(PAUSE_S_MIN * NS_PER_S, PAUSE_S_MAX * NS_PER_S)

    def _attack(self, ts_ns: int) -> int:
        if not self._left() or ts_ns >= self._attack_end_ns:
            return self._leave(ts_ns)
        if abs(self._fair_value.ticks - self._price_ticks) <= 2:
            slice_lots = max(1, self._lots // self._lot // ATTACK_SLICES) * self._lot
            attacker: Side = SELL if self._side == BUY else BUY
            self._desk.take(attacker, slice_lots, self._price_ticks * self._tick, ts_ns)
        return ts_ns + self._chance.between(150 * NS_PER_MS, 400 * NS_PER_MS)
