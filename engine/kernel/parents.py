"""Parent orders: when their children are sent, and when they wait, pause and end.

The rules of `engine.execution.parents` say what comes next; each child passes the gate and leaves
like any order. A child that is refused pauses its parent, so that nothing is tried again and again.
While the market or the account is not known a parent waits. A kill ends all; where trading only
reduces, those that add risk pause.
"""

from typing import Final

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord, lots_left
from engine.execution.market_reference import MarketReference
from engine.execution.order_controls import collar_ticks
from engine.execution.parents.base import Amend, Cancel, Move, Pause, Place, Seen
from engine.execution.parents.registry import kind_of
from engine.kernel.cancels import cancel
from engine.kernel.desk import moment_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import RECENT, reference_now
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.strategy_orders import reviewed, send
from engine.model.effects import Effect, SendReplace
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import ParentEnded, ParentPaused, ReplaceRequested, TradingState
from engine.model.instrument import symbol_of
from engine.model.numbers import QtyLots
from engine.model.orders import HAND, OrderIntent, OrderSpec
from engine.model.parents import Parent

ACTIVE_MAX: Final = 20
"""Parents that may run or be paused at a time."""

GOES_ON: Final = "`resume {}` goes on, `cancel {}` ends it"


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Let every parent take its next step."""
    del envelope, event
    work(state, effects)


def work(state: KernelState, effects: list[Effect]) -> None:
    """Let every parent do what is due; of those that ended, take back what still works."""
    ledger = state.desk.ledger
    if not ledger.parents:
        return
    at_work = {order.intent.family for order in ledger.working()}
    for parent in list(ledger.parents.values()):
        if parent.state != "ended":
            _step(state, parent, effects)
        elif parent.parent_id in at_work:
            _take_back(state, parent, effects)


def active(state: KernelState) -> list[ParentRecord]:
    """Return the parents that have not ended."""
    return [one for one in state.desk.ledger.parents.values() if one.state != "ended"]


def children(state: KernelState, parent: ParentRecord) -> tuple[OrderRecord, ...]:
    """Return the children of a parent that may still fill, oldest first."""
    working = state.desk.ledger.working(parent.spec.instrument_id)
    return tuple(one for one in working if one.intent.family == parent.parent_id)


def seen_of(state: KernelState, reference: MarketReference, parent: ParentRecord) -> Seen | None:
    """Return what a parent's rule sees; None while the book is not whole and recent."""
    ledger, spec = state.desk.ledger, parent.spec
    bid, ask = reference.bid_ticks, reference.ask_ticks
    taking = collar_ticks(reference, spec.side, state.desk.limits_now)
    is_whole = reference.book_state == "live" and reference.freshness in RECENT
    if not is_whole or bid is None or ask is None or taking is None:
        return None
    working = children(state, parent)
    left = lots_left(parent, sum(order.remaining_lots for order in working))
    newest = ledger.orders.get(parent.newest)
    return Seen(state.ts_ns, bid, ask, taking, parent, left, working, newest)


def _step(state: KernelState, parent: ParentRecord, effects: list[Effect]) -> None:
    trading = trading_of(state, parent.spec)
    if trading == "killed":
        end(state, parent, "trading is killed", effects)
    elif parent.state == "running":
        problem = _problem(state, parent, trading)
        if problem:
            _pause(state, parent, problem, effects)
        else:
            _work(state, parent, effects)


def is_barred(trading: TradingState, spec: Parent) -> bool:
    """Whether a parent adds risk where trading only reduces, or none is left."""
    return trading == "killed" or (trading != "active" and not spec.is_reduce_only)


def _problem(state: KernelState, parent: ParentRecord, trading: TradingState) -> str:
    """Return why a parent that runs may not go on without a person; nothing if it may."""
    if is_barred(trading, parent.spec):
        return f"trading is {trading}"
    newest = state.desk.ledger.orders.get(parent.newest)
    is_known = parent.newest == parent.answered
    if newest is not None and newest.state == "rejected" and not is_known:
        return f"o{newest.number + 1} was rejected: {newest.reason}"
    return ""


