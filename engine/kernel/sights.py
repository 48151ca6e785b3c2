"""Which conditional orders the venue itself has shown, by its stream or when it was asked (R33).

That the venue answered an order is not enough to call a position protected. One that nothing has
shown soon after is asked for. One that is triggered, while no order has come of it, is there no
more; where it stays so, another takes its place (`succession`). What an earlier run saw is not
known: a new one has seen nothing.
"""

from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.execution.reconcile import OPEN, name_of
from engine.kernel.doubts import begin
from engine.kernel.state import KernelState
from engine.kernel.venue_side import Sight
from engine.model.account import AccountReported, OrderAnswered, OrderSeen
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import OrderAcked
from engine.model.numbers import NS_PER_S

LOOK_NS: Final = 1 * NS_PER_S
"""After its confirmation, an order that nothing has shown is asked for."""

AGAIN_NS: Final = 5 * NS_PER_S
"""Between two such questions."""

STUCK_NS: Final = 3 * NS_PER_S
"""A triggered order of which no other has come for so long is not waited for."""


def is_there(state: KernelState, order: OrderRecord) -> bool:
    """Whether a conditional order waits at the venue; on paper its word is enough."""
    if order.state not in OPEN:
        return False
    sight = state.desk.venue_side.sights.get(order.client_order_id)
    return state.desk.setup.rules is None or (sight is not None and sight.is_there)


def hangs(state: KernelState, order: OrderRecord) -> bool:
    """Whether a conditional order was triggered so long ago that nothing more will come of it."""
    sight = state.desk.venue_side.sights.get(order.client_order_id)
    since_ns = 0 if sight is None else sight.stuck_ns
    return since_ns > 0 and state.ts_ns - since_ns >= STUCK_NS


def on_acked(
    state: KernelState, envelope: Envelope, event: OrderAcked, effects: list[Effect]
) -> None:
    """Note what the stream tells; what follows from an answer is noted with that answer."""
    del effects
    if envelope.event is event and not event.is_answer:
        _note(state, event.client_order_id, state.ts_ns, is_there=True)


def on_answered(
    state: KernelState, envelope: Envelope, event: OrderAnswered, effects: list[Effect]
) -> None:
    """Note what the venue shows of one order."""
    del envelope, effects
    if event.order is not None:
        _note_seen(state, event.client_order_id, event.asked_ns, event.order)


def on_reported(
    state: KernelState, envelope: Envelope, event: AccountReported, effects: list[Effect]
) -> None:
    """Note what the venue shows of all orders; one that is missing is doubted by others."""
    del envelope, effects
    for seen in event.orders:
        _note_seen(state, name_of(seen), event.asked_ns, seen)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Let the venue be asked for what it has confirmed and not shown."""
    del envelope, event, effects
    side = state.desk.venue_side
    if state.desk.setup.rules is None:
        return
    working = [one for one in state.desk.ledger.working() if one.spec.trigger_ticks is not None]
    known = {order.client_order_id for order in working}
    for gone in [cid for cid in side.sights if cid not in known]:
        del side.sights[gone]
    for order in working:
        cid = order.client_order_id
        if order.state not in OPEN or cid in side.doubts:
            continue
        sight = side.sights.setdefault(cid, Sight(state.ts_ns))
        due_ns = max(sight.since_ns + LOOK_NS, sight.asked_ns + AGAIN_NS)
        if not sight.is_there and state.ts_ns >= due_ns:
            sight.asked_ns = state.ts_ns
            begin(state, cid)


def _note_seen(state: KernelState, client_order_id: str, as_of_ns: int, seen: OrderSeen) -> None:
    is_open = seen.state in OPEN
    is_stuck = is_open and seen.is_triggered
    is_there = is_open and not is_stuck
    _note(state, client_order_id, as_of_ns, is_there=is_there, is_stuck=is_stuck)


def _note(
    state: KernelState,
    client_order_id: str,
    as_of_ns: int,
    *,
    is_there: bool,
    is_stuck: bool = False,
) -> None:
    """Note how an order stood, unless something newer is known."""
    desk, order = state.desk, state.desk.ledger.orders.get(client_order_id)
    if desk.setup.rules is None or order is None:
        return
    if order.is_final or order.spec.trigger_ticks is None:
        return
    sight = desk.venue_side.sights.setdefault(client_order_id, Sight(state.ts_ns))
    if as_of_ns >= sight.seen_ns:
        desk.version += is_there != sight.is_there
        sight.seen_ns, sight.is_there = as_of_ns, is_there
        sight.stuck_ns = (sight.stuck_ns or state.ts_ns) if is_stuck else 0
