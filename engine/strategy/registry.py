"""Every candle strategy there is, with what it starts with unless told otherwise."""

from typing import Final

import msgspec

from engine.strategy import mean_reversion
from engine.strategy.candle import StrategyModule

HOUR_S: Final = 3_600


class StrategySpec(msgspec.Struct, frozen=True):
    """One line of the registry."""

    name: str
    title: str
    module: StrategyModule
    timeframe_s: int
    params: tuple[float, ...]


STRATEGIES: Final[tuple[StrategySpec, ...]] = (
    StrategySpec(
        mean_reversion.ID,
        "buys far below the mean, leaves above it",
        mean_reversion,
        HOUR_S,
        mean_reversion.Params(),
    ),
)
