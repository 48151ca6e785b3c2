"""Protection of what is held: stop and target of strategies.

Protection follows the position, whoever opened it and whether he still runs: after a fill that
ends an order, and by the next timer where a position came otherwise (an entry that lapsed after a
part, a close by hand, a stop that was refused). Where the position is gone, its protection goes.
While trading is killed nothing can be sent; it is at the release, and until then an alarm stands.
"""

from decimal import Decimal
from typing import Literal

from engine.execution.ledger_orders import OrderRecord
from engine.execution.rounding import Unroundable, trigger_ticks_of
from engine.kernel import passed
from engine.kernel.alarms import cover_of, holdings
from engine.kernel.cancels import ANSWER_NS, cancel
from engine.kernel.covers import Cover, Holding, exits_of
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import may_protect, may_shrink, reviewed, send
from engine.kernel.succession import Moves, is_due, is_safe_beside, moves, shared_out
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import QtyLots
from engine.model.orders import HAND, OrderIntent, OrderSpec, Side

ProtectiveType = Literal["stop", "take_profit"]


def on_fill(
    state: KernelState, envelope: Envelope, event: OrderFilled, effects: list[Effect]
) -> None:
    """Protect a position that a strategy has entered; a closed one needs no protection."""
    del envelope
    cancel_orphans(state, effects)
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is None or order.intent.owner == HAND:
        return
    holding = (order.intent.owner, order.spec.instrument_id)
    exits = exits_of(order.intent.tag)
    if exits is not None:
        cover = cover_of(state, holding)
        cover.exits, cover.wants_stop = exits, exits.has_stop
    if order.is_final:
        protect(state, holding, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Protect what no fill has, unless nothing may leave anyway."""
    del envelope, event
    fit(state, effects)


def fit(state: KernelState, effects: list[Effect]) -> None:
    """Bring the protection of all strategies to what they hold now."""
    cancel_orphans(state, effects)
    for holding in list(holdings(state)):
        if holding[0] != HAND and may_protect(state, *holding):
            protect(state, holding, effects, is_retry=True)


# Stop and target of strategies.


def protect(
    state: KernelState, holding: Holding, effects: list[Effect], *, is_retry: bool = False
) -> None:
    """Bring stop and target to the size of the position, once the orders under way have ended.

    Too small a one is joined by another for the rest; too large a one goes when the right one is
    there (`succession`).

    Args:
        state: Has the position.
        holding: Whose position in what.
        effects: Take the orders.
        is_retry: Whether an attempt that came to nothing is given some time.
    """
    lots = state.desk.ledger.position(*holding).lots
    if not lots or holding[1] not in state.instruments or _is_under_way(state, holding):
        return
    may = may_shrink(state, *holding)
    side: Side = "sell" if lots > 0 else "buy"
    kinds: tuple[ProtectiveType, ...] = ("stop", "take_profit")
    working = protecting(state, *holding)
    for kind in kinds:
        shares = shared_out(one for one in working if _is_like(one, kind, side))
        todo = moves(state, abs(lots), *shares, may_shrink=may)
        for order in todo.gone:
            cancel(state, order, effects)
        if todo.lots:
            _send_missing(state, holding, (kind, side, todo), effects, is_retry=is_retry)


def protecting(state: KernelState, owner: str, instrument_id: InstrumentId) -> list[OrderRecord]:
    """Return the working orders that protect what an owner holds."""
    return [
        order
        for order in state.desk.ledger.working(instrument_id)
        if order.intent.owner == owner and order.intent.is_protective
    ]


def _is_like(order: OrderRecord, kind: ProtectiveType, side: Side) -> bool:
    return (order.spec.type, order.spec.side) == (kind, side)


def _send_missing(
    state: KernelState,
    holding: Holding,
    wanted: tuple[ProtectiveType, Side, Moves],
    effects: list[Effect],
    *,
    is_retry: bool,
) -> None:
    """Send what is missing, unless it is being closed, or attempts failed too short a time ago."""
    kind, side, todo = wanted
    tries = [
        order
        for order in state.desk.ledger.orders.values()
        if (order.intent.owner, order.spec.instrument_id) == holding
        and order.intent.is_protective
        and (passed.kind_of(order), order.spec.side) == (kind, side)
    ]
    is_exchange = bool(todo.supersedes) and not passed.is_late(state, tries)
    refused_ns = cover_of(state, holding).refused_ns.get(kind, 0)
    is_put_off = is_retry and not is_due(state, tries, refused_ns, is_exchange=is_exchange)
    if not (is_put_off or passed.is_closing(tries)):
        _place(state, holding, wanted, tries, effects)


def cancel_orphans(state: KernelState, effects: list[Effect]) -> None:
    """Cancel protection of what is no longer held, whoever closed it (R33).

    That of a person protects the net position, and is an orphan only if it could open another.
    """
    ledger = state.desk.ledger
    for order in ledger.working():
        owner, instrument_id = order.intent.owner, order.spec.instrument_id
        if not order.intent.is_protective or (owner == HAND and not order.spec.is_reduce_only):
            continue
        lots = ledger.closable_lots(owner, instrument_id)
        if (lots if order.spec.side == "sell" else -lots) <= 0:
            cancel(state, order, effects)


def _place(
    state: KernelState,
    holding: Holding,
    wanted: tuple[ProtectiveType, Side, Moves],
    tries: list[OrderRecord],
    effects: list[Effect],
) -> None:
    """Send one protective order, or the close for which it is time instead."""
    (owner, instrument_id), (kind, side, todo) = holding, wanted
    cover = cover_of(state, holding)
    market = state.instruments[instrument_id]
    trigger = _trigger(state, holding, cover, kind, side)
    if trigger is None:
        return
    ticks = trigger_ticks_of(trigger, side, kind, market.instrument)
    if isinstance(ticks, Unroundable):
        cover.refused_ns[kind], cover.problem = state.ts_ns, ticks.sentence
        say(state, effects, "warning", owner, f"no {kind}: {ticks.sentence}")
        return
    size = QtyLots(todo.lots)
    spec = OrderSpec(instrument_id, side, kind, size, trigger_ticks=ticks, is_reduce_only=True)
    intent = OrderIntent(spec, owner, tag=kind, is_protective=True, supersedes=todo.supersedes)
    intent = passed.instead(state, intent, tries)
    verdict = reviewed(state, market, intent, effects)
    if isinstance(verdict, str):
        cover.refused_ns[kind], cover.problem = state.ts_ns, verdict
    elif is_safe_beside(verdict.intent):
        send(state, market, verdict, effects)
        passed.tell(state, verdict.intent, effects)
    else:
        cover.refused_ns[kind] = state.ts_ns


def _trigger(
    state: KernelState, holding: Holding, cover: Cover, kind: ProtectiveType, side: Side
) -> Decimal | None:
    """Return the price at which a position is closed; None if its strategy wants none."""
    ledger = state.desk.ledger
    steps = ledger.steps(holding[1])
    entry = None if steps is None else steps.average_price(ledger.position(*holding))
    if cover.exits is None or entry is None:
        return None
    stop_pct, target_pct, stop, target = cover.exits
    percent, distance = (stop_pct, stop) if kind == "stop" else (target_pct, target)
    away = Decimal(str(distance)) or entry * Decimal(str(percent)) / 100
    if not away:
        return None
    return entry - away if (kind == "stop") == (side == "sell") else entry + away


def _is_under_way(state: KernelState, holding: Holding) -> bool:
    """Whether an entry or a close may still change the position."""
    owner, instrument_id = holding
    return any(
        order.intent.owner == owner
        and not order.intent.is_protective
        and state.ts_ns - order.created_ns < ANSWER_NS
        for order in state.desk.ledger.working(instrument_id)
    )
