"""One engine per folder."""

import os
from pathlib import Path

import pytest

from engine.model.errors import FolderInUse
from engine.runtime.lock import FolderLock


def test_a_held_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    held = FolderLock(tmp_path / "engine.lock")

    with pytest.raises(FolderInUse, match=f"pid {os.getpid()}"):
        FolderLock(tmp_path / "engine.lock")
    held.release()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    FolderLock(tmp_path / "engine.lock").release()

    FolderLock(tmp_path / "engine.lock").release()


def test_a_file_left_by_a_dead_engine_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "engine.lock").write_text("4194304\n")

    FolderLock(tmp_path / "engine.lock").release()
