"""What the gate knows of an instrument's market when it judges an order: plain values."""

from decimal import Decimal

import msgspec

from engine.model.instrument import Instrument
from engine.model.market import BookState, Freshness
from engine.model.numbers import PriceTicks, QtyLots


class MarketReference(msgspec.Struct, frozen=True):
    """One instrument's market in the venue's steps, as of the gate's time.

    `None` is unknown, never zero. Prices that fall between two ticks are rounded: the bid down,
    the ask up, mark and last to the nearest tick.
    """

    instrument: Instrument
    book_state: BookState
    freshness: Freshness
    book_seq: int
    bid_ticks: PriceTicks | None = None
    ask_ticks: PriceTicks | None = None
    last_ticks: PriceTicks | None = None
    mark_ticks: PriceTicks | None = None
    is_last_recent: bool = True
    is_mark_recent: bool = True
    """Whether they are young enough to value a position by."""
    median_trade_lots: QtyLots | None = None
    """Median size of recent trades; None until enough were seen."""
    move_60s: Decimal | None = None
    """Share by which the reference moved within the last 60 s, without sign; None if unknown."""

    @property
    def mid_ticks(self) -> Decimal | None:
        """Half way between bid and ask."""
        if self.bid_ticks is None or self.ask_ticks is None:
            return None
        return Decimal(self.bid_ticks + self.ask_ticks) / 2
