"""The book of a played symbol in ticks and lots, as the matching reads it."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal

from engine.fake.binance_frames import Delta, Levels
from engine.fake.text_book import TextBook
from engine.model.market import BookState, Level


class TickBook:
    """Follows a book of texts delta by delta.

    Args:
        source: The true book; whatever it has missed, this one has too, and says so.
        tick: Size of one tick.
        step: Size of one lot.
    """

    def __init__(self, source: TextBook, tick: Decimal, step: Decimal) -> None:
        self.state: BookState = "waiting"
        self._source = source
        self._tick = tick
        self._step = step
        self._sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])

    def ticks(self, price: str) -> int:
        """Return a price in ticks."""
        return int(Decimal(price) / self._tick)

    def lots(self, size: str) -> int:
        """Return a size in lots, rounded down."""
        return int(Decimal(size) / self._step)

    def follow(self, delta: Delta) -> bool:
        """Take in a delta that the source has taken in; return whether there is a book."""
        source = self._source
        if not source.is_loaded or source.has_gap:
            self.state = "waiting"
        elif self.state != "live":
            self._sizes, self._prices = ({}, {}), ([], [])
            whole = source.picture()
            self._take(whole.bids.items(), whole.asks.items())
            self.state = "live"
        elif delta.last_id == source.last_id:
            self._take(delta.bids, delta.asks)
        return self.state == "live"

    def levels(self, *, is_bid: bool) -> Iterator[Level]:
        """Iterate over one side, best first."""
        sizes, prices = self._sizes[is_bid], self._prices[is_bid]
        for price in reversed(prices) if is_bid else prices:
            yield price, sizes[price]

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the size at a price."""
        return self._sizes[is_bid].get(price_ticks, 0)

    def _take(self, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> None:
        changes = (list(asks), list(bids))
        for side, levels in enumerate(changes):
            self._change(self._sizes[side], self._prices[side], levels)

    def _change(self, sizes: dict[int, int], prices: list[int], levels: Levels) -> None:
        for text, size in levels:
            price, lots = self.ticks(text), self.lots(size)
            if lots:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = lots
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]
