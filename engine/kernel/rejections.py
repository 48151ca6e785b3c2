"""The alert of a burst of rejections: something is wrong that no single one of them tells."""

from typing import Final

from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import OrderRejected
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S

BURST: Final = 3
BURST_NS: Final = 60 * NS_PER_S


def on_rejected(
    state: KernelState, envelope: Envelope, event: OrderRejected, effects: list[Effect]
) -> None:
    """Count what the venue rejects, each order once; tell of a burst when it begins."""
    del envelope
    desk = state.desk
    order = desk.ledger.orders.get(event.client_order_id)
    if order is None or not event.is_by_venue:
        return
    desk.alerts.rejected_ns.setdefault(event.client_order_id, state.ts_ns)
    _forget(state)
    if len(desk.alerts.rejected_ns) < BURST or desk.alerts.is_burst:
        return
    desk.alerts.is_burst = True
    told = f"{BURST} orders were rejected within {BURST_NS // NS_PER_S} s"
    newest = f"{symbol_of(order.spec.instrument_id)}: {event.reason}"
    say(state, effects, "error", "orders", f"{told}, the newest in {newest}")


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Let a burst end, so that people hear of the next one."""
    del envelope, event, effects
    _forget(state)
    if len(state.desk.alerts.rejected_ns) < BURST:
        state.desk.alerts.is_burst = False


def _forget(state: KernelState) -> None:
    """Let go of what was rejected longer ago; the newest are enough to tell a burst."""
    rejected_ns = state.desk.alerts.rejected_ns
    recent = [cid for cid, ts_ns in rejected_ns.items() if state.ts_ns - ts_ns < BURST_NS]
    kept = recent[-BURST:]
    for cid in [cid for cid in rejected_ns if cid not in kept]:
        del rejected_ns[cid]
