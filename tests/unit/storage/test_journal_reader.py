"""Every damage is seen, and a crash is not taken for damage."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
from google_crc32c import value as crc32c

from engine.model.chance import Chance
from engine.model.errors import JournalCorrupt, JournalNotOurs
from storage.journal_format import (
    CHECKSUM,
    FIELDS,
    PREFIX,
    RECORD_HEAD,
    RECORD_MAGIC,
    START,
    VERSION,
    Kind,
    Tail,
    encode_group,
    encode_header,
    next_hash,
    record_checksum,
)
from storage.journal_reader import FileWindow
from tests.fakes.files import FaultyFiles
from tests.unit.storage.journals import FACTS, PATH, a_header, a_journal, read

PAYLOADS = [b"%d;" % number * (1 + number % 9) for number in range(1, 100)]
"""With the checkpoint, a hundred records."""
GROUPS = [PAYLOADS[:1], PAYLOADS[1:4], *([one] for one in PAYLOADS[4:80]), PAYLOADS[80:]]


def outcome(data: bytes) -> tuple[int, int] | str:
    """Return how many records are read and how many bytes cut, or what the damage is."""
    files = FaultyFiles()
    files.put(PATH, data)
    try:
        records, reader = read(files)
    except JournalCorrupt as error:
        return error.problem
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    return len(records), reader.torn_bytes


def flipped(data: bytes, offset: int, mask: int) -> bytes:
    changed = bytearray(data)
    changed[offset] ^= mask
    return bytes(changed)


def starts(data: bytes) -> list[int]:
    """Return the offset of each record, and the end."""
    files = FaultyFiles()
    files.put(PATH, data)
    records, reader = read(files)
    return [*(record.offset for record in records), reader.tail.offset]


def test_what_was_written_is_read() -> None:
    files = FaultyFiles()
    files.put(PATH, a_journal(*GROUPS))

    records, reader = read(files)

    assert [record.payload for record in records] == [b"all so far", *PAYLOADS]
    assert [record.kind for record in records] == [Kind.CHECKPOINT, *[FACTS] * 99]
    assert (reader.torn_bytes, reader.is_ended) == (0, False)
    assert reader.header == a_header()


def test_a_changed_byte_anywhere_is_seen_and_is_torn_only_in_the_last_record() -> None:
    chance = Chance(1)
    data = a_journal(*GROUPS)
    *_, last, end = starts(data)

    for offset in range(len(data)):
        found = outcome(flipped(data, offset, chance.between(1, 255)))
        if offset < last:
            assert isinstance(found, str), offset
        else:
            assert found == (99, end - last), offset


def test_a_changed_bit_anywhere_in_header_and_some_records_is_seen() -> None:
    data = a_journal(*GROUPS)
    offsets = starts(data)

    for begin, end in ((0, offsets[2]), (offsets[50], offsets[51]), (offsets[90], offsets[91])):
        for offset in range(begin, end):
            for bit in range(8):
                assert isinstance(outcome(flipped(data, offset, 1 << bit)), str), (offset, bit)
    for offset in range(offsets[99], offsets[100]):
        for bit in range(8):
            assert outcome(flipped(data, offset, 1 << bit)) == (99, offsets[100] - offsets[99])


def test_a_file_cut_anywhere_ends_with_its_last_whole_record() -> None:
    data = a_journal(*GROUPS)
    offsets = starts(data)

    for size in range(len(data)):
        found = outcome(data[:size])
        whole = sum(end <= size for end in offsets[1:])
        if whole == 0:
            assert isinstance(found, str), size
        else:
            assert found == (whole, size - offsets[whole]), size


@pytest.mark.parametrize("size", [1, 39, 40, 511, 512, 4_096, 3_000_000])
def test_zeros_behind_the_last_record_are_a_torn_end(size: int) -> None:
    assert outcome(a_journal([b"a"], [b"b"]) + bytes(size)) == (3, size)


def test_garbage_behind_the_last_record_is_a_torn_end() -> None:
    chance = Chance(1)
    garbage = RECORD_MAGIC.join(chance.next_u64().to_bytes(8) * 9 for _ in range(200))

    assert outcome(a_journal([b"a"], [b"b"]) + garbage) == (3, len(garbage))


def test_records_of_another_run_in_a_block_that_was_used_again_are_a_torn_end() -> None:
    other = a_journal([b"x"], [b"y"], [b"z"], header=a_header(number=2))

    assert outcome(a_journal([b"a"], [b"b"]) + bytes(30) + other) == (3, 30 + len(other))


def test_a_hole_in_the_last_group_is_a_torn_end() -> None:
    payloads = [b"%d" % number * 200 for number in range(20)]
    data = a_journal([b"a"], payloads)
    begin = starts(data)[2]

    for sector in range(begin // 512, len(data) // 512):
        at = max(begin, sector * 512)
        torn = data[:at] + bytes((sector + 1) * 512 - at) + data[(sector + 1) * 512 :]
        whole = sum(end <= at for end in starts(data)[1:])
        assert outcome(torn) == (whole, len(data) - starts(data)[whole]), sector


def test_a_hole_in_an_earlier_group_is_damage() -> None:
    data = a_journal([b"a"], [b"b" * 3_000], [b"c"])

    assert outcome(data[:1_024] + bytes(512) + data[1_536:]) == (
        f"the checksum of a record does not fit; record 4 at byte {starts(data)[3]} is whole"
    )


def test_damage_in_the_last_group_where_the_bytes_reached_the_disk_is_damage() -> None:
    data = a_journal([b"a"], [b"b" * 600, b"c" * 600, b"d" * 600])

    assert outcome(flipped(data, starts(data)[3] + 100, 1)) == (
        "the checksum of a record does not fit, within the last records that were written at once"
    )


def test_bytes_that_moved_are_damage() -> None:
    data = a_journal([b"a" * 100], [b"b" * 100], [b"c" * 100], [b"d" * 100])
    at = starts(data)

    assert isinstance(outcome(data[: at[2]] + b"\0" * 7 + data[at[2] :]), str)
    assert isinstance(outcome(data[: at[2] + 50] + data[at[3] + 50 :]), str)
    assert isinstance(outcome(data[: at[2]] + data[at[3] :]), str)
    assert isinstance(outcome(data[: at[2]] + data[at[1] :]), str)
    assert isinstance(outcome(data[: at[4]] + b"?" + data[at[1] :]), str)
    assert isinstance(outcome(data[: at[4]] + bytes(1_024) + data[at[1] : at[2]]), str)


def test_a_damaged_header_is_damage_whatever_follows() -> None:
    header, _ = encode_header(a_header())

    assert outcome(b"") == "the file ends within its header"
    assert outcome(header) == "the checkpoint that every file begins with is missing"
    assert outcome(bytes(len(header))) == "this is not the beginning of a journal"
    assert outcome(header[:12] + b"\xff\xff\xff\xff" + header[16:]) == (
        "a header of 4294967295 bytes is longer than any"
    )


@pytest.mark.parametrize(
    "body", [msgspec.msgpack.encode({"account": "x"}), b"\x96\xa1\xff\xa1a\x01\x01\xa0\xc4\x00"]
)
def test_a_header_that_another_program_wrote_is_damage(body: bytes) -> None:
    assert "the header cannot be read" in str(outcome(a_raw_header(body)))


def test_a_newer_version_is_named_and_no_damage() -> None:
    files = FaultyFiles()
    files.put(PATH, a_raw_header(b"whatever they keep there", version=VERSION + 1))

    with pytest.raises(JournalNotOurs, match=r"written by a newer cockpit \(format 2, this one"):
        read(files)


def test_a_flipped_version_is_damage_and_no_newer_version() -> None:
    assert outcome(flipped(a_journal(), 8, 2)) == "the checksum of the header does not fit"


def test_a_hostile_length_is_not_read() -> None:
    read_bytes: list[int] = []

    class Counting(FaultyFiles):
        def read(self, path: Path, offset: int, count: int) -> bytes:
            read_bytes.append(count)
            return super().read(path, offset, count)

    data = a_journal([b"a"], [b"b"])
    for at in starts(data)[:-1]:
        files = Counting()
        files.put(PATH, data[: at + 8] + b"\xff\xff\xff\xff" + data[at + 12 :])
        try:
            read(files)
        except JournalCorrupt as error:
            assert "a record of 4294967295 bytes is longer than any" in error.problem  # noqa: PT017 - whichever error it is

    assert max(read_bytes) <= len(data)


def a_raw_header(body: bytes, version: int = VERSION) -> bytes:
    prefix = PREFIX.pack(b"\x89CKPTJ\r\n", version, len(body))
    return prefix + CHECKSUM.pack(crc32c(prefix + body)) + body


# Records with a checksum that fits: made by a program, not by a disk.


def a_forged(tail: Tail, sequence: int, kind: int, last: bytes | None = None) -> bytes:
    fields = FIELDS.pack(6, sequence, 0, kind, 0)
    running = next_hash(last or tail.hash, fields, b"forged")
    checksum = record_checksum(tail.checksum, fields + running, b"forged")
    return START.pack(RECORD_MAGIC, checksum) + fields + running + b"forged"


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (partial(a_forged, sequence=3, kind=1), "record 3 follows record 1"),
        (partial(a_forged, sequence=1, kind=1), "record 1 follows record 1"),
        (
            partial(a_forged, sequence=2, kind=1, last=bytes(16)),
            "record 2 does not go on from the one before it",
        ),
        (partial(a_forged, sequence=2, kind=9), "record 2 is of the unknown kind 9"),
    ],
)
def test_a_record_out_of_line_is_damage_even_at_the_end(forge: partial, problem: str) -> None:
    header, tail = encode_header(a_header())
    checkpoint, tail = encode_group(tail, [(Kind.CHECKPOINT, b"")])

    assert outcome(header + checkpoint + forge(tail)) == problem


def test_a_file_begins_with_a_checkpoint() -> None:
    header, tail = encode_header(a_header())
    facts, _ = encode_group(tail, [(FACTS, b"a")])

    assert outcome(header + facts) == "the first record is not a checkpoint"


def test_nothing_follows_the_end_of_the_run() -> None:
    header, tail = encode_header(a_header())
    ended, tail = encode_group(tail, [(Kind.CHECKPOINT, b""), (Kind.END, b"")])
    more, _ = encode_group(tail, [(FACTS, b"")])

    assert outcome(header + ended) == (2, 0)
    assert outcome(header + ended + more) == "record 3 follows the end of the run"


@pytest.mark.parametrize("place", range(FileWindow.FIRST_CHUNK - 5, FileWindow.FIRST_CHUNK + 2))
def test_a_window_finds_what_begins_in_one_chunk_and_ends_in_the_next(place: int) -> None:
    files = FaultyFiles()
    files.put(PATH, bytes(place) + RECORD_MAGIC)

    assert FileWindow(files, PATH).find(RECORD_MAGIC, 0) == place


def test_a_window_finds_what_lies_across_its_chunks() -> None:
    files = FaultyFiles()
    chunk = FileWindow.CHUNK
    places = [0, chunk - 2, chunk + FileWindow.FIRST_CHUNK - 3, 3 * chunk + 5]
    data = bytearray(3 * chunk + 9)
    for place in places:
        data[place : place + 4] = RECORD_MAGIC
    files.put(PATH, bytes(data))
    window = FileWindow(files, PATH)

    found, at = [], window.find(RECORD_MAGIC, 0)
    while at is not None:
        found.append(at)
        at = window.find(RECORD_MAGIC, at + 1)

    assert found == places
    assert window.at(chunk - 2, 4) == RECORD_MAGIC
    assert window.at(3 * chunk + 7, 10) == RECORD_MAGIC[2:]
    assert RECORD_HEAD == 40
