"""A pseudo-terminal with the program in it: keys in, bytes out, and it can stop reading."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

WAIT_S = 60
STILL_S = 0.5
"""A market that moves ten times a second and adds nothing for so long has found no room."""
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?>=]*[a-zA-Z$]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-Z]?)"
)


class Terminal:
    """`cockpit`, or another program, with these arguments in a terminal of this size."""

    def __init__(
        self,
        *arguments: str,
        program: tuple[str, ...] = (sys.executable, "-m", "cockpit"),
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.seen = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(program[0], [*program, *arguments])
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    @property
    def text(self) -> str:
        """Everything painted so far, without colours and positions."""
        return ESCAPES.sub(b" ", self.seen).decode("utf-8", "replace")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def read(self, seconds: float) -> None:
        """Read whatever is painted in so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._fd], [], [], left)
            if not ready:
                return  # Nothing came in all that time.
            try:
                part = os.read(self._fd, 65_536)
            except OSError:
                return
            if not part:
                return
            self.seen += part

    def wait_for(self, text: str) -> None:
        """Read until a text was painted."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.text:
            assert time.monotonic() < deadline, f"never painted {text!r}: {self.text[-2_000:]}"
            self.read(0.1)

    def wait_for_more(self) -> None:
        """Read until anything more was painted."""
        painted = len(self.seen)
        deadline = time.monotonic() + WAIT_S
        while len(self.seen) == painted:
            assert time.monotonic() < deadline, f"stands still: {self.text[-2_000:]}"
            self.read(0.1)

    def stop_reading(self) -> None:
        """Read nothing until the program seems to have no room left to paint."""
        deadline = time.monotonic() + WAIT_S
        size = -1
        while (unread := self._unread()) != size or not unread:
            assert time.monotonic() < deadline, "the terminal never fills"
            size = unread
            time.sleep(STILL_S)

    def _unread(self) -> int:
        told = fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4))
        return int.from_bytes(told, sys.byteorder)

    def wait_for_exit(self) -> int:
        """Read on until the program ends, and return its exit code."""
        return self._exit_code("")

    def _exit_code(self, key: str) -> int:
        deadline = time.monotonic() + WAIT_S
        while True:
            with suppress(OSError):  # It may just have ended.
                self.press(key)
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.2)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"never ended: {self.text[-2_000:]}"

    def press_until_exit(self, key: str) -> int:
        """Press a key again and again until the program ends, and return its exit code."""
        return self._exit_code(key)

    def wait_until_gone(self) -> int:
        """Wait for the end of a program whose terminal is closed, and return its exit code."""
        deadline = time.monotonic() + WAIT_S
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "the program outlives its terminal"
            time.sleep(0.05)

    def close(self) -> None:
        """Take the terminal away, as a lost SSH connection does."""
        os.close(self._fd)

    def end(self) -> None:
        """End what still runs; for the end of a test."""
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except ChildProcessError:
            return


def stop_engine(folder: Path) -> None:
    """End the engine that a screen left running on a folder."""
    lock = folder / "engine.lock"
    try:
        pid = int(lock.read_text())
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + WAIT_S
    while (folder / "engine.sock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
