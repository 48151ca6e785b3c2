"""How much may still be asked of a venue: its limits, by its own counters, with a part kept back.

Pure: `now_ns` is the venue's time, because its windows begin at multiples of their length. What was
sent counts at once; where the venue has counted more than that (another program may share its
address), its count holds (R94).
"""

from collections.abc import Sequence
from typing import Final

from engine.model.numbers import NS_PER_S
from engine.venues.trading import RateLimit, TradeAnswer, TradeRequest

ORDINARY_PCT: Final = 80
"""Of a limit for what adds orders; the rest is kept for cancels, kill and questions."""
READ_PCT: Final = 90
"""For questions: however often the account is asked for, a cancel finds room."""
CEILING_PCT: Final = 95
"""Nothing goes above: another program may share the address."""


JITTER_NS: Final = 2 * NS_PER_S
"""By so much the venue's time may go back where its clock is measured again."""


class _Count:
    """What is used of one limit in its current window."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.window = 0
        self.used = 0

    def roll(self, now_ns: int) -> None:
        """Begin anew where another window has begun.

        One behind is another one, too, where more than a measurement of the venue's clock lies
        between: the time was wrong until that was known.
        """
        window = now_ns // self.limit.window_ns
        behind_ns = self.window * self.limit.window_ns - now_ns
        if window > self.window or behind_ns > JITTER_NS:
            self.window, self.used = window, 0

    def wait_ns(self, request: TradeRequest, now_ns: int, share_pct: int) -> int:
        """Return how long a request must wait; 0 if it fits now, or is free."""
        cost = self.cost(request)
        if not cost or (self.used + cost) * 100 <= self.limit.limit * share_pct:
            return 0
        return (self.window + 1) * self.limit.window_ns - now_ns

    def cost(self, request: TradeRequest) -> int:
        """Return what a request uses of this limit."""
        return request.weight if self.limit.kind == "weight" else request.order_count


class RateBudget:
    """The limits of one key and address."""

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._counts = [_Count(limit) for limit in limits]
        self.paused_until_ns = 0
        """Nothing may be asked before; 0 where the venue has never said so."""
        self.pause_reason = ""
        self.ahead_ns = 0
        """How far the venue's clock is ahead of ours, as far as it was measured."""

    def take(self, request: TradeRequest, now_ns: int, *, is_reserved: bool) -> int:
        """Count a request that leaves now and return 0, or return how long it must wait."""
        reserved_pct = READ_PCT if request.is_read else CEILING_PCT
        share_pct = reserved_pct if is_reserved else ORDINARY_PCT
        waits = [self.paused_until_ns - now_ns]
        for count in self._counts:
            count.roll(now_ns)
            waits.append(count.wait_ns(request, now_ns, share_pct))
        wait_ns = max(waits)
        if wait_ns > 0:
            return wait_ns
        for count in self._counts:
            count.used += count.cost(request)
        return 0

    def hear(self, answer: TradeAnswer, sent_ns: int, now_ns: int) -> None:
        """Take in what an answer says of the limits.

        Counts belong to the window in which the request was sent: one that came back in the next
        says nothing about that.
        """
        orders = dict(answer.used_orders)
        for count in self._counts:
            count.roll(now_ns)
            is_weight = count.limit.kind == "weight"
            told = answer.used_weight if is_weight else orders.get(count.limit.name)
            if told is not None and sent_ns // count.limit.window_ns == count.window:
                count.used = max(count.used, told)
        if answer.pause_ns > 0:
            until_ns = now_ns + answer.pause_ns
            if until_ns > self.paused_until_ns:
                self.paused_until_ns = until_ns
                self.pause_reason = answer.reason

    def used_pct(self, now_ns: int) -> int:
        """Return how much of the fullest limit is used."""
        for count in self._counts:
            count.roll(now_ns)
        return max((count.used * 100 // count.limit.limit for count in self._counts), default=0)

    def is_paused(self, now_ns: int) -> bool:
        """Whether the venue wants to hear nothing."""
        return now_ns < self.paused_until_ns


class MarketTurns:
    """The turns of market data in the budget of an address on which orders leave too (R94).

    It may use what other ordinary requests may, and is left alone with them. Times are ours.
    """

    def __init__(self, budget: RateBudget) -> None:
        self._budget = budget

    def take(self, weight: int, now_ns: int) -> int:
        """Count a request that leaves now and return 0, or return how long it must wait."""
        request = TradeRequest("listing", "GET", "", weight=weight, is_signed=False)
        return self._budget.take(request, now_ns + self._budget.ahead_ns, is_reserved=False)

    def pause(self, wait_ns: int, reason: str, now_ns: int) -> None:
        """Take in that the venue wants to hear nothing."""
        venue_ns = now_ns + self._budget.ahead_ns
        self._budget.hear(TradeAnswer("unknown", reason=reason, pause_ns=wait_ns), 0, venue_ns)
