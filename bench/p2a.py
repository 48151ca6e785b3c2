"""P2a: the same frames through the engine: wire, inbox, kernel with the wall rule, views at 10 Hz.

`python -m bench.p2a [--peers]`. The peer's figure is cryptofeed's of P1, which only keeps the book
and counts. p50 and p99 are CPU time of one `Kernel.step` of a diff of about 40 levels.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.p1 import PEER_PYTHON, RUNS, peer_figures, streams, versions
from bench.plain_book import PlainMarket
from bench.result import Result, fail, tell
from bench.side import middle, ours, take_turns
from bench.stream import Stream, synthetic

FORTY: Final = 40
FORTY_FRAMES: Final = 50_000


def main() -> None:
    """Run the case at all sizes."""
    for stream in [*streams(), synthetic(FORTY_FRAMES, FORTY)]:
        _measure(stream, with_peer="--peers" in sys.argv)


def _measure(stream: Stream, *, with_peer: bool) -> None:
    case = f"p2a {stream.name} {len(stream.frames)} frames"
    expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        stream.write(path)
        sides = {"ours": ours("bench.kernel_side", str(path))}
        if with_peer:
            sides["peer"] = [str(PEER_PYTHON), "-m", "bench.cryptofeed_side", str(path)]
        found = take_turns(sides, RUNS)
    for one in [one for runs in found.values() for one in runs]:
        if one["outcome"] != {key: expected[key] for key in one["outcome"]}:
            fail(case, expected, one["outcome"])
    mine = found["ours"]
    count = len(stream.frames)
    has_steps = bool(mine[0]["steps"])
    more: dict[str, Any] = {
        "frame_p50_us": middle(mine, "frame_p50_ns") / 1_000,
        "frame_p99_us": middle(mine, "frame_p99_ns") / 1_000,
        "steps_of_40": mine[0]["steps"],
        "views": mine[0]["views"],
        "walls": mine[0]["walls"],
    }
    if with_peer:
        more |= peer_figures(found["peer"], middle(mine, "frame_p99_ns"))
    tell(
        Result(
            case,
            "frames/s",
            ours=count / middle(mine, "cpu_s"),
            peer=count / middle(found["peer"], "cpu_s") if with_peer else None,
            p50_us=middle(mine, "p50_ns") / 1_000 if has_steps else None,
            p99_us=middle(mine, "p99_ns") / 1_000 if has_steps else None,
            rss_mb=middle(mine, "rss_mb"),
            versions={key: text for runs in found.values() for key, text in versions(runs[0])},
            more=more,
        )
    )


if __name__ == "__main__":
    main()
