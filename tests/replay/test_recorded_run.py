"""A run that traded, once more from recording and journal: the same decisions, or why not."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest
import zstandard

from engine.folder import DataFolder
from engine.model.numbers import NS_PER_S
from engine.runtime.supervisor import RESTARTS_MAX
from storage.recording_format import (
    Call,
    Digest,
    Hole,
    Line,
    Made,
    Mark,
    RunBegan,
    Taken,
    decode_lines,
    encode_block,
)
from storage.recording_writer import FREE_BYTES_MIN
from tests.fakes.files import FaultyFiles
from tests.replay.recorded_engine import START_NS, VERSION, live, replayed

SECONDS = 65

Change = Callable[[list[Line]], Iterable[Line]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of a run of two minutes."""
    path = tmp_path_factory.mktemp("lived")
    live(path, SECONDS)
    return path


def recording_of(path: Path) -> Path:
    (file,) = DataFolder(path).recordings.glob("*/*/*.zst")
    return file


def lines_of(file: Path) -> list[Line]:
    with file.open("rb") as stream:
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return list(decode_lines(reader.read()))


def changed(lived: Path, path: Path, change: Change) -> Path:
    """Return a data folder whose recording says something else, in a sound file."""
    file = path / "recordings" / recording_of(lived).relative_to(lived / "recordings")
    file.parent.mkdir(parents=True)
    file.write_bytes(encode_block(list(change(lines_of(recording_of(lived))))))
    (path / "journal").symlink_to(lived / "journal")
    return path


def where(lines: list[Line], kind: type, number: int = 0) -> int:
    """Return the place of a mark of this kind."""
    found = [at for at, one in enumerate(lines) if isinstance(one, Mark) and type(one.mark) is kind]
    return found[number]


def test_a_run_in_which_a_part_failed_too_often_is_repeated_digest_for_digest(
    tmp_path: Path,
) -> None:
    async def fail() -> None:
        raise ValueError("oops")

    host = live(tmp_path, 10, prepare=lambda host: host.keep(fail, "watch"))

    assert host.state.part_failures == 1 + RESTARTS_MAX
    assert any("all is halted: watch" in one.text for one in host.state.notices)
    assert replayed(tmp_path).state == "equal"


def test_a_run_with_orders_and_strategies_is_repeated_digest_for_digest(lived: Path) -> None:
    verdict = replayed(lived)

    assert (verdict.state, verdict.sentence) == ("equal", "")
    assert verdict.digests == SECONDS // 60 + 1
    assert verdict.digest_seq == verdict.seq
    assert verdict.facts > SECONDS
    assert verdict.ts_ns + NS_PER_S >= START_NS + SECONDS * NS_PER_S


def test_a_run_that_goes_on_from_another_is_repeated_from_its_own_journal(tmp_path: Path) -> None:
    first = live(tmp_path, 10)
    second = live(tmp_path, 10, run_id="run-2", start_ns=START_NS + 3_600 * NS_PER_S)

    newest = replayed(tmp_path)
    older = replayed(tmp_path, "run-1")

    assert (older.state, newest.state) == ("equal", "equal")
    assert newest.run == "run-2"
    assert older.ledger_digest == first.state.desk.ledger.digest()
    assert newest.ledger_digest == second.state.desk.ledger.digest()


def test_another_version_does_not_pretend_to_decide_alike(lived: Path) -> None:
    verdict = replayed(lived, version="other")

    assert verdict.state == "other_version"
    assert verdict.sentence == (
        f"recorded by version {VERSION}, this is other: its decisions may be others"
    )
    assert verdict.seq == 0


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_torn_tail_is_repeated_up_to_the_tear(lived: Path, tmp_path: Path, share: float) -> None:
    file = recording_of(changed(lived, tmp_path, lambda lines: lines))
    data = recording_of(lived).read_bytes()
    file.write_bytes(data[: int(len(data) * share)])

    verdict = replayed(tmp_path)

    assert verdict.state == "torn"
    assert "are no whole block" in verdict.sentence
    assert 0 < verdict.seq < replayed(lived).seq
    assert verdict.facts > 0


def test_a_run_without_an_end_is_repeated_as_far_as_it_goes(lived: Path, tmp_path: Path) -> None:
    verdict = replayed(changed(lived, tmp_path, lambda lines: lines[:-1]))

    assert verdict.state == "torn"
    assert "has no end" in verdict.sentence
    assert verdict.seq == replayed(lived).seq


