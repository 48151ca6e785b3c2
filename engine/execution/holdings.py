"""Net positions in money, as venues reckon them: by average entry, in the digits of their accounts.

The ledger counts in whole ticks times lots, which no sum of fills can make drift. What a partial
close costs is rounded there to other digits than at a venue, until the position is flat; whoever
compares cash with a venue's needs the venue's own reckoning.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from engine.execution.positions import EXACT, Position, Steps, plain, total

ZERO: Final = Decimal(0)

MONEY_STEP: Final = Decimal("1E-8")
"""The last digit of an amount at every venue that we trade at."""


class Holding(msgspec.Struct):
    """A net position; `cost` is what the open part was bought for, with the sign of `qty`."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO

    def take(self, qty: Decimal, value: Decimal) -> Decimal:
        """Take in a signed size and what it was worth; return what that realised.

        What a partial close costs is rounded, and the rest stays with what is open.
        """
        if not qty:
            return ZERO
        closed = ZERO
        if self.qty * qty < 0:
            closed = min(abs(qty), abs(self.qty)).copy_sign(self.qty)
        closed_cost = self.cost
        if closed != self.qty:
            share = EXACT.divide(EXACT.multiply(self.cost, closed), self.qty) if closed else ZERO
            closed_cost = share.quantize(MONEY_STEP, ROUND_HALF_UP, EXACT)
        closing = value if -closed == qty else EXACT.divide(EXACT.multiply(value, -closed), qty)
        brought = total((-closing, -closed_cost))
        self.cost = total((self.cost, -closed_cost, value, -closing))
        self.qty = total((self.qty, qty))
        self.realised = total((self.realised, brought))
        return brought


def holding_of(position: Position, steps: Steps) -> Holding:
    """Return a position of the ledger in money."""
    qty = EXACT.multiply(Decimal(position.lots), steps.lot_size)
    cost = EXACT.multiply(Decimal(position.cost), steps.unit)
    return Holding(plain(qty), plain(cost), steps.realised(position))


def is_of(holding: Holding, position: Position, steps: Steps) -> bool:
    """Whether both are of one size: else fills are missing in the one that the other has."""
    return holding.qty == EXACT.multiply(Decimal(position.lots), steps.lot_size)
