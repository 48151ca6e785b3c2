"""Random draws beyond those of `Chance`, cheap ones, each from one 64-bit word where possible."""

from math import exp
from typing import Final

from engine.model.chance import Chance

_WORD: Final = 0xFFFF
_MEAN: Final = 2.0 * _WORD
_DEVIATION: Final = _WORD * (4.0 / 12.0) ** 0.5

_TABLE_ROWS: Final = 256
"""Sizes drawn once and picked from afterwards: a power of two, so that 8 bits pick one."""


def normal(chance: Chance) -> float:
    """Return a nearly normal float, mean 0, deviation 1, within 3.5: the sum of four uniforms."""
    bits = chance.next_u64()
    total = (bits & _WORD) + (bits >> 16 & _WORD) + (bits >> 32 & _WORD) + (bits >> 48)
    return (total - _MEAN) / _DEVIATION


def size_table(chance: Chance, median: float, spread: float, largest: float) -> tuple[float, ...]:
    """Return 256 log-normal sizes around a median, none above the largest."""
    return tuple(min(largest, median * exp(spread * normal(chance))) for _ in range(_TABLE_ROWS))
