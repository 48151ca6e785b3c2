"""The bytes of a journal file: a header, then records; pure, no file is touched here.

    header   magic 8, version u32, length of the body u32, CRC32C u32 of all but itself, body
    record   magic 4, CRC32C u32, length u32, sequence u64, place u16, kind u8, zero u8,
             running hash 16, payload

Little-endian. The first twenty bytes of a header and what its checksum covers stay as they are in
every version. The body is a msgpack array, see `Header`. A record's checksum covers all of it but
magic and itself and goes on from the header's, so that no record fits in another file, be it a
copy, or a block of a deleted file that the disk gives back. The running hash is the BLAKE2b of the
record keyed with the one before it; the header's own hash is the first.

Records written at once are a group, and a group is written only when the one before it is
durable. `place` is a record's place in its group, from 0: it tells a group that a power cut tore
from damage to what was durable (`storage.journal_reader`).
"""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

import google_crc32c
import msgspec

VERSION: Final = 1
MAGIC: Final = b"\x89CKPTJ\r\n"
"""Not text, and shows whoever changed the ends of lines."""
RECORD_MAGIC: Final = b"\xf5JR\n"
"""Its first byte is not zero: where it is, the record's beginning never reached the disk."""

PAYLOAD_MAX: Final = 16 * 1024 * 1024
"""Bytes of one record."""
GROUP_RECORDS_MAX: Final = 10_000
BODY_MAX: Final = 4_096
"""Bytes of a header's body; names and an account need some two hundred."""
TEXT_MAX: Final = 200
"""Letters of an account or a run id."""

HASH_BYTES: Final = 16
PREFIX: Final = Struct("<8sII")
CHECKSUM: Final = Struct("<I")
HEADER_HEAD: Final = PREFIX.size + CHECKSUM.size
START: Final = Struct("<4sI")
FIELDS: Final = Struct("<IQHBB")
RECORD_HEAD: Final = START.size + FIELDS.size + HASH_BYTES


class Kind(IntEnum):
    """What a record is."""

    FACTS = 1
    """What happened, in the engine's own encoding."""
    CHECKPOINT = 2
    """All that is needed to go on without the records before it; the first of every file."""
    END = 3
    """The run ended in good order; the last of its file."""


class Header(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Whose file it is, and which one it goes on from."""

    account: str
    """Venue and account as text; one folder has one."""
    run_id: str
    number: int
    """Of the run: one more than that of the file it goes on from. Clocks have no say in it."""
    created_ns: int
    previous: str = ""
    """Name of the file it goes on from; empty for the first."""
    previous_hash: bytes = b""
    """Running hash of that file's last good record."""


class Tail(NamedTuple):
    """Where a file's records end, and what the next one follows from."""

    checksum: int
    """Of the header, which every record's goes on from."""
    sequence: int
    """Of the last record; 0 when there is none."""
    hash: bytes
    offset: int


class RecordHead(NamedTuple):
    """The fields in front of a payload."""

    length: int
    sequence: int
    place: int
    kind: int
    hash: bytes

    @property
    def group_start(self) -> int:
        """Sequence of the first record of the group."""
        return self.sequence - self.place


def encode_header(header: Header) -> tuple[bytes, Tail]:
    """Return a file's first bytes, and the tail that its first record follows."""
    assert len(header.account) <= TEXT_MAX
    assert len(header.run_id) <= TEXT_MAX
    assert header.number > 0
    body = msgspec.msgpack.encode(header)
    assert len(body) <= BODY_MAX
    prefix = PREFIX.pack(MAGIC, VERSION, len(body))
    checksum = google_crc32c.value(prefix + body)
    data = prefix + CHECKSUM.pack(checksum) + body
    return data, first_tail(data, checksum)


def first_tail(header: bytes, checksum: int) -> Tail:
    """Return the tail of a file without records."""
    digest = blake2b(header, digest_size=HASH_BYTES).digest()
    return Tail(checksum, sequence=0, hash=digest, offset=len(header))


def encode_group(tail: Tail, records: Sequence[tuple[Kind, bytes]]) -> tuple[bytes, Tail]:
    """Return the bytes of records that are written at once, and the tail after them.

    The same tail and records give the same bytes, and more records the same and then more: a
    group may be written again and again until it is durable.
    """
    assert 0 < len(records) <= GROUP_RECORDS_MAX
    parts = []
    sequence, last, offset = tail.sequence, tail.hash, tail.offset
    for place, (kind, payload) in enumerate(records):
        assert len(payload) <= PAYLOAD_MAX
        sequence += 1
        fields = FIELDS.pack(len(payload), sequence, place, kind, 0)
        last = next_hash(last, fields, payload)
        checksum = record_checksum(tail.checksum, fields + last, payload)
        parts += [START.pack(RECORD_MAGIC, checksum), fields, last, payload]
        offset += RECORD_HEAD + len(payload)
    return b"".join(parts), Tail(tail.checksum, sequence, last, offset)


def decode_head(data: bytes) -> RecordHead | None:
    """Return the head that these bytes begin with, or None if none begins here."""
    if len(data) < RECORD_HEAD or not data.startswith(RECORD_MAGIC):
        return None
    length, sequence, place, kind, _ = FIELDS.unpack_from(data, START.size)
    last = data[START.size + FIELDS.size : RECORD_HEAD]
    return RecordHead(length, sequence, place, kind, last)


def is_whole(tail: Tail, head: bytes, payload: bytes) -> bool:
    """Return whether the checksum of a record of this file fits."""
    stored: int = START.unpack_from(head)[1]
    return record_checksum(tail.checksum, head[START.size : RECORD_HEAD], payload) == stored


def next_hash(last: bytes, fields: bytes, payload: bytes) -> bytes:
    """Return the running hash of a record that follows the one with hash `last`."""
    running = blake2b(fields, key=last, digest_size=HASH_BYTES)
    running.update(payload)
    return running.digest()


def record_checksum(start: int, head: bytes, payload: bytes) -> int:
    """Return the CRC32C of a record, going on from its file's."""
    checksum: int = google_crc32c.extend(google_crc32c.extend(start, head), payload)
    return checksum
