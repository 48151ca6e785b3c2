"""The disk and its stand-in keep the same promises; the rest is about the real one."""

import os
import resource
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.chance import Chance
from engine.model.errors import StorageUnavailable
from storage.base import Files
from storage.files import DiskFiles
from tests.fakes.files import FAILING, SECTOR, FaultyFiles, PowerCut


@pytest.fixture(params=[DiskFiles, FaultyFiles])
def files(request: pytest.FixtureRequest) -> Files:
    return request.param()


# Both.


def test_what_is_appended_is_read(files: Files, tmp_path: Path) -> None:
    file = files.create(tmp_path / "a")
    file.append(b"one ")
    file.sync()
    file.append(b"two")
    file.close()
    again = files.open_append(tmp_path / "a")
    again.append(b" three")
    again.close()

    assert files.read(tmp_path / "a", 0, 100) == b"one two three"
    assert files.read(tmp_path / "a", 4, 3) == b"two"
    assert files.read(tmp_path / "a", 50, 3) == b""
    assert files.size(tmp_path / "a") == 13


def test_after_a_cut_appending_goes_on_at_the_cut(files: Files, tmp_path: Path) -> None:
    file = files.create(tmp_path / "a")
    file.append(b"one two")
    file.truncate(4)
    file.append(b"2")
    file.close()

    assert files.read(tmp_path / "a", 0, 100) == b"one 2"


def test_a_file_is_made_once(files: Files, tmp_path: Path) -> None:
    files.create(tmp_path / "a").close()

    with pytest.raises(StorageUnavailable, match="File exists"):
        files.create(tmp_path / "a")


def test_a_file_that_is_not_there_is_named(files: Files, tmp_path: Path) -> None:
    absent, other = tmp_path / "a", tmp_path / "b"
    uses = [
        lambda: files.open_append(absent),
        lambda: files.read(absent, 0, 1),
        lambda: files.size(absent),
        lambda: files.rename(absent, other),
        lambda: files.remove(absent),
    ]

    for use in uses:
        with pytest.raises(StorageUnavailable, match="No such file or directory"):
            use()


def test_names_come_in_order_and_follow_the_files(files: Files, tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        files.create(tmp_path / name).close()
    files.rename(tmp_path / "a", tmp_path / "d")
    files.remove(tmp_path / "b")
    files.sync_folder(tmp_path)

    assert files.names(tmp_path) == ["c", "d"]
    assert files.names(tmp_path / "nowhere") == []


def test_a_renamed_file_replaces_another(files: Files, tmp_path: Path) -> None:
    for name in ("a", "b"):
        file = files.create(tmp_path / name)
        file.append(name.encode())
        file.close()

    files.rename(tmp_path / "a", tmp_path / "b")

    assert files.names(tmp_path) == ["b"]
    assert files.read(tmp_path / "b", 0, 9) == b"a"


def test_a_folder_may_be_made_twice(files: Files, tmp_path: Path) -> None:
    files.make_folder(tmp_path / "journal")
    files.make_folder(tmp_path / "journal")
    files.create(tmp_path / "journal" / "a").close()

    assert files.names(tmp_path / "journal") == ["a"]


def test_there_is_room(files: Files, tmp_path: Path) -> None:
    assert files.free_bytes(tmp_path) > 0


# The real one.


def test_files_and_folders_are_the_owners_alone(tmp_path: Path) -> None:
    files = DiskFiles()
    before = os.umask(0o022)
    try:
        files.make_folder(tmp_path / "journal")
        files.create(tmp_path / "journal" / "a").close()
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "journal" / "a").stat().st_mode) == 0o600


def test_children_do_not_inherit_a_file(tmp_path: Path) -> None:
    file = DiskFiles().create(tmp_path / "a")
    [descriptor] = [
        number for number in range(3, 256) if is_file(number, (tmp_path / "a").stat().st_ino)
    ]

    assert not os.get_inheritable(descriptor)
    file.close()


