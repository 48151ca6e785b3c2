"""Owns the engine's tasks: starts them, hears of their end, starts again what can begin anew.

A part that needs nothing of what it was before is kept: when it fails it is told, counted and
started again, and when it fails too often it stays down and trading halts (R97). So it is with
what the loop calls back: timers, signals, sockets. Every other task is vital: nothing may go on
without it. A broken invariant is never a matter of trying again.
"""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from loguru import logger

from engine.model.envelope import PartFailed
from engine.model.errors import CockpitError, InvariantBroken
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import MakePart

RESTARTS_MAX: Final = 3
"""Within `WINDOW_NS`; the next failure is the last."""
WINDOW_NS: Final = 60 * NS_PER_S
PAUSE_S: Final = 0.5
"""Before a part is started again: what made it fail may be over by then."""
END_S: Final = 5.0
"""Longer than it takes to hang up twice on a venue that does not answer (`HANG_UP_S`)."""


class Supervisor:
    """The tasks of one engine.

    Args:
        report: Takes `PartFailed` in.
        on_vital_failed: Told why nothing may go on.
    """

    SOURCE: Final = "supervisor"

    def __init__(
        self,
        clock: Clock,
        report: Callable[[str, PartFailed], None],
        on_vital_failed: Callable[[BaseException], None],
    ) -> None:
        self._clock = clock
        self._report = report
        self._on_vital_failed = on_vital_failed
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._failed_ns: dict[str, list[int]] = {}
        """When callbacks failed lately, by function."""

    def watch_loop(self) -> None:
        """Hear of every error that no task has caught; the last to ask hears."""
        asyncio.get_running_loop().set_exception_handler(self._on_uncaught)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task without which nothing may go on."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._on_done)
        return task

    def keep(self, make: MakePart, name: str) -> asyncio.Task[None]:
        """Start a part that can begin anew, and start it again when it fails."""
        return self.start(self._kept(make, name), name)

    async def end(self) -> None:
        """Cancel all tasks and wait for them; takes at most `END_S`."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=END_S)
            for name in sorted(task.get_name() for task in pending):
                logger.error("task_stuck {}", name)

    async def _kept(self, make: MakePart, name: str) -> None:
        failed_ns: list[int] = []
        while len(failed_ns) <= RESTARTS_MAX:
            if failed_ns:
                await self._clock.sleep(PAUSE_S)
            try:
                await make()
                return
            except InvariantBroken:
                raise
            except Exception as error:  # noqa: BLE001 - the shell's outer loop
                failed_ns = [*self._recent(failed_ns), self._clock.now_ns()]
                self._tell(name, error, len(failed_ns))

    def _recent(self, failed_ns: list[int]) -> list[int]:
        now_ns = self._clock.now_ns()
        return [at_ns for at_ns in failed_ns if now_ns - at_ns < WINDOW_NS]

    def _on_uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of a callback that failed; what it was to do is not done, the next call is.

        A connection that the other side broke is nobody's error, and has its own word.
        """
        del loop
        error = context.get("exception")
        if not isinstance(error, Exception) or isinstance(error, OSError):
            logger.opt(exception=error).warning("loop {}", context["message"])
            return
        name = _origin(error)
        if isinstance(error, InvariantBroken):
            logger.opt(exception=error).error("callback_failed {}", name)
            self._on_vital_failed(error)
            return
        failed_ns = self._recent(self._failed_ns.get(name, []))
        if len(failed_ns) <= RESTARTS_MAX:  # Told to stay down: a storm says nothing more.
            failed_ns.append(self._clock.now_ns())
            self._tell(name, error, len(failed_ns))
        self._failed_ns[name] = failed_ns

    def _tell(self, name: str, error: Exception, failures: int) -> None:
        logger.opt(exception=error).error("part_failed {}, {} times", name, failures)
        restarts = min(failures, RESTARTS_MAX)
        is_given_up = failures > RESTARTS_MAX
        failed = PartFailed(name, type(error).__name__, restarts, is_given_up=is_given_up)
        self._report(self.SOURCE, failed)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not isinstance(error, CockpitError):
            logger.opt(exception=error).error("task_failed {}", task.get_name())
            error = InvariantBroken(f"task {task.get_name()} failed: {type(error).__name__}")
        self._on_vital_failed(error)


def _origin(error: Exception) -> str:
    """Return the function that the loop called: the outermost that is not the loop's own."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    asyncio_folder = Path(asyncio.__file__).parent
    for frame in frames:
        if Path(frame.f_code.co_filename).parent != asyncio_folder:
            return frame.f_code.co_qualname
    return "event loop"
