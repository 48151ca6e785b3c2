"""The recorder: everything that a run's decisions rest on, to the disk, off the loop.

The loop notes frames and what was taken from the inbox; each second, or at a thousand lines, they
go to a worker as one block. Recording never holds up trading: what the disk does not take in time
is lost, counted, and shown as a hole.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
from loguru import logger

from engine.kernel.state import KernelState
from engine.model.envelope import Event
from engine.model.errors import StorageUnavailable
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock
from engine.runtime.journal_writer import Worker
from storage.recording_format import (
    BLOCK_LINES,
    REACH_LINES,
    Answer,
    Call,
    Digest,
    Hole,
    Line,
    Made,
    Mark,
    RunBegan,
    SocketFrame,
    Taken,
    TakenItem,
    raw_text,
)
from storage.recording_writer import RecordingWriter

REACH: Final = REACH_LINES - 2 * BLOCK_LINES
"""Lines back to which an event is named; its mark is written up to two blocks later."""
FLUSH_S: Final = 1.0
BLOCK_BYTES: Final = 4 * 1024 * 1024
ITEMS_MAX: Final = 2_000
"""Of one mark."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of all that the disk has not taken; beyond, the oldest is dropped."""
LINE_BYTES: Final = 100
"""Of a line besides its message, about."""
PLACES_MAX: Final = 20_000
"""Events remembered that nobody has taken; four times what the inbox holds."""
RETRY_NS: Final = 10 * NS_PER_S
"""After a refusal the disk is left alone for so long."""
DIGEST_NS: Final = 60 * NS_PER_S
DIGEST_SHARE: Final = 5_000
"""A digest costs at most one part in so many of the time between two: with many large books there
are fewer digests."""
CLOSE_S: Final = 3.0

FAILED: Final = "the recorder failed, see the log"
DISK_TOO_SLOW: Final = "the disk did not take them in time"


_Place = tuple[Event, int, int]
"""An event, its line, and which of that line's events it is. Held, so that its identity is not
used again for as long as it may be looked up."""
_Run = list[int]
"""Events of one line that were taken in a row: line, first, how many, engine time passed before.
A list, because it grows with each event."""


class _Group(NamedTuple):
    lines: list[Line]
    bytes: int


