"""Sources of market data: recorded time, and the simulated market at the clock's pace."""

import asyncio
from collections.abc import Callable, Sequence

from engine.model.chance import Chance
from engine.model.effects import RequestQuote, Unwatch, Watch
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import (
    BookDelta,
    BookSnapshot,
    FeedUp,
    InstrumentUpdated,
    SubscriptionRefused,
    Trade,
)
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.source import ReplaySource, SimulatedSource, SteppedClock
from engine.runtime.virtual_loop import run
from storage.recording import CapturedFrame
from tests.fakes.feed_host import Host
from tests.fakes.transport import FakeTransport

START_NS = 1_700_000_000 * NS_PER_S
ETH = InstrumentId("simulated:ETH-PERP")


def a_frame(line: int, second: int) -> CapturedFrame:
    return CapturedFrame(line, START_NS + second * NS_PER_S, "binance", "ws", "in", "", "{}")


async def played(speed: float, seconds: Sequence[int]) -> list[tuple[int, float]]:
    """Play frames and return at which recorded second, and real second, each was handed over."""
    real = LoopClock(START_NS)
    stepped = SteppedClock(real, speed, START_NS)
    host = Host(FakeTransport())
    seen: list[tuple[int, float]] = []

    def events_of(frame: CapturedFrame) -> Sequence[Event]:
        recorded_s = (stepped.now_ns() - START_NS) // NS_PER_S
        seen.append((recorded_s, (real.now_ns() - START_NS) / NS_PER_S))
        return (FeedUp(f"line {frame.line}"),)

    ports = FeedPorts(
        stepped, host.transport, Chance(1), host.put, host.room, host.start_task, host.keep
    )
    frames = [a_frame(line, second) for line, second in enumerate(seconds, start=1)]
    source = ReplaySource(ports, stepped, "feed:x", frames, events_of)
    await source.start(())
    while not source.has_ended:
        await real.sleep(0.1)
    await source.close()
    return seen


def test_a_replay_keeps_the_recorded_pace() -> None:
    assert run(lambda: played(1.0, [0, 2, 10])) == [(0, 0.0), (2, 2.0), (10, 10.0)]


def test_a_faster_replay_takes_less_time_and_shows_the_same_clock() -> None:
    assert run(lambda: played(4.0, [0, 2, 10])) == [(0, 0.0), (2, 0.5), (10, 2.5)]


def test_a_replay_without_a_pace_never_waits() -> None:
    assert run(lambda: played(0.0, [0, 2, 3_600])) == [(0, 0.0), (2, 0.0), (3_600, 0.0)]


def test_when_the_recording_is_over_its_clock_stands_still() -> None:
    async def scenario() -> tuple[int, int]:
        real = LoopClock(START_NS)
        clock = SteppedClock(real, 1.0, START_NS)
        await real.sleep(3)
        clock.stop()
        stopped_ns = clock.now_ns()
        await real.sleep(60)
        return stopped_ns, clock.now_ns()

    stopped_ns, later_ns = run(scenario)
    assert stopped_ns == later_ns == START_NS + 3 * NS_PER_S


def test_recorded_time_never_runs_backwards() -> None:
    async def scenario() -> list[int]:
        clock = SteppedClock(LoopClock(START_NS), 1.0, START_NS)
        clock.step(START_NS + 5 * NS_PER_S)
        clock.step(START_NS + 2 * NS_PER_S)
        return [clock.now_ns()]

    assert run(scenario) == [START_NS + 5 * NS_PER_S]


def test_the_simulated_market_opens_trades_and_answers_for_its_books() -> None:
    async def scenario() -> list[Event]:
        clock = LoopClock(START_NS)
        host = Host(FakeTransport())
        ports = FeedPorts(
            clock, host.transport, Chance(1), host.put, host.room, host.start_task, host.keep
        )
        source = SimulatedSource(ports, seed=7)
        await source.start(("BTC-PERP",))
        await clock.sleep(20)
        source.request_snapshot(InstrumentId("simulated:BTC-PERP"))
        source.request_snapshot(InstrumentId("simulated:NONE"))
        await source.close()
        return [event for _, _, event in host.got]

    events = run(scenario)
    kinds = [type(event) for event in events]
    assert kinds[0] is FeedUp
    assert InstrumentUpdated in kinds
    assert kinds.count(Trade) > 20
    assert kinds[-1] is BookSnapshot


def simulated(*acts: Callable[[SimulatedSource], None]) -> Host:
    """Run the simulated market of BTC and ETH; a second before each act."""

    async def scenario() -> Host:
        host = Host(FakeTransport())
        source = SimulatedSource(host.ports, 1)
        await source.start(["BTC-PERP", "ETH-PERP"])
        for act in acts:
            await asyncio.sleep(1)
            act(source)
        await asyncio.sleep(5)
        await source.close()
        return host

    return run(scenario)


def seen_after(host: Host, at_s: float) -> set[str]:
    """Return the instruments that something came of after a moment."""
    return {
        symbol_of(event.instrument_id)
        for came_s, _, event in host.got
        if came_s > at_s and isinstance(event, Trade | BookDelta)
    }


def test_an_instrument_of_the_simulated_market_can_be_left():
    host = simulated(lambda source: source.serve(Unwatch(ETH)))

    assert seen_after(host, 0) == {"BTC-PERP", "ETH-PERP"}
    assert seen_after(host, 1.1) == {"BTC-PERP"}


def test_an_instrument_of_the_simulated_market_can_be_added_and_come_back():
    host = simulated(
        lambda source: source.serve(Unwatch(ETH)),
        lambda source: source.serve(Watch("SOL-PERP")),
        lambda source: source.serve(Watch("ETH-PERP")),
    )

    assert seen_after(host, 3) == {"BTC-PERP", "ETH-PERP", "SOL-PERP"}
    described = host.of(InstrumentUpdated, SimulatedSource.FEED)
    names = [symbol_of(one.instrument.instrument_id) for one in described]
    assert names == ["BTC-PERP", "ETH-PERP", "SOL-PERP", "ETH-PERP"]


def test_an_instrument_that_the_simulated_market_does_not_have_is_refused():
    host = simulated(
        lambda source: source.serve(Watch("BTC-PREP")),
        lambda source: source.serve(RequestQuote(ETH)),
        lambda source: source.request_snapshot(InstrumentId("simulated:SOL-PERP")),
    )

    (refused,) = host.of(SubscriptionRefused, SimulatedSource.FEED)
    assert (refused.symbol, "BTC-PERP" in refused.reason) == ("BTC-PREP", True)


def test_a_recording_has_the_instruments_that_it_has():
    async def scenario() -> Host:
        host = Host(FakeTransport())
        clock = SteppedClock(LoopClock(START_NS), 1.0, START_NS)
        source = ReplaySource(host.ports, clock, "feed:x", [], lambda _: ())
        source.serve(Watch("A"))
        source.serve(Unwatch(ETH))
        return host

    (refused,) = run(scenario).of(SubscriptionRefused, "feed:x")
    assert refused.reason == "a recording has the instruments that it has"
