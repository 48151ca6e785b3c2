"""A file that changes while the engine's loop runs: what a second host sees of it (R79).

The loop asks for each beat, a thread writes it: a loop that hangs stops it, a disk that hangs does
too, and neither holds the other up.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from loguru import logger

from engine.folder import PRIVATE_FILE
from engine.runtime.clock import Clock
from engine.runtime.journal_writer import Worker

EVERY_S: Final = 5.0
STOP_S: Final = 2.0
"""How long the end waits for the disk."""


class Heartbeat:
    """Writes the beat.

    Args:
        path: The file.
        worker: Does what touches the disk.
    """

    def __init__(self, path: Path, clock: Clock, worker: Worker) -> None:
        self._path = path
        self._clock = clock
        self._worker = worker
        self._is_writing = False
        self._is_told = False

    async def run(self) -> None:
        """Beat until the run ends."""
        while True:
            if not self._is_writing:
                self._is_writing = True
                self._hand_over(f"alive {self._clock.now_ns()}\n")
            await self._clock.sleep(EVERY_S)

    async def stop(self) -> None:
        """Say, behind every beat, that what follows is silence on purpose."""
        loop, said = asyncio.get_running_loop(), asyncio.Event()
        self._hand_over(f"stopped {self._clock.now_ns()}\n")
        self._worker.run(lambda: _tell(loop, said))
        self._worker.stop()
        with suppress(TimeoutError):  # A disk that hangs is one that others have to hear of.
            async with asyncio.timeout(STOP_S):
                await said.wait()

    def _hand_over(self, text: str) -> None:
        self._worker.run(lambda: self._write(text))

    def _write(self, text: str) -> None:
        """Runs on the worker; a beat that cannot be written is one that others will miss."""
        try:
            beat = self._path.with_suffix(".new")
            file = os.open(beat, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
            beat.replace(self._path)
        except OSError as error:
            if not self._is_told:
                logger.error("heartbeat_not_written {}", error)
            self._is_told = True
        else:
            self._is_told = False
        self._is_writing = False


def _tell(loop: asyncio.AbstractEventLoop, said: asyncio.Event) -> None:
    with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
        loop.call_soon_threadsafe(said.set)
