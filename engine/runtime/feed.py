"""The shell around a venue's `MarketWire`: asks, connects, listens, and comes back after a loss.

It decides when to try, never what a frame means. Books are not mended here: `FeedDown` tells the
kernel that what came over that connection is no longer known, and the kernel asks for snapshots.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from loguru import logger

from engine.model.effects import (
    FeedRequest,
    RenewBook,
    RequestQuote,
    RequestTrades,
    Unwatch,
    Watch,
)
from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError, VenueUnreachable
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import ClockMeasured, FeedDown, SubscriptionRefused
from engine.runtime.feed_ports import FeedPorts, MakePart, Outlet, reason_of
from engine.runtime.feed_rest import FeedRest
from engine.runtime.feed_socket import FeedSocket
from engine.runtime.missed_trades import MissedTrades
from engine.venues.base import HttpRequest, MarketWire, SocketPlan

HISTORY_WAIT_S: Final = 30
CLOSE_S: Final = 3
CLOCK_S: Final = 60
CLOCK_TRIES: Final = 5
"""Round trips of one measurement; the fastest says most (R15)."""


class Feed:
    """Market data of one venue, from the first request to the last frame.

    Its sources, which are also the `feed` of its feed events, are `feed:<venue>/<plan>` for each
    socket and `feed:<venue>/rest` for requests; the latter carries no book and is silent unless
    asking fails.
    """

    def __init__(self, venue: str, wire: MarketWire, ports: FeedPorts) -> None:
        self._venue = venue
        self._wire = wire
        self._ports = ports
        self._outlet = Outlet(ports)
        self._rest = FeedRest(f"feed:{venue}/rest", wire, ports, self._outlet)
        self._missed_trades = MissedTrades(wire, self._rest)
        self._symbols: tuple[str, ...] = ()
        self._sockets: dict[str, FeedSocket] = {}
        self._socket_tasks: dict[str, asyncio.Task[None]] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._asked: set[InstrumentId] = set()
        self._is_closed = False

    async def start(self, symbols: Sequence[str]) -> None:
        """Ask for the metadata until it comes, then start sockets and history, and return.

        Raises:
            ConfigError: The venue does not list a symbol; nothing was connected.
        """
        for request in self._wire.metadata_requests():
            await self._rest.ask_until_answered(request)
        await self._rest.deliver(self._wire.choose(symbols))
        self._symbols = tuple(dict.fromkeys(symbols))
        self._follow_plans()
        history = partial(self._load_history, self._wire.history_requests())
        self._start(history, self._name("history"))
        self._start(self._watch_clock, self._name("clock"))

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Ask for a whole book, unless the answer to the last such request is still to come.

        A failure is logged and forgotten: the kernel asks again when it still needs the book.
        """
        if instrument_id in self._asked:
            return
        if self._wire.snapshot_by_stream(instrument_id):
            self._renew(instrument_id)
        else:
            self._asked.add(instrument_id)
            name = self._name(f"snapshot/{instrument_id}")
            self._start(partial(self._load_snapshot, instrument_id), name)

    def serve(self, request: FeedRequest) -> None:
        """Do what the kernel asks of its source of data."""
        match request:
            case RenewBook(instrument_id):
                # Where a snapshot comes by the stream, the request for it does that already.
                if not self._wire.snapshot_by_stream(instrument_id):
                    self._renew(instrument_id)
            case RequestTrades(instrument_id):
                name = self._name(f"trades/{instrument_id}")
                self._start(partial(self._load_trades, request), name)
            case RequestQuote(instrument_id):
                quote = self._wire.quote_request(instrument_id)
                if quote is not None:
                    name = self._name(f"quote/{instrument_id}")
                    self._start(partial(self._load, quote), name)
            case Watch(symbol):
                self._watch(symbol)
            case Unwatch(instrument_id):
                self._unwatch(symbol_of(instrument_id))

    async def close(self) -> None:
        """End all tasks; takes at most `CLOSE_S`."""
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=CLOSE_S)
            for name in sorted(task.get_name() for task in pending):
                logger.error("task_stuck {}", name)

    def _name(self, what: str) -> str:
        return f"feed:{self._venue}/{what}"

    def _start(self, make: MakePart, name: str) -> asyncio.Task[None] | None:
        if self._is_closed:
            return None
        task = self._ports.keep(make, name)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    # Instruments

    def _renew(self, instrument_id: InstrumentId) -> None:
        for connection in self._sockets.values():
            connection.renew(instrument_id)

    def _watch(self, symbol: str) -> None:
        """Add an instrument, or say why it cannot be had."""
        if symbol in self._symbols:
            return
        wanted = (*self._symbols, symbol)
        try:
            events = self._wire.choose(wanted)
        except ConfigError as error:
            refused = SubscriptionRefused(symbol, reason_of(error))
            self._start(partial(self._rest.deliver, (refused,)), self._name(f"watch/{symbol}"))
            return
        self._symbols = wanted
        self._start(partial(self._introduce, symbol, events), self._name(f"watch/{symbol}"))
        self._follow_plans()

    async def _introduce(self, symbol: str, events: Sequence[Event]) -> None:
        """Describe an instrument, before anything comes of it, and load its history."""
        await self._rest.deliver(events)
        requests = self._wire.history_requests()
        await self._load_history([one for one in requests if _is_of(symbol, one)])

    def _unwatch(self, symbol: str) -> None:
        self._symbols = tuple(one for one in self._symbols if one != symbol)
        self._wire.choose(self._symbols)
        self._follow_plans()

    def _follow_plans(self) -> None:
        """Make the sockets those that the wire wants: open, change and end them."""
        plans = {plan.name: plan for plan in self._wire.sockets()}
        for name in [name for name in self._sockets if name not in plans]:
            del self._sockets[name]
            self._end(name, self._socket_tasks.pop(name, None))
        for name, plan in plans.items():
            if name in self._sockets:
                self._sockets[name].change(plan)
            else:
                self._open(plan)

    def _end(self, name: str, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            down = FeedDown(self._name(name), "not needed any more", 0, 0)
            tell = partial(self._outlet.put, self._name(name), (down,))
            self._start(tell, self._name(f"{name}/end"))

    def _open(self, plan: SocketPlan) -> None:
        source = self._name(plan.name)
        connection = FeedSocket(source, plan, self._wire, self._ports, self._outlet)
        self._sockets[plan.name] = connection
        task = self._start(connection.run, source)
        if task is not None:
            self._socket_tasks[plan.name] = task

    # Requests

    async def _load_snapshot(self, instrument_id: InstrumentId) -> None:
        request = self._wire.snapshot_request(instrument_id)
        try:
            events = await self._rest.ask(request)
        except (VenueUnreachable, VenuePayloadError) as error:
            logger.warning("snapshot_failed {} {}", instrument_id, reason_of(error))
            return
        finally:
            # Before the events are out: they may be the reason to ask again.
            self._asked.discard(instrument_id)
        await self._rest.deliver(events)

    async def _load_history(self, requests: Sequence[HttpRequest]) -> None:
        """Ask for recent candles once the sockets are up; each failure costs that request only."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HISTORY_WAIT_S):
                for connection in list(self._sockets.values()):
                    await connection.opened.wait()
        for request in requests:
            await self._load(request)

    async def _load(self, request: HttpRequest) -> None:
        try:
            events = await self._rest.ask(request)
        except (VenueUnreachable, VenuePayloadError) as error:
            about = request.instrument_id
            logger.warning("{}_failed {} {}", request.purpose, about, reason_of(error))
            return
        await self._rest.deliver(events)

    async def _load_trades(self, request: RequestTrades) -> None:
        """Fetch missed trades; where some stay missing, let the venue's candles fill the span."""
        is_whole = await self._missed_trades.fetch(request)
        if not is_whole:
            about = request.instrument_id
            requests = self._wire.history_requests()
            await self._load_history([one for one in requests if one.instrument_id == about])

    async def _watch_clock(self) -> None:
        """Measure how far the venue's clock is away, again and again (R15)."""
        request = self._wire.time_request()
        while request is not None:
            found: list[tuple[int, int]] = []
            for _ in range(CLOCK_TRIES):
                try:
                    offset_ns, took_ns = await self._rest.measure_clock(request)
                except (VenueUnreachable, VenuePayloadError) as error:
                    logger.warning("clock_failed {} {}", self._venue, reason_of(error))
                    break
                found.append((took_ns, offset_ns))
            if found:
                took_ns, offset_ns = min(found)
                await self._rest.deliver((ClockMeasured(self._venue, offset_ns, took_ns),))
            await self._ports.clock.sleep(CLOCK_S)


def _is_of(symbol: str, request: HttpRequest) -> bool:
    return symbol_of(request.instrument_id) == symbol
