"""Binance's public requests: their addresses and what they cost."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import TradeStream
from engine.venues.base import HttpRequest, TradeSpan

TIMEFRAMES: Final = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
SNAPSHOT_LEVELS: Final = 1_000
HISTORY_CANDLES: Final = 499
TRADES: Final = 1_000
"""Of one answer; single prints are given to anybody only as far back as this."""


class _Costs(msgspec.Struct, frozen=True):
    """Where one of the two venues keeps its endpoints, and what they cost."""

    prefix: str
    snapshot: int
    info: int
    candles: int
    trades: int
    agg_trades: int
    info_query: str = ""


_COSTS: Final = {
    "binance_futures": _Costs("/fapi/v1", 20, 1, 2, 5, 20),
    # Who may trade what is most of spot's answer, and nothing that we read.
    "binance": _Costs("/api/v3", 50, 20, 2, 25, 4, "?showPermissionSets=false"),
}


class BinanceRequests:
    """Makes the requests of one of the two venues.

    Args:
        venue: `binance_futures` or `binance`.
        rest: Base URL.
    """

    def __init__(self, venue: str, rest: str) -> None:
        self._costs = _COSTS[venue]
        self._base = rest + self._costs.prefix

    def metadata(self) -> HttpRequest:
        """Return the request for exchangeInfo."""
        url = f"{self._base}/exchangeInfo{self._costs.info_query}"
        return HttpRequest("instruments", url, self._costs.info)

    def history(self, instruments: Sequence[InstrumentId]) -> Iterator[HttpRequest]:
        """Iterate over one request per timeframe and instrument, newest candles."""
        for text, seconds in TIMEFRAMES.items():
            for key in instruments:
                query = f"symbol={symbol_of(key)}&interval={text}&limit={HISTORY_CANDLES}"
                url = f"{self._base}/klines?{query}"
                yield HttpRequest("candles", url, self._costs.candles, key, seconds)

    def snapshot(self, key: InstrumentId) -> HttpRequest:
        """Return the request for the top 1,000 levels of each side."""
        url = f"{self._base}/depth?symbol={symbol_of(key)}&limit={SNAPSHOT_LEVELS}"
        return HttpRequest("snapshot", url, self._costs.snapshot, key)

    def trades(self, key: InstrumentId, stream: TradeStream, missing: TradeSpan) -> HttpRequest:
        """Return the request for missed trades: aggregated ones from an id on, else the newest."""
        query = f"symbol={symbol_of(key)}&limit={TRADES}"
        if stream == "agg_trade":
            url = f"{self._base}/aggTrades?{query}&fromId={missing.after_id + 1}"
            return HttpRequest("agg_trades", url, self._costs.agg_trades, key)
        return HttpRequest("trades", f"{self._base}/trades?{query}", self._costs.trades, key)

    def quote(self, key: InstrumentId) -> HttpRequest:
        """Return the request for best bid and ask."""
        url = f"{self._base}/ticker/bookTicker?symbol={symbol_of(key)}"
        return HttpRequest("quote", url, 2, key)

    def time(self) -> HttpRequest:
        """Return the request for the venue's time."""
        return HttpRequest("time", f"{self._base}/time")


def recorded(url: str) -> tuple[str, str] | None:
    """Return the end of a recorded URL's path and its symbol; None for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.path.rpartition("/")[2], parse_qs(parts.query).get("symbol", [""])[0]
