"""Bugs that the simulation must find: each changes the engine for as long as it is planted.

This is the one place where modules of ours are patched. What is under test here is the simulation:
it is worth as much as it finds. Each bug names the invariant that betrays it and the seed that met
it last; where a change of the engine has led that seed elsewhere, the hunt goes on with others.
"""

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from engine.execution import ledger_facts, risk, rounding, trailing
from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord, TrailRecord
from engine.execution.ledger_state import LedgerState
from engine.execution.risk import RiskGate
from engine.execution.rounding import Unroundable
from engine.kernel import parents, strategies, trails
from engine.kernel.state import KernelState
from engine.kernel.strategies import Runner
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks
from engine.model.orders import OrderIntent, OrderState
from engine.runtime.guard import GatewayGuard
from engine.runtime.latch import LatchFile
from engine.runtime.trading import TradingShell

Plant = Callable[[pytest.MonkeyPatch], None]
Book = Callable[[LedgerState, OrderFilled], None]


class Planted(NamedTuple):
    """One bug."""

    name: str
    plant: Plant
    profile: str
    invariant: str
    seed: int


# Fills.


def _book_by(patch: pytest.MonkeyPatch, planted: Book) -> None:
    handlers: dict[Any, Any] = ledger_facts.HANDLERS
    patch.setitem(handlers, OrderFilled, planted)


def take_cumulative_as_last(patch: pytest.MonkeyPatch) -> None:
    """A fill counts for all that the order has filled so far."""
    book = ledger_facts.HANDLERS[OrderFilled]

    def planted(state: LedgerState, fact: OrderFilled) -> None:
        order = state.orders.records.get(fact.client_order_id)
        before = order.filled_lots if order is not None else 0
        book(state, msgspec.structs.replace(fact, qty_lots=fact.qty_lots + before))

    _book_by(patch, planted)


def ignore_fill_after_cancel(patch: pytest.MonkeyPatch) -> None:
    """What has ended cannot fill."""
    book = ledger_facts.HANDLERS[OrderFilled]

    def planted(state: LedgerState, fact: OrderFilled) -> None:
        order = state.orders.records.get(fact.client_order_id)
        if order is None or order.state != "canceled":
            book(state, fact)

    _book_by(patch, planted)


def count_duplicate_fill(patch: pytest.MonkeyPatch) -> None:
    """Nobody remembers which trades were booked."""
    book = ledger_facts.HANDLERS[OrderFilled]

    def planted(state: LedgerState, fact: OrderFilled) -> None:
        state.trades.young.clear()
        book(state, fact)

    _book_by(patch, planted)


# The kill switch.


def trust_latch_from_before_await(patch: pytest.MonkeyPatch) -> None:
    """The latch is read when an order begins to wait for the disk, and not when it leaves."""
    latch_seen: ContextVar[bool] = ContextVar("latch_seen")
    wait, place = TradingShell._when_durable, GatewayGuard.place

    async def waiting(shell: TradingShell, *arguments: Any) -> None:
        latch_seen.set(shell.is_latched)
        await wait(shell, *arguments)

    def placing(guard: GatewayGuard, *arguments: Any, **options: Any) -> str:
        is_latched, guard.is_latched = guard.is_latched, latch_seen.get()
        try:
            return place(guard, *arguments, **options)
        finally:
            guard.is_latched = is_latched

    patch.setattr(TradingShell, "_when_durable", waiting)
    patch.setattr(GatewayGuard, "place", placing)


def keep_latch_in_memory(patch: pytest.MonkeyPatch) -> None:
    """The latch file is never written."""
    patch.setattr(LatchFile, "write", lambda file, note: None)


# The gate.


def round_by_floats(patch: pytest.MonkeyPatch) -> None:
    """Sizes and prices become steps by a division of floats."""
    exact = rounding._steps

    def planted(
        asked: Decimal, step: Decimal | None, field: rounding.Field, direction: rounding.Direction
    ) -> int | Unroundable:
        found = exact(asked, step, field, direction)
        if isinstance(found, Unroundable) or step is None:
            return found
        steps = float(asked) / float(step)
        return math.ceil(steps) if direction == "up" else math.floor(steps)

    patch.setattr(rounding, "_steps", planted)


class _Overlooking:
    """A ledger that does not show the gate the orders of one state."""

    def __init__(self, ledger: Ledger, state: OrderState) -> None:
        self._ledger = ledger
        self._state = state

    def working(self, instrument_id: InstrumentId | None = None) -> list[OrderRecord]:
        return [one for one in self._ledger.working(instrument_id) if one.state != self._state]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def _overlook(patch: pytest.MonkeyPatch, state: OrderState) -> None:
    review = RiskGate.review

    def planted(gate: RiskGate, intent: Any, market: Any, ledger: Any, *rest: Any) -> Any:
        return review(gate, intent, market, _Overlooking(ledger, state), *rest)  # type: ignore[arg-type]  # stands in for it

    patch.setattr(RiskGate, "review", planted)