class Recorder:
    """Records one run.

    Args:
        writer: The run's files; used on the worker only.
        worker: Does the writing, and is stopped in the end.
    """

    def __init__(
        self, venue: str, run_id: str, writer: RecordingWriter, clock: Clock, worker: Worker
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._venue = venue
        self._run_id = run_id
        self._writer = writer
        self._clock = clock
        self._worker = worker
        self._line = 0
        self._lines: list[Line] = []
        self._bytes = 0
        self._places: dict[int, _Place] = {}
        self._items: list[Made | str | _Run] = []
        self._first_seq = 0
        self._mark_ns = 0
        self._last_ns = 0
        self._source = ""
        self._waiting: deque[_Group] = deque()
        self._waiting_bytes = 0
        self._in_flight: _Group | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lost = 0
        """Lines lost that no hole in the recording tells of yet."""
        self._lost_told = 0
        """How many of them the block in flight tells of."""
        self._lost_reason = ""
        self._lost_total = 0
        self._refusal = ""
        self._refused_until_ns = 0
        self._digest_due_ns = 0
        self._is_closing = False
        self._drained = asyncio.Event()
        self._has_failed = asyncio.Event()
        self._failure: Exception | None = None
        """What the program failed with on the worker the last time."""

    @property
    def problem(self) -> str:
        """What people should know of this recording; nothing while all is well."""
        if self._refusal:
            return f"recording stopped: {self._refusal}; trading goes on"
        if self._lost_total:
            return f"the recording has a hole: {self._lost_total} lines were lost"
        return ""

    @property
    def waiting_bytes(self) -> int:
        """About how much the disk has not taken yet."""
        flying = self._in_flight.bytes if self._in_flight is not None else 0
        return self._bytes + self._waiting_bytes + flying

    async def watch(self) -> None:
        """Fail with what the program, not the disk, failed with on the worker (R97)."""
        await self._has_failed.wait()
        self._has_failed.clear()
        assert self._failure is not None
        raise self._failure

    # What is recorded

    def begin(self, state: KernelState, version: str, mode: str, journal: str) -> None:
        """Record what the run begins with, and see to what dead runs left."""
        self._worker.run(lambda: self._work(self._mend, self._on_mended))
        began = RunBegan(
            version,
            mode,
            journal,
            state.desk.ledger.digest(),
            msgspec.Raw(msgspec.json.encode(state.desk.setup)),
            msgspec.Raw(msgspec.json.encode(list(state.notices))),
        )
        now_ns = self._clock.now_ns()
        self._digest_due_ns = now_ns + DIGEST_NS
        self._mark(now_ns, began)

    def frame(self, raw: str | bytes, ts_ns: int) -> int:
        """Record a message of a socket and return its line."""
        self._line = line = self._line + 1
        text, encoding = raw_text(raw)
        self._add(SocketFrame(line, ts_ns, self._venue, text, encoding), len(text))
        return line

    def answer(
        self, url: str, request: msgspec.Struct, status: int, body: str | bytes, ts_ns: int
    ) -> int:
        """Record an answer to a request and return its line."""
        self._line = line = self._line + 1
        text, encoding = raw_text(body)
        asked = msgspec.Raw(msgspec.json.encode(request))
        told = Answer(line, ts_ns, self._venue, url, status, asked, text, encoding)
        self._add(told, len(text))
        return line

    def call(self, call: Call) -> int:
        """Record another call of the decoder and return its line; the given number is ignored."""
        self._line = line = self._line + 1
        self._add(msgspec.structs.replace(call, line=line, venue=self._venue), 0)
        return line

    def gave(self, line: int, events: Sequence[Event]) -> None:
        """Remember what a line was decoded to, until it is taken."""
        places = self._places
        for index, event in enumerate(events):
            places[id(event)] = (event, line, index)
        while len(places) > PLACES_MAX:
            del places[next(iter(places))]

    def taken(self, seq: int, at_ns: int, source: str, event: Event) -> None:
        """Record that the kernel handles an event now."""
        items = self._items
        if not items:
            self._first_seq = seq
            self._mark_ns = self._last_ns = at_ns
            self._source = ""
            self._arm()
        if source != self._source:
            self._source = source
            items.append(source)
        passed_ns = at_ns - self._last_ns
        self._last_ns = at_ns
        place = self._places.pop(id(event), None)
        if place is None or self._line - place[1] > REACH:
            items.append(Made(passed_ns, event))
        else:
            _, line, index = place
            last = items[-1]
            if (
                not passed_ns
                and type(last) is list
                and last[0] == line
                and last[1] + last[2] == index
            ):
                last[2] += 1
            else:
                items.append([line, index, 1, passed_ns])
        if len(items) >= ITEMS_MAX:
            self._mark_taken()

    def is_digest_due(self, now_ns: int, *, is_idle: bool) -> bool:
        """Whether a digest should be taken; a minute of grace for a moment without work."""
        return now_ns >= self._digest_due_ns + (0 if is_idle else DIGEST_NS)

    def digest(self, seq: int, digest: Callable[[], str], *, is_end: bool = False) -> None:
        """Record the hash of the state after event `seq`."""
        before_ns = self._clock.now_ns()
        told = digest()
        now_ns = self._clock.now_ns()
        self._digest_due_ns = now_ns + max(DIGEST_NS, (now_ns - before_ns) * DIGEST_SHARE)
        self._mark_taken()
        self._mark(now_ns, Digest(seq, told, is_end))

    async def close(self) -> bool:
        """Write what waits and seal the file; returns whether all of it got there."""
        self._flush()
        self._is_closing = True
        if self._in_flight is None and not self._waiting:
            self._drained.set()
        is_done = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._drained.wait()
        except TimeoutError:
            is_done = False
        sealed = asyncio.Event()
        self._worker.run(lambda: self._seal(sealed))
        self._worker.stop()
        try:
            async with asyncio.timeout(CLOSE_S):
                await sealed.wait()
        except TimeoutError:
            is_done = False
        return is_done and not self._lost

    # Lines to blocks

    def _add(self, line: Line, size: int) -> None:
        self._lines.append(line)
        self._bytes += size + LINE_BYTES
        if len(self._lines) >= BLOCK_LINES or self._bytes >= BLOCK_BYTES:
            self._flush()
        else:
            self._arm()

    def _arm(self) -> None:
        if self._timer is None and not self._is_closing:
            self._timer = self._loop.call_later(FLUSH_S, self._flush)

    def _mark(self, now_ns: int, mark: Taken | Digest | RunBegan) -> None:
        self._line += 1
        size = LINE_BYTES * len(mark.items) if isinstance(mark, Taken) else LINE_BYTES
        self._add(Mark(self._line, now_ns, self._venue, self._run_id, mark), size)

    def _mark_taken(self) -> None:
        taken, self._items = self._items, []
        if not taken:
            return
        here = self._line + 1
        items: list[TakenItem] = [
            (here - one[0], one[1], one[2], one[3]) if isinstance(one, list) else one
            for one in taken
        ]
        self._mark(self._mark_ns, Taken(self._first_seq, items))

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._mark_taken()
        if not self._lines:
            return
        group = _Group(self._lines, self._bytes)
        self._lines, self._bytes = [], 0
        if self._refusal and self._clock.now_ns() < self._refused_until_ns:
            self._lose(group, self._refusal)
            return
        self._waiting.append(group)
        self._waiting_bytes += group.bytes
        while self.waiting_bytes > WAITING_BYTES_MAX and self._waiting:
            oldest = self._waiting.popleft()
            self._waiting_bytes -= oldest.bytes
            self._lose(oldest, DISK_TOO_SLOW)
        self._hand_over()

    def _lose(self, group: _Group, reason: str) -> None:
        if not self._lost:
            logger.warning("recording_hole {}", reason)
        self._lost += len(group.lines)
        self._lost_total += len(group.lines)
        self._lost_reason = reason

    # Blocks to the disk

    def _hand_over(self) -> None:
        if self._in_flight is not None or not self._waiting:
            return
        group = self._waiting.popleft()
        self._waiting_bytes -= group.bytes
        self._in_flight = group
        lines = group.lines
        self._lost_told = self._lost
        if self._lost:
            first = lines[0]
            hole = Hole(self._lost, self._lost_reason)
            lines = [Mark(first.line, first.recv_ns, self._venue, self._run_id, hole), *lines]
        self._worker.run(lambda: self._work(lambda: self._writer.write(lines), self._on_written))

    def _work(self, job: Callable[[], None], then: Callable[[Exception | None], None]) -> None:
        """Do something on the worker, which no error may end, and tell the loop how it went."""
        failure: Exception | None = None
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            failure = error
        with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
            self._loop.call_soon_threadsafe(then, failure)

    def _on_written(self, failure: Exception | None) -> None:
        problem = "" if failure is None else str(failure)
        if failure is not None and not isinstance(failure, StorageUnavailable):
            problem = FAILED
            self._fail(failure)
        group, self._in_flight = self._in_flight, None
        assert group is not None
        if problem:
            if problem != self._refusal:
                logger.error("recording_stopped {}", problem)
            self._refusal = problem
            self._refused_until_ns = self._clock.now_ns() + RETRY_NS
            self._lose(group, problem)
        else:
            if self._refusal:
                logger.info("recording_goes_on")
            self._refusal = ""
            self._lost -= self._lost_told
        self._hand_over()
        if self._is_closing and self._in_flight is None:
            self._drained.set()

    def _mend(self) -> None:
        for note in self._writer.mend():
            logger.warning("recording_note {}", note)

    def _on_mended(self, failure: Exception | None) -> None:
        if isinstance(failure, StorageUnavailable):
            logger.warning("recording_note {}", failure)
        elif failure is not None:
            self._fail(failure)

    def _fail(self, failure: Exception) -> None:
        self._failure = failure
        self._has_failed.set()

    def _seal(self, sealed: asyncio.Event) -> None:
        try:
            self._writer.close()
        except StorageUnavailable as refusal:
            logger.warning("recording_note {}", refusal)
        finally:
            with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
                self._loop.call_soon_threadsafe(sealed.set)
