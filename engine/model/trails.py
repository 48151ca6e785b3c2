"""How far behind the best price a trailing stop follows."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

TrailKind = Literal["ticks", "percent", "atr"]

ATR_CANDLES: Final = 14
ATR_TIMEFRAME_S: Final = 60


class TrailRule(msgspec.Struct, frozen=True):
    """The distance of a trailing stop.

    `amount` is in ticks, in percent of the best price, or in average true ranges of the newest
    `candles` closed candles. `start_ticks` is what it came to when it was asked for, and holds
    while no such range is known.
    """

    kind: TrailKind
    amount: Decimal
    start_ticks: int
    candles: int = ATR_CANDLES
    timeframe_s: int = ATR_TIMEFRAME_S
