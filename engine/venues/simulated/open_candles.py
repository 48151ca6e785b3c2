"""Candles that were under way when the market was opened, completed once a second.

Their beginning lies in the seeded history, which no trade of the stream tells; from the next
period on whoever receives the trades makes the candles alone, and nothing more is sent.
"""

from collections.abc import Sequence

import msgspec

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import Candle
from engine.model.numbers import NS_PER_S


class OpenCandles:
    """Unfinished candles of one instrument, one per timeframe.

    Args:
        instrument_id: Whose candles they are.
    """

    def __init__(self, instrument_id: InstrumentId) -> None:
        self._instrument_id = instrument_id
        self._candles: list[Candle] = []
        self._high = self._low = self._close = self._volume = self._count = 0

    def begin(self, candles: Sequence[Candle]) -> None:
        """Go on with these."""
        self._candles = list(candles)

    def add_trade(self, price: int, lots: int) -> None:
        """Take in one trade."""
        if not self._count:
            self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._volume += lots
        self._count += 1

    def add_past(self, minutes: Sequence[Candle]) -> None:
        """Take in one-minute candles of a stretch that was skipped."""
        self._candles = [_joined(candle, minutes) for candle in self._candles]

    def publish(self, ts_ns: int, sink: list[Event]) -> None:
        """Send each candle under way with the trades since the last time; let go of the closed.

        Periods end at whole seconds, when this is called, so every trade finds its candle.
        """
        if self._candles:
            self._candles = [self._grown(candle, ts_ns) for candle in self._candles]
            sink.extend(self._candles)
            self._candles = [candle for candle in self._candles if not candle.is_closed]
        self._count = self._volume = 0

    def _grown(self, candle: Candle, ts_ns: int) -> Candle:
        is_closed = ts_ns >= _end_ns(candle)
        if not self._count:
            return msgspec.structs.replace(candle, is_closed=is_closed)
        return msgspec.structs.replace(
            candle,
            high_ticks=max(candle.high_ticks, self._high),
            low_ticks=min(candle.low_ticks, self._low),
            close_ticks=self._close,
            volume_lots=candle.volume_lots + self._volume,
            trade_count=candle.trade_count + self._count,
            is_closed=is_closed,
        )


def _end_ns(candle: Candle) -> int:
    return candle.open_ns + candle.timeframe_s * NS_PER_S


def _joined(candle: Candle, minutes: Sequence[Candle]) -> Candle:
    end_ns = _end_ns(candle)
    parts = [minute for minute in minutes if candle.open_ns <= minute.open_ns < end_ns]
    if not parts:
        return candle
    return msgspec.structs.replace(
        candle,
        high_ticks=max(candle.high_ticks, *(part.high_ticks for part in parts)),
        low_ticks=min(candle.low_ticks, *(part.low_ticks for part in parts)),
        close_ticks=parts[-1].close_ticks,
        volume_lots=candle.volume_lots + sum(part.volume_lots for part in parts),
        trade_count=candle.trade_count + sum(part.trade_count for part in parts),
    )
