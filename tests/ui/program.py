"""The screen as a program of its own, on a market that moves by itself; for tests on a terminal.

Writes a line of JSON every half second, and one at the end, to the file named as the first
argument. `controlled` gives it the terminal whose end is a signal; on a `timeless` one the app's
clock stands still.
"""

import asyncio
import fcntl
import json
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from cockpit.app import CockpitApp
from engine.port import EngineMessage, ViewFrame
from tests.fakes.port import EPOCH, FakePort, a_welcome
from tests.ui.market import Market

FRAME_S = 0.1


class MovingPort(FakePort):
    """Feeds itself ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.market = Market()
        self._ready: list[EngineMessage] = []

    async def receive(self) -> EngineMessage:
        """Wait for the next view of the moving market."""
        while not self._ready:
            await asyncio.sleep(FRAME_S)
            if not self.watches:
                continue
            self.market.step()
            self.seq += 1
            self._ready = [
                ViewFrame(pane, EPOCH, self.seq, self.market.ts_ns, view)
                for pane, view in self.market.views(self.watches[-1]).items()
            ]
        return self._ready.pop(0)


class ReportingApp(CockpitApp):
    """Says in a file that its event loop goes on."""

    def __init__(self, port: MovingPort, report: Path, clock: Callable[[], int]) -> None:
        super().__init__(port, a_welcome(), clock=clock)
        self.moving = port
        self.report = report

    def on_ready(self) -> None:
        """Start reporting."""
        super().on_ready()
        self.set_interval(0.5, self.write_report)

    def write_report(self) -> None:
        """Write the time of the market."""
        write(self.report, ts_ns=self.moving.market.ts_ns)


def write(report: Path, **words: object) -> None:
    """Add a line."""
    with report.open("a") as file:
        file.write(json.dumps(words) + "\n")


def main() -> None:
    """Run until left."""
    report = Path(sys.argv[1])
    if "controlled" in sys.argv:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Then a hang-up sends SIGHUP.
    clock = (lambda: 0) if "timeless" in sys.argv else time.monotonic_ns
    result = ReportingApp(MovingPort(), report, clock).run()
    write(report, result=result)


if __name__ == "__main__":
    main()
