"""The watch over the loop: what counts as late, as dead, and as asleep; and one real stall."""

import asyncio
import threading
import time

import pytest

from engine.model.envelope import LoopLagged
from engine.runtime.watchdog import BEAT_NS, DEAD_NS, LAG_NS, LoopLag, Watchdog

FIRST = 1_000_000_000_000


def test_a_loop_that_beats_in_time_is_never_late():
    lag = LoopLag(FIRST)

    assert not any(lag.beat(FIRST + i * BEAT_NS) for i in range(1, 100))


def test_a_late_beat_says_how_late_it_is_and_the_next_one_nothing():
    lag = LoopLag(FIRST)

    assert lag.beat(FIRST + BEAT_NS + LAG_NS) == 0
    assert lag.beat(FIRST + 2 * BEAT_NS + 2 * LAG_NS + 1) == LAG_NS + 1
    assert lag.beat(FIRST + 3 * BEAT_NS + 2 * LAG_NS + 1) == 0


def watched_until(lag: LoopLag, start_ns: int, end_ns: int) -> list[int]:
    """Look every beat; return the times at which the loop was given up."""
    return [
        now_ns
        for now_ns in range(start_ns + BEAT_NS, end_ns + 1, BEAT_NS)
        if lag.gives_up(lag.look(now_ns))
    ]


def test_a_loop_that_never_beats_is_given_up_once():
    lag = LoopLag(FIRST)

    given_up = watched_until(lag, FIRST, FIRST + 3 * DEAD_NS)

    assert given_up == [FIRST + BEAT_NS + DEAD_NS]


def test_a_loop_that_came_back_can_be_given_up_again():
    lag = LoopLag(FIRST)
    watched_until(lag, FIRST, FIRST + 2 * DEAD_NS)
    lag.beat(FIRST + 2 * DEAD_NS)

    assert len(watched_until(lag, FIRST + 2 * DEAD_NS, FIRST + 4 * DEAD_NS)) == 1


def test_a_process_that_slept_as_a_whole_is_not_given_up_but_is_late():
    lag = LoopLag(FIRST)
    awake_ns = FIRST + 100 * DEAD_NS

    assert not lag.gives_up(lag.look(awake_ns))
    assert lag.look(awake_ns + BEAT_NS) <= 2 * BEAT_NS
    assert lag.beat(awake_ns + BEAT_NS) == 100 * DEAD_NS


async def test_a_real_stall_is_reported_with_the_function_that_caused_it():
    reports: list[LoopLagged] = []
    came = asyncio.Event()

    def report(source: str, event: LoopLagged) -> None:
        reports.append(event)
        came.set()

    watchdog = Watchdog(report, lambda reason: None)
    task = asyncio.ensure_future(watchdog.run())
    await asyncio.sleep(0)
    deadline = time.monotonic() + 60

    def busy() -> None:
        while not watchdog._lag.where and time.monotonic() < deadline:
            sum(range(1_000))

    busy()
    await came.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert any("busy" in event.where or "test_watchdog" in event.where for event in reports)
    assert all(event.late_ns > LAG_NS for event in reports)


async def test_a_thread_that_fails_is_told_by_the_loop_that_beats():
    def broken() -> int:
        if threading.current_thread().name == "watchdog":
            raise ValueError("no clock")
        return FIRST

    watchdog = Watchdog(lambda source, event: None, lambda reason: None, broken)

    with pytest.raises(ValueError, match="no clock"):
        await watchdog.run()
