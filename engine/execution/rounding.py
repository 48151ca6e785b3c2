"""Prices and sizes as asked become ticks and lots, before anything is reviewed.

Every rounding goes to the side that costs the asker least: a limit price is never more aggressive
than asked, a trigger never later, a size never larger. Arithmetic is of integers, so no digit is
lost however long the number is; what is too long or too large is refused before it is touched.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.model.instrument import Instrument
from engine.model.numbers import UNITS_MAX, PriceTicks, QtyLots
from engine.model.orders import OrderSpec, OrderType, Side, TimeInForce

DIGITS_MAX: Final = 40
"""Longer numbers are no prices; bounds the integers that they become."""

Field = Literal["price", "trigger", "size"]
Direction = Literal["down", "up"]


class AskedOrder(msgspec.Struct, frozen=True):
    """An order in the numbers of whoever wants it, whatever the venue's steps are."""

    side: Side
    type: OrderType
    size: Decimal
    price: Decimal | None = None
    trigger: Decimal | None = None
    tif: TimeInForce = "gtc"
    is_post_only: bool = False
    is_reduce_only: bool = False


class Unroundable(msgspec.Struct, frozen=True):
    """A number that no step of the venue stands for; nothing may be ordered with it."""

    field: Field
    code: Literal["no_number", "no_steps", "too_small", "too_large"]
    asked: Decimal
    step: Decimal | None

    @property
    def sentence(self) -> str:
        """What is wrong, with the numbers."""
        if self.code == "no_steps":
            return f"The venue has not said in which steps a {self.field} may be."
        if self.code == "no_number":
            return f"A {self.field} of {self.asked!s:.{DIGITS_MAX}} is no number above zero."
        if self.code == "too_small":
            return f"A {self.field} of {self.asked:f} is below the smallest step of {self.step:f}."
        return f"A {self.field} of {self.asked!s:.{DIGITS_MAX}} is too large."


def rounded(asked: AskedOrder, instrument: Instrument) -> OrderSpec | Unroundable:
    """Return the order in ticks and lots, or the first number of it that cannot be."""
    size = lots_of(asked.size, instrument)
    if isinstance(size, Unroundable):
        return size
    price = None if asked.price is None else limit_ticks_of(asked.price, asked.side, instrument)
    if isinstance(price, Unroundable):
        return price
    trigger = _trigger_of(asked, instrument)
    if isinstance(trigger, Unroundable):
        return trigger
    return OrderSpec(
        instrument.instrument_id,
        asked.side,
        asked.type,
        size,
        price,
        trigger,
        asked.tif,
        asked.is_post_only,
        asked.is_reduce_only,
    )


def lots_of(size: Decimal, instrument: Instrument) -> QtyLots | Unroundable:
    """Return the lots that a size holds, never more than asked."""
    found = _steps(size, instrument.lot_size, "size", "down")
    return found if isinstance(found, Unroundable) else QtyLots(found)


def limit_ticks_of(price: Decimal, side: Side, instrument: Instrument) -> PriceTicks | Unroundable:
    """Return the nearest tick that is not more aggressive: down to buy, up to sell."""
    found = _steps(price, instrument.tick_size, "price", "down" if side == "buy" else "up")
    return found if isinstance(found, Unroundable) else PriceTicks(found)


def trigger_ticks_of(
    price: Decimal, side: Side, kind: Literal["stop", "take_profit"], instrument: Instrument
) -> PriceTicks | Unroundable:
    """Return the nearest tick that triggers no later.

    A stop that sells and a take-profit that buys wait for a falling price, so up is sooner; the
    other two wait for a rising one.
    """
    waits_for_fall = (side == "sell") == (kind == "stop")
    found = _steps(price, instrument.tick_size, "trigger", "up" if waits_for_fall else "down")
    return found if isinstance(found, Unroundable) else PriceTicks(found)


def _trigger_of(asked: AskedOrder, instrument: Instrument) -> PriceTicks | Unroundable | None:
    if asked.trigger is None:
        return None
    kind: Literal["stop", "take_profit"] = "take_profit" if asked.type == "take_profit" else "stop"
    return trigger_ticks_of(asked.trigger, asked.side, kind, instrument)


def _steps(
    asked: Decimal, step: Decimal | None, field: Field, direction: Direction
) -> int | Unroundable:
    if step is None or not step.is_finite() or step <= 0:
        return Unroundable(field, "no_steps", asked, step)
    if not asked.is_finite() or asked <= 0 or _is_long(asked):
        return Unroundable(field, "no_number", asked, step)
    if asked.adjusted() > DIGITS_MAX:
        return Unroundable(field, "too_large", asked, step)
    asked_above, asked_below = asked.as_integer_ratio()
    step_above, step_below = step.as_integer_ratio()
    units, rest = divmod(asked_above * step_below, asked_below * step_above)
    if rest and direction == "up":
        units += 1
    if units == 0:
        return Unroundable(field, "too_small", asked, step)
    if units >= UNITS_MAX:
        return Unroundable(field, "too_large", asked, step)
    return units


def _is_long(asked: Decimal) -> bool:
    _, digits, exponent = asked.as_tuple()
    assert isinstance(exponent, int), "checked to be finite"
    return len(digits) > DIGITS_MAX or exponent < -DIGITS_MAX
