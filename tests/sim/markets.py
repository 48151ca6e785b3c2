"""The markets of the simulation: they go on whoever watches, and remember their candles."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from engine.model.chance import Chance
from engine.model.effects import FeedRequest
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    FeedDown,
    FeedUp,
    InstrumentUpdated,
    Trade,
)
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock
from engine.runtime.host import EngineHost
from engine.venues.simulated.generator import SimulatedMarket
from engine.venues.simulated.instruments import SimulatedInstrument, find_instruments
from tests.sim.profiles import MarketFaults

STEP_S: Final = 0.05
CANDLE_S: Final = 60
CANDLE_NS: Final = CANDLE_S * NS_PER_S
PAST_CANDLES: Final = 40
UNREAD_NS: Final = 10 * NS_PER_S

_BOOKS: Final = (BookSnapshot, BookDelta)


class Market(Protocol):
    """What a source shows an engine."""

    def opening(self, now_ns: int) -> list[Event]:
        """Return what somebody sees who begins to watch now."""

    def advance(self, now_ns: int) -> list[Event]:
        """Return what has happened since the last look."""

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Return a whole book."""


class LivelyMarket:
    """The simulated market."""

    def __init__(self, symbols: Sequence[str], seed: int, start_ns: int, intensity: float) -> None:
        self._market = SimulatedMarket(symbols, seed, start_ns, intensity)
        self._past = [one for one in self._market.opening() if not isinstance(one, _BOOKS)]
        self._candles: dict[tuple[InstrumentId, int, int], Candle] = {}
        self._ids = [one.instrument_id for one in find_instruments(tuple(symbols))]

    def opening(self, now_ns: int) -> list[Event]:
        """Return instruments, candles and books as of now."""
        self.advance(now_ns)
        books = [self._market.snapshot(name) for name in self._ids]
        return [*self._past, *self._candles.values(), *filter(None, books)]

    def advance(self, now_ns: int) -> list[Event]:
        """Return what has happened since the last look."""
        events = self._market.advance(now_ns)
        for event in events:
            if isinstance(event, Candle):
                key = event.instrument_id, event.timeframe_s, event.open_ns
                self._candles[key] = event
        return events

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Return a whole book."""
        return self._market.snapshot(instrument_id)


class JumpyMarket:
    """One trade a second and a book that follows it; now and then a minute ends far below.

    Made for strategies that wait for just that; hours of it cost next to nothing.
    """

    def __init__(self, symbols: Sequence[str], seed: int, start_ns: int) -> None:
        chance = Chance(seed)
        self._pits = {
            one.instrument_id: _Pit(one, Chance(chance.next_u64()), start_ns)
            for one in find_instruments(tuple(symbols))
        }

    def opening(self, now_ns: int) -> list[Event]:
        """Return instruments, closed candles and books as of now."""
        self.advance(now_ns)
        return [event for pit in self._pits.values() for event in pit.opening()]

    def advance(self, now_ns: int) -> list[Event]:
        """Return what has happened since the last look."""
        return [event for pit in self._pits.values() for event in pit.advance(now_ns)]

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Return a whole book."""
        pit = self._pits.get(instrument_id)
        return None if pit is None else pit.snapshot()


class _Pit:
    """One instrument of the jumpy market."""

    def __init__(self, instrument: SimulatedInstrument, chance: Chance, start_ns: int) -> None:
        self._instrument = instrument
        self._id = instrument.instrument_id
        self._chance = chance
        self._now_ns = start_ns - PAST_CANDLES * CANDLE_NS
        self._number = 0
        self._units = instrument.price_ticks * instrument.tick_units
        self._is_falling = False
        self._candles: dict[int, Candle] = {}
        self.advance(start_ns)

    def opening(self) -> list[Event]:
        instrument = self._instrument
        known = InstrumentUpdated(
            instrument.described(), instrument.price_decimals, instrument.qty_decimals
        )
        return [known, *self._candles.values(), self.snapshot()]

    def snapshot(self) -> BookSnapshot:
        step, size = self._instrument.tick_units, 5_000 * self._instrument.lot_units
        middle = self._units // step * step
        bids = [(middle - step * (1 + row), size) for row in range(20)]
        asks = [(middle + step * (1 + row), size) for row in range(20)]
        return BookSnapshot(self._id, bids, asks, self._number, self._now_ns, is_streamed=True)

    def advance(self, now_ns: int) -> list[Event]:
        events: list[Event] = []
        while self._now_ns + NS_PER_S <= now_ns:
            self._now_ns += NS_PER_S
            events += self._tick()
        return events

    def _tick(self) -> list[Event]:
        second = self._now_ns // NS_PER_S % CANDLE_S
        if second == 0:
            self._is_falling = self._chance.happens(0.15)
        fair = self._instrument.price_ticks * self._instrument.tick_units
        self._units = fair + self._chance.between(-fair, fair) // 5_000
        if self._is_falling and second >= CANDLE_S // 2:
            self._units -= fair // 200
        self._number += 1
        lots = self._instrument.lot_units
        trade = Trade(self._id, self._units, lots, False, self._number, self._now_ns)
        return [trade, self._candle(), self.snapshot()]

    def _candle(self) -> Candle:
        open_ns = self._now_ns - self._now_ns % CANDLE_NS
        old = self._candles.get(open_ns)
        units = self._units
        candle = Candle(
            self._id,
            CANDLE_S,
            open_ns,
            units if old is None else old.open_ticks,
            max(units, units if old is None else old.high_ticks),
            min(units, units if old is None else old.low_ticks),
            units,
            (0 if old is None else old.volume_lots) + 1,
            (0 if old is None else old.trade_count) + 1,
            self._now_ns + NS_PER_S >= open_ns + CANDLE_NS,
        )
        self._candles[open_ns] = candle
        return candle