def count_after_await(patch: pytest.MonkeyPatch) -> None:
    """An order counts in the limits from when it was sent, not from its approval on."""
    _overlook(patch, "intent")


def overlook_unknown(patch: pytest.MonkeyPatch) -> None:
    """An order of which nobody knows counts for nothing."""
    _overlook(patch, "unknown")


def decide_by_what_was_seen_before(patch: pytest.MonkeyPatch) -> None:
    """The gate refuses what it has approved before, as it remembers beside the state."""
    review = RiskGate.review
    seen: set[OrderIntent] = set()

    def planted(gate: RiskGate, intent: OrderIntent, *rest: Any) -> Any:
        verdict = review(gate, intent, *rest)
        if intent in seen:
            return risk._refused(intent, "duplicate_window_s", "It was approved before.")
        seen.add(intent)
        return verdict

    patch.setattr(RiskGate, "review", planted)


# The journal.


def send_before_sync(patch: pytest.MonkeyPatch) -> None:
    """Orders leave while the disk still writes of them."""

    async def planted(shell: TradingShell, seq: int) -> str:
        return ""

    patch.setattr(TradingShell, "_wait_durable", planted)


def answer_candle_again(patch: pytest.MonkeyPatch) -> None:
    """A strategy that starts takes the newest closed candle for a new one, answered or not."""
    start, closed = strategies.start, strategies._closed

    def starting(state: KernelState, runner: Runner) -> None:
        start(state, runner)
        runner.started_ns = 0

    def without_newest(market: Any, runner: Runner, now_ns: int) -> Sequence[Any]:
        rows = closed(market, runner, now_ns)
        return rows if runner.host.next_open_ns is not None else rows[:-1]

    patch.setattr(strategies, "start", starting)
    patch.setattr(strategies, "_closed", without_newest)
    patch.setattr(Ledger, "has_acted", lambda ledger, owner, signal: False)


# Families.


def overlook_lost_children(patch: pytest.MonkeyPatch) -> None:
    """What a child of unknown fate may fill is sent once more."""
    known = parents.children

    def planted(state: KernelState, parent: ParentRecord) -> tuple[OrderRecord, ...]:
        return tuple(order for order in known(state, parent) if order.state != "unknown")

    patch.setattr(parents, "children", planted)


def follow_both_ways(patch: pytest.MonkeyPatch) -> None:
    """A stop follows the price back, too."""
    follow = trailing.followed

    def planted(
        trail: TrailRecord, mark_ticks: Decimal, range_ticks: Fraction | None
    ) -> tuple[PriceTicks, PriceTicks] | None:
        start = PriceTicks(1 if trail.side == "sell" else 10**12)
        forgetful = msgspec.structs.replace(trail, best_ticks=start, stop_ticks=start)
        return follow(forgetful, mark_ticks, range_ticks)

    patch.setattr(trails, "followed", planted)
    patch.setattr(TrailRecord, "is_nearer", lambda trail, ticks: True)


PLANTED: Final = (
    Planted("cumulative-as-last", take_cumulative_as_last, "CLEAN", "I1", 5),
    Planted("fill-after-cancel-ignored", ignore_fill_after_cancel, "CLEAN", "I1", 17),
    Planted("latch-not-read-again", trust_latch_from_before_await, "CLEAN", "I4", 5),
    Planted("latch-not-persisted", keep_latch_in_memory, "CRASH", "I4", 4),
    Planted("float-rounding", round_by_floats, "CLEAN", "I3", 5),
    Planted("limit-counted-after-await", count_after_await, "CLEAN", "I5", 43),
    Planted("sync-after-send", send_before_sync, "CLEAN", "I2", 1),
    Planted("unknown-not-counted", overlook_unknown, "CLEAN", "I5", 69),
    Planted("candle-answered-again", answer_candle_again, "CRASH", "R35", 3),
    Planted("duplicate-fill-counted", count_duplicate_fill, "CLEAN", "I1", 13),
    Planted("lost-child-not-counted", overlook_lost_children, "PARENTS", "I17", 107),
    Planted("trail-loosens", follow_both_ways, "PARENTS", "I18", 1),
    Planted("decided-beside-the-state", decide_by_what_was_seen_before, "CLEAN", "I15", 1),
)
