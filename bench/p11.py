"""P11: from the command to the first painted frame, and memory over ten minutes of 5,000 events/s.

`python -m bench.p11 [--seconds N]`. The start is of the whole program on the simulated market with
a new data folder: screen process, engine process, first picture with an instrument on it. Memory is
of the screen plus the engine, 20 instruments; its slope is taken after the first fifth, when
buffers have filled.
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from statistics import fmean, linear_regression, median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bench.p10 import EVENTS_PER_S, INSTRUMENTS, PAINTED, an_engine
from bench.result import Result, fail, tell, versions_of
from bench.side import percentile
from bench.terminal import Terminal, cpu_s, rss_now_mb
from cockpit.link import join
from engine.folder import DataFolder

STARTS: Final = 9
START_S: Final = 20
SECONDS: Final = 600
EVERY_S: Final = 2
STOPPED_S: Final = 10


def main() -> None:
    """Run both parts."""
    _measure_start()
    arguments = sys.argv[1:]
    seconds = int(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else 0
    _measure_memory(seconds or SECONDS)


def _measure_start() -> None:
    starts = [(_start(), _time_of_import()) for _ in range(STARTS)]
    spent = [one.wall_ns for one, _ in starts]
    imports = [import_ns for _, import_ns in starts]
    tell(
        Result(
            f"p11 start, {STARTS} times",
            "s",
            ours=median(spent) / 1e9,
            reference=median(imports) / 1e9,
            p50_us=percentile(spent, 0.5) / 1_000,
            p99_us=max(spent) / 1_000,
            versions=versions_of("textual", "rich", "click", "msgspec"),
            more={
                "fastest_s": round(min(spent) / 1e9, 3),
                "screen_cpu_s": round(median(one.screen_cpu_s for one, _ in starts), 3),
            },
        )
    )


class _Start(NamedTuple):
    """Time on the wall and CPU time of the screen's process until the first picture."""

    wall_ns: int
    screen_cpu_s: float


def _time_of_import() -> int:
    """Return how long an empty program takes that only imports the framework of the screen."""
    before_ns = time.monotonic_ns()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.monotonic_ns() - before_ns


def _start() -> _Start:
    """Start the program once, see its first picture, and stop it."""
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        command = [sys.executable, "-m", "cockpit", "--data-dir", name, "--seed", "7"]
        terminal = Terminal(command, 120, 40)
        try:
            painted_ns = terminal.wait_for(PAINTED, terminal.started_ns, START_S)
            if painted_ns is None:
                fail("p11 start", "a first frame", terminal.tail)
            spent_s = cpu_s(terminal.process.pid)
            asyncio.run(_stop(folder.socket))
        finally:
            terminal.close()
        _wait_until_gone(folder.socket)
    return _Start(painted_ns - terminal.started_ns, spent_s)


async def _stop(socket: Path) -> None:
    port = await join(socket, "command")
    port.shutdown()
    await port.receive()
    await port.close()


def _wait_until_gone(socket: Path) -> None:
    deadline = time.monotonic() + STOPPED_S
    while socket.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _measure_memory(seconds: int) -> None:
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        with an_engine(folder.path, EVENTS_PER_S, INSTRUMENTS) as engine:
            command = [sys.executable, "-m", "cockpit", "attach", str(folder.socket)]
            terminal = Terminal(command, 120, 40)
            try:
                samples = _sample(terminal.process.pid, engine[0], seconds)
            finally:
                terminal.close()
    settled = samples[len(samples) // 5 :]
    late = samples[len(samples) // 2 :]
    screen, of_engine = [row[1] for row in settled], [row[2] for row in settled]
    tell(
        Result(
            f"p11 memory over {seconds} s at {EVENTS_PER_S} events/s, {INSTRUMENTS} instruments",
            "MB",
            ours=fmean(screen[-10:]) + fmean(of_engine[-10:]),
            rss_mb=max(one + other for _, one, other in samples),
            versions=versions_of("textual", "rich", "msgspec"),
            more={
                "screen_mb": round(fmean(screen[-10:]), 1),
                "engine_mb": round(fmean(of_engine[-10:]), 1),
                "engine_mb_at_first": round(of_engine[0], 1),
                "screen_mb_at_first": round(screen[0], 1),
                "engine_mb_per_h": _slope([(row[0], row[2]) for row in settled]),
                "engine_mb_per_h_second_half": _slope([(row[0], row[2]) for row in late]),
                "screen_mb_per_h": _slope([(row[0], row[1]) for row in settled]),
                "screen_mb_per_h_second_half": _slope([(row[0], row[1]) for row in late]),
                "engine": engine[1].strip(),
            },
        )
    )


def _slope(rows: list[tuple[float, float]]) -> float:
    """Return how much memory grows in an hour, by least squares."""
    hours, held = [at_s / 3_600 for at_s, _ in rows], [mb for _, mb in rows]
    return round(linear_regression(hours, held).slope, 2)


def _sample(screen: int, engine: int, seconds: int) -> list[tuple[float, float, float]]:
    """Return rows of seconds, memory of the screen, memory of the engine."""
    began = time.monotonic()
    samples = []
    while (at_s := time.monotonic() - began) < seconds:
        samples.append((at_s, rss_now_mb(screen), rss_now_mb(engine)))
        time.sleep(EVERY_S)
    return samples


if __name__ == "__main__":
    main()
