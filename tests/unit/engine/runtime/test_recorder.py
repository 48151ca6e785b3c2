"""The recorder: blocks each second, events by their place, holes where the disk lags or refuses."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.kernel.state import KernelState
from engine.model.envelope import TimerFired
from engine.model.numbers import NS_PER_S
from engine.runtime import recorder as recorder_module
from engine.runtime.clock import LoopClock
from engine.runtime.journal_writer import LoopWorker, ThreadWorker
from engine.runtime.recorder import DIGEST_NS, Recorder
from engine.runtime.virtual_loop import run
from storage.recording_format import Call, Digest, Line, Made, Mark, RunBegan, Taken, TakenItem
from storage.recording_reader import RunReader, recorded_files, run_named
from storage.recording_writer import FREE_BYTES_MIN, RecordingWriter
from tests.builders import START_NS, a_trade
from tests.fakes.files import NO_SPACE, FaultyFiles

FOLDER = Path("/data/recordings")
FRAME = '{"e":"trade"}'
FAST = 0.001

Scenario = Callable[[Recorder], Awaitable[None]]


def recorded(
    scenario: Scenario, files: FaultyFiles | None = None, delay_s: Callable[[], float] | None = None
) -> tuple[list[Line], RunReader]:
    """Let a recorder live through a scenario; return what is in the recording."""
    files = files or FaultyFiles()

    async def main() -> None:
        writer = RecordingWriter(files, FOLDER, "okx", "run-1", 2**30)
        worker = LoopWorker(delay_s or (lambda: FAST))
        recorder = Recorder("okx", "run-1", writer, LoopClock(START_NS), worker)
        await scenario(recorder)
        await recorder.close()
        await asyncio.sleep(1)

    run(main)
    reader = run_named(files, FOLDER)
    return list(reader), reader


def taken_in(lines: list[Line]) -> list[Taken]:
    return [line.mark for line in lines if isinstance(line, Mark) and isinstance(line.mark, Taken)]


def test_a_frame_is_on_the_disk_a_second_later() -> None:
    files = FaultyFiles()

    async def scenario(recorder: Recorder) -> None:
        recorder.frame(FRAME, 5)
        await asyncio.sleep(0.9)
        assert files.names(FOLDER) == []
        await asyncio.sleep(0.2)
        assert [line.line for line in run_named(files, FOLDER)] == [1]

    recorded(scenario, files)


def test_a_thousand_lines_do_not_wait_for_the_second() -> None:
    files = FaultyFiles()

    async def scenario(recorder: Recorder) -> None:
        for _ in range(1_000):
            recorder.frame(FRAME, 5)
        await asyncio.sleep(0.01)
        assert len(list(run_named(files, FOLDER))) == 1_000

    recorded(scenario, files)


def test_an_event_is_named_by_its_line_and_its_place_there() -> None:
    async def scenario(recorder: Recorder) -> None:
        trades = [a_trade(), a_trade(), a_trade()]
        recorder.gave(recorder.frame(FRAME, 5), trades)
        other = a_trade()
        recorder.gave(recorder.frame(FRAME, 6), [other])
        for seq, event in enumerate((*trades, other), start=8):
            recorder.taken(seq, 100, "feed:okx", event)

    lines, _ = recorded(scenario)

    assert taken_in(lines) == [Taken(8, ["feed:okx", (2, 0, 3, 0), (1, 0, 1, 0)])]


def test_events_of_one_line_that_were_taken_apart_stand_apart() -> None:
    async def scenario(recorder: Recorder) -> None:
        one, two, three = [a_trade(), a_trade(), a_trade()]
        recorder.gave(recorder.frame(FRAME, 5), [one, two, three])
        recorder.taken(1, 100, "feed:okx", one)
        recorder.taken(2, 107, "feed:okx", three)
        recorder.taken(3, 107, "other", two)

    lines, _ = recorded(scenario)

    items: list[TakenItem] = ["feed:okx", (1, 0, 1, 0), (1, 2, 1, 7), "other", (1, 1, 1, 0)]
    assert taken_in(lines) == [Taken(1, items)]
    assert lines[-1].recv_ns == 100


def test_what_no_line_gave_is_in_the_mark_itself() -> None:
    fired = TimerFired("freshness", 9)

    async def scenario(recorder: Recorder) -> None:
        recorder.taken(1, 100, "timer", fired)

    lines, _ = recorded(scenario)

    assert taken_in(lines) == [Taken(1, ["timer", Made(0, fired)])]


def test_an_event_that_waited_too_long_is_carried_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "REACH", 10)
    monkeypatch.setattr(recorder_module, "PLACES_MAX", 2)
    far, forgotten, near = a_trade(), a_trade(), a_trade()

    async def scenario(recorder: Recorder) -> None:
        recorder.gave(recorder.frame(FRAME, 5), [forgotten, far])
        for _ in range(11):
            recorder.frame(FRAME, 5)
        recorder.gave(recorder.frame(FRAME, 5), [near])
        for seq, event in enumerate((forgotten, far, near), start=1):
            recorder.taken(seq, 100, "feed:okx", event)

    lines, _ = recorded(scenario)

    items: list[TakenItem] = ["feed:okx", Made(0, forgotten), Made(0, far), (1, 0, 1, 0)]
    assert taken_in(lines) == [Taken(1, items)]


def test_marks_have_an_end_also_in_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "ITEMS_MAX", 3)

    async def scenario(recorder: Recorder) -> None:
        for seq in range(1, 6):
            recorder.taken(seq, seq, "timer", TimerFired("x", seq))

    lines, _ = recorded(scenario)

    assert [mark.seq for mark in taken_in(lines)] == [1, 3, 5]


def test_the_beginning_says_what_the_run_was_set_up_with() -> None:
    async def scenario(recorder: Recorder) -> None:
        recorder.begin(KernelState(), "1.2", "sim", "run-1.journal")
        recorder.call(Call(0, 7, "", "advance", (0,)))

    lines, _ = recorded(scenario)

    began = lines[0]
    assert isinstance(began, Mark)
    assert isinstance(began.mark, RunBegan)
    assert (began.mark.version, began.mark.mode, began.mark.journal) == (
        "1.2",
        "sim",
        "run-1.journal",
    )
    assert lines[1] == Call(2, 7, "okx", "advance", (0,))


def test_a_digest_is_due_each_minute_and_sooner_where_nothing_waits() -> None:
    async def scenario(recorder: Recorder) -> None:
        recorder.begin(KernelState(), "1", "sim", "")
        due_ns = START_NS + DIGEST_NS
        assert not recorder.is_digest_due(due_ns - 1, is_idle=True)
        assert recorder.is_digest_due(due_ns, is_idle=True)
        assert not recorder.is_digest_due(due_ns, is_idle=False)
        assert recorder.is_digest_due(due_ns + DIGEST_NS, is_idle=False)
        recorder.taken(1, 5, "timer", TimerFired("x", 1))
        recorder.digest(1, lambda: "abc", is_end=True)
        assert not recorder.is_digest_due(due_ns - 1, is_idle=True)

    lines, _ = recorded(scenario)

    marks = [line.mark for line in lines if isinstance(line, Mark)]
    assert marks[-2:] == [
        Taken(1, ["timer", Made(0, TimerFired("x", 1))]),
        Digest(1, "abc", is_end=True),
    ]


def test_a_slow_disk_costs_the_oldest_lines_and_the_recording_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "WAITING_BYTES_MAX", 1_000)
    delays = iter([FAST, 60.0])

    async def scenario(recorder: Recorder) -> None:
        recorder.begin(KernelState(), "1", "sim", "")
        for _ in range(30):
            recorder.frame(FRAME, 5)
            await asyncio.sleep(1.5)
            assert recorder.waiting_bytes <= 1_000
        assert recorder.problem.startswith("the recording has a hole: ")
        await asyncio.sleep(60)

    lines, reader = recorded(scenario, delay_s=lambda: next(delays, FAST))

    assert [line.line for line in lines] == [1, 2]
    assert reader.flaw is not None
    assert reader.flaw.kind == "hole"
    assert "the disk did not take them in time" in reader.flaw.sentence


def test_a_full_disk_stops_the_recording_until_there_is_room() -> None:
    files = FaultyFiles()

    async def scenario(recorder: Recorder) -> None:
        recorder.frame(FRAME, 5)
        await asyncio.sleep(2)
        files.space = FREE_BYTES_MIN - 1
        recorder.frame(FRAME, 6)
        await asyncio.sleep(2)
        assert recorder.problem == (
            f"recording stopped: {FOLDER}: less than 200 MiB are left on the disk; trading goes on"
        )
        files.space = 2**40
        recorder.frame(FRAME, 7)
        await asyncio.sleep(2)
        assert recorder.problem.startswith("recording stopped")
        await asyncio.sleep(10)
        recorder.frame(FRAME, 8)
        await asyncio.sleep(2)
        assert recorder.problem == "the recording has a hole: 2 lines were lost"

    lines, reader = recorded(scenario, files)

    assert [line.recv_ns for line in lines] == [5]
    assert reader.flaw is not None
    assert "2 lines from line 2 on are lost" in reader.flaw.sentence


def test_a_write_that_fails_midway_is_a_hole_and_no_garbage() -> None:
    files = FaultyFiles()

    async def scenario(recorder: Recorder) -> None:
        recorder.frame(FRAME, 5)
        await asyncio.sleep(2)
        files.fail("append", problem=NO_SPACE)
        recorder.frame(FRAME, 6)
        await asyncio.sleep(20)
        recorder.frame(FRAME, 7)
        await asyncio.sleep(2)

    lines, reader = recorded(scenario, files)

    assert [line.line for line in lines] == [1]
    assert reader.flaw is not None
    assert NO_SPACE in reader.flaw.sentence


def test_a_recorder_that_breaks_says_so_and_nothing_else_does() -> None:
    class Broken(FaultyFiles):
        def free_bytes(self, folder: Path) -> int:
            raise RuntimeError(folder)

    async def main() -> None:
        writer = RecordingWriter(Broken(), FOLDER, "okx", "run-1", 2**30)
        worker = LoopWorker(lambda: FAST)
        recorder = Recorder("okx", "run-1", writer, LoopClock(START_NS), worker)
        recorder.frame(FRAME, 5)
        await asyncio.sleep(2)
        told = "recording stopped: the recorder failed, see the log; trading goes on"
        assert recorder.problem == told
        with pytest.raises(RuntimeError, match="data"):
            await recorder.watch()
        assert not await recorder.close()

    run(main)


def test_what_breaks_while_dead_runs_are_mended_is_told_and_ends_no_recording() -> None:
    class Broken(RecordingWriter):
        def mend(self) -> list[str]:
            raise ValueError("unforeseen")

    async def main() -> None:
        files, worker = FaultyFiles(), ThreadWorker("recorder")
        writer = Broken(files, FOLDER, "okx", "run-1", 2**30)
        recorder = Recorder("okx", "run-1", writer, LoopClock(START_NS), worker)
        recorder.begin(KernelState(), "1", "sim", "")
        with pytest.raises(ValueError, match="unforeseen"):
            await recorder.watch()
        assert await recorder.close()
        assert run_named(files, FOLDER).run == "run-1"

    asyncio.run(main())


def test_a_disk_that_never_answers_holds_up_the_end_for_seconds_only() -> None:
    async def main() -> None:
        writer = RecordingWriter(FaultyFiles(), FOLDER, "okx", "run-1", 2**30)
        worker = LoopWorker(lambda: 3_600.0)
        recorder = Recorder("okx", "run-1", writer, LoopClock(START_NS), worker)
        recorder.frame(FRAME, 5)

        before = asyncio.get_running_loop().time()
        is_done = await recorder.close()

        assert not is_done
        assert asyncio.get_running_loop().time() - before <= 6

    run(main)


def test_dead_runs_are_mended_when_a_run_begins() -> None:
    files = FaultyFiles()
    dead = RecordingWriter(files, FOLDER, "okx", "run-0", 2**30)
    dead.write([Call(1, START_NS - 3_600 * NS_PER_S, "okx", "choose", (("A",),))])

    async def scenario(recorder: Recorder) -> None:
        recorder.begin(KernelState(), "1", "sim", "")
        await asyncio.sleep(2)

    recorded(scenario, files)

    names = [path.name for path in recorded_files(files, FOLDER)]
    assert len(names) == 2
    assert not [name for name in names if name.endswith(".open")]
