"""Files of a recording: by hour and size, sealed, mended, and the oldest gone to make room."""

import json
from pathlib import Path

import msgspec
import pytest

from engine.model.chance import Chance
from engine.model.envelope import StorageRestored
from engine.model.errors import RecordingError, StorageUnavailable
from engine.model.numbers import NS_PER_S
from storage import recording_writer
from storage.files import DiskFiles
from storage.recording_format import Line, Made, Mark, SocketFrame, Taken, encode_block
from storage.recording_reader import FileReader, RunReader, recorded_files, recorded_runs, run_named
from storage.recording_writer import FREE_BYTES_MIN, RecordingWriter
from tests.fakes.files import FaultyFiles

FOLDER = Path("/data/recordings")
DAY = FOLDER / "okx" / "2025-10-09"
START_NS = 1_760_000_000 * NS_PER_S  # 2025-10-09 08:53:20 UTC
HOUR_NS = 3_600 * NS_PER_S
GIB = 2**30


def frames(first: int, count: int = 3, ts_ns: int = START_NS) -> list[Line]:
    return [
        SocketFrame(line, ts_ns + line, "okx", Chance(line).next_u64().to_bytes(8).hex(), "text")
        for line in range(first, first + count)
    ]


def a_writer(files: FaultyFiles, run: str = "run-1", bytes_max: int = GIB) -> RecordingWriter:
    return RecordingWriter(files, FOLDER, "okx", run, bytes_max)


def numbers(files: FaultyFiles, run: str = "run-1") -> tuple[list[int], str]:
    """Return the numbers of all lines of a run, and what ends it too early."""
    reader = run_named(files, FOLDER, run)
    found = [line.line for line in reader]
    return found, reader.flaw.kind if reader.flaw else ""


def names(files: FaultyFiles) -> list[str]:
    return files.names(DAY)


def test_a_file_is_named_by_day_and_hour_and_open_until_it_is_sealed() -> None:
    files = FaultyFiles()
    writer = a_writer(files)

    writer.write(frames(1))
    while_open = names(files)
    writer.close()

    assert while_open == ["08-0.jsonl.zst.open"]
    assert names(files) == ["08-0.json", "08-0.jsonl.zst"]
    assert numbers(files) == ([1, 2, 3], "")


def test_the_seal_says_what_is_in_the_file() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    taken = Taken(41, ["timer", Made(0, StorageRestored()), (1, 0, 4, 0)])

    writer.write([*frames(1), Mark(4, START_NS, "okx", "run-1", taken)])
    writer.write(frames(5))
    writer.close()

    seal = json.loads(files.content(DAY / "08-0.json"))
    content = files.content(DAY / "08-0.jsonl.zst")
    assert (seal["run"], seal["part"], seal["first_line"], seal["last_line"]) == ("run-1", 0, 1, 7)
    assert (seal["first_seq"], seal["last_seq"]) == (41, 45)
    assert (seal["lines"], seal["bytes"], seal["flaw"]) == (8, len(content), "")
    assert (seal["first_ns"], seal["last_ns"]) == (START_NS + 1, START_NS + 7)


def test_each_hour_has_its_file() -> None:
    files = FaultyFiles()
    writer = a_writer(files)

    writer.write(frames(1))
    writer.write(frames(4, ts_ns=START_NS + HOUR_NS))
    writer.close()

    assert [path.name for path in recorded_files(files, FOLDER)] == [
        "08-0.jsonl.zst",
        "09-0.jsonl.zst",
    ]
    assert numbers(files) == ([1, 2, 3, 4, 5, 6], "")


def test_a_file_that_is_full_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "FILE_BYTES_MAX", 300)
    files = FaultyFiles()
    writer = a_writer(files)

    for first in range(1, 31, 3):
        writer.write(frames(first))
    writer.close()

    assert len(recorded_files(files, FOLDER)) > 2
    assert numbers(files) == (list(range(1, 31)), "")


def test_runs_of_one_hour_are_told_apart() -> None:
    files = FaultyFiles()
    for run in ("run-2", "run-1"):
        writer = a_writer(files, run)
        writer.write(frames(1, ts_ns=START_NS + (run == "run-1")))
        writer.close()

    assert list(recorded_runs(files, FOLDER)) == ["run-2", "run-1"]
    assert numbers(files, "") == ([1, 2, 3], "")
    with pytest.raises(RecordingError, match=r"run-3; it has run-2, run-1"):
        run_named(files, FOLDER, "run-3")


def test_no_recording_is_said() -> None:
    with pytest.raises(RecordingError, match="holds no recording"):
        run_named(FaultyFiles(), FOLDER)


def test_a_block_that_does_not_fit_leaves_nothing_behind() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    writer.write(frames(1))
    files.fail("append")

    with pytest.raises(StorageUnavailable):
        writer.write(frames(4))
    writer.write(frames(4))
    writer.close()

    assert numbers(files) == ([1, 2, 3, 4, 5, 6], "")
    assert len(recorded_files(files, FOLDER)) == 1


def test_where_the_rest_cannot_be_cut_off_another_file_begins() -> None:
    files = FaultyFiles(Chance(3))
    writer = a_writer(files)
    writer.write(frames(1))
    files.fail("append")
    files.fail("truncate")

    with pytest.raises(StorageUnavailable):
        writer.write(frames(4, 200))
    writer.write(frames(4))
    writer.close()

    assert names(files) == ["08-0.jsonl.zst.open", "08-1.json", "08-1.jsonl.zst"]
    assert numbers(files) == ([1, 2, 3, 4, 5, 6], "")


