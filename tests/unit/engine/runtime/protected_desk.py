"""A kernel that trades at the fake exchange: its gateway, the real wire, and what the venue has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import msgspec

from engine.execution.limits import paper_limits
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.hands import Hands
from engine.fake.trading.mishaps import NO_TRADING_FAULTS, Mishaps, TradingFaults
from engine.fake.trading.records import AlgoOrder
from engine.fake.trading.way import Way
from engine.kernel.desk import DeskSetup
from engine.model import effects as x
from engine.model.chance import Chance
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.market import FeedUp
from engine.runtime.clock import LoopClock
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.guard import GatewayGuard, GuardLimits
from engine.runtime.trade_rest import TradePorts
from engine.runtime.virtual_loop import run
from engine.venues.base import Endpoints
from engine.venues.trading import Credentials
from tests.builders import (
    FEED,
    REST,
    START_NS,
    Trader,
    a_delta,
    a_snapshot,
    an_instrument,
    an_update,
    buy,
)
from tests.unit.engine.kernel.live_desk import RULES
from tests.unit.engine.runtime.gateway_desk import BTC, SYMBOL, VENUE, Network, Wire, an_exchange

STOP, TARGET = 95, 110
STEP_S = 0.25


class Protected(Trader):
    """Its market is 100x900 | 101x900; an entry by hand brings a stop at 95 and a target at 110."""

    def __init__(self, faults: TradingFaults = NO_TRADING_FAULTS) -> None:
        limits = msgspec.structs.replace(paper_limits(), duplicate_window_s=0)
        super().__init__(
            DeskSetup(
                VENUE, starts_armed=True, currency="USDT", limits=limits, rules=RULES, is_live=False
            )
        )
        self.clock = LoopClock(START_NS)
        self.book_seq = 10
        self.take(RunStarted("run-1", "0.1"), source="engine").take(FeedUp(FEED))
        self.take(an_update(an_instrument(BTC, is_trading=True, base="BTC")))
        self.take(a_delta(10, bids="1x1", prev=9, instrument_id=BTC))
        self.take(a_snapshot("100x900", "101x900", instrument_id=BTC), source=REST)
        self.exchange = an_exchange(self.state)
        self.hands = Hands(self.exchange)
        self.mishaps = Mishaps(faults, Chance(7))
        self.way = Way(self.exchange, self.mishaps, self.clock.now_ns)
        self.network = Network(self.way, self.clock.now_ns)
        endpoints = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")
        wire = Wire(endpoints, Credentials(TEST_KEY, TEST_SECRET))
        self.tasks: list[asyncio.Task[None]] = []
        ports = TradePorts(VENUE, wire, self.clock, self.network, Chance(5))
        gateway = GatewayParts(
            ports,
            self.state,
            self._hear,
            self._start,
            lambda make, name: self._start(make(), name),
        )
        self.gateway = VenueGateway(gateway)
        self.guard = GatewayGuard(self.gateway, GuardLimits(Decimal(1_000_000), 1_000))
        self.sent = 0
        """Orders that left."""
        self.looks: list[tuple[int, list[int]]] = []
        """Position at the venue and sizes of its working stops, whenever it may have changed."""

    async def begin(self) -> None:
        """Take up the run, until the account agrees."""
        self.gateway.take_back(self.ledger)
        await self.lives(3)
        assert self.desk.venue_side.agreed_ns is not None

    async def lives(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds / STEP_S)):
            await asyncio.sleep(STEP_S)
            self._sync()
            self.book_seq += 1
            self.take(a_delta(self.book_seq, bids="1x1", instrument_id=BTC))
            self.wait(0)

    async def enters(self, lots: int = 6) -> None:
        """Let a bid with a bracket rest at 100."""
        self._sync()
        order = buy(lots, 100, instrument_id=BTC, stop=Decimal(STOP), target=Decimal(TARGET))
        assert self.do(order).verdict == "accepted"
        await self.lives(1)

    async def holds_protected(self, lots: int = 6) -> None:
        """Let such a bid be filled and wait for its protection."""
        await self.enters(lots)
        self.sells_to_us(lots)
        await self.lives(2)
        assert self.stops_there() == [lots]
        assert self.targets_there() == [lots]

    def sells_to_us(self, lots: int) -> None:
        """Let somebody trade with our bid."""
        (bid,) = self.exchange.desk.open_orders(SYMBOL)
        self.hands.trade_with(bid, lots, self.clock.now_ns())
        self.network.wake()

    def trades(self, price: int) -> None:
        """Let others trade at a price."""
        self.exchange.on_trade(SYMBOL, price, 1, self.clock.now_ns())
        self.network.wake()

    def position(self) -> int:
        """Return what the venue says that we hold."""
        return int(self.exchange.account.position(SYMBOL).qty)

    def stops_there(self) -> list[int]:
        """Return the sizes of the stops that wait at the venue."""
        return self._sizes("STOP_MARKET")

    def targets_there(self) -> list[int]:
        """Return the same of targets."""
        return self._sizes("TAKE_PROFIT_MARKET")

    def algo(self, kind: str = "STOP_MARKET") -> AlgoOrder:
        """Return the only one of a kind."""
        (found,) = [one for one in self.exchange.algos.open_algos(SYMBOL) if one.type == kind]
        return found

    async def end(self) -> None:
        """End all tasks."""
        self.gateway.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.network.close()

    def _sizes(self, kind: str) -> list[int]:
        algos = self.exchange.algos.open_algos(SYMBOL)
        return [int(one.qty) for one in algos if one.type == kind]

    def _sync(self) -> None:
        self.ms = (self.clock.now_ns() - START_NS) / 1_000_000

    def _hear(self, source: str, events: Sequence[Event]) -> None:
        self._sync()
        self.take(*events, source=source)

    def _start(self, work, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))
        return self.tasks[-1]

    def _step(self, ts_ns: int, source: str, event: Event) -> None:
        seq = self.state.seq + 1
        for effect in self.kernel.step(Envelope(seq, ts_ns, source, event)):
            match effect:
                case x.SetTimer():
                    self.timers.set(effect)
                case x.PlaceOrder(approved, is_flatten):
                    self.sent += 1
                    problem = self.guard.place(approved, ts_ns, is_flatten=is_flatten)
                    assert not problem, problem
                case x.SendCancel(client_order_id):
                    self.guard.cancel(client_order_id)
                case (
                    x.CancelAllOrders()
                    | x.CancelShown()
                    | x.QueryOrder()
                    | x.RequestReport()
                    | x.SetDeadMan()
                ):
                    self.gateway.serve(effect)
                case _:
                    self.effects.append(effect)
        if hasattr(self, "looks"):
            self.looks.append((self.position(), self.stops_there()))


def at_the_venue(
    scenario: Callable[[Protected], Awaitable[None]], faults: TradingFaults = NO_TRADING_FAULTS
) -> None:
    """Run a scenario in virtual time."""

    async def main() -> None:
        desk = Protected(faults)
        await desk.begin()
        await scenario(desk)
        await desk.end()

    run(main)