def test_a_damaged_middle_ends_the_repetition_there(lived: Path, tmp_path: Path) -> None:
    file = recording_of(changed(lived, tmp_path, lambda lines: lines))
    data = bytearray(recording_of(lived).read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    verdict = replayed(tmp_path)

    assert verdict.state == "damaged"
    assert 0 < verdict.seq < replayed(lived).seq


def test_lines_that_are_missing_are_a_hole(lived: Path, tmp_path: Path) -> None:
    verdict = replayed(changed(lived, tmp_path, lambda lines: [*lines[:300], *lines[302:]]))

    assert verdict.state == "hole"
    assert "lines 300 to 301 are missing" in verdict.sentence


def test_a_hole_that_the_recorder_tells_of_says_why(lived: Path, tmp_path: Path) -> None:
    def drop(lines: list[Line]) -> list[Line]:
        told = Mark(302, 1, "simulated", "run-1", Hole(2, "the disk slept"))
        return [*lines[:300], told, *lines[302:]]

    verdict = replayed(changed(lived, tmp_path, drop))

    assert verdict.state == "hole"
    assert "2 lines from line 300 on are lost: the disk slept" in verdict.sentence


def test_a_recording_whose_beginning_made_room_says_so(lived: Path, tmp_path: Path) -> None:
    verdict = replayed(changed(lived, tmp_path, lambda lines: [lines[0], *lines[40:]]))

    assert verdict.state == "hole"
    assert "removed to make room" in verdict.sentence
    assert verdict.seq == 0


def replaced(kind: type, number: int, **changes: object) -> Change:
    """Return the change of fields of a mark."""

    def change(lines: list[Line]) -> list[Line]:
        at = where(lines, kind, number)
        mark = lines[at]
        assert isinstance(mark, Mark)
        inner = msgspec.structs.replace(mark.mark, **changes)
        lines[at] = msgspec.structs.replace(mark, mark=inner)
        return lines

    return change


def of_another_run(lines: list[Line]) -> list[Line]:
    at = where(lines, Taken, 3)
    lines[at] = msgspec.structs.replace(lines[at], run="run-9")
    return lines


def twice_begun(lines: list[Line]) -> list[Line]:
    at = where(lines, Taken, 3)
    began = lines[where(lines, RunBegan)]
    lines[at] = msgspec.structs.replace(began, line=lines[at].line)
    return lines


def never_begun(lines: list[Line]) -> list[Line]:
    at = where(lines, RunBegan)
    call = next(line for line in lines if isinstance(line, Call))
    lines[at] = msgspec.structs.replace(call, line=lines[at].line)
    return lines


def asked_otherwise(lines: list[Line]) -> list[Line]:
    at = next(at for at, line in enumerate(lines) if isinstance(line, Call) and line.line > 50)
    lines[at] = msgspec.structs.replace(lines[at], call="choose")
    return lines


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (of_another_run, "is a mark of run run-9, not of run-1"),
        (replaced(Taken, 3, seq=99_999_999), "goes on with event 99999999 after"),
        (replaced(Taken, 3, items=["feed:x", (1, 500, 1, 0)]), "which has no such"),
        (replaced(Taken, 3, items=["feed:x", (10_000, 0, 1, 0)]), "which has no such"),
        (replaced(Digest, 0, seq=1), "a digest of event 1 stands after event"),
        (replaced(RunBegan, 0, journal="none.journal", ledger_digest="x"), "no ledger to begin"),
        (replaced(RunBegan, 0, ledger_digest="x"), "is not what this run began with"),
        (replaced(RunBegan, 0, setup=msgspec.Raw(b"[]")), "the beginning of the run cannot be"),
        (twice_begun, "begins a second time"),
        (never_begun, "comes before the beginning of the run"),
        (asked_otherwise, "is no call of the simulated market"),
    ],
)
def test_what_does_not_belong_is_refused_with_its_place(
    lived: Path, tmp_path: Path, change: Change, sentence: str
) -> None:
    verdict = replayed(changed(lived, tmp_path, change))

    assert verdict.state == "foreign"
    assert sentence in verdict.sentence


def test_a_run_without_its_journal_needs_one_unless_it_began_with_nothing(
    lived: Path, tmp_path: Path
) -> None:
    path = changed(lived, tmp_path, lambda lines: lines)
    (path / "journal").unlink()

    verdict = replayed(path)

    assert (verdict.state, verdict.facts) == ("equal", 0)


def test_another_time_of_an_event_is_another_state(lived: Path, tmp_path: Path) -> None:
    def later(lines: list[Line]) -> list[Line]:
        at = where(lines, Taken, 20)
        mark = lines[at]
        assert isinstance(mark, Mark)
        assert isinstance(mark.mark, Taken)
        items = [
            msgspec.structs.replace(one, passed_ns=one.passed_ns + 1)
            if isinstance(one, Made)
            else one
            for one in mark.mark.items
        ]
        taken = msgspec.structs.replace(mark.mark, items=items)
        lines[at] = msgspec.structs.replace(mark, mark=taken)
        return lines

    verdict = replayed(changed(lived, tmp_path, later))

    assert verdict.state == "unequal"


def test_a_decision_that_differs_from_the_journal_is_named(lived: Path, tmp_path: Path) -> None:
    def smaller(lines: list[Line]) -> list[Line]:
        for at, line in enumerate(lines):
            if not (isinstance(line, Mark) and isinstance(line.mark, Taken)):
                continue
            text = msgspec.json.encode(line)
            if b'"SubmitOrder"' in text:
                told = text.replace(b'"size":"0.01"', b'"size":"0.02"')
                lines[at] = msgspec.json.decode(told, type=Line)
                return lines
        raise AssertionError("no order was given")

    verdict = replayed(changed(lived, tmp_path, smaller))

    assert verdict.state == "unequal"
    assert "decides otherwise than the journal has it: OrderIntended" in verdict.sentence


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    disk = FaultyFiles()
    disk.space = FREE_BYTES_MIN + 5_000

    host = live(tmp_path, 20, files=disk)

    assert host.facts().recording.startswith("recording stopped: ")
    assert host.facts().recording.endswith("; trading goes on")
    assert host.state.desk.is_journal_ok
    assert len(host.state.desk.fills) > 5


@pytest.mark.nightly
def test_an_hour_is_repeated_to_equal_digests(tmp_path: Path) -> None:
    live(tmp_path, 3_600, order_s=3.0)

    verdict = replayed(tmp_path)

    assert (verdict.state, verdict.sentence) == ("equal", "")
    assert verdict.digests >= 59
