"""A small seeded generator: the same numbers on every Python version, with visible state."""

from collections.abc import Sequence
from math import log
from typing import TypeVar

_T = TypeVar("_T")
_MASK = 2**64 - 1


class Chance:
    """SplitMix64 (Steele, Lea, Flood 2014): one 64-bit word of state, which can be stored."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def next_u64(self) -> int:
        """Return the next 64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def uniform(self) -> float:
        """Return a float from 0 up to but not including 1."""
        return (self.next_u64() >> 11) * 2.0**-53

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to but not including `bound`."""
        assert bound > 0
        return (self.next_u64() * bound) >> 64

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        """Return True in the given share of calls, 0 to 1."""
        return self.uniform() < share

    def exponential(self, mean: float) -> float:
        """Return an exponentially distributed float with the given mean."""
        return -mean * log(1.0 - self.uniform())

    def pick(self, items: Sequence[_T]) -> _T:
        """Return one of the items."""
        return items[self.below(len(items))]
