"""Steps down of trading states that a rule advises; up again only by a person.

A step down leaves no order behind that it would refuse: what could add risk is taken back, what
reduces or protects stays.
"""

from collections.abc import Iterable

from engine.execution.ledger_controls import STRICTNESS
from engine.execution.risk import TradingStateAdvice
from engine.kernel.cancels import take_back
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.facts import TradingStateSet


def step_down(
    state: KernelState, effects: list[Effect], advices: Iterable[TradingStateAdvice]
) -> bool:
    """Make each advice a fact that is stricter than what holds; returns whether one was."""
    is_lower = False
    for advice in advices:
        fact = TradingStateSet(state.ts_ns, advice.scope, advice.state, advice.reason)
        is_lower |= lower(state, effects, fact)
    if is_lower:
        take_back(state, effects)
    return is_lower


def lower(state: KernelState, effects: list[Effect], fact: TradingStateSet) -> bool:
    """Record a state that is stricter than what holds and say so; returns whether it was.

    One that is as strict counts too where what holds could be lifted by an answer to a question:
    the answer is about something else.
    """
    now = state.desk.ledger.state_facts.get(fact.scope)
    more = STRICTNESS.index(fact.state) - STRICTNESS.index(now.state if now else "active")
    is_other = now is not None and now.before is not None and fact.before is None
    if more < 0 or (more == 0 and not is_other):
        return False
    record(state, effects, fact)
    say(state, effects, "error", "risk", f"{fact.scope} is {fact.state}: {fact.reason}")
    return True
