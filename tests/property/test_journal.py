"""The journal under every power cut and every damage that chance can think of.

What was called durable is there after a crash, in order, and nothing that was not appended; what
is read from a damaged file is the beginning of what was written, or a refusal.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.chance import Chance
from engine.model.errors import JournalCorrupt, StorageUnavailable
from engine.runtime.clock import LoopClock
from engine.runtime.journal_writer import JournalFull, JournalWriter, LoopWorker
from engine.runtime.virtual_loop import run
from storage.journal import Recovered, Run, open_run, recover, verify
from storage.journal_format import Header, Kind, encode_group, encode_header
from storage.journal_reader import JournalReader
from tests.fakes.files import FAILING, NO_SPACE, FaultyFiles, PowerCut

FOLDER = Path("/data/journal")
CYCLES = 10
"""Crashes that one disk goes through."""


class Machine:
    """Runs, crashes and starts engines on one disk, and remembers what they were told."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Chance(seed)
        self.files = FaultyFiles(self.chance)
        self.appended: list[bytes] = []
        """What the newest run knows: all facts that it began with, then those it appended."""
        self.durable = 0
        """How many of these must be there after whatever happens."""
        self.cycle = 0

    def live_and_die(self) -> None:
        """Run one engine until the power goes or it ends, and check what is left."""
        self.cycle += 1
        self._draw_faults()
        with suppress(PowerCut):
            run(self._engine, self.chance.next_u64())
        if self.chance.happens(0.8):
            self.files.crash()
        else:
            self.files.kill()
        self._repair()
        self.check(recover(self.files, FOLDER, "simulated"))
        assert not any(finding.is_damage for finding in verify(self.files, FOLDER)), self.seed

    def check(self, found: Recovered) -> int:
        """Compare what a start would find with what was said; return how many facts that is."""
        where = f"seed {self.seed}, cycle {self.cycle}"
        count, _, newest = (found.checkpoint or b"0;").partition(b";")
        known = int(count)
        assert self.appended[:known][-1:] == [newest][: min(known, 1)], where
        assert list(found.facts) == self.appended[known : known + len(found.facts)], where
        assert known + len(found.facts) >= self.durable, where
        return known + len(found.facts)

    def _draw_faults(self) -> None:
        chance, files = self.chance, self.files
        files.cut_at = files.done["all"] + chance.between(1, 30)
        for operation in ("append", "sync", "truncate", "rename"):
            if chance.happens(0.2):
                files.fail(operation, chance.between(1, 8), FAILING, chance.between(1, 3))
        if chance.happens(0.1):
            files.space = chance.below(20_000)

    def _repair(self) -> None:
        self.files._faults.clear()
        self.files.space = 1 << 40

    async def _engine(self) -> None:
        files, chance = self.files, self.chance
        found = recover(files, FOLDER, "simulated")
        known = self.check(found)
        del self.appended[known:]
        state = b"%d;" % known + b"".join(self.appended[-1:])
        this_run = Run("simulated", f"run-{self.cycle:04}", self.cycle)
        try:
            journal = open_run(files, FOLDER, this_run, found.previous, state)
        except StorageUnavailable:
            return
        self.durable = known
        writer = JournalWriter(journal, LoopClock(0), LoopWorker(lambda: chance.exponential(0.01)))
        clients = [self._client(writer, number) for number in range(3)]
        await asyncio.gather(*clients)
        if await writer.close(within_s=5):
            self.durable = len(self.appended)

    async def _client(self, writer: JournalWriter, number: int) -> None:
        for step in range(self.chance.between(1, 8)):
            await asyncio.sleep(self.chance.exponential(0.01))
            filler = b"." * (self.chance.below(1_500) if self.chance.happens(0.3) else 0)
            seq: int | JournalFull = 0
            for part in range(self.chance.between(1, 3)):
                fact = b"%d:%d:%d:%d%s" % (self.cycle, number, step, part, filler)
                seq = writer.append(fact)
                self.appended.append(fact)
            assert isinstance(seq, int)
            told = len(self.appended)
            try:
                await asyncio.wait_for(writer.durable(seq), timeout=5)
            except TimeoutError:
                continue
            self.durable = max(self.durable, told)


def go_through(seeds: Sequence[int]) -> None:
    for seed in seeds:
        machine = Machine(seed)
        for _ in range(CYCLES):
            machine.live_and_die()


def test_a_thousand_crashes_lose_nothing_that_was_called_durable() -> None:
    go_through(range(100))


@pytest.mark.slow
def test_ten_thousand_crashes_lose_nothing_that_was_called_durable() -> None:
    go_through(range(100, 1_100))


@pytest.mark.parametrize("problem", [NO_SPACE, FAILING])
def test_a_disk_that_refuses_each_write_once_takes_everything_in_the_end(problem: str) -> None:
    for operation in ("append", "sync", "truncate"):
        for number in range(1, 12):
            machine = Machine(number)
            machine.cycle = 1
            machine.files.fail(operation, number + 1, problem, times=2)
            run(machine._engine, number)
            machine.files.crash()
            machine.check(recover(machine.files, FOLDER, "simulated"))
            assert machine.durable == len(machine.appended) > 0


# One file, without a disk.

GROUPS = st.lists(st.lists(st.binary(max_size=700), min_size=1, max_size=5), max_size=8)


def written(groups: list[list[bytes]]) -> tuple[bytes, list[bytes]]:
    data, tail = encode_header(Header("simulated", "run-1", 1, 0))
    for number, payloads in enumerate([[b"state"], *groups]):
        kind = Kind.FACTS if number else Kind.CHECKPOINT
        group, tail = encode_group(tail, [(kind, payload) for payload in payloads])
        data += group
    return data, [b"state", *(payload for payloads in groups for payload in payloads)]


def payloads_in(data: bytes) -> tuple[list[bytes], int] | None:
    """Return what is read and how many bytes are cut, or None for damage."""
    files = FaultyFiles()
    files.put(FOLDER / "run-1.journal", data)
    try:
        reader = JournalReader(files, FOLDER / "run-1.journal")
        return [record.payload for record in reader], reader.torn_bytes
    except JournalCorrupt:
        return None


@given(GROUPS)
def test_what_is_written_is_read(groups: list[list[bytes]]) -> None:
    data, payloads = written(groups)

    assert payloads_in(data) == (payloads, 0)


@given(GROUPS, st.data())
def test_what_is_read_from_a_changed_file_is_the_beginning_of_what_was_written(
    groups: list[list[bytes]], data: st.DataObject
) -> None:
    whole, payloads = written(groups)
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(changed)))
        end = data.draw(st.integers(begin, min(len(changed), begin + 600)))
        changed[begin:end] = data.draw(
            st.one_of(st.binary(max_size=60), st.just(bytes(end - begin)), st.just(b"\xff"))
        )

    found = payloads_in(bytes(changed))

    if found is not None:
        read, torn_bytes = found
        assert read == payloads[: len(read)]
        if read == payloads:
            assert torn_bytes == len(changed) - len(whole)


@given(GROUPS, st.binary(max_size=2_000))
def test_whatever_stands_behind_the_last_record_is_cut(
    groups: list[list[bytes]], garbage: bytes
) -> None:
    data, payloads = written(groups)

    assert payloads_in(data + garbage) == (payloads, len(garbage))


@given(st.binary(max_size=3_000))
def test_what_is_no_journal_is_refused(data: bytes) -> None:
    assert payloads_in(data) is None
