"""The whole program in a real terminal: it paints, it leaves, it comes back."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.launch import running_engine
from engine.folder import DataFolder
from tests.e2e.engines import cockpit, headless, seq, seq_above
from tests.e2e.terminal import Terminal, stop_engine


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; whatever engine is left on it is ended."""
    with tempfile.TemporaryDirectory(prefix="cockpit-") as name:
        yield Path(name)
        stop_engine(Path(name))


def quit_everything(terminal: Terminal) -> int:
    """Leave by the dialog, whose first answer stops everything."""
    terminal.press("q")
    terminal.wait_for("stop everything")
    return terminal.press_until_exit("\r")  # One that comes too soon is not taken as an answer.


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_it_paints_a_moving_market_and_q_stops_everything(
    folder: Path, columns: int, rows: int
) -> None:
    terminal = Terminal("--data-dir", str(folder), columns=columns, rows=rows)
    try:
        terminal.wait_for("[SIM]")
        terminal.wait_for("BTC-PERP")
        terminal.wait_for_more()
        terminal.wait_for_more()

        assert quit_everything(terminal) == 0
    finally:
        terminal.end()

    assert running_engine(DataFolder(folder)) is None


def test_a_closed_terminal_leaves_the_engine_running_and_cockpit_comes_back(folder: Path) -> None:
    terminal = Terminal("--data-dir", str(folder))
    terminal.wait_for("BTC-PERP")
    pid = cockpit("status", "--json", data_dir=folder).document["pid"]

    terminal.close()
    terminal.wait_until_gone()
    before = seq(folder)
    again = Terminal("--data-dir", str(folder))
    try:
        again.wait_for("BTC-PERP")
        status = cockpit("status", "--json", data_dir=folder).document
        seq_above(folder, before)
    finally:
        again.end()

    assert status["pid"] == pid


def stalls(folder: Path, seconds: float) -> None:
    """Let a terminal stop reading; the engine must go on, and the screen recover."""
    terminal = Terminal("--data-dir", str(folder), columns=120, rows=40)
    try:
        terminal.wait_for("BTC-PERP")
        terminal.stop_reading()
        before = seq(folder)
        time.sleep(seconds)
        seq_above(folder, before)
        assert quit_everything(terminal) == 0
    finally:
        terminal.end()


def test_a_terminal_that_stops_reading_does_not_stop_the_engine(folder: Path) -> None:
    stalls(folder, 0)


@pytest.mark.slow
def test_a_terminal_that_stops_reading_for_a_minute_does_not_stop_the_engine(
    folder: Path,
) -> None:
    stalls(folder, 60)


def test_a_terminal_that_is_too_small_is_refused_with_a_sentence(folder: Path) -> None:
    terminal = Terminal("--data-dir", str(folder), columns=50, rows=12)
    try:
        code = terminal.wait_for_exit()
    finally:
        terminal.end()

    assert code == 2
    assert "the terminal is 50x12, the screen needs at least 60x16" in terminal.text
    assert running_engine(DataFolder(folder)) is None


def test_another_venue_than_the_running_one_is_refused_and_both_are_named(folder: Path) -> None:
    with headless(folder):
        terminal = Terminal("--data-dir", str(folder), "--venue", "binance")
        try:
            code = terminal.wait_for_exit()
        finally:
            terminal.end()

    assert code == 3
    assert "runs venue simulated, not binance" in terminal.text


def test_without_a_terminal_it_says_what_to_do(folder: Path) -> None:
    refused = cockpit(data_dir=folder)

    assert refused.code == 2
    assert "--no-ui" in refused.err


def test_attach_without_an_engine_says_so(folder: Path) -> None:
    terminal = Terminal("attach", "--data-dir", str(folder))
    try:
        code = terminal.wait_for_exit()
    finally:
        terminal.end()

    assert code == 1
    assert "no engine" in terminal.text


def test_a_replay_plays_on_the_screen(shared_dir: Path, folder: Path) -> None:
    capture = shared_dir / "captures" / "binance_futures.jsonl.gz"
    terminal = Terminal(
        "replay", str(capture), "--speed", "10", "--data-dir", str(folder), columns=120, rows=40
    )
    try:
        terminal.wait_for("[REPLAY")
        terminal.wait_for("SUSHIUSDT")
        assert quit_everything(terminal) == 0
    finally:
        terminal.end()
        stop_engine(folder / "replay")
