"""The engine's side of a kill: latch, signal, heartbeat."""

import fcntl
import json
import signal
from pathlib import Path

import pytest

from engine.kill.engine_side import set_latch, signal_engine, wait_for_silence
from engine.model.errors import ConfigError
from tests.fakes.venue_client import VenueClient
from tests.unit.engine.kill.desk import Clock


def test_the_latch_is_private_and_says_why(tmp_path: Path):
    latch = tmp_path / "data" / "kill.latch"

    assert set_latch(latch, "a reason", 7) == ""

    assert json.loads(latch.read_text()) == {"ts_ns": 7, "reason": "a reason"}
    assert latch.stat().st_mode & 0o777 == 0o600
    assert latch.parent.stat().st_mode & 0o777 == 0o700


def test_a_latch_that_is_there_stays_as_it_is(tmp_path: Path):
    latch = tmp_path / "kill.latch"
    latch.write_text("whatever")

    assert set_latch(latch, "a reason", 7) == ""

    assert latch.read_text() == "whatever"


def test_a_latch_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").touch()

    assert "cannot be written" in set_latch(tmp_path / "file" / "kill.latch", "a reason", 7)


def test_on_a_full_disk_an_empty_latch_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    latch = tmp_path / "kill.latch"

    assert set_latch(latch, "a reason", 7) == "the latch says nothing: No space left on device"

    assert latch.exists()


def test_whoever_holds_the_lock_is_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append((pid, number)))
    lock = tmp_path / "engine.lock"
    lock.write_text("4242\n")

    assert signal_engine(lock) is None, "its number may be anybody's now"
    with lock.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert signal_engine(lock) == 4242

    assert sent == [(4_242, signal.SIGUSR1)]


@pytest.mark.parametrize("text", [None, "", "nobody\n"])
def test_without_an_engine_nobody_is_signalled(tmp_path: Path, text: str | None):
    lock = tmp_path / "engine.lock"
    if text is not None:
        lock.write_text(text)

    assert signal_engine(lock) is None


class Beating(Clock):
    """A clock with which a heartbeat changes, or does not."""

    def __init__(self, path: Path, beats: dict[int, str | None]) -> None:
        super().__init__(VenueClient())
        for second, text in beats.items():
            self.then.append((self.now_ns() + second * 1_000_000_000, self._write(path, text)))

    def _write(self, path: Path, text: str | None):
        return path.unlink if text is None else lambda: path.write_text(text)


def test_only_a_heartbeat_that_does_not_change_is_silent(tmp_path: Path):
    beat = tmp_path / "heartbeat"
    beat.write_text("alive 1")
    clock = Beating(beat, {8: "alive 2", 15: "alive 0", 20: None})

    told = wait_for_silence(beat, 10, clock)

    assert len(clock.slept) == 30
    assert told == f"no heartbeat in {beat} for 10 s"


def test_an_engine_that_has_stopped_on_purpose_is_not_silent(tmp_path: Path):
    beat = tmp_path / "heartbeat"
    beat.write_text("stopped 1")
    clock = Beating(beat, {50: "alive 1"})

    wait_for_silence(beat, 10, clock)

    assert len(clock.slept) == 60


def test_an_engine_that_was_never_there_is_silent(tmp_path: Path):
    clock = Beating(tmp_path / "heartbeat", {})

    wait_for_silence(tmp_path / "heartbeat", 10, clock)

    assert len(clock.slept) == 10


def test_a_folder_is_no_heartbeat(tmp_path: Path):
    with pytest.raises(ConfigError, match="is a folder"):
        wait_for_silence(tmp_path, 10, Beating(tmp_path / "x", {}))
