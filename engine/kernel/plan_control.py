"""What the commands do that steer trading itself: arm, kill, resume, take, accept."""

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.execution.account_controls import breaker_of
from engine.execution.ledger_controls import STRICTNESS
from engine.execution.limits import is_looser, override_problem
from engine.execution.positions import plain
from engine.execution.reconcile import SETTLED_NS, adoption
from engine.kernel import cash
from engine.kernel.cancels import risky
from engine.kernel.killing import problem
from engine.kernel.parents import active
from engine.kernel.restart import QUESTION
from engine.kernel.venue_side import DIFFERENCE
from engine.model import commands as c
from engine.model.facts import FailureCounted, LimitSet, ParentEnded, TradingStateSet
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.orders import HAND
from engine.model.text import clean

if TYPE_CHECKING:
    from engine.kernel.plan import Plan


def arm(plan: "Plan", action: c.Arm) -> None:
    """Plan to arm for a while; live the account is typed, but not again to go on as long."""
    if plan.desk.trading_state == "killed":
        plan.refuse("killed: release first")
    if not 0 < action.duration_s <= 86_400:
        plan.refuse(f"{action.duration_s} s is no time to be armed for: 1 to 86400")
    extends = plan.desk.is_armed(plan.state.ts_ns) and action.duration_s <= c.ARM_S
    plan.ask(3 if plan.desk.setup.is_live and not extends else 1, plan.desk.setup.account)
    plan.arm_s = action.duration_s


def disarm(plan: "Plan", action: c.Disarm) -> None:
    """Plan to disarm."""
    del action
    plan.arm_s = 0


def kill(plan: "Plan", action: c.EngageKill) -> None:
    """Plan the kill: everything that is not protective goes, and nothing new comes.

    A kill that is said again spares what flattens since the first. That what protects goes too is
    confirmed, with what stays without it (D17).
    """
    plan.kills_stops = action.with_stops
    if action.with_stops:
        plan.ask(2)
    plan.kill_reason = action.reason or "by hand"
    plan.arm_s = 0
    state = TradingStateSet(plan.state.ts_ns, "all", "killed", plan.kill_reason)
    plan.facts.append(state)
    since = plan.desk.kill.ts_ns if plan.desk.kill is not None else plan.state.ts_ns
    bare: dict[InstrumentId, int] = {}
    for order in plan.desk.ledger.working():
        flattens = order.spec.is_reduce_only and order.created_ns > since
        protects = plan.desk.protects(order)
        if (protects and not action.with_stops) or (flattens and not protects):
            continue
        plan.cancels.append(order.client_order_id)  # Again, if that was asked for already.
        if protects:
            net = plan.desk.ledger.net_lots(order.spec.instrument_id)
            bare.setdefault(order.spec.instrument_id, abs(net))
    for parent in active(plan.state):
        plan.facts.append(ParentEnded(plan.state.ts_ns, parent.parent_id, "trading is killed"))
    plan.sentences += [
        f"{symbol_of(name)}: {lots} lots stay without protection" for name, lots in bare.items()
    ]
    plan.sentences.append(f"killed: cancels {len(plan.cancels)} orders")


def take_orders(plan: "Plan", action: c.TakeOrders) -> None:
    """Plan that another screen gives the orders; what was armed is disarmed."""
    del action
    seats = plan.desk.seats
    if not seats.is_screen(plan.operator):
        plan.refuse("only a screen can take the orders; a shell may always give them")
    elif not seats.looks(plan.operator):
        plan.refuse("this screen gives the orders already")
    elif seats.holder:
        plan.ask(1)
        plan.sentences.append("the screen that gives the orders now looks only from here on")
    plan.takes_orders = True


def accept(plan: "Plan", action: c.Accept) -> None:
    """Plan the answer to what the start asked: that trading goes on as it was before.

    Or to a position or cash that differs: that the venue is right.
    """
    asked, _, name = action.what.partition(" ")
    if asked == DIFFERENCE and name and name == plan.ledger.currency:
        cash.accept(plan)
        return
    if asked == DIFFERENCE:
        _accept_difference(plan, InstrumentId(name))
        return
    fact = plan.ledger.state_facts.get("all")
    if action.what != QUESTION or fact is None or fact.before is None:
        plan.refuse(f"nothing asks about {clean(action.what, 40)!r}")
        return
    plan.ask(2)
    before = fact.before
    why = "accepted" if before.state == "active" else before.reason
    told = "trading goes on" if before.state == "active" else f"{before.state} as before: {why}"
    plan.sentences.append(f"{told}; this was asked: {fact.reason}")
    plan.facts.append(
        TradingStateSet(plan.state.ts_ns, "all", before.state, why, operator=plan.operator)
    )


