"""What watches over an engine on a machine: its loop, its disk, its clock."""

from pathlib import Path

from engine.runtime.clock import Clock
from engine.runtime.disk import DiskWatch
from engine.runtime.host import EngineHost
from engine.runtime.journal_writer import ThreadWorker
from engine.runtime.wall_clock import WallClockWatch
from engine.runtime.watchdog import Watchdog


def keep_watch(host: EngineHost, folder: Path, clock: Clock) -> None:
    """Let a host keep all of them through its run.

    Args:
        host: Hears what they see.
        folder: The data folder, on the disk that is watched.
        clock: Engine time.
    """

    def disk() -> DiskWatch:
        return DiskWatch(folder, clock, ThreadWorker("disk"), host.report)

    host.keep(lambda: Watchdog(host.report, host.give_up).run(), "watchdog")
    host.keep(lambda: disk().run(), "disk")
    host.keep(WallClockWatch(clock, host.report).run, "wall clock")
