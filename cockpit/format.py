"""Numbers of views as text: the only place that knows decimals, thousands, ages and clocks.

Every function returns characters of one cell each, and never more of them than its numbers need;
columns are made by the panes.
"""

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from engine.model import text as model_text
from engine.model.commands import PlannedOrder
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S

UNKNOWN: Final = "–"
"""Stands where a number is not known."""

_UNITS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_BAR_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_LEVELS: Final = " ▁▂▃▄▅▆▇█"

TIMEFRAME_NAMES: Final = {
    1: "1s",
    5: "5s",
    60: "1m",
    300: "5m",
    900: "15m",
    3_600: "1h",
    14_400: "4h",
    86_400: "1d",
}


@lru_cache(maxsize=2_048)
def safe(text: str, width_max: int = model_text.WIDTH_MAX) -> str:
    """Return text of a view as it may reach a terminal."""
    return model_text.clean(text, width_max)


@lru_cache(maxsize=16_384)
def fixed(units: int, decimals: int, shown: int | None = None, grouped: bool = False) -> str:
    """Return an integer of `10**-decimals` with `shown` decimals, cut towards zero.

    All decimals are shown unless told otherwise; `grouped` separates thousands by commas.
    """
    places = decimals if shown is None else min(shown, decimals)
    scaled = abs(units) // 10 ** (decimals - places)
    whole, fraction = divmod(scaled, 10**places)
    sign = "-" if units < 0 and scaled else ""
    digits = f"{whole:,}" if grouped else str(whole)
    return f"{sign}{digits}.{fraction:0{places}d}" if places else sign + digits


def price_text(ticks: int | None, decimals: int, shown: int | None = None) -> str:
    """Return a price with separated thousands: `64,210.5`."""
    return UNKNOWN if ticks is None else fixed(ticks, decimals, shown, grouped=True)


def places_of_step(decimals: int, step_ticks: int) -> int:
    """Return how many decimals a price of this step needs: 10 ticks of 0.01 need one."""
    places = decimals
    while places and step_ticks % 10 == 0:
        step_ticks //= 10
        places -= 1
    return places


def column_places(lots_max: int, decimals: int, width: int) -> int:
    """Return with how many decimals, at most three, the largest size of a column fits it."""
    for places in range(min(3, decimals), 0, -1):
        if len(fixed(lots_max, decimals, places)) <= width:
            return places
    return 0


def qty_text(lots: int, decimals: int, places: int, width: int) -> str:
    """Return a size with `places` decimals, shortened to `12.3M` where it would not fit.

    A size too small for the decimals shown is said to be smaller, never to be zero.
    """
    text = fixed(lots, decimals, places)
    if len(text) > width:
        return short_text(lots / 10**decimals)
    if lots and not text.strip("0."):
        return "<" + fixed(1, places)
    return text


def short_text(number: float) -> str:
    """Return a large number with three digits and a letter: `1.93M`."""
    size = abs(number)
    for unit, letter in _UNITS:
        if size >= unit * 0.9995:
            scaled = number / unit
            places = 2 if size < 9.995 * unit else 1 if size < 99.95 * unit else 0
            return f"{scaled:.{places}f}{letter}"
    return f"{number:.0f}"


def dollars_text(amount: float) -> str:
    """Return an amount of dollars: `$1.93M`."""
    return f"-${short_text(-amount)}" if amount < 0 else f"${short_text(amount)}"


def decimal_price_text(text: str | None) -> str:
    """Return a price that came as decimal text, with separated thousands."""
    number = _number(text)
    if number is None:
        return UNKNOWN
    plain = f"{number:,f}"
    return plain if "." not in plain else plain.rstrip("0").rstrip(".")


def rate_text(text: str | None) -> str:
    """Return a share that came as decimal text as signed per cent: `+0.0031%`."""
    number = _number(text)
    return UNKNOWN if number is None else f"{number * 100:+.4f}%"


def _number(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**15 else None


def per_cent_text(share: float) -> str:
    """Return a share from -1 to 1 as signed, whole per cent: `+18%`."""
    return f"{share * 100:+.0f}%"


def age_text(age_ns: int) -> str:
    """Return how long ago: `0.4s`, `48s`, `3m10s`, `2h05m`, `4d`."""
    seconds = max(0, age_ns) // NS_PER_S
    if seconds < 10:
        return f"{max(0, age_ns) // (NS_PER_S // 10) / 10:.1f}s"
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86_400:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02d}m"
    return f"{seconds // 86_400}d"


