"""Recent trades of one instrument, and how much traded lately on which side.

The rolling sums are exact integers kept per second, so they never drift and their cost does not
grow with the rate of trades.
"""

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from engine.model.market import Trade
from engine.model.numbers import NS_PER_S

TRADES_MAX: Final = 500
WINDOW_S: Final = 3_600


class _Second:
    """What traded in one second."""

    __slots__ = ("bought", "count", "lots", "second", "sold")

    def __init__(self, second: int) -> None:
        self.second = second
        self.bought = 0
        self.sold = 0
        self.lots = 0
        self.count = 0


class Tape:
    """The newest trades and the sums of the last hour."""

    def __init__(self) -> None:
        self.total = 0
        self._trades: deque[tuple[Trade, int]] = deque(maxlen=TRADES_MAX)
        self._seconds: deque[_Second] = deque()
        self._lots = 0
        """Of all the seconds kept."""

    def add(self, trade: Trade, ts_ns: int) -> None:
        """Take in one trade received at engine time `ts_ns`."""
        self.total += 1
        self._trades.append((trade, ts_ns))
        second = ts_ns // NS_PER_S
        seconds = self._seconds
        if not seconds or seconds[-1].second != second:
            seconds.append(_Second(second))
            while seconds[0].second <= second - WINDOW_S:
                self._lots -= seconds.popleft().lots
        self._lots += trade.qty_lots
        sums = seconds[-1]
        sums.count += 1
        sums.lots += trade.qty_lots
        if trade.buyer_is_taker:
            sums.bought += trade.price_ticks * trade.qty_lots
        else:
            sums.sold += trade.price_ticks * trade.qty_lots

    def newest(self, limit: int) -> Iterator[Trade]:
        """Iterate over up to `limit` trades, newest first."""
        for at, (trade, _) in enumerate(reversed(self._trades)):
            if at == limit:
                return
            yield trade

    def buy_share(self, now_ns: int, window_s: int) -> float | None:
        """Return taker buying over all trading of the window, 0 to 1; None if nothing traded."""
        bought = sold = 0
        for sums in self._window(now_ns, window_s):
            bought += sums.bought
            sold += sums.sold
        return bought / (bought + sold) if bought + sold else None

    def trades_per_s(self, now_ns: int, window_s: int) -> float:
        """Return the mean rate over the window."""
        return sum(sums.count for sums in self._window(now_ns, window_s)) / window_s

    def volume_lots(self, now_ns: int) -> int:
        """Return the lots traded in the last hour, as far as it was listened to."""
        oldest = now_ns // NS_PER_S - WINDOW_S
        over = takewhile(lambda sums: sums.second <= oldest, self._seconds)
        return self._lots - sum(sums.lots for sums in over)

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        self._trades = deque(
            ((_widened(trade, price_factor, qty_factor), ts_ns) for trade, ts_ns in self._trades),
            maxlen=TRADES_MAX,
        )
        self._lots *= qty_factor
        for sums in self._seconds:
            sums.bought *= price_factor * qty_factor
            sums.sold *= price_factor * qty_factor
            sums.lots *= qty_factor

    def digest_parts(self) -> list[object]:
        """Return everything kept, as plain values; sums as text, they outgrow 64 bits."""
        return [
            self.total,
            list(self._trades),
            [(s.second, str(s.bought), str(s.sold), str(s.lots), s.count) for s in self._seconds],
        ]

    def _window(self, now_ns: int, window_s: int) -> Iterator[_Second]:
        oldest = now_ns // NS_PER_S - window_s
        for sums in reversed(self._seconds):
            if sums.second <= oldest:
                return
            yield sums


def _widened(trade: Trade, price_factor: int, qty_factor: int) -> Trade:
    return Trade(
        instrument_id=trade.instrument_id,
        price_ticks=trade.price_ticks * price_factor,
        qty_lots=trade.qty_lots * qty_factor,
        buyer_is_taker=trade.buyer_is_taker,
        trade_id=trade.trade_id,
        ts_venue_ns=trade.ts_venue_ns,
        stream=trade.stream,
        is_market=trade.is_market,
    )
