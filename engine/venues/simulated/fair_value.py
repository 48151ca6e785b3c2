"""Where the participants believe the price to be: a walk that trends for a while, then dithers."""

from math import sqrt
from typing import Final

from engine.model.chance import Chance
from engine.venues.simulated.draws import normal

YEAR_S: Final = 365 * 86_400

TREND_S_MEAN: Final = 90.0
CHOP_S_MEAN: Final = 150.0
CHOP_PULL_PER_S: Final = 1 / 60
"""Share of the way back to where the dithering began, per second."""
DRIFT_MIN: Final = 0.10
DRIFT_MAX: Final = 0.25
"""Drift of a trend per second, in deviations of one second."""
DEVIATION_SHARE: Final = 0.85
"""Part of the volatility that the walk itself has; trends make up the rest (measured)."""
PRICE_FACTOR_MAX: Final = 20.0
"""The walk stays within this factor of its start: ticks stay sensible in a run of years."""
APPROACH_SHARE: Final = 0.3
"""Share of the way to a price under attack that one step goes."""


class FairValue:
    """Fair value of one instrument in (fractions of) ticks.

    Args:
        chance: Draws of this walk alone.
        price_ticks: Where it begins.
        volatility: Standard deviation of a year's return.
    """

    def __init__(self, chance: Chance, price_ticks: int, volatility: float) -> None:
        self._chance = chance
        self._volatility = volatility
        self._low = price_ticks / PRICE_FACTOR_MAX
        self._high = price_ticks * PRICE_FACTOR_MAX
        self.ticks = price_ticks + 0.5
        self.trend = 0.0
        """Drift per second in deviations of one second; 0 while dithering."""
        self._anchor = self.ticks
        self._wildness = 1.0
        self._left_s = chance.exponential(CHOP_S_MEAN)

    def step(self, passed_s: float) -> None:
        """Walk on by a length of time that is short against a regime."""
        self._left_s -= passed_s
        if self._left_s <= 0:
            self._change_regime()
        deviation = self._deviation_of_a_second()
        moved = deviation * sqrt(passed_s) * normal(self._chance)
        if self.trend:
            moved += deviation * self.trend * passed_s
        else:
            moved -= (self.ticks - self._anchor) * CHOP_PULL_PER_S * passed_s
        self._move_to(self.ticks + moved)

    def jump(self, passed_s: float) -> None:
        """Walk a long way in one step, as after a sleep."""
        year_share = min(1.0, passed_s / YEAR_S)
        self._move_to(self.ticks * (1 + self._volatility * sqrt(year_share) * self._drawn(0.8)))
        self._anchor = self.ticks

    def hold(self, low_ticks: float, high_ticks: float) -> None:
        """Stay between two prices; a large order there is not traded through in a moment."""
        self._move_to(min(max(self.ticks, low_ticks), high_ticks))

    def approach(self, target_ticks: float) -> None:
        """Go part of the way to a price that somebody attacks."""
        self._move_to(self.ticks + (target_ticks - self.ticks) * APPROACH_SHARE)
        self._anchor = self.ticks

    def _drawn(self, bound: float) -> float:
        return min(bound, max(-bound, normal(self._chance)))

    def _deviation_of_a_second(self) -> float:
        share = DEVIATION_SHARE * self._wildness
        return self.ticks * self._volatility * share / sqrt(YEAR_S)

    def _move_to(self, ticks: float) -> None:
        self.ticks = min(max(ticks, self._low), self._high)

    def _change_regime(self) -> None:
        chance = self._chance
        self._anchor = self.ticks
        self._wildness = 0.7 + 0.6 * chance.uniform()
        if self.trend:
            self.trend = 0.0
            self._left_s = chance.exponential(CHOP_S_MEAN)
            return
        strength = DRIFT_MIN + (DRIFT_MAX - DRIFT_MIN) * chance.uniform()
        self.trend = strength if chance.happens(0.5) else -strength
        self._left_s = chance.exponential(TREND_S_MEAN)
