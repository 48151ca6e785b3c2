"""P10: the screen process at 80x24 and 120x40 on an engine with about 5,000 events/s.

The real program runs in a pseudo-terminal and joins an engine of another process by its socket.
`ours` is the share of one core that the screen takes. The key echo is the time from a key that
freezes the log to the bytes that say so; frames of data go on meanwhile. The reference is the
engine itself: it must still run at the end, and the screen must have heard it all the time.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from bench.result import Result, fail, tell, versions_of
from bench.side import percentile
from bench.terminal import Terminal, cpu_s, rss_now_mb
from engine.folder import DataFolder

SIZES: Final = ((80, 24), (120, 40), (200, 60))
EVENTS_PER_S: Final = 5_000
INSTRUMENTS: Final = 20
WARM_UP_S: Final = 5
MEASURE_S: Final = 20
KEYS: Final = 60
ECHO_S: Final = 5
LOG_KEY: Final = b"7"
FREEZE_KEY: Final = b" "
FROZEN: Final = b"frozen"
"""What the pane's title says while it is held."""
PAINTED: Final = (b"BTC-PERP",)


@contextmanager
def an_engine(
    folder: Path, events_per_s: float, instruments: int, port: int | None = None
) -> Iterator[list[Any]]:
    """Run an engine in a process of its own; what it reports is in the list afterwards.

    With a port it tells there what leaves for the venue (`bench.told`).
    """
    command = ["bench.engine_side", str(folder), str(events_per_s), str(instruments)]
    command += [] if port is None else [str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    reported: list[Any] = [process.pid]
    try:
        yield reported
    finally:
        process.send_signal(signal.SIGTERM)
        reported.append(process.stdout.read())
        process.wait(20)


def main() -> None:
    """Run the case at each size."""
    for columns, rows in SIZES:
        _measure(columns, rows)


def _measure(columns: int, rows: int) -> None:
    case = f"p10 {columns}x{rows}"
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        with an_engine(folder.path, EVENTS_PER_S, INSTRUMENTS) as engine:
            command = [sys.executable, "-m", "cockpit", "attach", str(folder.socket)]
            terminal = Terminal(command, columns, rows)
            try:
                figures = _watch(terminal, case)
            finally:
                terminal.close()
    told = msgspec.json.decode(engine[1])
    tell(
        Result(
            case,
            "share of a core",
            ours=figures["cpu_share"],
            p50_us=percentile(figures["echoes"], 0.5) / 1_000,
            p99_us=percentile(figures["echoes"], 0.99) / 1_000,
            rss_mb=figures["rss_mb"],
            versions=versions_of("textual", "rich"),
            more={
                "bytes_per_s": round(figures["bytes_per_s"]),
                "keys": len(figures["echoes"]),
                "engine_events_per_s": round(told["events_per_s"]),
                "engine_cpu_share": round(told["cpu_share"], 3),
            },
        )
    )


def _watch(terminal: Terminal, case: str) -> dict[str, Any]:
    if terminal.wait_for(PAINTED, terminal.started_ns, 15) is None:
        fail(case, "a first frame", terminal.tail)
    time.sleep(WARM_UP_S)
    pid = terminal.process.pid
    before_s, before_bytes, before = cpu_s(pid), terminal.bytes_read, time.monotonic()
    time.sleep(MEASURE_S)
    passed_s = time.monotonic() - before
    figures: dict[str, Any] = {
        "cpu_share": (cpu_s(pid) - before_s) / passed_s,
        "bytes_per_s": (terminal.bytes_read - before_bytes) / passed_s,
        "rss_mb": rss_now_mb(pid),
    }
    figures["echoes"] = _echoes(terminal, case)
    return figures


def _echoes(terminal: Terminal, case: str) -> list[int]:
    """Freeze the log and let it go, at moments that have nothing to do with the frames."""
    chance = random.Random(1)
    terminal.press(LOG_KEY)
    time.sleep(1)
    spent: list[int] = []
    for _ in range(KEYS):
        pressed_ns = terminal.press(FREEZE_KEY)
        shown_ns = terminal.wait_for((FROZEN,), pressed_ns, ECHO_S)
        if shown_ns is None:
            fail(case, "the log says that it is frozen", terminal.tail)
        spent.append(shown_ns - pressed_ns)
        terminal.press(FREEZE_KEY)
        time.sleep(0.3 + 0.3 * chance.random())
    return spent


if __name__ == "__main__":
    main()
