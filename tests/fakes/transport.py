"""A network in memory: each connection is played by a script, each request has its answers."""

import asyncio
from collections.abc import Callable, Coroutine

from engine.model.errors import VenueUnreachable
from engine.runtime.transport import HttpAnswer

Script = Callable[["FakeLink"], Coroutine[None, None, None]]
"""The server's side of one connection, running beside it. Returning ends nothing."""


class FakeLink:
    """One websocket; the script delivers to it and drops it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent: list[str] = []
        self.heard = 0
        """How much of it the script has answered."""
        self.is_closed = False
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.script: asyncio.Task | None = None

    def deliver(self, frame: str) -> None:
        """Let the client receive a message."""
        self._incoming.put_nowait(frame)

    def drop(self) -> None:
        """Break the connection, after what was delivered before."""
        self._incoming.put_nowait(None)

    async def receive(self) -> str:
        """Wait for what the script delivers."""
        frame = await self._incoming.get()
        if frame is None:
            raise VenueUnreachable("connection lost")
        return frame

    async def send(self, text: str) -> None:
        """Keep what the client says."""
        self.sent.append(text)

    async def close(self) -> None:
        """End the script."""
        self.is_closed = True
        if self.script is not None:
            self.script.cancel()


class FakeTransport:
    """A `Transport` without a network.

    Args:
        script: Plays each connection.
    """

    def __init__(self, script: Script | None = None) -> None:
        self._script = script
        self.links: list[FakeLink] = []
        self.connects_s: list[float] = []
        """Loop times of all attempts."""
        self.gets: list[tuple[float, str]] = []
        self.answers: dict[str, list[HttpAnswer | Exception]] = {}
        """By what the URL contains; the last one stays."""
        self.refuse: Exception | None = None
        """Raised by all further connects."""
        self.latency_s = 0.0
        """How long an answer takes."""
        self.hangs = False
        """All further connects and requests are accepted and never answered."""

    async def connect(self, url: str) -> FakeLink:
        """Open a link, refuse, or hang."""
        loop = asyncio.get_running_loop()
        self.connects_s.append(loop.time())
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuse is not None:
            raise self.refuse
        link = FakeLink(url)
        self.links.append(link)
        if self._script is not None:
            link.script = loop.create_task(self._script(link))
        return link

    async def get(self, url: str) -> HttpAnswer:
        """Give the next answer for this URL, 404 when there is none."""
        self.gets.append((asyncio.get_running_loop().time(), url))
        if self.hangs:
            await asyncio.Event().wait()
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        answers = next((left for part, left in self.answers.items() if part in url), None)
        answer = HttpAnswer(404, {}, b"") if answers is None else answers[0]
        if answers is not None and len(answers) > 1:
            answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Nothing is kept."""
