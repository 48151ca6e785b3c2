"""A day of trading in virtual time: the whole engine behind gateway and wire at the fake exchange.

A strategy and a random person trade; funding comes three times, money comes and goes, somebody
trades by hand at the venue. The engine is started anew twice, the second time after it was killed.
What the exchange booked is the truth.
"""

import asyncio
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from engine.execution.ledger_account import DAY_NS
from engine.execution.statement_check import VenueHistory
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import ExchangeSettings, FakeExchange
from engine.fake.trading.hands import Hands
from engine.fake.trading.memory import MemoryTransport
from engine.fake.trading.mishaps import Mishaps, RestFaults, StreamFaults, TradingFaults
from engine.fake.trading.way import Way
from engine.folder import DataFolder
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.effects import CommandResult
from engine.model.instrument import instrument_id
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock, LoopClock
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import TradingPorts, attach_trading, recover_ledger
from engine.runtime.statement_report import JournalBooks, read_books
from engine.runtime.trade_rest import TradePorts
from engine.runtime.venue_day import venue_history
from engine.runtime.virtual_loop import run
from engine.venues.base import Endpoints
from engine.venues.binance.spec import FUTURES
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials
from tests.fakes.files import FaultyFiles, PowerCut
from tests.sim.exchange_market import QUOTE, VENUE, ExchangeMarket
from tests.sim.markets import JumpyMarket, MarketMishaps, MarketSource
from tests.sim.operator import SimOperator
from tests.sim.profiles import LIMITS, TWO, MarketFaults

FOLDER: Final = DataFolder(Path("/day"))
DAY: Final = 20_400
"""The day that is traded, from this midnight to the next."""
MIDNIGHT_NS: Final = DAY * DAY_NS
RATE: Final = Decimal("0.0001")
HOUR_NS: Final = 3_600 * NS_PER_S
LOOK_S: Final = 1.0
"""So often an engine sees the market, to spare the test's time."""
AT: Final = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")

FAULTS: Final = TradingFaults(
    rest=RestFaults(
        unanswered_share=0.01, lost_share=0.01, slow_share=0.01, slow_s_max=8, travel_mean_s=0.03
    ),
    stream=StreamFaults(repeat_share=0.05, close_share=0.01, delay_mean_s=0.05),
)
"""Answers and frames are lost: what is missed comes with the next report of the account."""


class Host(EngineHost):
    """The engine's host; the person hears what it answers."""

    person: SimOperator

    def answer(self, result: CommandResult) -> None:
        """Tell the person."""
        super().answer(result)
        self.person.hear(result)


