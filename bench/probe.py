"""What the machine itself takes, measured between the rounds of a case that waits for it.

A synced append of the journal's size on the same disk, a message to another process that waits for
it, and the longest pause in a spin of some milliseconds: whatever runs besides is in all three.

`Wakes` measures during the rounds: a process that is woken each millisecond and notes how late.
"""

import mmap
import os
import signal
import socket
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.side import percentile
from engine.model.numbers import NS_PER_MS, NS_PER_S

RECORD_BYTES: Final = 300
"""An order's facts in the journal, more or less."""
SPIN_NS: Final = 5_000_000
WAKES_MAX: Final = 3_600_000
"""An hour of milliseconds."""
LATE_MAX: Final = 1_000
"""No wake is later than so many milliseconds, or is looked for."""


class Probe:
    """Takes samples; use as a context, which ends its other process.

    Args:
        folder: On the disk in question.
    """

    def __init__(self, folder: Path) -> None:
        self.syncs_ns: list[int] = []
        self.hops_ns: list[int] = []
        self.pauses_ns: list[int] = []
        self._file = os.open(folder / "probe", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._near, far = socket.socketpair()
        self._echo = os.fork()
        if not self._echo:
            self._near.close()
            _echo(far)
        far.close()

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the other process."""
        self._near.close()
        os.waitpid(self._echo, 0)
        os.close(self._file)

    def sample(self) -> None:
        """Take one of each."""
        before_ns = time.monotonic_ns()
        os.write(self._file, bytes(RECORD_BYTES))
        os.fdatasync(self._file)
        self.syncs_ns.append(time.monotonic_ns() - before_ns)
        before_ns = time.monotonic_ns()
        self._near.send(b".")
        self._near.recv(1)
        self.hops_ns.append((time.monotonic_ns() - before_ns) // 2)
        self.pauses_ns.append(_longest_pause_ns())

    @property
    def limit_ns(self) -> int:
        """A sync and a hop, in the middle: the least that an order could take."""
        return percentile(self.syncs_ns, 0.5) + percentile(self.hops_ns, 0.5)

    @property
    def figures(self) -> dict[str, Any]:
        """What was found, in microseconds."""
        return {
            **spread("sync", self.syncs_ns),
            **spread("hop", self.hops_ns),
            **spread("pause", self.pauses_ns),
        }


class Wakes:
    """How late a process is woken that has nothing else to do; use as a context.

    A round that took long while this was woken in time took long by itself.
    """

    def __init__(self) -> None:
        self._late_ns = mmap.mmap(-1, WAKES_MAX * array("q").itemsize)
        self._began_ns = time.monotonic_ns()
        self._sleeper = os.fork()
        if not self._sleeper:
            with memoryview(self._late_ns).cast("q") as slots:
                _note_wakes(slots, self._began_ns)

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the process."""
        os.kill(self._sleeper, signal.SIGKILL)
        os.waitpid(self._sleeper, 0)

    def worst_ns(self, from_ns: int, until_ns: int) -> int:
        """Return how late the latest wake was that was due, or still to come, in a span."""
        first, last = ((ts_ns - self._began_ns) // NS_PER_MS for ts_ns in (from_ns, until_ns))
        worst_ns = 0
        with memoryview(self._late_ns).cast("q") as slots:
            for slot in range(max(first - LATE_MAX, 0), min(last + 1, WAKES_MAX)):
                came_ns = self._began_ns + slot * NS_PER_MS + slots[slot]
                if came_ns >= from_ns:
                    worst_ns = max(worst_ns, slots[slot])
        return worst_ns


def spread(name: str, values_ns: Sequence[int]) -> dict[str, float]:
    """Return median and p99 of what a probe found, in microseconds."""
    return {
        f"probe_{name}_{word}_us": round(percentile(values_ns, share) / 1_000, 1)
        for word, share in (("p50", 0.5), ("p99", 0.99))
    }


def _note_wakes(slots: memoryview, began_ns: int) -> None:
    slot = 0
    while slot < WAKES_MAX:
        due_ns = began_ns + slot * NS_PER_MS
        time.sleep(max(due_ns - time.monotonic_ns(), 0) / NS_PER_S)
        late_ns = time.monotonic_ns() - due_ns
        slots[slot] = late_ns
        slot += 1 + late_ns // NS_PER_MS
    os._exit(0)


def _echo(far: socket.socket) -> None:
    while data := far.recv(1):
        far.send(data)
    os._exit(0)


def _longest_pause_ns() -> int:
    """Return the longest time between two looks at the clock."""
    last_ns = time.monotonic_ns()
    end_ns = last_ns + SPIN_NS
    longest_ns = 0
    while last_ns < end_ns:
        now_ns = time.monotonic_ns()
        longest_ns = max(longest_ns, now_ns - last_ns)
        last_ns = now_ns
    return longest_ns
