"""A disk in memory that fails as disks do; the same seed gives the same failures.

What is written lies in a cache of sectors until it is synced. A power cut keeps of the cache
nothing, all, everything up to some byte, or some sectors and not others. A sync that fails
forgets which sectors were still to be written, as Linux does: a later sync that succeeds brings
back nothing that was not written again.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from engine.model.chance import Chance
from engine.model.errors import StorageUnavailable

SECTOR: Final = 512
MUTATING: Final = ("create", "append", "sync", "truncate", "rename", "remove", "make_folder")
NO_SPACE: Final = "No space left on device"
FAILING: Final = "Input/output error"
READ_ONLY: Final = "Read-only file system"
ENDLESS: Final = 1 << 60


class PowerCut(SystemExit):
    """The machine is off; passes through event loops, as the end of the process does."""


class _Content:
    """One file: what the system shows, and what is on the disk."""

    def __init__(self) -> None:
        self.cache = bytearray()
        self.disk = b""
        self.dirty: dict[int, None] = {}
        """Sectors that the system knows to be newer than the disk."""

    def touch(self, begin: int, end: int) -> None:
        for sector in range(begin // SECTOR, -(-end // SECTOR)):
            self.dirty[sector] = None

    def put(self, sectors: list[int], size: int) -> None:
        """Bring these sectors to the disk, and the file's size."""
        disk = bytearray(self.disk[:size].ljust(size, b"\0"))
        for sector in sectors:
            begin = sector * SECTOR
            end = min(begin + SECTOR, size, len(self.cache))
            if begin < end:
                disk[begin:end] = self.cache[begin:end]
        self.disk = bytes(disk)


class FaultyFiles:
    """The disk.

    Args:
        chance: Draws what a power cut and a failing sync leave.
    """

    def __init__(self, chance: Chance | None = None) -> None:
        self.chance = chance or Chance(0)
        self.space = ENDLESS
        """Bytes that still fit."""
        self.is_read_only = False
        self.is_off = False
        self.done: Counter[str] = Counter()
        """Operations so far, by name; `MUTATING` ones also under "all"."""
        self.cut_at = 0
        """Number of the mutating operation during which the power goes; 0 for never."""
        self.on_operation: Callable[[str, Path], None] = lambda operation, path: None
        self._faults: dict[tuple[str, int], str] = {}
        self._shown: dict[Path, _Content] = {}
        self._kept: dict[Path, _Content] = {}

    # What a test does to the disk.

    def fail(self, operation: str, number: int = 1, problem: str = FAILING, times: int = 1) -> None:
        """Let the operation fail from its `number`-th time on, counted from now."""
        for later in range(times):
            self._faults[operation, self.done[operation] + number + later] = problem

    def crash(self) -> None:
        """Cut the power and switch it on again: files are what reached the disk."""
        for content in self._kept.values():
            self._settle(content)
        self._shown = dict(self._kept)
        for content in self._kept.values():
            content.cache = bytearray(content.disk)
            content.dirty.clear()
        self.is_off = False
        self.cut_at = 0

    def kill(self) -> None:
        """End the process only: what was written stays in the system's memory."""
        self.is_off = False
        self.cut_at = 0

    def flip(self, path: Path, offset: int, mask: int = 1) -> None:
        """Change bits of a byte, on the disk and in memory."""
        content = self._shown[path]
        content.cache[offset] ^= mask
        if offset < len(content.disk):
            damaged = bytearray(content.disk)
            damaged[offset] ^= mask
            content.disk = bytes(damaged)

    def put(self, path: Path, data: bytes) -> None:
        """Lay down a file, durable."""
        content = _Content()
        content.cache[:] = content.disk = data
        self._shown[path] = self._kept[path] = content

    def content(self, path: Path) -> bytes:
        """Return what the system shows of a file."""
        return bytes(self._shown[path].cache)

    # The port.

    def create(self, path: Path) -> "FaultyFile":
        """Make a file that did not exist."""
        self._enter("create", path)
        if path in self._shown:
            raise StorageUnavailable(str(path), "File exists")
        self._shown[path] = _Content()
        self._leave(path)
        self._keep_names()
        return FaultyFile(self, path, self._shown[path])

    def open_append(self, path: Path) -> "FaultyFile":
        """Open a file that exists."""
        self._enter("open_append", path)
        return FaultyFile(self, path, self._find(path))

    def read(self, path: Path, offset: int, count: int) -> bytes:
        """Return up to `count` bytes."""
        self._enter("read", path)
        return bytes(self._find(path).cache[offset : offset + count])

    def size(self, path: Path) -> int:
        """Return the number of bytes in a file."""
        self._enter("size", path)
        return len(self._find(path).cache)

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder in order."""
        self._enter("names", folder)
        inside = (path.relative_to(folder) for path in self._shown if folder in path.parents)
        return sorted({path.parts[0] for path in inside})

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        self._enter("rename", new)
        content = self._find(old)
        del self._shown[old]
        self._shown[new] = content
        self._leave(new)
        self._keep_names()

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self._enter("remove", path)
        self._find(path)
        del self._shown[path]
        self._leave(path)
        self._keep_names()

    def make_folder(self, folder: Path) -> None:
        """Folders are there as soon as a file is in them."""
        self._enter("make_folder", folder)
        self._leave(folder)

    def sync_folder(self, folder: Path) -> None:
        """Bring the names to the disk."""
        self._enter("sync_folder", folder)
        self._keep_names()

    def free_bytes(self, folder: Path) -> int:
        """Return how much still fits."""
        self._enter("free_bytes", folder)
        return self.space

    # What the files of this disk need.

    def _enter(self, operation: str, path: Path) -> None:
        """Count an operation, and fail it where that is due; a cut may come just before it."""
        if self.is_off:
            raise StorageUnavailable(str(path), "the power is off")
        self.on_operation(operation, path)
        self.done[operation] += 1
        if operation in MUTATING:
            self.done["all"] += 1
            if self.is_read_only:
                raise StorageUnavailable(str(path), READ_ONLY)
            if self.done["all"] == self.cut_at and self.chance.happens(0.5):
                self._cut()
        problem = self._faults.pop((operation, self.done[operation]), None)
        if problem is not None:
            self._fail_midway(operation, path)
            raise StorageUnavailable(str(path), problem)

    def _leave(self, path: Path) -> None:
        """A cut may come when an operation is done and nobody knows it yet."""
        if self.done["all"] == self.cut_at:
            if self.chance.happens(0.5):
                self._keep_names()
            self._cut()

    def _fail_midway(self, operation: str, path: Path) -> None:
        """A sync that fails may have written some sectors, and forgets the others."""
        if operation == "sync":
            content = self._find(path)
            written = [sector for sector in content.dirty if self.chance.happens(0.5)]
            size = len(content.cache) if self.chance.happens(0.5) else len(content.disk)
            content.put(written, size)
            content.dirty.clear()

    def _cut(self) -> None:
        self.is_off = True
        raise PowerCut("the power was cut")

    def _find(self, path: Path) -> _Content:
        if path not in self._shown:
            raise StorageUnavailable(str(path), "No such file or directory")
        return self._shown[path]

    def _keep_names(self) -> None:
        self._kept = dict(self._shown)

    def _settle(self, content: _Content) -> None:
        """Decide what of a file's cache had reached the disk."""
        dirty = sorted(content.dirty)
        size = len(content.cache)
        match self.chance.below(4):
            case 0:
                return
            case 1:
                content.put(dirty, size)
            case 2:
                kept = dirty[: self.chance.between(0, len(dirty))]
                end = min(size, (kept[-1] + 1) * SECTOR) if kept else len(content.disk)
                torn = self.chance.below(SECTOR) if self.chance.happens(0.5) else 0
                content.put(kept, max(end - torn, min(size, len(content.disk))))
            case _:
                content.put([sector for sector in dirty if self.chance.happens(0.5)], size)


