"""What the writer calls durable is on the disk, whatever the disk did on the way."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.model.chance import Chance
from engine.model.errors import InvariantBroken, StorageUnavailable
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.clock import LoopClock, SystemClock
from engine.runtime.journal_writer import (
    WAITING_BYTES_MAX,
    WAITING_MAX,
    JournalFull,
    JournalWriter,
    LoopWorker,
    ThreadWorker,
)
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.journal import Run, open_run, recover
from storage.journal_format import PAYLOAD_MAX, Kind
from tests.fakes.files import NO_SPACE, FaultyFiles

REPOSITORY = Path(__file__).resolve().parents[4]
FOLDER = Path("/data/journal")
SYNC_S = 0.002


def a_writer(files: FaultyFiles, delay_s: Callable[[], float] = lambda: SYNC_S) -> JournalWriter:
    journal = open_run(files, FOLDER, Run("simulated", "run-1", 1), None, b"")
    files.done.clear()
    return JournalWriter(journal, LoopClock(0), LoopWorker(delay_s))


def kept(files: FaultyFiles) -> list[bytes]:
    return list(recover(files, FOLDER, "simulated").facts)


def simulated(
    scenario: Callable[[JournalWriter, FaultyFiles], Awaitable[None]],
    delay_s: Callable[[], float] = lambda: SYNC_S,
    seed: int | None = None,
) -> FaultyFiles:
    """Run a scenario with a writer on virtual time and return the disk."""
    files = FaultyFiles(Chance(1))

    async def main() -> None:
        await scenario(a_writer(files, delay_s), files)

    run(main, seed)
    return files


def seq(taken: int | JournalFull) -> int:
    assert isinstance(taken, int)
    return taken


def test_a_record_is_durable_when_its_sync_is_over() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        first = seq(writer.append(b"a"))
        assert (first, writer.durable_seq, writer.waiting) == (2, 1, 1)

        await writer.durable(first)

        assert asyncio.get_running_loop().time() == SYNC_S
        assert (writer.durable_seq, writer.waiting) == (2, 0)
        files.crash()
        assert kept(files) == [b"a"]

    simulated(scenario)


def test_what_is_durable_already_is_not_waited_for() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        await writer.durable(seq(writer.append(b"a")))
        before = asyncio.get_running_loop().time()

        await writer.durable(1)
        await writer.durable(2)

        assert asyncio.get_running_loop().time() == before

    simulated(scenario)


def test_all_that_waits_is_synced_at_once() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        early = [seq(writer.append(b"early %d" % number)) for number in range(100)]
        await asyncio.sleep(SYNC_S / 2)
        late = [seq(writer.append(b"late %d" % number)) for number in range(100)]

        await asyncio.gather(*[writer.durable(one) for one in (*late, *early)])

        assert files.done["sync"] == 2
        assert asyncio.get_running_loop().time() == 2 * SYNC_S

    assert len(kept(simulated(scenario))) == 200


def test_each_caller_waits_for_its_own_record() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        early = asyncio.ensure_future(writer.durable(seq(writer.append(b"a"))))
        await asyncio.sleep(SYNC_S / 2)
        late = asyncio.ensure_future(writer.durable(seq(writer.append(b"b"))))

        await early

        assert not late.done()
        await late

    simulated(scenario)


def test_a_caller_who_gives_up_hinders_nobody() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        record = seq(writer.append(b"a"))
        impatient = asyncio.ensure_future(writer.durable(record))
        await asyncio.sleep(SYNC_S / 2)
        impatient.cancel()

        await writer.durable(record)

        assert impatient.cancelled()
        assert not writer._waiters

    simulated(scenario)


def test_a_caller_cancelled_in_the_pass_in_which_its_record_became_durable() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        def give_up(operation: str, path: Path) -> None:
            for future in writer._waiters:
                future.cancel()

        impatient = asyncio.ensure_future(writer.durable(seq(writer.append(b"a"))))
        files.on_operation = give_up

        await asyncio.wait([impatient])
        await asyncio.sleep(1)

        assert impatient.cancelled()
        assert (writer.durable_seq, writer.waiting) == (2, 0)

    for seed in range(20):
        simulated(scenario, seed=seed)


def test_a_record_for_which_there_is_no_room_is_refused_and_the_end_still_fits() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.is_read_only = True
        for _ in range(WAITING_MAX):
            seq(writer.append(b""))
        assert writer.append(b"") == JournalFull(WAITING_MAX)
        files.is_read_only = False

        assert await writer.close()

        assert files.done["sync"] == 2

    assert len(kept(simulated(scenario))) == WAITING_MAX


def test_large_records_are_bounded_by_their_bytes() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        large = bytes(PAYLOAD_MAX)
        for _ in range(WAITING_BYTES_MAX // PAYLOAD_MAX):
            seq(writer.append(large))

        assert writer.append(b"1") == JournalFull(4)

        files.is_read_only = True
        with pytest.raises(AssertionError):
            writer.append(large + b"1")

    simulated(scenario)


def test_age_and_refusal_are_told_until_space_returns() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.space = 60
        record = seq(writer.append(b"x" * 50))
        await asyncio.sleep(7)
        assert writer.stalled_ns(7 * NS_PER_S) == 7 * NS_PER_S
        assert writer.failure is not None
        assert writer.failure.problem == NO_SPACE
        assert writer.durable_seq == 1

        files.space = 1_000
        await writer.durable(record)

        assert asyncio.get_running_loop().time() < 7 + 1 + 2 * SYNC_S
        assert writer.stalled_ns(9 * NS_PER_S) == 0
        await writer.close()
        failures.append(writer.failure)

    failures: list[StorageUnavailable | None] = []

    assert kept(simulated(scenario)) == [b"x" * 50]
    assert failures == [None]


def test_an_hour_without_space_is_no_more_than_a_wait() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.is_read_only = True
        record = seq(writer.append(b"a"))
        await asyncio.sleep(3_600)

        files.is_read_only = False
        await writer.durable(record)

    assert kept(simulated(scenario)) == [b"a"]


@pytest.mark.parametrize("operation", ["append", "sync", "truncate"])
@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("times", [1, 3])
def test_a_fault_at_any_write_loses_nothing_and_calls_nothing_durable_too_early(
    operation: str, number: int, times: int
) -> None:
    payloads = [b"%d" % record * 300 for record in range(8)]

    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.fail(operation, number, times=times)
        files.fail("append", number=2)
        for payload in payloads:
            await writer.durable(seq(writer.append(payload)))
            on_disk = bytes(files._shown[FOLDER / "run-1.journal"].disk)
            assert payload in on_disk
        files.crash()

    assert kept(simulated(scenario)) == payloads


def test_what_came_during_a_refusal_goes_with_the_next_try() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.fail("sync")
        first = seq(writer.append(b"a"))
        await asyncio.sleep(0.05)
        second = seq(writer.append(b"b"))

        await asyncio.gather(writer.durable(first), writer.durable(second))

        assert files.done["sync"] == 2

    assert kept(simulated(scenario)) == [b"a", b"b"]


def test_sync_times_are_those_of_the_last_thousand() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        assert (writer.sync_ns_last, writer.sync_ns_p99) == (0, 0)
        for number in range(1_100):
            await writer.durable(seq(writer.append(b"%d" % number)))

        assert writer.sync_ns_last == 1_099 * NS_PER_MS
        assert writer.sync_ns_p99 == 1_089 * NS_PER_MS

    times_ms = iter(range(2_000))
    simulated(scenario, delay_s=lambda: next(times_ms) / 1_000)


def test_a_writer_that_ends_says_so_in_the_journal() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        writer.append(b"state", Kind.CHECKPOINT)
        writer.append(b"a")

        assert await writer.close()

        with pytest.raises(AssertionError):
            writer.append(b"b")

    found = recover(simulated(scenario), FOLDER, "simulated")
    assert (found.checkpoint, found.facts, found.is_orderly) == (b"state", (b"a",), True)


@pytest.mark.parametrize("problem", ["refuses", "never answers"])
def test_closing_does_not_wait_for_ever(problem: str) -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.is_read_only = problem == "refuses"
        files.fail("close")
        record = seq(writer.append(b"a"))
        waiting = asyncio.ensure_future(writer.durable(record))

        assert not await writer.close(within_s=2)

        assert asyncio.get_running_loop().time() == 2
        with pytest.raises(StorageUnavailable, match="closed before the record was durable"):
            await waiting
        await asyncio.sleep(20)

    delay_s = 8.0 if problem == "never answers" else SYNC_S
    files = simulated(scenario, lambda: delay_s)
    tries = files.done["append"] + files.done["truncate"]
    assert tries == (1 if problem == "never answers" else 5)


def test_a_late_refusal_after_closing_is_not_tried_again() -> None:
    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        files.fail("sync")
        writer.append(b"a")
        assert not await writer.close(within_s=2)
        await asyncio.sleep(60)

    files = simulated(scenario, lambda: 8.0)
    assert files.done["append"] == 1


def test_a_program_error_on_the_worker_is_not_taken_for_a_disks() -> None:
    def fail_as_a_program(operation: str, path: Path) -> None:
        if operation == "sync":
            raise ZeroDivisionError

    async def scenario(writer: JournalWriter, files: FaultyFiles) -> None:
        errors: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context.get("exception")))
        files.on_operation = fail_as_a_program

        with pytest.raises(InvariantBroken, match="the journal's worker failed"):
            await writer.durable(seq(writer.append(b"a")))

        late = seq(writer.append(b"b"))
        with pytest.raises(InvariantBroken):
            await writer.durable(late)
        assert not await writer.close()
        assert [type(error) for error in errors] == [ZeroDivisionError]

    simulated(scenario)


# On a real disk, with a real thread.


async def test_a_thread_writes_what_a_start_recovers(tmp_path: Path) -> None:
    files = DiskFiles()
    journal = open_run(files, tmp_path, Run("simulated", "run-1", 1), None, b"state")
    writer = JournalWriter(journal, SystemClock(), ThreadWorker())

    async def client(name: int) -> None:
        for number in range(20):
            await writer.durable(seq(writer.append(b"%d:%d" % (name, number))))

    await asyncio.gather(*[client(name) for name in range(10)])
    assert await writer.close()

    found = recover(files, tmp_path, "simulated")
    assert sorted(found.facts) == sorted(b"%d:%d" % (i, j) for i in range(10) for j in range(20))
    assert found.is_orderly
    assert writer.sync_ns_last > 0


def test_a_worker_that_is_late_for_its_loop_is_silent(tmp_path: Path) -> None:
    gate: list[Callable[[], None]] = []

    class Held:
        def run(self, job: Callable[[], None]) -> None:
            gate.append(job)

        def stop(self) -> None: ...

    async def main() -> None:
        files = FaultyFiles()
        journal = open_run(files, FOLDER, Run("simulated", "run-1", 1), None, b"")
        writer = JournalWriter(journal, SystemClock(), Held())
        writer.append(b"a")
        assert not await writer.close(within_s=0.001)

    asyncio.run(main())

    for job in gate:
        job()


def test_a_thread_ends_after_what_was_handed_over() -> None:
    said: list[str] = []
    before = set(threading.enumerate())
    worker = ThreadWorker()
    (thread,) = set(threading.enumerate()) - before
    worker.run(lambda: said.append("first"))
    worker.run(lambda: said.append("second"))
    worker.stop()

    thread.join(timeout=60)

    assert not thread.is_alive()
    assert said == ["first", "second"]


CHILD = """
import asyncio, sys
from pathlib import Path
from engine.runtime.clock import SystemClock
from engine.runtime.journal_writer import JournalWriter, ThreadWorker
from storage.files import DiskFiles
from storage.journal import Run, open_run, recover

