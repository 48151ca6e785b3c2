"""The data folder: where it is, and that it is private."""

import os
import stat
from pathlib import Path

import pytest

from engine.folder import SOCKET_PATH_MAX, DataFolder
from engine.model.errors import ConfigError


def test_the_variable_names_the_folder_and_the_option_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_DATA_DIR", str(tmp_path / "named"))

    assert DataFolder().path == tmp_path / "named"
    assert DataFolder(tmp_path / "option").path == tmp_path / "option"


def test_without_a_word_it_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COCKPIT_DATA_DIR", raising=False)

    assert DataFolder().path.name == "cockpit-trader"


def test_a_socket_path_that_is_too_long_is_replaced_by_a_short_stable_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)

    socket = DataFolder(deep).socket

    assert len(os.fsencode(socket)) <= SOCKET_PATH_MAX
    assert socket == DataFolder(deep).socket
    assert socket != DataFolder(tmp_path / ("e" * 120)).socket


def test_it_is_made_for_its_user_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = DataFolder(tmp_path / "a" / "data")
        folder.make()
    finally:
        os.umask(old)

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.log.parent.stat().st_mode) == 0o700


def test_a_file_in_its_place_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")

    with pytest.raises(ConfigError, match="data folder"):
        DataFolder(tmp_path / "data").make()
