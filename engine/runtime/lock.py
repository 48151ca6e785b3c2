"""One engine per data folder and account: a lock that ends with the process that holds it."""

import fcntl
import os
from pathlib import Path

from engine.folder import PRIVATE_FILE
from engine.model.errors import FolderInUse


class FolderLock:
    """An advisory lock on a file; the kernel lets go of it however the process ends.

    Args:
        path: The file.
        guarded: What it stands for, in words; by default its folder.

    Raises:
        FolderInUse: Another process holds it.
    """

    def __init__(self, path: Path, guarded: str = "") -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise FolderInUse(
                f"another engine (pid {holder or 'unknown'}) runs on {guarded or path.parent}"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go."""
        os.close(self._file)
