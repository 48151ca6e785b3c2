"""A book in OKX's own texts: the fake venue's memory and the judge of other books."""

from decimal import Decimal
from itertools import chain, islice, zip_longest
from typing import Final
from zlib import crc32

import msgspec

from engine.fake.binance_frames import number
from engine.fake.okx.frames import Book, Row
from engine.fake.text_book import BookPicture

CHECKSUM_LEVELS: Final = 25

Side = dict[Decimal, Row]


class OkxBook:
    """Levels of one instrument, exact, as the venue wrote them."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.is_true = False
        """Whether it is known: a whole book was recorded, and nothing is missing since."""
        self.seq: int | None = None
        self.ts = "0"
        self._bids: Side = {}
        self._asks: Side = {}
        self._checksum: int | None = None

    def load(self, book: Book) -> None:
        """Start anew from a whole book; raises `InvalidOperation` on a damaged number."""
        self._bids, self._asks = {}, {}
        self.is_true = True
        self._change(book)

    def apply(self, book: Book) -> None:
        """Take in changes; raises `InvalidOperation` on a damaged number."""
        if self.is_true and book.prevSeqId != self.seq and book.prevSeqId is not None:
            self.is_true = False
        if self.is_true:
            self._change(book)

    def rows(self, limit: int) -> tuple[list[Row], list[Row]]:
        """Return the best bids and the best asks, at most `limit` of each."""
        bids = [self._bids[price] for price in sorted(self._bids, reverse=True)[:limit]]
        return bids, [self._asks[price] for price in sorted(self._asks)[:limit]]

    def whole(self, limit: int) -> dict[str, object]:
        """Return a whole book as the venue sends it, with what the recording's books have."""
        bids, asks = self.rows(limit)
        made: dict[str, object] = {"asks": asks, "bids": bids, "ts": self.ts}
        if self._checksum is not None:
            made["checksum"] = checksum(bids, asks) if self._checksum else 0
        if self.seq is not None:
            made |= {"seqId": self.seq, "prevSeqId": -1}
        return made

    def picture(self) -> BookPicture:
        """Return all levels."""
        bids, asks = self.rows(max(len(self._bids), len(self._asks)))
        sides = ({row[0]: row[1] for row in rows} for rows in (bids, asks))
        return BookPicture(self.symbol, self.seq or 0, *sides)

    def _change(self, book: Book) -> None:
        for side, rows in ((self._bids, book.bids), (self._asks, book.asks)):
            for row in rows:
                if number(row[1]):
                    side[number(row[0])] = row
                else:
                    side.pop(number(row[0]), None)
        self.seq, self.ts, self._checksum = book.seqId, book.ts, book.checksum


def checksum(bids: list[Row], asks: list[Row]) -> int:
    """Return the checksum of the best levels as the venue sent it until 2026."""
    sides = zip_longest(islice(bids, CHECKSUM_LEVELS), islice(asks, CHECKSUM_LEVELS))
    texts = [f"{row[0]}:{row[1]}" for row in chain.from_iterable(sides) if row is not None]
    crc = crc32(":".join(texts).encode())
    return crc - 2**32 if crc >= 2**31 else crc


def encoded(name: str, action: str, data: dict[str, object]) -> bytes:
    """Return a message of a book."""
    channel, _, symbol = name.partition(":")
    arg = {"channel": channel, "instId": symbol}
    return msgspec.json.encode({"arg": arg, "action": action, "data": [data]})
