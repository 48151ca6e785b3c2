"""The trading shell: durable before it leaves, cancels before everything, latched means nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.model import orders as o
from engine.model.chance import Chance
from engine.model.commands import CommandOutcome
from engine.model.effects import (
    CommandResult,
    Effect,
    PlaceOrder,
    Record,
    SendCancel,
    SendReplace,
)
from engine.model.envelope import Event, StorageDegraded, StorageRestored
from engine.model.errors import StorageUnavailable
from engine.model.facts import (
    CancelRejected,
    CancelRequested,
    Fact,
    OrderAcked,
    OrderIntended,
    OrderRejected,
    OrderSent,
    ReplaceRejected,
    ReplaceRequested,
    TradingStateSet,
)
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder
from engine.runtime.clock import LoopClock
from engine.runtime.guard import GatewayGuard, GuardLimits
from engine.runtime.journal_writer import WAITING_MAX, JournalWriter, LoopWorker
from engine.runtime.latch import RETRY_S, LatchFile, LatchNote
from engine.runtime.trading import (
    DURABLE_S,
    OVERTAKEN_MAX,
    STALL_NS,
    WATCH_S,
    TradingParts,
    TradingShell,
)
from engine.runtime.virtual_loop import run
from storage.journal import Run, open_run, recover
from tests.fakes.files import NO_SPACE, FaultyFiles
from tests.order_facts import an_intent

FOLDER = Path("/data/journal")
SYNC_S = 0.002
LATCH_S = 0.1
SEEDS = range(30)
ACCEPTED = CommandOutcome("accepted", client_order_ids=("a",))


class Venue:
    """A gateway that remembers, and when."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []

    def place(self, approved: ApprovedOrder) -> None:
        """Take an order."""
        self.got.append(("place", approved.client_order_id))

    def cancel(self, client_order_id: str) -> None:
        """Take a cancel."""
        self.got.append(("cancel", client_order_id))

    def replace(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> None:
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

    def write(self, note: LatchNote) -> None:
        """Create it, or refuse."""
        if self.refuses:
            raise StorageUnavailable(str(self.path), NO_SPACE)
        super().write(note)

    def clear(self) -> None:
        """Remove it, or refuse."""
        if self.refuses:
            raise StorageUnavailable(str(self.path), NO_SPACE)
        super().clear()


class Desk:
    """A shell with everything around it, on virtual time."""

    def __init__(self, folder: Path) -> None:
        self.disk = FaultyFiles(Chance(1))
        self.sync_s = SYNC_S
        self.latch_s = LATCH_S
        self.clock = LoopClock(1)
        self.venue = Venue()
        self.guard = GatewayGuard(self.venue, GuardLimits(Decimal(1_000), 1_000))
        self.latch_file = SlowLatch(folder / "kill.latch")
        opened = open_run(self.disk, FOLDER, Run("paper", "run-1", 1), None, b"")
        self.journal = JournalWriter(opened, self.clock, LoopWorker(lambda: self.sync_s))
        self.events: list[Event] = []
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
        )
        self.shell = TradingShell(parts)

    def _start(self, work, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    def start(self, killed_for: str = "") -> None:
        """Begin the run."""
        self.shell.start(self.kills.append, killed_for)

    def take(self, *effects: Effect) -> None:
        """Do what a step asks for."""
        for effect in effects:
            if isinstance(effect, Record):
                self.ledger.apply(effect.fact)
        self.shell.take(effects)

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


def approved(name: str = "a", lots: int = 1) -> ApprovedOrder:
    return ApprovedOrder(name, an_intent(lots=lots), o._BY_THE_GATE)


def an_order(name: str = "a") -> tuple[Effect, ...]:
    """Return the effects of an accepted line: the intent, the order, the answer."""
    order = approved(name)
    return (
        Record(OrderIntended(1, name, order.intent, 1)),
        PlaceOrder(order),
        CommandResult("operator:1", 7, ACCEPTED),
    )


def an_amend(name: str = "a") -> tuple[Effect, ...]:
    limit, qty = PriceTicks(99), QtyLots(1)
    return (
        Record(ReplaceRequested(1, name, limit, qty)),
        SendReplace(name, limit, qty),
        CommandResult("operator:1", 7, CommandOutcome("accepted")),
    )


def a_state(state: str, reason: str = "why") -> Record:
    return Record(TradingStateSet(1, "all", state, reason))  # type: ignore[arg-type]  # a state


def simulated(
    folder: Path, scenario: Callable[[Desk], Awaitable[None]], seed: int | None = None
) -> None:
    async def main() -> None:
        await scenario(Desk(folder))

    run(main, seed)


# Durable before it leaves.


def test_an_order_leaves_and_is_answered_only_when_its_intent_is_durable(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*an_order())
        await asyncio.sleep(SYNC_S * 0.9)
        assert desk.venue.got == []
        assert desk.answers == []

        await asyncio.sleep(SYNC_S)

        assert desk.venue.got == [("place", "a")]
        assert [type(event) for event in desk.events] == [OrderSent]
        assert [one.outcome for one in desk.answers] == [ACCEPTED]
        assert [type(fact) for fact in desk.kept()] == [OrderIntended]

    simulated(tmp_path, scenario)


def test_an_amend_leaves_only_when_it_is_durable(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*an_amend())
        await asyncio.sleep(SYNC_S * 0.9)
        assert desk.venue.got == []

        await asyncio.sleep(SYNC_S)

        assert desk.venue.got == [("replace", "a")]

    simulated(tmp_path, scenario)


@pytest.mark.parametrize(
    ("effects", "refusal"), [(an_order(), OrderRejected), (an_amend(), ReplaceRejected)]
)
def test_a_stalled_journal_refuses_for_good(
    tmp_path: Path, effects: tuple[Effect, ...], refusal: type
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.sync_s = DURABLE_S + 0.01
        desk.take(*effects)
        await asyncio.sleep(10)

        assert desk.venue.got == []
        (event,) = desk.events
        assert isinstance(event, refusal)
        assert "never sent" in getattr(event, "reason", "")
        (answer,) = desk.answers
        assert answer.outcome.verdict == "refused"
        assert "never sent" in answer.outcome.sentences[0]

    simulated(tmp_path, scenario)


def test_an_order_that_is_durable_just_in_time_leaves(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.sync_s = DURABLE_S - 0.01
        desk.take(*an_order())
        await asyncio.sleep(10)

        assert desk.venue.got == [("place", "a")]

    simulated(tmp_path, scenario)


@pytest.mark.parametrize("seed", SEEDS)
def test_at_the_very_deadline_an_order_is_sent_or_refused_and_never_both(
    tmp_path: Path, seed: int
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.sync_s = DURABLE_S
        desk.take(*an_order())
        await asyncio.sleep(10)

        (event,) = desk.events
        was_sent = desk.venue.got == [("place", "a")]
        assert isinstance(event, OrderSent if was_sent else OrderRejected)
        assert (desk.answers[0].outcome.verdict == "accepted") is was_sent

    simulated(tmp_path, scenario, seed)


def test_orders_leave_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        for name in "abcdef":
            desk.take(*an_order(name))
        await asyncio.sleep(1)

        assert [name for _, name in desk.venue.got] == list("abcdef")

    simulated(tmp_path, scenario)


def test_a_disk_that_refuses_is_no_way_out(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.disk.space = 0
        desk.take(*an_order())
        await asyncio.sleep(10)
        assert desk.venue.got == []
        desk.disk.space = 1 << 30
        await asyncio.sleep(10)

        assert desk.venue.got == []
        assert [type(event) for event in desk.events] == [OrderRejected]

    simulated(tmp_path, scenario)


def test_an_order_whose_journal_closes_is_not_sent(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.disk.space = 0
        desk.take(*an_order())
        await desk.journal.close(0.1)
        await asyncio.sleep(1)

        assert desk.venue.got == []
        assert [type(event) for event in desk.events] == [OrderRejected]

    simulated(tmp_path, scenario)


def test_refusals_and_dry_lines_are_answered_at_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.disk.space = 0
        refused = CommandOutcome("refused", ("no",))
        desk.take(CommandResult("operator:1", 1, ACCEPTED))
        desk.take(a_state("reduce_only"), CommandResult("operator:1", 2, refused))

        assert [one.command_id for one in desk.answers] == [1, 2]

    simulated(tmp_path, scenario)


# Cancels.


def test_a_cancel_waits_for_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.disk.space = 0
        desk.take(*an_order())
        await asyncio.sleep(3)
        outcome = CommandOutcome("accepted")
        desk.take(
            Record(CancelRequested(1, "b")),
            SendCancel("b"),
            CommandResult("operator:1", 8, outcome),
        )
        assert desk.venue.got == [("cancel", "b")]

        await asyncio.sleep(2 * DURABLE_S)
        answer = desk.answers[-1].outcome
        assert answer.verdict == "accepted"
        assert "not in the journal yet" in answer.sentences[-1]

    simulated(tmp_path, scenario)


def test_a_full_journal_lets_cancels_and_kill_pass_and_nothing_else(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.fill_journal()
        desk.take(*an_order())
        desk.take(a_state("killed"), Record(CancelRequested(1, "x")), SendCancel("x"))
        assert desk.venue.got == [("cancel", "x")]
        assert is_latched(desk)
        await asyncio.sleep(5)
        assert desk.venue.got == [("cancel", "x")]
        assert any(isinstance(event, StorageDegraded) for event in desk.events)

    simulated(tmp_path, scenario)


def test_facts_that_found_no_room_come_back_with_a_checkpoint(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.fill_journal()
        for name in "abcdefgh":
            desk.take(*an_order(name))
        await asyncio.sleep(5)
        desk.disk.space = 1 << 30
        await asyncio.sleep(5)

        assert isinstance(desk.events[-1], StorageRestored)
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(1)
        desk.disk.crash()
        recovered = recover(desk.disk, FOLDER, "paper")
        assert recovered.checkpoint is not None
        ledger = Ledger.from_bytes(recovered.checkpoint)
        for record in recovered.facts:
            for fact in msgspec.msgpack.decode(record, type=list[Fact]):
                ledger.apply(fact)
        assert ledger.digest() == desk.ledger.digest()
        assert set(ledger.orders) == set("abcdefgh")

    simulated(tmp_path, scenario)


def test_a_cancel_that_overtook_its_order_is_sent_again(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(Record(CancelRejected(1, "a", "unknown order")))
        assert desk.venue.got == []

        desk.take(Record(OrderAcked(1, "a", "v1")))
        desk.take(Record(OrderAcked(1, "a", "v1")), Record(OrderAcked(1, "b", "v2")))

        assert desk.venue.got == [("cancel", "a")]

    simulated(tmp_path, scenario)


def test_refused_cancels_are_remembered_up_to_a_limit(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        names = [f"o{number}" for number in range(OVERTAKEN_MAX + 1)]
        for name in names:
            desk.take(Record(CancelRejected(1, name, "unknown order")))
        for name in (names[0], names[1], names[-1]):
            desk.take(Record(OrderAcked(1, name, "v")))

        assert desk.venue.got == [("cancel", names[1]), ("cancel", names[-1])]

    simulated(tmp_path, scenario)


# The latch.


@pytest.mark.parametrize("effects", [an_order(), an_amend()])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_latch_between_durable_and_leaving_holds_everything_back(
    tmp_path: Path, effects: tuple[Effect, ...], seed: int
) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*effects)
        await asyncio.sleep(SYNC_S * 0.5)
        latched_at = []

        def latch() -> None:
            latched_at.append(list(desk.venue.got))
            desk.shell.latch("now")

        asyncio.get_running_loop().call_later(SYNC_S * 0.5, latch)
        await asyncio.sleep(5)

        assert desk.venue.got == latched_at[0]

    simulated(tmp_path, scenario, seed)


def test_what_the_latch_holds_back_is_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*an_order())
        desk.shell.latch("now")
        await asyncio.sleep(5)

        assert desk.venue.got == []
        (event,) = desk.events
        assert isinstance(event, OrderRejected)
        assert "kill switch" in event.reason
        assert desk.answers[0].outcome.verdict == "refused"

    simulated(tmp_path, scenario)


def test_the_latch_holds_before_the_disk_has_it(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.latch("now")
        assert (is_latched(desk), desk.shell.is_persisted) == (True, False)

        await asyncio.sleep(LATCH_S * 1.1)

        assert desk.shell.is_persisted
        assert desk.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_latch_that_the_disk_refused_is_written_when_it_can_be(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.latch_file.refuses = True
        desk.shell.latch("now")
        await asyncio.sleep(5)
        assert is_latched(desk)
        assert not desk.shell.is_persisted

        desk.latch_file.refuses = False
        await asyncio.sleep(RETRY_S + LATCH_S)

        assert desk.shell.is_persisted

    simulated(tmp_path, scenario)


def test_a_release_opens_only_when_the_file_is_gone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.take(a_state("active"))
        await asyncio.sleep(LATCH_S * 0.9)
        assert is_latched(desk)

        await asyncio.sleep(LATCH_S)

        assert not is_latched(desk)
        assert not desk.shell.is_persisted
        assert not desk.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_file_that_cannot_be_removed_keeps_the_latch_until_it_can(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.latch_file.refuses = True
        desk.take(a_state("active"))
        await asyncio.sleep(5)
        assert is_latched(desk)

        desk.latch_file.refuses = False
        await asyncio.sleep(RETRY_S + LATCH_S)

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_was_said_last_of_the_latch_holds_in_memory_and_on_disk(
    tmp_path: Path, seed: int
) -> None:
    """Kills and releases at any moment of the disk's work."""

    async def scenario(desk: Desk) -> None:
        desk.start()
        chance = Chance(seed)
        is_killed = False
        for _ in range(60):
            is_killed = chance.happens(0.5)
            desk.latch_s = chance.below(200) / 1_000
            desk.latch_file.refuses = chance.happens(0.2)
            desk.take(a_state("killed" if is_killed else "active"))
            assert desk.shell.is_latched or not is_killed
            await asyncio.sleep(chance.below(150) / 1_000)
        desk.latch_file.refuses = False
        await asyncio.sleep(20)

        assert desk.shell.is_latched is is_killed
        assert desk.shell.is_persisted is is_killed
        assert desk.latch_file.is_set() is is_killed

    simulated(tmp_path, scenario, seed)


def test_a_release_does_not_undo_a_kill_that_the_kernel_has_not_seen(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        desk.shell.expect_kill("again")
        desk.take(a_state("active"))
        await asyncio.sleep(1)
        assert is_latched(desk)

        desk.shell.kill_seen()
        desk.take(a_state("killed"))
        await asyncio.sleep(1)
        assert desk.shell.is_persisted
        desk.take(a_state("active"))
        await asyncio.sleep(1)

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


def test_a_kill_by_a_rule_asks_for_the_cancels_of_a_kill_once(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.take(a_state("killed", "loss"))
        desk.take(a_state("killed", "loss"))

        assert desk.kills == ["loss"]

    simulated(tmp_path, scenario)


def test_other_scopes_and_other_states_leave_the_latch_alone(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(a_state("halted"))
        desk.take(Record(TradingStateSet(1, "strategy:x", "killed", "why")))

        assert not is_latched(desk)

    simulated(tmp_path, scenario)


def test_a_start_is_killed_by_the_run_before_or_by_the_file(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        assert desk.kills == []
        desk.start(killed_for="loss")
        desk.latch_file.path.write_bytes(b"\xff")
        desk.start()

        assert desk.kills == ["loss", "kill file"]

    simulated(tmp_path, scenario)


def test_a_file_that_appears_kills_within_half_a_second(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        await asyncio.sleep(3.14)
        desk.latch_file.path.touch()
        await asyncio.sleep(0.5)

        assert desk.kills[:1] == ["kill file"]

    simulated(tmp_path, scenario)


def test_a_stop_in_the_middle_of_a_kill_leaves_the_file(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.take(a_state("killed"))
        for task in desk.tasks:
            task.cancel()
        await desk.shell.close()

        assert desk.latch_file.is_set()
        desk.disk.crash()
        assert recover(desk.disk, FOLDER, "paper").is_orderly

    simulated(tmp_path, scenario)


def test_a_stop_waits_for_a_broken_disk_only_so_long(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.latch_file.refuses = True
        desk.disk.space = 0
        desk.shell.latch("now")

        await desk.shell.close()

        assert asyncio.get_running_loop().time() < 10

    simulated(tmp_path, scenario)


def test_after_a_halt_cancels_are_all_that_passes(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.halt()
        desk.take(*an_order(), SendCancel("b"))
        await asyncio.sleep(1)

        assert desk.venue.got == [("cancel", "b")]
        assert not desk.latch_file.is_set()

    simulated(tmp_path, scenario)


# The disk's state.


def test_a_refusing_disk_is_told_within_a_second_and_so_is_its_return(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.disk.space = 0
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(SYNC_S + WATCH_S)
        (event,) = desk.events
        assert isinstance(event, StorageDegraded)
        assert NO_SPACE in event.reason

        desk.disk.space = 1 << 30
        await asyncio.sleep(1.5)

        assert [type(one) for one in desk.events] == [StorageDegraded, StorageRestored]

    simulated(tmp_path, scenario)


def test_a_disk_that_does_not_answer_is_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.sync_s = 30
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(STALL_NS / 1e9 + 2 * WATCH_S)
        assert [type(one) for one in desk.events] == [StorageDegraded]

        await asyncio.sleep(30)

        assert [type(one) for one in desk.events] == [StorageDegraded, StorageRestored]

    simulated(tmp_path, scenario)


# What may be shown.


def test_nothing_is_shown_before_it_is_durable(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        assert await desk.shell.settled(1)
        desk.take(a_state("reduce_only"))

        assert not await desk.shell.settled(SYNC_S * 0.5)
        assert await desk.shell.settled(SYNC_S)
        assert len(desk.kept()) == 1

    simulated(tmp_path, scenario)


def test_a_disk_that_is_known_to_be_bad_hides_nothing(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.disk.space = 0
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(1)
        before = asyncio.get_running_loop().time()

        assert await desk.shell.settled(1)
        assert asyncio.get_running_loop().time() == before

    simulated(tmp_path, scenario)


def test_the_end_of_the_journal_ends_the_waiting(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.disk.space = 0
        desk.take(a_state("reduce_only"))
        waiting = asyncio.ensure_future(desk.shell.settled(60))
        await desk.journal.close(0.1)

        assert await waiting

    simulated(tmp_path, scenario)
