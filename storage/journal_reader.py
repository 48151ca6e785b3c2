"""Reading of one journal file, and the verdict on whatever in it does not fit.

A crash may leave the last group of records in any state: missing, cut at any byte, or with holes
of zeros where the disk had written later blocks first. Nobody was told that its records are
durable, so it is cut where the first record fails. Anything else that fails was durable once, and
the file is damaged. What tells them apart is what follows the first record that fails:

- no whole record: the torn end of the last group;
- a whole record of a later group: damage, because a group is written only when the one before it
  is durable; or one that should have come earlier: damage, because a tear moves nothing;
- whole records of the same group only: torn if a sector between is all zeros, which is what one
  that was never written reads as; else damage, because then the bytes did reach the disk.

Beyond that, two faults look alike and are taken for a tear: damage to the very last record, and
a sector of the last group that turned to zeros later. A file is given its name only when its
header and its checkpoint are durable, so that there a crash tears nothing.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import google_crc32c
import msgspec

from engine.model.errors import JournalCorrupt, JournalNotOurs
from storage.base import Files
from storage.journal_format import (
    BODY_MAX,
    CHECKSUM,
    HEADER_HEAD,
    MAGIC,
    PAYLOAD_MAX,
    PREFIX,
    RECORD_HEAD,
    RECORD_MAGIC,
    START,
    VERSION,
    Header,
    Kind,
    RecordHead,
    Tail,
    decode_head,
    first_tail,
    is_whole,
    next_hash,
)

SECTOR: Final = 512
"""Bytes that a disk writes wholly or not at all; larger ones are several of these."""

_KINDS: Final = {kind.value: kind for kind in Kind}


class Record(NamedTuple):
    """One record as it was written."""

    offset: int
    """Of its first byte in the file."""
    sequence: int
    kind: Kind
    payload: bytes


class _Whole(NamedTuple):
    """A record whose checksum fits, wherever it may belong."""

    head: RecordHead
    fields: bytes
    payload: bytes


class FileWindow:
    """The bytes of a file by their offset, read in chunks.

    What is appended to the file after construction is not seen.
    """

    CHUNK: Final = 1024 * 1024
    FIRST_CHUNK: Final = 8 * 1024
    """Enough for a header: of most files nothing else is wanted."""

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self._path = path
        self.size = files.size(path)
        self._start = 0
        self._data = b""
        self._chunk = self.FIRST_CHUNK

    def at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes; fewer only at the end."""
        count = min(count, self.size - offset)
        begin = offset - self._start
        if begin < 0 or begin + count > len(self._data):
            self._load(offset, count)
            begin = 0
        return self._data[begin : begin + count]

    def find(self, wanted: bytes, offset: int) -> int | None:
        """Return the first offset from here on at which these bytes stand."""
        while offset + len(wanted) <= self.size:
            if not 0 <= offset - self._start <= len(self._data) - len(wanted):
                self._load(offset, len(wanted))
            found = self._data.find(wanted, offset - self._start)
            if found >= 0:
                return self._start + found
            offset = max(offset, self._start + len(self._data) - len(wanted)) + 1
        return None

    def _load(self, offset: int, count: int) -> None:
        """Read this much, or more to have it at hand."""
        count = min(max(count, self._chunk), self.size - offset)
        self._data = self._files.read(self._path, offset, count)
        self._start = offset
        self._chunk = self.CHUNK


