"""The watch over the event loop: how long it stood still, where, and what happens then (R92).

The loop beats; a thread looks at the beat. The thread is there for what the loop cannot do while
it hangs: note the stack while it is still the guilty one, and latch when nothing comes back.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

from engine.model.envelope import LoopLagged
from engine.model.numbers import NS_PER_MS, NS_PER_S

BEAT_NS: Final = 50 * NS_PER_MS
LAG_NS: Final = 250 * NS_PER_MS
"""A loop that stood still for longer is worth a warning."""
DEAD_NS: Final = 10 * NS_PER_S
"""A loop that has stood still for so long may never come back: nothing more may leave."""


class LoopLag:
    """The beat of a loop and what a look at it finds; times are monotonic, in ns."""

    def __init__(self, now_ns: int) -> None:
        self.where = ""
        """What ran when a stall was first seen; empty if none was."""
        self._beat_ns = now_ns
        self._look_ns = now_ns
        self._asleep_ns = 0
        self._is_given_up = False

    def beat(self, now_ns: int) -> int:
        """Note that the loop runs; returns how late it is, 0 if that is nothing to speak of."""
        late_ns = now_ns - self._beat_ns - BEAT_NS
        self._beat_ns = now_ns
        self._asleep_ns = 0
        self._is_given_up = False
        return late_ns if late_ns > LAG_NS else 0

    def look(self, now_ns: int) -> int:
        """Return how late the loop is now.

        A process that was stopped as a whole, watch included, is not a loop that hangs: the time
        in which nobody looked does not count here. The loop itself is late all the same.
        """
        unseen_ns = now_ns - self._look_ns - BEAT_NS
        self._look_ns = now_ns
        if unseen_ns > LAG_NS:
            self._asleep_ns += unseen_ns
        return max(0, now_ns - self._beat_ns - self._asleep_ns - BEAT_NS)

    def gives_up(self, late_ns: int) -> bool:
        """Whether this look is the one that takes the loop for dead; once in a stall."""
        if late_ns < DEAD_NS or self._is_given_up:
            return False
        self._is_given_up = True
        return True


class Watchdog:
    """The thread and the beat.

    Args:
        report: Takes `LoopLagged` in, from the loop.
        give_up: Latches, from the thread; the reason is in words.
        now_ns: Monotonic time; both the loop and the thread ask for it.
    """

    def __init__(
        self,
        report: Callable[[str, LoopLagged], None],
        give_up: Callable[[str], None],
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._report = report
        self._give_up = give_up
        self._now_ns = now_ns
        self._failure: Exception | None = None
        """What the thread failed with."""
        self._lag = LoopLag(now_ns())
        self._loop_thread = threading.get_ident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    async def run(self) -> None:
        """Beat until cancelled; fail when the thread has failed. Runs once."""
        self._thread.start()
        try:
            while self._failure is None:
                late_ns = self._lag.beat(self._now_ns())
                if late_ns:
                    self._report("watchdog", LoopLagged(late_ns, self._lag.where))
                self._lag.where = ""
                await asyncio.sleep(BEAT_NS / NS_PER_S)
            raise self._failure
        finally:
            self._ended.set()

    def _watch(self) -> None:
        try:
            self._look_until_ended()
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            self._failure = error

    def _look_until_ended(self) -> None:
        while not self._ended.wait(BEAT_NS / NS_PER_S):
            late_ns = self._lag.look(self._now_ns())
            if late_ns > LAG_NS and not self._lag.where:
                self._lag.where = self._stack()
            if self._lag.gives_up(late_ns):
                self._give_up(f"the engine stood still for {late_ns // NS_PER_S} s")

    def _stack(self) -> str:
        """Log the stack of the loop's thread; return its innermost place."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the documented way
        if frame is None:
            return "unknown"
        stack = traceback.extract_stack(frame)
        logger.warning("loop_lag {}", "".join(traceback.format_list(stack)))
        inner = stack[-1]
        return f"{Path(inner.filename).name}:{inner.lineno} {inner.name}"