async def main(folder, run_id):
    files = DiskFiles()
    before = recover(files, folder, "simulated")
    state = (before.checkpoint or b"") + b"".join(before.facts)
    journal = open_run(files, folder, Run("simulated", run_id, 1), before.previous, state)
    writer = JournalWriter(journal, SystemClock(), ThreadWorker())

    async def client(name):
        for number in range(10_000_000):
            fact = f"{run_id}:{name}:{number};".encode()
            await writer.durable(writer.append(fact))
            sys.stdout.buffer.write(fact)
            sys.stdout.buffer.flush()

    await asyncio.gather(*[client(name) for name in range(5)])

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.slow
def test_twenty_killed_processes_lose_nothing_that_they_acknowledged(tmp_path: Path) -> None:
    chance = Chance(1)
    acknowledged: set[bytes] = set()

    for number in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path), f"run-{number:02}"],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        said = child.stdout.read(chance.between(1, 3_000))
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read()
        child.wait()
        child.stdout.close()
        acknowledged |= set(said.split(b";")[:-1])

        found = recover(DiskFiles(), tmp_path, "simulated")
        state = ((found.checkpoint or b"") + b"".join(found.facts)).split(b";")[:-1]
        assert acknowledged <= set(state)
        assert len(state) == len(set(state))
        assert not found.is_orderly

    assert len(acknowledged) > 500
