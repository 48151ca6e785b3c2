"""The stream on which a venue tells what happens to our orders: opened, kept alive, renewed.

It tells `PrivateUp` whenever it is open anew and `PrivateDown` when it cannot be relied on: what
may have been missed is for the kernel to ask. A frame that cannot be read ends the connection,
because what it told is lost (R100).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final, NoReturn

from loguru import logger

from engine.model.account import PrivateDown, PrivateUp
from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError, VenueUnreachable
from engine.model.numbers import NS_PER_S
from engine.runtime.backoff import Backoff
from engine.runtime.clock import sleep_until
from engine.runtime.feed_ports import reason_of
from engine.runtime.socket_link import HANG_UP_S, hang_up, open_link
from engine.runtime.trade_rest import TradePorts, TradeRest
from engine.runtime.transport import SocketLink
from engine.venues.trading import PrivatePlan

GOOD_NS: Final = 60 * NS_PER_S
"""Open for so long, and the next loss counts as the first (R6)."""
NEWS_NS: Final = 10 * NS_PER_S
"""After a request that changed an order something must be heard within this; else the stream is
deaf: its key may have ended without a word (R8)."""
OVERLAP_S: Final = 2.0
"""A successor is open so long beside the old one; what it brings meanwhile waits in its socket."""
LIFE_MARGIN_NS: Final = 600 * NS_PER_S
"""A stream is renewed so long before its life ends, and up to as long before that."""
RENEW_AGAIN_NS: Final = 60 * NS_PER_S
"""After a renewal that failed, while the old one is still good."""


class _Line:
    """One open connection."""

    def __init__(self, link: SocketLink, plan: PrivatePlan, now_ns: int, renew_ns: int) -> None:
        self.link = link
        self.plan = plan
        self.heard_ns = now_ns
        self.news_due_ns = 0
        """By when it must tell something; 0 where nothing is expected."""
        self.keep_due_ns = now_ns + plan.keep_every_ns if plan.keep is not None else 0
        self.renew_ns = renew_ns


class PrivateStream:
    """One account's private stream.

    Args:
        put: Takes what it brings, in order; there is always room.
    """

    def __init__(
        self, ports: TradePorts, rest: TradeRest, put: Callable[[Sequence[Event]], None]
    ) -> None:
        self._venue = ports.venue
        self._wire = ports.wire
        self._rest = rest
        self._clock = ports.clock
        self._transport = ports.transport
        self._chance = ports.chance
        self._put = put
        self._backoff = Backoff(ports.chance)
        self._line: _Line | None = None
        self._heard_ns = ports.clock.now_ns()
        """When the last one brought something last."""
        self._look = asyncio.Event()

    async def run(self) -> None:
        """Open it and listen, until the run ends."""
        try:
            await self._run()
        except asyncio.CancelledError:
            await self._let_go()
            raise

    async def _run(self) -> NoReturn:
        """Open it, listen, tell of a loss, wait, and again."""
        if self._line is not None:
            self._tell_down("error of the program, see the log")
        while True:
            opened_ns: int | None = None
            try:
                line = await self._open()
                opened_ns = self._clock.now_ns()
                await self._use(line)
            except (VenueUnreachable, VenuePayloadError) as error:
                self._tell_down(reason_of(error))
            now_ns = self._clock.now_ns()
            if opened_ns is not None and now_ns - opened_ns >= GOOD_NS:
                self._backoff.reset()
            await sleep_until(self._clock, now_ns + self._backoff.next_ns())

    async def _let_go(self) -> None:
        """Let the venue forget the key of a stream that was open; it forgets it by itself, too."""
        close = None if self._line is None else self._line.plan.close
        if close is None:
            return
        with suppress(TimeoutError, VenueUnreachable):
            async with asyncio.timeout(HANG_UP_S):
                await self._rest.ask(close)

    def _tell_down(self, reason: str) -> None:
        if self._line is not None:
            self._heard_ns = self._line.heard_ns
            self._line = None
        logger.warning("private_down {} {}", self._venue, reason)
        self._put((PrivateDown(self._venue, reason, self._heard_ns),))

    def expect_news(self, left_ns: int) -> None:
        """Expect to hear of what a request has changed, unless something came since it left.

        The stream often tells of it before the request is answered.
        """
        line = self._line
        if line is not None and line.heard_ns < left_ns and not line.news_due_ns:
            line.news_due_ns = self._clock.now_ns() + NEWS_NS
            self._look.set()

    async def _open(self) -> _Line:
        """Return a new connection, with a new key where the venue gives one."""
        body = b""
        request = self._wire.open_stream()
        if request is not None:
            exchange = await self._rest.ask(request)
            if exchange.answer.verdict != "confirmed":
                raise VenueUnreachable(f"no private stream: {exchange.answer.reason}")
            body = exchange.body
        plan = self._wire.stream_plan(body)
        link = await open_link(self._transport, plan.url, plan.on_open)
        now_ns = self._clock.now_ns()
        return _Line(link, plan, now_ns, self._renewal_ns(plan, now_ns))

    def _renewal_ns(self, plan: PrivatePlan, now_ns: int) -> int:
        if not plan.life_ns:
            return 0
        margin_ns = min(LIFE_MARGIN_NS, plan.life_ns // 4)
        return now_ns + plan.life_ns - margin_ns - self._chance.between(1, margin_ns)

    async def _use(self, line: _Line) -> NoReturn:
        """Listen to one connection after the other, for as long as each has a successor.

        Raises:
            VenueUnreachable: The last one is lost, or cannot be relied on.
            VenuePayloadError: It brought what cannot be read.
        """
        try:
            while True:
                line.heard_ns = self._clock.now_ns()
                self._line = line
                self._put((PrivateUp(self._venue),))
                successor = await self._succeeded(line)
                logger.info("private_handed_over {}", self._venue)
                await hang_up(line.link)
                line = successor
        finally:
            await hang_up(line.link)

    async def _succeeded(self, line: _Line) -> _Line:
        """Listen until another connection has taken over, and return that."""
        loop = asyncio.get_running_loop()
        reading = loop.create_task(self._read(line), name="private stream reader")
        keeping = loop.create_task(self._kept(line), name="private stream keeper")
        try:
            await asyncio.wait((reading, keeping), return_when=asyncio.FIRST_COMPLETED)
            return keeping.result() if keeping.done() else reading.result()
        finally:
            for task in (reading, keeping):
                task.cancel()
            await asyncio.wait((reading, keeping))

    async def _read(self, line: _Line) -> NoReturn:
        """Hand on what comes."""
        while True:
            frame = await line.link.receive()
            now_ns = self._clock.now_ns()
            if self._wire.is_expired(frame):
                raise VenueUnreachable("the venue has ended it")
            events = self._wire.receive(frame, now_ns)
            line.heard_ns, line.news_due_ns = now_ns, 0
            if events:
                self._put(events)

    async def _kept(self, line: _Line) -> _Line:
        """Keep a connection alive until it is time for another; return that, open for a while."""
        while True:
            now_ns = self._clock.now_ns()
            if line.news_due_ns and now_ns >= line.news_due_ns:
                raise VenueUnreachable("an order changed and it told nothing")
            if line.keep_due_ns and now_ns >= line.keep_due_ns:
                await self._keep(line)
            if line.renew_ns and now_ns >= line.renew_ns:
                successor = await self._renewed(line)
                if successor is not None:
                    return successor
            await self._wait_for_due(line)

    async def _keep(self, line: _Line) -> None:
        """Prolong the key; where that is not confirmed a new one is wanted at once.

        Raises:
            VenueUnreachable: The key is gone: nothing more will come.
        """
        assert line.plan.keep is not None
        line.keep_due_ns = self._clock.now_ns() + line.plan.keep_every_ns
        try:
            answer = (await self._rest.ask(line.plan.keep)).answer
        except VenueUnreachable as error:
            logger.warning("private_not_kept {} {}", self._venue, reason_of(error))
            line.renew_ns = self._clock.now_ns()
            return
        if answer.verdict == "refused" and not answer.pause_ns:
            raise VenueUnreachable(f"its key is gone: {answer.reason}")
        if answer.verdict != "confirmed":
            line.renew_ns = self._clock.now_ns()

    async def _renewed(self, line: _Line) -> _Line | None:
        """Open a successor, and let it stand beside the old one for a while."""
        async with AsyncExitStack() as stack:
            try:
                successor = await self._open()
            except (VenueUnreachable, VenuePayloadError) as error:
                logger.warning("private_not_renewed {} {}", self._venue, reason_of(error))
                line.renew_ns = self._clock.now_ns() + RENEW_AGAIN_NS
                return None
            stack.push_async_callback(hang_up, successor.link)
            await self._clock.sleep(OVERLAP_S)
            stack.pop_all()
            return successor

    async def _wait_for_due(self, line: _Line) -> None:
        dues = [due for due in (line.news_due_ns, line.keep_due_ns, line.renew_ns) if due]
        left_s = None if not dues else (min(dues) - self._clock.now_ns()) / NS_PER_S
        with suppress(TimeoutError):
            async with asyncio.timeout(left_s):
                await self._look.wait()
        self._look.clear()
