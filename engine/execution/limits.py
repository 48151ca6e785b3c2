"""The limits of the risk gate: every number that stands between a wish and the market.

They come from a risk file (TOML, flat, nothing left out) or, for paper and simulation, from the
paper equity. `"off"` switches a control off where that is allowed. This module is handed text; the
shell reads the file.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, Literal

import msgspec

from engine.model.errors import ConfigError

OFF: Final = "off"

NUMBER_MAX: Final = 10**15
"""Above every sensible limit; keeps arithmetic on what a file says short."""

ORDERS_COUNTED_MAX: Final = 1_999
"""The ledger remembers one more: a limit above would never be reached."""

_PLAIN_NUMBER: Final = re.compile(r"[0-9]{1,16}(\.[0-9]{1,12})?", re.ASCII)

LimitKind = Literal["money", "share", "ratio", "count", "names"]
Value = Decimal | int | tuple[str, ...] | None


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """All limits; `LIMITS` says of each what it means. None is off."""

    price_collar_major_share: Decimal
    price_collar_share: Decimal
    resting_collar_share: Decimal
    trigger_collar_share: Decimal
    fast_move_share: Decimal
    majors: tuple[str, ...]
    order_value_max: Decimal
    order_value_min: Decimal | None
    order_lots_max: int | None
    order_medians_max: Decimal | None
    orders_per_s_max: int
    messages_per_s_max: int
    orders_per_10min_max: int
    entries_per_h_max: int | None
    losing_exits_per_day_max: int | None
    duplicate_window_s: int
    allow_repeat: tuple[str, ...]
    position_value_max: Decimal
    gross_value_max: Decimal
    net_value_max: Decimal
    leverage_max: Decimal
    open_orders_max: int
    open_orders_per_instrument_max: int
    unknown_orders_per_instrument_max: int
    unknown_age_s_max: int
    daily_loss_share_max: Decimal
    drawdown_share_max: Decimal
    position_loss_share_max: Decimal
    step_down_share: Decimal
    failures_max: int
    free_margin_share_min: Decimal | None
    liquidation_distance_share_min: Decimal | None
    cooldown_s: int | None
    orders_per_day_max: int | None
    allowed: tuple[str, ...] | None
    denied: tuple[str, ...] | None
    trading_from_minute_utc: int
    trading_to_minute_utc: int
    file_hash: str = ""
    """SHA-256 of the text that they were read from."""


class Limit(msgspec.Struct, frozen=True):
    """What a limit means.

    `money` is in dollars, a `share` between 0 and 1, a `ratio` any number, a `count` an integer
    (also of seconds and minutes), `names` a list of instruments or strategies.
    """

    name: str
    kind: LimitKind
    meaning: str
    may_be_off: bool = False
    is_floor: bool = False
    """The greater, the stricter."""


LIMITS: Final[tuple[Limit, ...]] = (
    Limit("price_collar_major_share", "share", "how far through the market, for majors"),
    Limit("price_collar_share", "share", "how far through the market, for all others"),
    Limit("resting_collar_share", "share", "how far behind the market a limit order may rest"),
    Limit("trigger_collar_share", "share", "how far away a stop or take-profit may wait"),
    Limit("fast_move_share", "share", "a faster move in 60 s halves collars, stops strategies"),
    Limit("majors", "names", "base currencies with the tighter collar"),
    Limit("order_value_max", "money", "largest order, in dollars"),
    Limit("order_value_min", "money", "smallest order, in dollars", may_be_off=True, is_floor=True),
    Limit("order_lots_max", "count", "largest order, in lots of any instrument", may_be_off=True),
    Limit("order_medians_max", "ratio", "largest order, in median trades", may_be_off=True),
    Limit("orders_per_s_max", "count", "orders within 1 s"),
    Limit("messages_per_s_max", "count", "orders, cancels and amendments within 1 s"),
    Limit("orders_per_10min_max", "count", "orders within 10 min"),
    Limit("entries_per_h_max", "count", "entries on a side by a strategy in 1 h", may_be_off=True),
    Limit("losing_exits_per_day_max", "count", "by a strategy in 24 h", may_be_off=True),
    Limit("duplicate_window_s", "count", "the same order again is refused so long", is_floor=True),
    Limit("allow_repeat", "names", "strategies that may repeat orders and entries"),
    Limit("position_value_max", "money", "position of an instrument with working orders"),
    Limit("gross_value_max", "money", "sum of all positions without their signs"),
    Limit("net_value_max", "money", "sum of all positions with their signs"),
    Limit("leverage_max", "ratio", "gross over equity"),
    Limit("open_orders_max", "count", "working orders, sent and unknown ones included"),
    Limit("open_orders_per_instrument_max", "count", "the same for one instrument"),
    Limit("unknown_orders_per_instrument_max", "count", "orders of unknown fate at one time"),
    Limit("unknown_age_s_max", "count", "an order unknown for longer forbids new risk beside it"),
    Limit("daily_loss_share_max", "share", "loss since 00:00 UTC or the start, of equity then"),
    Limit("drawdown_share_max", "share", "loss since the highest equity, of that"),
    Limit("position_loss_share_max", "share", "open loss of one position, of equity"),
    Limit("step_down_share", "share", "part of a loss limit at which only reducing is left"),
    Limit("failures_max", "count", "failures in a row that halt a strategy at a venue"),
    Limit("free_margin_share_min", "share", "of the margin", may_be_off=True, is_floor=True),
    Limit(
        "liquidation_distance_share_min",
        "share",
        "of the price, the nearest position counts",
        may_be_off=True,
        is_floor=True,
    ),
    Limit(
        "cooldown_s", "count", "between entries in one instrument", may_be_off=True, is_floor=True
    ),
    Limit("orders_per_day_max", "count", "entries in one instrument and UTC day", may_be_off=True),
    Limit("allowed", "names", "ids, symbols or bases; all others are refused", may_be_off=True),
    Limit("denied", "names", "ids, symbols or bases that are refused", may_be_off=True),
    Limit("trading_from_minute_utc", "count", "entries from this minute of the day on"),
    Limit("trading_to_minute_utc", "count", "entries until this minute; 1440 is midnight"),
)

_BY_NAME: Final[Mapping[str, Limit]] = {limit.name: limit for limit in LIMITS}

PAPER_EQUITY: Final = Decimal(100_000)


def paper_limits(equity: Decimal = PAPER_EQUITY) -> RiskLimits:
    """Return limits by which every preset trades at its own size, 15 % of equity at most.

    An order may reverse the largest preset at the collar (2 x 15 % and 5 %), a position hold three
    presets, and twenty instruments at 15 % each make three times the equity, with room for prices
    that move. Rates let twenty instruments enter with stop and target at the same candle.
    """
    limits = RiskLimits(
        price_collar_major_share=Decimal("0.02"),
        price_collar_share=Decimal("0.05"),
        resting_collar_share=Decimal("0.5"),
        trigger_collar_share=Decimal("0.2"),
        fast_move_share=Decimal("0.05"),
        majors=("BTC", "ETH"),
        order_value_max=_whole(equity * Decimal("0.35")),
        order_value_min=None,
        order_lots_max=None,
        order_medians_max=None,
        orders_per_s_max=100,
        messages_per_s_max=200,
        orders_per_10min_max=1_500,
        entries_per_h_max=60,
        losing_exits_per_day_max=20,
        duplicate_window_s=2,
        allow_repeat=("grid", "market_making"),
        position_value_max=_whole(equity * Decimal("0.5")),
        gross_value_max=_whole(equity * 4),
        net_value_max=_whole(equity * 4),
        leverage_max=Decimal(4),
        open_orders_max=1_000,
        open_orders_per_instrument_max=100,
        unknown_orders_per_instrument_max=1,
        unknown_age_s_max=15,
        daily_loss_share_max=Decimal("0.05"),
        drawdown_share_max=Decimal("0.1"),
        position_loss_share_max=Decimal("0.02"),
        step_down_share=Decimal("0.7"),
        failures_max=5,
        free_margin_share_min=Decimal("0.3"),
        liquidation_distance_share_min=Decimal("0.1"),
        cooldown_s=None,
        orders_per_day_max=None,
        allowed=None,
        denied=None,
        trading_from_minute_utc=0,
        trading_to_minute_utc=1_440,
    )
    return msgspec.structs.replace(limits, file_hash=file_hash(toml_text(limits)))


def limits_from_toml(text: str) -> RiskLimits:
    """Read a risk file.

    Raises:
        ConfigError: It is not TOML, a key is unknown, or a limit is missing or no number that it
            could be; all problems are told at once.
    """
    try:
        given = tomllib.loads(text, parse_float=_number)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the risk file is not TOML: {error}") from error
    problems = [_unknown_key(key) for key in given if key not in _BY_NAME]
    values: dict[str, object] = {"file_hash": file_hash(text)}
    for limit in LIMITS:
        if limit.name not in given:
            problems.append(f"{limit.name} is missing ({limit.meaning})")
        elif problem := _problem(limit, given[limit.name]):
            problems.append(problem)
        else:
            values[limit.name] = _value(limit, given[limit.name])
    problems = problems or _contradictions(values)
    if problems:
        raise ConfigError("risk file: " + "; ".join(problems))
    return msgspec.convert(values, RiskLimits)


def file_hash(text: str) -> str:
    """Return the SHA-256 of a risk file's text, which start-up shows and journals."""
    return hashlib.sha256(text.encode()).hexdigest()


