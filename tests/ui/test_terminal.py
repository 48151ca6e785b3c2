"""The screen on a real pseudo-terminal: stalls, hang-ups, and what is left behind.

Time is real here. So nothing is asserted after a time: a test waits for what should come, with a
patience that only a program that hangs outlasts.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.model.numbers import NS_PER_S
from tests.conftest import REPOSITORY
from tests.ui.emulator import Terminal

pytestmark = pytest.mark.slow  # Real terminals that really stall.

WIDTH, HEIGHT = 80, 24
PATIENCE_S = 60.0
LOOK_S = 0.05
BLOCKED_REPORTS = 4
"""Through so many reports, two seconds of drawing, a terminal with room is sent something."""

CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d) UTC")
ALTERNATE_SCREEN = b"1049"
CURSOR = b"25"
MOUSE = b"1003"
PASTE = b"2004"


class Run:
    """The program on a terminal that reads only when told to."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.report = folder / "report.jsonl"
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.terminal = Terminal(WIDTH, HEIGHT)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.program", str(self.report), *options],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=REPOSITORY,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color"},
        )
        self.slave = slave

    def read(self) -> None:
        """Read what the program writes now."""
        if select.select([self.master], [], [], LOOK_S)[0]:
            self.terminal.feed(os.read(self.master, 65_536))

    def read_until(self, condition: Callable[[], bool], what: str) -> None:
        """Read until something is so."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, f"never came: {what}\n{self.terminal.text()}"
            self.read()

    def read_words(self, words: str) -> None:
        """Read until the screen says this."""
        self.read_until(lambda: words in self.terminal.text(), repr(words))

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Read nothing until something is so."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, f"never came: {what}"
            time.sleep(LOOK_S)

    def unread(self) -> int:
        """Return how many bytes wait to be read."""
        told = fcntl.ioctl(self.master, termios.FIONREAD, bytes(4))
        return int.from_bytes(told, sys.byteorder)

    def stop_reading(self) -> None:
        """Read nothing until the program cannot write any more, while it goes on reporting."""
        size, since = -1, 0

        def is_blocked() -> bool:
            nonlocal size, since
            reports, unread = len(self.reports()), self.unread()
            if unread != size:
                size, since = unread, reports
            return size > 0 and reports - since >= BLOCKED_REPORTS

        self.wait_until(is_blocked, "a terminal that is full, and reports all the same")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def reports(self) -> list[dict]:
        """Return what the program said so far."""
        if not self.report.exists():
            return []
        return [json.loads(line) for line in self.report.read_text().splitlines()]

    def end(self) -> dict:
        """Wait for the end of the program and return its last report."""
        self.read_until(lambda: self.process.poll() is not None, "the end")
        return self.reports()[-1]

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def close(self) -> None:
        """Clean up."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fileno in (self.master, self.slave):
            if fileno >= 0:
                os.close(fileno)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path, "controlled")
    try:
        yield started
    finally:
        started.close()


def is_current(run: Run) -> bool:
    """Whether the clock in the status row shows the time of the market."""
    shown = CLOCK.search(run.terminal.text().splitlines()[0])
    if shown is None:
        return False  # Half of a picture has been read.
    hours, minutes, seconds = map(int, shown.groups())
    market_s = run.reports()[-1]["ts_ns"] // NS_PER_S % 86_400
    return abs(hours * 3_600 + minutes * 60 + seconds - market_s) <= 1


def stall(run: Run, reports: int) -> None:
    """Do not read for so many reports, while keys are pressed; then catch up."""
    run.read_words("1 BOOK")
    run.stop_reading()
    before = len(run.reports())

    def has_gone_on() -> bool:
        run.press("12347z")
        return len(run.reports()) >= before + reports

    run.wait_until(has_gone_on, "reports of a loop that does not stand still")

    run.read_until(lambda: is_current(run), "the time of the market on the screen")


def test_a_terminal_that_stops_reading_does_not_stop_the_screen(run: Run):
    stall(run, 2)


def test_a_terminal_may_stop_reading_for_long(run: Run):
    stall(run, 60)


def test_a_stall_leaves_a_correct_picture(run: Run):
    run.read_words("1 BOOK")
    run.press("q")
    run.read_words("Leave the cockpit")
    run.stop_reading()

    run.press("\x1b")

    def is_whole() -> bool:
        text = run.terminal.text()
        rows = text.splitlines()[2:18]
        return "Leave the cockpit" not in text and all(row[0] in "┌│└" for row in rows)

    run.read_until(is_whole, "a picture without the dialog")


def test_a_closed_terminal_ends_the_screen(run: Run):
    run.read_words("1 BOOK")

    run.hang_up()
    code = run.process.wait(PATIENCE_S)

    assert code == 0
    assert run.reports()[-1]["result"] == "lost"


def test_end_of_input_without_a_signal_ends_the_screen_too(tmp_path: Path):
    run = Run(tmp_path)
    try:
        run.read_words("1 BOOK")

        run.hang_up()
        code = run.process.wait(PATIENCE_S)

        assert code == 0
        assert run.reports()[-1]["result"] == "lost"
    finally:
        run.close()


def test_quitting_gives_the_terminal_back_as_it_was(run: Run):
    run.read_words("1 BOOK")
    run.press("q")
    run.read_words("Leave the cockpit")
    run.press("\x1b[B")

    def has_ended() -> bool:
        run.press("\r")  # What comes too soon after the dialog is not taken.
        return run.process.poll() is not None

    run.read_until(has_ended, "the end")

    assert run.reports()[-1]["result"] == "leave"
    assert termios.tcgetattr(run.slave) == run.before
    modes = run.terminal.modes
    assert not modes[ALTERNATE_SCREEN]
    assert not modes[MOUSE]
    assert not modes[PASTE]
    assert modes[CURSOR]


def test_sigterm_leaves_the_engine_and_restores_the_terminal(run: Run):
    run.read_words("1 BOOK")

    run.process.send_signal(signal.SIGTERM)
    last = run.end()

    assert last["result"] == "leave"
    assert not run.terminal.modes[ALTERNATE_SCREEN]


def test_quitting_works_while_the_terminal_is_stalled(run: Run):
    run.read_words("1 BOOK")
    run.stop_reading()

    run.process.send_signal(signal.SIGTERM)
    run.process.wait(PATIENCE_S)

    assert run.reports()[-1]["result"] == "leave"


def test_a_paste_does_not_answer_a_dialog(tmp_path: Path):
    run = Run(tmp_path, "timeless")
    try:
        run.read_words("1 BOOK")

        run.press("q\r")
        run.read_words("Leave the cockpit")
        before = len(run.reports())
        run.read_until(lambda: len(run.reports()) > before + 1, "reports of a screen that goes on")

        assert "Leave the cockpit" in run.terminal.text()
    finally:
        run.close()
