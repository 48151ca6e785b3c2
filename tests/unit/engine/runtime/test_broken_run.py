"""A run that breaks at a venue: what adds risk is taken back, what protects stays (R97)."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.limits import paper_limits
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.mishaps import NO_TRADING_FAULTS, Mishaps
from engine.fake.trading.way import Way
from engine.folder import DataFolder
from engine.kernel.desk import DeskSetup, OnExit
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.commands import OperatorCommand
from engine.model.effects import FeedRequest
from engine.model.errors import CockpitError, ConfigError
from engine.model.market import FeedUp
from engine.runtime.clock import LoopClock
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.host import EXIT_S, EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import TradingPorts, attach_trading, recover_ledger
from engine.runtime.trade_rest import TradePorts
from engine.runtime.virtual_loop import run
from engine.venues.base import Endpoints
from engine.venues.trading import Credentials
from storage.journal import recover
from tests.builders import FEED, START_NS, a_snapshot, an_instrument, an_update, buy
from tests.fakes.files import FaultyFiles
from tests.unit.engine.kernel.live_desk import RULES
from tests.unit.engine.runtime.gateway_desk import (
    BTC,
    SYMBOL,
    VENUE,
    Network,
    Wire,
    a_market,
    an_exchange,
)

FOLDER = DataFolder(Path("/data"))
SETTLE_S = 1.0

Break = Callable[[EngineHost], object]


class Market:
    """A source of one instrument, 100x900 | 101x900."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host

    async def start(self, symbols: Sequence[str]) -> None:
        """Open the market."""
        traded = an_instrument(BTC, is_trading=True, base="BTC")
        book = a_snapshot("100x900", "101x900", instrument_id=BTC)
        self._host.put(FEED, [FeedUp(FEED), an_update(traded), book])

    def request_snapshot(self, instrument_id: object) -> None:
        """Send the book again."""

    def serve(self, request: FeedRequest) -> None:
        """Do nothing else."""

    async def close(self) -> None:
        """Close the market."""


class Site:
    """An engine at the fake exchange; it holds 5 with a stop at 95, and bids for 2 at 90."""

    def __init__(self, on_exit: OnExit) -> None:
        self.clock = LoopClock(START_NS)
        self.files = FaultyFiles()
        self.exchange = an_exchange(a_market().state)
        way = Way(self.exchange, Mishaps(NO_TRADING_FAULTS, Chance(7)), self.clock.now_ns)
        self.network = Network(way, self.clock.now_ns)
        plan = RunPlan(mode="sim", venue=VENUE, run_id="run-1", version="1")
        limits = msgspec.structs.replace(paper_limits(), duplicate_window_s=0)
        setup = DeskSetup(
            VENUE,
            starts_armed=True,
            currency="USDT",
            limits=limits,
            rules=RULES,
            is_live=False,
            on_exit=on_exit,
        )
        self.host = EngineHost(plan, self.clock, KernelState(setup))
        recover_ledger(FOLDER, plan, self.files)
        ports = TradingPorts(self.files, lambda: LoopWorker(lambda: 0.002), self._gateway)
        attach_trading(self.host, FOLDER, plan, self.clock, None, ports)

    def _gateway(self, host: EngineHost, _: object) -> VenueGateway:
        at = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")
        wire = Wire(at, Credentials(TEST_KEY, TEST_SECRET))
        ports = TradePorts(VENUE, wire, self.clock, self.network, Chance(5))
        parts = GatewayParts(ports, host.state, host.report_all, host.start_task, host.keep)
        return VenueGateway(parts)

    async def trades(self) -> None:
        """Take the position, and let the bid rest."""
        await asyncio.sleep(SETTLE_S)
        for order in (
            buy(5, None, instrument_id=BTC, stop=Decimal(95)),
            buy(2, 90, instrument_id=BTC),
        ):
            self.host.command("operator:1", OperatorCommand(1, "", "line", (order,), confirm=3))
            await asyncio.sleep(SETTLE_S)
        assert (self.bids(), self.stops()) == ([2], [5])

    def bids(self) -> list[int]:
        """Return the sizes of the plain orders at the venue."""
        return [int(one.qty) for one in self.exchange.desk.open_orders(SYMBOL)]

    def stops(self) -> list[int]:
        """Return the sizes of the stops there."""
        return [int(one.qty) for one in self.exchange.algos.open_algos(SYMBOL)]


def broken(
    how: Break, on_exit: OnExit = "cancel", prepare: Callable[[Site], object] = lambda _: None
) -> tuple[Site, float]:
    """Let a run break; return what is left and how long its end took."""

    async def main() -> tuple[Site, float]:
        site = Site(on_exit)
        running = asyncio.ensure_future(site.host.run(Market(site.host), ()))
        await site.trades()
        prepare(site)
        how(site.host)
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(CockpitError):
            await running
        await site.network.close()
        return site, asyncio.get_running_loop().time() - begun_s

    return run(main)


def break_kernel(host: EngineHost) -> None:
    not_an_event: Any = object()
    host.report("test", not_an_event)


def break_task(host: EngineHost) -> None:
    fail_with(host, ValueError("oops"))


def fail_with(host: EngineHost, error: Exception) -> None:
    async def fail() -> None:
        raise error

    host.start_task(fail(), "mine")


@pytest.mark.parametrize("on_exit", ["cancel", "keep"])
@pytest.mark.parametrize("how", [break_kernel, break_task])
def test_what_adds_risk_is_taken_back_and_protection_stays(how: Break, on_exit: OnExit) -> None:
    site, _ = broken(how, on_exit)

    assert (site.bids(), site.stops()) == ([], [5])
    site.files.crash()
    assert recover(site.files, FOLDER.journal, "binance_futures/paper").is_orderly


@pytest.mark.parametrize(("on_exit", "bids"), [("cancel", []), ("keep", [2])])
def test_an_error_that_a_person_mends_leaves_what_an_orderly_end_leaves(
    on_exit: OnExit, bids: list[int]
) -> None:
    site, _ = broken(lambda host: fail_with(host, ConfigError("no such symbol")), on_exit)

    assert (site.bids(), site.stops()) == (bids, [5])


def test_a_venue_that_does_not_answer_is_waited_for_up_to_a_limit() -> None:
    def fall_silent(site: Site) -> None:
        site.network.connect_s = 1_000.0

    site, took_s = broken(break_kernel, prepare=fall_silent)

    assert site.bids() == [2]
    assert took_s == pytest.approx(EXIT_S, abs=4.0)


def test_a_ledger_that_is_broken_too_keeps_no_journal_open() -> None:
    def lose_orders(site: Site) -> None:
        ledger: Any = site.host.state.desk
        ledger.ledger = None

    site, _ = broken(break_kernel, prepare=lose_orders)

    assert site.bids() == [2]
    site.files.crash()
    assert recover(site.files, FOLDER.journal, "binance_futures/paper").is_orderly