class FaultyFile:
    """A file of such a disk, open for appending."""

    def __init__(self, disk: FaultyFiles, path: Path, content: _Content) -> None:
        self._disk = disk
        self._path = path
        self._content = content
        self.is_open = True

    def append(self, data: bytes) -> None:
        """Write at the end; what does not fit is not written, and a failing write ends anywhere."""
        disk = self._disk
        fits = min(len(data), disk.space)
        is_possible = not disk.is_off and not disk.is_read_only
        try:
            disk._enter("append", self._path)
        except (PowerCut, StorageUnavailable):
            if is_possible:
                self._extend(data[: disk.chance.between(0, fits)])
            raise
        self._extend(data[:fits])
        disk._leave(self._path)
        if fits < len(data):
            raise StorageUnavailable(str(self._path), NO_SPACE)

    def sync(self) -> None:
        """Bring the cache to the disk."""
        self._disk._enter("sync", self._path)
        self._content.put(sorted(self._content.dirty), len(self._content.cache))
        self._content.dirty.clear()
        self._disk._leave(self._path)

    def truncate(self, size: int) -> None:
        """Cut the end off."""
        self._disk._enter("truncate", self._path)
        content = self._content
        self._disk.space += max(0, len(content.cache) - size)
        del content.cache[size:]
        content.dirty = {sector: None for sector in content.dirty if sector * SECTOR < size}
        self._disk._leave(self._path)

    def close(self) -> None:
        """Let go."""
        self._disk._enter("close", self._path)
        self.is_open = False

    def _extend(self, data: bytes) -> None:
        content = self._content
        begin = len(content.cache)
        content.cache += data
        content.touch(begin, begin + len(data))
        self._disk.space -= len(data)
