"""A strategy that never stops to think: trading only reduces, then nothing leaves (R92).

The loop's time is virtual and that of the watch passes by its looks, so that how long a stall takes
is not a matter of the machine.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from engine.kernel import strategies
from engine.kernel.pace import REDUCE_NS
from engine.kernel.strategies import Runner
from engine.runtime.watchdog import BEAT_NS, DEAD_NS, LAG_NS, Watchdog
from engine.strategy.candle import Decision, Position, hold
from engine.strategy.columns import CLOSE
from engine.strategy.registry import StrategySpec
from tests.builders import BTC, FEED, a_trade, at
from tests.unit.engine.runtime.test_host import Engine, simulated

LOOK_NS = BEAT_NS + LAG_NS
"""The longest time between two looks that is not a sleep of the whole process."""
MINUTE_S = 60.0
HANGS_S = 60.0
"""After so long the test gives up; nothing is measured by it."""


class BusyTime:
    """Time that passes only while a strategy is busy, by one step at each look of the thread."""

    def __init__(self) -> None:
        self.passed_ns = 0
        self.is_busy = False

    def now_ns(self) -> int:
        """Return the time."""
        if self.is_busy and threading.current_thread().name == "watchdog":
            self.passed_ns += LOOK_NS
        return self.passed_ns


class NoParams(NamedTuple):
    """There is nothing to set."""


class LastClose(NamedTuple):
    """A candle's close."""

    close: Annotated[float, CLOSE]


class Brooding:
    """A strategy that decides nothing before something has happened."""

    ID = "brooding"
    VERSION = 1
    Params = NoParams
    Row = LastClose

    def __init__(self, busy_time: BusyTime, has_happened: Callable[[], bool]) -> None:
        self.busy_time = busy_time
        self.has_happened = has_happened
        self.decided = 0

    def decide(self, row: LastClose, position: Position, params: NoParams) -> Decision:
        """Turn in circles."""
        deadline_s = time.monotonic() + HANGS_S
        self.busy_time.is_busy = True
        while not self.has_happened() and time.monotonic() < deadline_s:
            sum(range(1_000))
        self.busy_time.is_busy = False
        self.decided += 1
        return hold()


async def brood(
    engine: Engine,
    busy_time: BusyTime,
    has_happened: Callable[[], bool],
    give_up: Callable[[str], None],
) -> None:
    """Run a strategy under the watch until it has decided once."""
    strategy = Brooding(busy_time, has_happened)
    spec = StrategySpec("brooding", "brooding", strategy, 60, NoParams())
    strategies.start(engine.host.state, Runner(spec, BTC, 60))
    host = engine.host
    host.keep(lambda: Watchdog(host.report, give_up, busy_time.now_ns).run(), "watchdog")
    for _ in range(3):
        now_ns = engine.clock.now_ns()
        engine.host.put(FEED, [a_trade(100, ms=(now_ns - at(0)) / 1e6)])
        await asyncio.sleep(MINUTE_S)
        if strategy.decided:
            break
    assert strategy.decided == 1


def test_a_strategy_that_is_busy_for_seconds_is_named_and_trading_only_reduces(
    tmp_path: Path,
) -> None:
    busy_time = BusyTime()

    async def scenario(engine: Engine) -> None:
        await brood(engine, busy_time, lambda: busy_time.passed_ns > 3 * 10**9, engine.host.give_up)

        state = engine.host.state
        assert state.loop_stalls == 1
        assert state.loop_stall_ns > REDUCE_NS
        assert engine.trading_state == "reduce_only"
        reason = state.desk.ledger.state_facts["all"].reason
        assert "test_stalls.py" in reason or "decide" in reason
        assert not engine.guard.is_latched

    assert simulated(tmp_path, scenario).is_orderly


def test_a_loop_that_does_not_come_back_is_latched_by_the_thread_and_killed_when_it_does(
    tmp_path: Path,
) -> None:
    busy_time = BusyTime()

    async def scenario(engine: Engine) -> None:
        given_up = threading.Event()
        seen: list[tuple[bool, bool, str]] = []

        def give_up(reason: str) -> None:
            engine.host.give_up(reason)
            is_dead = busy_time.passed_ns >= DEAD_NS
            seen.append((is_dead, engine.guard.is_halted, engine.trading_state))
            given_up.set()

        await brood(engine, busy_time, given_up.is_set, give_up)

        assert seen == [(True, True, "active")]  # The strategy was still turning then.
        assert engine.trading_state == "killed"
        assert "stood still" in engine.ledger.state_facts["all"].reason

    assert simulated(tmp_path, scenario).is_orderly
