"""The inbox: two bounded lanes, and the order of events is fixed when they are taken out."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from engine.model.envelope import Event

DATA_MAX: Final = 5_000
"""Waiting data events above which feeds stop reading their sockets; nothing is dropped.

They are handled within a fraction of a second. To throw the changes of books away instead would
cost each of these books a snapshot, and more time than it saves."""
CONTROL_MAX: Final = 1_000

Waiting = tuple[int, str, Event]
"""Time of receipt in ns, source, event."""


class Inbox:
    """Control events (operators, timers, venues) and data; control is always emptied first."""

    def __init__(self) -> None:
        self._control: deque[Waiting] = deque()
        self._data: deque[Waiting] = deque()
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.stops = 0
        """How often feeds had to stop reading."""

    @property
    def depth(self) -> int:
        """Events waiting."""
        return len(self._control) + len(self._data)

    def age_ns(self, now_ns: int) -> int:
        """Return how long the oldest data event has waited."""
        return max(0, now_ns - self._data[0][0]) if self._data else 0

    def put_data(self, source: str, events: Sequence[Event], ts_ns: int) -> bool:
        """Take all of the events, or none and return False when too many wait."""
        if len(self._data) >= DATA_MAX:
            self.stops += self._has_room.is_set()
            self._has_room.clear()
            return False
        for event in events:
            self._data.append((ts_ns, source, event))
        self._filled.set()
        return True

    def put_control(self, source: str, event: Event, ts_ns: int) -> bool:
        """Take a control event; returns False at the limit."""
        if len(self._control) >= CONTROL_MAX:
            return False
        self._control.append((ts_ns, source, event))
        self._filled.set()
        return True

    def put_private(self, source: str, event: Event, ts_ns: int) -> None:
        """Take what must never be lost: kills, timers, what a venue says about our orders."""
        self._control.append((ts_ns, source, event))
        self._filled.set()

    def take(self, limit: int) -> list[Waiting]:
        """Take out up to `limit` events, control before data."""
        taken: list[Waiting] = []
        for lane in (self._control, self._data):
            while lane and len(taken) < limit:
                taken.append(lane.popleft())
        if not self._has_room.is_set() and len(self._data) <= DATA_MAX // 2:
            self._has_room.set()
        if not self.depth:
            self._filled.clear()
        return taken

    async def wait(self) -> None:
        """Wait until there is an event."""
        await self._filled.wait()

    async def room(self) -> None:
        """Wait until a feed may put again."""
        await self._has_room.wait()