def toml_text(limits: RiskLimits) -> str:
    """Return the limits as a risk file that a person can copy and change."""
    lines = ['# Limits of the risk gate. Each must be there; some may be "off".', ""]
    for limit in LIMITS:
        lines += [f"# {_heading(limit)}", f"{limit.name} = {_toml_value(limits, limit)}"]
    return "\n".join(lines) + "\n"


def limit_named(name: str) -> Limit | None:
    """Return what is known of a limit, None if there is none of this name."""
    return _BY_NAME.get(name)


def override_problem(name: str, value: Decimal) -> str:
    """Say why a limit cannot be set to this number while running; nothing if it can."""
    limit = _BY_NAME.get(name)
    if limit is None:
        return _unknown_key(name)
    if limit.kind == "names":
        return f"{name} is a list; change it in the risk file"
    return _problem(limit, _whole_number(value))


def is_looser(limits: RiskLimits, name: str, value: Decimal | None) -> bool:
    """Whether a limit would let more pass than it does now; None takes an override back.

    Taking back counts as looser, because what the file says is not seen from here.
    """
    limit = _BY_NAME[name]
    old: Decimal | int | None = getattr(limits, name)
    if value is None:
        return True
    if old is None:
        return False
    return value < old if limit.is_floor else value > old


def overridden(limits: RiskLimits, overrides: Mapping[str, Decimal | None]) -> RiskLimits:
    """Return the limits with those set while running.

    None is the file's own. What `override_problem` objects to is left out; the gate refuses every
    order as long as there is any.
    """
    values = {
        name: _whole_number(value) if _BY_NAME[name].kind == "count" else value
        for name, value in overrides.items()
        if value is not None and not override_problem(name, value)
    }
    return msgspec.structs.replace(limits, **values) if values else limits


