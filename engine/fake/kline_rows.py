"""Rows of the klines endpoint, from what the capture has shown so far.

Recorded klines are answered as the venue sent them; where a symbol has none, rows are added up
from its trades, so the first one lacks what traded before the recording.
"""

from decimal import Decimal
from typing import Final

from engine.fake import binance_frames as wire

INTERVALS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "2h": 7_200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
}
"""Seconds of the intervals that start at multiples of their length."""

UNEVEN_INTERVALS: Final = frozenset({"1w", "1M"})
"""Answered with no rows, unless recorded."""

_MINUTE_MS: Final = 60_000

Row = list[int | str]


class _Minute:
    """Trades of one minute, added up."""

    __slots__ = ("close", "count", "high", "low", "open", "quote", "taker", "taker_quote", "volume")

    def __init__(self, price: Decimal) -> None:
        self.open = self.high = self.low = self.close = price
        self.volume = self.quote = self.taker = self.taker_quote = Decimal(0)
        self.count = 0

    def add(self, price: Decimal, size: Decimal, *, taker_buys: bool) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += size
        self.quote += price * size
        self.count += 1
        if taker_buys:
            self.taker += size
            self.taker_quote += price * size

    def join(self, later: "_Minute") -> None:
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.taker += later.taker
        self.taker_quote += later.taker_quote
        self.count += later.count


class KlineRows:
    """Klines of one symbol as far as the capture was played."""

    def __init__(self) -> None:
        self._recorded: dict[str, dict[int, Row]] = {}
        self._minutes: dict[str, dict[int, _Minute]] = {}

    def see_kline(self, body: wire.KlineBody) -> None:
        """Take in a kline, which replaces its predecessor of the same time."""
        numbers = (body.open, body.high, body.low, body.close, body.volume)
        taker = (body.taker_volume, body.taker_quote_volume)
        rows = self._recorded.setdefault(body.interval, {})
        times_and_sums = (body.close_ms, body.quote_volume, body.trades)
        rows[body.open_ms] = [body.open_ms, *numbers, *times_and_sums, *taker, "0"]

    def see_trade(self, kind: str, trade: wire.Print) -> None:
        """Take in a trade; `kind` is the stream it came from. Raises on a damaged number."""
        if trade.kind != "MARKET":
            return
        price, size = wire.number(trade.price), wire.number(trade.size)
        start = trade.traded_ms // _MINUTE_MS * _MINUTE_MS
        minutes = self._minutes.setdefault(kind, {})
        if start not in minutes:
            minutes[start] = _Minute(price)
        minutes[start].add(price, size, taker_buys=not trade.buyer_is_maker)

    def rows(self, interval: str) -> list[Row]:
        """Return all rows of an interval, oldest first."""
        if self._recorded or interval not in INTERVALS:
            recorded = self._recorded.get(interval, {})
            return [recorded[start] for start in sorted(recorded)]
        # Single prints and their sums tell the same; never both.
        minutes = self._minutes.get("trade") or self._minutes.get("aggTrade") or {}
        length_ms = INTERVALS[interval] * 1_000
        joined: dict[int, _Minute] = {}
        for minute in sorted(minutes):
            start = minute // length_ms * length_ms
            if start not in joined:
                joined[start] = _Minute(minutes[minute].open)
            joined[start].join(minutes[minute])
        return [_row(start, candle, length_ms) for start, candle in joined.items()]


def _row(start: int, candle: _Minute, length_ms: int) -> Row:
    prices = [f"{price:f}" for price in (candle.open, candle.high, candle.low, candle.close)]
    sums = [f"{candle.taker:f}", f"{candle.taker_quote:f}", "0"]
    end = start + length_ms - 1
    return [start, *prices, f"{candle.volume:f}", end, f"{candle.quote:f}", candle.count, *sums]
