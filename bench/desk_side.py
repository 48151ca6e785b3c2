"""Our side of P2: the whole engine with a strategy, orders and fills, its journal on a real disk.

The real host on a loop with virtual time: as many frames at a time as a busy loop would read, the
frames' own times, views of all panes at 10 Hz, and a hand that gives an order four times a second:
post-only on both sides, one of them amended, then at market, then all cancelled. A sync takes half
a millisecond of virtual time; the CPU time of writing and syncing counts, the wait for the disk
does not.
"""

import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time_ns, thread_time_ns
from typing import Final

import msgspec
from loguru import logger

from bench.kernel_side import FRAMES_PER_TURN, LEVELS, WISH, outcome_of
from bench.side import Frames, percentile, read_frames, report, settle, timer_cost_ns
from bench.view_builder import ViewBuilder
from bench.wire_side import INSTRUMENT, described_wire
from engine.execution.ledger import Ledger
from engine.folder import DataFolder
from engine.kernel.state import InstrumentState, KernelState
from engine.model import commands as c
from engine.model.effects import FeedRequest
from engine.model.envelope import Event
from engine.model.facts import OrderFilled, OrderReport
from engine.model.instrument import InstrumentId
from engine.model.market import BookDelta, Candle, FeedUp
from engine.model.numbers import NS_PER_S
from engine.model.orders import Side
from engine.model.view import PANE_NAMES
from engine.runtime import virtual_loop
from engine.runtime.clock import Clock, LoopClock, sleep_until
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import (
    TradingPorts,
    attach_trading,
    desk_setup,
    paper_gateway,
    recover_ledger,
)
from storage.files import DiskFiles

FEED: Final = "feed:binance_futures/public"
SYNC_S: Final = 0.0005
VIEW_S: Final = 0.1
ORDER_S: Final = 0.25
REST_S: Final = 2.0
"""After the last frame, for answers that are still on their way."""
SIZE: Final = Decimal("0.01")
STRATEGY: Final = "mean_reversion"
TIMEFRAME_S: Final = 60
LOOK_BACK: Final = 40
"""Candles of history: the strategy needs about twenty."""
PLAN: Final = RunPlan(mode="paper", venue="binance_futures", run_id="bench", version="bench")


class TimedHost(EngineHost):
    """The engine's host; notes what steps cost, with all that the host does for one."""

    def __init__(self, clock: Clock, state: KernelState, *, is_timed: bool) -> None:
        super().__init__(PLAN, clock, state)
        self.spent_ns: dict[str, list[int]] = {"diff": [], "command": [], "report": []}
        self.steps = 0
        self.fills = 0
        self._is_timed = is_timed
        self._cost_ns = timer_cost_ns()

    def _step(self, sender: str, event: Event, ts_ns: int | None = None) -> None:
        self.steps += 1
        self.fills += isinstance(event, OrderFilled)
        kind = _kind_of(event) if self._is_timed else ""
        if not kind:
            super()._step(sender, event, ts_ns)
            return
        before_ns = thread_time_ns()
        super()._step(sender, event, ts_ns)
        self.spent_ns[kind].append(thread_time_ns() - before_ns - self._cost_ns)


def _kind_of(event: Event) -> str:
    """Return under which name a step is timed; none for most."""
    match event:
        case BookDelta():
            return "diff" if len(event.bids) + len(event.asks) in LEVELS else ""
        case c.OperatorCommand():
            return "command"
        case _:
            return "report" if isinstance(event, OrderReport) else ""


