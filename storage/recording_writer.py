"""Writing of recordings: files by hour and size, sealed, and the oldest removed to make room.

    recordings/{venue}/{day}/{hour}-{number}.jsonl.zst.open   being written
    recordings/{venue}/{day}/{hour}-{number}.jsonl.zst        sealed, with a `.json` that sums it up

Called from one thread that may wait for a disk. A block that the disk refuses is cut off again, so
that what stands in a file is whole; the next one begins another file where that failed as well.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from engine.model.errors import StorageUnavailable
from engine.model.numbers import NS_PER_S
from storage.base import AppendFile, Files
from storage.recording_format import SCHEMA, FileBegan, Line, Mark, Taken, encode_block, events_in
from storage.recording_reader import OPEN_SUFFIX, SUFFIX, FileReader, recorded_files

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
HOUR_NS: Final = 3_600 * NS_PER_S
FREE_BYTES_MIN: Final = 200 * 1024 * 1024
"""Below, the rest of the disk belongs to the journal (R83)."""


class Seal(msgspec.Struct):
    """What a file holds; lies beside it, for those who look for a time or an event."""

    venue: str
    run: str
    part: int
    first_ns: int = 0
    last_ns: int = 0
    first_line: int = 0
    last_line: int = 0
    first_seq: int = 0
    """Of the first event that a mark in it names; 0 where none does."""
    last_seq: int = 0
    lines: int = 0
    bytes: int = 0
    sha256: str = ""
    """Of the file; empty for one that a later run sealed."""
    flaw: str = ""


class RecordingWriter:
    """The files of one run of one venue.

    Args:
        folder: That of all recordings.
        bytes_max: What all sealed files may take together, those of other runs included.
    """

    def __init__(self, files: Files, folder: Path, venue: str, run: str, bytes_max: int) -> None:
        self._files = files
        self._folder = folder
        self._venue = venue
        self._run = run
        self._bytes_max = bytes_max
        self._file: AppendFile | None = None
        self._path = folder
        self._hour = 0
        self._part = 0
        self._hash = sha256()
        self._seal = Seal(venue, run, 0)

    def write(self, lines: Sequence[Line]) -> None:
        """Append a block; when it raises, none of it is in the recording.

        Raises:
            StorageUnavailable: The disk refuses, or has too little left.
        """
        first_ns = lines[0].recv_ns
        if self._file is not None and self._is_full(first_ns):
            self.close()
        if self._files.free_bytes(self._existing()) < FREE_BYTES_MIN:
            raise StorageUnavailable(str(self._folder), "less than 200 MiB are left on the disk")
        if self._file is None:
            self._begin(first_ns, lines[0].line)
        self._append(lines)

    def close(self) -> None:
        """Seal the open file, if there is one, and make room.

        Raises:
            StorageUnavailable: The disk refuses; the file stays as it is, and readable.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.sync()
        finally:
            with suppress(StorageUnavailable):  # What counts has been said by the sync.
                file.close()
        self._seal.sha256 = self._hash.hexdigest()
        _seal(self._files, self._path, self._seal)
        self._make_room()

    def mend(self) -> list[str]:
        """Seal what dead runs left open and return what is to be said of it.

        A torn tail is cut off; what is damaged elsewhere is left as it is, for people.

        Raises:
            StorageUnavailable: The disk refuses.
        """
        notes = []
        for path in recorded_files(self._files, self._folder):
            if not path.name.endswith(OPEN_SUFFIX) or path == self._path:
                continue
            reader = FileReader(self._files, path)
            seal = Seal(self._venue, "", 0)
            for line in reader.lines():
                _count(seal, line)
            if reader.flaw is not None:
                notes.append(reader.flaw.sentence)
                seal.flaw = reader.flaw.sentence
                if reader.flaw.kind == "torn":
                    _cut(self._files, path, reader.end)
            seal.bytes = self._files.size(path)
            _seal(self._files, path, seal)
        self._make_room()
        return notes

    def _is_full(self, now_ns: int) -> bool:
        return self._seal.bytes >= FILE_BYTES_MAX or now_ns // HOUR_NS > self._hour

    def _begin(self, now_ns: int, next_line: int) -> None:
        moment = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
        folder = self._folder / self._venue / f"{moment:%Y-%m-%d}"
        for made in (self._folder, folder.parent, folder):
            self._files.make_folder(made)
        names = self._files.names(folder)
        number = 0
        while any(name.startswith(f"{moment:%H}-{number}.") for name in names):
            number += 1
        path = folder / f"{moment:%H}-{number}{OPEN_SUFFIX}"
        file = self._files.create(path)
        self._path, self._file = path, file
        self._hour = now_ns // HOUR_NS
        self._hash = sha256()
        self._seal = Seal(self._venue, self._run, self._part)
        began = FileBegan(SCHEMA, self._part)
        self._append([Mark(next_line, now_ns, self._venue, self._run, began)])
        self._part += 1

    def _append(self, lines: Sequence[Line]) -> None:
        assert self._file is not None
        block = encode_block(lines)
        try:
            self._file.append(block)
        except StorageUnavailable:
            self._take_back()
            raise
        self._hash.update(block)
        self._seal.bytes += len(block)
        for line in (lines[0], lines[-1], *(one for one in lines if isinstance(one, Mark))):
            _note(self._seal, line)
        self._seal.lines += len(lines)

    def _take_back(self) -> None:
        """Cut off a block of which part may have been written; else begin another file."""
        assert self._file is not None
        try:
            self._file.truncate(self._seal.bytes)
        except StorageUnavailable:
            with suppress(StorageUnavailable):  # It is left to the next start.
                self._file.close()
            self._file = None

    def _existing(self) -> Path:
        """Return a folder whose disk can be asked."""
        return self._folder if self._files.names(self._folder) else self._folder.parent

    def _make_room(self) -> None:
        """Remove the oldest sealed files until the others fit."""
        sealed = [
            path for path in recorded_files(self._files, self._folder) if path.name.endswith(SUFFIX)
        ]
        sizes = {path: self._files.size(path) for path in sealed}
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total <= self._bytes_max:
                return
            self._files.remove(path)
            total -= size
            beside = _beside(path)
            if beside.name in self._files.names(path.parent):
                self._files.remove(beside)


