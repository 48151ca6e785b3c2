"""A fake venue reached through memory: the wire-level server of `engine.fake` in virtual time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from engine.fake.rest import HttpAnswer as Served
from engine.fake.rest import HttpCall
from engine.fake.streams import StreamSession
from engine.fake.venue import Venue
from engine.model.errors import VenueUnreachable
from engine.model.numbers import NS_PER_S
from engine.runtime.transport import HttpAnswer
from engine.venues.base import Endpoints

ENDPOINTS = Endpoints(rest="https://venue.test", stream="wss://venue.test")
LINES_AT_ONCE = 32


def loop_ns() -> int:
    """Return the time of the running loop."""
    return int(asyncio.get_running_loop().time() * NS_PER_S)


class MemoryLink:
    """One websocket, both of its ends."""

    def __init__(self, network: "VenueNetwork") -> None:
        self._network = network
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.session: StreamSession | None = None

    async def receive(self) -> str:
        """Wait for what the venue sends."""
        frame = await self._incoming.get()
        if frame is None:
            raise VenueUnreachable("connection lost")
        return frame

    async def send(self, text: str) -> None:
        """Let the venue hear it."""
        assert self.session is not None
        self._network.venue.on_text(self.session, text.encode(), loop_ns())
        self._network.wake()

    async def close(self) -> None:
        """Let the venue forget it."""
        assert self.session is not None
        self._network.venue.close_stream(self.session)
        self._network.wake()

    def send_text(self, text: bytes) -> None:
        """Bring a message of the venue, unless the network swallows it."""
        message = text.decode()
        if self._network.passes(message):
            self._incoming.put_nowait(message)

    def send_ping(self, payload: bytes) -> None:
        """Answer at once, as the library below a feed does."""
        assert self.session is not None
        self._network.venue.on_pong(self.session, loop_ns())

    def close_by_venue(self) -> None:
        """End it, after what was sent before."""
        self._incoming.put_nowait(None)


class _Outlet:
    """The venue's end of a link."""

    def __init__(self, link: MemoryLink) -> None:
        self.send_text = link.send_text
        self.send_ping = link.send_ping
        self._link = link

    def close(self, code: int, reason: str = "") -> None:
        """Hang up."""
        self._link.close_by_venue()


class VenueNetwork:
    """A `Transport` whose only host is a fake venue; its requests take `latency_s`."""

    def __init__(self, venue: Venue, latency_s: float = 0.1) -> None:
        self.venue = venue
        self.passes: Callable[[str], bool] = lambda message: True
        """Which messages of streams get through."""
        self.connects = 0
        self._latency_s = latency_s
        self._news = asyncio.Event()

    async def connect(self, url: str) -> MemoryLink:
        """Open a websocket."""
        parts = urlsplit(url)
        address = self.venue.stream_address(f"{parts.path}?{parts.query}")
        if address is None:
            raise VenueUnreachable("there is no stream at this address")
        self.connects += 1
        link = MemoryLink(self)
        link.session = self.venue.open_stream(address, _Outlet(link), loop_ns())
        self.wake()
        return link

    async def get(self, url: str) -> HttpAnswer:
        """Ask; the answer says what the venue knew when the request had half its way behind it."""
        await asyncio.sleep(self._latency_s / 2)
        answered: asyncio.Future[Served] = asyncio.get_running_loop().create_future()
        parts = urlsplit(url)
        call = HttpCall("GET", parts.path, dict(parse_qsl(parts.query)))
        self.venue.request(call, answered.set_result, loop_ns())
        self.wake()
        served = await answered
        await asyncio.sleep(self._latency_s / 2)
        headers = {name.lower(): value for name, value in served.headers}
        return HttpAnswer(served.status, headers, served.body)

    async def close(self) -> None:
        """Nothing is kept."""

    def wake(self) -> None:
        """Let the venue look at what is due."""
        self._news.set()

    async def play(self) -> None:
        """Let the venue do what is due, until cancelled."""
        while True:
            now_ns = loop_ns()
            self.venue.advance(now_ns)
            for _ in range(LINES_AT_ONCE):
                if not self.venue.play_line(now_ns):
                    break
            due_ns = self.venue.next_due_ns(can_play=True)
            wait_s = None if due_ns is None else (due_ns - loop_ns()) / NS_PER_S
            if wait_s is not None and wait_s <= 0:
                await asyncio.sleep(0)
                continue
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
