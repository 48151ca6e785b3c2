"""P2: the same frames through the whole engine while it trades on paper.

`python -m bench.p2 [--peers]`. As P2a, with one candle strategy running, four orders a second by
hand, the gate, the paper venue, fills, all panes, and a journal that is written and synced. The
peer's figure is cryptofeed's of P1, which only keeps the book and counts. p50 and p99 are CPU time
of the host's whole step for a diff of about 40 levels; steps of commands and of reports on orders
stand beside. A run is wrong where the market differs from the plain reference's, or where the
journal does not fold to the ledger, or where nothing was filled.
"""

from typing import Any, Final

from bench.p2a import streams_of_steps
from bench.plain_book import PlainMarket
from bench.result import fail
from bench.turns import Turns, middle, turns_over

KINDS: Final = ("diff", "command", "report")


def main() -> None:
    """Run the case at all sizes."""
    for stream in streams_of_steps():
        expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()
        turns = turns_over("p2", stream, "bench.desk_side", expected)
        for one in turns.ours:
            if not one["is_same_ledger"] or not one["fills"]:
                fail(turns.case, "fills, and a journal that folds to the ledger", one)
        turns.tell("diff_", more=_traded(turns))


def _traded(turns: Turns) -> dict[str, Any]:
    """Return what steps of each kind cost, and how many orders there were."""
    mine = turns.ours
    steps = {
        f"{kind}_step_{word}_us": middle(mine, f"{kind}_{word}_ns") / 1_000
        for kind in KINDS
        for word in ("p50", "p99")
        if mine[0][f"{kind}_steps"]
    }
    return steps | {key: mine[0][key] for key in ("orders", "fills", "journal_bytes")}


if __name__ == "__main__":
    main()
