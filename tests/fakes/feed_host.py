"""A host for one feed in virtual time, and venues that behave in ways with a name."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.market import BestQuote
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts, MakePart
from engine.runtime.rate_budget import MarketTurns
from engine.runtime.transport import HttpAnswer
from engine.runtime.virtual_loop import run
from tests.fakes.transport import FakeLink, FakeTransport, Script
from tests.fakes.wire import FakeWire

START_NS = 1_700_000_000 * NS_PER_S
PUBLIC = "feed:fake/public"
REST = "feed:fake/rest"
OK = HttpAnswer(200, {}, b"ok")


class Host:
    """Owns a feed: keeps its events with their loop times, its tasks, and a bounded inbox."""

    def __init__(
        self,
        transport: FakeTransport,
        wire: FakeWire | None = None,
        turns: MarketTurns | None = None,
    ) -> None:
        self.transport = transport
        self.wire = wire or FakeWire()
        self.got: list[tuple[float, str, Event]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.places = 1_000_000
        self.refusals = 0
        self._room = asyncio.Event()
        self.ports = FeedPorts(
            LoopClock(START_NS),
            transport,
            Chance(7),
            self.put,
            self.room,
            self.start_task,
            self.keep,
            turns,
        )
        self.feed = Feed("fake", self.wire, self.ports)

    def put(self, source: str, events: Sequence[Event]) -> bool:
        """Take all of the events, or none."""
        if len(events) > self.places:
            self.refusals += 1
            self._room.clear()
            return False
        self.places -= len(events)
        now = asyncio.get_running_loop().time()
        self.got += [(now, source, event) for event in events]
        return True

    async def room(self) -> None:
        """Wait until somebody says that there is room."""
        await self._room.wait()

    def make_room(self, places: int) -> None:
        """Take so many more events, and say so."""
        self.places = places
        self._room.set()

    def start_task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task and remember it."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        return task

    def keep(self, make: MakePart, name: str) -> asyncio.Task[None]:
        """Start a part and remember it; one that fails stays down."""
        return self.start_task(make(), name)

    def of(self, kind: type, source: str = PUBLIC) -> list[Any]:
        """Return the events of one kind from one source."""
        return [
            event for _, sent_by, event in self.got if isinstance(event, kind) and sent_by == source
        ]

    def times(self, kind: type, source: str = PUBLIC) -> list[float]:
        """Return when they came, in seconds of the loop."""
        return [
            at for at, sent_by, event in self.got if isinstance(event, kind) and sent_by == source
        ]

    def ticks(self) -> list[str]:
        """Return the frames that came through, by name."""
        return [tick.instrument_id for tick in self.of(BestQuote)]


def a_venue(script: Script | None = None) -> FakeTransport:
    transport = FakeTransport(script)
    transport.answers = {"info": [OK], "candles": [OK], "depth": [OK]}
    return transport


def watch(
    transport: FakeTransport,
    seconds: float,
    wire: FakeWire | None = None,
    seed: int | None = None,
    symbols: Sequence[str] = ("A",),
) -> Host:
    """Run a feed for so many virtual seconds, close it, and return what its host has seen."""

    async def scenario() -> Host:
        host = Host(transport, wire)
        await host.feed.start(symbols)
        await asyncio.sleep(seconds)
        await host.feed.close()
        return host

    return run(scenario, seed)


async def lively(link: FakeLink) -> None:
    """A venue that sends a frame each second."""
    while True:
        link.deliver("tick")
        await asyncio.sleep(1)


def drops_after(seconds: float) -> Script:
    """A venue that sends each second and hangs up."""

    async def script(link: FakeLink) -> None:
        for _ in range(int(seconds)):
            link.deliver("tick")
            await asyncio.sleep(1)
        await asyncio.sleep(seconds % 1)
        link.drop()

    return script


def sends(*frames: str, every: float = 0.0) -> Script:
    """A venue that sends these frames and then nothing."""

    async def script(link: FakeLink) -> None:
        for frame in frames:
            link.deliver(frame)
            await asyncio.sleep(every)

    return script


async def obedient(link: FakeLink) -> None:
    """A venue that acknowledges each subscription and sends a tick of each every second."""
    carried: dict[str, None] = {}
    heard = 0
    while True:
        for text in link.sent[heard:]:
            heard += 1
            link.deliver(text)
            if text.startswith("+"):
                carried[text[1:]] = None
            else:
                carried.pop(text[1:], None)
        for name in carried:
            link.deliver(name)
        await asyncio.sleep(1)
