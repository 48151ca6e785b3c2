"""What the faults of a run do to each line of a capture, whatever venue is played."""

from collections.abc import Callable

from engine.fake.faults import Disturbance, Drop, Faults
from engine.model.chance import Chance


class Damage:
    """Answers, line by line, what goes wrong with it.

    Args:
        faults: What to do wrong.
        chance: Decides which frames a fault with a share takes.
    """

    def __init__(self, faults: Faults, chance: Chance) -> None:
        self._faults = faults
        self._chance = chance
        self._dropped = frozenset(faults.drop_lines)
        self._swapped = dict(faults.swap_lines) | {b: a for a, b in faults.swap_lines}
        self._disturbances = faults.disturbances()

    def take_disturbance(self, line: int) -> Disturbance | None:
        """Return the next thing that happens before this line; each happens once."""
        while self._disturbances and self._disturbances[0].line < line:
            self._disturbances.pop(0)  # A line that could not be read.
        if not self._disturbances or self._disturbances[0].line != line:
            return None
        return self._disturbances.pop(0)

    def is_named(self, line: int) -> bool:
        """Whether this line is on the list of those never sent."""
        return line in self._dropped

    def takes(self, line: int, symbol: str, is_stream: Callable[[str], bool]) -> bool:
        """Whether a frame never reaches a client; `is_stream` tells whether a fault's name fits."""
        return self.is_named(line) or any(
            self._is_taken(line, symbol, is_stream, drop) for drop in self._faults.drop
        )

    def in_place_of(self, line: int) -> int | None:
        """Return the line whose frame is sent instead."""
        return self._swapped.get(line)

    def times(self, line: int) -> int:
        """Return how often a frame is sent."""
        return 2 if line in self._faults.repeat_lines else 1

    def _is_taken(
        self, line: int, symbol: str, is_stream: Callable[[str], bool], drop: Drop
    ) -> bool:
        is_meant = (
            drop.from_line <= line <= drop.to_line
            and drop.symbol in {"", symbol}
            and (not drop.stream or is_stream(drop.stream))
        )
        return is_meant and (drop.share >= 1 or self._chance.happens(drop.share))
