"""The trades that a lost connection would have brought, as far as they have been fetched."""

from collections.abc import Sequence
from typing import Final

from engine.model.market import Trade

FETCHED_MAX: Final = 50_000
"""Trades kept until the hole closes; those beyond stay missing."""

Print = tuple[int, int, int]
"""Price in ticks, size in lots, the venue's time in ns."""


class TradeHole:
    """One loss: the last trade before it, the first one after it, and what was fetched between.

    `before_id` and `before_ns` are 0 until a trade came after the loss.
    """

    def __init__(self, number: int, after_id: int, after_ns: int) -> None:
        self.number = number
        self.after_id = after_id
        self.after_ns = after_ns
        self.before_id = 0
        self.before_ns = 0
        self.is_asked = False
        """Whether an answer is under way."""
        self.is_full = False
        self._fetched: dict[int, Print] = {}

    @property
    def last_id(self) -> int:
        """Newest trade known to have been before the end of the hole."""
        return max(self._fetched, default=self.after_id)

    def add(self, trades: Sequence[Trade]) -> None:
        """Keep those that belong in here, whichever page brings them."""
        for trade in trades:
            is_early = not self.before_id or trade.trade_id < self.before_id
            if trade.trade_id <= self.after_id or not is_early or not trade.is_market:
                continue
            if len(self._fetched) >= FETCHED_MAX:
                self.is_full = True
                return
            self._fetched[trade.trade_id] = trade.price_ticks, trade.qty_lots, trade.ts_venue_ns

    def prints(self) -> list[Print]:
        """Return what was fetched, oldest first."""
        return [
            found
            for trade_id, found in sorted(self._fetched.items())
            if not self.before_id or trade_id < self.before_id
        ]

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        self._fetched = {
            trade_id: (price * price_factor, qty * qty_factor, ts_ns)
            for trade_id, (price, qty, ts_ns) in self._fetched.items()
        }

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        return (
            (self.number, self.after_id, self.after_ns, self.before_id, self.before_ns),
            (self.is_asked, self.is_full),
            list(self._fetched.items()),
        )
