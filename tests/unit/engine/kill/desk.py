"""A kill whose venue is the fake exchange, in memory and in time that passes by sleeping."""

from collections.abc import Callable
from decimal import Decimal

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.way import venue_request
from engine.kill.rest import Rest
from engine.kill.venue import Policy, VenueKill
from engine.model.errors import VenueUnreachable
from engine.model.numbers import NS_PER_S
from engine.venues.base import Endpoints
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials, HttpCall, HttpReply
from tests.fakes.venue_client import VenueClient, WrittenBook, a_market

VENUE = "binance_futures"
VALIDITY_NS = 5 * NS_PER_S
ETH = SymbolRules(
    symbol="ETHUSDT", base="ETH", tick=Decimal("0.1"), step=Decimal("0.001"), qty_min=Decimal(1)
)


class Clock:
    """The client's; it passes when somebody sleeps, and then things happen."""

    def __init__(self, client: VenueClient) -> None:
        self.client = client
        self.slept: list[float] = []
        self.then: list[tuple[int, Callable[[], None]]] = []

    def now_ns(self) -> int:
        """Return the time."""
        return self.client.now_ns

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert sum(self.slept) < 1_000, "it never ends"
        self.slept.append(seconds)
        self.client.wait(seconds)
        due = [one for one in self.then if one[0] <= self.client.now_ns]
        self.then = [one for one in self.then if one not in due]
        for _, happen in due:
            happen()


class KillDesk:
    """Everything around a kill at one venue."""

    def __init__(self) -> None:
        self.client = VenueClient()
        self.exchange = self.client.exchange
        self.exchange.list_symbol(ETH, a_market(WrittenBook({1_000: 9}, {1_001: 9}), ETH))
        self.clock = Clock(self.client)
        self.sent: list[str] = []
        self.said: list[str] = []
        self.broken: dict[str, HttpReply | None] = {}
        """Answers by a part of the method and path; None: the connection breaks."""
        endpoints = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")
        self.wire = BinanceTradeWire(endpoints, Credentials(TEST_KEY, TEST_SECRET))
        self.rest = Rest(self.wire, self.send, self.clock)

    def kill(self, **policy) -> VenueKill:
        """Return a kill."""
        return VenueKill(
            VENUE, self.rest, self.clock, VALIDITY_NS, Policy(**policy), self.said.append
        )

    def killed(self, until_s: float | None = None, **policy) -> VenueKill:
        """Return a kill that was run."""
        kill = self.kill(**policy)
        until_ns = None if until_s is None else self.clock.now_ns() + int(until_s * NS_PER_S)
        kill.run(until_ns)
        return kill

    def rests(self, name: str, price: str = "99", symbol: str = "BTCUSDT") -> None:
        """Let an order rest."""
        self.client.place(name, price=price, symbol=symbol)

    def holds(self, side: str = "BUY") -> None:
        """Hold one coin."""
        self.client.place(f"entry {side}".replace(" ", "_"), side)

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen later."""
        self.clock.then.append((self.clock.now_ns() + int(seconds * NS_PER_S), happen))

    def open_names(self) -> list[str]:
        """Return all that is open at the venue."""
        plain = [
            one.client_order_id
            for symbol in self.exchange.desk.rules
            for one in self.exchange.desk.open_orders(symbol)
        ]
        return plain + [one.client_algo_id for one in self.exchange.algos.open_algos()]

    def send(self, call: HttpCall) -> HttpReply:
        """Carry a request to the exchange."""
        path = call.url.partition("?")[0].removeprefix("http://127.0.0.1:1")
        what = f"{call.method} {path.rpartition('/')[2]}"
        self.sent.append(what)
        for part, reply in self.broken.items():
            if part in what:
                if reply is None:
                    raise VenueUnreachable("connection refused")
                return reply
        request = venue_request(call.method, call.url, call.headers, call.body)
        return self.exchange.handle(request, self.clock.now_ns())
