"""The fake Binance USD-M venue as a whole: requests in, answers and private frames out.

No sockets and no clock: time is an argument, and what somebody shall hear is handed to whoever
carries it. One exchange is one account; it outlives every engine that trades there, and its ledger
is the truth by which they are judged.
"""

import heapq
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.execution.paper import PaperMarket
from engine.fake.trading.account import Account
from engine.fake.trading.algos import AlgoDesk
from engine.fake.trading.answers import Refusal
from engine.fake.trading.auth import (
    KEY_REFUSED,
    TEST_KEY,
    TEST_SECRET,
    KeyRights,
    check_key,
    check_signature,
    check_time,
)
from engine.fake.trading.desk import OrderDesk
from engine.fake.trading.filters import SymbolRules, info_row
from engine.fake.trading.limits import LimitRules, RateCounters
from engine.fake.trading.order_entry import OrderEntry
from engine.fake.trading.params import Params
from engine.fake.trading.queries import Queries, rights_row
from engine.fake.trading.user_stream import UserStream, UserStreams
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS
from engine.venues.trading import HttpReply

RIGHTS_PATH: Final = "/sapi/v1/account/apiRestrictions"

Security = Literal["none", "key", "signed"]
Act = Callable[[Params, int], object]


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange is made of."""

    key: str = TEST_KEY
    secret: str = TEST_SECRET
    asset: str = "USDT"
    cash: Decimal = Decimal(10_000)
    limits: LimitRules = LimitRules()
    seed: int = 1


class _Route(msgspec.Struct, frozen=True):
    """One endpoint."""

    act: Act
    weight: int = 1
    orders: int = 0
    security: Security = "signed"
    is_query: bool = False
    weight_of_all: int = 0
    """Of a request without a symbol, where that is dearer."""


class VenueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it was received: what is signed is untouched."""

    method: str
    path: str
    query: str = ""
    """Without its question mark."""
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes = b""


class Travelling(msgspec.Struct, frozen=True):
    """A request on its way: it arrives whether or not anybody still waits for the answer."""

    request: VenueRequest
    lag_ns: int
    on_reply: Callable[[HttpReply], None]


