"""A client of the fake exchange that signs by itself, and a book that tests write."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from engine.execution.paper import PaperMarket
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import ExchangeSettings, FakeExchange, VenueRequest
from engine.fake.trading.filters import SymbolRules
from engine.model.market import BookState, Level
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.trading import HttpReply

START_NS: Final = 1_700_000_040_000_000_000
"""Begins a minute of the UTC clock."""

BTC: Final = SymbolRules(
    symbol="BTCUSDT",
    base="BTC",
    tick=Decimal("0.1"),
    price_min=Decimal("0.1"),
    step=Decimal("0.001"),
    qty_min=Decimal("0.001"),
)


class WrittenBook:
    """Levels in ticks and lots, as a test says."""

    def __init__(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self.bids = bids
        self.asks = asks
        self.state: BookState = "live"

    def levels(self, *, is_bid: bool) -> Iterator[Level]:
        """Iterate over one side, best first."""
        side = self.bids if is_bid else self.asks
        for price in sorted(side, reverse=is_bid):
            yield price, side[price]

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the size at a price."""
        return (self.bids if is_bid else self.asks).get(price_ticks, 0)


def a_book() -> WrittenBook:
    """Return 100.0 bid and 100.1 asked, ten coins each, and more behind."""
    return WrittenBook({1_000: 10_000, 999: 50_000}, {1_001: 10_000, 1_002: 50_000})


def a_market(book: WrittenBook, rules: SymbolRules = BTC) -> PaperMarket:
    return PaperMarket(book, 1, 1, rules.tick, rules.step, rules.quote)


class VenueClient:
    """One exchange with one symbol, and somebody who asks it things.

    Time stands still but for `wait`.
    """

    def __init__(self, settings: ExchangeSettings | None = None) -> None:
        self.exchange = FakeExchange(settings)
        self.book = a_book()
        self.exchange.list_symbol(BTC, a_market(self.book))
        self.now_ns = START_NS
        self.frames: list[dict[str, Any]] = []
        self.closed: list[int] = []
        self.last: HttpReply = HttpReply(0, {}, b"")

    def wait(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        until_ns = self.now_ns + int(seconds * 1e9)
        while (due_ns := self.exchange.next_due_ns) is not None and due_ns <= until_ns:
            self.now_ns = max(due_ns, self.now_ns)
            self.exchange.advance(self.now_ns)
        self.now_ns = until_ns
        self.exchange.advance(until_ns)

    def listen(self) -> str:
        """Open a private websocket; return its listenKey."""
        key = self.ask_openly("POST", "/fapi/v1/listenKey")["listenKey"]
        self.exchange.open_stream(
            key,
            lambda frame: self.frames.append(json.loads(frame)),
            self.closed.append,
            self.now_ns,
        )
        return key

    def ask(self, method: str, path: str, /, **params: object) -> Any:
        """Ask something; return the answer's tree."""
        return self._asked(signed(method, path, _texts(params), self.now_ns))

    def ask_openly(self, method: str, path: str, /, **params: object) -> Any:
        """Ask something that needs no signature."""
        return self._asked(signed(method, path, _texts(params), self.now_ns, is_signed=False))

    def ask_lagging(self, lag_s: float, method: str, path: str, /, **params: object) -> Any:
        """Ask a replica that lags."""
        request = signed(method, path, _texts(params), self.now_ns)
        return self._asked(request, int(lag_s * NS_PER_S))

    def place(
        self, client_order_id: str, /, side: str = "BUY", qty: str = "1", **more: object
    ) -> Any:
        """Place a limit order where a price is given, else a market order."""
        kind = "LIMIT" if "price" in more else "MARKET"
        named: dict[str, object] = {"symbol": "BTCUSDT", "side": side, "type": kind}
        named |= {"quantity": qty, "newClientOrderId": client_order_id}
        if kind == "LIMIT":
            named["timeInForce"] = "GTC"
        return self.ask("POST", "/fapi/v1/order", **(named | more))

    def place_algo(
        self, client_algo_id: str, side: str, kind: str, trigger: str, /, **more: object
    ) -> Any:
        """Place a conditional order of one coin."""
        named: dict[str, object] = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": side}
        named |= {"type": kind, "triggerPrice": trigger, "clientAlgoId": client_algo_id}
        if "closePosition" not in more:
            named["quantity"] = "1"
        return self.ask("POST", "/fapi/v1/algoOrder", **(named | more))

    def told(self) -> list[str]:
        """Return what the private stream said, shortly, and forget it."""
        said = [_shortly(frame) for frame in self.frames]
        self.frames.clear()
        return said

    def _asked(self, request: VenueRequest, lag_ns: int = 0) -> Any:
        self.last = self.exchange.handle(request, self.now_ns, lag_ns=lag_ns)
        return json.loads(self.last.body)


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}


def signed(
    method: str,
    path: str,
    params: dict[str, str],
    now_ns: int,
    *,
    is_signed: bool = True,
) -> VenueRequest:
    """Return a request as a client of Binance would write it."""
    if is_signed:
        params = {"timestamp": str(now_ns // NS_PER_MS), **params}
    query = urlencode(params)
    if is_signed:
        signature = hmac.new(TEST_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        query += f"&signature={signature}"
    headers = {"X-MBX-APIKEY": TEST_KEY}
    return VenueRequest(method=method, path=path, query=query, headers=headers)


def _shortly(frame: dict[str, Any]) -> str:
    match frame["e"]:
        case "ORDER_TRADE_UPDATE":
            order = frame["o"]
            return f"order {order['c']} {order['x']} {order['X']}"
        case "ALGO_UPDATE":
            return f"algo {frame['o']['caid']} {frame['o']['X']}"
        case "TRADE_LITE":
            return f"lite {frame['c']}"
        case "ACCOUNT_UPDATE":
            return f"account {frame['a']['m']}"
        case other:
            return str(other)
