"""Cancels that must come true: asked again where one crossed its order or was never answered.

A refused cancel proves nothing: it may have come to the venue before the order did (R28). A scope
that has stepped down keeps no order that it would refuse today: while it only reduces or is halted
all that could add risk is asked to go until it is gone, while it is killed all that does not
protect a position (R55, R74). So it is too with an order that appears later, and after a restart.
"""

from typing import Final

from engine.execution.ledger_controls import scopes_of
from engine.execution.ledger_orders import OrderRecord
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.model.effects import Effect, SendCancel
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import CancelRejected, CancelRequested, OrderAcked
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL

ANSWER_NS: Final = 2 * NS_PER_S
"""An entry, a close or a cancel without an answer for longer is not waited for."""

NAMES_MAX: Final = 5

STEPPED_DOWN: Final = ("reduce_only", "halted")
"""States in which only what shrinks a position may leave; a kill has its own rule."""

OVERTAKEN_MAX: Final = 2_000
"""Refused cancels remembered; twice the orders that may work at a time."""


def on_rejected(
    state: KernelState, envelope: Envelope, event: CancelRejected, effects: list[Effect]
) -> None:
    """Remember an order of ours that was to go, in case the venue has it after all."""
    del envelope, effects
    overtaken = state.desk.overtaken
    if event.client_order_id in state.desk.ledger.orders:
        overtaken[event.client_order_id] = None
    if len(overtaken) > OVERTAKEN_MAX:
        del overtaken[next(iter(overtaken))]


def on_acked(
    state: KernelState, envelope: Envelope, event: OrderAcked, effects: list[Effect]
) -> None:
    """Cancel again what a venue confirms after it refused the cancel as of no known order."""
    del envelope
    if event.client_order_id in state.desk.overtaken:
        del state.desk.overtaken[event.client_order_id]
        ask(state, event.client_order_id, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Ask until all is gone that a kill or a step down leaves no room for."""
    del envelope, event
    _carry_kill_through(state, effects)
    take_back(state, effects)


def take_back(state: KernelState, effects: list[Effect]) -> None:
    """Take back what could still add risk where trading only reduces or is halted, and say so."""
    gone = [order for order in risky(state) if not _is_waited_for(state, order)]
    for order in gone:
        ask(state, order.client_order_id, effects)
    if gone:
        names = ", ".join(f"o{order.number + 1}" for order in gone[:NAMES_MAX])
        more = ", …" if gone[NAMES_MAX:] else ""
        told = f"{len(gone)} orders could add risk and are taken back ({names}{more})"
        say(state, effects, "warning", "orders", told)


def risky(state: KernelState, scope: str = "") -> list[OrderRecord]:
    """Return the working orders that could add risk where that is not allowed any more.

    Args:
        state: Has the orders.
        scope: Judge as if this one were stepped down too.
    """
    desk = state.desk
    found = {name for name, now in desk.ledger.states.items() if now in STEPPED_DOWN} | {scope}
    if found == {""}:
        return []
    return [
        order
        for order in desk.ledger.working()
        if not (order.spec.is_reduce_only or order.intent.is_protective)
        and order.intent.owner != EXTERNAL
        and not found.isdisjoint(scopes_of(order.spec.instrument_id, order.intent.owner))
    ]


def cancel(
    state: KernelState, order: OrderRecord, effects: list[Effect], *, is_only: bool = False
) -> None:
    """Ask once for a cancel; again only where nobody knows what became of it, or it was refused.

    Args:
        state: Has the order.
        order: The order.
        effects: Take the cancel.
        is_only: Whether nobody asks again, so that an order of which nothing is known is not left
            for later.
    """
    if order.state == "pending_cancel" or (not is_only and _is_waited_for(state, order)):
        return
    ask(state, order.client_order_id, effects)


def _carry_kill_through(state: KernelState, effects: list[Effect]) -> None:
    desk = state.desk
    if "killed" not in desk.ledger.states.values():
        return
    for order in desk.ledger.working():
        if desk.ledger.trading_state(order.spec.instrument_id, order.intent.owner) != "killed":
            continue
        is_waited_for = order.state in ("pending_cancel", "unknown") or flattens(order)
        is_late = state.ts_ns - order.updated_ns >= ANSWER_NS
        if not desk.spares(order) and (is_late or not is_waited_for):
            desk.note_asked(order.client_order_id)
            ask(state, order.client_order_id, effects)


def _is_waited_for(state: KernelState, order: OrderRecord) -> bool:
    """Whether a cancel was asked for, or refused, too short a time ago to ask again."""
    is_refused = order.client_order_id in state.desk.overtaken
    is_asked = is_refused or order.state in ("pending_cancel", "unknown")
    return is_asked and state.ts_ns - order.updated_ns < ANSWER_NS


def flattens(order: OrderRecord) -> bool:
    """Whether it is as those of a confirmed flatten, which never rest: it lapses by itself."""
    return order.spec.is_reduce_only and order.spec.tif == "ioc"


def ask(
    state: KernelState, client_order_id: str, effects: list[Effect], *, is_waiver: bool = False
) -> None:
    """Ask for a cancel, whatever was asked for before."""
    record(state, effects, CancelRequested(state.ts_ns, client_order_id, is_waiver))
    effects.append(SendCancel(client_order_id))
