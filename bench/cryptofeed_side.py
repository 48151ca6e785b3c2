"""The peer's side of P1: cryptofeed's own Binance futures handler with callbacks that count.

Runs in `.venv-peers`. The snapshot comes through its own path: its HTTP connection is answered
with the recorded one.
"""

import asyncio
import sys
from decimal import Decimal
from importlib.metadata import version
from time import thread_time_ns
from typing import Any

from cryptofeed.defines import BUY, L2_BOOK, TICKER, TRADES  # type: ignore[import-not-found]  # a peer
from cryptofeed.exchanges import BinanceFutures  # type: ignore[import-not-found]  # a peer
from cryptofeed.symbols import Symbols  # type: ignore[import-not-found]  # a peer

from bench.plain_book import outcome, trade_text
from bench.side import (
    Frames,
    percentile,
    read_frames,
    report,
    settle,
    timer_cost_ns,
)

INSTRUMENT = "BTC-USDT-PERP"
TICKS = {"tick_size": {INSTRUMENT: "0.10"}, "instrument_type": {INSTRUMENT: "perpetual"}}


class Snapshot:
    """Answers in place of the feed's HTTP connection."""

    def __init__(self, body: bytes) -> None:
        self._body = body.decode()

    async def read(self, _address: str) -> str:
        """Return the recorded snapshot, whatever is asked for."""
        return self._body


class Side:
    """One feed, fresh."""

    def __init__(self, frames: Frames, *, keeps_trades: bool = False) -> None:
        Symbols.set(BinanceFutures.id, {INSTRUMENT: "BTCUSDT"}, TICKS)
        self.counted = 0
        self.trades: list[Any] = []
        on_trade = self._keep if keeps_trades else self._count
        callbacks = {L2_BOOK: self._count, TICKER: self._count, TRADES: on_trade}
        self.feed = BinanceFutures(
            symbols=[INSTRUMENT], channels=[L2_BOOK, TICKER, TRADES], callbacks=callbacks
        )
        self.feed.http_conn = Snapshot(frames[0])
        self.texts = [frame.decode() for frame in frames[1]]
        """Text, as its websocket library hands over."""

    async def run(self) -> None:
        """Take in all frames."""
        handle = self.feed.message_handler
        for text in self.texts:
            await handle(text, None, 0.0)

    async def run_timed(self) -> list[int]:
        """Take in the same and return the CPU nanoseconds of each frame."""
        handle = self.feed.message_handler
        cost_ns = timer_cost_ns()
        spent: list[int] = []
        for text in self.texts:
            before = thread_time_ns()
            await handle(text, None, 0.0)
            spent.append(thread_time_ns() - before - cost_ns)
        return spent

    async def _count(self, _data: object, _receipt: float) -> None:
        self.counted += 1

    async def _keep(self, trade: Any, _receipt: float) -> None:
        self.trades.append(trade)


async def checked(frames: Frames) -> dict[str, object]:
    """Return the outcome of one run that nobody measures."""
    side = Side(frames, keeps_trades=True)
    await side.run()
    book = side.feed._l2_book[INSTRUMENT].book  # noqa: SLF001 - the peer keeps it there
    return outcome(
        book.bids.to_dict(),
        book.asks.to_dict(),
        side.feed.last_update_id[INSTRUMENT],
        [trade_text(int(t.id), t.price, t.amount, t.side == BUY) for t in side.trades],
        sum((trade.amount for trade in side.trades), Decimal(0)),
    )


async def measure(frames: Frames) -> None:
    """Measure once and print the line."""
    side = Side(frames)
    settle()
    before = thread_time_ns()
    await side.run()
    cpu_s = (thread_time_ns() - before) / 1e9
    spent = await Side(frames).run_timed()
    report(
        cpu_s=cpu_s,
        p50_ns=percentile(spent, 0.5),
        p99_ns=percentile(spent, 0.99),
        outcome=await checked(frames),
        versions={name: version(name) for name in ("cryptofeed", "yapic.json", "order-book")},
    )


if __name__ == "__main__":
    asyncio.run(measure(read_frames(sys.argv[1])))
