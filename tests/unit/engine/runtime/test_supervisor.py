"""The supervisor: what fails is started again, up to a limit; what is vital ends the run."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from engine.model.envelope import PartFailed
from engine.model.errors import CockpitError, ConfigError, InvariantBroken
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.feed_ports import MakePart
from engine.runtime.supervisor import PAUSE_S, RESTARTS_MAX, WINDOW_NS, Supervisor
from engine.runtime.virtual_loop import run

WINDOW_S = WINDOW_NS / NS_PER_S


class Engine:
    """Hears what a supervisor tells."""

    def __init__(self) -> None:
        self.told: list[PartFailed] = []
        self.ended: list[BaseException] = []
        self.supervisor = Supervisor(LoopClock(1), self._report, self.ended.append)
        self.begun_s: list[float] = []

    def _report(self, source: str, event: PartFailed) -> None:
        assert source == Supervisor.SOURCE
        self.told.append(event)

    def part(self, *lives_s: float, error: Exception | None = None) -> MakePart:
        """Return a part that fails after so many seconds, each time it begins; then it stays."""
        left = list(lives_s)

        async def live() -> None:
            self.begun_s.append(asyncio.get_running_loop().time())
            if not left:
                await asyncio.Event().wait()
            await asyncio.sleep(left.pop(0))
            raise error or ValueError("oops")

        return live


def supervised(scenario: Callable[[Engine], Awaitable[None]], for_s: float = 600) -> Engine:
    """Run a scenario, and let so much time pass."""

    async def main() -> Engine:
        engine = Engine()
        await scenario(engine)
        await asyncio.sleep(for_s)
        await engine.supervisor.end()
        return engine

    return run(main)


def kept(*lives_s: float, error: Exception | None = None) -> Engine:
    """Keep a part that lives so long each time."""

    async def scenario(engine: Engine) -> None:
        engine.supervisor.keep(engine.part(*lives_s, error=error), "watch")

    return supervised(scenario)


def test_a_part_that_fails_is_told_and_begins_again():
    engine = kept(2)

    assert engine.told == [PartFailed("watch", "ValueError", 1)]
    assert engine.begun_s == [0, 2 + PAUSE_S]
    assert engine.ended == []


def test_after_three_restarts_within_a_minute_it_stays_down_and_nothing_ends():
    engine = kept(*[1] * 9)

    assert len(engine.begun_s) == 1 + RESTARTS_MAX
    assert [(one.restarts, one.is_given_up) for one in engine.told] == [
        (1, False),
        (2, False),
        (3, False),
        (3, True),
    ]
    assert engine.ended == []


def test_failures_that_lie_apart_are_no_reason_to_give_up():
    engine = kept(*[WINDOW_S / 3] * 20)

    assert len(engine.told) == 20
    assert not any(one.is_given_up for one in engine.told)


def test_an_error_that_a_part_should_have_foreseen_is_a_failure_too():
    engine = kept(1, error=ConfigError("oops"))

    assert engine.told == [PartFailed("watch", "ConfigError", 1)]
    assert engine.ended == []


def test_a_part_that_is_done_is_not_begun_again():
    async def scenario(engine: Engine) -> None:
        async def once() -> None:
            engine.begun_s.append(0)

        engine.supervisor.keep(once, "watch")

    assert len(supervised(scenario).begun_s) == 1


def test_a_part_that_is_cancelled_neither_fails_nor_begins_again():
    async def scenario(engine: Engine) -> None:
        task = engine.supervisor.keep(engine.part(), "watch")
        await asyncio.sleep(1)
        task.cancel()

    engine = supervised(scenario)
    assert (len(engine.begun_s), engine.told, engine.ended) == (1, [], [])


def test_a_broken_invariant_ends_the_run_wherever_it_shows():
    broken = InvariantBroken("impossible")
    engine = kept(1, error=broken)

    assert engine.ended == [broken]
    assert engine.told == []


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ValueError("oops"), InvariantBroken("task loop failed: ValueError")),
        (ConfigError("no such symbol"), ConfigError("no such symbol")),
    ],
)
def test_a_vital_task_that_fails_ends_the_run(error: Exception, ending: CockpitError):
    async def scenario(engine: Engine) -> None:
        engine.supervisor.start(engine.part(1, error=error)(), "loop")

    engine = supervised(scenario)

    assert [(type(one), str(one)) for one in engine.ended] == [(type(ending), str(ending))]
    assert engine.told == []


# What the loop calls back.


def called_back(*at_s: float, error: Exception | None = None) -> Engine:
    """Let callbacks fail at these times."""

    def raise_it() -> None:
        raise error or ValueError("oops")

    async def scenario(engine: Engine) -> None:
        engine.supervisor.watch_loop()
        for one_s in at_s:
            asyncio.get_running_loop().call_later(one_s, raise_it)

    return supervised(scenario)


RAISE_IT = "called_back.<locals>.raise_it"


def test_a_callback_that_fails_is_told_by_its_function():
    assert called_back(1).told == [PartFailed(RAISE_IT, "ValueError", 1)]


def test_a_callback_that_fails_too_often_is_given_up_once_however_many_follow():
    engine = called_back(*range(1, 40))

    assert [(one.restarts, one.is_given_up) for one in engine.told] == [
        (1, False),
        (2, False),
        (3, False),
        (3, True),
    ]
    assert engine.ended == []


def test_callbacks_that_fail_now_and_then_are_told_and_no_more():
    engine = called_back(*[WINDOW_S / 2 * n for n in range(1, 10)])

    assert len(engine.told) == 9
    assert not any(one.is_given_up for one in engine.told)


def test_a_broken_invariant_in_a_callback_ends_the_run():
    broken = InvariantBroken("impossible")
    engine = called_back(1, error=broken)

    assert (engine.ended, engine.told) == ([broken], [])


def test_what_the_loop_says_without_an_error_of_the_program_is_for_the_log_only():
    async def scenario(engine: Engine) -> None:
        engine.supervisor.watch_loop()
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "a word"})
        loop.call_exception_handler({"message": "lost", "exception": ConnectionResetError()})

    engine = supervised(scenario)
    assert (engine.told, engine.ended) == ([], [])


def test_an_error_that_never_left_the_loop_is_told_too():
    async def scenario(engine: Engine) -> None:
        engine.supervisor.watch_loop()
        never_raised = {"message": "a future was dropped", "exception": KeyError("x")}
        asyncio.get_running_loop().call_exception_handler(never_raised)

    assert supervised(scenario).told == [PartFailed("event loop", "KeyError", 1)]


def test_a_signal_handler_that_fails_is_told():
    async def main() -> Engine:
        engine = Engine()
        engine.supervisor.watch_loop()
        has_come = asyncio.Event()

        def on_signal() -> None:
            has_come.set()
            raise ValueError("oops")

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, on_signal)
        os.kill(os.getpid(), signal.SIGUSR2)
        await has_come.wait()
        return engine

    (told,) = asyncio.run(main()).told
    assert told.name.endswith("on_signal")
