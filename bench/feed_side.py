"""Our side of P3: a websocket on loopback, the real feed, and who takes in what it brings.

`python -m bench.feed_side WAY PORT FRAMES LAST_ID FILE`; the file holds the snapshot. The ways:
`book`, an inbox and a book behind the feed; `engine`, the real host with its kernel; `socket`, the
transport alone, nothing decoded. Requests are answered from memory, sockets are real.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from time import process_time_ns
from typing import Any, Final, NamedTuple

import msgspec
from loguru import logger

from bench.kernel_side import outcome_of
from bench.plain_book import outcome
from bench.result import versions_of
from bench.side import LOCAL, read_frames, report, settle
from bench.stream import EXCHANGE_INFO, SYMBOL
from bench.wire_side import INSTRUMENT, decimal_levels
from engine.ingest.book import Book, Verdict
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.market import BookDelta, BookSnapshot, InstrumentUpdated
from engine.runtime.clock import SystemClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import BATCH_MAX, EngineHost, RunPlan
from engine.runtime.inbox import Inbox
from engine.runtime.transport import HttpAnswer, NetworkTransport
from engine.venues.base import Endpoints, MarketWire
from engine.venues.binance.spec import FUTURES

SEED: Final = 7
LOOK_S: Final = 0.01
PLAN: Final = RunPlan(mode="paper", venue=FUTURES.name, run_id="bench", version="bench")
BOOK_STREAM: Final = '{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}'

Outcome = dict[str, object]


class Burst(NamedTuple):
    """What is to be taken in, and from where."""

    port: int
    frames: int
    last_id: int
    """Of the last frame."""
    snapshot: bytes

    @property
    def url(self) -> str:
        """Where the venue listens."""
        return f"ws://{LOCAL}:{self.port}"


class Loopback(NetworkTransport):
    """The real network for sockets; requests are answered with what the venue would say."""

    def __init__(self, snapshot: bytes) -> None:
        super().__init__()
        self._answers = {"exchangeInfo": EXCHANGE_INFO, "depth": snapshot}

    async def get(self, url: str) -> HttpAnswer:
        """Answer metadata and snapshot; there is nothing else."""
        body = self._answers.get(url.partition("?")[0].rpartition("/")[2])
        return HttpAnswer(404, {}, b"") if body is None else HttpAnswer(200, {}, body)


class Desk:
    """An inbox with a book behind it, where the engine has its kernel."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._inbox = Inbox()
        self._book = Book("previous_id")
        self._decimals = (0, 0)

    def put(self, source: str, events: Sequence[Event]) -> bool:
        """Take events in, or return False when too many wait."""
        return self._inbox.put_data(source, events, self._clock.now_ns())

    async def room(self) -> None:
        """Wait until there may be room."""
        await self._inbox.room()

    async def run(self, last_id: int) -> None:
        """Take in what comes, up to the last frame."""
        while self._book.last_seq != last_id:
            await self._inbox.wait()
            for ts_ns, _, event in self._inbox.take(BATCH_MAX):
                self._on(event, ts_ns)
            await asyncio.sleep(0)

    def outcome(self) -> Outcome:
        """Return what must agree with the reference."""
        bids, asks = (
            decimal_levels(self._book, self._decimals, is_bid=is_bid) for is_bid in (True, False)
        )
        return outcome(bids, asks, self._book.last_seq, [], Decimal(0))

    def _on(self, event: Event, ts_ns: int) -> None:
        if type(event) is BookDelta:
            assert self._book.apply(event, ts_ns) is not Verdict.GAP
        elif type(event) is BookSnapshot:
            self._book.apply_snapshot(event, ts_ns)
        elif type(event) is InstrumentUpdated:
            self._decimals = (event.price_decimals, event.qty_decimals)


async def into_book(burst: Burst, transport: Loopback) -> Outcome:
    """Take it in by the feed, with an inbox and a book behind it."""
    clock = SystemClock()
    desk = Desk(clock)
    async with asyncio.TaskGroup() as group:
        ports = FeedPorts(
            clock,
            transport,
            Chance(SEED),
            desk.put,
            desk.room,
            lambda work, name: group.create_task(work, name=name),
            lambda make, name: group.create_task(make(), name=name),
        )
        feed = Feed(FUTURES.name, wire_to(burst), ports)
        await feed.start((SYMBOL,))
        feed.request_snapshot(INSTRUMENT)
        await desk.run(burst.last_id)
        await feed.close()
    return desk.outcome()


async def into_engine(burst: Burst, transport: Loopback) -> Outcome:
    """Take it in by the feed, with the engine's host and kernel behind it."""
    clock = SystemClock()
    host = EngineHost(PLAN, clock)
    ports = FeedPorts(
        clock, transport, Chance(SEED), host.put, host.room, host.start_task, host.keep
    )
    host.start_task(_stop_after(host, clock, burst.last_id), "end of the burst")
    await host.run(Feed(FUTURES.name, wire_to(burst), ports), (SYMBOL,))
    return outcome_of(host.state.instruments[INSTRUMENT])


async def into_nothing(burst: Burst, transport: Loopback) -> Outcome:
    """Take it in by the transport alone, and leave it unread."""
    link = await transport.connect(burst.url)
    await link.send(BOOK_STREAM)
    for _ in range(1 + burst.frames):  # The answer comes first.
        await link.receive()
    await link.close()
    return {}


async def _stop_after(host: EngineHost, clock: SystemClock, last_id: int) -> None:
    while True:
        await clock.sleep(LOOK_S)
        market = host.state.instruments.get(INSTRUMENT)
        if market is not None and market.book.last_seq == last_id:
            host.stop("the burst is over")
            return


def wire_to(burst: Burst) -> MarketWire:
    """Return a fresh wire whose venue is the one on loopback."""
    assert FUTURES.wire is not None
    return FUTURES.wire(Endpoints(rest=f"http://{LOCAL}", stream=burst.url))


WAYS: Final[dict[str, Callable[[Burst, Loopback], Coroutine[Any, Any, Outcome]]]] = {
    "book": into_book,
    "engine": into_engine,
    "socket": into_nothing,
}


async def measure(way: str, burst: Burst) -> None:
    """Measure once and print the line."""
    transport = Loopback(burst.snapshot)
    link = await transport.connect(burst.url)  # Loads the libraries.
    await link.close()
    settle()
    before_ns = process_time_ns()
    found = await WAYS[way](burst, transport)
    cpu_ns = process_time_ns() - before_ns
    await transport.close()
    versions = {"msgspec": msgspec.__version__, **versions_of("websockets")}
    report(cpu_s=cpu_ns / 1e9, outcome=found, versions=versions)


def main() -> None:
    """Measure one way."""
    logger.remove()
    way, port, frames, last_id, path = sys.argv[1:]
    snapshot, _, _ = read_frames(path)
    asyncio.run(measure(way, Burst(int(port), int(frames), int(last_id), snapshot)))


if __name__ == "__main__":
    main()