def _seal(files: Files, path: Path, seal: Seal) -> None:
    """Write what a file holds beside it, then give it the name of a whole one."""
    final = path.with_name(path.name.removesuffix(OPEN_SUFFIX) + SUFFIX)
    beside = _beside(final)
    if beside.name in files.names(path.parent):
        files.remove(beside)  # A run died between the two steps.
    file = files.create(beside)
    try:
        file.append(msgspec.json.encode(seal) + b"\n")
        file.sync()
    finally:
        with suppress(StorageUnavailable):  # The sync has said all that counts.
            file.close()
    files.rename(path, final)


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(SUFFIX) + ".json")


def _cut(files: Files, path: Path, size: int) -> None:
    file = files.open_append(path)
    try:
        file.truncate(size)
        file.sync()
    finally:
        with suppress(StorageUnavailable):  # The sync has said all that counts.
            file.close()


def _count(seal: Seal, line: Line) -> None:
    seal.lines += 1
    _note(seal, line)


def _note(seal: Seal, line: Line) -> None:
    seal.venue = line.venue
    seal.first_ns = seal.first_ns or line.recv_ns
    seal.last_ns = max(seal.last_ns, line.recv_ns)
    if not isinstance(line, Mark):
        seal.first_line = seal.first_line or line.line
        seal.last_line = max(seal.last_line, line.line)
        return
    seal.run = line.run
    if isinstance(line.mark, FileBegan):
        seal.part = line.mark.part
        return
    seal.first_line = seal.first_line or line.line
    seal.last_line = max(seal.last_line, line.line)
    if isinstance(line.mark, Taken):
        seal.first_seq = seal.first_seq or line.mark.seq
        seal.last_seq = line.mark.seq + events_in(line.mark) - 1
