"""The engine as a screen sees it, in the same process: a queue that a test fills."""

import asyncio

from engine.model.errors import PortClosed
from engine.model.view import PaneName, View
from engine.port import EngineMessage, Heartbeat, Reply, ViewFrame, Watch, Welcome

EPOCH = 7
START_NS = 1_791_036_131_000_000_000
"""3 October 2026, 14:02:11 UTC."""


def a_welcome(**changed: object) -> Welcome:
    """Return an engine's greeting, simulated unless told otherwise."""
    fields: dict = {
        "schema": 1,
        "epoch": EPOCH,
        "run_id": "run-1",
        "version": "0.1.0",
        "pid": 4_242,
        "mode": "sim",
        "venue": "simulated",
    }
    return Welcome(**(fields | changed))


class FakePort:
    """A CockpitPort whose messages come from the test and whose commands are kept."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.commands: list[object] = []
        self.shutdowns = 0
        self.is_closed = False
        self.seq = 0
        self._messages: asyncio.Queue[EngineMessage | None] = asyncio.Queue()

    async def receive(self) -> EngineMessage:
        """Wait for what the test feeds."""
        message = await self._messages.get()
        if message is None:
            raise PortClosed("the engine closed the connection")
        return message

    def watch(self, watch: Watch) -> None:
        """Keep what was asked for."""
        self.watches.append(watch)

    def command(self, command: object) -> None:
        """Keep what an operator asked for."""
        self.commands.append(command)

    def shutdown(self) -> int:
        """Count, and accept."""
        self.shutdowns += 1
        self._messages.put_nowait(Reply(self.shutdowns, True, "stopping"))
        return self.shutdowns

    async def close(self) -> None:
        """Note that the screen has left."""
        self.is_closed = True

    def say(self, message: EngineMessage) -> None:
        """Send any message to the screen."""
        self._messages.put_nowait(message)

    def feed(self, pane: PaneName, view: View, ts_ns: int = START_NS) -> None:
        """Send one view."""
        self.seq += 1
        self.say(ViewFrame(pane, EPOCH, self.seq, ts_ns, view))

    def beat(self, ts_ns: int = START_NS) -> None:
        """Send a heartbeat."""
        self.say(Heartbeat(ts_ns, self.seq))

    def hang_up(self) -> None:
        """End the connection."""
        self._messages.put_nowait(None)
