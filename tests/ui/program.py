"""The screen as a program of its own, on a market that moves by itself; for tests on a terminal.

Writes one line of JSON per second, and one at the end, to the file named as the first argument.
"""

import asyncio
import fcntl
import json
import sys
import termios
import time
from pathlib import Path

from cockpit.app import CockpitApp
from engine.port import EngineMessage, ViewFrame
from tests.fakes.port import EPOCH, FakePort, a_welcome
from tests.ui.scenes import Market

FRAME_S = 0.1


class MovingPort(FakePort):
    """Feeds itself ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.market = Market()
        self._ready: list[EngineMessage] = []
        self.pause_max_s = 0.0

    async def receive(self) -> EngineMessage:
        """Wait for the next view of the moving market."""
        while not self._ready:
            before = time.monotonic()
            await asyncio.sleep(FRAME_S)
            self.pause_max_s = max(self.pause_max_s, time.monotonic() - before - FRAME_S)
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
    """Says in a file how its event loop is doing."""

    def __init__(self, port: MovingPort, report: Path) -> None:
        super().__init__(port, a_welcome())
        self.moving = port
        self.report = report

    def on_ready(self) -> None:
        """Start reporting."""
        super().on_ready()
        self.set_interval(0.5, self.write_report)

    def write_report(self) -> None:
        """Write the longest pause of the loop since the last report, and the time of the market."""
        with self.report.open("a") as file:
            line = {
                "pause_max_s": round(self.moving.pause_max_s, 3),
                "cpu_s": round(time.process_time(), 3),
                "ts_ns": self.moving.market.ts_ns,
            }
            file.write(json.dumps(line) + "\n")
        self.moving.pause_max_s = 0.0


def main() -> None:
    """Run until left."""
    report = Path(sys.argv[1])
    if "controlled" in sys.argv:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Then a hang-up sends SIGHUP.
    result = ReportingApp(MovingPort(), report).run()
    with report.open("a") as file:
        file.write(json.dumps({"result": result, "cpu_s": time.process_time()}) + "\n")


if __name__ == "__main__":
    main()
