"""Recent trades of one instrument, and how much traded lately on which side.

The rolling sums are exact integers kept per second, so they never drift and their cost does not
grow with the rate of trades. Both sides are kept for a minute, the volume alone for an hour: one
number a second, in a ring that is as large at the start as after a week.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Final

from engine.model.market import Trade
from engine.model.numbers import NS_PER_S

TRADES_MAX: Final = 500
SIDES_S: Final = 60
"""How far back it is known which side took."""
VOLUME_S: Final = 3_600
MOVE_S: Final = 60
"""A move is that of so many seconds, and unknown while fewer were listened to."""

_SHARE: Final = Context(prec=28)


class _Second:
    """What traded in one second."""

    __slots__ = ("bought", "count", "lots", "second", "sold", "value")

    def __init__(self, second: int) -> None:
        self.second = second
        self.bought = 0
        self.sold = 0
        self.count = 0
        self.value = 0
        """Of what traded in the market, apart from liquidations and the like; with `lots`."""
        self.lots = 0


class Tape:
    """The newest trades, the sides of the last minute and the volume of the last hour."""

    def __init__(self) -> None:
        self.total = 0
        self._trades: deque[tuple[Trade, int]] = deque(maxlen=TRADES_MAX)
        self._seconds: deque[_Second] = deque()
        self._second = -1
        """The newest second in which anything traded."""
        self._ring = [0] * VOLUME_S
        """Lots of each second up to the newest; a second's place is its remainder."""
        self._lots = 0
        """All lots in the ring."""
        self._first = -1
        """The first second in which anything traded."""
        self._before: tuple[int, int] | None = None
        """Value and lots of the newest second that traded before the minute that is kept."""

    def add(self, trade: Trade, ts_ns: int) -> None:
        """Take in one trade received at engine time `ts_ns`."""
        self.total += 1
        self._trades.append((trade, ts_ns))
        second = ts_ns // NS_PER_S
        if second != self._second:
            self._begin(second)
        self._lots += trade.qty_lots
        self._ring[second % VOLUME_S] += trade.qty_lots
        sums = self._seconds[-1]
        sums.count += 1
        if trade.is_market:
            sums.value += trade.price_ticks * trade.qty_lots
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
        """Return taker buying over all trading of the window, 0 to 1; None if nothing traded.

        The window is at most `SIDES_S` long.
        """
        bought = sold = 0
        for sums in self._window(now_ns, window_s):
            bought += sums.bought
            sold += sums.sold
        return bought / (bought + sold) if bought + sold else None

    def trades_per_s(self, now_ns: int, window_s: int) -> float:
        """Return the mean rate over the window, which is at most `SIDES_S` long."""
        return sum(sums.count for sums in self._window(now_ns, window_s)) / window_s

    def move_60s(self, now_ns: int) -> Decimal | None:
        """Return the share by which the price has moved within a minute, without sign.

        That is the distance of the newest price from the farthest of the minute before, and from
        the one that held when it began. Prices are means of seconds by volume, so that a single
        odd print is no move. None until a whole minute was listened to.
        """
        second = now_ns // NS_PER_S
        if self._first < 0 or second - self._first < MOVE_S:
            return None
        prices: list[tuple[int, int]] = [self._before] if self._before is not None else []
        for sums in self._seconds:
            if sums.lots and sums.second <= second - MOVE_S:
                prices = [(sums.value, sums.lots)]
            elif sums.lots:
                prices.append((sums.value, sums.lots))
        if not prices:
            return None
        value, lots = prices[-1]
        moves = (
            _SHARE.divide(Decimal(abs(value * old_lots - old_value * lots)), old_value * lots)
            for old_value, old_lots in prices
        )
        return max(moves)

    def volume_lots(self, now_ns: int) -> int:
        """Return the lots traded in the last hour, as far as it was listened to."""
        since = range(self._second + 1, now_ns // NS_PER_S + 1)
        return self._lots - sum(self._ring[place] for place in _places(since))

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        self._trades = deque(
            ((_widened(trade, price_factor, qty_factor), ts_ns) for trade, ts_ns in self._trades),
            maxlen=TRADES_MAX,
        )
        self._lots *= qty_factor
        self._ring = [lots * qty_factor for lots in self._ring]
        for sums in self._seconds:
            sums.bought *= price_factor * qty_factor
            sums.sold *= price_factor * qty_factor
            sums.value *= price_factor * qty_factor
            sums.lots *= qty_factor
        if self._before is not None:
            value, lots = self._before
            self._before = (value * price_factor * qty_factor, lots * qty_factor)

    def digest_parts(self) -> list[object]:
        """Return everything kept, as plain values; sums as text, they outgrow 64 bits."""
        return [
            self.total,
            list(self._trades),
            [(s.second, str(s.bought), str(s.sold), s.count) for s in self._seconds],
            (self._second, [(at, str(lots)) for at, lots in enumerate(self._ring) if lots]),
            [(str(s.value), str(s.lots)) for s in self._seconds],
            (self._first, [str(number) for number in self._before or ()]),
        ]

    def _begin(self, second: int) -> None:
        """Go on to a later second; it takes the place of the one an hour before."""
        if self._first < 0:
            self._first = second
        self._seconds.append(_Second(second))
        while self._seconds[0].second <= second - SIDES_S:
            gone = self._seconds.popleft()
            if gone.lots:
                self._before = (gone.value, gone.lots)
        for place in _places(range(self._second + 1, second + 1)):
            self._lots -= self._ring[place]
            self._ring[place] = 0
        self._second = second

    def _window(self, now_ns: int, window_s: int) -> Iterator[_Second]:
        assert window_s <= SIDES_S
        oldest = now_ns // NS_PER_S - window_s
        for sums in reversed(self._seconds):
            if sums.second <= oldest:
                return
            yield sums


def _places(seconds: range) -> Iterator[int]:
    """Iterate over the places of seconds in the ring, each once."""
    return (second % VOLUME_S for second in seconds[-VOLUME_S:])


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
