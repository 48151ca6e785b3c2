"""What the command does that lets a stop follow the price."""

from typing import TYPE_CHECKING

from engine.execution.review import mark_ticks
from engine.execution.risk import RiskRefused
from engine.execution.trailing import tighter, whole_ticks
from engine.kernel.plan_orders import moment_of_plan
from engine.kernel.planned_order import describe, level_of, size_text
from engine.kernel.references import reference_now
from engine.kernel.trails import first_stop, intent_of, rule_of
from engine.model import commands as c
from engine.model.facts import TrailEnded, TrailSet
from engine.model.orders import HAND, Side

if TYPE_CHECKING:
    from engine.execution.ledger_orders import OrderRecord
    from engine.kernel.plan import Plan
    from engine.kernel.state import InstrumentState
    from engine.model.numbers import PriceTicks


def trail(plan: "Plan", action: c.SetTrail) -> None:
    """Plan a stop that follows the price, in place of what a person had before.

    It begins no farther away than the nearest stop that it takes the place of.
    """
    market = plan.market(action.instrument_id)
    if market is None:
        return
    net = plan.ledger.net_lots(action.instrument_id)
    if not net:
        plan.refuse("no position that a stop could follow")
        return
    side: Side = "sell" if net > 0 else "buy"
    mark = mark_ticks(reference_now(plan.state, market))
    if mark is None:
        plan.refuse("no price can be relied on that a stop could follow")
        return
    best = whole_ticks(side, mark)
    rule = rule_of(plan.state, market, action.wish, best)
    if isinstance(rule, str):
        plan.refuse(rule)
        return
    before = _stops_before(plan, action, side)
    known: list[PriceTicks] = [
        ticks for order in before if (ticks := order.spec.trigger_ticks) is not None
    ]
    began = TrailSet(
        plan.state.ts_ns,
        plan.ledger.next_trail_id(),
        action.instrument_id,
        side,
        rule,
        best,
        first_stop(side, tighter(side, *known) if known else None, best, rule.start_ticks),
        abs(net),
        tuple(order.client_order_id for order in before),
    )
    _add(plan, market, began)


def _stops_before(plan: "Plan", action: c.SetTrail, side: Side) -> "list[OrderRecord]":
    """Return the stops by hand that protect the same position; those of brackets are theirs."""
    return [
        order
        for order in plan.ledger.working(action.instrument_id)
        if order.intent.owner == HAND
        and order.intent.is_protective
        and (order.spec.type, order.spec.side) == ("stop", side)
        and not order.intent.parent
    ]


def _add(plan: "Plan", market: "InstrumentState", began: TrailSet) -> None:
    """Judge the stop that comes at once, and plan the trail; `trails` sends what stands for it."""
    desk, state = plan.desk, plan.state
    intent = intent_of(began, began.lots, began.replaces)
    reference = reference_now(state, market, is_reviewed=True)
    verdict = desk.gate.review(intent, reference, plan.ledger, desk.limits, moment_of_plan(plan))
    plan.orders.append(describe(desk, market, intent.spec))
    if isinstance(verdict, RiskRefused):
        plan.refusals += verdict.sentences
        plan.denied.append(verdict)
        return
    if not verdict.intent.spec.is_reduce_only:
        plan.refuse("other stops protect this position already: cancel them first")
        return
    level = level_of(desk, market, intent.spec, state.ts_ns, reduces=True)
    plan.ask(level, size_text(market, intent.spec))
    for old in list(plan.ledger.trails.values()):
        if old.lots and (old.instrument_id, old.side) == (began.instrument_id, began.side):
            _foresee(plan, TrailEnded(state.ts_ns, old.trail_id, f"{began.trail_id} follows it"))
    _foresee(plan, began)
    distance = abs(began.best_ticks - began.stop_ticks)
    plan.sentences.append(f"{began.trail_id} follows the price at {distance} ticks")


def _foresee(plan: "Plan", fact: TrailSet | TrailEnded) -> None:
    plan.facts.append(fact)
    plan.foresee(fact)
