"""The trading shell: durable before it leaves, cancels before everything, latched means nothing."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.model.commands import CommandOutcome
from engine.model.effects import (
    CommandResult,
    Effect,
    PlaceOrder,
    Record,
    SendCancel,
)
from engine.model.envelope import StorageDegraded, StorageRestored
from engine.model.facts import (
    CancelRequested,
    Fact,
    OrderIntended,
    OrderRejected,
    OrderSent,
    ReplaceRejected,
)
from engine.runtime.trading import (
    DECIDED_NS,
    DURABLE_S,
    STALL_NS,
    WATCH_S,
)
from storage.journal import recover
from tests.fakes.files import NO_SPACE
from tests.unit.engine.runtime.trading_desk import (
    ACCEPTED,
    FOLDER,
    SYNC_S,
    Desk,
    a_state,
    an_amend,
    an_order,
    approved,
    is_latched,
    simulated,
)

SEEDS = range(30)


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


OVERDUE_NS = DECIDED_NS + 1


@pytest.mark.parametrize("make", [an_order, an_amend])
def test_what_was_decided_before_the_process_stood_still_never_leaves(tmp_path: Path, make) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*make(), ago_ns=OVERDUE_NS)
        await asyncio.sleep(SYNC_S * 2)

        assert desk.venue.got == []
        (event,), (answer,) = desk.events, desk.answers
        assert isinstance(event, OrderRejected | ReplaceRejected)
        assert event.reason == "decided 2.0 s ago; never sent"
        assert answer.outcome.verdict == "refused"

    simulated(tmp_path, scenario)


def test_what_was_decided_a_moment_ago_leaves_and_what_reduces_always(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.take(*an_order("a"), ago_ns=DECIDED_NS // 2)
        desk.take(*an_order("b", is_reduce_only=True), ago_ns=OVERDUE_NS * 30)
        await asyncio.sleep(SYNC_S * 3)

        assert desk.venue.got == [("place", "a"), ("place", "b")]

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


def test_an_order_with_nothing_new_to_record_waits_for_nothing_and_leaves(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.sync_s = 10.0
        desk.take(PlaceOrder(approved("a")))
        await asyncio.sleep(0.1)

        assert desk.venue.got == [("place", "a")]

    simulated(tmp_path, scenario)


def test_of_several_orders_those_held_back_are_told_beside_those_that_left(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        large = approved("b", lots=2_000)
        desk.take(
            *an_order("a")[:2],
            Record(OrderIntended(1, "b", large.intent, 1)),
            PlaceOrder(large),
            CommandResult("operator:1", 7, ACCEPTED, ("a", "b")),
        )
        await asyncio.sleep(1)

        assert desk.venue.got == [("place", "a")]
        (answer,) = desk.answers
        assert answer.outcome.verdict == "accepted"
        assert answer.outcome.sentences == ("guard: worth 2000, guard allows 1000",)

    simulated(tmp_path, scenario)


def test_a_command_is_not_refused_for_an_order_that_it_only_led_to(tmp_path: Path) -> None:
    """A release lets a stop be sent; the guard is let go a moment later, and the stop is late."""

    async def scenario(desk: Desk) -> None:
        desk.take(a_state("killed"))
        stop = an_order("a")[:2]
        desk.take(
            a_state("active"), *stop, CommandResult("operator:1", 7, CommandOutcome("accepted"))
        )
        await asyncio.sleep(SYNC_S * 2)

        assert desk.venue.got == []
        assert [one.outcome.verdict for one in desk.answers] == ["accepted"]

    simulated(tmp_path, scenario)


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


@pytest.mark.parametrize("trouble", ["stalled", "full"])
def test_a_close_confirmed_as_not_journalled_leaves_at_once_and_says_so(
    tmp_path: Path, trouble: str
) -> None:
    async def scenario(desk: Desk) -> None:
        if trouble == "full":
            desk.fill_journal()
        desk.sync_s = 10.0
        recorded, placed, result = an_order("close")
        assert isinstance(placed, PlaceOrder)
        desk.take(recorded, msgspec.structs.replace(placed, is_unjournalled=True), result)
        await asyncio.sleep(0)
        assert desk.venue.got == [("place", "close")]

        await asyncio.sleep(DURABLE_S + 0.1)

        assert desk.venue.got == [("place", "close")]
        (answer,) = desk.answers
        assert answer.outcome.verdict == "accepted"
        assert "done, but not in the journal yet" in answer.outcome.sentences[-1]

    simulated(tmp_path, scenario)


def test_the_guard_has_its_say_in_a_close_that_is_not_journalled(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.shell.latch("test")
        recorded, placed, result = an_order("close")
        assert isinstance(placed, PlaceOrder)
        desk.take(recorded, msgspec.structs.replace(placed, is_unjournalled=True), result)
        await asyncio.sleep(1)

        assert desk.venue.got == []
        assert [one.outcome.verdict for one in desk.answers] == ["refused"]

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


def test_of_a_disk_that_works_nothing_is_told(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        for _ in range(20):
            desk.take(a_state("reduce_only"))
            await asyncio.sleep(1)

        assert desk.events == []

    simulated(tmp_path, scenario)


def test_a_disk_that_is_slow_but_no_slower_than_allowed_is_no_trouble(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.sync_s = STALL_NS / 1e9
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(10)

        assert desk.events == []

    simulated(tmp_path, scenario)


def test_a_disk_that_does_not_answer_is_told_within_a_second(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.start()
        desk.sync_s = 30
        desk.take(a_state("reduce_only"))
        await asyncio.sleep(1)
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
