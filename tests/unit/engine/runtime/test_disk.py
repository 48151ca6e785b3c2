"""The look at the disk of the data folder: now and then, and it waits for nobody."""

import asyncio
import shutil
from pathlib import Path

from engine.model.envelope import DiskSeen
from engine.runtime.clock import LoopClock
from engine.runtime.disk import EVERY_S, DiskWatch
from engine.runtime.virtual_loop import run
from tests.builders import START_NS
from tests.unit.engine.runtime.test_heartbeat import Disk


class Watched:
    """A watch over a folder, and what it reported."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk()
        self.seen: list[tuple[str, DiskSeen]] = []
        clock = LoopClock(START_NS)
        self.watch = DiskWatch(folder, clock, self.disk, lambda *told: self.seen.append(told))
        self.task = asyncio.ensure_future(self.watch.run())

    async def looks(self) -> None:
        """Let the disk answer, and the next look come."""
        await asyncio.sleep(0)
        self.disk.work()
        await asyncio.sleep(EVERY_S)

    async def ends(self) -> None:
        """End it."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def test_what_the_disk_has_left_is_reported_each_time(tmp_path: Path):
    async def main() -> None:
        watched = Watched(tmp_path)
        await watched.looks()
        await watched.looks()
        await watched.ends()

        assert [source for source, _ in watched.seen] == ["disk", "disk"]
        assert watched.seen[0][1].total_bytes == shutil.disk_usage(tmp_path).total
        assert watched.disk.is_stopped

    run(main)


def test_a_disk_that_does_not_answer_is_asked_once(tmp_path: Path):
    async def main() -> None:
        watched = Watched(tmp_path)
        await asyncio.sleep(10 * EVERY_S)

        assert (len(watched.disk.jobs), watched.seen) == (1, [])
        await watched.ends()
        watched.disk.work()
        await asyncio.sleep(0)
        assert watched.seen == []

    run(main)


def test_a_folder_that_cannot_be_looked_at_is_looked_at_again(tmp_path: Path):
    async def main() -> None:
        folder = tmp_path / "later"
        watched = Watched(folder)
        await watched.looks()
        assert watched.seen == []

        folder.mkdir()
        await watched.looks()

        assert len(watched.seen) == 1
        await watched.ends()

    run(main)
