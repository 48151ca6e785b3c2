"""Where an engine's market data comes from: a venue, the simulated market, or a recording."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from loguru import logger

from engine.model.effects import FeedRequest, Unwatch, Watch
from engine.model.envelope import Event
from engine.model.errors import ConfigError
from engine.model.instrument import InstrumentId
from engine.model.market import BookSnapshot, FeedUp, InstrumentUpdated, SubscriptionRefused
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import FeedPorts
from engine.venues.simulated.generator import SimulatedMarket
from storage.recording import CapturedFrame

SIMULATED_STEP_S: Final = 0.01
"""Short, because making a step's events keeps the loop from orders and kills."""
REPLAY_BATCH: Final = 200
"""Frames handed over between two breaths when a replay runs as fast as it can."""


class Source(Protocol):
    """One origin of market data; `engine.runtime.feed.Feed` is the one for real venues."""

    async def start(self, symbols: Sequence[str]) -> None:
        """Begin; raises `ConfigError` for a symbol that does not exist."""

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Fetch a whole book, if there is a way to."""

    def serve(self, request: FeedRequest) -> None:
        """Do what else the kernel asks for, as far as there is a way to."""

    async def close(self) -> None:
        """End."""


class Market(Protocol):
    """A market that is made here; `SimulatedMarket` or one that is recorded."""

    def opening(self) -> list[Event]:
        """Return what it shows first."""

    def advance(self, now_ns: int) -> list[Event]:
        """Return everything that happened up to and including `now_ns`."""

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Return an instrument's book; None for one that is not open."""


OpenMarket = Callable[[Sequence[str], int, int, float], Market]
"""Opens a market: symbols, seed, moment, intensity."""


class SimulatedSource:
    """Runs the simulated market at the pace of the clock."""

    FEED: Final = "feed:simulated"

    def __init__(
        self,
        ports: FeedPorts,
        seed: int,
        intensity: float = 1.0,
        open_market: OpenMarket = SimulatedMarket,
    ) -> None:
        self._ports = ports
        self._seed = seed
        self._intensity = intensity
        self._open_market = open_market
        self._markets: dict[InstrumentId, Market] = {}
        """Where each instrument that is watched is traded."""
        self._news: list[Event] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self, symbols: Sequence[str]) -> None:
        """Open the market and keep it going."""
        opening = self._open(symbols)
        await _put(self._ports, self.FEED, [FeedUp(self.FEED), *opening])
        self._task = self._ports.keep(self._run, self.FEED)

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Return the book from the market's own."""
        market = self._markets.get(instrument_id)
        snapshot = market.snapshot(instrument_id) if market is not None else None
        if snapshot is not None:
            self._ports.put(self.FEED, (snapshot,))

    def serve(self, request: FeedRequest) -> None:
        """Open and leave instruments; nothing is missed here, and there is no second source."""
        match request:
            case Watch(symbol):
                try:
                    self._news += self._open((symbol,))
                except ConfigError as error:
                    self._news.append(SubscriptionRefused(symbol, str(error)))
            case Unwatch(instrument_id):
                self._markets.pop(instrument_id, None)
            case _:
                return

    async def close(self) -> None:
        """Close the market."""
        await _end(self._task)

    def _open(self, symbols: Sequence[str]) -> list[Event]:
        now_ns = self._ports.clock.now_ns()
        market = self._open_market(symbols, self._seed, now_ns, self._intensity)
        opening = market.opening()
        for event in opening:
            if isinstance(event, InstrumentUpdated):
                self._markets[event.instrument.instrument_id] = market
        return opening

    async def _run(self) -> None:
        while True:
            await self._ports.clock.sleep(SIMULATED_STEP_S)
            now_ns = self._ports.clock.now_ns()
            events, self._news = self._news, []
            for market in dict.fromkeys(self._markets.values()):
                events += [one for one in market.advance(now_ns) if self._is_of(market, one)]
            if events:
                await _put(self._ports, self.FEED, events)

    def _is_of(self, market: Market, event: Event) -> bool:
        """Whether an event is about an instrument that is watched in this market."""
        instrument_id = getattr(event, "instrument_id", None)
        return instrument_id is None or self._markets.get(instrument_id) is market


class SteppedClock:
    """Engine time of a replay: that of the recording, between frames that of the real clock.

    Args:
        clock: The real one.
        speed: How many recorded seconds pass in one; 0 as fast as possible, where time stands
            still between frames.
    """

    def __init__(self, clock: Clock, speed: float, start_ns: int) -> None:
        self._clock = clock
        self._speed = speed
        self._recorded_ns = start_ns
        self._real_ns = clock.now_ns()
        self._stands = False

    def now_ns(self) -> int:
        """Return recorded time."""
        if self._stands or not self._speed:
            return self._recorded_ns
        return self._recorded_ns + int((self._clock.now_ns() - self._real_ns) * self._speed)

    def wall_drift_ns(self) -> int:
        """Return 0: the wall has nothing to say in a replay."""
        return 0

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await self._clock.sleep(seconds)

    def step(self, ts_ns: int) -> None:
        """Move to the time of a frame; never backwards."""
        self._recorded_ns = max(self.now_ns(), ts_ns)
        self._real_ns = self._clock.now_ns()

    def stop(self) -> None:
        """Stand still: the recording is over."""
        self._recorded_ns = self.now_ns()
        self._stands = True

    async def until(self, ts_ns: int) -> None:
        """Wait until recorded time has come to `ts_ns`."""
        if self._speed:
            wait_s = (ts_ns - self.now_ns()) / self._speed / NS_PER_S
            if wait_s > 0:
                await self._clock.sleep(wait_s)


class ReplaySource:
    """Hands recorded frames to the engine at their own pace, or faster.

    Args:
        feed: Name of the feed in events.
        frames: The recording.
        events_of: Decodes one frame.
        on_end: Told when the recording is over.
    """

    def __init__(
        self,
        ports: FeedPorts,
        clock: SteppedClock,
        feed: str,
        frames: Sequence[CapturedFrame],
        events_of: Callable[[CapturedFrame], Sequence[Event]],
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._feed = feed
        self._frames = frames
        self._events_of = events_of
        self._task: asyncio.Task[None] | None = None
        self.has_ended = False

    async def start(self, symbols: Sequence[str]) -> None:
        """Begin to play; a recording has the instruments that it has."""
        del symbols
        await _put(self._ports, self._feed, [FeedUp(self._feed)])
        self._task = self._ports.start_task(self._run(), self._feed)

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Do nothing: a recording answers only what was asked then."""

    def serve(self, request: FeedRequest) -> None:
        """Refuse other instruments; the rest was asked, or not, when it was recorded."""
        if isinstance(request, Watch):
            reason = "a recording has the instruments that it has"
            self._ports.put(self._feed, (SubscriptionRefused(request.symbol, reason),))

    async def close(self) -> None:
        """Stop playing."""
        await _end(self._task)

    async def _run(self) -> None:
        for at, frame in enumerate(self._frames):
            await self._clock.until(frame.ts_ns)
            self._clock.step(frame.ts_ns)
            events = self._events_of(frame)
            if events:
                await _put(self._ports, self._feed, events)
            if at % REPLAY_BATCH == 0:
                await self._clock.sleep(0)
        self._clock.stop()
        self.has_ended = True
        logger.info("replay_ended")


async def _put(ports: FeedPorts, feed: str, events: Sequence[Event]) -> None:
    while not ports.put(feed, events):
        await ports.room()


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task], timeout=1)
