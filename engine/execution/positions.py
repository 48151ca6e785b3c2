"""Positions: what each owner holds of each instrument, and what the venue makes of it all.

The venue nets; each strategy and `hand` has a virtual position, and together they are the venue's
(I16, D18). The net position is kept beside them from the same fills, with the venue's own average.
Sizes are signed lots. Values are integers of ticks * lots, so no sum ever drifts: after any fills,
`realised - cost` is exactly what was received minus what was paid.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.orders import EXTERNAL, HAND, Side

EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])
"""More digits than any sum of sane amounts needs; the same in every process and thread."""

VALUE_MAX: Final = 2**56
"""Of one fill or position, in ticks * lots: more than anybody trades in the finest steps there are.
Sums of such still fit the 64 bits of a checkpoint; what is larger is a damaged number."""

DIGITS_MAX: Final = 20
DECIMALS_MAX: Final = 30


class Position(msgspec.Struct):
    """One holding of one instrument.

    `cost` is what the open part was bought for, with the sign of `lots`: negative for a short.
    """

    lots: int = 0
    """Above zero long, below zero short."""
    cost: int = 0
    realised: int = 0
    settled: Decimal = Decimal(0)
    """Profit in money from before the instrument's steps changed."""

    @property
    def average_ticks(self) -> Decimal | None:
        """Average entry in ticks; None without a position."""
        return EXACT.divide(Decimal(self.cost), Decimal(self.lots)) if self.lots else None

    def fill(self, lots: int, price_ticks: int) -> None:
        """Take in signed lots at a price: first they close, what is left opens."""
        closed = closing_lots(self.lots, lots)
        if closed:
            removed = self.cost * closed // self.lots
            self.realised += price_ticks * closed - removed
            self.cost -= removed
            self.lots -= closed
        opened = lots + closed
        self.cost += price_ticks * opened
        self.lots += opened


class Steps(msgspec.Struct, frozen=True):
    """How an instrument's integers become money."""

    tick_size: Decimal
    lot_size: Decimal
    quote: str

    @property
    def unit(self) -> Decimal:
        """Worth of one tick times one lot."""
        return EXACT.multiply(self.tick_size, self.lot_size)

    def fill_price(self, fill: OrderFilled) -> Decimal:
        """Return the price of a fill, which may lie between two ticks."""
        if fill.off_tick_price is not None:
            return fill.off_tick_price
        return EXACT.multiply(Decimal(fill.price_ticks), self.tick_size)

    def lots_in(self, new: "Steps", lots: int) -> Fraction:
        """Return a size in lots of other steps."""
        return lots * Fraction(self.lot_size) / Fraction(new.lot_size)

    def value_in(self, new: "Steps", value: int) -> Fraction:
        """Return ticks * lots in those of other steps."""
        return value * Fraction(self.unit) / Fraction(new.unit)

    def price_in(self, new: "Steps", ticks: int) -> Fraction:
        """Return a price in ticks of other steps."""
        return ticks * Fraction(self.tick_size) / Fraction(new.tick_size)

    def realised(self, position: Position) -> Decimal:
        """Return the profit that closing has brought, before fees and funding."""
        return plain(EXACT.fma(Decimal(position.realised), self.unit, position.settled))

    def open_profit(self, position: Position, mark: Decimal) -> Decimal:
        """Return what closing all of it at a price would bring, before fees."""
        worth = EXACT.multiply(EXACT.multiply(Decimal(position.lots), self.lot_size), mark)
        return plain(EXACT.subtract(worth, EXACT.multiply(Decimal(position.cost), self.unit)))

    def average_price(self, position: Position) -> Decimal | None:
        """Return the average entry as a price; None without a position."""
        average = position.average_ticks
        return None if average is None else plain(EXACT.multiply(average, self.tick_size))


