"""The kill latch on disk: while its file exists, nothing that adds risk leaves.

Whatever the file holds counts as set, also nothing or nonsense; only removing it clears it. The
engine looks for it four times a second, so that a program without any other way in can kill by
creating it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec
from loguru import logger

from engine.model.errors import StorageUnavailable
from engine.runtime.journal_writer import Worker
from storage.base import Files

LOOK_S: Final = 0.25
RETRY_S: Final = 0.5
"""A disk that refused is asked again so soon, for as long as the file is not as it should be."""


class LatchNote(msgspec.Struct, frozen=True):
    """What the file says, for people."""

    ts_ns: int
    reason: str


class LatchFile:
    """One file; all of its methods touch the disk and belong off the event loop, but `is_set`.

    Args:
        path: Where it is.
        files: The disk.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files

    def is_set(self) -> bool:
        """Whether the file is there; a folder that cannot be read counts as set."""
        try:
            return self.path.name in self._files.names(self.path.parent)
        except StorageUnavailable:
            return True

    def write(self, note: LatchNote) -> None:
        """Create it durably; on a full disk without the note, which is for people only.

        Raises:
            StorageUnavailable: It is not on the disk.
        """
        is_there = self.path.name in self._files.names(self.path.parent)
        file = self._files.open_append(self.path) if is_there else self._files.create(self.path)
        try:
            if not is_there:
                with suppress(StorageUnavailable):  # That it exists is what counts.
                    file.append(msgspec.json.encode(note))
            file.sync()
        finally:
            file.close()
        self._files.sync_folder(self.path.parent)

    def clear(self) -> None:
        """Remove it durably.

        Raises:
            StorageUnavailable: It may still be there.
        """
        if self.path.name in self._files.names(self.path.parent):
            self._files.remove(self.path)
        self._files.sync_folder(self.path.parent)


class Latch(Protocol):
    """The file, as its keeper uses it."""

    def write(self, note: LatchNote) -> None:
        """Create it durably."""

    def clear(self) -> None:
        """Remove it durably."""


class LatchKeeper:
    """Brings the file to what is wanted, one act after the other, until the disk agrees.

    What is wanted may change while the disk works: whatever came last is what the file ends as.

    Args:
        worker: Does what touches the disk, and is stopped in the end.
        on_cleared: Told when the file is gone and still nobody wants it.
    """

    def __init__(self, file: Latch, worker: Worker, on_cleared: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = file
        self._worker = worker
        self._on_cleared = on_cleared
        self._note: LatchNote | None = None
        """Wanted; None wants no file."""
        self._is_there: bool | None = False
        """As far as the disk has said; None while it has not answered, or refused."""
        self._is_busy = False
        self._retry: asyncio.TimerHandle | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def is_kept(self) -> bool:
        """Whether the file is wanted and on the disk."""
        return self._note is not None and self._is_there is True

    @property
    def is_wanted(self) -> bool:
        """Whether the file shall be there."""
        return self._note is not None

    def keep(self, note: LatchNote) -> None:
        """Let the file be there."""
        self._want(note)

    def clear(self) -> None:
        """Let the file be gone."""
        self._want(None)

    async def close(self, within_s: float) -> bool:
        """Wait until the file is as wanted, and let go; returns whether it is."""
        if not self._is_done:
            future = self._loop.create_future()
            self._waiters.append(future)
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await future
        if self._retry is not None:
            self._retry.cancel()
        self._worker.stop()
        if not self._is_done:
            logger.error("latch_file is not as it should be")
        return self._is_done

    @property
    def _is_done(self) -> bool:
        return not self._is_busy and self._is_there is (self._note is not None)

    def _want(self, note: LatchNote | None) -> None:
        self._note = note
        self._is_there = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._hand_over()

    def _hand_over(self) -> None:
        if not self._is_busy:
            self._is_busy = True
            note = self._note
            self._worker.run(lambda: self._work(note))

    def _work(self, note: LatchNote | None) -> None:
        """Runs on the worker, which no error may end; touches nothing of the loop's."""
        refusal = None
        try:
            if note is None:
                self._file.clear()
            else:
                self._file.write(note)
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            refusal = error
        with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
            self._loop.call_soon_threadsafe(self._on_done, note, refusal)

    def _on_done(self, note: LatchNote | None, refusal: Exception | None) -> None:
        self._is_busy = False
        if note is not self._note:
            self._hand_over()
        elif refusal is not None:
            word = "not_cleared" if note is None else "not_kept"
            is_foreseen = isinstance(refusal, StorageUnavailable)
            logger.opt(exception=None if is_foreseen else refusal).error(
                "latch_file {} {!r}", word, refusal
            )
            self._is_there = None
            self._retry = self._loop.call_later(RETRY_S, self._hand_over)
        else:
            self._is_there = note is not None
            for future in self._waiters:
                if not future.done():
                    future.set_result(None)
            if note is None:
                self._on_cleared()