class JournalReader:
    """Iterates over the records of one file, once.

    Iterating ends at the last good record; `torn_bytes` is what a crash left behind it.

    Raises:
        JournalCorrupt: At once for a header, while iterating for a record, that was durable and
            is damaged.
        JournalNotOurs: A newer version wrote it.
        StorageUnavailable: It cannot be read.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self.path = path
        self.torn_bytes = 0
        self.torn_problem = ""
        self.is_ended = False
        """Whether the last record so far says that the run ended in good order."""
        self._window = FileWindow(files, path)
        self.header, self.tail = self._read_header()

    def __iter__(self) -> Iterator[Record]:
        while self.tail.offset < self._window.size:
            found = self._record_at(self.tail.offset)
            if isinstance(found, str):
                self._cut_or_refuse(found)
                return
            yield self._next(found)
        if self.tail.sequence == 0:
            raise self._damage("the checkpoint that every file begins with is missing")

    def read_to_end(self) -> None:
        """Go over all records, for what it finds on the way."""
        deque(self, maxlen=0)

    def _read_header(self) -> tuple[Header, Tail]:
        head = self._window.at(0, HEADER_HEAD)
        if len(head) < HEADER_HEAD:
            raise self._damage("the file ends within its header", 0)
        magic, version, length = PREFIX.unpack_from(head)
        checksum = CHECKSUM.unpack_from(head, PREFIX.size)[0]
        if magic != MAGIC:
            raise self._damage("this is not the beginning of a journal", 0)
        if length > BODY_MAX:
            raise self._damage(f"a header of {length} bytes is longer than any", 0)
        body = self._window.at(HEADER_HEAD, length)
        if google_crc32c.value(head[: PREFIX.size] + body) != checksum:
            raise self._damage("the checksum of the header does not fit", 0)
        if version > VERSION:
            raise JournalNotOurs(
                f"{self.path} was written by a newer cockpit (format {version}, this one reads "
                f"{VERSION}): start that one, or name another data folder"
            )
        return self._header_of(body), first_tail(head + body, checksum)

    def _header_of(self, body: bytes) -> Header:
        try:
            return msgspec.msgpack.decode(body, type=Header)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._damage(f"the header cannot be read ({error})", 0) from error

    def _record_at(self, offset: int) -> _Whole | str:
        """Return the record that begins here, or why none does."""
        data = self._window.at(offset, RECORD_HEAD)
        if len(data) < RECORD_HEAD:
            return "the file ends within the head of a record"
        head = decode_head(data)
        if head is None:
            return "no record begins here"
        if head.length > PAYLOAD_MAX:
            return f"a record of {head.length} bytes is longer than any"
        payload = self._window.at(offset + RECORD_HEAD, head.length)
        if len(payload) < head.length:
            return "the file ends within a record"
        if not is_whole(self.tail, data, payload):
            return "the checksum of a record does not fit"
        return _Whole(head, data[START.size : -len(head.hash)], payload)

    def _next(self, found: _Whole) -> Record:
        """Take in the record that follows; its checksum fits, so a breach is no tear."""
        head = found.head
        last = self.tail
        kind = _KINDS.get(head.kind)
        if head.sequence != last.sequence + 1:
            raise self._damage(f"record {head.sequence} follows record {last.sequence}")
        if head.hash != next_hash(last.hash, found.fields, found.payload):
            raise self._damage(f"record {head.sequence} does not go on from the one before it")
        if kind is None:
            raise self._damage(f"record {head.sequence} is of the unknown kind {head.kind}")
        if last.sequence == 0 and kind is not Kind.CHECKPOINT:
            raise self._damage("the first record is not a checkpoint")
        if self.is_ended:
            raise self._damage(f"record {head.sequence} follows the end of the run")
        self.is_ended = kind is Kind.END
        end = last.offset + RECORD_HEAD + head.length
        self.tail = Tail(last.checksum, head.sequence, head.hash, end)
        return Record(last.offset, head.sequence, kind, found.payload)

    def _cut_or_refuse(self, problem: str) -> None:
        """Decide what the first record that fails is: the end of the file, or damage to it."""
        failed = self.tail.sequence + 1
        if failed == 1:
            raise self._damage(f"{problem}, where the file's first checkpoint was durable")
        same_group_offset = None
        for offset, head in self._whole_after(self.tail.offset):
            if not head.group_start <= failed < head.sequence:
                raise self._damage(f"{problem}; record {head.sequence} at byte {offset} is whole")
            same_group_offset = same_group_offset or offset
        if same_group_offset is not None and not self._has_hole(same_group_offset):
            raise self._damage(f"{problem}, within the last records that were written at once")
        self.torn_bytes = self._window.size - self.tail.offset
        self.torn_problem = problem

    def _whole_after(self, offset: int) -> Iterator[tuple[int, RecordHead]]:
        """Yield the whole records of this file behind the one that fails."""
        window = self._window
        at = window.find(RECORD_MAGIC, offset + 1)
        while at is not None:
            found = self._record_at(at)
            if isinstance(found, str):
                at = window.find(RECORD_MAGIC, at + 1)
            else:
                yield at, found.head
                at = window.find(RECORD_MAGIC, at + RECORD_HEAD + found.head.length)

    def _has_hole(self, end: int) -> bool:
        """Whether a sector between the last good record and `end` was never written."""
        begin = self.tail.offset
        for sector in range(begin - begin % SECTOR, end, SECTOR):
            data = self._window.at(max(sector, begin), sector + SECTOR - max(sector, begin))
            if not any(data):
                return True
        return False

    def _damage(self, problem: str, offset: int | None = None) -> JournalCorrupt:
        where = self.tail.offset if offset is None else offset
        return JournalCorrupt(str(self.path), where, problem)
