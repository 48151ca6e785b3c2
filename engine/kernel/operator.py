"""Handlers of operators' commands: plan, judge, ask for confirmation, carry out.

A command is judged as a whole before anything happens; a dry one ends there. What is carried out
becomes facts first and effects after: an order is recorded before it is sent, cancels wait for
nothing.
"""

from engine.kernel import alarms, cancels, killing, parents, strategies, trails, watching
from engine.kernel.notices import say
from engine.kernel.plan import Plan, planned
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.kernel.strategy_orders import send
from engine.model.commands import CommandOutcome, OperatorCommand
from engine.model.effects import CommandResult, Effect, SendReplace
from engine.model.envelope import Envelope
from engine.model.facts import CommandHandled, OrderDenied, ReplaceRequested
from engine.model.numbers import NS_PER_S


def on_command(
    state: KernelState, envelope: Envelope, event: OperatorCommand, effects: list[Effect]
) -> None:
    """Judge an operator's line, and do it if it may be done."""
    del envelope
    plan = planned(state, event.actions, event.operator, event.confirm)
    outcome = _judged(plan, event)
    if outcome.verdict == "accepted" and not event.is_dry:
        _carry_out(state, plan, event, effects)
        outcome = CommandOutcome(
            "accepted",
            tuple(plan.sentences),
            plan.level,
            orders=tuple(plan.orders),
            client_order_ids=tuple(order.client_order_id for order in plan.approved),
        )
    if outcome.verdict != "needs_confirmation" and not event.is_dry:
        _deny(state, plan, effects)
    if not event.is_dry:
        told = "; ".join((outcome.verdict, *outcome.sentences))
        record(state, effects, CommandHandled(state.ts_ns, event.operator, event.line, told))
        is_done = outcome.verdict == "accepted"
        say(state, effects, "info" if is_done else "warning", "hand", f"{event.line}: {told}")
    amended = tuple(client_order_id for client_order_id, _, _ in plan.replaces)
    sends = (*outcome.client_order_ids, *amended)
    effects.append(CommandResult(event.operator, event.command_id, outcome, sends))


def _judged(plan: Plan, event: OperatorCommand) -> CommandOutcome:
    if plan.refusals:
        return CommandOutcome("refused", tuple(plan.refusals), plan.level, plan.word)
    is_confirmed = event.confirm >= plan.level and (plan.level < 3 or event.word == plan.word)
    if is_confirmed or event.is_dry:
        return CommandOutcome(
            "accepted", tuple(plan.sentences), plan.level, plan.word, tuple(plan.orders)
        )
    asked = f"type {plan.word} to confirm" if plan.level == 3 else "confirm to do it"
    return CommandOutcome(
        "needs_confirmation",
        (*plan.sentences, asked),
        plan.level,
        plan.word,
        tuple(plan.orders),
    )


def _carry_out(
    state: KernelState, plan: Plan, event: OperatorCommand, effects: list[Effect]
) -> None:
    desk, now_ns = state.desk, state.ts_ns
    if plan.kill_reason:
        desk.note_kill(now_ns, plan.kill_reason, plan.cancels, with_stops=plan.kills_stops)
        killing.begin(state, effects)
    for holding in plan.ended_closings:
        desk.closings.pop(holding, None)
    desk.closings.update(plan.closings)
    for fact in plan.facts:
        record(state, effects, fact)
    _send(state, plan, effects)
    trails.fit(state, effects)
    parents.work(state, effects)
    cancels.take_back(state, effects)
    for runner in plan.starts:
        strategies.begin(state, runner, effects)
    for owner in plan.stops:
        strategies.end(state, owner, "by hand", effects)
    watching.carry_out(state, plan, effects)
    if plan.arm_s is not None:
        desk.armed_until_ns = now_ns + plan.arm_s * NS_PER_S if plan.arm_s else None
    if plan.releases:
        desk.kill = None
    if plan.takes_orders:
        desk.seats.take(event.operator)
        desk.end_arming()
    desk.version += 1


def _send(state: KernelState, plan: Plan, effects: list[Effect]) -> None:
    for client_order_id in plan.cancels:
        cancels.ask(state, client_order_id, effects, is_waiver=client_order_id in plan.waivers)
        alarms.waive_stop(state, state.desk.ledger.orders[client_order_id])
    for approved in plan.approved:
        alarms.note_stop(state, approved.intent)
        market = state.instruments[approved.intent.spec.instrument_id]
        is_flatten, is_unjournalled = approved in plan.flattens, approved in plan.unjournalled
        send(
            state,
            market,
            approved,
            effects,
            is_flatten=is_flatten,
            is_unjournalled=is_unjournalled,
        )
    for client_order_id, limit, qty in plan.replaces:
        record(state, effects, ReplaceRequested(state.ts_ns, client_order_id, limit, qty))
        effects.append(SendReplace(client_order_id, limit, qty))


def _deny(state: KernelState, plan: Plan, effects: list[Effect]) -> None:
    """Record what the gate refused, and take the steps down that it advised."""
    for denied in plan.denied:
        record(state, effects, OrderDenied(state.ts_ns, denied.intent, denied.sentences))
        step_down(state, effects, denied.advice)
