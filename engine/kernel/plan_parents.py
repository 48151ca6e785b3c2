"""What the commands do that start, resume and end parent orders.

The whole is judged and confirmed once: by what it would make of the account, and by those of its
children that the gate is most likely to refuse.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.execution.ledger_parents import ParentRecord, lots_left
from engine.execution.parents.base import Seen
from engine.execution.parents.registry import kind_of
from engine.execution.parents.scale import rungs
from engine.execution.risk import RiskRefused
from engine.execution.rounding import Unroundable, limit_ticks_of, lots_of
from engine.kernel.freshness import look_problem
from engine.kernel.parents import (
    ACTIVE_MAX,
    active,
    children,
    intent_of,
    is_barred,
    seen_of,
    trading_of,
)
from engine.kernel.plan_orders import moment_of_plan
from engine.kernel.planned_order import describe, held_text, level_of, size_text
from engine.kernel.references import reference_now
from engine.model import commands as c
from engine.model.facts import ParentEnded, ParentResumed, ParentStarted
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import HAND, OrderIntent, OrderSpec
from engine.model.parents import Chase, Iceberg, Parent, Scale, Twap
from engine.model.text import clean

if TYPE_CHECKING:
    from engine.kernel.plan import Plan
    from engine.kernel.state import InstrumentState

Start = c.StartScale | c.StartTwap | c.StartIceberg | c.StartChase


def start(plan: "Plan", action: Start) -> None:
    """Plan a parent."""
    market = plan.market(action.instrument_id)
    if market is None:
        return
    spec = _rounded(action, market)
    if isinstance(spec, Unroundable):
        plan.refuse(spec.sentence)
        return
    problem = kind_of(spec).problem(spec)
    if sum(one.state != "ended" for one in plan.ledger.parents.values()) >= ACTIVE_MAX:
        problem = f"{ACTIVE_MAX} such orders go on already: cancel one first"
    if problem:
        plan.refuse(problem)
        return
    parent_id = plan.ledger.next_parent_id()
    place = len(plan.sentences)
    if not _judge(plan, market, spec, action.book_seq):
        return
    began = ParentStarted(plan.state.ts_ns, parent_id, spec)
    plan.facts.append(began)
    plan.foresee(began)
    plan.sentences.insert(place, f"{parent_id}: {told(spec, market)}")


def _rounded(action: Start, market: "InstrumentState") -> Parent | Unroundable:
    """Return the parent in ticks and lots, prices and sizes rounded to the safe side."""
    instrument, side = market.instrument, action.side
    asked: dict[str, Decimal | None] = {}
    sizes = {"size": action.size}
    match action:
        case c.StartScale():
            asked = {"first": action.first, "last": action.last}
        case c.StartTwap():
            asked = {"limit": action.limit}
        case c.StartIceberg():
            asked, sizes = {"price": action.price}, {"size": action.size, "show": action.show}
        case _:
            asked = {"worst": action.worst}
    ticks: dict[str, PriceTicks] = {}
    for name, price in asked.items():
        if price is not None:
            at = limit_ticks_of(price, side, instrument)
            if isinstance(at, Unroundable):
                return at
            ticks[name] = at
    lots: dict[str, QtyLots] = {}
    for name, size in sizes.items():
        found = lots_of(size, instrument)
        if isinstance(found, Unroundable):
            return found
        lots[name] = found
    return _made(action, ticks, lots)


def _made(action: Start, ticks: dict[str, PriceTicks], lots: dict[str, QtyLots]) -> Parent:
    key, side, size = action.instrument_id, action.side, lots["size"]
    reduces, tag = action.is_reduce_only, action.tag
    match action:
        case c.StartScale(count=count, shape=shape, ratio=ratio, is_post_only=post):
            first, last = ticks["first"], ticks["last"]
            return Scale(key, side, size, first, last, count, shape, ratio, post, reduces, tag)
        case c.StartTwap(count=count, jitter_percent=jitter, duration_s=seconds):
            limit, ns = ticks.get("limit"), seconds * NS_PER_S
            return Twap(key, side, size, ns, count, jitter, limit, reduces, tag)
        case c.StartIceberg(is_post_only=post):
            return Iceberg(key, side, size, ticks["price"], lots["show"], post, reduces, tag)
        case _:
            ns, worst = action.duration_s * NS_PER_S, ticks["worst"]
            return Chase(key, side, size, worst, ns, action.then, reduces, tag)


def _judge(plan: "Plan", market: "InstrumentState", spec: Parent, looked_at: int) -> bool:
    """Judge the whole and some children; returns whether it may begin."""
    desk, state = plan.desk, plan.state
    now_ns = state.ts_ns
    record = ParentRecord(plan.ledger.next_parent_id(), spec, now_ns, now_ns)
    reference = reference_now(state, market, is_reviewed=True)
    seen = seen_of(state, reference, record)
    if seen is None:
        plan.refuse("the book is not whole and recent; such an order needs its prices")
        return False
    known = len(plan.refusals)
    whole = _whole(spec, seen)
    moment = moment_of_plan(plan)
    gate, limits = desk.gate, desk.limits
    verdict = gate.review_parent(whole, reference, plan.ledger, limits, moment)
    if isinstance(verdict, RiskRefused):
        plan.refusals += verdict.sentences
        plan.denied.append(verdict)
    elif spec.is_reduce_only and not verdict.spec.is_reduce_only:
        plan.refuse("it would not only reduce the position")
    for sample in kind_of(spec).samples(spec, seen):
        child = intent_of(spec, record.parent_id, sample)
        judged = gate.review(child, reference, plan.ledger, limits, moment)
        if isinstance(judged, RiskRefused) and len(plan.refusals) == known:
            plan.refusals += [f"its orders: {told}" for told in judged.sentences]
            plan.denied.append(judged)
    _confirm(plan, market, spec, whole.spec, looked_at)
    return len(plan.refusals) == known


def _confirm(
    plan: "Plan", market: "InstrumentState", spec: Parent, whole: OrderSpec, looked_at: int
) -> None:
    """Ask for what the whole asks for, and show what it comes to."""
    state, reduces = plan.state, spec.is_reduce_only
    if not reduces and not plan.desk.is_armed(state.ts_ns):
        plan.refuse("disarmed: arm before an order that adds risk")
    if looked_at and not reduces:
        plan.refuse_for(look_problem(state, market, looked_at, plan.confirm))
    level = level_of(plan.desk, market, whole, state.ts_ns, reduces=reduces)
    plan.ask(level, size_text(market, whole))
    if _takes(spec):
        plan.ask(2)
    shown = describe(plan.desk, market, whole)
    plan.sentences.append(
        f"notional {shown.notional} · margin {shown.margin} · after {held_text(shown)}"
    )


def _takes(spec: Parent) -> bool:
    """Whether it may take from the market."""
    return isinstance(spec, Twap) or (isinstance(spec, Chase) and spec.then == "mkt")


def _whole(spec: Parent, seen: Seen) -> OrderIntent:
    """Return the parent as if it were one order at its worst price."""
    worst = max if spec.side == "buy" else min
    match spec:
        case Scale():
            limit = worst(spec.first_ticks, spec.last_ticks)
        case Twap():
            limit = worst(seen.bid_ticks, seen.ask_ticks)
        case Iceberg():
            limit = spec.limit_ticks
        case _:
            limit = spec.worst_ticks
    order = OrderSpec(spec.instrument_id, spec.side, "limit", spec.qty_lots, limit)
    return OrderIntent(replace(order, is_reduce_only=spec.is_reduce_only), HAND)


def told(spec: Parent, market: "InstrumentState") -> str:
    """Return in words what a parent will do."""
    tick = market.instrument.tick_size or Decimal(0)
    lot = market.instrument.lot_size or Decimal(0)
    side = spec.side.upper()
    match spec:
        case Scale():
            orders = rungs(spec)
            sizes = sorted({lots for _, lots in orders})
            size = "…".join(f"{lots * lot:f}" for lots in dict.fromkeys((sizes[0], sizes[-1])))
            post = " post" if spec.is_post_only else ""
            first, last = orders[0][0] * tick, orders[-1][0] * tick
            return f"{spec.count} × {side} {size} LIM{post} {first:f}…{last:f}"
        case Twap():
            seconds = spec.duration_ns // NS_PER_S
            size = f"{spec.qty_lots // spec.count * lot:f}"
            return f"{spec.count} × {side} about {size} at the market over {seconds:,} s"
        case Iceberg():
            price = f"{spec.limit_ticks * tick:f}"
            return f"{side} {spec.show_lots * lot:f} at a time @ {price}"
        case _:
            worst = f"{spec.worst_ticks * tick:f}"
            end = "the rest goes at the market" if spec.then == "mkt" else "the rest is let go"
            seconds = spec.duration_ns // NS_PER_S
            return f"{side} at the best price up to {worst} for {seconds} s; then {end}"


# What exists already.


def resume(plan: "Plan", action: c.ResumeParent) -> None:
    """Plan that a paused parent goes on; what is left of it is confirmed as it was at first."""
    parent = plan.ledger.parents.get(action.parent_id)
    if parent is None or parent.state != "paused":
        state = "unknown" if parent is None else parent.state
        plan.refuse(f"{clean(action.parent_id, 20)} is not paused: it is {state}")
        return
    market = plan.market(parent.spec.instrument_id)
    if market is None:
        return
    trading = trading_of(plan.state, parent.spec)
    if is_barred(trading, parent.spec):
        plan.refuse(f"trading is {trading}: let it go on first")
        return
    working = sum(order.remaining_lots for order in children(plan.state, parent))
    left = lots_left(parent, working)
    reference = reference_now(plan.state, market, is_reviewed=True)
    seen = seen_of(plan.state, reference, parent)
    if seen is None:
        plan.refuse("the book is not whole and recent; such an order needs its prices")
        return
    if left:
        whole = _whole(replace(parent.spec, qty_lots=left), seen)
        _confirm(plan, market, parent.spec, whole.spec, 0)
    plan.ask(1)
    fact = ParentResumed(plan.state.ts_ns, parent.parent_id)
    plan.facts.append(fact)
    plan.foresee(fact)
    plan.sentences.append(f"{parent.parent_id} goes on: it was paused because {parent.reason}")


def cancel_parents(plan: "Plan", action: c.CancelParents) -> None:
    """Plan the end of parents and the cancels of their orders."""
    known = {one.parent_id: one for one in active(plan.state)}
    for parent_id in action.parent_ids:
        parent = known.get(parent_id)
        if parent is None:
            plan.refuse(f"{clean(parent_id, 20)} does not run")
            continue
        end_planned(plan, parent)
        plan.cancels += [
            order.client_order_id
            for order in children(plan.state, parent)
            if order.state != "pending_cancel" and order.client_order_id not in plan.cancels
        ]


def end_planned(plan: "Plan", parent: ParentRecord, why: str = "canceled by hand") -> None:
    """Plan the end of a parent; its orders are the caller's affair."""
    if plan.ledger.parents[parent.parent_id].state == "ended":
        return
    fact = ParentEnded(plan.state.ts_ns, parent.parent_id, why)
    plan.facts.append(fact)
    plan.foresee(fact)
    plan.sentences.append(f"ends {parent.parent_id}")
