"""A venue gateway in front of the fake exchange, in virtual time: real wire, real answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from engine.execution.paper import PaperMarket
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.memory import MemoryLink, MemoryTransport
from engine.fake.trading.mishaps import NO_TRADING_FAULTS, Mishaps, TradingFaults
from engine.fake.trading.way import Way
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model import orders as o
from engine.model.account import OrderAnswered
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.errors import VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder
from engine.runtime.clock import LoopClock
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.guard import GatewayGuard, GuardLimits
from engine.runtime.trade_rest import TradePorts
from engine.runtime.transport import BeforeSend
from engine.runtime.virtual_loop import run
from engine.venues.base import Endpoints
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import (
    Credentials,
    HttpCall,
    HttpReply,
    RateLimit,
    TradeAnswer,
    TradeRequest,
)
from tests.builders import START_NS, Run, a_snapshot, an_instrument, an_update
from tests.order_facts import an_intent, began, known

VENUE = "binance_futures"
BTC = InstrumentId(f"{VENUE}:BTCUSDT")
SYMBOL = "BTCUSDT"
SOON_S = 1.0
"""Longer than anything takes where nothing goes wrong."""

E = TypeVar("E")


class Network(MemoryTransport):
    """The way to the exchange, which a test can make slow or cut."""

    def __init__(self, way: Way, now: Callable[[], int]) -> None:
        super().__init__(way, now)
        self.now = now
        self.connect_s = 0.0
        """How long a connection for a request is made."""
        self.lost: str = ""
        """Requests with this in their address leave, and are never answered."""
        self.dead: str = ""
        """Requests with this in their address never leave."""
        self.limited: str = ""
        """Requests with this in their address are turned away: too many of them."""
        self.refused: tuple[str, str] = ("", "")
        """Method and path of what the venue says that it does not know."""
        self.reworded: tuple[bytes, bytes] = (b"", b"")
        """Words of the venue, and what its answers say in their place."""
        self.calls: list[tuple[int, str, str]] = []
        """When something left, method and path."""
        self.links: list[MemoryLink] = []

    async def connect(self, url: str) -> MemoryLink:
        """Open a private websocket."""
        link = await super().connect(url)
        self.links.append(link)
        return link

    async def request(self, call: HttpCall, before_send: BeforeSend) -> HttpReply:
        """Send a request once, if nothing is in its way."""
        if self.connect_s:
            await asyncio.sleep(self.connect_s)
        if self.dead and self.dead in call.url:
            raise VenueUnreachable("connection refused", was_sent=False)

        def leave() -> None:
            before_send()
            path = "/" + call.url.partition("?")[0].partition("://")[2].partition("/")[2]
            self.calls.append((self.now(), call.method, path))

        if self.limited and self.limited in call.url:
            leave()
            body = b'{"code":-1003,"msg":"Too many requests."}'
            return HttpReply(429, {"content-type": "application/json", "retry-after": "30"}, body)
        if self.refused[0] == call.method and self.refused[1] in call.url:
            leave()
            body = b'{"code":-2011,"msg":"Unknown order sent."}'
            return HttpReply(400, {"content-type": "application/json"}, body)
        reply = await super().request(call, leave)
        if self.lost and self.lost in call.url:
            raise VenueUnreachable("connection lost")
        return HttpReply(reply.status, reply.headers, reply.body.replace(*self.reworded))

    def left(self, method: str, path: str) -> int:
        """Return how many such requests left."""
        return sum((method, path) == call[1:] for call in self.calls)


class Wire(BinanceTradeWire):
    """The real wire, which tells when it signs, and may fail when it reads."""

    on_sign: Callable[[TradeRequest], None] = staticmethod(lambda _: None)
    on_decode: Callable[[TradeRequest], None] = staticmethod(lambda _: None)

    def sign(self, request: TradeRequest, ts_ns: int) -> HttpCall:
        """Sign, and say so."""
        self.on_sign(request)
        return super().sign(request, ts_ns)

    def decode(self, request: TradeRequest, *said: Any) -> TradeAnswer:
        """Read, unless it fails."""
        self.on_decode(request)
        return super().decode(request, *said)


class Desk:
    """A gateway with everything around it; the market is 100x9 | 101x7."""

    def __init__(
        self, faults: TradingFaults = NO_TRADING_FAULTS, limits: Sequence[RateLimit] = ()
    ) -> None:
        self.clock = LoopClock(START_NS)
        self.market = a_market()
        self.exchange = an_exchange(self.market.state)
        self.way = Way(self.exchange, Mishaps(faults, Chance(7)), self.clock.now_ns)
        self.network = Network(self.way, self.clock.now_ns)
        endpoints = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")
        self.wire = Wire(endpoints, Credentials(TEST_KEY, TEST_SECRET))
        if limits:
            self.wire.limits = limits
        self.told: list[Event] = []
        self.tasks: list[asyncio.Task[None]] = []
        ports = TradePorts(VENUE, self.wire, self.clock, self.network, Chance(5))
        state = self.market.state
        self.ledger = state.desk.ledger
        self.ledger.apply(began())
        self.ledger.apply(known(BTC))
        self.gateway = VenueGateway(
            GatewayParts(
                ports,
                state,
                lambda _, events: self._take(events),
                self._start,
                lambda make, name: self._start(make(), name),
            )
        )
        self.guard = GatewayGuard(self.gateway, GuardLimits(Decimal(1_000_000), 1_000))

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self.told.append(event)
            if isinstance(event, f.OrderReport):
                self.ledger.apply(event)
            elif isinstance(event, OrderAnswered):
                self._believe(event)

    def _believe(self, answered: OrderAnswered) -> None:
        """Take what was seen of an order for what is true, as nobody but a test does."""
        for fill in answered.fills:
            self.ledger.apply(fill)
        order = answered.order
        if order is None:
            return
        if order.state == "canceled":
            self.ledger.apply(f.OrderCanceled(self.clock.now_ns(), order.client_order_id, "seen"))
        if order.state == "open" and order.limit_ticks is not None:
            seen = order.client_order_id, order.limit_ticks, order.qty_lots
            self.ledger.apply(f.OrderReplaced(self.clock.now_ns(), *seen))

    def _start(self, work, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))
        return self.tasks[-1]

    async def begin(self) -> None:
        """Take up the run, until clock and stream are there."""
        self.gateway.take_back(self.ledger)
        await asyncio.sleep(SOON_S)
        self.told.clear()
        self.network.calls.clear()

    def place(self, name: str = "a", **intent) -> str:
        """Send an order through the guard."""
        wanted = an_intent(**({"instrument_id": BTC} | intent))
        self.ledger.apply(f.OrderIntended(self.clock.now_ns(), name, wanted, 1))
        approved = ApprovedOrder(name, wanted, o._BY_THE_GATE)
        return self.guard.place(approved, self.clock.now_ns(), is_flatten=wanted.tag == "flatten")

    async def rest_order(self, name: str = "a", **intent) -> None:
        """Send an order and wait until it rests."""
        self.place(name, **({"lots": 3, "price": 95} | intent))
        await asyncio.sleep(SOON_S)
        assert self.ledger.orders[name].state == "open"

    def replace(self, name: str, price: int, lots: int) -> str:
        """Send an amend through the guard."""
        limit, qty = PriceTicks(price), QtyLots(lots)
        self.ledger.apply(f.ReplaceRequested(self.clock.now_ns(), name, limit, qty))
        return self.guard.replace(name, limit, qty, self.clock.now_ns())

    def trade(self, price: int, lots: int) -> None:
        """Let others trade at the venue."""
        self.exchange.on_trade(SYMBOL, price, lots, self.clock.now_ns())
        self.network.wake()

    def cut_streams(self) -> None:
        """Let every private websocket break."""
        for stream in self.exchange.streams.streams:
            self.exchange.streams.close(stream)
            stream.shut(1006)

    def heard(self, kind: type[E]) -> list[E]:
        """Return what was told of a kind."""
        return [event for event in self.told if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        """Name what was told of orders."""
        return [type(event).__name__ for event in self.told if isinstance(event, f.OrderReport)]

    async def end(self) -> None:
        """End all tasks; one that failed by itself fails the test."""
        self.gateway.close()
        failed = [one.exception() for one in self.tasks if one.done() and not one.cancelled()]
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.network.close()
        assert [error for error in failed if error is not None] == []


def a_market() -> Run:
    """Return a run that knows the instrument and its book."""
    market = Run()
    market.take(an_update(an_instrument(BTC)))
    return market.take(a_snapshot("100x9", "101x7", instrument_id=BTC))


def an_exchange(state: KernelState) -> FakeExchange:
    """Return the fake exchange over the book of a run."""
    exchange = FakeExchange()
    one = Decimal(1)
    rules = SymbolRules(symbol=SYMBOL, base="BTC", tick=one, step=one, qty_min=one)
    market = PaperMarket(
        book=state.instruments[BTC].book,
        tick_units=1,
        lot_units=1,
        tick_size=one,
        lot_size=one,
        quote="USDT",
    )
    exchange.list_symbol(rules, market)
    exchange.on_mark(SYMBOL, Decimal("100.5"), START_NS)
    return exchange


def simulated(
    scenario: Callable[[Desk], Awaitable[None]],
    faults: TradingFaults = NO_TRADING_FAULTS,
    limits: Sequence[RateLimit] = (),
) -> None:
    """Run a scenario on a desk of its own."""

    async def main() -> None:
        desk = Desk(faults, limits)
        await scenario(desk)
        await desk.end()

    run(main)
