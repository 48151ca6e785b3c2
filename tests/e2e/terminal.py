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
from pathlib import Path

WAIT_S = 60
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?>=]*[a-zA-Z$]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-Z]?)"
)


class Terminal:
    """`cockpit` with these arguments in a terminal of this size."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24) -> None:
        self.seen = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "cockpit", *arguments])
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

    def wait_for_exit(self) -> int:
        """Read on until the program ends, and return its exit code."""
        deadline = time.monotonic() + WAIT_S
        while True:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.2)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"never ended: {self.text[-2_000:]}"

    def wait_until_gone(self) -> None:
        """Wait for the end of a program whose terminal is closed."""
        deadline = time.monotonic() + WAIT_S
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            assert time.monotonic() < deadline, "the screen outlives its terminal"
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
