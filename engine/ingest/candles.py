"""Candles of one instrument: built from its trades, completed by those that the venue sends.

A candle belongs to the venue's trade time; a late trade corrects the candle it belongs to. Our
own candle is the better one where trades were received over its whole period; elsewhere (history,
the period in which listening began, and those in which a connection was lost) the venue's counts.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from engine.model.market import Candle, Trade
from engine.model.numbers import NS_PER_S

TIMEFRAMES_S: Final = (60, 300, 900, 3_600, 14_400, 86_400)
CANDLES_MAX: Final = 1_500
"""Candles kept per timeframe and origin: a day of minutes and a little more."""


MISSED_MAX: Final = 200
"""Gaps remembered."""

Span = tuple[int, int]
"""From and to in ns of the venue's time."""


class _Built:
    """One candle under way."""

    __slots__ = ("close", "count", "high", "low", "open", "volume")

    def __init__(self, price: int, qty: int) -> None:
        self.open = self.high = self.low = self.close = price
        self.volume = qty
        self.count = 1

    def widen(self, price_factor: int, qty_factor: int) -> None:
        self.open *= price_factor
        self.high *= price_factor
        self.low *= price_factor
        self.close *= price_factor
        self.volume *= qty_factor


Row = tuple[int, int, int, int, int, int, int]
"""Open time in ns, open, high, low, close in ticks, volume in lots, number of trades."""


class CandleSeries:
    """Candles of one timeframe.

    Args:
        timeframe_s: Length of a candle in seconds; candles begin at multiples of it since 1970.
    """

    __slots__ = (
        "_current",
        "_current_end_ns",
        "_current_open_ns",
        "_length_ns",
        "first_trade_ns",
        "late_dropped",
        "own",
        "timeframe_s",
        "venue",
    )

    def __init__(self, timeframe_s: int) -> None:
        self.timeframe_s = timeframe_s
        self.own: dict[int, _Built] = {}
        self.venue: dict[int, Candle] = {}
        self.late_dropped = 0
        self.first_trade_ns = 0
        self._length_ns = timeframe_s * NS_PER_S
        self._current: _Built | None = None
        self._current_open_ns = 0
        self._current_end_ns = 0

    def add_trade(self, price: int, qty: int, ts_ns: int) -> None:
        """Take in one trade at the venue's time `ts_ns`."""
        current = self._current
        if current is None or not self._current_open_ns <= ts_ns < self._current_end_ns:
            current = self.own.get(ts_ns - ts_ns % self._length_ns)
            if current is None:
                self._begin(price, qty, ts_ns)
                return
        if price > current.high:
            current.high = price
        elif price < current.low:
            current.low = price
        current.close = price
        current.volume += qty
        current.count += 1

    def add_missed(
        self, prints: Sequence[tuple[int, int, int]], after_ns: int, before_ns: int
    ) -> None:
        """Take in trades that were missed, oldest first: price, size and time of each.

        All lie after a trade at `after_ns` and before one at `before_ns`, 0 if there is none yet.
        """
        heard_before_ns = after_ns - after_ns % self._length_ns
        heard_after_ns = before_ns - before_ns % self._length_ns
        opened: set[int] = set()
        for price, qty, ts_ns in prints:
            open_ns = ts_ns - ts_ns % self._length_ns
            built = self.own.get(open_ns)
            if built is None:
                self._begin(price, qty, ts_ns)
                opened.add(open_ns)
                continue
            if open_ns > heard_before_ns and open_ns not in opened:
                built.open = price
                opened.add(open_ns)
            built.high = max(built.high, price)
            built.low = min(built.low, price)
            if not before_ns or open_ns < heard_after_ns:
                built.close = price
            built.volume += qty
            built.count += 1

    def add_venue_candle(self, candle: Candle) -> None:
        """Keep what the venue says about a period; the newest word counts."""
        self.venue[candle.open_ns] = candle
        if len(self.venue) > CANDLES_MAX:
            del self.venue[min(self.venue)]

    def newest(self, limit: int) -> list[Row]:
        """Return up to `limit` candles, oldest first, without inventing any."""
        opens = sorted({**self.venue, **self.own})
        return [self._row(open_ns) for open_ns in opens[max(0, len(opens) - limit) :]]

    def at(self, ts_ns: int) -> Row | None:
        """Return the candle of a moment of the venue's time, if there is one."""
        open_ns = ts_ns - ts_ns % self._length_ns
        return self._row(open_ns) if open_ns in self.own or open_ns in self.venue else None

    def own_rows(self) -> Iterator[Row]:
        """Iterate over the candles made of trades alone, oldest first."""
        for open_ns in sorted(self.own):
            yield _own_row(open_ns, self.own[open_ns])

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        for built in self.own.values():
            built.widen(price_factor, qty_factor)
        self.venue = {
            open_ns: _widened(candle, price_factor, qty_factor)
            for open_ns, candle in self.venue.items()
        }

    def _begin(self, price: int, qty: int, ts_ns: int) -> None:
        open_ns = ts_ns - ts_ns % self._length_ns
        if len(self.own) >= CANDLES_MAX:
            oldest = min(self.own)
            if open_ns < oldest:
                self.late_dropped += 1
                return
            del self.own[oldest]
        if not self.own:
            self.first_trade_ns = ts_ns
        built = _Built(price, qty)
        self.own[open_ns] = built
        if self._current is None or open_ns > self._current_open_ns:
            self._current = built
            self._current_open_ns = open_ns
            self._current_end_ns = open_ns + self._length_ns

    def _row(self, open_ns: int) -> Row:
        own = self.own.get(open_ns)
        venue = self.venue.get(open_ns)
        if venue is None or (own is not None and self._is_whole(open_ns, own, venue)):
            assert own is not None
            return _own_row(open_ns, own)
        return (
            open_ns,
            venue.open_ticks,
            venue.high_ticks,
            venue.low_ticks,
            venue.close_ticks,
            venue.volume_lots,
            venue.trade_count,
        )

    def _is_whole(self, open_ns: int, own: _Built, venue: Candle) -> bool:
        """Whether no trade was missed: heard from the start, and no less than the venue counts."""
        return open_ns >= self.first_trade_ns and own.volume >= venue.volume_lots


