"""Our side of P11's hour: an engine that lives for a given time in a fraction of it.

`python -m bench.hour_side FOLDER EVENTS_PER_S SECONDS [SOCKET]`. The real host on a loop with
virtual time: simulated market, a strategy on every instrument, an order by hand every few seconds,
the journal on the disk, views of all panes at 10 Hz. With a socket these views go to a screen that
joins there, which sets the pace by reading. Prints a line of what it holds once a virtual minute.
"""

import gc
import json
import os
import socket
import sys
from collections import Counter
from decimal import Decimal
from itertools import count, cycle
from pathlib import Path
from typing import Final

from loguru import logger

from bench.engine_side import PLAN, SEED, intensity_for, symbols_of
from bench.hand import BTC
from bench.terminal import rss_now_mb
from bench.view_builder import ViewBuilder
from engine.folder import DataFolder
from engine.kernel.state import KernelState
from engine.kernel.views import Wish
from engine.model import commands as c
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.model.view import PANE_NAMES
from engine.port import encode_frame
from engine.runtime import virtual_loop
from engine.runtime.clock import LoopClock
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import (
    TradingPorts,
    attach_trading,
    desk_setup,
    paper_gateway,
    recover_ledger,
)
from engine.runtime.source import SimulatedSource
from engine.runtime.transport import NetworkTransport
from storage.files import DiskFiles

INSTRUMENTS: Final = 20
START_NS: Final = 1_760_000_000 * NS_PER_S
SYNC_S: Final = 0.0005
VIEW_S: Final = 0.1
ORDER_S: Final = 3.0
SAMPLE_S: Final = 60
OPENING_S: Final = 2.0
STRATEGY: Final = "mean_reversion"
TIMEFRAME_S: Final = 60
SIZE: Final = Decimal("0.01")
TYPES_SHOWN: Final = 12
STEPS: Final[tuple[c.Action, ...]] = (
    c.SubmitOrder(BTC, "buy", "market", SIZE),
    c.SubmitOrder(BTC, "buy", "limit", SIZE, Decimal(58_000), is_post_only=True),
    c.SubmitOrder(BTC, "sell", "market", SIZE),
    c.CancelAll(),
)
"""What the hand does, over and over."""


class Screen:
    """Whoever looks: a socket with a screen at its other end, or nobody."""

    def __init__(self, path: str) -> None:
        self._connection: socket.socket | None = None
        if path:
            server = socket.socket(socket.AF_UNIX)
            server.bind(path)
            server.listen()
            print(json.dumps({"listens": path}), flush=True)
            self._connection, _ = server.accept()

    def send(self, frame: bytes) -> None:
        """Hand over a frame; waits for a screen that is behind."""
        if self._connection is not None:
            self._connection.sendall(frame)


async def live(folder: DataFolder, events_per_s: float, seconds: int, path: str) -> None:
    """Live for so many virtual seconds."""
    symbols = symbols_of(INSTRUMENTS)
    intensity = intensity_for(symbols, events_per_s)
    clock = LoopClock(START_NS)
    state = KernelState(desk_setup(PLAN, None))
    host = EngineHost(PLAN, clock, state)
    ports = TradingPorts(DiskFiles(), lambda: LoopWorker(lambda: SYNC_S), paper_gateway)
    recover_ledger(folder, PLAN)  # Makes the folder.
    attach_trading(host, folder, PLAN, clock, None, ports)
    feed = FeedPorts(
        clock, NetworkTransport(), Chance(SEED), host.put, host.room, host.start_task, host.keep
    )
    screen = Screen(path)
    screen.send(encode_frame(host.welcome()))
    host.start_task(_look(host, clock, screen), "screen")
    host.start_task(_trade(host, clock), "hand")
    host.start_task(_sample(host, clock, seconds), "samples")
    await host.run(SimulatedSource(feed, SEED, intensity), symbols)


async def _look(host: EngineHost, clock: LoopClock, screen: Screen) -> None:
    await clock.sleep(OPENING_S)
    wish = Wish(
        instrument_id=BTC,
        timeframe_s=60,
        book_rows=40,
        book_group=1,
        chart_candles=120,
        tape_rows=60,
    )
    views = ViewBuilder(PANE_NAMES, wish, host.welcome().epoch)
    while True:
        await clock.sleep(VIEW_S)
        for frame in views.frames(host.state, clock.now_ns(), host.facts()):
            screen.send(frame)


async def _trade(host: EngineHost, clock: LoopClock) -> None:
    """Start the strategies, then give one order after the other."""
    numbers = count(1)

    def give(action: c.Action) -> None:
        host.command("bench", c.OperatorCommand(next(numbers), "bench", "bench", (action,), 3))

    await clock.sleep(OPENING_S)
    for instrument_id in list(host.state.instruments):
        give(c.StartStrategy(STRATEGY, instrument_id, TIMEFRAME_S))
    for action in cycle(STEPS):
        await clock.sleep(ORDER_S)
        give(action)


async def _sample(host: EngineHost, clock: LoopClock, seconds: int) -> None:
    for _ in range(seconds // SAMPLE_S):
        await clock.sleep(SAMPLE_S)
        _tell(host, (clock.now_ns() - START_NS) // NS_PER_S)
    host.stop("the hour is over")


def _tell(host: EngineHost, at_s: int) -> None:
    """Print what the process holds now, what a collection would free not included."""
    garbage = gc.collect()
    objects = gc.get_objects()
    types = Counter(type(one).__name__ for one in objects)
    line = {
        "at_s": at_s,
        "seq": host.state.seq,
        "orders": len(host.state.desk.ledger.orders),
        "rss_mb": rss_now_mb(os.getpid()),
        "blocks": sys.getallocatedblocks(),
        "objects": len(objects),
        "garbage": garbage,
        "types": dict(types.most_common(TYPES_SHOWN)),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    """Live once."""
    logger.remove()
    folder = DataFolder(Path(sys.argv[1]))
    folder.make()
    path = sys.argv[4] if len(sys.argv) > 4 else ""
    events_per_s, seconds = float(sys.argv[2]), int(sys.argv[3])
    virtual_loop.run(lambda: live(folder, events_per_s, seconds, path))


if __name__ == "__main__":
    main()