def countdown_text(left_ns: int) -> str:
    """Return how long until then: `00:41`, `07:59:12`."""
    seconds = max(0, left_ns) // NS_PER_S
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"


def clock_text(ts_ns: int) -> str:
    """Return the time of day in UTC: `14:02:11`."""
    second_of_day = ts_ns // NS_PER_S % 86_400
    minutes, second = divmod(second_of_day, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def date_text(ts_ns: int) -> str:
    """Return month and day in UTC: `10-03` (by the civil calendar's own arithmetic)."""
    days = ts_ns // (86_400 * NS_PER_S) + 719_468
    of_era = days % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return f"{month + 3 if month < 10 else month - 9:02d}-{day:02d}"


def timeframe_text(timeframe_s: int) -> str:
    """Return a timeframe's name: `15m`."""
    return TIMEFRAME_NAMES.get(timeframe_s, f"{timeframe_s}s")


def rate_per_s_text(rate: float) -> str:
    """Return events per second: `1,204/s`, `12.3/s`."""
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.1f}/s"


def bar_text(share: float, width: int) -> str:
    """Return a bar of `share` (0 to 1) of the width, in eighths of a cell, with blanks behind."""
    eighths = int(min(1.0, max(0.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (_BAR_EIGHTHS[rest] if rest else "")
    return text.ljust(width)


def level_text(share: float) -> str:
    """Return one cell filled from below by `share` (0 to 1)."""
    return _LEVELS[min(8, max(0, round(share * 8)))]


def amount_text(text: str | None) -> str:
    """Return an amount of money that came as decimal text: `32,105`, `9.30`."""
    number = _number(text)
    if number is None:
        return UNKNOWN
    return f"{number:,.0f}" if abs(number) >= 1_000 else f"{number:,.2f}"


def quantity_text(text: str) -> str:
    """Return a count or an amount that came as decimal text: `3`, `5,000`, `651.34`."""
    number = _number(text)
    if number is not None and number == number.to_integral_value():
        return f"{number:,.0f}"
    return amount_text(text)


def money_text(text: str) -> str:
    """Return an amount that came as decimal text, to the cent: `99,979.20`."""
    number = _number(text)
    return UNKNOWN if number is None else f"{number:,.2f}"


def signed_text(text: str | None) -> str:
    """Return a gain or loss that came as decimal text, always with its sign: `+99.90`."""
    number = _number(text)
    if number is None:
        return UNKNOWN
    return f"{number:+,.0f}" if abs(number) >= 10_000 else f"{number:+,.2f}"


def return_text(profit: str | None, bound: str | None) -> str:
    """Return a profit as a share of what it is earned with, in per cent: `+1.6%`."""
    gain, margin = _number(profit), _number(bound)
    return UNKNOWN if gain is None or not margin else f"{gain / margin * 100:+.1f}%"


def is_negative(text: str | None) -> bool:
    """Whether a decimal text is below zero."""
    number = _number(text)
    return number is not None and number < 0


def size_text(text: str) -> str:
    """Return a size that came as decimal text, without needless zeros."""
    return decimal_price_text(text)


def order_text(order: PlannedOrder) -> str:
    """Return what an order would be and do, in words."""
    price = "MKT" if order.type == "market" else f"@ {decimal_price_text(order.price)}"
    if order.type in ("stop", "take_profit"):
        price = f"{'STOP' if order.type == 'stop' else 'TP'} {decimal_price_text(order.trigger)}"
        is_limited = _number(order.price) is not None
        price += f" limit {decimal_price_text(order.price)}" if is_limited else ""
    flags = f" {order.flags}" if order.flags else ""
    name = model_text.clean(symbol_of(order.instrument_id), 20)
    return safe(
        f"{order.side.upper()} {size_text(order.size)} {name} "
        f"{price}{flags} · notional {amount_text(order.notional)} · margin "
        f"{amount_text(order.margin)} · after {position_text(order.position_after)}"
    )


def position_text(text: str) -> str:
    """Return a signed size in words: `LONG 0.375`, `SHORT 4`, `FLAT`."""
    number = _number(text)
    if number is None:
        return text or UNKNOWN
    if number == 0:
        return "FLAT"
    return f"{'LONG' if number > 0 else 'SHORT'} {decimal_price_text(str(abs(number)))}"
