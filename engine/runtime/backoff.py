"""How long to wait before the next try."""

from typing import Final

from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S

BACKOFF_NS_FIRST: Final = 500 * NS_PER_MS
BACKOFF_NS_MAX: Final = 30 * NS_PER_S


class Backoff:
    """Full jitter over a bound that doubles from 0.5 s to 30 s; a wait of nothing never comes."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.attempt = 0

    def next_ns(self) -> int:
        """Count one more attempt and return how long to wait before it."""
        bound_ns = min(BACKOFF_NS_MAX, BACKOFF_NS_FIRST << min(self.attempt, 6))
        self.attempt += 1
        return self._chance.between(1, bound_ns)

    def reset(self) -> None:
        """Begin again: all went well."""
        self.attempt = 0
