"""Virtual time jumps, seeds decide the order, and whatever cannot end is found at once."""

import asyncio
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from engine.model.errors import InvariantBroken
from engine.runtime.virtual_loop import VirtualLoop, run

REPOSITORY = Path(__file__).resolve().parents[4]

TRACE = """
import asyncio
from engine.runtime.virtual_loop import run

async def main():
    trace, queue, names = [], asyncio.Queue(3), {"ada", "bob", "cy", "dora", "eve"}

    async def work(name):
        for step in range(20):
            await asyncio.sleep((len(name) + step) % 3)
            await queue.put(name)
            trace.append((asyncio.get_running_loop().time(), name, step))

    async def drain():
        while True:
            trace.append(await queue.get())

    loop = asyncio.get_running_loop()
    loop.create_task(drain())
    await asyncio.gather(*[work(name) for name in sorted(names)])
    return trace

print([run(main, seed) for seed in range(5)])
"""


async def in_order(count: int) -> list[int]:
    seen: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    await asyncio.gather(*[note(number) for number in range(count)])
    return seen


def test_an_hour_passes_at_once() -> None:
    async def scenario() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    assert run(scenario) == 3_600.0


def test_timers_fire_in_order_and_at_their_moment() -> None:
    async def scenario() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        fired: list[tuple[float, float]] = []

        def note(due: float) -> None:
            fired.append((due, loop.time()))

        for due in (0.3, 0.1, 86_400.1, 0.2):
            loop.call_at(due, note, due)
        await asyncio.sleep(100_000)
        return fired

    assert run(scenario) == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (86_400.1, 86_400.1)]


def test_a_cancelled_timer_moves_no_time() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(5, print).cancel()
        loop.call_later(10, print).cancel()
        await asyncio.sleep(7)
        return loop.time()

    assert run(scenario) == 7.0


def test_a_timeout_ends_a_wait_that_nothing_else_ends() -> None:
    async def scenario() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(scenario) == 30.0


def test_without_a_seed_the_order_is_that_of_asyncio() -> None:
    assert run(partial(in_order, 10)) == list(range(10))


def test_a_seed_draws_the_order_and_draws_it_again() -> None:
    orders = [tuple(run(partial(in_order, 10), seed)) for seed in range(20)]

    assert len(set(orders)) > 15
    assert orders == [tuple(run(partial(in_order, 10), seed)) for seed in range(20)]
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_the_same_seed_gives_the_same_trace_whatever_the_process_hashes_with() -> None:
    traces = [
        subprocess.run(
            [sys.executable, "-c", TRACE],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert traces[0] == traces[1]
    assert len(traces[0]) > 1_000


def test_a_deadlock_is_an_error_that_names_who_waits() -> None:
    async def scenario() -> None:
        task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="feed:okx")
        await task

    with pytest.raises(InvariantBroken, match=r"nothing will ever wake .*feed:okx \(Event.wait:"):
        run(scenario)


def test_a_program_that_never_waits_is_an_error_too() -> None:
    async def scenario() -> None:
        for _ in range(10**9):
            await asyncio.sleep(0)

    with pytest.raises(InvariantBroken, match=r"time stands still at 0\.0 s"):
        run(scenario)


def test_a_thread_is_refused_with_a_sentence() -> None:
    async def scenario() -> None:
        await asyncio.to_thread(sum, [1, 2])

    with pytest.raises(InvariantBroken, match="asks for a thread"):
        run(scenario)


def test_there_is_no_network() -> None:
    async def connect() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    async def serve() -> None:
        await asyncio.start_server(print, "127.0.0.1")

    for scenario in (connect, serve):
        with pytest.raises(InvariantBroken, match="the virtual loop has no sockets"):
            run(scenario)


def test_tasks_left_behind_are_cancelled_oldest_first() -> None:
    ended: list[int] = []

    async def linger(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def scenario() -> list[asyncio.Task]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(linger(number)) for number in range(20)]
        await asyncio.sleep(1)
        return tasks

    tasks = run(scenario)

    assert ended == list(range(20))
    assert all(task.cancelled() for task in tasks)


def test_an_error_of_the_program_comes_out() -> None:
    async def scenario() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(scenario)


def test_stopping_from_outside_needs_no_timer() -> None:
    loop = VirtualLoop()
    loop.call_soon_threadsafe(loop.stop)

    loop.run_forever()
    loop.close()

    assert loop.time() == 0.0