class TradingDay:
    """The exchange, the disk, the people, and one engine after the other.

    Args:
        seed: Draws all that is random.
        begin_ns: When the first engine starts.
        end_ns: When the last one leaves.
    """

    def __init__(self, seed: int, begin_ns: int, end_ns: int) -> None:
        self._chance = Chance(seed)
        self._begin_ns, self._end_ns = begin_ns, end_ns
        self.files = FaultyFiles(Chance(seed + 1))
        settings = ExchangeSettings(cash=Decimal(100_000), asset=QUOTE, seed=seed)
        self.exchange = FakeExchange(settings)
        self._hands = Hands(self.exchange)
        self._mishaps = Mishaps(FAULTS, Chance(seed + 2))
        self._person = SimOperator(Chance(seed + 3))
        self._transport: MemoryTransport | None = None
        market = JumpyMarket(TWO, seed, begin_ns)
        self._market = ExchangeMarket(market, self.exchange, self._wake, begin_ns)
        self._now_ns = begin_ns
        self._life = 0

    def pass_by(self) -> None:
        """Live through it."""
        length_ns = self._end_ns - self._begin_ns
        self._live(self._begin_ns + length_ns // 2)
        self._live(self._begin_ns + length_ns * 3 // 4, is_killed=True)
        self._live(self._end_ns)

    def read(self) -> JournalBooks:
        """Read the journals."""
        return read_books(self.files, FOLDER.journal)

    def history(self, read: JournalBooks, day: int) -> VenueHistory:
        """Ask the exchange for a day, by its own protocol."""

        async def ask() -> VenueHistory:
            clock = LoopClock(self._now_ns)
            way = Way(self.exchange, Mishaps(TradingFaults(), Chance(1)), clock.now_ns)
            transport = MemoryTransport(way, clock.now_ns)
            ports = TradePorts(VENUE, _wire(), clock, transport, Chance(1))
            return await venue_history(ports, read.books.ledger.all_steps, day)

        return run(ask)

    # One engine.

    def _live(self, until_ns: int, *, is_killed: bool = False) -> None:
        self._life += 1
        with suppress(PowerCut):
            run(lambda: self._run_engine(until_ns, is_killed=is_killed))
        self._now_ns = until_ns + 5 * NS_PER_S
        if is_killed:
            self.files.kill()
            self._person.stand_up()
        self._transport = None

    async def _run_engine(self, until_ns: int, *, is_killed: bool) -> None:
        clock = LoopClock(self._now_ns)
        assert FUTURES.trade is not None
        setup = DeskSetup(
            venue=VENUE,
            account="sim",
            currency=QUOTE,
            limits=LIMITS,
            on_restart="resume",
            on_exit="keep",
            rules=FUTURES.trade.rules,
        )
        plan = RunPlan(mode="sim", venue=VENUE, run_id=f"run-{self._life}", version="test")
        ledger, previous, _ = recover_ledger(FOLDER, plan, self.files)
        state = KernelState(setup)
        state.desk.ledger = ledger
        host = Host(plan, clock, state)
        host.person = self._person
        ports = TradingPorts(self.files, lambda: LoopWorker(lambda: 0.002), self._new_gateway)
        attach_trading(host, FOLDER, plan, clock, previous, ports)
        self._person.sit_down(host)
        acting = asyncio.ensure_future(self._act(host, clock, until_ns, is_killed=is_killed))
        calm = MarketMishaps(MarketFaults(), Chance(0))
        await host.run(MarketSource(host, clock, self._market, calm, LOOK_S), TWO)
        await acting

    def _new_gateway(self, host: EngineHost, clock: Clock) -> VenueGateway:
        way = Way(self.exchange, self._mishaps, clock.now_ns)
        self._transport = MemoryTransport(way, clock.now_ns)
        ports = TradePorts(VENUE, _wire(), clock, self._transport, Chance(self._life))
        return VenueGateway(
            GatewayParts(ports, host.state, host.report_all, host.start_task, host.keep)
        )

    def _wake(self) -> None:
        if self._transport is not None:
            self._transport.wake()

    # Those who act.

    async def _act(
        self, host: EngineHost, clock: LoopClock, until_ns: int, *, is_killed: bool
    ) -> None:
        await clock.sleep(20)
        funded_ns = clock.now_ns() - clock.now_ns() % (8 * HOUR_NS)
        rest_ns = 120 * NS_PER_S
        while clock.now_ns() < until_ns - rest_ns:
            await clock.sleep(self._chance.exponential(20))
            self._person.act()
            if clock.now_ns() - funded_ns >= 8 * HOUR_NS:
                funded_ns += 8 * HOUR_NS
                for symbol in list(self.exchange.desk.rules):
                    self._hands.fund(symbol, RATE, clock.now_ns())
            if self._chance.happens(0.1):
                self._meddle(host, clock.now_ns())
            self._wake()
        if is_killed:
            self.files.cut_at = self.files.done["all"] + 3
            await clock.sleep(600)
            raise AssertionError("the engine wrote nothing for ten minutes")
        self._person.calm_down()
        await clock.sleep((until_ns - clock.now_ns()) / NS_PER_S)
        host.stop("the day is over")

    def _meddle(self, host: EngineHost, now_ns: int) -> None:
        """Somebody starts the strategy, moves money, or trades at the venue itself."""
        symbol = self._chance.pick(list(self.exchange.desk.rules))
        draw = self._chance.below(10)
        if draw < 5:
            self._person.start_strategy(instrument_id(VENUE, symbol))
        elif draw < 7:
            self._hands.transfer(Decimal(self._chance.between(-90_000, 99_999)) / 1_000, now_ns)
        elif draw < 8:
            qty = self.exchange.desk.rules[symbol].step * self._chance.between(1, 9)
            self._hands.place(symbol, self._chance.pick(("BUY", "SELL")), qty, now_ns)
        elif orders := self.exchange.desk.open_orders(symbol):
            self._hands.trade_with(self._chance.pick(orders), 1, now_ns)


def _wire() -> Any:
    return BinanceTradeWire(AT, Credentials(TEST_KEY, TEST_SECRET))
