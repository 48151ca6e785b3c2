"""How far the trades of one instrument have come: which are new, late or repeated, what is lost.

Trade ids rise. Where a venue leaves none out, a jump is a loss; everywhere a lost connection is.
"""

from collections import deque
from typing import Final, Literal

from engine.ingest.trade_hole import TradeHole
from engine.model.market import Trade
from engine.model.numbers import NS_PER_S

SEEN_MAX: Final = 1_000
"""Ids remembered; whatever is older than all of them counts as repeated."""
ANEW_NS: Final = 1 * NS_PER_S
"""A lower id at a time so much later: the venue counts anew."""
SKIPS_MAX: Final = 3
"""Jumps, one after the other, of which the venue knows no trades: it does leave ids out."""

Novelty = Literal["new", "late", "repeated"]
"""`late`: of a loss that is known, so that its candles take it from there."""


class TradeFlow:
    """The last trade that was streamed, and what is missing or was fetched around it.

    Args:
        is_numbered: The venue leaves no id out.
    """

    def __init__(self, *, is_numbered: bool = False) -> None:
        self.is_numbered = is_numbered
        self.feed = ""
        """The connection that brings trades."""
        self.last_id = 0
        self.last_ns = 0
        """The venue's time of the last one."""
        self.hole: TradeHole | None = None
        self.next_hole: TradeHole | None = None
        """What was lost while an answer about the other one is under way."""
        self.asked_ns = 0
        """When trades were last asked for."""
        self.settled_id = 0
        """Up to here all were heard, fetched or given up; what still comes of them is no news."""
        self.fetched = 0
        self.repeated = 0
        self.skips = 0
        self._seen: deque[int] = deque(maxlen=SEEN_MAX)

    def judge(self, event: Trade, feed: str) -> Novelty:
        """Note a trade that was streamed; one that was there before is only counted."""
        number, ts_ns = event.trade_id, event.ts_venue_ns
        if number > self.last_id:
            self._go_on(number, ts_ns)
        elif ts_ns > self.last_ns + ANEW_NS:
            self._begin_anew(number, ts_ns)
        else:
            for hole in (self.hole, self.next_hole):
                if hole is not None and hole.lacks(number):
                    hole.add((event,))
                    hole.late += 1
                    return "late"
            if self._is_known(number):
                self.repeated += 1
                return "repeated"
        self.feed = feed
        self._seen.append(number)
        return "new"

    def lose(self) -> None:
        """From now on trades may be missed."""
        hole = self.hole
        if hole is not None and hole.number and hole.is_open:
            hole.number = 0  # Its answer would come too early: it is asked for again.
            return
        self._lossy().open(self.last_id, self.last_ns)

    def close_hole(self) -> None:
        """Go on without the hole, as far as it was closed, and with what was lost since."""
        hole = self.hole
        assert hole is not None
        if not hole.fault:
            last_id = hole.before_id - 1 if hole.before_id else hole.last_id
            self.settled_id = max(self.settled_id, last_id)
        if hole.is_open and hole.last_id > self.last_id:
            self.last_id = hole.last_id
            times = [ts_ns for _, prints in hole.prints() for _, _, ts_ns in prints]
            self.last_ns = max(times, default=self.last_ns)
        self.hole, self.next_hole = self.next_hole, None

    def note_answer(self, hole: TradeHole) -> None:
        """Learn from a whole answer whether ids that did not come are ids of trades."""
        self.skips = self.skips + 1 if hole.is_empty and not hole.is_open else 0
        if self.skips >= SKIPS_MAX:
            self.is_numbered = False

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        for hole in (self.hole, self.next_hole):
            if hole is not None:
                hole.widen(price_factor, qty_factor)

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        holes = [
            hole.digest_parts() if hole is not None else None
            for hole in (self.hole, self.next_hole)
        ]
        counts = self.settled_id, self.fetched, self.repeated, self.skips
        place = self.feed, self.last_id, self.last_ns, self.asked_ns, self.is_numbered
        return (place, holes, counts, list(self._seen))

    def _go_on(self, number: int, ts_ns: int) -> None:
        newest = self.next_hole or self.hole
        if newest is not None and newest.is_open:
            newest.end(number, ts_ns)
        elif self.is_numbered and self.last_id and number > self.last_id + 1:
            hole = self._lossy()
            hole.open(self.last_id, self.last_ns)
            hole.end(number, ts_ns)
        self.last_id = number
        self.last_ns = max(self.last_ns, ts_ns)

    def _begin_anew(self, number: int, ts_ns: int) -> None:
        """The old ids say nothing of those that come: what was lost can no longer be asked for."""
        if self.hole is not None:
            self.hole.fault = "the venue counts its trades anew"
        self.next_hole = None
        self.settled_id = 0
        self._seen.clear()
        self.last_id, self.last_ns = number, ts_ns

    def _is_known(self, number: int) -> bool:
        if self.is_numbered or number <= self.settled_id:
            return True
        is_older = len(self._seen) == SEEN_MAX and number < self._seen[0]
        return is_older or number in self._seen

    def _lossy(self) -> TradeHole:
        """Return the hole that takes the next loss."""
        if self.hole is None:
            self.hole = TradeHole(self.last_id, self.last_ns)
        if not self.hole.number:
            return self.hole
        if self.next_hole is None:
            self.next_hole = TradeHole(self.last_id, self.last_ns)
        return self.next_hole
