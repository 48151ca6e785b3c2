"""P10: the screen process at three sizes on an engine with about 5,000 events/s.

The real program runs in a pseudo-terminal and joins an engine of another process by its socket.
`ours` is the share of one core that the screen takes. The key echo is the time from a key that
freezes the log to the bytes that say so; frames of data go on meanwhile. Shares and bytes are
medians of some runs, echoes those of all keys of all runs; what the machine itself takes
(`bench.probe`) is measured between the keys and stands beside. The engine must still run at the
end, and the screen must have heard it all the time.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import msgspec

from bench.probe import Probe
from bench.result import Result, fail, tell, versions_of
from bench.side import ours, percentile
from bench.terminal import Terminal, cpu_s, rss_now_mb
from engine.folder import DataFolder

SIZES: Final = ((80, 24), (120, 40), (200, 60))
EVENTS_PER_S: Final = 5_000
INSTRUMENTS: Final = 20
WARM_UP_S: Final = 5
RUNS: Final = 3
MEASURE_S: Final = 15
KEYS: Final = 40
"""In each run."""
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


class _Seen(NamedTuple):
    """What one run showed."""

    cpu_share: float
    bytes_per_s: float
    rss_mb: float
    echoes_ns: list[int]
    probe: dict[str, Any]
    engine: dict[str, Any]


def _measure(columns: int, rows: int) -> None:
    case = f"p10 {columns}x{rows}"
    seen = [_run(case, columns, rows) for _ in range(RUNS)]
    echoes_ns = [spent_ns for one in seen for spent_ns in one.echoes_ns]
    shares = [one.cpu_share for one in seen]
    tell(
        Result(
            case,
            "share of a core",
            ours=median(shares),
            p50_us=percentile(echoes_ns, 0.5) / 1_000,
            p99_us=percentile(echoes_ns, 0.99) / 1_000,
            rss_mb=median(one.rss_mb for one in seen),
            versions=versions_of("textual", "rich"),
            more={
                "runs": RUNS,
                "least_and_most": [round(min(shares), 4), round(max(shares), 4)],
                "bytes_per_s": round(median(one.bytes_per_s for one in seen)),
                "keys": len(echoes_ns),
                "slowest_us": max(echoes_ns) / 1_000,
                "engine_events_per_s": round(median(one.engine["events_per_s"] for one in seen)),
                "engine_cpu_share": round(median(one.engine["cpu_share"] for one in seen), 3),
                **{key: median(one.probe[key] for one in seen) for key in seen[0].probe},
            },
        )
    )


def _run(case: str, columns: int, rows: int) -> _Seen:
    """Run one engine and one screen."""
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        with (
            an_engine(folder.path, EVENTS_PER_S, INSTRUMENTS) as engine,
            Probe(folder.path) as probe,
        ):
            terminal = Terminal(ours("cockpit", "attach", str(folder.socket)), columns, rows)
            try:
                cpu_share, bytes_per_s = _watch(terminal, case)
                rss_mb = rss_now_mb(terminal.process.pid)
                echoes_ns = _echoes(terminal, case, probe)
            finally:
                terminal.close()
    told = msgspec.json.decode(engine[1])
    return _Seen(cpu_share, bytes_per_s, rss_mb, echoes_ns, probe.figures, told)


def _watch(terminal: Terminal, case: str) -> tuple[float, float]:
    """Return the share of a core and the bytes a second of a screen that nobody touches."""
    if terminal.wait_for(PAINTED, terminal.started_ns, 15) is None:
        fail(case, "a first frame", terminal.tail)
    time.sleep(WARM_UP_S)
    pid = terminal.process.pid
    before_s, before_bytes, before = cpu_s(pid), terminal.bytes_read, time.monotonic()
    time.sleep(MEASURE_S)
    passed_s = time.monotonic() - before
    return (cpu_s(pid) - before_s) / passed_s, (terminal.bytes_read - before_bytes) / passed_s


def _echoes(terminal: Terminal, case: str, probe: Probe) -> list[int]:
    """Freeze the log and let it go, at moments that have nothing to do with the frames."""
    chance = random.Random(1)
    terminal.press(LOG_KEY)
    time.sleep(1)
    spent: list[int] = []
    for _ in range(KEYS):
        probe.sample()
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
