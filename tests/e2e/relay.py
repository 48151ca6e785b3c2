"""Between an engine and a venue: passes websockets on, and goes bad in ways with a name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Relay:
    """Real sockets on 127.0.0.1; pings are answered whatever it does."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self.url = ""
        self.is_frozen = False
        """Nothing is passed on to the engine, on connections that stay open."""
        self.muted = ""
        """A kind of stream of which nothing is passed on."""
        self.said: list[str] = []
        """What the engine has sent."""
        self.connects = 0
        self._open: set[ServerConnection] = set()

    def cut(self) -> None:
        """Break all connections without a word."""
        for connection in self._open:
            connection.transport.abort()

    async def serve(self, connection: ServerConnection) -> None:
        """Pass one connection on, in both directions."""
        self.connects += 1
        self._open.add(connection)
        assert connection.request is not None
        with suppress(ConnectionClosed, OSError):
            async with connect(self._upstream + connection.request.path, proxy=None) as far:
                up = asyncio.ensure_future(self._up(connection, far))
                try:
                    async for frame in far:
                        text = frame if isinstance(frame, str) else frame.decode()
                        is_muted = self.muted and f"@{self.muted}" in text[:60]
                        if not self.is_frozen and not is_muted:
                            await connection.send(text)
                finally:
                    up.cancel()
        self._open.discard(connection)

    async def _up(self, connection: ServerConnection, far: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                self.said.append(str(message))
                await far.send(message)
        await far.close()


@asynccontextmanager
async def relay_to(upstream: str) -> AsyncIterator[Relay]:
    """Run a relay in front of a venue's streams."""
    relay = Relay(upstream)
    async with serve(relay.serve, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        relay.url = f"ws://127.0.0.1:{port}"
        yield relay
