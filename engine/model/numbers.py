"""Numbers of the market: exact integers, and the only ways into and out of them.

A price is an integer of *ticks*, a size an integer of *lots*. For market data both are counted in
powers of ten: `ticks / 10**price_decimals` is the price. The number of decimals belongs to the
instrument's decoding scale, not to the venue's tick size: it grows when a venue sends a finer
number, and every integer kept so far is multiplied, so nothing is ever rounded.
"""

import re
from decimal import Decimal
from typing import Final, NewType

from engine.model.errors import VenuePayloadError

PriceTicks = NewType("PriceTicks", int)
QtyLots = NewType("QtyLots", int)
UnixNanos = NewType("UnixNanos", int)
Money = Decimal

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

DECIMALS_MAX: Final = 12
"""More decimals than any venue uses; a finer text is a damaged one."""

UNITS_MAX: Final = 2**62
"""Bound of every price and size, so that each fits 64 bits on every wire of ours."""

REMEMBERED_MAX: Final = 50_000
"""Texts remembered per scale: a deep book, both sides; at the bound the memory starts anew."""

_PLAIN_DECIMAL: Final = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,30}))?", re.ASCII)


class FinerText(Exception):  # noqa: N818 - a signal to the caller, not a failure
    """A number has more decimals than its scale; the caller widens that and decodes again."""

    def __init__(self, scale: "TextScale", decimals: int) -> None:
        self.scale = scale
        self.decimals = decimals
        super().__init__(decimals)


def split_decimal(text: str) -> tuple[int, int]:
    """Return a plain, unsigned decimal text as (digits, decimals) without trailing zeros.

    `"2683.80000000"` gives `(26838, 1)`.

    Raises:
        VenuePayloadError: Sign, exponent, blank, separator, or more digits than a market has.
    """
    found = _PLAIN_DECIMAL.fullmatch(text)
    if found is None:
        raise VenuePayloadError("not a plain decimal number", text)
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > DECIMALS_MAX:
        raise VenuePayloadError(f"more than {DECIMALS_MAX} decimals", text)
    return int(found[1] + fraction), len(fraction)


class TextScale(dict[str, int]):
    """Exact integers for the decimal texts of one kind of number of one instrument.

    Index it with the text. Texts repeat (prices of a book above all), so it remembers them: a
    repeated text costs one dictionary look-up.

    Args:
        decimals: Digits after the point that the integers count, 0 to `DECIMALS_MAX`.
        unit: What one of the text is: the size of a contract, where texts count contracts.
    """

    __slots__ = ("_unit_decimals", "_unit_digits", "decimals", "largest")

    def __init__(self, decimals: int = 0, unit: Decimal = Decimal(1)) -> None:
        assert 0 <= decimals <= DECIMALS_MAX
        assert unit > 0
        super().__init__()
        self.decimals = decimals
        self.largest = 0
        self._unit_decimals = decimals_of(unit)
        self._unit_digits = int(unit.scaleb(self._unit_decimals))

    def __missing__(self, text: str) -> int:
        """Decode a text not seen before.

        Raises:
            FinerText: It has more decimals than the scale.
            VenuePayloadError: It is not a plain decimal number, or too large.
        """
        digits, decimals = split_decimal(text)
        decimals += self._unit_decimals
        if decimals > DECIMALS_MAX:
            raise VenuePayloadError(f"more than {DECIMALS_MAX} decimals", text)
        if decimals > self.decimals:
            raise FinerText(self, decimals)
        units: int = digits * self._unit_digits * 10 ** (self.decimals - decimals)
        if units >= UNITS_MAX:
            raise VenuePayloadError("number too large", text)
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        self.largest = max(self.largest, units)
        self[text] = units
        return units

    def widen(self, decimals: int) -> None:
        """Count finer units from now on; integers handed out before must be multiplied.

        Raises:
            VenuePayloadError: A number already seen would no longer fit.
        """
        assert decimals > self.decimals
        factor: int = 10 ** (decimals - self.decimals)
        if self.largest * factor >= UNITS_MAX:
            raise VenuePayloadError(f"{decimals} decimals do not fit beside sizes already seen")
        self.reset(decimals, self.largest * factor)

    def reset(self, decimals: int, largest: int) -> None:
        """Go back to an earlier scale, when a frame that widened it turned out to be damaged."""
        self.decimals = decimals
        self.largest = largest
        self.clear()


def decimal_text(units: int, decimals: int) -> str:
    """Return the plain decimal text of an integer: no exponent, no trailing zeros."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    fraction = fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def unscaled(units: int, decimals: int) -> float:
    """Return the float nearest to the decimal text: one division of two exact integers."""
    return float(units / 10**decimals)


def decimals_of(step: Decimal) -> int:
    """Return how many digits after the point a tick or lot size needs."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is finite"
    return max(0, -exponent)
