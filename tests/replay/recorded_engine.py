"""An engine of the simulated market that lives in virtual time, trades, and is recorded."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import count, cycle
from pathlib import Path
from zlib import crc32

from engine.folder import DataFolder
from engine.kernel.state import KernelState
from engine.model import commands as c
from engine.model.chance import Chance
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.research.replay_run import RunReplay, Verdict
from engine.runtime import virtual_loop
from engine.runtime.clock import LoopClock
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recorded_wire import RecordedMarkets
from engine.runtime.recorder import Recorder
from engine.runtime.recovery import (
    TradingPorts,
    attach_trading,
    desk_setup,
    paper_gateway,
    recover_ledger,
)
from engine.runtime.source import SimulatedSource
from engine.runtime.transport import NetworkTransport
from storage.base import Files
from storage.files import DiskFiles
from storage.recording_reader import run_named
from storage.recording_writer import RecordingWriter

START_NS = 1_760_000_000 * NS_PER_S
BTC = InstrumentId("simulated:BTC-PERP")
SYMBOLS = ("BTC-PERP", "SOL-PERP")
VERSION = "test"
SYNC_S = 0.0005
OPENING_S = 1.0
TIMEFRAME_S = 60
SIZE = Decimal("0.01")
GIB = 2**30
STEPS: tuple[c.Action, ...] = (
    c.SubmitOrder(BTC, "buy", "market", SIZE),
    c.SubmitOrder(BTC, "buy", "limit", SIZE, Decimal(58_000), is_post_only=True),
    c.SubmitOrder(BTC, "sell", "market", SIZE),
    c.CancelAll(),
    c.SetReduceOnly(),
    c.Resume(),
)


def live(  # noqa: PLR0913 - what one test or another has different
    path: Path,
    seconds: float,
    *,
    run_id: str = "run-1",
    order_s: float = 1.0,
    start_ns: int = START_NS,
    files: Files | None = None,
    prepare: Callable[[EngineHost], object] = lambda host: None,
) -> EngineHost:
    """Live for so many virtual seconds and end in good order; `files` are those of the recording.

    Another run is another market.
    """
    seed = crc32(run_id.encode())

    async def main() -> EngineHost:
        folder = DataFolder(path)
        clock = LoopClock(start_ns)
        plan = RunPlan(mode="sim", venue="simulated", run_id=run_id, version=VERSION)
        ledger, previous, _ = recover_ledger(folder, plan)
        state = KernelState(desk_setup(plan, None))
        state.desk.ledger = ledger
        host = EngineHost(plan, clock, state)
        worker = LoopWorker(lambda: SYNC_S)
        ports = TradingPorts(DiskFiles(), lambda: LoopWorker(lambda: SYNC_S), paper_gateway)
        attach_trading(host, folder, plan, clock, previous, ports)
        writer = RecordingWriter(
            files or DiskFiles(), folder.recordings, plan.venue, run_id, bytes_max=GIB
        )
        recorder = Recorder(plan.venue, run_id, writer, clock, worker)
        host.record_with(recorder)
        network = NetworkTransport()
        feed = FeedPorts(
            clock, network, Chance(seed), host.put, host.room, host.start_task, host.keep
        )
        source = SimulatedSource(feed, seed, open_market=RecordedMarkets(recorder, clock).open)
        host.start_task(_trade(host, clock, order_s), "hand")
        prepare(host)
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, host.stop, "the time is over")
        await host.run(source, SYMBOLS)
        await network.close()
        return host

    return virtual_loop.run(main)


async def _trade(host: EngineHost, clock: LoopClock, order_s: float) -> None:
    """Start the strategies, then give one order after the other."""
    numbers = count(1)

    def give(action: c.Action) -> None:
        host.command("hand", c.OperatorCommand(next(numbers), "hand", "test", (action,), 3, "all"))

    await clock.sleep(OPENING_S)
    for instrument_id in list(host.state.instruments):
        give(c.StartStrategy("mean_reversion", instrument_id, TIMEFRAME_S))
    for action in cycle(STEPS):
        await clock.sleep(order_s)
        give(action)


def replayed(path: Path, run: str = "", *, version: str = VERSION) -> Verdict:
    """Run a recorded run again."""
    folder = DataFolder(path)
    reader = run_named(DiskFiles(), folder.recordings, run)
    return RunReplay(reader, DiskFiles(), folder.journal, version).run()
