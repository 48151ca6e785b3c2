"""Checksum of a book as OKX sent it until 2026: CRC-32 over the best 25 levels of both sides.

The text is `bid:size:ask:size:...`, best first, sides in turn, a missing level left out, in the
venue's own numbers: plain decimals without trailing zeros, sizes in contracts where it counts
those. A loss farther away than 25 levels does not show.
"""

from decimal import Decimal
from itertools import chain, islice, zip_longest
from typing import Final
from zlib import crc32

from engine.ingest.book import Book
from engine.model.numbers import decimal_text

LEVELS: Final = 25

_SIGN_BIT: Final = 2**31


def checksum_of(
    book: Book, price_decimals: int, qty_decimals: int, contract_size: Decimal | None
) -> int:
    """Return the checksum, as a signed number of 32 bits.

    Args:
        book: With levels on both sides.
        price_decimals: Of the decoding scale.
        qty_decimals: Of the decoding scale.
        contract_size: Base amount of a contract, where the venue counts contracts.
    """
    above, below = (contract_size or Decimal(1)).as_integer_ratio()
    sides = (
        [
            f"{decimal_text(price, price_decimals)}:"
            f"{decimal_text(size * below // above, qty_decimals)}"
            for price, size in islice(book.levels(is_bid=is_bid), LEVELS)
        ]
        for is_bid in (True, False)
    )
    texts = (text for text in chain.from_iterable(zip_longest(*sides)) if text is not None)
    crc = crc32(":".join(texts).encode("ascii"))
    return crc - 2 * _SIGN_BIT if crc >= _SIGN_BIT else crc
