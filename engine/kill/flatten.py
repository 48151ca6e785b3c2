"""Flattening from outside (R76): reduce-only orders in slices that fill at once or lapse.

After each slice the position is read again. A slice that filled nothing is tried a few times; what
is left then is said, and a person looks.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from engine.kill.clock import KillClock
from engine.kill.venue import VenueKill, signed
from engine.model.errors import UnsupportedByVenue, VenueUnreachable
from engine.model.instrument import Instrument, instrument_id, symbol_of
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec
from engine.venues.trading import HeldPosition

TRIES: Final = 3
"""Slices in a row that changed nothing."""
SLICES_MAX: Final = 1_000
SETTLE_S: Final = 1.0
"""Between a slice and the look at what it left."""


class SliceLimits(NamedTuple):
    """How large a slice may be, and how far from the mark price."""

    value_max: Decimal = Decimal(10_000)
    """In the quote currency."""
    collar: Decimal = Decimal("0.01")


class Flatten:
    """Closes what one venue's account holds.

    Args:
        kill: The kill there, verified.
    """

    def __init__(self, kill: VenueKill, clock: KillClock, limits: SliceLimits) -> None:
        self._kill = kill
        self._clock = clock
        self._limits = limits
        self._steps: dict[str, Instrument] = {}
        self._sent = 0
        self.problem = ""

    def run(self) -> list[str]:
        """Close everything; returns what is to be told."""
        try:
            self._learn_steps()
            self._kill.look_at_positions()
            for symbol in list(self._kill.held):
                self._close(symbol)
        except VenueUnreachable as error:
            self.problem = str(error)
        left = [f"{one.symbol} {signed(one.qty)}" for one in self._kill.held.values()]
        told = f"{self._kill.name}: {self._sent} slices sent, left: {', '.join(left) or 'nothing'}"
        return [f"{told} ({self.problem})" if self.problem else told]

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held any more."""
        return not (self._kill.held or self.problem)

    def _learn_steps(self) -> None:
        request = self._kill.rest.wire.listing()
        rows = [] if request is None else self._kill.rest.rows(request)
        listed = [row for row in rows if isinstance(row, Instrument)]
        self._steps = {symbol_of(row.instrument_id): row for row in listed}

    def _close(self, symbol: str) -> None:
        slices = tries = 0
        held = self._kill.held.get(symbol)
        while held is not None and tries < TRIES and slices < SLICES_MAX:
            spec = self._slice(held)
            if spec is None:
                self.problem = f"{symbol}: its steps or its price are not known"
                return
            self._send(spec)
            self._clock.sleep(SETTLE_S)
            self._kill.look_at_positions()
            before, held = held, self._kill.held.get(symbol)
            tries = tries + 1 if held is not None and held.qty == before.qty else 0
            slices += 1

    def _slice(self, held: HeldPosition) -> OrderSpec | None:
        """Return the next slice of a position; None where it cannot be written."""
        known = self._steps.get(held.symbol)
        if known is None or held.mark is None or not known.tick_size or not known.lot_size:
            return None
        sells = held.qty > 0
        price = held.mark * (1 - self._limits.collar if sells else 1 + self._limits.collar)
        rounding = ROUND_CEILING if sells else ROUND_FLOOR  # Never further than the collar.
        ticks = int((price / known.tick_size).to_integral_value(rounding))
        whole = int((abs(held.qty) / known.lot_size).to_integral_value(ROUND_DOWN))
        most = int(self._limits.value_max / (held.mark * known.lot_size))
        lots = min(whole, max(most, 1))
        if not (lots and ticks):
            return None
        return OrderSpec(
            instrument_id(self._kill.name, held.symbol),
            "sell" if sells else "buy",
            "limit",
            QtyLots(lots),
            PriceTicks(ticks),
            tif="ioc",
            is_reduce_only=True,
        )

    def _send(self, spec: OrderSpec) -> None:
        """Send a slice once; whatever came of it, the position tells."""
        self._sent += 1
        name = f"kill{self._clock.now_ns() // 1_000_000}-{self._sent}"
        rest = self._kill.rest
        try:
            answer = rest.ask(rest.wire.place(name, OrderIntent(spec, tag="kill flatten")))
        except (UnsupportedByVenue, VenueUnreachable) as error:
            self.problem = str(error)
            return
        self.problem = "" if answer.verdict == "confirmed" else answer.reason
