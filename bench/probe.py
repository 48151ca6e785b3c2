"""What the machine itself takes, measured between the rounds of a case that waits for it.

A synced append of the journal's size on the same disk, a message to another process that waits for
it, and the longest pause in a spin of some milliseconds: whatever runs besides is in all three.
"""

import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bench.side import percentile

RECORD_BYTES: Final = 300
"""An order's facts in the journal, more or less."""
SPIN_NS: Final = 5_000_000


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
        found = {"sync": self.syncs_ns, "hop": self.hops_ns, "pause": self.pauses_ns}
        return {
            f"probe_{name}_{word}_us": round(percentile(values, share) / 1_000, 1)
            for name, values in found.items()
            for word, share in (("p50", 0.5), ("p99", 0.99))
        }


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
