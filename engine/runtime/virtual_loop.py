"""An asyncio event loop with virtual time: it never waits, it jumps to the next timer.

Callbacks that are ready together may be run in an order drawn from a seed, so that tests meet
interleavings that a real loop shows once a year. It has no sockets, no threads and no processes:
whatever would need them fails with a sentence. What is used of asyncio's inside is written down as
attributes below and is the same in CPython 3.11, 3.12 and 3.13.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from engine.model.chance import Chance
from engine.model.errors import InvariantBroken

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PASSES_WITHOUT_TIME_MAX: Final = 200_000
"""So many passes at one moment are a program that never waits."""

NO_SOCKETS: Final = "the virtual loop has no sockets; give the shell a transport in memory"


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop; use `run` to run something on one.

    Args:
        seed: Draws the order of callbacks that are ready together; None keeps asyncio's own.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._passes = 0
        self._chance = None if seed is None else Chance(seed)
        self._births: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._born = 0

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Make a task and remember its place in the order of birth."""
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self._born += 1
        self._births[task] = self._born
        return task

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that have not ended, oldest first."""
        return sorted(asyncio.all_tasks(self), key=lambda task: self._births.get(task, 0))

    def run_in_executor(
        self, executor: object, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Refuse: a thread would have its own time."""
        name = getattr(func, "__qualname__", repr(func))
        raise InvariantBroken(
            f"{name} asks for a thread; on the virtual loop give the shell a port that needs none"
        )

    async def create_connection(self, *args: object, **options: object) -> NoReturn:
        """Refuse: sockets wait in real time."""
        raise InvariantBroken(NO_SOCKETS)

    async def create_server(self, *args: object, **options: object) -> NoReturn:
        """Refuse: sockets wait in real time."""
        raise InvariantBroken(NO_SOCKETS)

    def _run_once(self) -> None:
        """Run what is ready; when nothing is, go to the next timer's moment first."""
        if not self._ready and not self._stopping:
            self._jump()
        self._take_due_timers()
        self._shuffle()
        self._passes += 1
        if self._passes > PASSES_WITHOUT_TIME_MAX:
            self._passes = 0  # So that what is left can still be cancelled.
            raise InvariantBroken(f"time stands still at {self._now} s: {self._waiting()}")
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - what a loop does

    def _jump(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            self._pop_timer()
        if not self._scheduled:
            raise InvariantBroken(f"deadlock: nothing will ever wake {self._waiting()}")
        if self._scheduled[0].when() > self._now:
            self._now = self._scheduled[0].when()
            self._passes = 0

    def _take_due_timers(self) -> None:
        while self._scheduled and self._scheduled[0].when() <= self._now:
            self._ready.append(self._pop_timer())

    def _pop_timer(self) -> asyncio.TimerHandle:
        handle = heapq.heappop(self._scheduled)
        handle._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001 - what a loop does
        return handle

    def _shuffle(self) -> None:
        if self._chance is None:
            return
        for last in range(len(self._ready) - 1, 0, -1):
            other = self._chance.below(last + 1)
            self._ready[last], self._ready[other] = self._ready[other], self._ready[last]

    def _waiting(self) -> str:
        names = [f"{task.get_name()} ({_where(task)})" for task in self.unfinished()]
        return ", ".join(names) or "the loop"

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave cancelled timers where they are: they are dropped when they come to the top."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""

    def _process_events(self, event_list: object) -> None:
        """There are no events from outside."""


def run(main: Callable[[], Coroutine[Any, Any, T]], seed: int | None = None) -> T:
    """Run `main()` on a loop of its own and return its result.

    Tasks that it leaves behind are cancelled, oldest first.

    Raises:
        InvariantBroken: Nothing is scheduled while something still waits.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner:
        return runner.run(_whole(main()))


async def _whole(main: Awaitable[T]) -> T:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    try:
        return await main
    finally:
        leftovers = [task for task in loop.unfinished() if task is not asyncio.current_task()]
        for task in leftovers:
            task.cancel()
        await asyncio.gather(*leftovers, return_exceptions=True)


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    if not frames:
        return "not started"
    return f"{frames[-1].f_code.co_qualname}:{frames[-1].f_lineno}"
