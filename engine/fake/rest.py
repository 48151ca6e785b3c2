"""Binance's REST endpoints as the fake venue answers them: paths, prices, refusals.

Books are handed in by `DepthDesk`; whatever else an answer needs is asked of the `Market`.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from engine.fake.binance_frames import Levels
from engine.fake.kline_rows import INTERVALS, UNEVEN_INTERVALS, Row
from engine.fake.trade_rows import TradeRows

NS_PER_MINUTE: Final = 60_000_000_000
FUTURES_LIMITS: Final = frozenset({5, 10, 20, 50, 100, 500, 1000})
SPOT_LIMIT_MAX: Final = 5_000
KLINES_MAX: Final = {"binance_futures": 1_500, "binance": 1_000}
TRADES_MAX: Final = 1_000
PREFIXES: Final = {"binance_futures": "/fapi/v1", "binance": "/api/v3"}


class HttpCall(msgspec.Struct, frozen=True):
    """One request, any method; `query` has the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    raw_query: str = ""
    """As received, which is what is signed."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """What is sent back."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json;charset=UTF-8"


Reply = Callable[[HttpAnswer], None]
"""Sends the answer; is called once per request, at once or later."""


class Market(Protocol):
    """What the endpoints ask of the venue."""

    venue: str
    exchange_info: bytes
    symbols: tuple[str, ...]

    def clock_ms(self, now_ns: int) -> int:
        """Return the venue's time."""

    def best(self, symbol: str) -> tuple[Levels, Levels] | None:
        """Return best bid and best ask; None before there is a book."""

    def kline_rows(self, symbol: str, interval: str) -> list[Row]:
        """Return the rows so far."""

    def trade_rows(self, symbol: str) -> TradeRows:
        """Return the trades so far."""

    def premium_index(self, symbol: str) -> dict[str, object]:
        """Return mark price and funding."""

    def request_depth(self, symbol: str, limit: int, reply: Reply, now_ns: int) -> None:
        """Answer with a book, now or when there is one."""


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A request that gets Binance's error form."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.answer = error_answer(code, text, status)


def error_answer(code: int, text: str, status: int) -> HttpAnswer:
    """Return Binance's error form."""
    return HttpAnswer(status, msgspec.json.encode({"code": code, "msg": text}))


