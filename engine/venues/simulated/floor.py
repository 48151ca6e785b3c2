"""The floor of one instrument: who acts there, how often, and what is told of it.

Each activity is an action with its own next moment; the market calls whichever is due. An action
does its work, sends its events and returns when it wants to act again.
"""

from collections.abc import Callable
from typing import Final
from zlib import crc32

import msgspec

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.market import BookSnapshot, InstrumentUpdated
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.fair_value import FairValue
from engine.venues.simulated.history import HistoryMaker
from engine.venues.simulated.instruments import SimulatedInstrument
from engine.venues.simulated.makers import Makers
from engine.venues.simulated.open_candles import OpenCandles
from engine.venues.simulated.reference import ReferencePrices
from engine.venues.simulated.takers import Takers
from engine.venues.simulated.whale import Whale

BEAT_NS: Final = 100 * NS_PER_MS
"""Once in this time the fair value moves, the nearest makers and takers react to it, and what
changed in the book is published."""
BEAT_FASTER_MAX: Final = 10.0
"""A denser flow has a faster beat, up to every 10 ms; beyond, deltas grow instead."""
RENEWALS_PER_S: Final = 30.0
"""Quotes renewed at any depth, at activity 1."""

MINUTE_S: Final = 60

Action = Callable[[int], int]
"""Acts at a moment in ns and returns the next one, which is later."""


class Temper(msgspec.Struct, frozen=True):
    """How an instrument's flow is made.

    `is_first` brings the first whale early.
    """

    seed: int
    intensity: float
    is_first: bool


class Floor:
    """All activity in one instrument.

    Args:
        instrument: What is traded.
        temper: How the flow is made.
        start_ns: When trading begins.
        sink: Where events go.
    """

    def __init__(
        self, instrument: SimulatedInstrument, temper: Temper, start_ns: int, sink: list[Event]
    ) -> None:
        seeds = Chance(temper.seed ^ crc32(instrument.symbol.encode()))
        draws = [Chance(seeds.next_u64()) for _ in range(7)]
        self.instrument = instrument
        self._temper = temper
        self._sink = sink
        self._chance = draws[0]
        start_ticks = int(instrument.price_ticks * (0.98 + 0.04 * draws[0].uniform()))
        self._fair_value = FairValue(draws[1], start_ticks, instrument.volatility)
        self._candles = OpenCandles(instrument.instrument_id)
        # Numbers of trades stay unique over runs, whose trades may end up in one store.
        self.desk = Desk(instrument, sink, start_ns // 1_000, self._candles)
        self._makers = Makers(draws[2], self.desk, instrument, start_ticks)
        self._takers = Takers(draws[3], self.desk, self._fair_value, instrument, temper.intensity)
        self._whale = Whale(draws[4], self.desk, self._fair_value, instrument)
        self._history = HistoryMaker(draws[5], instrument)
        self._reference = ReferencePrices(draws[6], instrument)
        self._stepped_ns = start_ns
        self._renewal_ns = NS_PER_S / (RENEWALS_PER_S * instrument.activity * temper.intensity)
        self._beat_ns = int(BEAT_NS / min(max(temper.intensity, 1.0), BEAT_FASTER_MAX))

    def open(self, ts_ns: int) -> None:
        """Describe the instrument, tell its past, and show the first book."""
        instrument = self.instrument
        self._sink.append(
            InstrumentUpdated(
                instrument.described(), instrument.price_decimals, instrument.qty_decimals
            )
        )
        history = self._history.up_to(ts_ns, int(self._fair_value.ticks))
        self._sink.extend(history.closed)
        self._sink.extend(history.under_way)
        self._candles.begin(history.under_way)
        self._show_book(ts_ns)

    def reopen(self, from_ns: int, ts_ns: int) -> None:
        """Go on after a stretch nobody lived through: its candles, then a fresh book."""
        before = int(self._fair_value.ticks)
        self._fair_value.jump((ts_ns - from_ns) / NS_PER_S)
        after = int(self._fair_value.ticks)
        skipped = self._history.between(from_ns, ts_ns, before, after)
        self._sink.extend(skipped)
        self._candles.add_past([candle for candle in skipped if candle.timeframe_s == MINUTE_S])
        self._candles.publish(ts_ns, self._sink)
        self.desk.clear()
        self._whale.forget()
        self._stepped_ns = ts_ns
        self._show_book(ts_ns)

    def snapshot(self, ts_ns: int) -> BookSnapshot:
        """Return the book as of the last sequence number sent."""
        return self.desk.snapshot(ts_ns)

    def actions(self, ts_ns: int, *, is_opening: bool) -> list[tuple[int, Action]]:
        """Return what happens here from now on, and when each of it begins.

        The order settles who comes first in the same nanosecond.
        """
        is_early = is_opening and self._temper.is_first
        next_second_ns = ts_ns - ts_ns % NS_PER_S + NS_PER_S
        return [
            (next_second_ns, self._mark),
            (ts_ns + self._takers.gap_ns(), self._trade),
            (ts_ns + 1 + self._chance.below(self._beat_ns), self._step),
            (ts_ns + self._renewal_gap_ns(), self._renew),
            (self._whale.first_ns(ts_ns, is_early=is_early), self._whale.act),
            (ts_ns + 1 + self._chance.below(self._beat_ns), self._publish),
        ]

    def _show_book(self, ts_ns: int) -> None:
        self._makers.fill(self._fair_value.ticks)
        self.desk.publish_whole(ts_ns)
        self._sink.append(self._marked(ts_ns))

    def _mark(self, ts_ns: int) -> int:
        self._sink.append(self._marked(ts_ns))
        self._candles.publish(ts_ns, self._sink)
        return ts_ns + NS_PER_S

    def _trade(self, ts_ns: int) -> int:
        self._takers.trade(ts_ns)
        return ts_ns + self._takers.gap_ns()

    def _step(self, ts_ns: int) -> int:
        self._fair_value.step((ts_ns - self._stepped_ns) / NS_PER_S)
        self._stepped_ns = ts_ns
        self._whale.sway()
        self._makers.follow(self._fair_value.ticks)
        self._takers.pick_off(ts_ns)
        return ts_ns + self._beat_ns // 2 + self._chance.below(self._beat_ns)

    def _renew(self, ts_ns: int) -> int:
        self._makers.look_after_one(self._fair_value.ticks)
        return ts_ns + self._renewal_gap_ns()

    def _publish(self, ts_ns: int) -> int:
        self.desk.publish(ts_ns)
        return ts_ns + self._beat_ns

    def _renewal_gap_ns(self) -> int:
        return 1 + int(self._chance.exponential(self._renewal_ns))

    def _marked(self, ts_ns: int) -> Event:
        tick = self.instrument.tick_units
        fair = self._fair_value.ticks * tick
        bid, ask = self.desk.matching.best_bid, self.desk.matching.best_ask
        mid = fair if bid is None or ask is None else (bid[0] + ask[0]) / 2
        return self._reference.mark(fair, mid, ts_ns)
