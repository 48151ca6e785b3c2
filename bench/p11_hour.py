"""P11, its second part: memory of engine and screen over an hour of virtual time.

`python -m bench.p11_hour [--seconds N]`, ten minutes or more. An engine on virtual time
(`bench.hour_side`) sends its views to a real screen that draws them as they come, so an hour passes
in about a quarter of one. What each process holds is noted once a virtual minute, at two rates a
factor of ten apart; the engine's objects are counted too. Slopes are those after the first fifth,
when caches have filled.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, linear_regression
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from bench.p10 import PAINTED
from bench.result import Result, fail, tell, versions_of
from bench.side import ours
from bench.terminal import Terminal, rss_now_mb

EVENTS_PER_S: Final = (500, 5_000)
SECONDS: Final = 3_600
FPS: Final = 100
"""Ten times as many frames as usual: time passes faster here."""
PAINT_S: Final = 60
SHOWN_EVERY: Final = 10
"""Of the samples, one in so many is in the result."""

Row = dict[str, Any]


def main() -> None:
    """Run the case at both rates."""
    arguments = sys.argv[1:]
    seconds = int(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else 0
    for events_per_s in EVENTS_PER_S:
        _measure(events_per_s, seconds or SECONDS)


def _measure(events_per_s: int, seconds: int) -> None:
    case = f"p11 {seconds} virtual s at {events_per_s} events/s"
    with TemporaryDirectory() as name, _engine(Path(name), events_per_s, seconds) as lines:
        listening = json.loads(next(lines))["listens"]
        terminal = Terminal(ours("bench.screen_side", listening, str(FPS)), 120, 40)
        try:
            if terminal.wait_for(PAINTED, terminal.started_ns, PAINT_S) is None:
                fail(case, "a first frame", terminal.tail)
            rows = [_with_screen(json.loads(line), terminal) for line in lines]
        finally:
            terminal.close()
    if len(rows) != seconds // 60:
        fail(case, f"{seconds // 60} samples", len(rows))
    settled = rows[len(rows) // 5 :]
    tell(
        Result(
            case,
            "MB",
            ours=fmean(row["rss_mb"] + row["screen_mb"] for row in rows[-3:]),
            rss_mb=max(row["rss_mb"] + row["screen_mb"] for row in rows),
            versions=versions_of("textual", "rich", "msgspec"),
            more={
                "events": rows[-1]["seq"],
                "engine_mb_per_h": _slope(settled, "rss_mb"),
                "screen_mb_per_h": _slope(settled, "screen_mb"),
                "engine_objects_per_h": _slope(settled, "objects"),
                "engine_blocks_per_h": _slope(settled, "blocks"),
                "rows": [_shown(row) for row in [*rows[::SHOWN_EVERY], rows[-1]]],
                "grown": _grown(settled),
            },
        )
    )


@contextmanager
def _engine(folder: Path, events_per_s: int, seconds: int) -> Iterator[Iterator[str]]:
    """Run the engine; iterates over what it says."""
    socket = folder / "screen.sock"
    arguments = (str(folder / "data"), str(events_per_s), str(seconds), str(socket))
    process = subprocess.Popen(
        ours("bench.hour_side", *arguments), stdout=subprocess.PIPE, text=True
    )
    lines: IO[str] | None = process.stdout
    assert lines is not None
    try:
        yield iter(lines)
    finally:
        process.terminate()
        process.wait(20)


def _with_screen(row: Row, terminal: Terminal) -> Row:
    return row | {"screen_mb": rss_now_mb(terminal.process.pid)}


def _slope(rows: Sequence[Row], key: str) -> float:
    """Return by how much something grows in an hour, by least squares."""
    hours = [row["at_s"] / 3_600 for row in rows]
    return round(linear_regression(hours, [row[key] for row in rows]).slope, 2)


def _shown(row: Row) -> Row:
    keys = ("at_s", "rss_mb", "screen_mb", "objects", "blocks", "orders")
    return {key: round(row[key], 1) for key in keys}


def _grown(rows: Sequence[Row]) -> dict[str, int]:
    """Return of which types there were more at the end."""
    first, last = rows[0]["types"], rows[-1]["types"]
    return {kind: last[kind] - first[kind] for kind in last if last[kind] > first.get(kind, 0)}


if __name__ == "__main__":
    main()
