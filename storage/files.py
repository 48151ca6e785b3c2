"""The real disk: durable files, and errors of the system in words of ours."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.model.errors import StorageUnavailable
from storage.base import AppendFile

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700

_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC


class DiskFile:
    """A file on the disk, open for appending."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        self._path = path
        with _refusals(path):
            self._descriptor = os.open(path, _APPEND | flags, PRIVATE_FILE)

    def append(self, data: bytes) -> None:
        """Write at the end, however many calls that takes."""
        left = memoryview(data)
        with _refusals(self._path):
            while left:
                left = left[os.write(self._descriptor, left) :]

    def sync(self) -> None:
        """Wait until content and size survive a power cut."""
        with _refusals(self._path):
            _sync_data(self._descriptor)

    def truncate(self, size: int) -> None:
        """Cut everything from this offset on."""
        with _refusals(self._path):
            os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        """Let go."""
        with _refusals(self._path):
            os.close(self._descriptor)


class DiskFiles:
    """The disk of this machine."""

    def create(self, path: Path) -> AppendFile:
        """Make a file that did not exist."""
        file = DiskFile(path, os.O_CREAT | os.O_EXCL)
        try:
            self.sync_folder(path.parent)
        except StorageUnavailable:
            file.close()
            raise
        return file

    def open_append(self, path: Path) -> AppendFile:
        """Open a file that exists."""
        return DiskFile(path)

    def read(self, path: Path, offset: int, count: int) -> bytes:
        """Return up to `count` bytes; fewer only at the end of the file."""
        with _refusals(path), _opened(path) as descriptor:
            pieces = []
            while count > 0 and (piece := os.pread(descriptor, count, offset)):
                pieces.append(piece)
                offset += len(piece)
                count -= len(piece)
            return b"".join(pieces)

    def size(self, path: Path) -> int:
        """Return the number of bytes in a file."""
        with _refusals(path):
            return path.stat().st_size

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder in order; none if there is no such folder."""
        with _refusals(folder):
            try:
                return sorted(os.listdir(folder))
            except FileNotFoundError:
                return []

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in its folder, at once."""
        with _refusals(new):
            old.rename(new)
        self.sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        with _refusals(path):
            path.unlink()
        self.sync_folder(path.parent)

    def make_folder(self, folder: Path) -> None:
        """Make a folder for the owner alone, if it is not there."""
        with _refusals(folder):
            try:
                folder.mkdir(PRIVATE_FOLDER)
            except FileExistsError:
                return
        self.sync_folder(folder.parent)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder survive a power cut."""
        with _refusals(folder), _opened(folder) as descriptor:
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno != errno.EINVAL:  # Some network disks know no such thing.
                    raise

    def free_bytes(self, folder: Path) -> int:
        """Return how much we may still write to the disk that holds this folder."""
        with _refusals(folder):
            disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say in our words what the system refuses."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(str(path), error.strerror or str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file or a folder for reading."""
    descriptor = os.open(path, _READ)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_data(descriptor: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync leaves it in the drive's memory there.
    else:
        os.fdatasync(descriptor)