class MarketMishaps:
    """Draws what happens to messages on their way to an engine.

    Args:
        faults: How often.
        chance: From what.
    """

    def __init__(self, faults: MarketFaults, chance: Chance) -> None:
        self._faults = faults
        self._chance = chance
        self._held: list[Event] = []
        self._stalled_until_ns = 0
        self.is_calm = faults == MarketFaults()

    def arriving(self, events: list[Event], now_ns: int) -> list[Event]:
        """Return what arrives of what happened: less, nothing yet, or what was held back, too."""
        if self.is_calm:
            held, self._held = self._held, []
            return [*held, *events]
        drop = self._faults.drop_share
        self._held += [
            one
            for one in events
            if not (isinstance(one, BookDelta) and drop and self._chance.happens(drop))
        ]
        if now_ns < self._stalled_until_ns:
            return []
        if self._faults.stall_share and self._chance.happens(self._faults.stall_share):
            self._stalled_until_ns = now_ns + self._chance.between(1, 12) * NS_PER_S
            return []
        held, self._held = self._held, []
        return held

    def forget(self) -> None:
        """Let go of what was held back: its connection is gone."""
        self._held.clear()


class MarketSource:
    """One engine's view of a market.

    Args:
        mishaps: What becomes of messages on their way.
        step_s: How often it looks.
    """

    FEED: Final = "feed:simulated/books"
    REST: Final = "feed:simulated"
    """What was asked for tells nothing of the connection."""

    def __init__(
        self,
        host: EngineHost,
        clock: Clock,
        market: Market,
        mishaps: MarketMishaps,
        step_s: float = STEP_S,
    ) -> None:
        self._host = host
        self._clock = clock
        self._market = market
        self._mishaps = mishaps
        self._step_s = step_s
        self._task: asyncio.Task[None] | None = None
        self._changed: dict[InstrumentId, list[tuple[int, int]]] = {}
        """Number and time of every change of a book, lost on its way or not."""

    def behind_ns(self, instrument_id: InstrumentId, seq: int, at_ns: int) -> int:
        """Return for how long a book of this number was not the newest then; not above 0 if it was.

        Args:
            instrument_id: Of the book.
            seq: Its number.
            at_ns: The true time of the question.
        """
        changed = self._changed.get(instrument_id, [])
        place = bisect_right(changed, (seq, at_ns))
        return at_ns - changed[place][1] if place < len(changed) else 0

    async def start(self, symbols: Sequence[str]) -> None:
        """Begin to watch."""
        del symbols
        events = self._market.opening(self._clock.now_ns())
        self._note(events)
        self._host.put(self.FEED, [FeedUp(self.FEED), *events])
        self._task = self._host.start_task(self._watch(), self.FEED)

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Show a whole book."""
        snapshot = self._market.snapshot(instrument_id)
        if snapshot is not None:
            self._host.put(self.REST, (snapshot,))

    def serve(self, request: FeedRequest) -> None:
        """Leave it: nothing else can be asked of this market."""

    async def close(self) -> None:
        """Look away."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        seen_ns = self._clock.now_ns()
        while True:
            await self._clock.sleep(self._step_s)
            now_ns = self._clock.now_ns()
            if now_ns - seen_ns > UNREAD_NS:
                self._connect_again(now_ns)
            seen_ns = now_ns
            made = self._market.advance(now_ns)
            self._note(made)
            events = self._mishaps.arriving(made, now_ns)
            if events:
                self._host.put(self.FEED, events)

    def _connect_again(self, now_ns: int) -> None:
        """Begin anew: a venue closes a connection that nobody has read for so long."""
        self._mishaps.forget()
        lost = FeedDown(self.FEED, "closed by the venue", self._host.state.ts_ns, 1)
        events = self._market.opening(now_ns)
        self._note(events)
        self._host.put(self.FEED, [lost, FeedUp(self.FEED), *events])

    def _note(self, events: Iterable[Event]) -> None:
        """Keep when books changed."""
        for event in events:
            if isinstance(event, BookDelta | BookSnapshot):
                changed = self._changed.setdefault(event.instrument_id, [])
                changed.append((event.last_seq, self._clock.now_ns()))
