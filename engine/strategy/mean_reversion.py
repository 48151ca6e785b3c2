"""Mean reversion: buy far below the mean, leave far above it, or already at it.

Far is `k` standard deviations. While the deviation is 0 nothing is decided: on a market that does
not move, any price would be at its band.
"""

from typing import Annotated, Final, NamedTuple

from engine.strategy.candle import BUY, SELL, Condition, Decision, Position, enter, hold, leave
from engine.strategy.columns import CLOSE, Sma, Std
from engine.strategy.params import Choice, Float, Int

ID: Final = "mean_reversion"
VERSION: Final = 1

BAND: Final = 0


class Params(NamedTuple):
    """How far is far, when to leave, and what to risk."""

    n: Annotated[int, Int(10, 60), "candles"] = 20
    k: Annotated[float, Float(1.0, 3.5, 0.25), "standard deviations"] = 2.0
    exit: Annotated[int, Choice("band", "mean"), "where to leave"] = BAND
    short: Annotated[bool, Choice("no", "yes"), "sell far above the mean too"] = False
    size_pct: Annotated[float, Float(1.0, 20.0, 1.0), "% of equity"] = 10.0
    sl_pct: Annotated[float, Float(1.0, 6.0, 0.5), "% from entry, 0 for none"] = 3.0
    tp_pct: Annotated[float, Float(1.0, 10.0, 0.5), "% from entry, 0 for none"] = 5.0


class Row(NamedTuple):
    """Where the price is, and where it usually is."""

    close: Annotated[float, CLOSE]
    mean: Annotated[float, Sma("n")]
    dev: Annotated[float, Std("n")]


def check(params: Params) -> str:
    """Return what makes no sense, if anything."""
    if params.n < 2:
        return f"n = {params.n}: a deviation needs at least 2 candles."
    if params.k <= 0.0 or params.size_pct <= 0.0:
        return "k and size_pct must be above 0."
    if params.sl_pct < 0.0 or params.tp_pct < 0.0:
        return "sl_pct and tp_pct are distances: 0 for none, or above."
    return ""


def decide(row: Row, position: Position, params: Params) -> Decision:
    """Enter beyond the band, leave at the other band or at the mean."""
    if not row.dev > 0.0:
        return hold()
    lower = row.mean - params.k * row.dev
    upper = row.mean + params.k * row.dev
    size = params.size_pct / 100.0
    if position.side == 0:
        if row.close < lower:
            return enter(BUY, size, params.sl_pct, params.tp_pct)
        if params.short and row.close > upper:
            return enter(SELL, size, params.sl_pct, params.tp_pct)
        return hold()
    if position.side > 0:
        return leave() if row.close > (upper if params.exit == BAND else row.mean) else hold()
    return leave() if row.close < (lower if params.exit == BAND else row.mean) else hold()


def conditions(row: Row, position: Position, params: Params) -> tuple[Condition, ...]:
    """Return what the next step waits for: an entry on the side that is nearer, or the exit."""
    is_entry = position.side == 0
    wants_below = row.close <= row.mean or not params.short if is_entry else position.side < 0
    at_mean = not is_entry and params.exit != BAND
    distance = 0.0 if at_mean else params.k * row.dev
    if wants_below:
        threshold = row.mean - distance
        price = Condition("close below", row.close, threshold, row.close < threshold)
    else:
        threshold = row.mean + distance
        price = Condition("close above", row.close, threshold, row.close > threshold)
    return (Condition("deviation above", row.dev, 0.0, row.dev > 0.0), price)
