"""A terminal of a given size with a program in it, that notes what is written and when."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
READ_BYTES: Final = 1 << 16


class Terminal:
    """Runs a program in a pseudo-terminal and reads at once whatever it writes.

    Args:
        command: The program.
        columns: Width.
        rows: Height.
    """

    def __init__(self, command: Sequence[str], columns: int, rows: int) -> None:
        self.bytes_read = 0
        self.started_ns = time.monotonic_ns()
        self._chunks: list[tuple[int, bytes]] = []
        self._changed = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def tail(self) -> str:
        """The last of what was written, for whoever must find out why."""
        with self._changed:
            return b"".join(data for _, data in self._chunks[-20:])[-600:].decode(
                "utf-8", "replace"
            )

    def press(self, keys: bytes) -> int:
        """Send keys and return the moment."""
        pressed_ns = time.monotonic_ns()
        os.write(self._master, keys)
        return pressed_ns

    def wait_for(self, marks: Sequence[bytes], since_ns: int, seconds: float) -> int | None:
        """Return when any of the marks was written after a moment; None if it was not in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found_ns = self._find(marks, since_ns)
                left = deadline - time.monotonic()
                if found_ns is not None or left <= 0:
                    return found_ns
                self._changed.wait(left)

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(1)
        os.close(self._master)

    def _find(self, marks: Sequence[bytes], since_ns: int) -> int | None:
        seen = b""
        for ts_ns, data in self._chunks:
            if ts_ns < since_ns:
                continue
            seen += data
            if any(mark in seen for mark in marks):
                return ts_ns
        return None

    def _read(self) -> None:
        while True:
            try:
                select.select([self._master], [], [], 1)
                data = os.read(self._master, READ_BYTES)
            except OSError:
                return
            if not data:
                return
            now_ns = time.monotonic_ns()
            with self._changed:
                self.bytes_read += len(data)
                self._chunks.append((now_ns, data))
                if len(self._chunks) > 4_000:
                    del self._chunks[:2_000]
                self._changed.notify_all()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def rss_now_mb(pid: int) -> float:
    """Return the memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 2**20
