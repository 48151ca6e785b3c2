"""Reading of recordings: files, runs, and the verdict on what is missing or damaged.

Nothing behind a flaw is guessed: a reader gives the lines before it, and says what it is.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
import zstandard

from engine.model.errors import RecordingError
from storage.base import Files
from storage.journal_reader import FileWindow
from storage.recording_format import (
    SCHEMA,
    ZSTD_MAGIC,
    Block,
    FileBegan,
    Frame,
    Hole,
    Line,
    Mark,
    decode_lines,
)

SUFFIX: Final = ".jsonl.zst"
OPEN_SUFFIX: Final = f"{SUFFIX}.open"
CHUNK: Final = 256 * 1024
LINE_BEGIN: Final = b'{"transport":'

FlawKind = Literal["torn", "damaged", "hole", "foreign", "other_version"]


class Flaw(msgspec.Struct, frozen=True):
    """Why the reading ends here, for people."""

    kind: FlawKind
    sentence: str


class FileReader:
    """The blocks and lines of one file, up to its end or its first flaw.

    Args:
        path: The file; it may still be written.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self.path = path
        self.end = 0
        """Offset behind the last good block."""
        self.flaw: Flaw | None = None
        self._files = files

    def lines(self) -> Iterator[Line]:
        """Iterate over the lines of all good blocks."""
        for block in self.blocks():
            try:
                yield from decode_lines(block.text)
            except (msgspec.DecodeError, UnicodeError) as error:
                where = f"{self.path}: the block at byte {block.begin}"
                self.flaw = Flaw("foreign", f"{where} holds a line of no known kind ({error})")
                return

    def blocks(self) -> Iterator[Block]:
        """Iterate over the good blocks."""
        self.end = 0
        self.flaw = None
        size = self._files.size(self.path)
        while self.end < size:
            block = self._block_at(self.end)
            if block is None:
                self.flaw = self._judged(size)
                return
            self.end = block.end
            yield block

    def _block_at(self, begin: int) -> Block | None:
        """Return the whole block that begins here; None where there is none."""
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts = []
        at = begin
        try:
            while not frame.eof:
                chunk = self._files.read(self.path, at, CHUNK)
                if not chunk:
                    return None
                at += len(chunk)
                parts.append(frame.decompress(chunk))
        except zstandard.ZstdError:
            return None
        return Block(begin, at - len(frame.unused_data), b"".join(parts))

    def _judged(self, size: int) -> Flaw:
        left = size - self.end
        where = f"{self.path}: {left} bytes from byte {self.end} on"
        later = self._whole_after(self.end)
        if later is None:
            return Flaw("torn", f"{where} are no whole block")
        return Flaw("damaged", f"{where} are damaged; the block at byte {later} is whole")

    def _whole_after(self, begin: int) -> int | None:
        """Return where the next whole block is, if any."""
        window = FileWindow(self._files, self.path)
        at = window.find(ZSTD_MAGIC, begin + 1)
        while at is not None:
            block = self._block_at(at)
            if block is not None and block.text.startswith(LINE_BEGIN):
                return at
            at = window.find(ZSTD_MAGIC, at + 1)
        return None


class RunReader:
    """The lines of one run, numbered without a break, over all its files.

    Args:
        parts: Its files, in order.

    Raises:
        RecordingError: A file cannot be read.
    """

    def __init__(self, files: Files, run: str, parts: Sequence[Path]) -> None:
        self.run = run
        self.flaw: Flaw | None = None
        """Set when the iteration has ended before the end of the run."""
        self._files = files
        self._parts = parts

    def __iter__(self) -> Iterator[Line]:
        """Iterate over the numbered lines, up to the first flaw."""
        self.flaw = None
        expected = 1
        torn: Flaw | None = None
        for path in self._parts:
            reader = FileReader(self._files, path)
            for line in reader.lines():
                self.flaw = self._checked(line, expected, path)
                if self.flaw is not None:
                    return
                if not _is_numbered(line):
                    continue
                yield line
                expected += 1
            if reader.flaw is not None and reader.flaw.kind != "torn":
                self.flaw = reader.flaw
                return
            torn = reader.flaw
        self.flaw = torn

    def _checked(self, line: Line, expected: int, path: Path) -> Flaw | None:
        if isinstance(line, Mark):
            if line.run != self.run:
                told = f"line {line.line} is a mark of run {line.run}, not of {self.run}"
                return Flaw("foreign", f"{path}: {told}")
            if isinstance(line.mark, FileBegan):
                return _unreadable(line.mark, path)
            if isinstance(line.mark, Hole):
                told = f"{line.mark.lost} lines from line {expected} on are lost"
                return Flaw("hole", f"{path}: {told}: {line.mark.reason}")
        if line.line > expected:
            told = f"lines {expected} to {line.line - 1} are missing"
            return Flaw("hole", f"{path}: {told}{_why(expected)}")
        if line.line < expected:
            told = f"line {line.line} comes where line {expected} belongs"
            return Flaw("foreign", f"{path}: {told}")
        return None


def recorded_runs(files: Files, folder: Path) -> dict[str, list[Path]]:
    """Return the files of each run in order, by run id, the run that began last at the end.

    Files that say nothing readable of whose they are belong to nobody here.
    """
    found: dict[str, list[tuple[int, Path]]] = {}
    began: dict[str, int] = {}
    for path in recorded_files(files, folder):
        mark = next(FileReader(files, path).lines(), None)
        if isinstance(mark, Mark) and isinstance(mark.mark, FileBegan):
            found.setdefault(mark.run, []).append((mark.mark.part, path))
            began[mark.run] = min(mark.recv_ns, began.get(mark.run, mark.recv_ns))
    runs = sorted(found, key=lambda run: (began[run], run))
    return {run: [path for _, path in sorted(found[run])] for run in runs}


def recorded_files(files: Files, folder: Path) -> list[Path]:
    """Return all recording files under a folder, oldest hour first."""
    paths = []
    for venue in files.names(folder):
        if "." in venue:  # The lock.
            continue
        for day in files.names(folder / venue):
            names = files.names(folder / venue / day)
            ours = (name for name in names if name.endswith((SUFFIX, OPEN_SUFFIX)))
            paths += [folder / venue / day / name for name in ours]
    return sorted(paths, key=_age)


def run_named(files: Files, folder: Path, run: str = "") -> RunReader:
    """Return the reader of a run, or of the newest.

    Raises:
        RecordingError: There is none.
    """
    runs = recorded_runs(files, folder)
    if not runs:
        raise RecordingError(f"{folder} holds no recording")
    if run and run not in runs:
        raise RecordingError(f"{folder} holds no recording of run {run}; it has {', '.join(runs)}")
    name = run or next(reversed(runs))
    return RunReader(files, name, runs[name])


def _age(path: Path) -> tuple[str, int, int, str]:
    """Order by day, hour and number in the hour."""
    hour, _, number = path.name.partition(".")[0].partition("-")
    is_named = hour.isdigit() and number.isdigit()
    return (
        path.parent.name,
        int(hour) if is_named else 0,
        int(number) if is_named else 0,
        path.name,
    )


def _unreadable(began: FileBegan, path: Path) -> Flaw | None:
    if began.schema == SCHEMA:
        return None
    told = f"has format {began.schema}, this version reads {SCHEMA}"
    return Flaw("other_version", f"{path}: {told}")


def _is_numbered(line: Line) -> bool:
    return isinstance(line, Frame) or not isinstance(line.mark, FileBegan)


def _why(expected: int) -> str:
    return "; the beginning of the run was removed to make room" if expected == 1 else ""
