"""What storage asks of a disk; the real one is `storage.files`, a failing one is in the tests."""

from pathlib import Path
from typing import Protocol


class AppendFile(Protocol):
    """A file that only grows, apart from what is cut off its end.

    Every method raises `StorageUnavailable` when the disk refuses.
    """

    def append(self, data: bytes) -> None:
        """Write at the end. When it raises, any part of the data may be there."""

    def sync(self) -> None:
        """Wait until content and size survive a power cut.

        When it raises, nothing written since the last sync may be relied upon, not even after
        another sync that succeeds: the system may have dropped those pages.
        """

    def truncate(self, size: int) -> None:
        """Cut everything from this offset on."""

    def close(self) -> None:
        """Let go; does not sync."""


class Files(Protocol):
    """The disk, as the engine's own files use it.

    Every method raises `StorageUnavailable` when the disk refuses. `create`, `rename`, `remove`
    and `make_folder` survive a power cut from their return on.
    """

    def create(self, path: Path) -> AppendFile:
        """Make a file that did not exist, readable and writable by its owner alone."""

    def open_append(self, path: Path) -> AppendFile:
        """Open a file that exists."""

    def read(self, path: Path, offset: int, count: int) -> bytes:
        """Return up to `count` bytes; fewer only at the end of the file."""

    def size(self, path: Path) -> int:
        """Return the number of bytes in a file."""

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder in order; none if there is no such folder."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in its folder, at once; a file of that name is replaced."""

    def remove(self, path: Path) -> None:
        """Remove a file."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder for the owner alone, if it is not there."""

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder survive a power cut."""

    def free_bytes(self, folder: Path) -> int:
        """Return how much we may still write to the disk that holds this folder."""
