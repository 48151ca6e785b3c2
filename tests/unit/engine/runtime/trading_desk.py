"""A trading shell with everything around it, on virtual time: for tests of orders and latch."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from engine.execution.ledger import Ledger
from engine.model import orders as o
from engine.model.chance import Chance
from engine.model.commands import CommandOutcome
from engine.model.effects import (
    CommandResult,
    Effect,
    PlaceOrder,
    Record,
    SendReplace,
)
from engine.model.envelope import Event
from engine.model.errors import StorageUnavailable
from engine.model.facts import (
    Fact,
    OrderIntended,
    OrderSent,
    ReplaceRequested,
    TradingStateSet,
)
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder
from engine.runtime.clock import LoopClock
from engine.runtime.guard import GatewayGuard, GuardLimits, MayLeave
from engine.runtime.journal_writer import WAITING_MAX, JournalWriter, LoopWorker
from engine.runtime.latch import LatchFile, LatchNote
from engine.runtime.trading import (
    TradingParts,
    TradingShell,
)
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.journal import Run, open_run, recover
from tests.fakes.files import NO_SPACE, FaultyFiles
from tests.order_facts import an_intent

FOLDER = Path("/data/journal")
SYNC_S = 0.002
LATCH_S = 0.1
ACCEPTED = CommandOutcome("accepted", client_order_ids=("a",))


class Venue:
    """A gateway that remembers, and says of each order when it leaves."""

    def __init__(self, events: list[Event]) -> None:
        self.got: list[tuple[str, str]] = []
        self._events = events

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Take an order."""
        self.got.append(("place", approved.client_order_id))
        self._events.append(OrderSent(1, approved.client_order_id))

    def cancel(self, client_order_id: str) -> None:
        """Take a cancel."""
        self.got.append(("cancel", client_order_id))

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Take an amend."""
        self.got.append(("replace", client_order_id))

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return the worth of an order."""
        return Decimal(approved.intent.spec.qty_lots)

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the worth of an amend."""
        return Decimal(qty)


class SlowLatch(LatchFile):
    """A latch file of which the disk can be told to refuse."""

    refuses = False
    error: Exception | None = None
    """An error of the program in its place."""

    def write(self, note: LatchNote) -> None:
        """Create it, or refuse."""
        self._fail()
        super().write(note)

    def clear(self) -> None:
        """Remove it, or refuse."""
        self._fail()
        super().clear()

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
        if self.refuses:
            raise StorageUnavailable(str(self.path), NO_SPACE)


class Desk:
    """A shell with everything around it, on virtual time."""

    def __init__(self, folder: Path) -> None:
        self.disk = FaultyFiles(Chance(1))
        self.sync_s = SYNC_S
        self.latch_s = LATCH_S
        self.clock = LoopClock(1)
        self.events: list[Event] = []
        self.venue = Venue(self.events)
        self.guard = GatewayGuard(self.venue, GuardLimits(Decimal(1_000), 1_000))
        self.latch_file = SlowLatch(folder / "kill.latch", DiskFiles())
        opened = open_run(self.disk, FOLDER, Run("paper", "run-1", 1), None, b"")
        self.journal = JournalWriter(opened, self.clock, LoopWorker(lambda: self.sync_s))
        self.answers: list[CommandResult] = []
        self.kills: list[str] = []
        self.ledger = Ledger()
        self.tasks: list[asyncio.Task[None]] = []
        parts = TradingParts(
            clock=self.clock,
            journal=self.journal,
            guard=self.guard,
            latch_file=self.latch_file,
            latch_worker=LoopWorker(lambda: self.latch_s),
            checkpoint=self.ledger.to_bytes,
            report=lambda source, event: self.events.append(event),
            answer=self.answers.append,
            start_task=self._start,
            keep=lambda make, name: self._start(make(), name),
        )
        self.shell = TradingShell(parts)

    def _start(self, work, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    def start(self, killed_for: str = "") -> None:
        """Begin the run."""
        self.shell.start(self.kills.append, killed_for)

    def take(self, *effects: Effect, ago_ns: int = 0) -> None:
        """Do what a step of so long ago asks for."""
        for effect in effects:
            if isinstance(effect, Record):
                self.ledger.apply(effect.fact)
        self.shell.take(effects, self.clock.now_ns() - ago_ns)

    def fill_journal(self) -> None:
        """Let the disk refuse until the writer takes no more."""
        self.disk.space = 0
        for _ in range(WAITING_MAX):
            self.take(a_state("active"))

    def kept(self) -> list[Fact]:
        """What a start would find in the journal now, power cut included."""
        self.disk.crash()
        decoder = msgspec.msgpack.Decoder(list[Fact])
        facts = recover(self.disk, FOLDER, "paper").facts
        return [fact for record in facts for fact in decoder.decode(record)]


def is_latched(desk: Desk) -> bool:
    return desk.shell.is_latched


def approved(name: str = "a", lots: int = 1, **changed) -> ApprovedOrder:
    return ApprovedOrder(name, an_intent(lots=lots, **changed), o._BY_THE_GATE)


def an_order(name: str = "a", **changed) -> tuple[Effect, ...]:
    """Return the effects of an accepted line: the intent, the order, the answer."""
    order = approved(name, **changed)
    return (
        Record(OrderIntended(1, name, order.intent, 1)),
        PlaceOrder(order),
        CommandResult("operator:1", 7, ACCEPTED, (name,)),
    )


def an_amend(name: str = "a") -> tuple[Effect, ...]:
    limit, qty = PriceTicks(99), QtyLots(1)
    return (
        Record(ReplaceRequested(1, name, limit, qty)),
        SendReplace(name, limit, qty),
        CommandResult("operator:1", 7, CommandOutcome("accepted"), (name,)),
    )


def a_state(state: str, reason: str = "why") -> Record:
    return Record(TradingStateSet(1, "all", state, reason))  # type: ignore[arg-type]  # a state


def simulated(
    folder: Path, scenario: Callable[[Desk], Awaitable[None]], seed: int | None = None
) -> None:
    async def main() -> None:
        await scenario(Desk(folder))

    run(main, seed)