def _number(text: str) -> Decimal | str:
    """Keep what is not written plainly as text, so that it is refused with its name."""
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else text


def _whole_number(value: Decimal) -> Decimal | int:
    is_whole = value.is_finite() and abs(value) <= NUMBER_MAX and value == value.to_integral_value()
    return int(value) if is_whole else value


def _whole(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1))


def _problem(limit: Limit, value: object) -> str:
    if value == OFF:
        return "" if limit.may_be_off else f"{limit.name} cannot be off"
    if limit.kind == "names":
        is_list = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
        return "" if is_list else f'{limit.name} = {value!r}: needs a list such as ["BTC"]'
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return f"{limit.name} = {value}: needs a plain number such as 1000 or 0.02"
    return _number_problem(limit, value)


def _number_problem(limit: Limit, value: int | Decimal) -> str:
    if limit.kind == "count" and not isinstance(value, int):
        return f"{limit.name} = {value}: needs a whole number"
    if limit.name == "orders_per_10min_max" and value > ORDERS_COUNTED_MAX:
        return f"{limit.name} = {value}: no more than {ORDERS_COUNTED_MAX} can be counted"
    most = 1 if limit.kind == "share" else NUMBER_MAX
    if not (Decimal(value).is_finite() and 0 <= value <= most):
        return f"{limit.name} = {value}: has to lie between 0 and {most}"
    return ""


def _value(limit: Limit, value: object) -> Value:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int | Decimal):
        return value if limit.kind == "count" else Decimal(value)
    return None


def _contradictions(values: Mapping[str, object]) -> list[str]:
    least, most = values["order_value_min"], values["order_value_max"]
    if isinstance(least, Decimal) and isinstance(most, Decimal) and least > most:
        return [f"order_value_min {least} is above order_value_max {most}: no order could pass"]
    return []


def _unknown_key(key: str) -> str:
    near = get_close_matches(key, _BY_NAME, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown limit {key!r}{hint}"


def _heading(limit: Limit) -> str:
    return f'{limit.meaning} (or "off")' if limit.may_be_off else limit.meaning


def _toml_value(limits: RiskLimits, limit: Limit) -> str:
    value: Value = getattr(limits, limit.name)
    if value is None:
        return f'"{OFF}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{name}"' for name in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
