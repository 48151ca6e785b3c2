"""The latch file: it is there or it is not, and what it says does not matter."""

import asyncio
import os
import resource
import signal
import stat
from pathlib import Path

import msgspec
import pytest

from engine.model.chance import Chance
from engine.model.effects import (
    Effect,
    Record,
    SendCancel,
)
from engine.model.errors import StorageUnavailable
from engine.model.facts import (
    OrderRejected,
    TradingStateSet,
)
from engine.runtime.journal_writer import LoopWorker, ThreadWorker
from engine.runtime.latch import RETRY_S, LatchFile, LatchKeeper, LatchNote
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.journal import recover
from tests.unit.engine.runtime.trading_desk import (
    FOLDER,
    LATCH_S,
    SYNC_S,
    Desk,
    a_state,
    an_amend,
    an_order,
    is_latched,
    simulated,
)

SEEDS = range(30)
NOTE = LatchNote(7, "by hand")


@pytest.fixture
def file(tmp_path: Path) -> LatchFile:
    return LatchFile(tmp_path / "kill.latch", DiskFiles())


def test_writing_sets_and_clearing_clears(file: LatchFile) -> None:
    assert not file.is_set()

    file.write(NOTE)
    assert file.is_set()
    assert msgspec.json.decode(file.path.read_bytes(), type=LatchNote) == NOTE
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600

    file.clear()
    assert not file.is_set()


def test_both_may_be_said_twice(file: LatchFile) -> None:
    file.clear()
    file.write(NOTE)
    file.write(NOTE)
    assert file.is_set()

    file.clear()
    file.clear()
    assert not file.is_set()


@pytest.mark.parametrize("content", [b"", b"\0", b"no", b"\xff" * 10_000])
def test_any_content_is_set(file: LatchFile, content: bytes) -> None:
    file.path.write_bytes(content)

    assert file.is_set()


def test_whatever_has_the_name_is_set(file: LatchFile) -> None:
    file.path.symlink_to("/nowhere")
    assert file.is_set()
    file.path.unlink()

    file.path.mkdir()
    assert file.is_set()


def test_a_folder_that_cannot_be_looked_into_counts_as_set(tmp_path: Path) -> None:
    (tmp_path / "not a folder").touch()

    assert LatchFile(tmp_path / "not a folder" / "kill.latch", DiskFiles()).is_set()


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    file = LatchFile(tmp_path / "none" / "kill.latch", DiskFiles())

    with pytest.raises(StorageUnavailable, match="No such file"):
        file.write(NOTE)


def test_what_cannot_be_removed_is_told(file: LatchFile) -> None:
    file.path.mkdir()

    with pytest.raises(StorageUnavailable):
        file.clear()
    assert file.is_set()


def test_without_room_for_the_note_the_file_alone_is_enough(file: LatchFile) -> None:
    pid = os.fork()
    if pid == 0:
        # In a process of its own: the limit holds for all of it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        file.write(NOTE)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert file.is_set()
    assert file.path.read_bytes() == b""


# As the trading shell keeps it.


@pytest.mark.parametrize("effects", [an_order(), an_amend()])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_latch_between_durable_and_leaving_holds_everything_back(
    tmp_path: Path, effects: tuple[Effect, ...], seed: int
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*effects)
        await asyncio.sleep(SYNC_S * 0.5)
        latched_at = []

        def latch() -> None:
            latched_at.append(list(desk.venue.got))
            desk.shell.latch("now")

        asyncio.get_running_loop().call_later(SYNC_S * 0.5, latch)
        await asyncio.sleep(5)

        assert desk.venue.got == latched_at[0]

    simulated(tmp_path, scenario, seed)


def test_what_the_latch_holds_back_is_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*an_order())
        desk.shell.latch("now")
        await asyncio.sleep(5)

        assert desk.venue.got == []
        (event,) = desk.events
        assert isinstance(event, OrderRejected)
        assert "kill switch" in event.reason
        assert desk.answers[0].outcome.verdict == "refused"

    simulated(tmp_path, scenario)