class Positions(msgspec.Struct):
    """All positions, by instrument and owner."""

    owned: dict[InstrumentId, dict[str, Position]] = {}
    nets: dict[InstrumentId, Position] = {}

    def of(self, owner: str, instrument_id: InstrumentId) -> Position:
        """Return an owner's position; a new, empty one if there never was any."""
        return self.owned.get(instrument_id, {}).get(owner, Position())

    def net(self, instrument_id: InstrumentId) -> Position:
        """Return the position as the venue has it."""
        return self.nets.get(instrument_id, Position())

    def owners(self, instrument_id: InstrumentId) -> list[str]:
        """Return who holds some of it, by name."""
        owned = self.owned.get(instrument_id, {})
        return [owner for owner in sorted(owned) if owned[owner].lots]

    def shares(
        self, owner: str, instrument_id: InstrumentId, lots: int, *, is_reduce_only: bool
    ) -> dict[str, int]:
        """Return whose position a fill of signed lots changes, and by how much.

        A close by hand takes from hand first, then from the others that hold the other side, in
        proportion; what nobody holds is hand's. What was done elsewhere does the same as far as it
        shrinks the net position: the venue knows no owners.
        """
        if owner == EXTERNAL:
            closed = abs(closing_lots(self.net(instrument_id).lots, lots))
        elif owner == HAND and is_reduce_only:
            closed = abs(lots)
        else:
            return {owner: lots}
        sign = 1 if lots > 0 else -1
        owned = self.owned.get(instrument_id, {})
        holdings = {name: max(0, -sign * owned[name].lots) for name in sorted(owned)}
        own = min(closed, holdings.pop(owner, 0))
        others = proportion(closed - own, holdings)
        parts = {owner: abs(lots) - sum(others.values())} | others
        return {name: sign * part for name, part in parts.items() if part}

    def book(
        self, instrument_id: InstrumentId, shares: Mapping[str, int], price_ticks: int
    ) -> None:
        """Take in a fill that is shared out already."""
        owned = self.owned.setdefault(instrument_id, {})
        for owner, lots in shares.items():
            owned.setdefault(owner, Position()).fill(lots, price_ticks)
        self.nets.setdefault(instrument_id, Position()).fill(sum(shares.values()), price_ticks)

    def adopt(self, instrument_id: InstrumentId, lots: int, price: Decimal, steps: "Steps") -> None:
        """Take in signed lots that no fill brought, at a price between two ticks perhaps."""
        ticks = int(EXACT.divide_int(price, steps.tick_size))
        shares = self.shares(EXTERNAL, instrument_id, lots, is_reduce_only=False)
        self.book(instrument_id, shares, ticks)
        self.settle_rest(instrument_id, shares, ticks, price, steps)

    def settle_rest(
        self,
        instrument_id: InstrumentId,
        shares: Mapping[str, int],
        ticks: int,
        price: Decimal,
        steps: "Steps",
    ) -> None:
        """Count as profit what a booked price differs from the true one.

        The average entry is right to a tick, the money exactly.
        """
        rest = EXACT.subtract(price, EXACT.multiply(Decimal(ticks), steps.tick_size))
        each = EXACT.multiply(rest, steps.lot_size)
        owned = self.owned[instrument_id]
        parts = [(owned[owner], part) for owner, part in shares.items()]
        for position, part in (*parts, (self.nets[instrument_id], sum(shares.values()))):
            cost = EXACT.multiply(each, Decimal(part))
            position.settled = plain(EXACT.subtract(position.settled, cost))

    def sizes(self, instrument_id: InstrumentId) -> list[int]:
        """Return the signed lots of every position."""
        return [position.lots for position in self._all_of(instrument_id)]

    def values(self, instrument_id: InstrumentId) -> list[int]:
        """Return what every position cost and realised, in ticks * lots."""
        held = self._all_of(instrument_id)
        return [value for position in held for value in (position.cost, position.realised)]

    def restep(self, instrument_id: InstrumentId, old: Steps, new: Steps) -> None:
        """Count in new steps, to whole lots of which every size comes; no money is lost.

        What was realised becomes money, and so does the part of a cost that the new steps cannot
        express.
        """
        for position in self._all_of(instrument_id):
            cost = int(old.value_in(new, position.cost) // 1)
            settled = old.realised(position)
            rest = EXACT.subtract(
                EXACT.multiply(Decimal(position.cost), old.unit),
                EXACT.multiply(Decimal(cost), new.unit),
            )
            position.settled = plain(EXACT.subtract(settled, rest))
            position.lots = int(old.lots_in(new, position.lots))
            position.cost, position.realised = cost, 0

    def _all_of(self, instrument_id: InstrumentId) -> list[Position]:
        owned = self.owned.get(instrument_id, {})
        nets = [self.nets[instrument_id]] if instrument_id in self.nets else []
        return [*owned.values(), *nets]


def closing_lots(held: int, lots: int) -> int:
    """Return the part of a held position that a fill of signed lots closes, signed as held."""
    if held > 0 > lots:
        return min(held, -lots)
    return max(held, -lots) if held < 0 < lots else 0


def signed_lots(side: Side, lots: int) -> int:
    """Return the change of position that a fill makes."""
    return lots if side == "buy" else -lots


def proportion(lots: int, holdings: Mapping[str, int]) -> dict[str, int]:
    """Share lots out in proportion to what each holds, never more than that.

    The largest remainders get the odd lots; of equal ones the first by name.
    """
    whole = sum(holdings.values())
    if lots >= whole:
        return dict(holdings)
    parts = {name: lots * held // whole for name, held in holdings.items()}
    by_remainder = sorted(holdings, key=lambda name: (-(lots * holdings[name] % whole), name))
    for name in by_remainder[: lots - sum(parts.values())]:
        parts[name] += 1
    return parts


def plain(amount: Decimal) -> Decimal:
    """Return the one form that equal amounts share: no exponent, no trailing zeros."""
    short = amount.normalize(EXACT) if amount else Decimal(0)
    exponent = short.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:
        return short.quantize(Decimal(1), context=EXACT)
    return short


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return plain(result)


def is_countable(ticks: int, lots: int) -> bool:
    """Whether a fill or position of this size at this price is one that a venue can have."""
    return abs(ticks * lots) < VALUE_MAX and abs(lots) < VALUE_MAX


def is_sane(amount: Decimal) -> bool:
    """Whether sums of such amounts stay exact; no money of this world fails."""
    if not amount.is_finite():
        return False
    exponent = amount.as_tuple().exponent
    return (
        amount.adjusted() < DIGITS_MAX and isinstance(exponent, int) and exponent >= -DECIMALS_MAX
    )
