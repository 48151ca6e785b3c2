"""The shell around a venue's `MarketWire`: asks, connects, listens, and comes back after a loss.

It decides when to try, never what a frame means. Books are not mended here: `FeedDown` tells the
kernel that what came over that connection is no longer known, and the kernel asks for snapshots.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, NamedTuple, NoReturn

from loguru import logger

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.errors import InvariantBroken, VenuePayloadError, VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import FeedDown, FeedUp, FrameRefused
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.model.text import clean
from engine.runtime.clock import Clock, sleep_until
from engine.runtime.transport import HttpAnswer, SocketLink, Transport
from engine.venues.base import HttpRequest, MarketWire, SocketPlan

CONNECT_S: Final = 10
"""Connection, TLS, upgrade and the messages on open, together (R6)."""
CONNECT_SPACING_NS: Final = 500 * NS_PER_MS
BACKOFF_NS_FIRST: Final = 500 * NS_PER_MS
BACKOFF_NS_MAX: Final = 30 * NS_PER_S
GOOD_NS: Final = 60 * NS_PER_S
"""Data for so long, and the next loss counts as the first (R6)."""

IDLE_S: Final = 30
"""Without an event of the venue; acknowledgements and pongs are none (R4)."""
IDLE_STEP_S: Final = 1
"""The timer is set anew this often, not with each frame: that would be a third of a frame's cost.
So silence may be found up to this much early."""
REFUSED_WINDOW_NS: Final = 60 * NS_PER_S
REFUSED_MAX: Final = 5
"""More unreadable frames in the window than this, and the connection is made anew."""

REQUEST_S: Final = 35
"""A little more than the real transport allows itself."""
REQUEST_SPACING_NS: Final = 100 * NS_PER_MS
PAUSE_S: Final = {429: 60, 418: 120}
"""How long to ask nothing when the venue says "too many" or "banned" without saying how long."""
PAUSE_S_MAX: Final = 3 * 86_400
"""The longest ban that Binance documents."""

REASON_LETTERS_MAX: Final = 160
"""Of a reason in an event or in the log."""
HISTORY_WAIT_S: Final = 30
ROOM_S: Final = 1
"""After so long a full inbox is tried again, even if nobody said that there is room."""
HANG_UP_S: Final = 2
CLOSE_S: Final = 3

Put = Callable[[str, Sequence[Event]], bool]
"""Takes all events of a source, or none of them and returns False: no room."""
Room = Callable[[], Awaitable[None]]
"""Waits until there may be room."""
StartTask = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Starts a named task that the host owns and awaits."""


class FeedPorts(NamedTuple):
    """What the host lends a feed."""

    clock: Clock
    transport: Transport
    chance: Chance
    put: Put
    room: Room
    start_task: StartTask


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
        self._outlet = _Outlet(ports)
        self._rest = _Rest(f"feed:{venue}/rest", wire, ports, self._outlet)
        self._sockets: list[_Socket] = []
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
        for plan in self._wire.sockets():
            source = f"feed:{self._venue}/{plan.name}"
            connection = _Socket(source, plan, self._wire, self._ports, self._outlet)
            self._sockets.append(connection)
            self._start(connection.run(), source)
        self._start(self._load_history(), f"feed:{self._venue}/history")

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Ask for a whole book, unless the answer to the last such request is still to come.

        A failure is logged and forgotten: the kernel asks again when it still needs the book.
        """
        if instrument_id not in self._asked:
            self._asked.add(instrument_id)
            name = f"feed:{self._venue}/snapshot/{instrument_id}"
            self._start(self._load_snapshot(instrument_id), name)

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

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._is_closed:
            work.close()
            return
        task = self._ports.start_task(work, name)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _load_snapshot(self, instrument_id: InstrumentId) -> None:
        request = self._wire.snapshot_request(instrument_id)
        try:
            events = await self._rest.ask(request)
        except (VenueUnreachable, VenuePayloadError) as error:
            logger.warning("snapshot_failed {} {}", instrument_id, _reason(error))
            return
        finally:
            # Before the events are out: they may be the reason to ask again.
            self._asked.discard(instrument_id)
        await self._rest.deliver(events)

    async def _load_history(self) -> None:
        """Ask for recent candles once the sockets are up; each failure costs that request only."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HISTORY_WAIT_S):
                for connection in self._sockets:
                    await connection.opened.wait()
        for request in self._wire.history_requests():
            try:
                events = await self._rest.ask(request)
            except (VenueUnreachable, VenuePayloadError) as error:
                logger.warning("history_failed {} {}", request.instrument_id, _reason(error))
                continue
            await self._rest.deliver(events)


