"""Checks the venue's best quotes against our book, whichever comes first.

Where a quote and a book event carry the same update id, all four numbers must be equal; any
difference means that the book is wrong although its sequence looked right.
"""

from typing import Final

from engine.model.market import BestQuote

REMEMBERED_MAX: Final = 512
"""Update ids kept on either side: several seconds of the busiest stream."""

Top = tuple[int, int, int, int]
"""Bid ticks, bid lots, ask ticks, ask lots."""


class QuoteCheck:
    """Pairs quotes and tops of the book by update id."""

    def __init__(self) -> None:
        self.checked = 0
        self.equal = 0
        self._quotes: dict[int, Top] = {}
        self._tops: dict[int, Top] = {}

    def on_quote(self, quote: BestQuote) -> bool:
        """Take in a quote; return False if it contradicts the book."""
        top = (quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots)
        ours = self._tops.get(quote.update_id)
        if ours is not None:
            return self._compare(ours, top)
        _remember(self._quotes, quote.update_id, top)
        return True

    def on_top(self, update_id: int, top: Top) -> bool:
        """Take in the book's top after an event; return False if a quote contradicts it."""
        _remember(self._tops, update_id, top)
        theirs = self._quotes.pop(update_id, None)
        return theirs is None or self._compare(top, theirs)

    def forget_tops(self) -> None:
        """The book was wrong: do not judge the next one by what this one showed."""
        self._tops.clear()

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        self._quotes = _widened(self._quotes, price_factor, qty_factor)
        self._tops = _widened(self._tops, price_factor, qty_factor)

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        return (self.checked, self.equal, list(self._quotes.items()), list(self._tops.items()))

    def _compare(self, ours: Top, theirs: Top) -> bool:
        self.checked += 1
        if ours != theirs:
            return False
        self.equal += 1
        return True


def _remember(tops: dict[int, Top], update_id: int, top: Top) -> None:
    tops[update_id] = top
    if len(tops) > REMEMBERED_MAX:
        del tops[next(iter(tops))]


def _widened(tops: dict[int, Top], price: int, qty: int) -> dict[int, Top]:
    return {
        update_id: (bid * price, bid_lots * qty, ask * price, ask_lots * qty)
        for update_id, (bid, bid_lots, ask, ask_lots) in tops.items()
    }
