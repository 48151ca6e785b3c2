"""Brackets: stop and target of what a person's entry fills.

The entry's intent says where; legs follow its fills, part by part, through the gate like any order.
What a leg fills, and what is closed otherwise, needs no leg any more; the ledger counts both, so
that a restart goes on where the run before ended. An entry that fills nothing brings no legs. What
changes its size, and a stop that trails, comes as a new leg, which takes the place of those before
once the venue has shown it (`succession`).
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.kernel import passed, trails
from engine.kernel.alarms import note_stop
from engine.kernel.cancels import cancel
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import may_protect, may_shrink, reviewed, send
from engine.kernel.succession import is_due, is_safe_beside, moves
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import BracketClosed, OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import HAND, Bracket, OrderIntent, OrderSpec, Side

LegType = Literal["stop", "take_profit"]
Legs = dict[str, list[OrderRecord]]
"""By the entry that they protect."""


def on_fill(
    state: KernelState, envelope: Envelope, event: OrderFilled, effects: list[Effect]
) -> None:
    """Fit the brackets to what is held now."""
    del envelope, event
    fit(state, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Place what was refused, and what could not be placed before something else had gone."""
    del envelope, event
    fit(state, effects)


def legs_of(
    entry: OrderIntent, client_order_id: str, lots: int, stop_ticks: PriceTicks | None
) -> Iterator[OrderIntent]:
    """Yield the legs that protect so much of what an entry filled, the stop where it is now."""
    bracket = entry.bracket or Bracket()
    side: Side = "sell" if entry.spec.side == "buy" else "buy"
    kinds: tuple[tuple[LegType, PriceTicks | None], ...] = (
        ("stop", stop_ticks),
        ("take_profit", bracket.target_ticks),
    )
    for kind, ticks in kinds:
        if ticks is not None:
            spec = OrderSpec(
                entry.spec.instrument_id,
                side,
                kind,
                QtyLots(lots),
                trigger_ticks=ticks,
                is_reduce_only=True,
            )
            yield OrderIntent(
                spec, entry.owner, tag=kind, is_protective=True, parent=client_order_id
            )


def fit(state: KernelState, effects: list[Effect]) -> None:
    """Bring all brackets to the size of what they protect, the oldest entries first."""
    entries, legs = _found(state)
    open_ids = {entry.client_order_id for entry in entries}
    refused = state.desk.legs_refused_ns
    for gone in [key for key in refused if key[0] not in open_ids]:
        del refused[gone]
    trails.end_idle(state, open_ids, effects)
    if not entries and not legs:
        return
    _close(state, entries, effects)
    rooms: dict[tuple[InstrumentId, Side], int] = {}
    for entry in entries:
        spec = entry.spec
        net = state.desk.ledger.net_lots(spec.instrument_id)
        room = rooms.setdefault((spec.instrument_id, spec.side), _toward(net, spec.side))
        lots = min(entry.bracketed_lots, room)
        rooms[spec.instrument_id, spec.side] -= lots
        _fit_entry(state, entry, lots, legs.pop(entry.client_order_id, []), effects)
    for left in legs.values():
        _cancel(state, left, effects)


def _found(state: KernelState) -> tuple[list[OrderRecord], Legs]:
    """Return the entries whose fills need protection, oldest first, and all legs."""
    entries: list[OrderRecord] = []
    legs: Legs = {}
    for order in state.desk.ledger.orders.values():
        if order.bracketed_lots:
            entries.append(order)
        if order.intent.parent:
            legs.setdefault(order.intent.parent, []).append(order)
    return entries, legs


def _close(state: KernelState, entries: list[OrderRecord], effects: list[Effect]) -> None:
    """Take from the oldest brackets what was closed otherwise: by hand, or by another entry."""
    over: dict[tuple[InstrumentId, Side], int] = {}
    for entry in entries:
        spec = entry.spec
        if (spec.instrument_id, spec.side) not in over:
            held = state.desk.ledger.position(HAND, spec.instrument_id).lots
            over[spec.instrument_id, spec.side] = -_toward(held, spec.side)
        over[spec.instrument_id, spec.side] += entry.bracketed_lots
    for entry in entries:
        spec = entry.spec
        lots = min(over[spec.instrument_id, spec.side], entry.bracketed_lots)
        if lots > 0:
            over[spec.instrument_id, spec.side] -= lots
            record(state, effects, BracketClosed(state.ts_ns, entry.client_order_id, lots))


def _fit_entry(
    state: KernelState,
    entry: OrderRecord,
    lots: int,
    legs: list[OrderRecord],
    effects: list[Effect],
) -> None:
    holding = entry.intent.owner, entry.spec.instrument_id
    waived = {leg.spec.type for leg in legs if leg.is_waived}
    stop_ticks = trails.stop_of(state, entry, effects, is_waived="stop" in waived)
    trail = state.desk.ledger.trails.get(entry.client_order_id)
    for leg in legs_of(entry.intent, entry.client_order_id, lots, stop_ticks):
        of_kind = [one for one in legs if passed.kind_of(one) == leg.spec.type]
        working = [one for one in of_kind if not (one.is_final or passed.is_close(one))]
        wanted, *shares = trails.generations(state, leg, working, trail)
        todo = moves(state, lots, *shares, may_shrink=may_shrink(state, *holding))
        _cancel(state, todo.gone, effects)
        if not todo.lots or leg.spec.type in waived or passed.is_closing(of_kind):
            continue
        note_stop(state, leg)
        spec = replace(wanted.spec, qty_lots=QtyLots(todo.lots))
        wanted = replace(wanted, spec=spec, supersedes=todo.supersedes)
        wanted = passed.instead(state, wanted, of_kind)
        if may_protect(state, *holding) and _is_due(state, wanted, of_kind):
            _place(state, wanted, effects)


def _place(state: KernelState, leg: OrderIntent, effects: list[Effect]) -> None:
    market = state.instruments[leg.spec.instrument_id]
    verdict = reviewed(state, market, leg, effects)
    if isinstance(verdict, str) or not is_safe_beside(verdict.intent):
        state.desk.legs_refused_ns[_key(leg)] = state.ts_ns
    else:
        send(state, market, verdict, effects)
        passed.tell(state, verdict.intent, effects)


def _is_due(state: KernelState, leg: OrderIntent, of_kind: list[OrderRecord]) -> bool:
    """Whether the attempt before at such a leg, if it failed, is long enough ago."""
    refused_ns = state.desk.legs_refused_ns.get(_key(leg), 0)
    return is_due(state, of_kind, refused_ns, is_exchange=bool(leg.supersedes))


def _key(leg: OrderIntent) -> tuple[str, str]:
    """Return what a refusal of the gate is remembered by, an exchange apart from a bare part."""
    return leg.parent, leg.tag + (" exchange" if leg.supersedes else "")


def _cancel(state: KernelState, legs: Iterable[OrderRecord], effects: list[Effect]) -> None:
    for leg in legs:
        if not leg.is_final:
            cancel(state, leg, effects)


def _toward(lots: int, side: Side) -> int:
    """Return how much is held on the side of an entry."""
    return max(0, lots if side == "buy" else -lots)