def is_file(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_says_so() -> None:
    file = DiskFiles().open_append(Path("/dev/full"))

    with pytest.raises(StorageUnavailable, match="/dev/full: No space left on device"):
        file.append(b"x")
    file.close()


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Let the system end every file at 1,000 bytes, in the middle of a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_small_files")
def test_a_write_that_is_cut_short_goes_on_until_the_system_refuses(tmp_path: Path) -> None:
    file = DiskFiles().create(tmp_path / "a")

    with pytest.raises(StorageUnavailable, match="File too large"):
        file.append(b"x" * 1_500)
    file.close()

    assert DiskFiles().size(tmp_path / "a") == 1_000


def test_a_folder_that_cannot_be_synced_gives_no_file(tmp_path: Path) -> None:
    class Unsyncable(DiskFiles):
        def sync_folder(self, folder: Path) -> None:
            raise StorageUnavailable(str(folder), FAILING)

    with pytest.raises(StorageUnavailable, match=FAILING):
        Unsyncable().create(tmp_path / "a")


def test_a_disk_that_knows_no_sync_of_folders_will_do() -> None:
    DiskFiles().sync_folder(Path("/proc"))


def test_what_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        DiskFiles().sync_folder(tmp_path / "nowhere")
    with pytest.raises(StorageUnavailable, match="Invalid argument"):
        DiskFiles().open_append(Path("/dev/null")).sync()


# The stand-in.

PATH = Path("/data/a")


def test_without_a_sync_a_power_cut_leaves_anything_between_nothing_and_all() -> None:
    outcomes = set()
    for seed in range(200):
        files = FaultyFiles(Chance(seed))
        file = files.create(PATH)
        file.append(b"a" * 100)
        file.sync()
        file.append(b"b" * 2_000)
        files.crash()
        kept = files.content(PATH)
        assert kept.startswith(b"a" * 100)
        assert set(kept[100:]) <= {0, ord("b")}
        outcomes.add(kept)

    assert b"a" * 100 in outcomes
    assert b"a" * 100 + b"b" * 2_000 in outcomes
    assert any(0 in kept and kept.endswith(b"b") for kept in outcomes)
    assert any(len(kept) % SECTOR and b"\0" not in kept for kept in outcomes)


def test_what_a_failed_sync_forgot_is_lost_although_the_next_sync_succeeds() -> None:
    lost = 0
    for seed in range(20):
        files = FaultyFiles(Chance(seed))
        file = files.create(PATH)
        file.append(b"a" * 2_000)
        files.fail("sync")
        with pytest.raises(StorageUnavailable, match=FAILING):
            file.sync()
        file.sync()
        assert files.content(PATH) == b"a" * 2_000
        files.crash()
        lost += files.content(PATH) != b"a" * 2_000

    assert lost > 10


def test_a_full_disk_takes_what_fits_and_truncating_gives_it_back() -> None:
    files = FaultyFiles()
    files.space = 10
    file = files.create(PATH)

    with pytest.raises(StorageUnavailable, match="No space left on device"):
        file.append(b"x" * 11)

    assert files.content(PATH) == b"x" * 10
    file.truncate(0)
    assert files.free_bytes(PATH.parent) == 10


def test_a_read_only_disk_can_be_read() -> None:
    files = FaultyFiles()
    files.put(PATH, b"a")
    files.is_read_only = True

    with pytest.raises(StorageUnavailable, match="Read-only file system"):
        files.open_append(PATH).append(b"b")
    assert files.read(PATH, 0, 9) == b"a"


def test_the_power_goes_once_and_then_nothing_works_until_it_is_back() -> None:
    files = FaultyFiles(Chance(1))
    files.cut_at = 2
    file = files.create(PATH)

    with pytest.raises(PowerCut):
        file.append(b"a")
    with pytest.raises(StorageUnavailable, match="the power is off"):
        file.append(b"b")
    files.kill()
    file.append(b"c")

    assert files.content(PATH) in (b"c", b"ac")


def test_a_flipped_bit_stays_flipped() -> None:
    files = FaultyFiles()
    files.put(PATH, b"aa")

    files.flip(PATH, 1, 3)
    files.crash()

    assert files.content(PATH) == b"ab"


def test_a_name_may_be_lost_with_a_power_cut_that_comes_before_it_is_kept() -> None:
    outcomes = set()
    for seed in range(40):
        files = FaultyFiles(Chance(seed))
        files.put(PATH, b"a")
        files.cut_at = 1
        with pytest.raises(PowerCut):
            files.rename(PATH, Path("/data/b"))
        files.crash()
        outcomes.add(tuple(files.names(Path("/data"))))

    assert outcomes == {("a",), ("b",)}
