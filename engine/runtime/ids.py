"""Identifiers that must differ between runs: the only place that asks for unforeseeable bits."""

import os
from collections.abc import Callable
from typing import Final, Protocol

from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS

RANDOM_BYTES: Final = 10
BOOT_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
BOOT_LETTERS: Final = 6
"""Two thousand million boots; short, because order ids of at most 32 letters begin with it."""


class Ids(Protocol):
    """Names for what has none yet."""

    def run_id(self, ts_ns: int) -> str:
        """Return a new run id, a UUIDv7: later runs sort after earlier ones."""

    def boot_id(self) -> str:
        """Return a new boot id: `BOOT_LETTERS` lower-case letters and digits."""


class SystemIds:
    """Identifiers from the operating system's randomness.

    Args:
        read_random: Gives as many random bytes as asked for.
    """

    def __init__(self, read_random: Callable[[int], bytes] = os.urandom) -> None:
        self._read_random = read_random

    def run_id(self, ts_ns: int) -> str:
        """Return a new run id."""
        return _uuid7(ts_ns, int.from_bytes(self._read_random(RANDOM_BYTES)))

    def boot_id(self) -> str:
        """Return a new boot id."""
        return _letters(int.from_bytes(self._read_random(RANDOM_BYTES)))


class SeededIds:
    """Identifiers that follow from a seed: the same in every run of a simulation."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def run_id(self, ts_ns: int) -> str:
        """Return the next run id of this seed."""
        return _uuid7(ts_ns, self._bits())

    def boot_id(self) -> str:
        """Return the next boot id of this seed."""
        return _letters(self._bits())

    def _bits(self) -> int:
        return self._chance.next_u64() << 16 | self._chance.next_u64() >> 48


def _uuid7(ts_ns: int, bits: int) -> str:
    """Lay out RFC 9562: 48 bits of milliseconds, version 7, 12 bits, variant 2, 62 bits."""
    assert 0 <= ts_ns < NS_PER_MS << 48
    high = (ts_ns // NS_PER_MS) << 16 | 7 << 12 | bits >> 62 & 0xFFF
    low = 2 << 62 | bits & (1 << 62) - 1
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _letters(bits: int) -> str:
    letters = []
    for _ in range(BOOT_LETTERS):
        bits, digit = divmod(bits, len(BOOT_ALPHABET))
        letters.append(BOOT_ALPHABET[digit])
    return "".join(letters)
