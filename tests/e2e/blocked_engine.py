"""The program with one more line in its registry of strategies: one that blocks where it decides.

    python -m tests.e2e.blocked_engine GATE ARGUMENTS...

It holds until there is a file `shut` in the folder GATE. On the next candle it makes the file
`blocked` and keeps the event loop for as long as `shut` is there; then it wants to buy.
"""

import sys
from pathlib import Path
from typing import Annotated, NamedTuple

from engine.strategy import registry
from engine.strategy.candle import BUY, Decision, Position, enter, hold
from engine.strategy.columns import CLOSE
from engine.strategy.params import Float

ID = "blocker"
VERSION = 1
MINUTE_S = 60


class Gate(NamedTuple):
    """How a test and the strategy of another process meet."""

    folder: Path

    @property
    def shut(self) -> Path:
        """There while the strategy is to block."""
        return self.folder / "shut"

    @property
    def blocked(self) -> Path:
        """There once it has."""
        return self.folder / "blocked"


class Params(NamedTuple):
    """What it buys."""

    size_pct: Annotated[float, Float(1.0, 20.0, 1.0), "% of equity"] = 5.0


class Row(NamedTuple):
    """It looks at nothing in particular."""

    close: Annotated[float, CLOSE]


def decide(row: Row, position: Position, params: Params) -> Decision:
    """Keep everybody waiting, then buy."""
    del row, position
    gate = Gate(Path(sys.argv[1]))
    if not gate.shut.exists():
        return hold()
    gate.blocked.touch()
    spins = 0
    while gate.shut.exists():
        spins += 1
    return enter(BUY, params.size_pct / 100.0)


def main() -> None:
    """Run the program."""
    blocker = registry.StrategySpec(
        ID, "blocks the loop", sys.modules[__name__], MINUTE_S, Params()
    )
    registry.STRATEGIES = (*registry.STRATEGIES, blocker)  # type: ignore[misc]  # before its use
    from cockpit.cli import main as cockpit

    cockpit(sys.argv[2:], prog_name="cockpit")


if __name__ == "__main__":
    main()