def _accept_difference(plan: "Plan", instrument_id: InstrumentId) -> None:
    """Plan that the venue's position counts, whoever made it; the instrument stays halted."""
    mismatch = plan.desk.venue_side.mismatches.get(instrument_id)
    if mismatch is None:
        plan.refuse(f"the position of {symbol_of(instrument_id)!r} is the venue's")
        return
    filled_ns = plan.desk.venue_side.filled_ns.get(instrument_id, 0)
    if filled_ns >= mismatch.asked_ns - SETTLED_NS:
        told = "was filled since the venue told its position"
        plan.refuse(f"{symbol_of(instrument_id)} {told}: wait for the next report")
        return
    fact = adoption(plan.ledger, mismatch.seen, plan.state.ts_ns)
    if fact is None:
        plan.refuse(f"nothing is known of {symbol_of(instrument_id)} that could value it: `sub` it")
        return
    plan.ask(2)
    told = f"{fact.lots:+d} lots of {symbol_of(instrument_id)} count from now on"
    plan.sentences.append(f"{told}, at {fact.price:f}")
    scope = f"instrument:{instrument_id}"
    if plan.ledger.states.get(scope, "active") != "active":
        plan.sentences.append(f"`resume {symbol_of(instrument_id)}` lets it trade again")
    plan.facts.append(fact)
    plan.foresee(fact)


def resume(plan: "Plan", action: c.Resume) -> None:
    """Plan to raise a trading state by one step."""
    scope = _scope_of(plan, action.scope)
    if scope is None:
        return
    now = plan.ledger.states.get(scope, "active")
    if now == "active":
        plan.refuse(f"{scope} is active already")
        return
    if now == "killed" and scope == "all":
        plan.refuse("killed: unkill releases it")
        return
    if now == "killed" and (why := problem(plan.state, scope)):
        plan.refuse(f"not verified: {why}")
        return
    plan.ask(3, scope)
    better = STRICTNESS[STRICTNESS.index(now) - 1]
    fact = TradingStateSet(plan.state.ts_ns, scope, better, "resumed")
    plan.facts.append(fact)
    plan.foresee(fact)
    kind, _, owner = scope.partition(":")
    breaker = breaker_of(owner, plan.desk.setup.venue)
    if kind == "strategy" and plan.desk.ledger.failures(breaker):
        plan.facts.append(FailureCounted(plan.state.ts_ns, breaker, 0))


def reduce_only(plan: "Plan", action: c.SetReduceOnly) -> None:
    """Plan to lower a scope to orders that reduce."""
    scope = _scope_of(plan, action.scope)
    if scope is None:
        return
    if plan.ledger.states.get(scope, "active") != "active":
        plan.refuse(f"{scope} is not active")
        return
    going = len(risky(plan.state, scope))
    if going:
        plan.sentences.append(f"{going} orders that could add risk are taken back")
    fact = TradingStateSet(plan.state.ts_ns, scope, "reduce_only", "by hand")
    plan.facts.append(fact)
    plan.foresee(fact)


def set_limit(plan: "Plan", action: c.SetLimit) -> None:
    """Plan another value of a limit: a tighter one at once, a looser one when its name is typed."""
    desk, name, value = plan.desk, action.name, action.value
    overrides = plan.ledger.limit_overrides
    if value is None and name not in overrides:
        plan.refuse(f"{clean(name)} is as in the risk file")
        return
    problem = "" if value is None else override_problem(name, value)
    if problem:
        plan.refuse(problem)
        return
    limits = desk.limits_now
    if is_looser(limits, name, value):
        plan.ask(3, name)
    before, file = (_shown(getattr(one, name)) for one in (limits, desk.limits))
    after = f"{file} as in the risk file" if value is None else _shown(value)
    plan.sentences.append(f"{name} becomes {after}; it was {before}")
    fact = LimitSet(plan.state.ts_ns, name, value)
    plan.facts.append(fact)
    plan.foresee(fact)


def _shown(value: Decimal | int | None) -> str:
    return "off" if value is None else f"{plain(Decimal(value)):f}"


def _scope_of(plan: "Plan", named: str) -> str | None:
    """Return the scope that a word means, or refuse: one that nothing falls under is a mistake."""
    desk = plan.desk
    known = {"all", f"venue:{desk.setup.venue}", f"strategy:{HAND}", *desk.ledger.states}
    known |= {f"instrument:{key}" for key in plan.state.instruments}
    known |= {f"strategy:{owner}" for owner in desk.runners}
    for scope in (named, f"instrument:{named}", f"strategy:{named}", f"venue:{named}"):
        if scope in known:
            return scope
    plan.refuse(f"there is no scope {named!r}: all, an instrument, a venue or a strategy")
    return None
