"""How much room the disk of the data folder has left, now and then (R83).

A thread looks: a disk that does not answer holds nobody up, and that it fails the journal tells.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from loguru import logger

from engine.model.envelope import DiskSeen
from engine.runtime.clock import Clock
from engine.runtime.journal_writer import Worker

EVERY_S: Final = 30.0

_Answer = asyncio.Future[DiskSeen | None]


class DiskWatch:
    """Looks, and reports what it finds.

    Args:
        folder: Any on the disk.
        clock: Engine time.
        worker: Does what touches the disk.
        report: Takes `DiskSeen` in, from the loop.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        worker: Worker,
        report: Callable[[str, DiskSeen], None],
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._worker = worker
        self._report = report

    async def run(self) -> None:
        """Look until cancelled; runs once."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                answer: _Answer = loop.create_future()
                self._worker.run(partial(self._look, loop, answer))
                seen = await answer
                if seen is not None:
                    self._report("disk", seen)
                await self._clock.sleep(EVERY_S)
        finally:
            self._worker.stop()

    def _look(self, loop: asyncio.AbstractEventLoop, answer: _Answer) -> None:
        """Runs on the worker."""
        seen = None
        try:
            disk = shutil.disk_usage(self._folder)
            seen = DiskSeen(disk.free, disk.total)
        except OSError as error:
            logger.error("disk_not_seen {}", error)
        with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
            loop.call_soon_threadsafe(_tell, answer, seen)


def _tell(answer: _Answer, seen: DiskSeen | None) -> None:
    if not answer.done():
        answer.set_result(seen)
