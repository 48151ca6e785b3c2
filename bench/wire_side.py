"""Our side of P1: raw frame, decoded event, L2 book; other events are counted."""

import sys
from collections.abc import Callable
from decimal import Decimal
from time import thread_time_ns
from typing import Final

import msgspec

from bench.plain_book import outcome, trade_text
from bench.side import (
    Frames,
    cpu_s_of,
    percentile,
    read_frames,
    report,
    settle,
    timer_cost_ns,
)
from bench.stream import EXCHANGE_INFO, SYMBOL
from engine.ingest.book import Book, Verdict
from engine.model.instrument import InstrumentId
from engine.model.market import BookDelta, BookSnapshot, InstrumentUpdated, ScalesWidened, Trade
from engine.venues.base import MarketWire
from engine.venues.binance.spec import FUTURES

INSTRUMENT: Final = InstrumentId(f"binance_futures:{SYMBOL}")


class Side:
    """Wire and book, fresh."""

    def __init__(self, frames: Frames, on_trade: Callable[[Trade], object] | None = None) -> None:
        self.wire = described_wire()
        self.book = Book("previous_id")
        self.decimals = (0, 0)
        self.counted = 0
        self._frames = frames
        self._on_trade = on_trade

    def run(self) -> None:
        """Take in snapshot and frames."""
        snapshot, frames, times_ns = self._frames
        self.take_snapshot(snapshot, times_ns[0])
        receive, apply = self.wire.receive, self.book.apply
        for frame, ts_ns in zip(frames, times_ns, strict=True):
            for event in receive(frame, ts_ns):
                if type(event) is BookDelta:
                    apply(event, ts_ns)
                else:
                    self.counted += 1

    def run_timed(self) -> list[int]:
        """Take in the same and return the CPU nanoseconds of each frame."""
        snapshot, frames, times_ns = self._frames
        self.take_snapshot(snapshot, times_ns[0])
        receive, apply = self.wire.receive, self.book.apply
        cost_ns = timer_cost_ns()
        spent: list[int] = []
        for frame, ts_ns in zip(frames, times_ns, strict=True):
            before = thread_time_ns()
            for event in receive(frame, ts_ns):
                if type(event) is BookDelta:
                    apply(event, ts_ns)
                else:
                    self.counted += 1
            spent.append(thread_time_ns() - before - cost_ns)
        return spent

    def run_checked(self) -> None:
        """Take in the same, and look at everything."""
        snapshot, frames, times_ns = self._frames
        self.take_snapshot(snapshot, times_ns[0])
        for frame, ts_ns in zip(frames, times_ns, strict=True):
            for event in self.wire.receive(frame, ts_ns):
                if type(event) is BookDelta:
                    assert self.book.apply(event, ts_ns) in {Verdict.APPLIED, Verdict.STALE}
                elif type(event) is Trade and self._on_trade is not None:
                    self._on_trade(event)
                else:
                    assert type(event) is not ScalesWidened, "the metadata holds the scales"

    def take_snapshot(self, snapshot: bytes, ts_ns: int) -> None:
        """Hand the snapshot over as its HTTP answer."""
        request = self.wire.snapshot_request(INSTRUMENT)
        for event in self.wire.receive_answer(request, 200, snapshot, ts_ns):
            if type(event) is InstrumentUpdated:
                self.decimals = (event.price_decimals, event.qty_decimals)
            elif type(event) is BookSnapshot:
                self.book.apply_snapshot(event, ts_ns)


def described_wire() -> MarketWire:
    """Return a fresh wire that knows the instrument's steps."""
    assert FUTURES.wire is not None
    assert FUTURES.endpoints is not None
    wire = FUTURES.wire(FUTURES.endpoints)
    wire.receive_answer(wire.metadata_requests()[0], 200, EXCHANGE_INFO, 0)
    return wire


def decimal_levels(
    book: Book, decimals: tuple[int, int], *, is_bid: bool
) -> dict[Decimal, Decimal]:
    """Return one side of a book in the reference's numbers."""
    price_scale, size_scale = (Decimal(10) ** -places for places in decimals)
    return {price * price_scale: size * size_scale for price, size in book.levels(is_bid=is_bid)}


def checked(frames: Frames) -> dict[str, object]:
    """Return the outcome of one run that nobody measures."""
    trades: list[Trade] = []
    side = Side(frames, trades.append)
    side.run_checked()
    price_scale, size_scale = (Decimal(10) ** -places for places in side.decimals)
    texts = [
        trade_text(
            one.trade_id,
            one.price_ticks * price_scale,
            one.qty_lots * size_scale,
            one.buyer_is_taker,
        )
        for one in trades
    ]
    return outcome(
        decimal_levels(side.book, side.decimals, is_bid=True),
        decimal_levels(side.book, side.decimals, is_bid=False),
        side.book.last_seq,
        texts,
        sum((one.qty_lots * size_scale for one in trades), Decimal(0)),
    )


def main() -> None:
    """Measure once and print the line."""
    frames = read_frames(sys.argv[1])
    settle()
    cpu_s = cpu_s_of(Side(frames).run)
    spent = Side(frames).run_timed()
    report(
        cpu_s=cpu_s,
        p50_ns=percentile(spent, 0.5),
        p99_ns=percentile(spent, 0.99),
        outcome=checked(frames),
        versions={"msgspec": msgspec.__version__},
    )


if __name__ == "__main__":
    main()
