"""Handlers of what a venue says about our orders."""

from collections.abc import Mapping
from typing import Final

from engine.execution.account_controls import breaker_of
from engine.execution.risk import TradingStateAdvice
from engine.kernel.notices import say
from engine.kernel.owners import taken_from
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model import facts as f
from engine.model.effects import Effect
from engine.model.envelope import Envelope
from engine.model.instrument import InstrumentId, symbol_of
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
    is_news = _is_news(state, event)
    shares = state.desk.ledger.shares(event) if isinstance(event, f.OrderFilled) else {}
    record(state, effects, event)
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is None or state.desk.ledger.duplicate_fills > known_fills:
        return
    if isinstance(event, f.OrderFilled):
        state.desk.fills.append(event)
        if order.intent.owner == HAND:
            _name_owners(state, order.spec.instrument_id, shares, effects)
    word = WORDS.get(type(event))
    if word is not None and is_news:
        spec = order.spec
        reason = getattr(event, "reason", "")
        told = f"{word} {spec.side} {symbol_of(spec.instrument_id)}" + (
            f": {reason}" if reason else ""
        )
        is_bad = isinstance(event, (f.OrderRejected, f.OrderUnknown, f.CancelRejected))
        say(state, effects, "warning" if is_bad else "info", order.intent.owner, told)
    if is_news:
        _count_failures(state, event, order.intent.owner, effects)


def _name_owners(
    state: KernelState,
    instrument_id: InstrumentId,
    shares: Mapping[str, int],
    effects: list[Effect],
) -> None:
    """Warn of strategies whose positions a person closes (D18)."""
    taken = taken_from(state.desk.ledger, instrument_id, shares)
    if taken:
        say(state, effects, "warning", HAND, f"{symbol_of(instrument_id)}: closed by hand {taken}")


def _is_news(state: KernelState, event: f.OrderReport) -> bool:
    """Whether a venue says more than it has said of an order.

    An answer and the private stream tell the same; a restart acknowledges all anew.
    """
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is None:
        return True
    match event:
        case f.OrderAcked():
            return not order.venue_order_id
        case f.OrderReplaced():
            spec = order.spec
            return (event.limit_ticks, event.qty_lots) != (spec.limit_ticks, spec.qty_lots)
        case f.OrderRejected() | f.OrderCanceled() | f.OrderExpired():
            return not order.is_final
        case _:
            return True


def _count_failures(
    state: KernelState, event: f.OrderReport, owner: str, effects: list[Effect]
) -> None:
    """So many failures in a row of a strategy stop it until a person looks (breaker).

    Only the venue fails: what our own guard, a late journal or a crash held back says nothing of
    it. A person is looking already: hand is told, and keeps the right to close.
    """
    desk = state.desk
    breaker = breaker_of(owner, desk.setup.venue)
    failures = desk.ledger.failures(breaker)
    if isinstance(event, f.OrderAcked | f.OrderFilled):
        if failures:
            record(state, effects, f.FailureCounted(state.ts_ns, breaker, 0))
        return
    if not (isinstance(event, f.OrderRejected) and event.is_by_venue):
        return
    record(state, effects, f.FailureCounted(state.ts_ns, breaker, failures + 1))
    if failures + 1 >= desk.limits_now.failures_max and owner != HAND:
        scope = f"strategy:{owner}"
        reason = f"{failures + 1} failures in a row"
        if step_down(state, effects, [TradingStateAdvice(scope, "halted", reason)]):
            say(state, effects, "error", owner, f"`resume {scope}` goes on")