class FakeExchange:
    """One account at the fake venue.

    Args:
        settings: Its key, its money, its limits.
    """

    def __init__(self, settings: ExchangeSettings | None = None) -> None:
        self.settings = settings or ExchangeSettings()
        chance = Chance(self.settings.seed)
        self.rights = KeyRights()
        self.skew_ns = 0
        """How far the venue's clock is ahead of the true time."""
        self.has_steady_minutes = False
        """Whether rate limits go by the true time, for a venue whose own clock is a recorded one
        and may stand still."""
        self.limits = RateCounters(self.settings.limits)
        self.streams = UserStreams(chance)
        self.account = Account(self.settings.asset, self.settings.cash)
        self.desk = OrderDesk(self.account, self.streams.tell)
        self.algos = AlgoDesk(self.desk, self.streams.tell)
        self.key_refusals = 0
        """How many requests were refused for what the key may not do, or is not any more."""
        self.placed: dict[str, int] = {}
        """How often a request to place an order with this client order id was accepted."""
        self.stops_go_along = False
        """Whether conditional orders go too where all of a symbol are canceled, by request or by
        timer: nobody has told of the real venue."""
        self._countdowns: dict[str, int] = {}
        self._arrivals: list[tuple[int, int, Travelling]] = []
        self._arrived = 0
        self._named = 0
        self._entry = OrderEntry(self.desk, self.algos, self._new_name)
        self._queries = Queries(self.desk, self.algos)
        self._routes = self._all_routes()

    # The market

    def list_symbol(self, rules: SymbolRules, market: PaperMarket) -> None:
        """Let a symbol be traded; the book is read whenever an order meets it."""
        self.desk.list_symbol(rules, market)

    def on_trade(self, symbol: str, price_units: int, qty_units: int, now_ns: int) -> None:
        """Take in a print of the tape, in the units of the symbol's book."""
        venue_ns = now_ns + self.skew_ns
        self.desk.on_trade(symbol, price_units, qty_units, venue_ns)
        price = self.desk.price_of(symbol, price_units)
        self.algos.on_price(symbol, "CONTRACT_PRICE", price, venue_ns)

    def on_book(self, symbol: str, now_ns: int) -> None:
        """Take in that the book has changed."""
        self.desk.on_book(symbol, now_ns + self.skew_ns)

    def on_mark(self, symbol: str, price: Decimal, now_ns: int) -> None:
        """Take in a mark price."""
        self.desk.marks[symbol] = price
        self.algos.on_price(symbol, "MARK_PRICE", price, now_ns + self.skew_ns)

    # Time

    @property
    def countdowns(self) -> Mapping[str, int]:
        """When the dead-man timer of each symbol runs out, by the venue's clock."""
        return self._countdowns

    @property
    def next_due_ns(self) -> int | None:
        """When `advance` has something to do, by the true time."""
        dues = [self.streams.next_due_ns, self.desk.next_due_ns, *self._countdowns.values()]
        known = [due - self.skew_ns for due in dues if due is not None]
        known += [self._arrivals[0][0]] if self._arrivals else []
        return min(known, default=None)

    def advance(self, now_ns: int) -> None:
        """Let happen what is due: arrivals, dead-man timers, expiries."""
        while self._arrivals and self._arrivals[0][0] <= now_ns:
            due_ns, _, one = heapq.heappop(self._arrivals)
            self._tick(due_ns)
            reply = self.handle(one.request, due_ns, lag_ns=one.lag_ns)
            one.on_reply(reply)
        self._tick(now_ns)

    def send(self, travelling: Travelling, due_ns: int) -> None:
        """Let a request arrive at a moment; those of one moment in the order of this call."""
        self._arrived += 1
        heapq.heappush(self._arrivals, (due_ns, self._arrived, travelling))

    def _tick(self, now_ns: int) -> None:
        venue_ns = now_ns + self.skew_ns
        for symbol, due_ns in list(self._countdowns.items()):
            if due_ns <= venue_ns:
                del self._countdowns[symbol]
                self._clear(symbol, venue_ns)
        self.desk.advance(venue_ns)
        self.streams.advance(venue_ns)

    # Requests

    def serves(self, method: str, path: str) -> bool:
        """Whether there is such an endpoint."""
        return (method, path) in self._routes

    def handle(self, request: VenueRequest, now_ns: int, *, lag_ns: int = 0) -> HttpReply:
        """Answer one request, now.

        Args:
            request: What came.
            now_ns: The true time, in UTC.
            lag_ns: By how much a query is answered from an older state.
        """
        method, path = request.method, request.path
        route = self._routes.get((method, path))
        if route is None:
            return Refusal(-5000, f"Path {path}, Method {method} is invalid", 404).reply()
        venue_ns = now_ns + self.skew_ns
        try:
            reply = self._served(route, request, venue_ns, lag_ns)
        except Refusal as refusal:
            self.key_refusals += refusal.code == KEY_REFUSED
            reply = refusal.reply()
        said = self.limits.headers(with_orders=bool(route.orders))
        plain = {"content-type": "application/json;charset=UTF-8"}
        return HttpReply(reply.status, {**plain, **reply.headers, **said}, reply.body)

    def open_stream(
        self,
        listen_key: str,
        send: Callable[[bytes], None],
        shut: Callable[[int], None],
        now_ns: int,
    ) -> UserStream:
        """Open a private websocket; with a key that does not exist it stays silent."""
        stream = UserStream(listen_key, send, shut, now_ns + self.skew_ns)
        self.streams.open(stream)
        return stream

    def _served(
        self, route: _Route, request: VenueRequest, venue_ns: int, lag_ns: int
    ) -> HttpReply:
        params = Params(request.query, request.body)
        is_dear = route.weight_of_all and not params.has("symbol")
        weight = route.weight_of_all if is_dear else route.weight
        window_ns = venue_ns - self.skew_ns if self.has_steady_minutes else venue_ns
        self.limits.charge(weight, route.orders, window_ns)
        if route.security != "none":
            check_key(request.headers, self.settings.key, self.rights)
        if route.security == "signed":
            check_signature(self.settings.secret, request.query, request.body)
            check_time(params, venue_ns // NS_PER_MS)
            if request.method != "GET" and not self.rights.may_trade:
                raise Refusal(KEY_REFUSED, status=401)
        answer = route.act(params, venue_ns - lag_ns if route.is_query else venue_ns)
        return HttpReply(200, {}, msgspec.json.encode(answer))

    def _all_routes(self) -> dict[tuple[str, str], _Route]:
        entry = self._entry
        routes = {
            ("POST", "/fapi/v1/order"): _Route(self._place, 0, 1),
            ("PUT", "/fapi/v1/order"): _Route(entry.amend, 1, 1),
            ("DELETE", "/fapi/v1/order"): _Route(entry.cancel),
            ("DELETE", "/fapi/v1/allOpenOrders"): _Route(self._cancel_all),
            ("POST", "/fapi/v1/algoOrder"): _Route(self._place_algo, 0, 1),
            ("DELETE", "/fapi/v1/algoOrder"): _Route(entry.cancel_algo),
            ("DELETE", "/fapi/v1/algoOpenOrders"): _Route(entry.cancel_algos),
            ("POST", "/fapi/v1/countdownCancelAll"): _Route(self._count_down, 10),
            ("GET", RIGHTS_PATH): _Route(lambda _params, _now_ns: rights_row(self.rights)),
            ("POST", "/fapi/v1/listenKey"): _Route(self._create_key, security="key"),
            ("PUT", "/fapi/v1/listenKey"): _Route(self._keep_key, security="key"),
            ("DELETE", "/fapi/v1/listenKey"): _Route(self._end_key, security="key"),
            ("GET", "/fapi/v1/ping"): _Route(lambda _params, _now_ns: {}, security="none"),
            ("GET", "/fapi/v1/time"): _Route(_time, security="none"),
            ("GET", "/fapi/v1/exchangeInfo"): _Route(self._info, security="none"),
        }
        return routes | _query_routes(self._queries)

    def _place(self, params: Params, now_ns: int) -> object:
        answer = self._entry.place(params, now_ns)
        self._note_placed(params.text("newClientOrderId", ""))
        return answer

    def _place_algo(self, params: Params, now_ns: int) -> object:
        answer = self._entry.place_algo(params, now_ns)
        self._note_placed(params.text("clientAlgoId", ""))
        return answer

    def _note_placed(self, client_order_id: str) -> None:
        self.placed[client_order_id] = self.placed.get(client_order_id, 0) + 1

    def _cancel_all(self, params: Params, now_ns: int) -> object:
        answer = self._entry.cancel_all(params, now_ns)
        self._clear(params.text("symbol"), now_ns)
        return answer

    def _clear(self, symbol: str, now_ns: int) -> None:
        """End all orders of a symbol, of the kinds that this venue means by that."""
        for order in self.desk.open_orders(symbol):
            self.desk.end(order, now_ns)
        for algo in self.algos.open_algos(symbol) if self.stops_go_along else ():
            self.algos.cancel(algo, now_ns)

    def _count_down(self, params: Params, now_ns: int) -> object:
        symbol, after_ms = params.text("symbol"), params.number("countdownTime")
        if symbol not in self.desk.rules:
            raise Refusal(-1121)
        self._countdowns.pop(symbol, None)
        if after_ms:
            self._countdowns[symbol] = now_ns + after_ms * NS_PER_MS
        return {"symbol": symbol, "countdownTime": str(after_ms)}

    def _create_key(self, _params: Params, now_ns: int) -> object:
        return {"listenKey": self.streams.create(now_ns)}

    def _keep_key(self, _params: Params, now_ns: int) -> object:
        return {"listenKey": self.streams.keep(now_ns)}

    def _end_key(self, _params: Params, now_ns: int) -> object:
        if not self.streams.key:
            raise Refusal(-1125)
        self.streams.expire(now_ns // NS_PER_MS, is_loud=False)
        return {}

    def _info(self, _params: Params, now_ns: int) -> object:
        rules = self.settings.limits
        limits = [
            ("REQUEST_WEIGHT", "MINUTE", 1, rules.weight_per_minute),
            ("ORDERS", "MINUTE", 1, rules.orders_per_minute),
            ("ORDERS", "SECOND", 10, rules.orders_per_10_s),
        ]
        names = ("rateLimitType", "interval", "intervalNum", "limit")
        return {
            "timezone": "UTC",
            "serverTime": now_ns // NS_PER_MS,
            "rateLimits": [dict(zip(names, row, strict=True)) for row in limits],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [info_row(one) for one in self.desk.rules.values()],
        }

    def _new_name(self) -> str:
        self._named += 1
        return f"venue_{self._named}"


def _query_routes(queries: Queries) -> dict[tuple[str, str], _Route]:
    def query(act: Act, weight: int = 1, weight_of_all: int = 0) -> _Route:
        return _Route(act, weight, is_query=True, weight_of_all=weight_of_all)

    return {
        ("GET", "/fapi/v1/order"): query(queries.order),
        ("GET", "/fapi/v1/openOrder"): query(queries.open_order),
        ("GET", "/fapi/v1/openOrders"): query(queries.open_orders, 1, 40),
        ("GET", "/fapi/v1/allOrders"): query(queries.all_orders, 5),
        ("GET", "/fapi/v1/userTrades"): query(queries.trades, 5),
        ("GET", "/fapi/v1/algoOrder"): query(queries.algo),
        ("GET", "/fapi/v1/openAlgoOrders"): query(queries.open_algos, 1, 40),
        ("GET", "/fapi/v3/positionRisk"): query(queries.positions, 5),
        ("GET", "/fapi/v3/balance"): query(queries.balance, 5),
        ("GET", "/fapi/v3/account"): query(queries.account, 5),
        ("GET", "/fapi/v1/income"): query(queries.income, 30),
    }


def _time(_params: Params, now_ns: int) -> object:
    return {"serverTime": now_ns // NS_PER_MS}
