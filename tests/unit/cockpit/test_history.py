"""The history of the command line on disk: private, bounded, and no harm when damaged."""

import stat
from pathlib import Path

import pytest

from cockpit.grammar import LINE_MAX
from cockpit.history import add_history, history_path, read_history
from cockpit.panes.ticket import HISTORY_MAX
from engine.folder import DataFolder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = history_path(DataFolder(tmp_path), "binance_futures", "paper")
    assert found is not None
    return found


def test_lines_come_back_oldest_first_and_for_the_owner_alone(path: Path):
    add_history(path, ["buy 1 @ bid post", "cancel all"])
    add_history(path, ["note größer"])

    assert read_history(path) == ["buy 1 @ bid post", "cancel all", "note größer"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_two_screens_add_to_one_file_and_the_oldest_go(path: Path):
    add_history(path, [f"one {number}" for number in range(HISTORY_MAX)])
    add_history(path, ["two"])

    lines = read_history(path)
    assert len(lines) == HISTORY_MAX
    assert (lines[0], lines[-1]) == ("one 1", "two")


def test_accounts_have_files_of_their_own_and_no_name_leaves_the_folder(tmp_path: Path):
    folder = DataFolder(tmp_path)

    assert history_path(folder, "binance", "paper") != history_path(folder, "binance", "sim")
    assert history_path(folder, "../../x", "paper") is None


def test_what_is_no_line_is_passed_over(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"disarm\n\x1b]0;owned\x07\n\xff\n" + b"x" * (LINE_MAX + 1) + b"\narm\n\n")

    assert read_history(path) == ["disarm", "\ufffd", "arm"]


def test_no_file_is_no_history_and_nothing_done_writes_none(path: Path):
    add_history(path, [])

    assert read_history(path) == []
    assert not path.exists()


def test_a_disk_that_cannot_be_written_leaves_the_file_as_it_was(path: Path):
    add_history(path, ["arm"])
    in_the_way = path.parent / "folder"
    in_the_way.mkdir()
    (in_the_way / "x").touch()

    with pytest.raises(IsADirectoryError):
        add_history(in_the_way, ["disarm"])

    assert read_history(path) == ["arm"]
    assert sorted(one.name for one in path.parent.iterdir()) == sorted([path.name, "folder"])
