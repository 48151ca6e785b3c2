"""Owns the engine's tasks: starts them, hears of their end, starts again what can begin anew.

A part that needs nothing of what it was before is kept: when it fails it is told, counted and
started again, and when it fails too often it stays down and trading halts (R97). Every other task
is vital: nothing may go on without it. A broken invariant is never a matter of trying again.
"""

import asyncio
from collections.abc import Callable, Coroutine
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
END_S: Final = 3.0


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
            await asyncio.wait(tasks, timeout=END_S)

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
                now_ns = self._clock.now_ns()
                failed_ns = [at_ns for at_ns in failed_ns if now_ns - at_ns < WINDOW_NS]
                failed_ns.append(now_ns)
                self._tell(name, error, len(failed_ns))

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
