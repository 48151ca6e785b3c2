"""What the host lends a feed, and the one way from its sources into the inbox."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.text import clean
from engine.runtime.clock import Clock
from engine.runtime.rate_budget import MarketTurns
from engine.runtime.transport import Transport

ROOM_S: Final = 1
"""After so long a full inbox is tried again, even if nobody said that there is room."""
REASON_LETTERS_MAX: Final = 160
"""Of a reason in an event or in the log."""

Put = Callable[[str, Sequence[Event]], bool]
"""Takes all events of a source, or none of them and returns False: no room."""
Room = Callable[[], Awaitable[None]]
"""Waits until there may be room."""
StartTask = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Starts a named task that the host owns and awaits; when it fails the run ends."""
MakePart = Callable[[], Coroutine[Any, Any, None]]
"""Begins a part of the engine from nothing."""
StartPart = Callable[[MakePart, str], asyncio.Task[None]]
"""Starts a named part that the host owns and awaits, and starts again when it fails."""


class FeedPorts(NamedTuple):
    """What the host lends a feed."""

    clock: Clock
    transport: Transport
    chance: Chance
    put: Put
    room: Room
    start_task: StartTask
    keep: StartPart
    turns: MarketTurns | None = None
    """What its requests share with those of an account, where orders leave from here too."""


class Outlet:
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


def reason_of(error: Exception) -> str:
    """Return why something failed, fit for an event and the log."""
    return clean(str(error), REASON_LETTERS_MAX)
