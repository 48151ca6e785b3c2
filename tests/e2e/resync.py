"""How long a book stays away after a gap: a whole engine against a fake venue, in virtual time.

`python -m tests.e2e.resync` prints the figures.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from loguru import logger

from engine.fake.faults import Drop, Faults
from engine.fake.server import venue_of
from engine.fake.venue import Venue
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock, LoopClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.virtual_loop import run
from engine.venues.registry import venue_named
from tests.fakes.captures import CAPTURES
from tests.fakes.venue_network import ENDPOINTS, VenueNetwork

START_NS = 1_800_000_000 * NS_PER_S
ETH = "binance_spot_ethusdt_20240808.jsonl.gz"
LOST = Faults(drop=(Drop(stream="ethusdt@depth", share=0.05),))
"""One change in twenty: a gap every two seconds."""


class WatchedHost(EngineHost):
    """An engine that notes since when each book is away, and for how long it was."""

    def __init__(self, plan: RunPlan, clock: Clock) -> None:
        super().__init__(plan, clock)
        self.spans_s: list[float] = []
        self._away_ns: dict[InstrumentId, int] = {}

    def _step(self, sender: str, event: Event, ts_ns: int | None = None) -> None:
        super()._step(sender, event, ts_ns)
        now_ns = self.state.ts_ns
        for key, market in self.state.instruments.items():
            if market.book.state == "invalid":
                self._away_ns.setdefault(key, now_ns)
            elif key in self._away_ns:
                self.spans_s.append((now_ns - self._away_ns.pop(key)) / NS_PER_S)


@asynccontextmanager
async def engine_in_memory(
    core: Venue, symbols: tuple[str, ...]
) -> AsyncIterator[tuple[WatchedHost, VenueNetwork]]:
    """Run an engine on a venue; for virtual loops."""
    spec = venue_named(core.venue)
    assert spec.wire is not None
    clock = LoopClock(START_NS)
    network = VenueNetwork(core)
    host = WatchedHost(RunPlan(mode="paper", venue=core.venue, run_id="t", version="t"), clock)
    ports = FeedPorts(clock, network, Chance(1), host.put, host.room, host.start_task, host.keep)
    feed = Feed(core.venue, spec.wire(ENDPOINTS), ports)
    playing = asyncio.ensure_future(network.play())
    running = asyncio.ensure_future(host.run(feed, symbols))
    try:
        yield host, network
    finally:
        playing.cancel()
        host.stop("over")
        await running


def resyncs(capture: Path, faults: Faults, symbols: tuple[str, ...], seed: int) -> list[float]:
    """Play a capture to its end; return how long books were away each time, in seconds."""

    async def scenario() -> list[float]:
        core = venue_of(capture, faults, speed=1, seed=seed)
        async with engine_in_memory(core, symbols) as (host, _):
            while not core.is_finished:  # noqa: ASYNC110 - time is virtual
                await asyncio.sleep(1)
            return host.spans_s

    return run(scenario)


def share_of(spans_s: Sequence[float], share: float) -> float:
    """Return the span that this share of all do not exceed."""
    ordered = sorted(spans_s)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main(say: Callable[[str], None] = print) -> None:
    """Print the figures of a few seeds."""
    logger.remove()
    for seed in (1, 2, 3):
        spans_s = resyncs(CAPTURES / ETH, LOST, ("ETHUSDT",), seed)
        p50, p99 = share_of(spans_s, 0.5), share_of(spans_s, 0.99)
        say(f"seed {seed}: {len(spans_s)} resyncs, p50 {p50:.3f} s, p99 {p99:.3f} s")


if __name__ == "__main__":
    main()
