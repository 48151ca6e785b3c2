"""Signed requests to one venue: each in its turn, in the venue's time, and once.

Nothing is repeated here. What is asked waits for the rate budget and for a first measurement of
the venue's clock, at most as long as it has patience.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from loguru import logger

from engine.model.account import RateUsed, RightsSeen
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError, VenueUnreachable
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from engine.runtime.backoff import Backoff
from engine.runtime.clock import Clock, sleep_until
from engine.runtime.feed_ports import reason_of
from engine.runtime.rate_budget import RateBudget
from engine.runtime.transport import TradeTransport
from engine.venues.trading import HttpCall, HttpReply, TradeAnswer, TradeRequest, TradeWire

CLOCK_NS: Final = 60 * NS_PER_S
CLOCK_AGAIN_NS: Final = 2 * NS_PER_S
"""At least so long between two measurements that answers asked for."""
CLOCK_TRIES: Final = 5
"""Round trips of one measurement; the fastest says most (R15)."""
REQUEST_S: Final = 35
"""A little more than the real transport allows itself."""
PATIENCE_NS: Final = 10 * NS_PER_S
"""Of a question; orders have less."""
PAGES_MAX: Final = 200
"""Of one answer; more, and it is taken for no information."""

TAKES_BACK: Final = frozenset({"cancel", "cancel_all", "clear"})
"""Purposes that only end orders."""

BeforeLeaving = Callable[[int], None]
"""Called with our time of signing as the last thing before the first byte leaves; raises
`HeldBack` to keep it here."""


class TradePorts(NamedTuple):
    """What everything that speaks with one venue for one account stands on."""

    venue: str
    wire: TradeWire
    clock: Clock
    transport: TradeTransport
    chance: Chance
    budget: RateBudget | None = None
    """Of the address, where others ask from it too."""


class Exchange(NamedTuple):
    """A request that was answered; `left_ns` is our time at which it began to leave."""

    answer: TradeAnswer
    body: bytes
    left_ns: int


class TradeRest:
    """The way of all requests to one venue.

    Args:
        report: Takes what is seen on the way: clock, use of the limits, a key that is refused.
    """

    def __init__(self, ports: TradePorts, report: Callable[[Event], None]) -> None:
        self._venue = ports.venue
        self._wire = ports.wire
        self._clock = ports.clock
        self._transport = ports.transport
        self._report = report
        self._backoff = Backoff(ports.chance)
        self._budget = ports.budget or RateBudget(ports.wire.limits)
        self._offset_ns: int | None = None
        """How far the venue's clock is ahead of ours at least: what is signed never leads it."""
        self._is_measured = asyncio.Event()
        self._must_measure = asyncio.Event()
        self._told = (0, 0)
        """Tenth of the limits and end of the pause by the venue's clock, as last reported."""
        self._is_key_bad = False
        """Whether the venue has refused the key in this run: a person must look."""

    async def run(self) -> None:
        """Measure the venue's clock, again and again."""
        while True:
            self._must_measure.clear()
            is_measured = await self._measure()
            self._tell_use()
            now_ns = self._clock.now_ns()
            if not is_measured:
                await sleep_until(self._clock, now_ns + self._backoff.next_ns())
                continue
            self._backoff.reset()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOCK_NS / NS_PER_S):
                    await self._must_measure.wait()
            await sleep_until(self._clock, now_ns + CLOCK_AGAIN_NS)

    def measure_again(self) -> None:
        """Let the venue's clock be measured at once: ours may have stood still."""
        self._must_measure.set()

    async def ask(
        self,
        request: TradeRequest,
        *,
        patience_ns: int = PATIENCE_NS,
        is_reserved: bool = True,
        before_leaving: BeforeLeaving | None = None,
    ) -> Exchange:
        """Send a request once, when its turn has come.

        Raises:
            HeldBack: By `before_leaving`; nothing was sent.
            VenueUnreachable: There was no answer; `was_sent` tells whether it may have left.
        """
        until_ns = self._clock.now_ns() + patience_ns
        if request.is_signed:
            await self._know_the_time(request, until_ns)
        await self._take_turn(request, until_ns, is_reserved=is_reserved)
        signed_ns = left_ns = self._clock.now_ns()

        def leave() -> None:
            nonlocal left_ns
            if before_leaving is not None:
                before_leaving(signed_ns)
            left_ns = self._clock.now_ns()

        reply = await self._sent(self._signed(request, signed_ns), leave)
        now_ns = self._clock.now_ns()
        answer = self._decoded(request, reply, now_ns)
        self._take_in(answer, left_ns, now_ns)
        return Exchange(answer, reply.body, left_ns)

    async def rows(
        self,
        request: TradeRequest,
        *,
        pages_max: int = PAGES_MAX,
        patience_ns: int = PATIENCE_NS,
    ) -> tuple[list[object], int]:
        """Return what every page of an answer holds, and when the first question left.

        Raises:
            VenueUnreachable: A page brought nothing that can be relied upon, or there are too many.
        """
        rows: list[object] = []
        first_ns: int | None = None
        page: TradeRequest | None = request
        for _ in range(pages_max):
            if page is None:
                assert first_ns is not None
                return rows, first_ns
            answer, _, left_ns = await self.ask(page, patience_ns=patience_ns)
            if answer.verdict != "confirmed":
                raise VenueUnreachable(f"{request.purpose}: {answer.reason or answer.verdict}")
            rows += answer.rows
            first_ns = left_ns if first_ns is None else first_ns
            page = answer.next_page
        raise VenueUnreachable(f"{request.purpose}: more than {pages_max} pages")

    # On the way out

    def venue_ns(self, our_ns: int) -> int:
        """Return the venue's time at a time of ours, as far as it was measured."""
        return our_ns + (self._offset_ns or 0)

    async def _know_the_time(self, request: TradeRequest, until_ns: int) -> None:
        """Wait until the venue's clock is known; what takes orders back leaves by ours in the end.

        At worst the venue refuses its time, while the order stays if it is never asked to go.
        """
        if self._offset_ns is not None:
            return
        now_ns, takes_back = self._clock.now_ns(), request.purpose in TAKES_BACK
        if takes_back:
            until_ns = min(until_ns, now_ns + CLOCK_AGAIN_NS)
        try:
            async with asyncio.timeout((until_ns - now_ns) / NS_PER_S):
                await self._is_measured.wait()
        except TimeoutError:
            if not takes_back:
                reason = "the venue's clock is not known yet"
                raise VenueUnreachable(reason, was_sent=False) from None

    async def _take_turn(self, request: TradeRequest, until_ns: int, *, is_reserved: bool) -> None:
        while True:
            now_ns = self._clock.now_ns()
            wait_ns = self._budget.take(request, self.venue_ns(now_ns), is_reserved=is_reserved)
            if not wait_ns:
                return
            if now_ns + wait_ns > until_ns:
                self._tell_use()
                reason = f"nothing may be asked for {wait_ns / NS_PER_S:.1f} s (rate limit)"
                raise VenueUnreachable(reason, was_sent=False)
            await sleep_until(self._clock, now_ns + wait_ns)

    def _signed(self, request: TradeRequest, now_ns: int) -> HttpCall:
        try:
            return self._wire.sign(request, self.venue_ns(now_ns))
        except ConfigError as error:
            raise VenueUnreachable(str(error), was_sent=False) from error

    async def _sent(self, call: HttpCall, leave: Callable[[], None]) -> HttpReply:
        try:
            async with asyncio.timeout(REQUEST_S):
                return await self._transport.request(call, leave)
        except TimeoutError:
            raise VenueUnreachable(f"no answer within {REQUEST_S} s") from None

    # On the way back

    def _decoded(self, request: TradeRequest, reply: HttpReply, now_ns: int) -> TradeAnswer:
        """Class an answer; one on which the wire fails proves nothing, and ends no run."""
        try:
            said = reply.status, reply.headers, reply.body
            return self._wire.decode(request, *said, now_ns, self._offset_ns or 0)
        except Exception as error:
            logger.opt(exception=error).error("answer_failed {} {}", self._venue, request.purpose)
            reason = f"error of the program ({type(error).__name__}), see the log"
            raise VenueUnreachable(reason) from error

    def _take_in(self, answer: TradeAnswer, left_ns: int, now_ns: int) -> None:
        self._budget.hear(answer, self.venue_ns(left_ns), self.venue_ns(now_ns))
        self._tell_use(answer.is_ban)
        if answer.is_clock_off:
            self._must_measure.set()
        if answer.is_key_bad and not self._is_key_bad:
            self._report(RightsSeen(self._venue, may_trade=False, may_withdraw=None))
        self._is_key_bad |= answer.is_key_bad

    def _tell_use(self, is_ban: bool = False) -> None:
        """Report a tenth that is crossed, and a pause that begins or ends."""
        now_ns = self.venue_ns(self._clock.now_ns())
        used_pct = self._budget.used_pct(now_ns)
        until_ns = self._budget.paused_until_ns if self._budget.is_paused(now_ns) else 0
        if (used_pct // 10, until_ns) == self._told:
            return
        if until_ns and not self._told[1]:
            word = "banned" if is_ban else "paused"
            logger.error("venue_{} {} for {} s", word, self._venue, (until_ns - now_ns) // NS_PER_S)
        self._told = (used_pct // 10, until_ns)
        reason = self._budget.pause_reason if until_ns else ""
        ours_ns = until_ns and until_ns - (self._offset_ns or 0)
        self._report(RateUsed(self._venue, used_pct, ours_ns, reason))

    # The venue's clock

    async def _measure(self) -> bool:
        found: list[tuple[int, int]] = []
        for _ in range(CLOCK_TRIES):
            try:
                exchange = await self.ask(self._wire.time())
                took_ns = self._clock.now_ns() - exchange.left_ns
                venue_ns = self._wire.venue_time_ns(exchange.body)
            except (VenueUnreachable, VenuePayloadError) as error:
                logger.warning("clock_failed {} {}", self._venue, reason_of(error))
                break
            found.append((took_ns, venue_ns - exchange.left_ns - took_ns // 2))
        if not found:
            return False
        took_ns, offset_ns = min(found)
        self._offset_ns = self._budget.ahead_ns = offset_ns - took_ns // 2
        self._is_measured.set()
        self._report(ClockMeasured(self._venue, offset_ns, took_ns))
        return True


@asynccontextmanager
async def asking(ports: TradePorts) -> AsyncIterator[TradeRest]:
    """Lend the way to a venue to somebody who asks a few things and owns no tasks."""
    rest = TradeRest(ports, lambda _: None)
    measuring = asyncio.get_running_loop().create_task(rest.run(), name="venue clock")
    try:
        yield rest
    finally:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring
