"""The kernel's timers in virtual time."""

import asyncio

from engine.model.effects import SetTimer
from engine.model.envelope import TimerFired
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.timers import TimerService
from engine.runtime.virtual_loop import run


def test_timers_fire_in_the_order_of_their_times_and_not_before() -> None:
    async def scenario() -> list[tuple[str, int]]:
        clock = LoopClock(0)
        fired: list[tuple[str, int]] = []
        service = TimerService(clock, lambda timer: fired.append((timer.key, clock.now_ns())))
        service.set(SetTimer("late", 3 * NS_PER_S))
        service.set(SetTimer("early", 1 * NS_PER_S))
        await clock.sleep(10)
        return fired

    assert run(scenario) == [("early", 1 * NS_PER_S), ("late", 3 * NS_PER_S)]


def test_the_same_key_again_replaces_the_timer() -> None:
    async def scenario() -> list[TimerFired]:
        clock = LoopClock(0)
        fired: list[TimerFired] = []
        service = TimerService(clock, fired.append)
        service.set(SetTimer("snapshot", 1 * NS_PER_S))
        service.set(SetTimer("snapshot", 5 * NS_PER_S))
        await clock.sleep(10)
        return fired

    assert run(scenario) == [TimerFired("snapshot", 5 * NS_PER_S)]


def test_a_handler_may_set_its_timer_again() -> None:
    async def scenario() -> int:
        clock = LoopClock(0)
        fired: list[TimerFired] = []

        def again(timer: TimerFired) -> None:
            fired.append(timer)
            service.set(SetTimer(timer.key, timer.due_ns + NS_PER_S))

        service = TimerService(clock, again)
        service.set(SetTimer("sweep", NS_PER_S))
        await clock.sleep(60.5)
        service.close()
        await clock.sleep(60)
        return len(fired)

    assert run(scenario) == 60


def test_nothing_fires_after_closing() -> None:
    async def scenario() -> list[TimerFired]:
        clock = LoopClock(0)
        fired: list[TimerFired] = []
        service = TimerService(clock, fired.append)
        service.set(SetTimer("sweep", NS_PER_S))
        service.close()
        await clock.sleep(5)
        return fired

    assert run(scenario) == []


def test_a_timer_whose_handler_fails_takes_no_other_with_it() -> None:
    async def scenario() -> list[str]:
        clock = LoopClock(0)
        fired: list[str] = []

        def fire(timer: TimerFired) -> None:
            if timer.key == "bad":
                raise ValueError("oops")
            fired.append(timer.key)

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        service = TimerService(clock, fire)
        service.set(SetTimer("bad", NS_PER_S))
        service.set(SetTimer("good", 2 * NS_PER_S))
        await clock.sleep(10)
        return fired

    assert run(scenario) == ["good"]