def test_the_latch_holds_before_the_disk_has_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.latch("now")
        assert (is_latched(desk), desk.shell.is_persisted) == (True, False)

        await asyncio.sleep(LATCH_S * 1.1)

        assert desk.shell.is_persisted
        assert desk.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_latch_that_the_disk_refused_is_written_when_it_can_be(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.latch_file.refuses = True
        desk.shell.latch("now")
        await asyncio.sleep(5)
        assert is_latched(desk)
        assert not desk.shell.is_persisted

        desk.latch_file.refuses = False
        await asyncio.sleep(RETRY_S + LATCH_S)

        assert desk.shell.is_persisted

    simulated(tmp_path, scenario)


def test_an_error_of_the_program_leaves_the_latch_wanted_and_it_is_tried_again(
    tmp_path: Path,
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.latch_file.error = ValueError("oops")
        desk.shell.latch("now")
        await asyncio.sleep(5)
        assert (is_latched(desk), desk.shell.is_persisted) == (True, False)

        desk.latch_file.error = None
        await asyncio.sleep(RETRY_S + LATCH_S)
        assert desk.shell.is_persisted

        desk.latch_file.error = ValueError("oops")
        desk.take(a_state("active"))
        await asyncio.sleep(5)
        assert is_latched(desk)

        desk.latch_file.error = None
        await asyncio.sleep(RETRY_S + LATCH_S)
        assert not is_latched(desk)

    simulated(tmp_path, scenario)


def test_an_error_of_the_program_does_not_end_the_thread_that_keeps_the_latch(
    file: LatchFile,
) -> None:
    """On a real thread: its end would be silent."""

    class Failing(LatchFile):
        left = 2

        def write(self, note: LatchNote) -> None:
            if self.left:
                self.left -= 1
                raise TypeError("oops")
            super().write(note)

    async def main() -> None:
        keeper = LatchKeeper(Failing(file.path, DiskFiles()), ThreadWorker("latch"), lambda: None)
        keeper.keep(NOTE)
        assert await keeper.close(10)

    asyncio.run(main())
    assert file.is_set()


def test_a_release_opens_only_when_the_file_is_gone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.take(a_state("active"))
        await asyncio.sleep(LATCH_S * 0.9)
        assert is_latched(desk)

        await asyncio.sleep(LATCH_S)

        assert not is_latched(desk)
        assert not desk.shell.is_persisted
        assert not desk.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_file_that_cannot_be_removed_keeps_the_latch_until_it_can(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.latch_file.refuses = True
        desk.take(a_state("active"))
        await asyncio.sleep(5)
        assert is_latched(desk)

        desk.latch_file.refuses = False
        await asyncio.sleep(RETRY_S + LATCH_S)

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_was_said_last_of_the_latch_holds_in_memory_and_on_disk(
    tmp_path: Path, seed: int
) -> None:
    """Kills and releases at any moment of the disk's work."""

    async def scenario(desk: Desk) -> None:
        desk.start()
        chance = Chance(seed)
        is_killed = False
        for _ in range(60):
            is_killed = chance.happens(0.5)
            desk.latch_s = chance.below(200) / 1_000
            desk.latch_file.refuses = chance.happens(0.2)
            desk.take(a_state("killed" if is_killed else "active"))
            assert desk.shell.is_latched or not is_killed
            await asyncio.sleep(chance.below(150) / 1_000)
        desk.latch_file.refuses = False
        await asyncio.sleep(20)

        assert desk.shell.is_latched is is_killed
        assert desk.shell.is_persisted is is_killed
        assert desk.latch_file.is_set() is is_killed

    simulated(tmp_path, scenario, seed)


def test_a_release_does_not_undo_a_kill_that_the_kernel_has_not_seen(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.shell.expect_kill("again")
        desk.take(a_state("active"))
        await asyncio.sleep(1)
        assert is_latched(desk)

        desk.shell.kill_seen()
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        assert desk.shell.is_persisted
        desk.take(a_state("active"))
        await asyncio.sleep(1)

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


def test_a_kill_by_a_rule_asks_for_the_cancels_of_a_kill_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.take(a_state("killed", "loss"))
        desk.take(a_state("killed", "loss"))

        assert desk.kills == ["loss"]

    simulated(tmp_path, scenario)


def test_other_scopes_and_other_states_leave_the_latch_alone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("halted"))
        desk.take(Record(TradingStateSet(1, "strategy:x", "killed", "why")))

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


def test_a_start_is_killed_by_the_run_before_or_by_the_file(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        assert desk.kills == []
        desk.start(killed_for="loss")
        desk.latch_file.path.write_bytes(b"\xff")
        desk.start()

        assert desk.kills == ["loss", "kill file"]

    simulated(tmp_path, scenario)


def test_a_file_that_appears_kills_within_half_a_second(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        await asyncio.sleep(3.14)
        desk.latch_file.path.touch()
        await asyncio.sleep(0.5)

        assert desk.kills[:1] == ["kill file"]

    simulated(tmp_path, scenario)


def test_a_stop_in_the_middle_of_a_kill_leaves_the_file(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.take(a_state("killed"))
        for task in desk.tasks:
            task.cancel()
        await desk.shell.close()

        assert desk.latch_file.is_set()
        desk.disk.crash()
        assert recover(desk.disk, FOLDER, "paper").is_orderly

    simulated(tmp_path, scenario)


def test_a_stop_waits_for_a_broken_disk_only_so_long(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.latch_file.refuses = True
        desk.disk.space = 0
        desk.shell.latch("now")

        await desk.shell.close()

        assert asyncio.get_running_loop().time() < 10

    simulated(tmp_path, scenario)


def test_where_nothing_was_ever_wanted_a_stop_waits_for_nothing(file: LatchFile) -> None:
    async def main() -> None:
        keeper = LatchKeeper(file, LoopWorker(lambda: LATCH_S), lambda: None)
        assert (keeper.is_wanted, keeper.is_kept) == (False, False)

        assert await keeper.close(10)
        assert asyncio.get_running_loop().time() == 0

    run(main)


def test_a_stop_waits_for_the_disk_and_no_longer(file: LatchFile) -> None:
    async def main() -> None:
        keeper = LatchKeeper(file, LoopWorker(lambda: LATCH_S), lambda: None)
        keeper.keep(NOTE)

        assert await keeper.close(10)
        assert asyncio.get_running_loop().time() == LATCH_S
        assert keeper.is_kept

    run(main)


def test_a_disk_that_answers_after_the_stop_troubles_nobody(file: LatchFile) -> None:
    async def main() -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
        keeper = LatchKeeper(file, LoopWorker(lambda: 5), lambda: None)
        keeper.keep(NOTE)
        assert not await keeper.close(2)

        await asyncio.sleep(5)

        assert keeper.is_kept
        assert errors == []

    run(main)


def test_after_a_halt_cancels_are_all_that_passes(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.halt()
        desk.take(*an_order(), SendCancel("b"))
        await asyncio.sleep(1)

        assert desk.venue.got == [("cancel", "b")]
        assert not desk.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_halt_outlives_every_release(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.halt()
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        assert desk.latch_file.is_set()
        desk.take(a_state("active"))
        await asyncio.sleep(1)
        assert not desk.latch_file.is_set()

        desk.take(*an_order())
        await asyncio.sleep(1)

        assert is_latched(desk)
        assert desk.venue.got == []
        (refused,) = desk.events
        assert isinstance(refused, OrderRejected)
        assert "start the engine anew" in refused.reason

    simulated(tmp_path, scenario)


def test_after_a_halt_a_rule_still_kills(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.shell.halt()
        desk.take(a_state("killed", "loss"))

        assert desk.kills == ["loss"]

    simulated(tmp_path, scenario)


def test_after_a_halt_the_kill_file_still_kills(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.shell.halt()
        desk.latch_file.path.touch()
        await asyncio.sleep(0.5)

        assert desk.kills[:1] == ["kill file"]

    simulated(tmp_path, scenario)
