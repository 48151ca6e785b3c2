"""A clock that fails in the tasks that a test names, wherever they ask for the time."""

import asyncio
from collections import Counter

from engine.runtime.clock import LoopClock


class FailingClock(LoopClock):
    """The loop's clock, for parts that may have to fail."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns)
        self.failures: Counter[str] = Counter()
        """Times that a task of that name is still to fail."""
        self.error: type[Exception] = RuntimeError

    def now_ns(self) -> int:
        """Return the time, or fail."""
        self._fail_if_due()
        return super().now_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait, or fail after it."""
        await super().sleep(seconds)
        self._fail_if_due()

    def _fail_if_due(self) -> None:
        task = asyncio.current_task()
        name = task.get_name() if task is not None else ""
        if self.failures[name]:
            self.failures[name] -= 1
            raise self.error(name)
