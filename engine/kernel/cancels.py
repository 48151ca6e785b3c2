"""Cancels that must come true: asked again where one crossed its order or was never answered.

A refused cancel proves nothing: it may have come to the venue before the order did (R28). While
trading is killed, all of it or an instrument's, every order there that does not protect a position
is asked to go until it is gone, also one that appears after the kill (R74).
"""

from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.desk import Desk
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import ANSWER_NS
from engine.model.effects import Effect, SendCancel
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import CancelRejected, CancelRequested, OrderAcked, TradingState
from engine.model.instrument import venue_of

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
        _ask(state, event.client_order_id, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """While killed, ask until all is gone."""
    del envelope, event
    desk = state.desk
    if "killed" not in desk.ledger.states.values():
        return
    for order in desk.ledger.working():
        if _scope(desk, order) != "killed":
            continue
        is_asked = order.state in ("pending_cancel", "unknown")
        flattens = order.spec.is_reduce_only and order.spec.tif == "ioc"  # Lapses by itself.
        is_late = state.ts_ns - order.updated_ns >= ANSWER_NS
        if not desk.protects(order) and (is_late or not (is_asked or flattens)):
            desk.note_asked(order.client_order_id)
            _ask(state, order.client_order_id, effects)


def _scope(desk: Desk, order: OrderRecord) -> TradingState:
    """Return the strictest trading state that an order falls under."""
    key = order.spec.instrument_id
    return desk.ledger.trading_state(
        venue=venue_of(key), instrument_id=key, owner=order.intent.owner
    )


def _ask(state: KernelState, client_order_id: str, effects: list[Effect]) -> None:
    record(state, effects, CancelRequested(state.ts_ns, client_order_id))
    effects.append(SendCancel(client_order_id))