class RestDesk:
    """Answers the requests of one venue and counts their weight per clock minute.

    Args:
        market: Knows what is asked for.
        count: Takes the weight of a request and returns what the address has used by then, where
            it also asks elsewhere.
    """

    def __init__(self, market: Market, count: Callable[[int], int] | None = None) -> None:
        self._market = market
        self._count = count
        self._counted = 0
        self._is_futures = market.venue == "binance_futures"
        self._minute = 0
        self._used = 0
        prefix = PREFIXES[market.venue]
        self._routes: dict[str, Callable[[HttpCall, Reply, int], None]] = {
            f"{prefix}/ping": self._ping,
            f"{prefix}/time": self._time,
            f"{prefix}/exchangeInfo": self._exchange_info,
            f"{prefix}/depth": self._depth,
            f"{prefix}/klines": self._klines,
            f"{prefix}/trades": self._trades,
            f"{prefix}/aggTrades": self._agg_trades,
            f"{prefix}/ticker/bookTicker": self._book_ticker,
        }
        if self._is_futures:
            self._routes[f"{prefix}/premiumIndex"] = self._premium_index

    def handle(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        """Answer one request; `reply` is called exactly once, for a book perhaps later."""
        route = self._routes.get(call.path)
        if route is None or call.method not in {"GET", "HEAD"}:
            reply(self._nothing_there(call))
            return
        self._roll_minute(now_ns)

        def weighed(answer: HttpAnswer) -> None:
            used = ("X-MBX-USED-WEIGHT-1M", str(self._used_by_now()))
            reply(msgspec.structs.replace(answer, headers=(*answer.headers, used)))

        try:
            route(call, weighed, now_ns)
        except Refused as refused:
            weighed(refused.answer)

    def _ping(self, _call: HttpCall, reply: Reply, _now_ns: int) -> None:
        self._used += 1
        reply(HttpAnswer(200, b"{}"))

    def _time(self, _call: HttpCall, reply: Reply, now_ns: int) -> None:
        self._used += 1
        reply(_json({"serverTime": self._market.clock_ms(now_ns)}))

    def _exchange_info(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        self._used += 1 if self._is_futures else 20
        if "symbol" in call.query:
            self._symbol(call)
        reply(HttpAnswer(200, self._market.exchange_info))

    def _depth(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        limit = self._depth_limit(call)
        self._used += self._depth_weight(limit)
        self._market.request_depth(self._symbol(call), limit, reply, now_ns)

    def _klines(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        limit = self._number(call, "limit", 500)
        self._used += self._klines_weight(limit)
        symbol, interval = self._symbol(call), call.query.get("interval", "")
        if interval not in INTERVALS and interval not in UNEVEN_INTERVALS:
            raise Refused(-1120, "Invalid interval.")
        if not 1 <= limit <= KLINES_MAX[self._market.venue]:
            raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        start = self._number(call, "startTime", 0)
        end = self._number(call, "endTime", 2**63)
        rows = [
            row for row in self._market.kline_rows(symbol, interval) if start <= int(row[0]) <= end
        ]
        reply(_json(rows[:limit] if "startTime" in call.query else rows[-limit:]))

    def _trades(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        self._used += 5 if self._is_futures else 25
        reply(_json(self._market.trade_rows(self._symbol(call)).newest(self._page(call))))

    def _agg_trades(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        self._used += 20 if self._is_futures else 4
        from_id = self._number(call, "fromId", 0) if "fromId" in call.query else None
        rows = self._market.trade_rows(self._symbol(call))
        reply(_json(rows.aggregated(from_id, self._page(call))))

    def _book_ticker(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        if "symbol" in call.query:
            self._used += 2
            symbol = self._symbol(call)
            ticker = self._ticker(symbol, now_ns)
            if ticker is None:
                raise Refused(-1001, f"Internal error; there is no book of {symbol} yet.", 503)
            reply(_json(ticker))
            return
        self._used += 5 if self._is_futures else 4
        tickers = [self._ticker(symbol, now_ns) for symbol in self._market.symbols]
        reply(_json([ticker for ticker in tickers if ticker is not None]))

    def _ticker(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        sides = self._market.best(symbol)
        if sides is None:
            return None
        (bid, bid_size), (ask, ask_size) = (side[0] if side else ("0", "0") for side in sides)
        ticker: dict[str, object] = {
            "symbol": symbol,
            "bidPrice": bid,
            "bidQty": bid_size,
            "askPrice": ask,
            "askQty": ask_size,
        }
        # Futures tell when; spot does not.
        return ticker | {"time": self._market.clock_ms(now_ns)} if self._is_futures else ticker

    def _page(self, call: HttpCall) -> int:
        limit = self._number(call, "limit", 500)
        if not 1 <= limit <= TRADES_MAX:
            raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        return limit

    def _premium_index(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        if "symbol" in call.query:
            self._used += 1
            reply(_json(self._market.premium_index(self._symbol(call))))
            return
        self._used += 10
        reply(_json([self._market.premium_index(symbol) for symbol in self._market.symbols]))

    def _symbol(self, call: HttpCall) -> str:
        symbol = call.query.get("symbol", "")
        if not symbol:
            raise Refused(
                -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            )
        if symbol not in self._market.symbols:
            raise Refused(-1121, "Invalid symbol.")
        return symbol

    def _number(self, call: HttpCall, name: str, default: int) -> int:
        text = call.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise Refused(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^[0-9]{1,20}$'.",
            )
        return int(text)

    def _depth_limit(self, call: HttpCall) -> int:
        limit = self._number(call, "limit", 500 if self._is_futures else 100)
        if self._is_futures and limit not in FUTURES_LIMITS:
            self._used += 1
            raise Refused(-4021, f"{limit} is not valid depth limit.")
        return max(1, min(limit, SPOT_LIMIT_MAX))

    def _depth_weight(self, limit: int) -> int:
        steps = (
            ((50, 2), (100, 5), (500, 10), (1_000, 20))
            if self._is_futures
            else ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
        )
        return next(weight for levels, weight in steps if limit <= levels)

    def _klines_weight(self, limit: int) -> int:
        if not self._is_futures:
            return 2
        return next((w for rows, w in ((99, 1), (499, 2), (1_000, 5)) if limit <= rows), 10)

    def _roll_minute(self, now_ns: int) -> None:
        minute = now_ns // NS_PER_MINUTE
        if minute != self._minute:
            self._minute, self._used, self._counted = minute, 0, 0

    def _used_by_now(self) -> int:
        if self._count is None:
            return self._used
        fresh, self._counted = self._used - self._counted, self._used
        return self._count(fresh)

    def _nothing_there(self, call: HttpCall) -> HttpAnswer:
        if self._is_futures:
            text = f"Path {call.path}, Method {call.method} is invalid"
            return error_answer(-5000, text, 404)
        page = b"<html><body><h2>404 Not found</h2></body></html>"
        return HttpAnswer(404, page, content_type="text/html")


def _json(value: object) -> HttpAnswer:
    return HttpAnswer(200, msgspec.json.encode(value))
