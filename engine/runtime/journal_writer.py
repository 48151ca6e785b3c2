"""Group commit of the journal: whatever waits is written and synced at once, off the loop.

All state belongs to the loop; the worker is handed a group and where it goes, and gives back how
it went. A group that fails is written again from the last durable byte on, with whatever has come
since behind it, until the disk takes it: nothing is dropped, nothing is called durable that did
not sync, and no restart is needed when space returns.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue
from typing import Final, NamedTuple, Protocol

import msgspec

from engine.model.errors import InvariantBroken, StorageUnavailable
from engine.runtime.clock import Clock
from storage.base import AppendFile
from storage.journal import OpenJournal
from storage.journal_format import GROUP_RECORDS_MAX, PAYLOAD_MAX, Kind, Tail, encode_group

WAITING_MAX: Final = 10_000
"""Records that are not durable yet; one more is refused, and trading is halted."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""Four of the largest records; some thousand times what usually waits."""
RETRY_S_MIN: Final = 0.1
RETRY_S_MAX: Final = 1.0
"""Returned space is used within a second."""
DOUBLINGS_MAX: Final = 10
SYNCS_KEPT: Final = 1_000
CLOSE_S: Final = 3.0


class JournalFull(msgspec.Struct, frozen=True):
    """The verdict on a record for which there is no room: it is not in the journal."""

    waiting: int
    """Records that the disk has not taken yet."""


class Worker(Protocol):
    """Runs one job after the other, somewhere that may wait for a disk."""

    def run(self, job: Callable[[], None]) -> None:
        """Run this after all that was handed over before; does not wait."""

    def stop(self) -> None:
        """End after what was handed over."""


