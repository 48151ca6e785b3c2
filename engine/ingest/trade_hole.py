"""The trades that did not come, as far as they have been fetched or came late after all."""

from collections.abc import Iterator, Sequence
from typing import Final

from engine.model.market import Trade

FETCHED_MAX: Final = 50_000
"""Trades kept until the hole closes; those beyond stay missing."""
SPANS_MAX: Final = 100
"""Losses that are asked for together."""

TOO_MANY: Final = "too many to be kept"

Print = tuple[int, int, int]
"""Price in ticks, size in lots, the venue's time in ns."""


class Span:
    """One loss: the last trade before it and the first one after, each with its time in ns.

    `before_id` and `before_ns` are 0 until a trade came after the loss.
    """

    __slots__ = ("after_id", "after_ns", "before_id", "before_ns")

    def __init__(self, after_id: int, after_ns: int) -> None:
        self.after_id = after_id
        self.after_ns = after_ns
        self.before_id = 0
        self.before_ns = 0

    def holds(self, trade_id: int) -> bool:
        """Whether a trade lies within."""
        return trade_id > self.after_id and (not self.before_id or trade_id < self.before_id)

    def digest_parts(self) -> tuple[int, ...]:
        """Return everything kept, as plain values."""
        return self.after_id, self.after_ns, self.before_id, self.before_ns


class TradeHole:
    """Losses of one instrument, oldest first, that are asked for and closed together."""

    def __init__(self, after_id: int, after_ns: int) -> None:
        self.spans = [Span(after_id, after_ns)]
        self.number = 0
        """Of the request for it; 0 while none is under way."""
        self.is_due = False
        """Whether it is known when to ask."""
        self.fault = ""
        """Why not all of it can be closed."""
        self.late = 0
        """Trades of it that came by stream after all."""
        self._found: dict[int, Print | None] = {}
        """By id; None for prints outside of the book, which belong into no candle."""

    @property
    def after_id(self) -> int:
        """The last trade before the first loss."""
        return self.spans[0].after_id

    @property
    def before_id(self) -> int:
        """The first trade after the last loss; 0 before it came."""
        return self.spans[-1].before_id

    @property
    def is_open(self) -> bool:
        """Whether no trade came since the last loss."""
        return not self.before_id

    @property
    def last_id(self) -> int:
        """Newest trade known to have been before the end of the hole."""
        return max(self._found, default=self.after_id)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self._found

    @property
    def is_filled(self) -> bool:
        """Whether every number in between was found, for venues that leave none out."""
        lost = sum(span.before_id - span.after_id - 1 for span in self.spans)
        return not self.is_open and lost == len(self._found)

    def open(self, after_id: int, after_ns: int) -> None:
        """Begin another loss, unless nothing came since the last one."""
        if self.is_open:
            return
        if len(self.spans) >= SPANS_MAX:
            self.fault = TOO_MANY
        else:
            self.spans.append(Span(after_id, after_ns))

    def end(self, before_id: int, before_ns: int) -> None:
        """Note the first trade after the loss."""
        if self.is_open:
            self.spans[-1].before_id = before_id
            self.spans[-1].before_ns = before_ns

    def lacks(self, trade_id: int) -> bool:
        """Whether a trade belongs in here and was not found yet."""
        return trade_id not in self._found and any(span.holds(trade_id) for span in self.spans)

    def add(self, trades: Sequence[Trade]) -> None:
        """Keep those that belong in here, whoever brings them."""
        for trade in trades:
            if not self.lacks(trade.trade_id):
                continue
            if len(self._found) >= FETCHED_MAX:
                self.fault = TOO_MANY
                return
            found = trade.price_ticks, trade.qty_lots, trade.ts_venue_ns
            self._found[trade.trade_id] = found if trade.is_market else None

    def prints(self) -> Iterator[tuple[Span, list[Print]]]:
        """Iterate over the losses, each with what was found of it, oldest first."""
        found = sorted(self._found.items())
        for span in self.spans:
            yield span, [one for trade_id, one in found if one is not None and span.holds(trade_id)]

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        for trade_id, found in self._found.items():
            if found is not None:
                price, qty, ts_ns = found
                self._found[trade_id] = (price * price_factor, qty * qty_factor, ts_ns)

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        return (
            [span.digest_parts() for span in self.spans],
            (self.number, self.is_due, self.fault, self.late),
            list(self._found.items()),
        )
