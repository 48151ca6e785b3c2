"""The latch file: it is there or it is not, and what it says does not matter."""

import os
import resource
import stat
from pathlib import Path

import msgspec
import pytest

from engine.model.errors import StorageUnavailable
from engine.runtime.latch import LatchFile, LatchNote

NOTE = LatchNote(7, "by hand")


@pytest.fixture
def file(tmp_path: Path) -> LatchFile:
    return LatchFile(tmp_path / "kill.latch")


def test_writing_sets_and_clearing_clears(file: LatchFile) -> None:
    assert not file.is_set()

    file.write(NOTE)
    assert file.is_set()
    assert msgspec.json.decode(file.path.read_bytes(), type=LatchNote) == NOTE
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600

    file.clear()
    assert not file.is_set()


def test_both_may_be_said_twice(file: LatchFile) -> None:
    file.clear()
    file.write(NOTE)
    file.write(NOTE)
    assert file.is_set()

    file.clear()
    file.clear()
    assert not file.is_set()


@pytest.mark.parametrize("content", [b"", b"\0", b"no", b"\xff" * 10_000])
def test_any_content_is_set(file: LatchFile, content: bytes) -> None:
    file.path.write_bytes(content)

    assert file.is_set()


def test_whatever_has_the_name_is_set(file: LatchFile) -> None:
    file.path.symlink_to("/nowhere")
    assert file.is_set()
    file.path.unlink()

    file.path.mkdir()
    assert file.is_set()


def test_a_folder_that_cannot_be_looked_into_counts_as_set(tmp_path: Path) -> None:
    (tmp_path / "not a folder").touch()

    assert LatchFile(tmp_path / "not a folder" / "kill.latch").is_set()


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    file = LatchFile(tmp_path / "none" / "kill.latch")

    with pytest.raises(StorageUnavailable, match="No such file"):
        file.write(NOTE)


def test_what_cannot_be_removed_is_told(file: LatchFile) -> None:
    file.path.mkdir()

    with pytest.raises(StorageUnavailable):
        file.clear()
    assert file.is_set()


def test_without_room_for_the_note_the_file_alone_is_enough(file: LatchFile) -> None:
    pid = os.fork()
    if pid == 0:
        # In a process of its own: the limit holds for all of it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        file.write(NOTE)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert file.is_set()
    assert file.path.read_bytes() == b""
