"""Files that are written at once: whatever breaks, one of the two is there as a whole."""

from contextlib import suppress
from pathlib import Path

import pytest

from engine.model.chance import Chance
from engine.model.errors import StorageUnavailable
from storage.files import DiskFiles
from storage.whole import write_whole
from tests.fakes.files import FaultyFiles, PowerCut

PATH = Path("/data/note")
OLD, NEW = b"what was there before", b"what is written now"


def test_it_is_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(DiskFiles(), tmp_path / "note", OLD)
    write_whole(DiskFiles(), tmp_path / "note", NEW)

    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    assert (tmp_path / "note").read_bytes() == NEW
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("operation", ["create", "append", "sync", "rename"])
def test_what_the_disk_refuses_leaves_what_was_there(operation: str) -> None:
    files = FaultyFiles()
    files.put(PATH, OLD)
    files.fail(operation)

    with pytest.raises(StorageUnavailable):
        write_whole(files, PATH, NEW)
    assert files.content(PATH) == OLD

    write_whole(files, PATH, NEW)
    assert files.content(PATH) == NEW


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_at_any_operation_leaves_one_of_the_two(seed: int) -> None:
    files = FaultyFiles(Chance(seed))
    files.put(PATH, OLD)
    files.cut_at = 1 + seed % 8

    with suppress(PowerCut):
        write_whole(files, PATH, NEW)
    files.crash()

    assert files.content(PATH) in (OLD, NEW)
    write_whole(files, PATH, NEW)
    files.crash()
    assert files.content(PATH) == NEW
