"""All requests to one venue: spaced, and none while it wants to be left alone."""

import asyncio
from collections.abc import Sequence
from typing import Final, NoReturn

from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError, VenueUnreachable
from engine.model.market import FeedDown, FeedUp
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.backoff import Backoff
from engine.runtime.clock import sleep_until
from engine.runtime.feed_ports import FeedPorts, Outlet, reason_of
from engine.runtime.transport import HttpAnswer
from engine.venues.base import HttpRequest, MarketWire

REQUEST_S: Final = 35
"""A little more than the real transport allows itself."""
REQUEST_SPACING_NS: Final = 100 * NS_PER_MS
PAUSE_S: Final = {429: 60, 418: 120}
"""How long to ask nothing when the venue says "too many" or "banned" without saying how long."""
PAUSE_S_MAX: Final = 3 * 86_400
"""The longest ban that Binance documents."""


class FeedRest:
    """Asks one venue; what cannot be had is told by a feed of its own that carries no book."""

    def __init__(self, source: str, wire: MarketWire, ports: FeedPorts, outlet: Outlet) -> None:
        self._source = source
        self._wire = wire
        self._clock = ports.clock
        self._transport = ports.transport
        self._turns = ports.turns
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
                    await self._report_down(reason_of(error), retry_at_ns, attempt)
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
        await self._take_turn(request.weight)
        answer = await self._exchanged(request)
        ts_ns = self._clock.now_ns()
        events = self._wire.receive_answer(request, answer.status, answer.body, ts_ns)
        self._backoff.reset()
        if self._is_down:
            self._is_down = False
            return [FeedUp(self._source), *events]
        return events

    async def measure_clock(self, request: HttpRequest) -> tuple[int, int]:
        """Ask the venue for its time; return how far it is ahead, and how long the answer took.

        Raises:
            VenueUnreachable: No answer, or one that says nothing about the question.
            VenuePayloadError: The answer cannot be read.
        """
        await self._take_turn(request.weight)
        asked_ns = self._clock.now_ns()
        answer = await self._exchanged(request)
        took_ns = self._clock.now_ns() - asked_ns
        if answer.status != 200:
            raise VenuePayloadError(f"HTTP {answer.status} for {request.purpose}")
        return self._wire.venue_time_ns(answer.body) - (asked_ns + took_ns // 2), took_ns

    async def _exchanged(self, request: HttpRequest) -> HttpAnswer:
        try:
            async with asyncio.timeout(REQUEST_S):
                answer = await self._transport.get(request.url)
        except TimeoutError:
            raise VenueUnreachable(f"no answer within {REQUEST_S} s") from None
        if answer.status in PAUSE_S:
            await self._pause(answer)
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise VenueUnreachable(f"answered {answer.status} to {request.purpose}")
        return answer

    async def _take_turn(self, weight: int) -> None:
        while True:
            due_ns = max(self._next_start_ns, self._paused_until_ns)
            now_ns = self._clock.now_ns()
            if now_ns >= due_ns:
                due_ns = now_ns + (self._turns.take(weight, now_ns) if self._turns else 0)
            if now_ns >= due_ns:
                self._next_start_ns = now_ns + REQUEST_SPACING_NS
                return
            await sleep_until(self._clock, due_ns)

    async def _pause(self, answer: HttpAnswer) -> NoReturn:
        wait_s = _retry_after_s(answer.headers.get("retry-after", "")) or PAUSE_S[answer.status]
        now_ns = self._clock.now_ns()
        until_ns = now_ns + wait_s * NS_PER_S
        reason = f"answered {answer.status}: no requests for {wait_s} s"
        is_news = now_ns >= self._paused_until_ns
        if self._turns is not None:
            self._turns.pause(wait_s * NS_PER_S, reason, now_ns)
        self._paused_until_ns = max(self._paused_until_ns, until_ns)
        if is_news:
            await self._report_down(reason, self._paused_until_ns, self._backoff.attempt + 1)
        raise VenueUnreachable(reason)

    async def _report_down(self, reason: str, retry_at_ns: int, attempt: int) -> None:
        self._is_down = True
        await self.deliver((FeedDown(self._source, reason, retry_at_ns, attempt),))


def _retry_after_s(text: str) -> int:
    """Read a Retry-After of seconds; 0 for none, for a date and for nonsense."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return min(int(text), PAUSE_S_MAX) if is_number else 0
