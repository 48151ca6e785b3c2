"""Which orders are in doubt, and since when we know what we know of each.

`evidence` asks for those in doubt. An order that has not left is in none: nothing of it can be at
the venue.
"""

from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.state import KernelState
from engine.kernel.venue_side import UNSURE_NS, Doubt
from engine.model import facts as f
from engine.model.effects import Effect
from engine.model.envelope import Envelope

SURE: Final = ("open", "partial", "filled", "canceled", "rejected", "expired")
"""States in which nothing is being waited for."""


def on_report(
    state: KernelState, envelope: Envelope, event: f.OrderReport, effects: list[Effect]
) -> None:
    """Note that something was heard of an order; what contradicts is a reason to ask (R20)."""
    del envelope, effects
    desk = state.desk
    if desk.setup.rules is None:
        return
    side, ledger, cid = desk.venue_side, desk.ledger, event.client_order_id
    if ledger.contradictions > side.contradictions:
        side.contradictions = ledger.contradictions
        side.ask_by(state.ts_ns)
    order = ledger.orders.get(cid)
    if isinstance(event, f.OrderFilled):
        name = event.instrument_id or (order.spec.instrument_id if order is not None else None)
        if name is not None:
            side.filled_ns[name] = state.ts_ns
            side.moved_ns = max(side.moved_ns, event.ts_ns)
            if name not in (side.margin.liquidation_prices or ()):  # Where it would be liquidated.
                side.ask_by(state.ts_ns + UNSURE_NS)
    if order is None:
        return
    side.heard_ns[cid] = state.ts_ns
    if isinstance(event, f.OrderSent) and cid in side.doubts:
        side.doubts[cid].since_ns = state.ts_ns  # A cancel overtook it: its life begins now (R24).
    is_refused = isinstance(event, f.CancelRejected) and not order.is_final  # R28: ask.
    if order.state == "unknown" or is_refused:
        begin(state, cid)
    elif order.state in SURE:
        side.doubts.pop(cid, None)


def begin(state: KernelState, client_order_id: str, since_ns: int | None = None) -> None:
    """Begin to doubt what became of an order, unless that is so already."""
    begun = Doubt(state.ts_ns if since_ns is None else since_ns, next_ns=state.ts_ns)
    state.desk.venue_side.doubts.setdefault(client_order_id, begun)
    state.desk.venue_side.ask_by(state.ts_ns + UNSURE_NS)


def has_left(state: KernelState, order: OrderRecord) -> bool:
    """Whether an order may be at the venue: somebody told of it, or it is of an earlier run."""
    side = state.desk.venue_side
    is_told = order.client_order_id in side.heard_ns or bool(order.venue_order_id)
    return is_told or order.created_ns <= side.began_ns


def newest_ns(state: KernelState, order: OrderRecord) -> int:
    """Return when the newest thing that we know of an order was heard or done."""
    return max(state.desk.venue_side.heard_ns.get(order.client_order_id, 0), order.updated_ns)