class ThreadWorker:
    """A thread of its own, which does not keep the process alive if the disk never answers."""

    def __init__(self, name: str = "journal") -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, job: Callable[[], None]) -> None:
        """Run this on the thread."""
        self._jobs.put(job)

    def stop(self) -> None:
        """End the thread after what was handed over."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class LoopWorker:
    """For loops with virtual time: runs jobs on the loop, each after a delay.

    Args:
        delay_s: Gives how long the next job takes.
    """

    def __init__(self, delay_s: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay_s = delay_s
        self._free_at = self._loop.time()

    def run(self, job: Callable[[], None]) -> None:
        """Run this when its time is over, and that of all before it."""
        self._free_at = max(self._free_at, self._loop.time()) + self._delay_s()
        self._loop.call_at(self._free_at, job)

    def stop(self) -> None:
        """There is nothing to end."""


class _Waiting(NamedTuple):
    kind: Kind
    payload: bytes
    at_ns: int


class _Group(NamedTuple):
    """What the worker needs to know; it sees nothing else."""

    records: list[tuple[Kind, bytes]]
    tail: Tail
    is_again: bool
    """Whether something may stand behind the tail, or be lost in front of it."""
    started_ns: int


class _Durable(NamedTuple):
    tail: Tail
    records: int
    took_ns: int


class JournalWriter:
    """Keeps one run's journal.

    Args:
        journal: The run's file, which is the writer's from now on.
        clock: For ages and durations; read on the worker too.
        worker: Does the writing, and is stopped in the end.
    """

    def __init__(self, journal: OpenJournal, clock: Clock, worker: Worker) -> None:
        self._loop = asyncio.get_running_loop()
        self._file: AppendFile = journal.file
        self._tail = journal.tail
        self._clock = clock
        self._worker = worker
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._waiters: dict[asyncio.Future[None], int] = {}
        self._next: asyncio.Handle | None = None
        self._is_writing = False
        self._is_closing = False
        self._is_over = False
        self._failures = 0
        self._failure: StorageUnavailable | None = None
        self._broken: InvariantBroken | None = None
        self._syncs_ns: deque[int] = deque(maxlen=SYNCS_KEPT)

    @property
    def durable_seq(self) -> int:
        """The last record that survives a power cut."""
        return self._tail.sequence

    @property
    def waiting(self) -> int:
        """Records that are not durable yet."""
        return len(self._waiting)

    @property
    def failure(self) -> StorageUnavailable | None:
        """What the disk said to the last group, if it refused it."""
        return self._failure

    @property
    def sync_ns_last(self) -> int:
        """How long the last group took from hand-over to durable; 0 before the first."""
        return self._syncs_ns[-1] if self._syncs_ns else 0

    @property
    def sync_ns_p99(self) -> int:
        """The same that 99 of 100 of the last `SYNCS_KEPT` groups did not exceed."""
        ordered = sorted(self._syncs_ns)
        return ordered[(len(ordered) * 99 - 1) // 100] if ordered else 0

    def stalled_ns(self, now_ns: int) -> int:
        """Return how long the oldest record that is not durable has waited."""
        return now_ns - self._waiting[0].at_ns if self._waiting else 0

    def append(self, payload: bytes, kind: Kind = Kind.FACTS) -> int | JournalFull:
        """Take a record in and return its sequence number; never waits.

        What is appended before the loop turns again is one group.
        """
        assert not self._is_closing
        assert len(payload) <= PAYLOAD_MAX
        if self.waiting >= WAITING_MAX or self._waiting_bytes + len(payload) > WAITING_BYTES_MAX:
            return JournalFull(self.waiting)
        return self._take(kind, payload)

    async def durable(self, seq: int) -> None:
        """Wait until this record survives a power cut, for as long as that takes.

        Raises:
            StorageUnavailable: The journal was closed before.
            InvariantBroken: The worker failed in a way that no disk explains.
        """
        assert seq <= self.durable_seq + self.waiting
        if seq <= self.durable_seq:
            return
        if self._broken is not None:
            raise self._broken
        future = self._loop.create_future()
        self._waiters[future] = seq
        try:
            await future
        finally:
            self._waiters.pop(future, None)

    async def close(self, within_s: float = CLOSE_S) -> bool:
        """Write that the run ends here and let go of the file.

        Returns:
            Whether everything became durable in time. If not, what waits is lost with the
            process, and the next start sees a crash.
        """
        last = self._take(Kind.END, b"")
        self._is_closing = True
        with suppress(TimeoutError, InvariantBroken):
            async with asyncio.timeout(within_s):
                await self.durable(last)
        self._is_over = True
        if self._next is not None:
            self._next.cancel()
        self._tell_all(StorageUnavailable("journal", "closed before the record was durable"))
        self._worker.run(self._let_go)
        self._worker.stop()
        return self.durable_seq == last

    def _take(self, kind: Kind, payload: bytes) -> int:
        self._waiting.append(_Waiting(kind, payload, self._clock.now_ns()))
        self._waiting_bytes += len(payload)
        if self._next is None and not self._is_writing and not self._is_over:
            self._next = self._loop.call_soon(self._hand_over)
        return self.durable_seq + self.waiting

    def _hand_over(self) -> None:
        """Give the worker all that waits, up to a group's limit."""
        self._next = None
        self._is_writing = True
        records = [(one.kind, one.payload) for one in islice(self._waiting, GROUP_RECORDS_MAX)]
        group = _Group(records, self._tail, self._failures > 0, self._clock.now_ns())
        self._worker.run(lambda: self._work(group))

    def _work(self, group: _Group) -> None:
        """Write a group; runs on the worker, and touches nothing of the loop's but the file."""
        outcome = None
        try:
            outcome = self._write(group)
        finally:
            with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
                self._loop.call_soon_threadsafe(self._on_written, outcome)

    def _write(self, group: _Group) -> _Durable | StorageUnavailable:
        data, tail = encode_group(group.tail, group.records)
        try:
            if group.is_again:
                self._file.truncate(group.tail.offset)
            self._file.append(data)
            self._file.sync()
        except StorageUnavailable as refusal:
            return refusal
        return _Durable(tail, len(group.records), self._clock.now_ns() - group.started_ns)

    def _on_written(self, outcome: _Durable | StorageUnavailable | None) -> None:
        self._is_writing = False
        if isinstance(outcome, _Durable):
            self._on_durable(outcome)
        elif outcome is not None:
            self._on_refused(outcome)
        else:
            self._is_over = True
            self._broken = InvariantBroken("the journal's worker failed")
            self._tell_all(self._broken)

    def _on_durable(self, outcome: _Durable) -> None:
        self._failures = 0
        self._failure = None
        self._tail = outcome.tail
        self._syncs_ns.append(outcome.took_ns)
        for _ in range(outcome.records):
            self._waiting_bytes -= len(self._waiting.popleft().payload)
        self._tell_all()
        if self._waiting and not self._is_over:
            self._hand_over()

    def _on_refused(self, refusal: StorageUnavailable) -> None:
        self._failure = refusal
        pause_s = min(RETRY_S_MIN * 2 ** min(self._failures, DOUBLINGS_MAX), RETRY_S_MAX)
        self._failures += 1
        if not self._is_over:
            self._next = self._loop.call_later(pause_s, self._hand_over)

    def _tell_all(self, error: Exception | None = None) -> None:
        """Wake those whose record is durable; with an error, the others too."""
        for future, seq in self._waiters.items():
            if future.done():
                continue
            if seq <= self.durable_seq:
                future.set_result(None)
            elif error is not None:
                future.set_exception(error)

    def _let_go(self) -> None:
        with suppress(StorageUnavailable):  # What is durable is so without it.
            self._file.close()
