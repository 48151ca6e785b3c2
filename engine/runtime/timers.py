"""Fires the kernel's timers: a due time becomes a control event."""

import asyncio
from collections.abc import Callable

from engine.kernel.timers import Timers
from engine.model.effects import SetTimer
from engine.model.envelope import TimerFired
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock


class TimerService:
    """One loop timer for the earliest due time.

    Args:
        clock: Engine time.
        fire: Told of each timer that came due.
    """

    def __init__(self, clock: Clock, fire: Callable[[TimerFired], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._timers = Timers()
        self._handle: asyncio.TimerHandle | None = None
        self._handle_ns: int | None = None

    def set(self, timer: SetTimer) -> None:
        """Take in a timer; the same key again replaces it."""
        self._timers.set(timer)
        self._arm()

    def fire_due(self) -> None:
        """Fire everything due by now; also called when time is stepped from outside."""
        now_ns = self._clock.now_ns()
        try:
            while (due_ns := self._timers.next_ns) is not None and due_ns <= now_ns:
                self._fire(self._timers.pop())
        finally:
            self._arm()  # One that fails takes no other with it.

    def close(self) -> None:
        """Fire nothing any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        due_ns = self._timers.next_ns
        if due_ns is None or (self._handle is not None and due_ns == self._handle_ns):
            return
        self.close()
        delay_s = max(0, due_ns - self._clock.now_ns()) / NS_PER_S
        self._handle_ns = due_ns
        self._handle = asyncio.get_running_loop().call_later(delay_s, self._on_due)

    def _on_due(self) -> None:
        self._handle = None
        self.fire_due()
