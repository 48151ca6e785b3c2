"""The network between one engine and the exchange, of which judge and world see every request."""

import asyncio
from collections import Counter
from collections.abc import Callable

from engine.fake.trading.memory import MemoryTransport
from engine.fake.trading.mishaps import FrameFate, Mishaps, Spoil, TradingFaults
from engine.fake.trading.way import Way
from engine.model.chance import Chance
from engine.runtime.transport import BeforeSend
from engine.venues.trading import HttpCall, HttpReply


class SimTransport(MemoryTransport):
    """The network of one engine; tells of every request that leaves."""

    def __init__(
        self,
        way: Way,
        now: Callable[[], int],
        on_call: Callable[[HttpCall], None],
        connect_s: Callable[[], float],
    ) -> None:
        super().__init__(way, now)
        self._on_call = on_call
        self._connect_s = connect_s

    async def request(self, call: HttpCall, before_send: BeforeSend) -> HttpReply:
        """Send a request once, when there is a connection for it."""
        wait_s = self._connect_s()
        if wait_s:
            await asyncio.sleep(wait_s)

        def leave() -> None:
            before_send()
            self._on_call(call)

        return await super().request(call, leave)

    def hang_up(self) -> None:
        """End at once, as a process does that dies."""
        self._is_closed = True
        self._way.cut()
        if self._timer is not None:
            self._timer.cancel()


class SeenMishaps(Mishaps):
    """Tells of what is rare."""

    def __init__(self, faults: TradingFaults, chance: Chance, seen: Counter[str]) -> None:
        super().__init__(faults, chance)
        self._seen = seen

    def frame(self) -> FrameFate:
        """Draw the fate of a frame."""
        fate = super().frame()
        self._seen["private frame lost"] += not fate.times
        return fate

    def spoiled(self, reply: HttpReply, spoil: Spoil, echo: str = "") -> HttpReply:
        """Return what arrives in place of an answer."""
        self._seen["hostile answer"] += spoil == "hostile"
        return super().spoiled(reply, spoil, echo)
