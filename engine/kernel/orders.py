"""Handlers of what a venue says about our orders."""

from typing import Final

from engine.execution.account_controls import breaker_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.effects import Effect
from engine.model.envelope import Envelope
from engine.model.instrument import symbol_of
from engine.model.orders import HAND

WORDS: Final[dict[type[object], str]] = {
    f.OrderAcked: "open",
    f.OrderRejected: "rejected",
    f.OrderFilled: "filled",
    f.CancelRejected: "cancel refused",
    f.OrderCanceled: "canceled",
    f.OrderExpired: "expired",
    f.OrderReplaced: "amended",
    f.ReplaceRejected: "amend refused",
    f.OrderUnknown: "unknown",
}
"""What people are told; that an order was sent is not news."""


def on_report(
    state: KernelState, envelope: Envelope, event: f.OrderReport, effects: list[Effect]
) -> None:
    """Take in what became of an order, and count failures in a row."""
    del envelope
    known_fills = state.desk.ledger.duplicate_fills
    record(state, effects, event)
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is None:
        text = f"{type(event).__name__} for order {event.client_order_id}, which is not ours"
        say(state, effects, "error", "orders", text)
        return
    if state.desk.ledger.duplicate_fills > known_fills:
        return
    if isinstance(event, f.OrderFilled):
        state.desk.fills.append(event)
    word = WORDS.get(type(event))
    if word is not None:
        spec = order.spec
        reason = getattr(event, "reason", "")
        told = f"{word} {spec.side} {symbol_of(spec.instrument_id)}" + (
            f": {reason}" if reason else ""
        )
        is_bad = isinstance(event, (f.OrderRejected, f.OrderUnknown, f.CancelRejected))
        say(state, effects, "warning" if is_bad else "info", order.intent.owner, told)
    _count_failures(state, event, order.intent.owner, effects)


def _count_failures(
    state: KernelState, event: f.OrderReport, owner: str, effects: list[Effect]
) -> None:
    """So many failures in a row of a strategy stop it until a person looks (breaker).

    A person is looking already: hand is told, and keeps the right to close.
    """
    desk = state.desk
    breaker = breaker_of(owner, desk.setup.venue)
    failures = desk.ledger.failures(breaker)
    if isinstance(event, f.OrderAcked | f.OrderFilled):
        if failures:
            record(state, effects, f.FailureCounted(state.ts_ns, breaker, 0))
        return
    if not isinstance(event, f.OrderRejected):
        return
    record(state, effects, f.FailureCounted(state.ts_ns, breaker, failures + 1))
    if failures + 1 >= desk.limits.failures_max and owner != HAND:
        scope = f"strategy:{owner}"
        reason = f"{failures + 1} failures in a row"
        record(state, effects, f.TradingStateSet(state.ts_ns, scope, "halted", reason))
        say(state, effects, "error", owner, f"halted: {reason}; `resume {scope}` goes on")
