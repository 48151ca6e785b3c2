"""P2: the same frames through the whole engine while it trades on paper.

`python -m bench.p2 [--peers]`. As P2a, with one candle strategy running, four orders a second by
hand, the gate, the paper venue, fills, all panes, and a journal that is written and synced. The
peer's figure is cryptofeed's of P1, which only keeps the book and counts. p50 and p99 are CPU time
of the host's whole step for a diff of about 40 levels; steps of commands and of reports on orders
stand beside. A run is wrong where the market differs from the plain reference's, or where the
journal does not fold to the ledger, or where nothing was filled.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.p1 import PEER_PYTHON, RUNS, peer_figures, streams, versions
from bench.p2a import FORTY, FORTY_FRAMES
from bench.plain_book import PlainMarket
from bench.result import Result, fail, tell
from bench.side import middle, ours, take_turns
from bench.stream import Stream, synthetic

KINDS: Final = ("diff", "command", "report")


def main() -> None:
    """Run the case at all sizes."""
    for stream in [*streams(), synthetic(FORTY_FRAMES, FORTY)]:
        _measure(stream, with_peer="--peers" in sys.argv)


def _measure(stream: Stream, *, with_peer: bool) -> None:
    case = f"p2 {stream.name} {len(stream.frames)} frames"
    expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        stream.write(path)
        sides = {"ours": ours("bench.desk_side", str(path))}
        if with_peer:
            sides["peer"] = [str(PEER_PYTHON), "-m", "bench.cryptofeed_side", str(path)]
        found = take_turns(sides, RUNS)
    for one in [one for runs in found.values() for one in runs]:
        if one["outcome"] != {key: expected[key] for key in one["outcome"]}:
            fail(case, expected, one["outcome"])
    mine = found["ours"]
    for one in mine:
        if not one["is_same_ledger"] or not one["fills"]:
            fail(case, "fills, and a journal that folds to the ledger", one)
    more: dict[str, Any] = {
        f"{kind}_step_{word}_us": middle(mine, f"{kind}_{word}_ns") / 1_000
        for kind in KINDS
        for word in ("p50", "p99")
        if mine[0][f"{kind}_steps"]
    }
    more |= {key: mine[0][key] for key in ("orders", "fills", "journal_bytes")}
    if with_peer:
        more |= peer_figures(found["peer"], middle(mine, "diff_p99_ns"))
        del more["ratio_p99"]  # A step is not a frame.
    has_steps = bool(mine[0]["diff_steps"])
    count = len(stream.frames)
    tell(
        Result(
            case,
            "frames/s",
            ours=count / middle(mine, "cpu_s"),
            peer=count / middle(found["peer"], "cpu_s") if with_peer else None,
            p50_us=middle(mine, "diff_p50_ns") / 1_000 if has_steps else None,
            p99_us=middle(mine, "diff_p99_ns") / 1_000 if has_steps else None,
            rss_mb=middle(mine, "rss_mb"),
            versions={key: text for runs in found.values() for key, text in versions(runs[0])},
            more=more,
        )
    )


if __name__ == "__main__":
    main()
