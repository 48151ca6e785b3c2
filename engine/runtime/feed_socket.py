"""One websocket of a venue's plan, kept open for as long as the feed lives.

It comes back after a loss with growing waits. Before the venue's own limit of a day, and when its
plan changes in a way that cannot be told to an open connection, another one is opened beside it
and takes over: what both brought is handed on once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from loguru import logger

from engine.model.envelope import Event
from engine.model.errors import InvariantBroken, VenuePayloadError, VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import FeedDown, FeedUp, FrameRefused, StreamSilent
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.backoff import Backoff
from engine.runtime.clock import Clock, sleep_until
from engine.runtime.feed_ports import FeedPorts, Outlet, reason_of
from engine.runtime.handover import Handover
from engine.runtime.socket_link import CONNECT_S, HANG_UP_S, hang_up, open_link
from engine.runtime.subscriptions import ACK_NS, Subscriptions
from engine.runtime.transport import SocketLink
from engine.venues.base import MarketWire, SocketPlan

CONNECT_SPACING_NS: Final = 500 * NS_PER_MS
GOOD_NS: Final = 60 * NS_PER_S
"""Data for so long, and the next loss counts as the first (R6)."""

PING_NS: Final = 20 * NS_PER_S
DEAF_NS: Final = 30 * NS_PER_S
"""Of a connection that answers pings in its own words: not even those came."""
REFUSED_WINDOW_NS: Final = 60 * NS_PER_S
REFUSED_MAX: Final = 5
"""More unreadable frames in the window than this, and the connection is made anew."""

LIFE_NS: Final = 85_800 * NS_PER_S
"""23 h 50 min, because Binance cuts at 24 h (R8)."""
LIFE_JITTER_NS: Final = 600 * NS_PER_S
"""Up to so much less, so that not all change at once."""
OVERLAP_NS: Final = 2 * NS_PER_S
"""After its subscriptions are confirmed the successor listens so long beside the old one."""
HOLD_S: Final = 0.1
SUCCESSOR_RETRY_NS: Final = 60 * NS_PER_S
HELD_MAX: Final = 20_000
"""Frames of a successor that wait; more, and it is given up: the old one is still good."""


class _Line:
    """One open connection."""

    def __init__(
        self, link: SocketLink, plan: SocketPlan, subscriptions: Subscriptions, opened_ns: int
    ) -> None:
        self.link = link
        self.plan = plan
        self.subscriptions = subscriptions
        self.opened_ns = opened_ns
        self.heard_ns = opened_ns
        """When it brought an event last; acknowledgements and pongs are none (R4)."""
        self.pinged_ns = opened_ns
        self.answered_ns = opened_ns
        """When it brought a frame without an event last."""
        self.quiet_ns = plan.quiet_s * NS_PER_S
        self.held: deque[str | bytes] = deque()
        """Frames that came before it took over."""


class FeedSocket:
    """One websocket of the plan."""

    def __init__(
        self,
        source: str,
        plan: SocketPlan,
        wire: MarketWire,
        ports: FeedPorts,
        outlet: Outlet,
    ) -> None:
        self._source = source
        self._plan = plan
        self._wire = wire
        self._clock = ports.clock
        self._transport = ports.transport
        self._chance = ports.chance
        self._outlet = outlet
        self._backoff = Backoff(ports.chance)
        self._good_since_ns = 0
        self._refused_ns: deque[int] = deque()
        self._line: _Line | None = None
        self._alarm: asyncio.Timeout | None = None
        self._is_blocked = False
        """Whether it waits for room in the inbox."""
        self._replace_at_ns = 0
        self._successor: asyncio.Task[_Line] | None = None
        self._handover: Handover | None = None
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

    def change(self, plan: SocketPlan) -> None:
        """Carry what this plan says from now on."""
        was, self._plan = self._plan, plan
        if self._line is None or was == plan:
            return
        if _is_kin(was, plan):
            self._line.subscriptions.want(plan.streams, self._clock.now_ns())
        else:
            self._replace_at_ns = self._clock.now_ns()
            if self._successor is not None:
                self._successor.cancel()
        self._wake()

    def renew(self, instrument_id: InstrumentId) -> None:
        """Ask again for what tells the book of an instrument."""
        if self._line is not None:
            self._line.subscriptions.renew(instrument_id)
            self._wake()

    async def _use_once(self) -> str:
        """Return why the connection ended."""
        try:
            line = self._line = await self._open()
            self._replace_at_ns = self._planned_ns(line)
            await self._outlet.put(self._source, (FeedUp(self._source),))
            self.opened.set()
            while True:
                line = await self._listen(line)
                await self._switch_to(line)
        except VenueUnreachable as error:
            return reason_of(error)
        except InvariantBroken:
            raise
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            # A wire that fails on a frame nobody foresaw must not end the feed at 3 a.m.; the
            # backoff keeps it from turning.
            logger.opt(exception=error).error("feed_failed {}", self._source)
            return f"error of the program ({type(error).__name__}), see the log"
        finally:
            gone, self._line, self._handover = self._line, None, None
            if gone is not None:
                await hang_up(gone.link)
            await self._end_successor()

    async def _open(self) -> _Line:
        plan = self._plan
        link = await open_link(self._transport, plan.url, plan.on_open)
        now_ns = self._clock.now_ns()
        subscriptions = Subscriptions(self._wire)
        subscriptions.want(plan.streams, now_ns)
        return _Line(link, plan, subscriptions, now_ns)

    async def _listen(self, line: _Line) -> _Line:
        """Hand on what comes; return the connection that takes over."""
        self._good_since_ns = 0
        self._refused_ns.clear()
        while line.held:
            await self._take(line, line.held.popleft())
        while True:
            successor = await self._do_due(line)
            if successor is not None:
                return successor
            try:
                async with asyncio.timeout_at(self._due_s(line)) as self._alarm:
                    while True:
                        await self._take(line, await line.link.receive())
            except TimeoutError:
                continue
            finally:
                self._alarm = None

    async def _take(self, line: _Line, frame: str | bytes) -> None:
        ts_ns = self._clock.now_ns()
        events = self._decode(line, frame, ts_ns)
        if not self._outlet.try_put(self._source, events):
            # The silence is ours now. Not reading is what slows the venue down.
            self._reschedule(None)
            self._is_blocked = True
            try:
                await self._outlet.emptied()
            finally:
                self._is_blocked = False
            line.heard_ns = self._clock.now_ns()
            self._wake()
        if len(self._refused_ns) > REFUSED_MAX:
            raise VenueUnreachable(f"{REFUSED_MAX + 1} unreadable frames in a minute")

    def _decode(self, line: _Line, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Return the events of a frame, and note whether they are news of the venue."""
        try:
            events = self._wire.receive(frame, ts_ns)
        except VenuePayloadError as error:
            self._note_refused(ts_ns)
            return (FrameRefused(self._source, reason_of(error)),)
        if not events:
            line.answered_ns = ts_ns
            if self._wire.is_leaving(frame):
                self._replace_at_ns = ts_ns
                self._wake()
            if line.subscriptions.awaits_words:
                line.subscriptions.acknowledge(self._wire.acknowledged(frame))
            return events
        line.heard_ns = ts_ns
        if line.subscriptions.awaits_data:
            line.subscriptions.hear(events)
        if not self._good_since_ns:
            self._good_since_ns = ts_ns
        elif self._backoff.attempt and ts_ns - self._good_since_ns >= GOOD_NS:
            self._backoff.reset()
        if self._handover is None:
            return events
        if self._handover.is_over(ts_ns):
            self._handover = None
            return events
        return self._handover.take(events)

    def _note_refused(self, ts_ns: int) -> None:
        self._refused_ns.append(ts_ns)
        while self._refused_ns[0] <= ts_ns - REFUSED_WINDOW_NS:
            self._refused_ns.popleft()

    # What is due without a frame

    def _due_s(self, line: _Line) -> float:
        """Return when to look again, in seconds of the loop."""
        dues = [line.heard_ns + line.quiet_ns]
        if line.plan.ping:
            dues.append(line.pinged_ns + PING_NS)
            dues.append(max(line.heard_ns, line.answered_ns) + DEAF_NS)
        own_ns = line.subscriptions.next_due_ns()
        if own_ns is not None:
            dues.append(own_ns)
        if self._successor is None:
            dues.append(self._replace_at_ns)
        elif self._successor.done():
            dues.append(0)
        return _loop_s(self._clock, min(dues))

    async def _do_due(self, line: _Line) -> _Line | None:
        """Do what is due; return the connection that takes over when it is ready."""
        now_ns = self._clock.now_ns()
        _require_heard(line, now_ns)
        await self._keep_subscribed(line, now_ns)
        silent = line.subscriptions.take_silent(now_ns)
        if silent:
            events = [StreamSilent(self._source, stream.name) for stream in silent]
            await self._outlet.put(self._source, events)
        return await self._succeeded(now_ns)

    async def _keep_subscribed(self, line: _Line, now_ns: int) -> None:
        """Send what is to be sent, and insist on acknowledgements."""
        missing = line.subscriptions.unconfirmed(now_ns)
        if missing:
            seconds = ACK_NS // NS_PER_S
            raise VenueUnreachable(f"{missing[0]} not acknowledged within {seconds} s")
        text = line.subscriptions.take_due(now_ns)
        if text is None and line.plan.ping and now_ns >= line.pinged_ns + PING_NS:
            line.pinged_ns, text = now_ns, line.plan.ping
        if text is None:
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                await line.link.send(text)
        except TimeoutError:
            raise VenueUnreachable(f"nothing could be sent for {CONNECT_S} s") from None

    def _wake(self) -> None:
        """Let the listener look at what is due."""
        if not self._is_blocked:
            self._reschedule(_loop_s(self._clock, 0))

    def _reschedule(self, when_s: float | None) -> None:
        if self._alarm is not None and not self._alarm.expired():
            self._alarm.reschedule(when_s)

    # Another connection beside it

    def _planned_ns(self, line: _Line) -> int:
        return line.opened_ns + LIFE_NS - self._chance.between(1, LIFE_JITTER_NS)

    async def _succeeded(self, now_ns: int) -> _Line | None:
        """Open a successor when it is time; return it when it may take over."""
        task = self._successor
        if task is None:
            if now_ns >= self._replace_at_ns:
                self._handover = Handover()
                name = f"{self._source} successor"
                task = asyncio.get_running_loop().create_task(self._prepared(), name=name)
                task.add_done_callback(lambda _: self._wake())
                self._successor = task
            return None
        if not task.done():
            return None
        self._successor = None
        line = None if task.cancelled() or task.exception() is not None else task.result()
        if line is not None and _is_kin(line.plan, self._plan):
            return line
        if line is not None:
            await hang_up(line.link)
        self._handover = None
        is_outdated = line is not None or task.cancelled()
        if not is_outdated:
            logger.warning("successor_failed {} {}", self._source, task.exception())
        self._replace_at_ns = now_ns + (0 if is_outdated else SUCCESSOR_RETRY_NS)
        return None

    async def _prepared(self) -> _Line:
        """Return a connection that is subscribed and delivers, with what it brought so far."""
        async with AsyncExitStack() as stack:
            line = await self._open()
            stack.push_async_callback(hang_up, line.link)
            settled_ns: int | None = None
            while True:
                now_ns = self._clock.now_ns()
                await self._keep_subscribed(line, now_ns)
                if settled_ns is None and line.subscriptions.is_settled:
                    settled_ns = now_ns
                if settled_ns is not None and now_ns >= settled_ns + OVERLAP_NS and line.held:
                    stack.pop_all()
                    return line
                _require_heard(line, now_ns)
                await self._hold(line)

    async def _hold(self, line: _Line) -> None:
        """Keep what comes for a moment; nothing is decoded before the old connection has ended."""
        subscriptions = line.subscriptions
        with suppress(TimeoutError):
            async with asyncio.timeout(HOLD_S):
                while True:
                    frame = await line.link.receive()
                    word = self._wire.acknowledged(frame) if subscriptions.awaits_words else ""
                    if word:
                        subscriptions.acknowledge(word)
                        continue
                    line.held.append(frame)
                    if len(line.held) > HELD_MAX:
                        raise VenueUnreachable(f"more than {HELD_MAX} frames waited")

    async def _switch_to(self, line: _Line) -> None:
        old, self._line = self._line, line
        now_ns = self._clock.now_ns()
        if self._handover is not None:
            self._handover.switch(now_ns)
        line.heard_ns = now_ns
        line.subscriptions.want(self._plan.streams, now_ns)
        self._replace_at_ns = self._planned_ns(line)
        logger.info("feed_handed_over {}", self._source)
        if old is not None:
            await hang_up(old.link)

    async def _end_successor(self) -> None:
        task, self._successor = self._successor, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task], timeout=HANG_UP_S)
        if task.done() and not task.cancelled() and task.exception() is None:
            await hang_up(task.result().link)


def _is_kin(one: SocketPlan, other: SocketPlan) -> bool:
    """Whether an open connection of one plan can be told to carry the other."""
    return (one.url, one.on_open) == (other.url, other.on_open)


def _require_heard(line: _Line, now_ns: int) -> None:
    if now_ns - line.heard_ns >= line.quiet_ns:
        raise VenueUnreachable(f"no data for {line.plan.quiet_s} s")
    if line.plan.ping and now_ns - max(line.heard_ns, line.answered_ns) >= DEAF_NS:
        raise VenueUnreachable(f"no answer to a ping for {DEAF_NS // NS_PER_S} s")


def _loop_s(clock: Clock, due_ns: int) -> float:
    left_s = (due_ns - clock.now_ns()) / NS_PER_S
    return asyncio.get_running_loop().time() + max(0.0, left_s)
