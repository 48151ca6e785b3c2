"""The kill latch on disk: while its file exists, nothing that adds risk leaves.

Whatever the file holds counts as set, also nothing or nonsense; only removing it clears it. The
engine looks for it twice a second, so that a program without any other way in can kill by
creating it.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from engine.model.errors import StorageUnavailable

LOOK_S: Final = 0.25


class LatchNote(msgspec.Struct, frozen=True):
    """What the file says, for people."""

    ts_ns: int
    reason: str


class LatchFile:
    """One file; all of its methods touch the disk and belong off the event loop, but `is_set`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_set(self) -> bool:
        """Whether the file is there; a folder that cannot be read counts as set."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def write(self, note: LatchNote) -> None:
        """Create it durably.

        Raises:
            StorageUnavailable: It is not on the disk.
        """
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, msgspec.json.encode(note))
                os.fsync(handle)
            finally:
                os.close(handle)
            self._sync_folder()
        except OSError as error:
            raise StorageUnavailable(str(self.path), error.strerror or "unknown error") from error

    def clear(self) -> None:
        """Remove it durably.

        Raises:
            StorageUnavailable: It may still be there.
        """
        try:
            self.path.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise StorageUnavailable(str(self.path), error.strerror or "unknown error") from error

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