def test_the_last_200_mib_of_a_disk_are_not_for_recordings() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    files.space = FREE_BYTES_MIN - 1

    with pytest.raises(StorageUnavailable, match="less than 200 MiB"):
        writer.write(frames(1))
    files.space = FREE_BYTES_MIN + 10_000
    writer.write(frames(1))

    assert numbers(files) == ([1, 2, 3], "")


def test_a_dead_run_is_sealed_without_its_torn_tail() -> None:
    files = FaultyFiles()
    a_writer(files).write(frames(1))
    path = DAY / "08-0.jsonl.zst.open"
    whole = files.content(path)
    files.put(path, whole + encode_block(frames(4))[:-1])

    notes = a_writer(files, "run-2").mend()

    assert len(notes) == 1
    assert f"bytes from byte {len(whole)} on are no whole block" in notes[0]
    assert files.content(DAY / "08-0.jsonl.zst") == whole
    seal = json.loads(files.content(DAY / "08-0.json"))
    assert (seal["run"], seal["last_line"], seal["flaw"]) == ("run-1", 3, notes[0])
    assert numbers(files) == ([1, 2, 3], "")


def test_a_dead_run_that_ended_whole_is_sealed_without_a_word() -> None:
    files = FaultyFiles()
    a_writer(files).write(frames(1))

    assert a_writer(files, "run-2").mend() == []
    assert names(files) == ["08-0.json", "08-0.jsonl.zst"]


def test_a_mending_that_was_cut_short_is_done_again() -> None:
    files = FaultyFiles()
    a_writer(files).write(frames(1))
    files.fail("rename")

    with pytest.raises(StorageUnavailable):
        a_writer(files, "run-2").mend()
    a_writer(files, "run-3").mend()

    assert names(files) == ["08-0.json", "08-0.jsonl.zst"]


def test_damage_is_left_for_people() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    for first in (1, 4, 7):
        writer.write(frames(first))
    path = DAY / "08-0.jsonl.zst.open"
    files.flip(path, files.size(path) // 2)
    damaged = files.content(path)

    notes = a_writer(files, "run-2").mend()

    assert "are damaged; the block at byte" in notes[0]
    assert files.content(DAY / "08-0.jsonl.zst") == damaged


def test_the_oldest_files_make_room_for_the_newest() -> None:
    files = FaultyFiles()
    for hour in range(4):
        writer = a_writer(files, f"run-{hour}", bytes_max=GIB)
        writer.write(frames(1, ts_ns=START_NS + hour * HOUR_NS))
        writer.close()
    size = files.size(DAY / "08-0.jsonl.zst")

    writer = a_writer(files, "run-4", bytes_max=3 * size + 60)
    writer.write(frames(1, ts_ns=START_NS + 4 * HOUR_NS))
    writer.close()

    assert [path.name[:2] for path in recorded_files(files, FOLDER)] == ["10", "11", "12"]
    assert "08-0.json" not in names(files)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    writer = RecordingWriter(DiskFiles(), folder, "okx", "run-1", GIB)

    writer.write(frames(1))
    writer.close()

    (recorded,) = recorded_files(DiskFiles(), folder)
    for path in (recorded, recorded.with_name("08-0.json")):
        assert path.stat().st_mode & 0o777 == 0o600
    for path in (folder, recorded.parent, recorded.parent.parent):
        assert path.stat().st_mode & 0o777 == 0o700


def test_every_tear_gives_the_whole_blocks_before_it() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    ends = [0]
    path = DAY / "08-0.jsonl.zst.open"
    for first in (1, 4, 7):
        writer.write(frames(first))
        ends.append(files.size(path))
    data = files.content(path)

    for size in range(len(data)):
        files.put(path, data[:size])
        reader = FileReader(files, path)
        lines = [line.line for line in reader.lines() if not isinstance(line, Mark)]
        whole = sum(end <= size for end in ends[1:])
        assert lines == list(range(1, 1 + 3 * whole))
        assert reader.flaw is None or reader.flaw.kind == "torn"


def test_every_changed_byte_is_noticed() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    for first in (1, 4, 7):
        writer.write(frames(first))
    path = DAY / "08-0.jsonl.zst.open"

    for offset in range(files.size(path)):
        files.flip(path, offset)
        reader = RunReader(files, "run-1", [path])
        lines = list(reader)
        assert reader.flaw is not None, offset
        assert lines == (frames(1) + frames(4) + frames(7))[: len(lines)]
        files.flip(path, offset)


def test_a_format_of_a_later_version_is_not_guessed_at() -> None:
    files = FaultyFiles()
    a_writer(files).write(frames(1))
    path = DAY / "08-0.jsonl.zst.open"
    (began,) = list(FileReader(files, path).lines())[:1]
    assert isinstance(began, Mark)
    later = msgspec.structs.replace(began, mark=msgspec.structs.replace(began.mark, schema=99))
    files.put(path, encode_block([later, *frames(1)]))

    reader = run_named(files, FOLDER)

    assert list(reader) == []
    assert reader.flaw is not None
    assert reader.flaw.kind == "other_version"
    assert "has format 99" in reader.flaw.sentence


def test_a_line_that_comes_twice_does_not_belong() -> None:
    files = FaultyFiles()
    writer = a_writer(files)
    writer.write([*frames(1), *frames(3)])
    writer.close()

    assert numbers(files) == ([1, 2, 3], "foreign")
