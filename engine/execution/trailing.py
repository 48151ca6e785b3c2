"""Where a trailing stop belongs: pure rules on ticks.

The stop stays so far behind the best price since the beginning. It is rounded towards the price, so
that it acts no later than asked, and it only ever comes nearer.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from engine.execution.ledger_parents import TrailRecord
from engine.model.numbers import PriceTicks
from engine.model.orders import Side
from engine.model.trails import TrailRule

STEP_PART: Final = 20
"""A stop comes nearer by at least this part of its distance: the venue is not flooded (R94)."""

HighLowClose = tuple[int, int, int]


def distance_ticks(rule: TrailRule, best_ticks: int, range_ticks: Fraction | None) -> int:
    """Return how far behind the best price a stop stays, at least one tick.

    Args:
        rule: The rule.
        best_ticks: The best price.
        range_ticks: Average true range; None if it is not known.
    """
    amount = Fraction(rule.amount)
    if rule.kind == "percent":
        found = best_ticks * amount / 100
    elif rule.kind == "atr":
        found = Fraction(rule.start_ticks) if range_ticks is None else range_ticks * amount
    else:
        found = amount
    return max(1, int(found))


def average_true_range(candles: Sequence[HighLowClose], length: int) -> Fraction | None:
    """Return the plain mean of the newest true ranges; None with too few candles.

    Args:
        candles: High, low and close of closed candles, oldest first.
        length: How many ranges; each needs the close before it.
    """
    if length < 1 or len(candles) <= length:
        return None
    newest = candles[-length - 1 :]
    ranges = [
        max(high, before[2]) - min(low, before[2]) for before, (high, low, _) in pairwise(newest)
    ]
    return Fraction(sum(ranges), length)


def stop_behind(side: Side, best_ticks: int, distance: int) -> PriceTicks:
    """Return the trigger of a stop of this side behind the best price, at least one tick."""
    behind = best_ticks - distance if side == "sell" else best_ticks + distance
    return PriceTicks(max(1, behind))


def tighter(side: Side, *stops: PriceTicks) -> PriceTicks:
    """Return the stop that acts first."""
    return max(stops) if side == "sell" else min(stops)


def whole_ticks(side: Side, mark_ticks: Decimal) -> PriceTicks:
    """Return a price between two ticks as the one that a stop of this side gains less by."""
    below = int(mark_ticks)
    above = below + (below != mark_ticks)
    return PriceTicks(max(1, below if side == "sell" else above))


def followed(
    trail: TrailRecord, mark_ticks: Decimal, range_ticks: Fraction | None
) -> tuple[PriceTicks, PriceTicks] | None:
    """Return the best price and the stop as a price leaves them; None if the stop stays.

    A stop is never put at or beyond the price itself: a range that shrinks closes nothing.
    """
    side = trail.side
    now = whole_ticks(side, mark_ticks)
    best = max(trail.best_ticks, now) if side == "sell" else min(trail.best_ticks, now)
    distance = distance_ticks(trail.rule, best, range_ticks)
    nearest = stop_behind(side, now, 1)
    wanted = stop_behind(side, best, distance)
    stop = min(wanted, nearest) if side == "sell" else max(wanted, nearest)
    gained = stop - trail.stop_ticks if side == "sell" else trail.stop_ticks - stop
    return (best, stop) if gained >= max(1, distance // STEP_PART) else None
