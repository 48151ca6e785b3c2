"""How far the trades of one instrument have come, and the hole that a lost connection left."""

from engine.ingest.trade_hole import TradeHole
from engine.model.market import Trade


class TradeFlow:
    """The last trade that was streamed, and what is missing or was fetched around it."""

    def __init__(self) -> None:
        self.feed = ""
        """The connection that brings trades."""
        self.last_id = 0
        self.last_ns = 0
        """The venue's time of the last one."""
        self.hole: TradeHole | None = None
        self.fetched_id = 0
        """Up to here trades were fetched; what still comes of them comes twice."""
        self.fetched = 0
        self.repeated = 0

    def note(self, event: Trade, feed: str) -> None:
        """Note a trade that was streamed."""
        self.feed = feed
        self.last_id = event.trade_id
        self.last_ns = event.ts_venue_ns

    def is_repeated(self, event: Trade) -> bool:
        """Return whether a trade was there before the loss, or was fetched before it came."""
        if self.hole is None and not self.fetched_id:
            return False
        if event.trade_id <= self.fetched_id or self._is_before_hole(event):
            self.repeated += 1
            return True
        self.fetched_id = 0
        if self.hole is not None and not self.hole.before_id:
            self.hole.before_id = event.trade_id
            self.hole.before_ns = event.ts_venue_ns
        return False

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        hole = self.hole.digest_parts() if self.hole is not None else None
        counts = self.fetched_id, self.fetched, self.repeated
        return (self.feed, self.last_id, self.last_ns, hole, counts)

    def _is_before_hole(self, event: Trade) -> bool:
        return self.hole is not None and event.trade_id <= self.hole.after_id
