"""Captures of any compression, whole, damaged or torn."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard

from engine.model.errors import RecordingError
from storage.recording import LINE_MAX, CapturedFrame, CaptureReader
from tests.fakes.captures import COMPRESSIONS, T0_NS, Recording, write_bytes

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


def plain_lines(count: int) -> list[bytes]:
    """Lines that compress badly, so that a cut of the file is a cut of many lines."""
    chance = random.Random(7)
    recording = Recording()
    for _ in range(count):
        recording.raw(json.dumps({"noise": chance.randbytes(100).hex()}))
    return [json.dumps(line).encode() + b"\n" for line in recording.lines]


def read(path: Path) -> tuple[list[CapturedFrame], CaptureReader]:
    reader = CaptureReader(path)
    return list(reader), reader


def moment(**times: object) -> bytes:
    return json.dumps({"venue": "v", "transport": "ws", "raw": "r", **times}).encode() + b"\n"


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_every_compression_is_told_by_its_first_bytes(ending: str, tmp_path: Path):
    path = write_bytes(tmp_path / f"some{ending}", b"".join(plain_lines(50)))
    misnamed = path.rename(tmp_path / "no ending")

    frames, reader = read(misnamed)

    assert [frame.line for frame in frames] == list(range(1, 51))
    assert (reader.damaged_lines, reader.is_torn) == (0, False)


def test_a_line_is_taken_as_it_was_written(tmp_path: Path):
    recording = Recording("okx")
    recording.add(
        transport="ws", dir="out", url="wss://a/b", raw='{"x":"\\u00e9 \\" é"}', stream="s@t"
    )

    (frame,) = CaptureReader(recording.write(tmp_path))

    assert frame == CapturedFrame(
        1, T0_NS, "okx", "ws", "out", "wss://a/b", '{"x":"\\u00e9 \\" é"}'
    )


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_many_compressed_parts_one_after_the_other_are_one_file(
    compress: Callable[[bytes], bytes], tmp_path: Path
):
    path = tmp_path / "parts"
    path.write_bytes(b"".join(compress(line) for line in plain_lines(300)) + compress(b""))

    frames, reader = read(path)

    assert (len(frames), reader.is_torn) == (300, False)


def test_a_writer_that_flushes_blocks_is_read_to_its_last_whole_line(tmp_path: Path):
    lines = plain_lines(40)
    writer = zstandard.ZstdCompressor().compressobj()
    blocks = [
        writer.compress(line) + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for line in lines
    ]
    path = tmp_path / "dead writer"
    path.write_bytes(b"".join(blocks))

    frames, reader = read(path)

    assert (len(frames), reader.damaged_lines, reader.is_torn) == (40, 0, True)


@pytest.mark.parametrize("ending", COMPRESSIONS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_a_torn_file_is_read_to_its_last_whole_line(share: float, ending: str, tmp_path: Path):
    lines = plain_lines(3_000)
    path = write_bytes(tmp_path / f"torn{ending}", b"".join(lines))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share) - 5])

    frames, reader = read(path)

    assert (reader.damaged_lines, reader.is_torn) == (0, True)
    assert [frame.line for frame in frames] == list(range(1, len(frames) + 1))
    assert len(frames) > 3_000 * share - 700  # What a compressor keeps back at most.


def test_a_torn_file_gives_every_line_that_can_be_decompressed(tmp_path: Path):
    plain = b"".join(plain_lines(3_000))
    path = tmp_path / "torn.gz"
    path.write_bytes(gzip.compress(plain)[:-100_000])
    decompressed = subprocess.run(["gzip", "-dc", path], capture_output=True, check=False).stdout

    frames, reader = read(path)

    assert len(frames) == decompressed.count(b"\n")
    assert reader.is_torn


@pytest.mark.parametrize("tail", [b"garbage", b"\x00" * 3 + b"\x01", b"\x28\xb5\x2f\xfd\xff\xff"])
@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
def test_garbage_after_the_end_is_a_torn_tail(ending: str, tail: bytes, tmp_path: Path):
    path = write_bytes(tmp_path / f"tail{ending}", b"".join(plain_lines(20)))
    path.write_bytes(path.read_bytes() + tail)

    frames, reader = read(path)

    assert (len(frames), reader.is_torn) == (20, True)


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
def test_bytes_that_went_bad_end_the_reading(ending: str, tmp_path: Path):
    path = write_bytes(tmp_path / f"bad{ending}", b"".join(plain_lines(3_000)))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
    path.write_bytes(whole)

    frames, reader = read(path)

    assert 0 < len(frames) <= 3_000
    assert reader.is_torn or reader.damaged_lines


@pytest.mark.parametrize(
    "damage",
    [
        b"damage\n",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b'{"venue":"v","transport":"ws","recv_ns":1}\n',
        b'{"venue":"v","transport":"ws","raw":5,"recv_ns":1}\n',
        b'{"venue":"v","transport":"ws","raw":"\xff","recv_ns":1}\n',
        b'{"venue":"v","transport":"ws","raw":"x","recv_ns":1,"more":' + b"[" * 50_000 + b"\n",
        moment(),
        moment(recv_ns=None),
        moment(recv_ns=-1),
        moment(recv_ns=2**63),
        moment(recv_ns=1.5),
        moment(recv_ts=-0.5),
        moment(recv_ts="NaN"),
        moment(recv_ts="sNaN"),
        moment(recv_ts="Infinity"),
        b'{"venue":"v","transport":"ws","raw":"x","recv_ts":1e999999999}\n',
        moment(recv_ts=1e10),
    ],
)
def test_a_damaged_line_costs_that_line(damage: bytes, tmp_path: Path):
    one, two, three = plain_lines(3)
    path = tmp_path / "damaged"
    path.write_bytes(one + damage + two + damage + three)

    frames, reader = read(path)

    assert [frame.line for frame in frames] == [1, 3, 5]
    assert (reader.damaged_lines, reader.is_torn) == (2, False)


def test_the_counts_are_those_of_the_last_reading(tmp_path: Path):
    path = tmp_path / "damaged"
    path.write_bytes(b"damage\n" + plain_lines(1)[0] + b"torn")
    reader = CaptureReader(path)

    for _ in range(3):
        assert len(list(reader)) == 1

    assert (reader.damaged_lines, reader.is_torn) == (1, True)


@pytest.mark.parametrize(
    ("written", "ts_ns"),
    [
        ("1626992740.175661", 1_626_992_740_175_661_000),
        ("1626992741.3105128", 1_626_992_741_310_512_800),
        ("1723161255.030314667", 1_723_161_255_030_314_667),
        ("1723161255.0303146679", 1_723_161_255_030_314_667),
        ("1626992740", 1_626_992_740_000_000_000),
        ("1.626992740175661e9", 1_626_992_740_175_661_000),
        ("0.000000001", 1),
        ("0", 0),
        ("9223372035.999999999", 9_223_372_035_999_999_999),
    ],
)
def test_seconds_become_nanoseconds_exactly(written: str, ts_ns: int, tmp_path: Path):
    path = tmp_path / "times"
    path.write_text(f'{{"venue":"v","transport":"ws","raw":"","recv_ts":{written}}}\n')

    (frame,) = CaptureReader(path)

    assert (frame.ts_ns, frame.recv_ts) == (ts_ns, Decimal(written))


def test_recorded_nanoseconds_win_over_seconds(tmp_path: Path):
    path = tmp_path / "times"
    path.write_bytes(moment(recv_ts=1723161255.0303147, recv_ns=1723161255030314667))

    (frame,) = CaptureReader(path)

    assert (frame.ts_ns, frame.recv_ts) == (1723161255030314667, Decimal("1723161255.0303147"))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \t\r\n"])
def test_line_ends_of_other_systems(end: bytes, tmp_path: Path):
    path = tmp_path / "lines"
    path.write_bytes(b"".join(line.rstrip() + end for line in plain_lines(4)))

    frames, reader = read(path)

    assert (len(frames), reader.damaged_lines) == (4, 0)


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_a_last_line_may_lack_its_end(ending: str, tmp_path: Path):
    path = write_bytes(tmp_path / f"lines{ending}", b"".join(plain_lines(4)).rstrip())

    frames, reader = read(path)

    assert (len(frames), reader.damaged_lines, reader.is_torn) == (4, 0, False)


@pytest.mark.parametrize("over", [0, LINE_MAX])
def test_a_line_beyond_the_limit_is_one_damaged_line(over: int, tmp_path: Path):
    one, two = plain_lines(2)
    path = tmp_path / "long"
    path.write_bytes(one + b"x" * (LINE_MAX + over) + b"\n" + two)

    frames, reader = read(path)

    assert [frame.line for frame in frames] == [1, 3]
    assert (reader.damaged_lines, reader.is_torn) == (1, False)


def test_a_line_as_long_as_allowed_is_read(tmp_path: Path):
    path = tmp_path / "long"
    empty = moment(recv_ns=1, more="")
    path.write_bytes(moment(recv_ns=1, more="x" * (LINE_MAX - len(empty))) + empty)

    assert [frame.line for frame in CaptureReader(path)] == [1, 2]


def test_the_limit_leaves_room_for_the_metadata_of_a_venue():
    assert LINE_MAX >= 8 * 1024 * 1024


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b""), zstandard.ZstdCompressor().compress(b"")],
    ids=["plain", "gzip", "zstd"],
)
def test_an_empty_file_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "empty"
    path.write_bytes(content)

    with pytest.raises(RecordingError, match="empty: the capture is empty"):
        list(CaptureReader(path))


@pytest.mark.parametrize(
    "content",
    [PNG * 100, b"Dear diary,\ntoday ...\n", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"x", b"[{},\n{}]"],
    ids=["png", "words", "gzip's beginning", "zstd's beginning", "a letter", "an array"],
)
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "foreign"
    path.write_bytes(content)

    with pytest.raises(RecordingError, match="foreign: the capture holds no captured frame"):
        list(CaptureReader(path))


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(RecordingError, match="missing: No such file or directory"):
        list(CaptureReader(tmp_path / "missing"))


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(RecordingError, match="Is a directory"):
        list(CaptureReader(tmp_path))


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "secret"
    path.touch(mode=0)

    with without_privileges(), pytest.raises(RecordingError, match="secret: Permission denied"):
        list(CaptureReader(path))


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be an ordinary user for a while: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    group, user = os.getegid(), os.geteuid()
    os.setegid(65_534)
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def test_a_file_is_closed_when_reading_stops_early(tmp_path: Path):
    program = (
        "import sys, os; from pathlib import Path; from storage.recording import CaptureReader\n"
        "before = len(os.listdir('/dev/fd'))\n"
        "for name in sys.argv[1:]:\n"
        "    frames = iter(CaptureReader(Path(name))); next(frames); del frames\n"
        "print(len(os.listdir('/dev/fd')) - before)\n"
    )
    lines = b"".join(plain_lines(100))
    paths = [write_bytes(tmp_path / f"early{ending}", lines) for ending in COMPRESSIONS]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *map(str, paths)],
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (b"0\n", b"")
