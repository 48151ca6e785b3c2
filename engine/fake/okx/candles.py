"""Candles of one instrument as far as the capture was played, in OKX's rows.

Recorded ones are answered as the venue sent them; where there are none of a length, they are added
up from trades, so the first one lacks what traded before the recording.
"""

from collections import deque
from decimal import Decimal
from typing import Final

from engine.fake.binance_frames import number
from engine.fake.okx.frames import Print, Row
from engine.model.numbers import NS_PER_MS, NS_PER_S

BARS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1H": 3_600,
    "2H": 7_200,
    "4H": 14_400,
    "6Hutc": 21_600,
    "12Hutc": 43_200,
    "1Dutc": 86_400,
}
"""Seconds of the lengths that begin at multiples of themselves since 1970."""
HONG_KONG: Final = {"6H": 21_600, "12H": 43_200, "1D": 86_400}
"""Those that begin eight hours before."""
_AHEAD_S: Final = 8 * 3_600
_MS_PER_S: Final = NS_PER_S // NS_PER_MS

TRADES_MAX: Final = 100_000
"""Of which candles are added up; beyond, the oldest go."""


class OkxCandles:
    """Everything that candles are made of."""

    def __init__(self) -> None:
        self._recorded: dict[str, dict[int, Row]] = {}
        self._trades: deque[tuple[int, Decimal, Decimal]] = deque(maxlen=TRADES_MAX)

    def see_row(self, bar: str, row: Row) -> None:
        """Take in a recorded candle, which replaces its predecessor of the same time."""
        self._recorded.setdefault(bar, {})[int(row[0])] = row

    def see_trade(self, trade: Print) -> None:
        """Take in a trade; raises on a damaged number."""
        self._trades.append((int(trade.ts), number(trade.px), number(trade.sz)))

    def rows(self, bar: str) -> list[Row]:
        """Return all rows of a length, oldest first; none of a length that is not known."""
        recorded = self._recorded.get(bar)
        if recorded:
            return [recorded[at] for at in sorted(recorded)]
        shift_ms = _AHEAD_S * _MS_PER_S if bar in HONG_KONG else 0
        length_ms = (BARS | HONG_KONG).get(bar, 0) * _MS_PER_S
        if not length_ms:
            return []
        found: dict[int, list[tuple[Decimal, Decimal]]] = {}
        for at_ms, price, size in self._trades:
            open_ms = at_ms - (at_ms + shift_ms) % length_ms
            found.setdefault(open_ms, []).append((price, size))
        newest = max(found, default=0)
        return [_row(at, found[at], is_over=at != newest) for at in sorted(found)]


def _row(open_ms: int, trades: list[tuple[Decimal, Decimal]], *, is_over: bool) -> Row:
    prices = [price for price, _ in trades]
    volume = sum((size for _, size in trades), Decimal(0))
    quote = sum((price * size for price, size in trades), Decimal(0))
    ohlc = (prices[0], max(prices), min(prices), prices[-1])
    sums = (volume, volume, quote)
    return [str(open_ms), *(f"{one:f}" for one in (*ohlc, *sums)), "1" if is_over else "0"]