def _work(state: KernelState, parent: ParentRecord, effects: list[Effect]) -> None:
    """Do what the rule wants next, unless the parent has to wait."""
    market = state.instruments.get(parent.spec.instrument_id)
    if market is None or not state.desk.is_steady:
        return
    moment = moment_of(state.desk, {}, state.ts_ns)
    if moment.faults or parent.spec.instrument_id in moment.instrument_faults:
        return
    seen = seen_of(state, reference_now(state, market, is_reviewed=True), parent)
    if seen is None:
        return
    for move in kind_of(parent.spec).step(parent.spec, seen):
        if not _do(state, market, parent, move, effects):
            return


def _do(
    state: KernelState,
    market: InstrumentState,
    parent: ParentRecord,
    move: Move,
    effects: list[Effect],
) -> bool:
    """Do one thing that a rule wants; returns whether it may go on."""
    match move:
        case Place():
            return _place(state, market, parent, move, effects)
        case Amend():
            return _amend(state, market, parent, move, effects)
        case Cancel(order):
            cancel(state, order, effects)
        case Pause(reason):
            _pause(state, parent, reason, effects)
        case _:
            end(state, parent, move.reason, effects)
    return True


def intent_of(parent: Parent, parent_id: str, move: Place) -> OrderIntent:
    """Return the child that a rule wants."""
    spec = OrderSpec(
        parent.instrument_id,
        parent.side,
        "market" if move.limit_ticks is None else "limit",
        QtyLots(move.lots),
        move.limit_ticks,
        tif="gtc" if move.limit_ticks is None else move.tif,
        is_post_only=move.is_post_only,
        is_reduce_only=parent.is_reduce_only,
    )
    return OrderIntent(spec, HAND, tag=f"{parent_id} {parent.tag}".rstrip(), family=parent_id)


def _place(
    state: KernelState,
    market: InstrumentState,
    parent: ParentRecord,
    move: Place,
    effects: list[Effect],
) -> bool:
    working = sum(order.remaining_lots for order in children(state, parent))
    if move.lots > lots_left(parent, working):  # A venue filled more than it was asked for.
        _pause(state, parent, "its children have filled too much", effects)
        return False
    verdict = reviewed(state, market, intent_of(parent.spec, parent.parent_id, move), effects)
    if isinstance(verdict, str):
        _pause(state, parent, verdict, effects)
        return False
    if parent.spec.is_reduce_only and not verdict.intent.spec.is_reduce_only:
        _pause(state, parent, "it would no longer only reduce", effects)
        return False
    send(state, market, verdict, effects)
    return True


def _amend(
    state: KernelState,
    market: InstrumentState,
    parent: ParentRecord,
    move: Amend,
    effects: list[Effect],
) -> bool:
    """Ask for another price of a child, if the gate agrees."""
    order, key = move.order, move.order.client_order_id
    spec = replace(order.spec, limit_ticks=move.limit_ticks)
    intent = replace(order.intent, spec=spec)
    verdict = reviewed(state, market, intent, effects, replaces=key)
    if isinstance(verdict, str):
        _pause(state, parent, verdict, effects)
        return False
    if verdict.intent.spec.is_reduce_only != spec.is_reduce_only:
        _pause(state, parent, "its order could only leave as another", effects)
        return False
    record(state, effects, ReplaceRequested(state.ts_ns, key, move.limit_ticks, spec.qty_lots))
    effects.append(SendReplace(key, move.limit_ticks, spec.qty_lots))
    return True


def end(state: KernelState, parent: ParentRecord, reason: str, effects: list[Effect]) -> None:
    """End a parent and take back what works of it."""
    record(state, effects, ParentEnded(state.ts_ns, parent.parent_id, reason))
    say(state, effects, "info", HAND, f"{_named(parent)} ended: {reason}")
    _take_back(state, parent, effects)


def _take_back(state: KernelState, parent: ParentRecord, effects: list[Effect]) -> None:
    for order in children(state, parent):
        cancel(state, order, effects)


def _pause(state: KernelState, parent: ParentRecord, reason: str, effects: list[Effect]) -> None:
    record(state, effects, ParentPaused(state.ts_ns, parent.parent_id, reason))
    key = parent.parent_id
    told = f"{_named(parent)} is paused: {reason}; {GOES_ON.format(key, key)}"
    say(state, effects, "warning", HAND, told)


def _named(parent: ParentRecord) -> str:
    return f"{parent.parent_id} {kind_of(parent.spec).word} {symbol_of(parent.spec.instrument_id)}"


def trading_of(state: KernelState, spec: Parent) -> TradingState:
    """Return the strictest trading state that a parent falls under."""
    return state.desk.ledger.trading_state(spec.instrument_id, HAND)
