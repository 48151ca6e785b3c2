"""A transport in memory: the shells of the engine trade at the fake exchange in virtual time.

Asyncio and no sockets; the loop's own timers carry everything.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from engine.fake.trading.way import PrivateLine, Way, venue_request
from engine.model.errors import VenueUnreachable
from engine.model.numbers import NS_PER_S
from engine.venues.trading import HttpCall, HttpReply

TURN_S: Final = 1e-6
"""The least wait: below it a clock in floats may stand still."""


class MemoryLink:
    """One private websocket in memory."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._reason = ""
        self._leave: Callable[[], None] = lambda: None

    def joined(self, leave: Callable[[], None]) -> None:
        """Note how to tell the venue that it is closed from here."""
        self._leave = leave

    def arrived(self, frame: bytes) -> None:
        """Take in a message."""
        self._messages.put_nowait(frame)

    def shut(self, code: int) -> None:
        """Take in the end of the connection."""
        self._end("connection lost" if code == 1006 else f"closed by the venue ({code})")

    async def receive(self) -> bytes:
        """Wait for the next message."""
        message = None
        if not (self._reason and self._messages.empty()):
            message = await self._messages.get()
        if message is None:
            raise VenueUnreachable(self._reason)
        return message

    async def send(self, text: str) -> None:
        """Send nothing: the venue reads nothing on its private websockets."""
        del text
        if self._reason:
            raise VenueUnreachable(self._reason)

    async def close(self) -> None:
        """Close it."""
        self._leave()
        self._end("closed from our side")

    def _end(self, reason: str) -> None:
        if not self._reason:
            self._reason = reason
            self._messages.put_nowait(None)


class MemoryTransport:
    """The network of one engine, as `engine.runtime.transport.Transport` has it.

    Args:
        way: To the exchange; with whatever goes wrong on it.
        now: The true time, UTC nanoseconds, in step with the running loop.
    """

    def __init__(self, way: Way, now: Callable[[], int]) -> None:
        self._way = way
        self._now = now
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        way.on_due = self.wake

    def wake(self) -> None:
        """Look again at what is due; call it after the exchange was told of the market."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ns = self._way.next_due_ns
        if due_ns is None or self._is_closed:
            return
        wait_s = max((due_ns - self._now()) / NS_PER_S, TURN_S)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._advance)

    async def connect(self, url: str) -> MemoryLink:
        """Open a private websocket; others do not exist here."""
        parts = urlsplit(url)
        head, _, tail = parts.path.strip("/").partition("ws")
        if head not in {"", "private/"} or self._is_closed:
            raise VenueUnreachable(f"{parts.netloc}: answered 404 instead of opening")
        listed = parse_qs(parts.query).get("listenKey", [])
        link = MemoryLink()
        line = self._way.open(listed[0] if listed else tail.strip("/"), link.arrived, link.shut)
        await asyncio.sleep(0)
        if line is None:
            raise VenueUnreachable(f"{parts.netloc}: answered 503 instead of opening")
        opened: PrivateLine = line
        link.joined(lambda: self._way.close(opened))
        return link

    async def get(self, url: str) -> HttpReply:
        """Ask once, unsigned."""
        return await self._ask("GET", url, {}, b"", lambda: None)

    async def request(self, call: HttpCall, before_send: Callable[[], None]) -> HttpReply:
        """Send a request once.

        Raises:
            VenueUnreachable: There was no whole answer; `was_sent` tells whether it left.
        """
        return await self._ask(call.method, call.url, call.headers, call.body, before_send)

    async def close(self) -> None:
        """Let go of everything; what has left arrives all the same."""
        self._is_closed = True
        self._way.cut()
        if self._timer is not None:
            self._timer.cancel()

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        before_send: Callable[[], None],
    ) -> HttpReply:
        fate = self._way.draw(method)
        await asyncio.sleep(0)
        if not fate.is_sent or self._is_closed:
            raise VenueUnreachable("the exchange: connection refused", was_sent=False)
        answer: asyncio.Future[HttpReply | None] = asyncio.get_running_loop().create_future()

        def replied(reply: HttpReply | None) -> None:
            if not (answer.done() or self._is_closed):
                answer.set_result(reply)

        before_send()
        self._way.request(venue_request(method, url, headers, body), fate, replied)
        reply = await answer
        if reply is None:
            raise VenueUnreachable("the exchange: connection lost")
        return reply

    def _advance(self) -> None:
        self._timer = None
        self._way.advance()
        self.wake()