class Candles:
    """All timeframes of one instrument."""

    def __init__(self) -> None:
        self.missed: deque[Span] = deque(maxlen=MISSED_MAX)
        """Spans of which trades are missing; candles that overlap them hold too little."""
        self.series = {timeframe_s: CandleSeries(timeframe_s) for timeframe_s in TIMEFRAMES_S}
        self._all = tuple(self.series.values())

    def add_trade(self, trade: Trade) -> None:
        """Take in one trade."""
        price, qty, ts_ns = trade.price_ticks, trade.qty_lots, trade.ts_venue_ns
        for series in self._all:
            series.add_trade(price, qty, ts_ns)

    def add_missed(
        self, prints: Sequence[tuple[int, int, int]], after_ns: int, before_ns: int
    ) -> None:
        """Take in trades that were missed, oldest first."""
        for series in self._all:
            series.add_missed(prints, after_ns, before_ns)

    def mark_missed(self, span: Span) -> None:
        """Remember that trades of a span are missing and will not come."""
        self.missed.append(span)

    def missed_since(self, from_ns: int) -> tuple[Span, ...]:
        """Return the spans that reach beyond a moment, oldest first."""
        return tuple(span for span in self.missed if span[1] >= from_ns)

    def add_venue_candle(self, candle: Candle) -> None:
        """Take in a candle of a timeframe that is kept; others are let go."""
        series = self.series.get(candle.timeframe_s)
        if series is not None:
            series.add_venue_candle(candle)

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        for series in self._all:
            series.widen(price_factor, qty_factor)

    def digest_parts(self) -> list[object]:
        """Return everything kept, as plain values; sums as text, they outgrow 64 bits."""
        series: list[object] = [
            (
                s.timeframe_s,
                [(*row[:5], str(row[5]), row[6]) for row in s.own_rows()],
                sorted(s.venue.items()),
                (s.first_trade_ns, s.late_dropped),
            )
            for s in self._all
        ]
        return [list(self.missed), *series]


def _own_row(open_ns: int, built: _Built) -> Row:
    return (
        open_ns,
        built.open,
        built.high,
        built.low,
        built.close,
        built.volume,
        built.count,
    )


def _widened(candle: Candle, price_factor: int, qty_factor: int) -> Candle:
    return Candle(
        instrument_id=candle.instrument_id,
        timeframe_s=candle.timeframe_s,
        open_ns=candle.open_ns,
        open_ticks=candle.open_ticks * price_factor,
        high_ticks=candle.high_ticks * price_factor,
        low_ticks=candle.low_ticks * price_factor,
        close_ticks=candle.close_ticks * price_factor,
        volume_lots=candle.volume_lots * qty_factor,
        trade_count=candle.trade_count,
        is_closed=candle.is_closed,
    )
