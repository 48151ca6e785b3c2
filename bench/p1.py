"""P1: raw Binance USD-M frames to a book, on one core, against cryptofeed and a plain reference.

`python -m bench.p1 [--peers]`. Frames per second of CPU time; p50 and p99 are CPU time of one
frame, so that they say nothing of the other programs on the machine.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.plain_book import PlainMarket
from bench.result import Result, fail, tell
from bench.side import cpu_s_of, middle, ours, take_turns
from bench.stream import Stream, capture, oracle_agrees, synthetic

RUNS: Final = 5
PEER_PYTHON: Final = Path(".venv-peers/bin/python")
SYNTHETIC_FRAMES: Final = 200_000


def main() -> None:
    """Run the case at all sizes."""
    for stream in streams():
        _measure(stream, with_peer="--peers" in sys.argv)


def streams() -> list[Stream]:
    """Return the capture and the synthetic stream, each whole and its first tenth."""
    real = capture()
    if not oracle_agrees(real):
        fail("p1 reference", "the capture's oracle", "something else")
    made = synthetic(SYNTHETIC_FRAMES)
    return [
        whole.shortened(len(whole.frames) // part) for whole in (real, made) for part in (10, 1)
    ]


def _measure(stream: Stream, *, with_peer: bool) -> None:
    case = f"p1 {stream.name} {len(stream.frames)} frames"
    plain = PlainMarket(stream.snapshot)
    reference_s = cpu_s_of(lambda: plain.run(stream.frames))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        stream.write(path)
        sides = {"ours": ours("bench.wire_side", str(path))}
        if with_peer:
            sides["peer"] = [str(PEER_PYTHON), "-m", "bench.cryptofeed_side", str(path)]
        found = take_turns(sides, RUNS)
    for runs in found.values():
        for one in runs:
            if one["outcome"] != plain.outcome():
                fail(case, plain.outcome(), one["outcome"])
    mine = found["ours"]
    count = len(stream.frames)
    more: dict[str, Any] = {}
    if with_peer:
        more = peer_figures(found["peer"], middle(mine, "p99_ns"))
    tell(
        Result(
            case,
            "frames/s",
            ours=count / middle(mine, "cpu_s"),
            peer=count / middle(found["peer"], "cpu_s") if with_peer else None,
            p50_us=middle(mine, "p50_ns") / 1_000,
            p99_us=middle(mine, "p99_ns") / 1_000,
            rss_mb=middle(mine, "rss_mb"),
            versions={key: text for runs in found.values() for key, text in versions(runs[0])},
            more={"plain_reference": round(count / reference_s), **more},
        )
    )


def peer_figures(peer: list[dict[str, Any]], our_p99_ns: float) -> dict[str, Any]:
    """Return what else the peer's runs say."""
    return {
        "peer_p50_us": middle(peer, "p50_ns") / 1_000,
        "peer_p99_us": middle(peer, "p99_ns") / 1_000,
        "ratio_p99": round(our_p99_ns / middle(peer, "p99_ns"), 3),
        "peer_rss_mb": round(middle(peer, "rss_mb")),
    }


def versions(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a side says about its libraries."""
    return list(one["versions"].items())


if __name__ == "__main__":
    main()
