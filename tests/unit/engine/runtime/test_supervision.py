"""Errors of the program thrown into every part of an engine that can begin anew (R97)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.commands import Arm
from engine.model.errors import InvariantBroken
from engine.model.instrument import InstrumentId
from engine.runtime.clock import LoopClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recorder import Recorder
from engine.runtime.source import SimulatedSource, Source
from engine.runtime.supervisor import RESTARTS_MAX
from engine.runtime.virtual_loop import run
from engine.runtime.watchdog import Watchdog
from storage.recording_writer import RecordingWriter
from tests.builders import START_NS
from tests.fakes.clock import FailingClock
from tests.fakes.feed_host import OK, a_venue, lively
from tests.fakes.files import FaultyFiles
from tests.fakes.transport import FakeTransport
from tests.fakes.wire import FakeWire
from tests.unit.engine.runtime.test_host import BUY, KILL, Engine, simulated

MINUTE_S = 60.0
WATCHES = ["journal watch", "latch watch"]


def told(host: EngineHost, name: str) -> list[str]:
    """Return what people have read of a part."""
    return [one.text for one in host.state.notices if one.text.startswith(f"{name} failed")]


def is_halted(host: EngineHost, name: str) -> bool:
    """Whether trading halted, and because of this part."""
    desk = host.state.desk
    return desk.trading_state == "halted" and name in desk.ledger.state_facts["all"].reason


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_that_fails_is_started_again_and_watches(tmp_path: Path, name: str) -> None:
    async def scenario(engine: Engine) -> None:
        engine.parts_clock.failures[name] = RESTARTS_MAX
        await asyncio.sleep(MINUTE_S)

        assert engine.host.state.part_failures == RESTARTS_MAX
        assert len(told(engine.host, name)) == 1  # The same line, folded.
        assert engine.trading_state == "active"
        if name == "latch watch":
            engine.latch_file.path.touch()
        else:
            engine.disk.space = 0
            engine.say(Arm())
        await asyncio.sleep(10)
        assert (engine.trading_state, engine.host.state.desk.is_journal_ok) == (
            ("killed", True) if name == "latch watch" else ("active", False)
        )
        engine.disk.space = 10**9

    assert simulated(tmp_path, scenario).is_orderly


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_that_fails_too_often_halts_trading_and_the_engine_goes_on(
    tmp_path: Path, name: str
) -> None:
    async def scenario(engine: Engine) -> None:
        engine.parts_clock.failures[name] = 100
        await asyncio.sleep(MINUTE_S)

        assert engine.host.state.part_failures == 1 + RESTARTS_MAX
        assert is_halted(engine.host, name)
        assert not engine.guard.is_latched  # What reduces may leave.
        engine.say(KILL)
        await asyncio.sleep(1)
        assert engine.trading_state == "killed"

    assert simulated(tmp_path, scenario).is_orderly


@pytest.mark.parametrize("name", WATCHES)
def test_a_broken_invariant_in_a_watch_latches_and_ends_the_run(tmp_path: Path, name: str) -> None:
    engines = []

    async def scenario(engine: Engine) -> None:
        engines.append(engine)
        engine.parts_clock.error = InvariantBroken
        engine.parts_clock.failures[name] = 1
        await asyncio.sleep(1)

    with pytest.raises(InvariantBroken, match=name):
        simulated(tmp_path, scenario)
    assert engines[0].guard.is_halted


def test_a_callback_that_fails_too_often_halts_trading_and_is_shown_for_the_rest_of_the_run(
    tmp_path: Path,
) -> None:
    async def scenario(engine: Engine) -> None:
        def on_timer() -> None:
            raise KeyError("oops")

        for after_s in range(1 + RESTARTS_MAX):
            asyncio.get_running_loop().call_later(1 + after_s, on_timer)
        await asyncio.sleep(10 * MINUTE_S)

        assert engine.host.state.part_failures == 1 + RESTARTS_MAX
        ((name, error),) = engine.host.state.parts_down.items()
        assert (name.rpartition(".")[2], error) == ("on_timer", "KeyError")
        assert is_halted(engine.host, name)

    assert simulated(tmp_path, scenario).is_orderly


def test_what_sends_orders_is_not_tried_again(tmp_path: Path) -> None:
    engines = []

    async def scenario(engine: Engine) -> None:
        engines.append(engine)
        engine.parts_clock.failures["when durable"] = 1
        engine.say(BUY)
        await asyncio.sleep(1)

    with pytest.raises(InvariantBroken, match="when durable failed: RuntimeError"):
        simulated(tmp_path, scenario)
    assert engines[0].guard.is_halted


# Sources of data

NewSource = Callable[[FeedPorts], Source]


def fed(
    new_source: NewSource, symbol: str, scenario: Callable[[FailingClock], Awaitable[None]]
) -> EngineHost:
    """Run a host that only looks through a scenario."""

    async def main() -> EngineHost:
        plan = RunPlan(mode="paper", venue="fake", run_id="run-1", version="1")
        host = EngineHost(plan, LoopClock(START_NS), KernelState(DeskSetup(venue="fake")))
        clock = FailingClock(START_NS)
        network = FakeTransport()
        ports = FeedPorts(
            clock, network, Chance(7), host.put, host.room, host.start_task, host.keep
        )
        running = asyncio.ensure_future(host.run(new_source(ports), (symbol,)))
        await asyncio.sleep(1)
        await scenario(clock)
        host.stop("test over")
        await running
        return host

    return run(main)


@pytest.mark.parametrize("failures", [RESTARTS_MAX, RESTARTS_MAX + 1])
def test_a_simulated_market_that_fails_goes_on_until_it_fails_too_often(failures: int) -> None:
    name = SimulatedSource.FEED

    def new_source(ports: FeedPorts) -> SimulatedSource:
        return SimulatedSource(ports, seed=7)

    async def scenario(clock: FailingClock) -> None:
        clock.failures[name] = failures
        await asyncio.sleep(MINUTE_S)

    host = fed(new_source, "BTC-PERP", scenario)

    assert told(host, name)
    assert is_halted(host, name) is (failures > RESTARTS_MAX)


@pytest.mark.parametrize(
    ("name", "url"), [("clock", "time"), ("history", "candles"), ("snapshot/fake:A", "depth")]
)
@pytest.mark.parametrize("failures", [RESTARTS_MAX, RESTARTS_MAX + 1])
def test_a_request_that_fails_is_made_again_until_it_fails_too_often(
    name: str, url: str, failures: int
) -> None:
    network = a_venue(lively)
    network.answers[url] = [*[RuntimeError("oops")] * failures, OK]
    feeds: list[Feed] = []

    def new_source(ports: FeedPorts) -> Feed:
        wire = FakeWire()
        wire.has_time = True
        feeds.append(Feed("fake", wire, ports._replace(transport=network)))
        return feeds[0]

    async def scenario(clock: FailingClock) -> None:
        feeds[0].request_snapshot(InstrumentId("fake:A"))
        await asyncio.sleep(MINUTE_S / 2)

    host = fed(new_source, "A", scenario)

    assert len(told(host, f"feed:fake/{name}")) >= 1
    assert is_halted(host, f"feed:fake/{name}") is (failures > RESTARTS_MAX)
    assert sum(url in asked for _, asked in network.gets) >= failures


# The recorder and the watchdog


def test_a_recorder_that_breaks_is_tried_again_and_halts_trading_when_it_goes_on(
    tmp_path: Path,
) -> None:
    class Broken(FaultyFiles):
        def free_bytes(self, folder: Path) -> int:
            raise RuntimeError(folder)

    async def scenario(engine: Engine) -> None:
        await asyncio.sleep(1)
        assert engine.host.state.part_failures == 1
        assert engine.trading_state == "active"
        await asyncio.sleep(MINUTE_S)

        assert is_halted(engine.host, "recorder")

    def record(engine: Engine) -> None:
        files = Path("/data/recordings")
        writer = RecordingWriter(Broken(), files, "test", "run-1", 2**30)
        worker = LoopWorker(lambda: 0.001)
        engine.host.record_with(Recorder("test", "run-1", writer, engine.clock, worker))

    assert simulated(tmp_path, scenario, prepare=record).is_orderly


def test_a_watchdog_that_fails_is_made_anew(tmp_path: Path) -> None:
    made: list[Watchdog] = []

    async def scenario(engine: Engine) -> None:
        def watch() -> Coroutine[Any, Any, None]:
            is_bad = len(made) < RESTARTS_MAX
            now_ns = a_clock_that_stops() if is_bad else lambda: 0
            made.append(Watchdog(engine.host.report, engine.host.give_up, now_ns))
            return made[-1].run()

        engine.host.keep(watch, "watchdog")
        await asyncio.sleep(MINUTE_S)

        assert len(made) == 1 + RESTARTS_MAX
        assert engine.trading_state == "active"
        assert told(engine.host, "watchdog")

    simulated(tmp_path, scenario)


def a_clock_that_stops() -> Callable[[], int]:
    """Return a clock that tells the time once."""
    times = [0]
    return times.pop
