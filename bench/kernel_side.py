"""Our side of P2a: wire, inbox, kernel with the wall rule, and views at 10 Hz of market time."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from time import thread_time_ns
from typing import Final

import msgspec

from bench.plain_book import outcome
from bench.side import (
    Frames,
    cpu_s_of,
    percentile,
    read_frames,
    report,
    settle,
    timer_cost_ns,
)
from bench.view_builder import ViewBuilder
from bench.wire_side import INSTRUMENT, decimal_levels, described_wire
from engine.kernel.kernel import Kernel
from engine.kernel.state import InstrumentState
from engine.kernel.timers import Timers
from engine.kernel.views import RunFacts, Wish
from engine.model.effects import RequestSnapshot, SetTimer
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.market import BookDelta, FeedUp
from engine.model.numbers import NS_PER_MS
from engine.model.view import PaneName
from engine.runtime.inbox import Inbox

FEED: Final = "feed:binance_futures/public"
FRAME_NS: Final = 100 * NS_PER_MS
PANES: Final[tuple[PaneName, ...]] = (
    *("status", "header", "book", "chart"),
    *("tape", "whales", "log"),
)
FRAMES_PER_TURN: Final = 64
"""Frames read from the socket between two turns of the kernel's loop, when it is busy."""
BATCH_MAX: Final = 256
LEVELS: Final = range(30, 51)
"""A diff of about 40 levels."""
WISH: Final = Wish(
    instrument_id=INSTRUMENT,
    timeframe_s=60,
    book_rows=40,
    book_group=1,
    chart_candles=120,
    tape_rows=60,
)
FACTS: Final = RunFacts("replay", "binance_futures", 0.0, 0, 0)


class Engine:
    """The engine without tasks and sockets, fresh."""

    def __init__(self, frames: Frames) -> None:
        self.kernel = Kernel()
        self.views = ViewBuilder(PANES, WISH)
        self.step_ns: list[int] = []
        """Of diffs of about 40 levels, when timed."""
        self.frame_ns: list[int] = []
        """Of all frames from bytes to the end of their steps, when timed."""
        self._frames = frames
        self._wire = described_wire()
        self._inbox = Inbox()
        self._timers = Timers()
        self._seq = 0
        self._ts_ns = frames[2][0]
        self._view_ns = self._ts_ns
        self._due_ns = self._ts_ns
        """When a timer or the next views are due."""

    def run(self) -> None:
        """Take in everything, as many frames at a time as a busy loop would."""
        self._begin()
        _, frames, times_ns = self._frames
        put, receive = self._inbox.put_data, self._wire.receive
        for start in range(0, len(frames), FRAMES_PER_TURN):
            turn = slice(start, start + FRAMES_PER_TURN)
            for frame, ts_ns in zip(frames[turn], times_ns[turn], strict=True):
                put(FEED, receive(frame, ts_ns), ts_ns)
            self._drain()

    def run_timed(self) -> None:
        """Take in the same frame by frame and note the CPU nanoseconds of frames and steps."""
        self._begin()
        _, frames, times_ns = self._frames
        cost_ns = timer_cost_ns()
        for frame, ts_ns in zip(frames, times_ns, strict=True):
            if ts_ns >= self._due_ns:
                self._on_due(ts_ns)
            before = thread_time_ns()
            self._inbox.put_data(FEED, self._wire.receive(frame, ts_ns), ts_ns)
            for at_ns, source, event in self._inbox.take(BATCH_MAX):
                is_forty = type(event) is BookDelta and len(event.bids) + len(event.asks) in LEVELS
                step_before = thread_time_ns()
                self._step(source, event, at_ns)
                if is_forty:
                    self.step_ns.append(thread_time_ns() - step_before - cost_ns)
            self.frame_ns.append(thread_time_ns() - before - cost_ns)

    def outcome(self) -> dict[str, object]:
        """Return what must agree with the reference, as far as the kernel keeps it."""
        return outcome_of(self.kernel.state.instruments[INSTRUMENT])

    def _begin(self) -> None:
        snapshot, _, _ = self._frames
        self._step("engine", RunStarted("bench", ""), self._ts_ns)
        self._step(FEED, FeedUp(FEED), self._ts_ns)
        request = self._wire.snapshot_request(INSTRUMENT)
        answer = self._wire.receive_answer(request, 200, snapshot, self._ts_ns)
        self._inbox.put_data(FEED, answer, self._ts_ns)
        self._drain()

    def _drain(self) -> None:
        for ts_ns, source, event in self._taken():
            if ts_ns >= self._due_ns:
                self._on_due(ts_ns)
            self._step(source, event, ts_ns)

    def _taken(self) -> Iterator[tuple[int, str, Event]]:
        while batch := self._inbox.take(BATCH_MAX):
            yield from batch

    def _step(self, source: str, event: Event, ts_ns: int) -> None:
        self._seq += 1
        self._ts_ns = max(self._ts_ns, ts_ns)
        for effect in self.kernel.step(Envelope(self._seq, self._ts_ns, source, event)):
            if type(effect) is SetTimer:
                self._timers.set(effect)
            assert type(effect) is not RequestSnapshot, "the stream has no gap"

    def _on_due(self, now_ns: int) -> None:
        """Fire timers that are due and build the views of a frame that is due."""
        while (due_ns := self._timers.next_ns) is not None and due_ns <= now_ns:
            self._step("timer", self._timers.pop(), due_ns)
        if now_ns - self._view_ns >= FRAME_NS:
            self._view_ns = now_ns
            self.views.build(self.kernel.state, now_ns, FACTS)
        self._due_ns = min(self._view_ns + FRAME_NS, self._timers.next_ns or now_ns)


def outcome_of(market: InstrumentState) -> dict[str, object]:
    """Return what must agree with the reference, as far as the kernel keeps it."""
    decimals = (market.price_decimals, market.qty_decimals)
    assert market.book.state == "live"
    assert market.quotes_unequal == 0
    lots = sum(row[5] for row in market.candles.series[60].own_rows())
    found = outcome(
        decimal_levels(market.book, decimals, is_bid=True),
        decimal_levels(market.book, decimals, is_bid=False),
        market.book.last_seq,
        [],
        lots * Decimal(10) ** -decimals[1],
    )
    del found["trade_list"]
    return found | {"trades": market.tape.total}


def main() -> None:
    """Measure once and print the line."""
    frames = read_frames(sys.argv[1])
    settle()
    engine = Engine(frames)
    cpu_s = cpu_s_of(engine.run)
    timed = Engine(frames)
    timed.run_timed()
    assert timed.kernel.state.signal_ids.last == engine.kernel.state.signal_ids.last
    report(
        cpu_s=cpu_s,
        steps=len(timed.step_ns),
        p50_ns=percentile(timed.step_ns, 0.5),
        p99_ns=percentile(timed.step_ns, 0.99),
        frame_p50_ns=percentile(timed.frame_ns, 0.5),
        frame_p99_ns=percentile(timed.frame_ns, 0.99),
        views=engine.views.built,
        walls=engine.kernel.state.signal_ids.last,
        outcome=engine.outcome(),
        versions={"msgspec": msgspec.__version__},
    )


if __name__ == "__main__":
    main()
