"""The timers that the kernel asked for, in whatever time the run has."""

import heapq

from engine.model.effects import SetTimer
from engine.model.envelope import TimerFired


class Timers:
    """Due times in order; a key set again replaces its timer."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    @property
    def next_ns(self) -> int | None:
        """When the next timer is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def set(self, timer: SetTimer) -> None:
        """Take in a timer."""
        self._due[timer.key] = timer.due_ns
        heapq.heappush(self._heap, (timer.due_ns, timer.key))

    def pop(self) -> TimerFired:
        """Return the next timer, which fires; there must be one."""
        assert self.next_ns is not None
        due_ns, key = heapq.heappop(self._heap)
        del self._due[key]
        return TimerFired(key, due_ns)