class Backoff:
    """Full jitter over a bound that doubles from 0.5 s to 30 s; a wait of nothing never comes."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.attempt = 0

    def next_ns(self) -> int:
        """Count one more attempt and return how long to wait before it."""
        bound_ns = min(BACKOFF_NS_MAX, BACKOFF_NS_FIRST << min(self.attempt, 6))
        self.attempt += 1
        return self._chance.between(1, bound_ns)

    def reset(self) -> None:
        """Begin again: all went well."""
        self.attempt = 0


class _Outlet:
    """The one way into the inbox for all sources of a feed: what was decoded first goes in first.

    The wire's scales are shared: a frame that widens them must not be overtaken by one that was
    decoded after it, from whichever source. So when there is no room, everything queues here; each
    source waits before it reads on, so that at most one batch of each is kept.
    """

    def __init__(self, ports: FeedPorts) -> None:
        self._ports = ports
        self._kept: deque[tuple[str, Sequence[Event]]] = deque()

    def try_put(self, source: str, events: Sequence[Event]) -> bool:
        """Hand over; False: they are kept, and `emptied` must be awaited before the next call."""
        if not events:
            return True
        if not self._kept and self._ports.put(source, events):
            return True
        self._kept.append((source, events))
        return False

    async def emptied(self) -> None:
        """Wait until nothing is kept, as long as it takes."""
        while self._kept:
            source, events = self._kept[0]
            if self._ports.put(source, events):
                self._kept.popleft()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(ROOM_S):
                    await self._ports.room()

    async def put(self, source: str, events: Sequence[Event]) -> None:
        """Hand over, and wait until nothing is kept."""
        if not self.try_put(source, events):
            await self.emptied()


class _Rest:
    """All requests to one venue: spaced, and none while it wants to be left alone."""

    def __init__(self, source: str, wire: MarketWire, ports: FeedPorts, outlet: _Outlet) -> None:
        self._source = source
        self._wire = wire
        self._clock = ports.clock
        self._transport = ports.transport
        self._outlet = outlet
        self._backoff = Backoff(ports.chance)
        self._next_start_ns = 0
        self._paused_until_ns = 0
        self._is_down = False

    async def deliver(self, events: Sequence[Event]) -> None:
        """Hand events over."""
        await self._outlet.put(self._source, events)

    async def ask_until_answered(self, request: HttpRequest) -> None:
        """Ask, with growing waits, until there is a readable answer, and hand it over."""
        while True:
            try:
                events = await self.ask(request)
            except (VenueUnreachable, VenuePayloadError) as error:
                now_ns = self._clock.now_ns()
                retry_at_ns = now_ns + self._backoff.next_ns()
                if now_ns >= self._paused_until_ns:  # A pause was reported when it began.
                    attempt = self._backoff.attempt
                    await self._report_down(_reason(error), retry_at_ns, attempt)
                await sleep_until(self._clock, retry_at_ns)
                continue
            await self.deliver(events)
            return

    async def ask(self, request: HttpRequest) -> Sequence[Event]:
        """Ask once and decode; hand the events over before anything else is awaited.

        Raises:
            VenueUnreachable: No answer, or one that says nothing about the question.
            VenuePayloadError: The answer cannot be read.
        """
        await self._take_turn()
        try:
            async with asyncio.timeout(REQUEST_S):
                answer = await self._transport.get(request.url)
        except TimeoutError:
            raise VenueUnreachable(f"no answer within {REQUEST_S} s") from None
        if answer.status in PAUSE_S:
            await self._pause(answer)
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise VenueUnreachable(f"answered {answer.status} to {request.purpose}")
        ts_ns = self._clock.now_ns()
        events = self._wire.receive_answer(request, answer.status, answer.body, ts_ns)
        self._backoff.reset()
        if self._is_down:
            self._is_down = False
            return [FeedUp(self._source), *events]
        return events

    async def _take_turn(self) -> None:
        while True:
            due_ns = max(self._next_start_ns, self._paused_until_ns)
            now_ns = self._clock.now_ns()
            if now_ns >= due_ns:
                self._next_start_ns = now_ns + REQUEST_SPACING_NS
                return
            await sleep_until(self._clock, due_ns)

    async def _pause(self, answer: HttpAnswer) -> NoReturn:
        wait_s = _retry_after_s(answer.headers.get("retry-after", "")) or PAUSE_S[answer.status]
        until_ns = self._clock.now_ns() + wait_s * NS_PER_S
        reason = f"answered {answer.status}: no requests for {wait_s} s"
        is_news = self._clock.now_ns() >= self._paused_until_ns
        self._paused_until_ns = max(self._paused_until_ns, until_ns)
        if is_news:
            await self._report_down(reason, self._paused_until_ns, self._backoff.attempt + 1)
        raise VenueUnreachable(reason)

    async def _report_down(self, reason: str, retry_at_ns: int, attempt: int) -> None:
        self._is_down = True
        await self.deliver((FeedDown(self._source, reason, retry_at_ns, attempt),))


class _Socket:
    """One websocket of the plan, kept open for as long as the feed lives."""

    def __init__(
        self,
        source: str,
        plan: SocketPlan,
        wire: MarketWire,
        ports: FeedPorts,
        outlet: _Outlet,
    ) -> None:
        self._source = source
        self._plan = plan
        self._wire = wire
        self._clock = ports.clock
        self._transport = ports.transport
        self._outlet = outlet
        self._backoff = Backoff(ports.chance)
        self._good_since_ns = 0
        self._refused_ns: deque[int] = deque()
        self.opened = asyncio.Event()
        """Set when it was open for the first time."""

    async def run(self) -> None:
        """Connect, listen, report the loss, wait, and again."""
        while True:
            started_ns = self._clock.now_ns()
            reason = await self._use_once()
            wait_ns = self._backoff.next_ns()
            retry_at_ns = max(self._clock.now_ns() + wait_ns, started_ns + CONNECT_SPACING_NS)
            down = FeedDown(self._source, reason, retry_at_ns, self._backoff.attempt)
            await self._outlet.put(self._source, (down,))
            await sleep_until(self._clock, retry_at_ns)

    async def _use_once(self) -> str:
        """Return why the connection ended."""
        try:
            async with AsyncExitStack() as stack:
                link = await self._open(stack)
                await self._outlet.put(self._source, (FeedUp(self._source),))
                self.opened.set()
                await self._listen(link)
        except VenueUnreachable as error:
            return _reason(error)
        except InvariantBroken:
            raise
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            # A wire that fails on a frame nobody foresaw must not end the feed at 3 a.m.; the
            # backoff keeps it from turning.
            logger.opt(exception=error).error("feed_failed {}", self._source)
            return f"error of the program ({type(error).__name__}), see the log"

    async def _open(self, stack: AsyncExitStack) -> SocketLink:
        try:
            async with asyncio.timeout(CONNECT_S):
                link = await self._transport.connect(self._plan.url)
                stack.push_async_callback(_hang_up, link)
                for text in self._plan.on_open:
                    await link.send(text)
        except TimeoutError:
            raise VenueUnreachable(f"not open within {CONNECT_S} s") from None
        return link

    async def _listen(self, link: SocketLink) -> NoReturn:
        self._good_since_ns = 0
        self._refused_ns.clear()
        now = asyncio.get_running_loop().time
        armed_s = now()
        try:
            async with asyncio.timeout(IDLE_S) as idle:
                while True:
                    frame = await link.receive()
                    events, is_good = self._decode(frame)
                    if not self._outlet.try_put(self._source, events):
                        # The silence is ours now. Not reading is what slows the venue down.
                        idle.reschedule(None)
                        await self._outlet.emptied()
                    if idle.when() is None or (is_good and now() - armed_s >= IDLE_STEP_S):
                        armed_s = now()
                        idle.reschedule(armed_s + IDLE_S)
                    if len(self._refused_ns) > REFUSED_MAX:
                        raise VenueUnreachable(f"{REFUSED_MAX + 1} unreadable frames in a minute")
        except TimeoutError:
            raise VenueUnreachable(f"no data for {IDLE_S} s") from None

    def _decode(self, frame: str | bytes) -> tuple[Sequence[Event], bool]:
        """Return the events of a frame, and whether they are news of the venue."""
        ts_ns = self._clock.now_ns()
        try:
            events = self._wire.receive(frame, ts_ns)
        except VenuePayloadError as error:
            self._note_refused(ts_ns)
            return (FrameRefused(self._source, _reason(error)),), False
        if not events:
            return events, False
        if not self._good_since_ns:
            self._good_since_ns = ts_ns
        elif self._backoff.attempt and ts_ns - self._good_since_ns >= GOOD_NS:
            self._backoff.reset()
        return events, True

    def _note_refused(self, ts_ns: int) -> None:
        self._refused_ns.append(ts_ns)
        while self._refused_ns[0] <= ts_ns - REFUSED_WINDOW_NS:
            self._refused_ns.popleft()


async def _hang_up(link: SocketLink) -> None:
    """Close a link that may be dead; how that goes makes no difference any more."""
    with suppress(TimeoutError, VenueUnreachable):
        async with asyncio.timeout(HANG_UP_S):
            await link.close()


def _reason(error: Exception) -> str:
    return clean(str(error), REASON_LETTERS_MAX)


def _retry_after_s(text: str) -> int:
    """Read a Retry-After of seconds; 0 for none, for a date and for nonsense."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return min(int(text), PAUSE_S_MAX) if is_number else 0
