"""Saved pictures: private, and none over another."""

from pathlib import Path

import pytest

from cockpit import pictures
from cockpit.pictures import save_picture
from tests.fakes.port import START_NS


def test_a_picture_is_named_by_its_time_and_for_its_owner_alone(tmp_path: Path):
    path = save_picture(tmp_path / "pictures", "<svg/>", START_NS)

    assert path.name == "20261003-140211.svg"
    assert path.read_text() == "<svg/>"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_two_pictures_of_one_second_are_two_files(tmp_path: Path):
    first, second = (save_picture(tmp_path, text, START_NS) for text in ("a", "b"))

    assert (first.read_text(), second.read_text()) == ("a", "b")
    assert second.name == "20261003-140211-2.svg"


def test_there_are_not_endlessly_many_of_one_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pictures, "NAMES_MAX", 1)
    save_picture(tmp_path, "a", START_NS)

    with pytest.raises(FileExistsError):
        save_picture(tmp_path, "b", START_NS)
