"""The screen on a real pseudo-terminal: stalls, hang-ups, and what is left behind."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.numbers import NS_PER_S
from tests.conftest import REPOSITORY
from tests.ui.emulator import Terminal

WIDTH, HEIGHT = 80, 24
PATIENCE_S = 20.0

ALTERNATE_SCREEN = b"1049"
CURSOR = b"25"
MOUSE = b"1003"
PASTE = b"2004"


class Run:
    """The program on a terminal that reads only when told to."""

    def __init__(self, folder: Path, *, is_controlled: bool = True) -> None:
        self.report = folder / "report.jsonl"
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.terminal = Terminal(WIDTH, HEIGHT)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.program", str(self.report)]
            + ["controlled"] * is_controlled,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=REPOSITORY,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color"},
        )
        self.slave = slave

    def read(self, seconds: float) -> None:
        """Read what the program writes, for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.master], [], [], min(left, 0.1))[0]:
                self.terminal.feed(os.read(self.master, 65_536))

    def read_until(self, words: str, seconds: float = PATIENCE_S) -> float:
        """Read until the screen says this; return how long it took."""
        began = time.monotonic()
        while words not in self.terminal.text():
            waited = time.monotonic() - began
            assert waited < seconds, f"{words!r} is not on the screen:\n{self.terminal.text()}"
            self.read(0.05)
        return time.monotonic() - began

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
        until = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        self.process.wait(1)
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
    started = Run(tmp_path)
    try:
        yield started
    finally:
        started.close()


def clock_on_screen(run: Run) -> int:
    """Return the seconds of the clock in the status row."""
    text = run.terminal.text().splitlines()[0]
    hours, minutes, seconds = text.split(" UTC")[0].split()[-1].split(":")
    return int(hours) * 3_600 + int(minutes) * 60 + int(seconds)


def stall(run: Run, seconds: float) -> None:
    """Do not read for so long, while keys are pressed, and hold the screen to its promises."""
    run.read_until("1 BOOK")
    run.read(1.0)
    reports_before = len(run.reports())

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run.press("12347z")
        time.sleep(0.2)
    reports = run.reports()[reports_before:]
    run.read(1.0)

    assert len(reports) >= seconds, "the loop stood still"
    assert max(report["pause_max_s"] for report in reports) < 0.5
    market_s = run.reports()[-1]["ts_ns"] // NS_PER_S % 86_400
    assert abs(clock_on_screen(run) - market_s) <= 1


def test_a_terminal_that_stops_reading_does_not_stop_the_screen(run: Run):
    stall(run, 4.0)


@pytest.mark.slow
def test_a_terminal_may_stop_reading_for_a_minute(run: Run):
    stall(run, 60.0)


def test_a_stall_leaves_a_correct_picture(run: Run):
    run.read_until("1 BOOK")
    run.press("q")
    run.read_until("Leave the cockpit")
    time.sleep(3.0)

    run.press("\x1b")
    run.read(1.5)

    text = run.terminal.text()
    assert "Leave the cockpit" not in text
    assert all(row[0] in "┌│└" for row in text.splitlines()[2:18])


def test_a_closed_terminal_ends_the_screen(run: Run):
    run.read_until("1 BOOK")

    run.hang_up()
    code = run.process.wait(3.0)

    assert code == 0
    assert run.reports()[-1]["result"] == "lost"


def test_end_of_input_without_a_signal_ends_the_screen_too(tmp_path: Path):
    run = Run(tmp_path, is_controlled=False)
    try:
        run.read_until("1 BOOK")
        run.read(1.0)

        run.hang_up()
        code = run.process.wait(3.0)

        before, last = run.reports()[-2:]
        assert code == 0
        assert last["result"] == "lost"
        assert last["cpu_s"] - before["cpu_s"] < 1.0
    finally:
        run.close()


def test_quitting_gives_the_terminal_back_as_it_was(run: Run):
    run.read_until("1 BOOK")
    run.press("q")
    run.read_until("Leave the cockpit")
    run.read(0.5)
    run.press("\x1b[B\r")

    last = run.end()

    assert last["result"] == "leave"
    assert termios.tcgetattr(run.slave) == run.before
    modes = run.terminal.modes
    assert not modes[ALTERNATE_SCREEN]
    assert not modes[MOUSE]
    assert not modes[PASTE]
    assert modes[CURSOR]


def test_sigterm_leaves_the_engine_and_restores_the_terminal(run: Run):
    run.read_until("1 BOOK")

    run.process.send_signal(signal.SIGTERM)
    last = run.end()

    assert last["result"] == "leave"
    assert not run.terminal.modes[ALTERNATE_SCREEN]


def test_quitting_works_while_the_terminal_is_stalled(run: Run):
    run.read_until("1 BOOK")
    time.sleep(2.0)

    run.process.send_signal(signal.SIGTERM)
    run.process.wait(4.0)

    assert run.reports()[-1]["result"] == "leave"


def test_a_paste_does_not_answer_a_dialog(run: Run):
    run.read_until("1 BOOK")

    run.press("q\r")
    run.read_until("Leave the cockpit")
    run.read(1.0)

    assert run.process.poll() is None
    assert "Leave the cockpit" in run.terminal.text()