class FrameSource:
    """Raw frames through the wire, when their time has come."""

    def __init__(self, host: EngineHost, clock: Clock, frames: Frames) -> None:
        self._host = host
        self._clock = clock
        self._frames = frames
        self._wire = described_wire()

    async def start(self, symbols: Sequence[str]) -> None:
        """Show the book and the candles before it, then begin."""
        del symbols
        snapshot, _, times_ns = self._frames
        self._host.put(FEED, (FeedUp(FEED),))
        answer = self._wire.receive_answer(
            self._wire.snapshot_request(INSTRUMENT), 200, snapshot, times_ns[0]
        )
        self._host.put(FEED, answer)
        self._host.put(FEED, list(_history(times_ns[0])))
        self._host.start_task(self._run(), FEED)

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Refuse: the stream has no gap."""
        raise AssertionError(instrument_id)

    def serve(self, request: FeedRequest) -> None:
        """Leave it: nothing else can be asked of a file."""

    async def close(self) -> None:
        """Nothing is open."""

    async def _run(self) -> None:
        _, frames, times_ns = self._frames
        receive, put = self._wire.receive, self._host.put
        for start in range(0, len(frames), FRAMES_PER_TURN):
            turn = slice(start, start + FRAMES_PER_TURN)
            await sleep_until(self._clock, times_ns[turn][-1])
            for frame, ts_ns in zip(frames[turn], times_ns[turn], strict=True):
                assert put(FEED, receive(frame, ts_ns))
        await self._clock.sleep(REST_S)
        self._host.stop("the frames are over")


def _history(before_ns: int) -> Iterator[Candle]:
    """Iterate over made candles up to a moment; what is in them decides nothing here."""
    length_ns = TIMEFRAME_S * NS_PER_S
    end_ns = before_ns - before_ns % length_ns
    for at in range(LOOK_BACK, 0, -1):
        price = 61_800_00 + 1_000 * (at % 7)
        prices = (price, price + 500, price - 500, price)
        yield Candle(INSTRUMENT, TIMEFRAME_S, end_ns - at * length_ns, *prices, 1_000, 10, True)


class Hand:
    """Gives one command after the other."""

    def __init__(self, host: EngineHost, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._numbers = count(1)
        self._moves = cycle((self._buy, self._sell, self._amend, self._in, self._out, self._clear))

    async def work(self) -> None:
        """Start the strategy, then trade for as long as the engine runs."""
        await self._clock.sleep(ORDER_S)
        self._give(c.StartStrategy(STRATEGY, INSTRUMENT, TIMEFRAME_S))
        while True:
            await self._clock.sleep(ORDER_S)
            next(self._moves)()

    def _buy(self) -> None:
        self._give(self._quote("buy", -20))

    def _sell(self) -> None:
        self._give(self._quote("sell", 20))

    def _amend(self) -> None:
        working = self._host.state.desk.ledger.working(INSTRUMENT)
        if working:
            limit = self._quote("buy", -30).price
            self._give(c.AmendOrder(working[0].client_order_id, limit))

    def _in(self) -> None:
        self._give(c.SubmitOrder(INSTRUMENT, "buy", "market", SIZE))

    def _out(self) -> None:
        self._give(c.SubmitOrder(INSTRUMENT, "sell", "market", SIZE))

    def _clear(self) -> None:
        self._give(c.CancelAll())

    def _quote(self, side: Side, ticks_away: int) -> c.SubmitOrder:
        """Return a post-only order so many ticks from the touch of its side."""
        market = self._market
        best = market.book.best_bid if side == "buy" else market.book.best_ask
        assert best is not None
        units = best[0] + ticks_away * market.tick_ticks
        price = Decimal(units - units % market.tick_ticks).scaleb(-market.price_decimals)
        return c.SubmitOrder(INSTRUMENT, side, "limit", SIZE, price, is_post_only=True)

    @property
    def _market(self) -> InstrumentState:
        return self._host.state.instruments[INSTRUMENT]

    def _give(self, action: c.Action) -> None:
        command = c.OperatorCommand(next(self._numbers), "bench", "bench", (action,), 3)
        self._host.command("bench", command)


async def live(frames: Frames, folder: DataFolder, *, is_timed: bool) -> TimedHost:
    """Run one engine over all frames."""
    clock = LoopClock(frames[2][0])
    setup = msgspec.structs.replace(desk_setup(PLAN, None), starts_armed=True)
    state = KernelState(setup)
    host = TimedHost(clock, state, is_timed=is_timed)
    ports = TradingPorts(DiskFiles(), lambda: LoopWorker(lambda: SYNC_S), paper_gateway)
    recover_ledger(folder, PLAN)  # Makes the folder.
    attach_trading(host, folder, PLAN, clock, None, ports)
    host.start_task(Hand(host, clock).work(), "hand")
    host.start_task(_look(host, clock), "screen")
    await host.run(FrameSource(host, clock, frames), ())
    return host


async def _look(host: EngineHost, clock: Clock) -> None:
    views = ViewBuilder(PANE_NAMES, WISH)
    while True:
        await clock.sleep(VIEW_S)
        views.build(host.state, clock.now_ns(), host.facts())


def run(frames: Frames, *, is_timed: bool = False) -> tuple[TimedHost, int, Ledger, float]:
    """Return the engine at its end, its CPU time, what its journal folds to, and its size."""
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        folder.make()
        before_ns = process_time_ns()
        host = virtual_loop.run(lambda: live(frames, folder, is_timed=is_timed))
        spent_ns = process_time_ns() - before_ns
        ledger, _, _ = recover_ledger(folder, PLAN)
        size = sum(path.stat().st_size for path in folder.journal.iterdir())
    return host, spent_ns, ledger, size


def main() -> None:
    """Measure once and print the line."""
    logger.remove()
    frames = read_frames(sys.argv[1])
    settle()
    host, spent_ns, ledger, size = run(frames)
    timed, *_ = run(frames, is_timed=True)
    kept = host.state.desk.ledger
    report(
        cpu_s=spent_ns / 1e9,
        steps=host.steps,
        fills=host.fills,
        orders=len(kept.orders),
        journal_bytes=size,
        is_same_ledger=ledger.digest() == kept.digest() == timed.state.desk.ledger.digest(),
        outcome=outcome_of(host.state.instruments[INSTRUMENT]),
        versions={"msgspec": msgspec.__version__},
        **{
            f"{kind}_{word}_ns": percentile(values, share)
            for kind, values in timed.spent_ns.items()
            for word, share in (("p50", 0.5), ("p99", 0.99))
        },
        **{f"{kind}_steps": len(values) for kind, values in timed.spent_ns.items()},
    )


if __name__ == "__main__":
    main()
