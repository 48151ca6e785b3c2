"""What it takes to let trading begin again after a kill (R78)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from engine.execution.limit_use import LimitUse, utilisation
from engine.kernel.desk import moment_of
from engine.kernel.killing import problem
from engine.kernel.references import reference_now
from engine.kernel.state import KernelState
from engine.model import commands as c
from engine.model.facts import TradingStateSet

if TYPE_CHECKING:
    from engine.kernel.plan import Plan

NAMES_MAX: Final = 5


def release(plan: "Plan", action: c.ReleaseKill) -> None:
    """Plan the release; the word alone does when nothing was cancelled and nothing is open.

    Otherwise a person says why and names the account, nothing is left to verify, and no limit is
    near. Strategies do not go on by themselves.
    """
    desk = plan.desk
    if desk.trading_state != "killed":
        plan.refuse("the kill switch is not on")
        return
    was_idle = (desk.kill is None or not desk.kill.asked) and not problem(plan.state)
    if was_idle and not desk.ledger.held() and not desk.ledger.working():
        plan.ask(1)
    else:
        for objection in _objections(plan.state):
            plan.refuse(objection)
        if not action.reason:
            plan.refuse("say why: unkill REASON")
        plan.ask(3, desk.setup.account)
    plan.releases = True
    plan.stops += desk.runners
    plan.sentences += [f"{owner} is stopped; start it again" for owner in desk.runners]
    reason = action.reason or "released"
    plan.facts.append(
        TradingStateSet(plan.state.ts_ns, "all", "active", reason, operator=plan.operator)
    )


def limit_uses(state: KernelState) -> tuple[LimitUse, ...]:
    """Return how much of each limit is used now."""
    desk = state.desk
    references = {key: reference_now(state, market) for key, market in state.instruments.items()}
    return utilisation(desk.ledger, references, desk.limits, state.ts_ns)


def _objections(state: KernelState) -> Iterator[str]:
    """Yield what must be in order first."""
    desk = state.desk
    if unverified := problem(state):
        yield f"not verified: {unverified}"
    left = [
        f"o{order.number + 1} {order.state}"
        for order in desk.ledger.working()
        if order.state == "unknown" or not desk.spares(order)
    ]
    if left:
        shown = ", ".join(left[:NAMES_MAX]) + (", …" if left[NAMES_MAX:] else "")
        yield f"not verified: {len(left)} orders may still work ({shown}); wait, or cancel them"
    for fault in moment_of(desk, {}, state.ts_ns).faults:
        yield f"{fault}: a release waits for that"
    most = desk.limits_now.step_down_share
    for use in limit_uses(state):
        if use.share is not None and use.share >= most:
            yield (
                f"{use.name} is used by {100 * use.share:.0f} %, a release needs less than"
                f" {100 * most:.0f} %: flatten, wait, or start with other limits"
            )
        elif use.limit is not None and use.use is None and desk.setup.is_live:
            yield f"how much of {use.name} is used is unknown: a release waits for that"
