"""A book in the venue's own texts: the fake venue's memory and the judge of other books."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from engine.fake.binance_frames import Delta, Levels, Snapshot, number

WAITING_MAX: Final = 10_000
"""Deltas kept for a snapshot that is still to come; the oldest are let go."""

REMEMBERED_MAX: Final = 50_000
"""Prices remembered; at the bound the memory starts anew."""

Side = dict[Decimal, tuple[str, str]]


class BookPicture(msgspec.Struct, frozen=True):
    """All levels of a book at one moment, best first: price text to size text."""

    symbol: str
    last_update_id: int
    bids: dict[str, str]
    asks: dict[str, str]


class TextBook:
    """Levels of one instrument, exact, as price text and size text.

    It never forgets a level that its venue did not remove, and trusts nothing but the order of
    update ids: a delta older than what it knows is ignored, a missing one is noticed.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.is_loaded = False
        self.has_gap = False
        """Whether the recording itself lacks an update since the last snapshot."""
        self.last_id = 0
        self.event_ms = 0
        self.matched_ms = 0
        self._bids: Side = {}
        self._asks: Side = {}
        self._prices: dict[str, Decimal] = {}
        self._waiting: deque[Delta] = deque(maxlen=WAITING_MAX)

    def load(self, snapshot: Snapshot) -> None:
        """Start anew from a whole book, and take in the newer deltas that came before it."""
        self._bids, self._asks = {}, {}
        self._change(self._bids, snapshot.bids)
        self._change(self._asks, snapshot.asks)
        self.last_id = snapshot.last_id
        self.event_ms, self.matched_ms = snapshot.event_ms, snapshot.matched_ms
        self.is_loaded, self.has_gap = True, False
        waiting = list(self._waiting)
        self._waiting.clear()
        for delta in waiting:
            self.apply(delta)

    def apply(self, delta: Delta) -> None:
        """Take in one delta; before the first snapshot, and after a gap, it is also kept."""
        is_news = self.is_loaded and delta.last_id > self.last_id
        if is_news and not self._follows(delta):
            self.has_gap = True
        if not self.is_loaded or self.has_gap:
            self._waiting.append(delta)
        if not is_news:
            return
        self._change(self._bids, delta.bids)
        self._change(self._asks, delta.asks)
        self.last_id = delta.last_id
        self.event_ms, self.matched_ms = delta.event_ms, delta.matched_ms

    def levels(self, limit: int) -> tuple[Levels, Levels]:
        """Return the best bids and the best asks, at most `limit` of each."""
        bids = sorted(self._bids, reverse=True)[:limit]
        asks = sorted(self._asks)[:limit]
        return [self._bids[price] for price in bids], [self._asks[price] for price in asks]

    def picture(self) -> BookPicture:
        """Return all levels."""
        bids, asks = self.levels(max(len(self._bids), len(self._asks)))
        return BookPicture(self.symbol, self.last_id, dict(bids), dict(asks))

    def _follows(self, delta: Delta) -> bool:
        if delta.previous_id is not None:
            # On futures U is no successor of the last u; pu is. A snapshot may lie between two.
            return delta.previous_id <= self.last_id
        return delta.first_id <= self.last_id + 1

    def _change(self, side: Side, levels: Iterable[tuple[str, str]]) -> None:
        for price, size in levels:
            key = self._price(price)
            if size.strip("0."):
                side[key] = (price, size)
            else:
                side.pop(key, None)

    def _price(self, text: str) -> Decimal:
        price = self._prices.get(text)
        if price is None:
            if len(self._prices) >= REMEMBERED_MAX:
                self._prices.clear()
            price = self._prices[text] = number(text)
        return price
