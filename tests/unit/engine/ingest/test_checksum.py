"""The checksum of old OKX books: over the venue's own numbers, best levels first."""

from decimal import Decimal
from zlib import crc32

import pytest

from engine.ingest.checksum import LEVELS, checksum_of
from tests.builders import a_book


def signed(text: str) -> int:
    crc = crc32(text.encode())
    return crc - 2**32 if crc >= 2**31 else crc


def test_levels_alternate_and_a_missing_one_is_left_out():
    book = a_book(bids="3366.1x7 3366x6".replace(".", ""), asks="33668x9 33680x8 33720x7")

    told = checksum_of(book, 1, 0, None)

    assert told == signed("3366.1:7:3366.8:9:336.6:6:3368:8:3372:7")


def test_only_the_best_levels_count():
    near = a_book(bids=" ".join(f"{100 + at}x1" for at in range(LEVELS)), asks="900x1")
    far = a_book(bids=" ".join(f"{99 + at}x1" for at in range(LEVELS + 1)), asks="900x1")

    assert checksum_of(near, 0, 0, None) == checksum_of(far, 0, 0, None)


@pytest.mark.parametrize(
    ("size", "decimals", "contract", "text"),
    [(5, 3, "0.01", "0.5"), (300, 0, "100", "3"), (25, 1, "0.5", "5"), (1_000, 3, "1", "1")],
)
def test_sizes_are_told_in_contracts(size, decimals, contract, text):
    book = a_book(bids=f"99x{size}", asks=f"101x{size}")

    told = checksum_of(book, 0, decimals, Decimal(contract))

    assert told == signed(f"99:{text}:101:{text}")


def test_it_is_signed():
    signs = {checksum_of(a_book(bids=f"{at}x1"), 0, 0, None) > 0 for at in range(1, 40)}

    assert signs == {True, False}
