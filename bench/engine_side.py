"""An engine with a paper desk on a simulated market of a given flow, until SIGTERM.

`python -m bench.engine_side FOLDER EVENTS_PER_S INSTRUMENTS [PORT]`. The program has no option for
the flow, and needs none. With a port, what leaves for the venue is told there. Says `ready` once
screens may join, and at the end a line about itself.
"""

import asyncio
import signal
import sys
from pathlib import Path
from time import process_time
from typing import Final

from loguru import logger

from bench.side import report, rss_mb
from bench.told import Teller, ToldGateway, ToldHost
from engine.folder import DataFolder
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.recovery import (
    ON_THIS_MACHINE,
    TradingPorts,
    attach_trading,
    desk_setup,
    recover_ledger,
)
from engine.runtime.source import SimulatedSource
from engine.runtime.transport import NetworkTransport
from engine.venues.simulated.generator import SimulatedMarket
from engine.venues.simulated.instruments import INSTRUMENTS, VENUE

SEED: Final = 7
OPENING_S: Final = 2
"""The market opens with its history, which is no flow."""
TRIAL_S: Final = 5
TRIALS: Final = 4
PLAN: Final = RunPlan(mode="sim", venue=VENUE, run_id="bench", version="bench")


def symbols_of(count: int) -> tuple[str, ...]:
    """Return the first so many instruments of the simulated market."""
    return tuple(row.symbol for row in INSTRUMENTS[:count])


def intensity_for(symbols: tuple[str, ...], events_per_s: float) -> float:
    """Return the intensity at which the market sends about so many events."""
    intensity = 1.0
    for _ in range(TRIALS):
        market = SimulatedMarket(symbols, SEED, NS_PER_S, intensity)
        count = sum(
            len(market.advance(NS_PER_S + tenth * NS_PER_S // 10))
            for tenth in range(1, TRIAL_S * 10 + 1)
        )
        intensity *= events_per_s * TRIAL_S / count
    return intensity


def new_host(folder: DataFolder, clock: Clock, port: int | None) -> EngineHost:
    """Return a host with its journal begun, as the program makes it."""
    ledger, previous, _ = recover_ledger(folder, PLAN)
    state = KernelState(desk_setup(PLAN, None))
    state.desk.ledger = ledger
    if port is None:
        host = EngineHost(PLAN, clock, state)
        attach_trading(host, folder, PLAN, clock, previous)
        return host
    teller = Teller(port)
    files, new_worker, _ = ON_THIS_MACHINE
    ports = TradingPorts(files, new_worker, lambda host, clock: ToldGateway(host, clock, teller))
    host = ToldHost(PLAN, clock, state, teller)
    attach_trading(host, folder, PLAN, clock, previous, ports)
    return host


async def serve(folder: DataFolder, events_per_s: float, count: int, port: int | None) -> None:
    """Run until told to stop."""
    symbols = symbols_of(count)
    intensity = intensity_for(symbols, events_per_s)
    clock = SystemClock()
    host = new_host(folder, clock, port)
    transport = NetworkTransport()
    ports = FeedPorts(
        clock, transport, Chance(SEED), host.put, host.room, host.start_task, host.keep
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, host.stop, "bench over")
    await host.server.start(folder.socket)
    print("ready", flush=True)
    begun: list[tuple[float, float, int]] = []
    loop.call_later(OPENING_S, lambda: begun.append((process_time(), loop.time(), host.state.seq)))
    await host.run(SimulatedSource(ports, SEED, intensity), symbols)
    await transport.close()
    before_s, before, seq = begun[0]
    passed_s = loop.time() - before
    report(
        events_per_s=(host.state.seq - seq) / passed_s,
        cpu_share=(process_time() - before_s) / passed_s,
        instruments=len(symbols),
        rss_mb=rss_mb(),
    )


def main() -> None:
    """Run one engine."""
    folder = DataFolder(Path(sys.argv[1]))
    folder.make()
    logger.remove()
    port = int(sys.argv[4]) if len(sys.argv) > 4 else None
    asyncio.run(serve(folder, float(sys.argv[2]), int(sys.argv[3]), port))


if __name__ == "__main__":
    main()
