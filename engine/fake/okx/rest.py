"""OKX's REST endpoints as the fake venue answers them."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from engine.fake.okx.frames import Print, Row
from engine.fake.rest import HttpAnswer, HttpCall, Reply

BOOK_LEVELS_MAX: Final = 400
CANDLES_MAX: Final = 300
TRADES_MAX: Final = 100

Route = Callable[[HttpCall, Reply, int], None]


class Market(Protocol):
    """What the endpoints ask of the venue."""

    symbols: tuple[str, ...]
    instruments: dict[str, bytes]

    def clock_ms(self, now_ns: int) -> int:
        """Return the venue's time."""

    def request_book(self, symbol: str, limit: int, reply: Reply, now_ns: int) -> None:
        """Answer with a book, now or later."""

    def candle_rows(self, symbol: str, bar: str) -> list[Row]:
        """Return the candles so far, oldest first."""

    def prints(self, symbol: str) -> list[Print]:
        """Return the trades kept, oldest first."""

    def best(self, symbol: str) -> tuple[Row, Row] | None:
        """Return best bid and ask; None where there is no book."""


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A request that gets an error code; most come with HTTP 200."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.answer = error_answer(code, text, status)


def error_answer(code: str, text: str, status: int = 200) -> HttpAnswer:
    """Return OKX's error form."""
    body = msgspec.json.encode({"code": code, "data": [], "msg": text})
    return HttpAnswer(status, body)


def success(data: object) -> HttpAnswer:
    """Return OKX's envelope of success."""
    return HttpAnswer(200, msgspec.json.encode({"code": "0", "data": data, "msg": ""}))


class OkxRest:
    """Answers the requests of a venue."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._routes: dict[str, Route] = {
            "/api/v5/public/time": self._time,
            "/api/v5/public/instruments": self._instruments,
            "/api/v5/market/books": self._books,
            "/api/v5/market/ticker": self._ticker,
            "/api/v5/market/candles": self._candles,
            "/api/v5/market/history-candles": self._candles,
            "/api/v5/market/trades": self._trades,
            "/api/v5/market/history-trades": self._trades,
        }

    def handle(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        """Answer one request; `reply` is called exactly once, for a book perhaps later."""
        route = self._routes.get(call.path)
        if route is None or call.method not in {"GET", "HEAD"}:
            reply(error_answer("404", "Not Found", 404))
            return
        try:
            route(call, reply, now_ns)
        except Refused as refused:
            reply(refused.answer)

    def _time(self, _call: HttpCall, reply: Reply, now_ns: int) -> None:
        reply(success([{"ts": str(self._market.clock_ms(now_ns))}]))

    def _instruments(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        recorded = self._market.instruments.get(call.query.get("instType", ""))
        if recorded is None:
            raise Refused("51000", "Parameter instType error")
        reply(HttpAnswer(200, recorded))

    def _books(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        limit = self._number(call, "sz", 1, BOOK_LEVELS_MAX)
        self._market.request_book(self._symbol(call), limit, reply, now_ns)

    def _ticker(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        symbol = self._symbol(call)
        best = self._market.best(symbol)
        (bid, ask) = best or (["", ""], ["", ""])
        ticker = {"instId": symbol, "bidPx": bid[0], "bidSz": bid[1], "askPx": ask[0]}
        ts = str(self._market.clock_ms(now_ns))
        reply(success([ticker | {"askSz": ask[1], "ts": ts}]))

    def _candles(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        symbol = self._symbol(call)
        limit = self._number(call, "limit", 100, CANDLES_MAX)
        rows = [
            row
            for row in self._market.candle_rows(symbol, call.query.get("bar", "1m"))
            if self._is_asked(call, int(row[0]))
        ]
        reply(success(rows[::-1][:limit]))

    def _trades(self, call: HttpCall, reply: Reply, _now_ns: int) -> None:
        symbol = self._symbol(call)
        limit = self._number(call, "limit", TRADES_MAX, 500)
        key = "ts" if call.query.get("type") == "2" else "tradeId"
        prints = [
            one
            for one in self._market.prints(symbol)
            if self._is_asked(call, int(getattr(one, key)))
        ]
        reply(success(prints[::-1][:limit]))

    def _is_asked(self, call: HttpCall, place: int) -> bool:
        """Whether something lies between `before`, the newer-than, and `after`, the older-than."""
        newer_than = self._number(call, "before", -1, 2**63)
        older_than = self._number(call, "after", 2**63, 2**63)
        return newer_than < place < older_than

    def _symbol(self, call: HttpCall) -> str:
        symbol = call.query.get("instId", "")
        if not symbol:
            raise Refused("50014", "Parameter instId can not be empty")
        if symbol not in self._market.symbols:
            raise Refused("51001", "Instrument ID doesn't exist")
        return symbol

    def _number(self, call: HttpCall, name: str, default: int, most: int) -> int:
        text = call.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise Refused("51000", f"Parameter {name} error")
        return min(int(text), most)
