"""One side of a case: a process that does the work and prints one JSON line about it.

What is compared is CPU time of the process, never time of the clock on the wall.
"""

import gc
import json
import pickle
import platform
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time_ns, thread_time_ns
from typing import Final

GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Those of our engine, granted to every side."""

LOCAL: Final = "127.0.0.1"

Frames = tuple[bytes, list[bytes], list[int]]
"""Snapshot, frames, times of receipt."""


def read_frames(path: str) -> Frames:
    """Read what `bench.stream.Stream.write` wrote."""
    frames: Frames = pickle.loads(Path(path).read_bytes())
    return frames


def settle() -> None:
    """Freeze what is loaded, so that collections look at what the work itself makes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def cpu_s_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that the work takes."""
    before = process_time_ns()
    work()
    return (process_time_ns() - before) / 1e9


def timer_cost_ns() -> int:
    """Return what asking for the thread's CPU time costs by itself."""
    return int(median(-thread_time_ns() + thread_time_ns() for _ in range(2_001)))


def percentile(values: Sequence[int], share: float) -> int:
    """Return the value that this share of all values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def rss_mb() -> float:
    """Return the most memory this process has held; usage counts what it was started from too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


def report(**figures: object) -> None:
    """Print the line that the case reads."""
    print(json.dumps({"rss_mb": rss_mb(), "python": platform.python_version(), **figures}))


def ours(module: str, *arguments: str) -> list[str]:
    """Return the command of a side that runs in our own environment."""
    return [sys.executable, "-m", module, *arguments]
