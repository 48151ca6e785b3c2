"""The heartbeat: it changes while the loop runs, and says when silence is meant."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from engine.runtime.clock import LoopClock
from engine.runtime.heartbeat import EVERY_S, STOP_S, Heartbeat
from engine.runtime.virtual_loop import run
from tests.builders import START_NS


class Disk:
    """Does its work when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.is_stopped = False

    def run(self, job: Callable[[], None]) -> None:
        """Take a job."""
        self.jobs.append(job)

    def stop(self) -> None:
        """End."""
        self.is_stopped = True

    def work(self) -> None:
        """Do what waits."""
        while self.jobs:
            self.jobs.pop(0)()


async def stopped(heart: Heartbeat, disk: Disk) -> None:
    """Let it end on a disk that works when it is told to."""
    stopping = asyncio.ensure_future(heart.stop())
    await asyncio.sleep(0)
    disk.work()
    await stopping


def test_each_beat_is_another_and_the_last_says_that_it_is_the_last(tmp_path: Path):
    async def main() -> None:
        disk, path = Disk(), tmp_path / "heartbeat"
        heart = Heartbeat(path, LoopClock(START_NS), disk)
        beating = asyncio.ensure_future(heart.run())
        seen = []
        for _ in range(3):
            await asyncio.sleep(EVERY_S)
            disk.work()
            seen.append(path.read_text())
        beating.cancel()
        await stopped(heart, disk)

        assert len(set(seen)) == 3
        assert all(text.startswith("alive ") for text in seen)
        assert path.read_text().startswith("stopped ")
        assert disk.is_stopped
        assert os.listdir(tmp_path) == ["heartbeat"]
        assert path.stat().st_mode & 0o777 == 0o600

    run(main)


def test_a_beat_that_a_slow_disk_writes_late_does_not_hide_the_end(tmp_path: Path):
    async def main() -> None:
        disk, path = Disk(), tmp_path / "heartbeat"
        heart = Heartbeat(path, LoopClock(START_NS), disk)
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(EVERY_S)
        beating.cancel()
        await stopped(heart, disk)

        assert path.read_text().startswith("stopped ")

    run(main)


def test_the_end_does_not_wait_for_ever_for_a_disk_that_hangs(tmp_path: Path):
    async def main() -> None:
        disk, path = Disk(), tmp_path / "heartbeat"
        before_s = asyncio.get_running_loop().time()
        await Heartbeat(path, LoopClock(START_NS), disk).stop()

        assert asyncio.get_running_loop().time() - before_s == STOP_S
        assert disk.is_stopped
        assert not path.exists()

    run(main)


def test_a_disk_that_hangs_gets_no_second_beat_and_one_that_refuses_is_tried_again(tmp_path: Path):
    async def main() -> None:
        disk, path = Disk(), tmp_path / "later" / "heartbeat"
        beating = asyncio.ensure_future(Heartbeat(path, LoopClock(START_NS), disk).run())
        await asyncio.sleep(10 * EVERY_S)
        assert len(disk.jobs) == 1
        for _ in range(2):
            disk.work()
            await asyncio.sleep(EVERY_S)
        path.parent.mkdir()
        disk.work()
        beating.cancel()

        assert path.read_text().startswith("alive ")

    run(main)
