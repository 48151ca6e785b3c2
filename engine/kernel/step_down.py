"""Steps down of trading states that the gate advises; up again only by a person."""

from collections.abc import Iterable

from engine.execution.ledger_controls import STRICTNESS
from engine.execution.risk import TradingStateAdvice
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.facts import TradingStateSet


def step_down(
    state: KernelState, effects: list[Effect], advices: Iterable[TradingStateAdvice]
) -> None:
    """Make each advice a fact that is stricter than what holds already, and say so."""
    for advice in advices:
        now = state.desk.ledger.states.get(advice.scope, "active")
        if STRICTNESS.index(advice.state) <= STRICTNESS.index(now):
            continue
        fact = TradingStateSet(state.ts_ns, advice.scope, advice.state, advice.reason)
        record(state, effects, fact)
        text = f"{advice.scope} is {advice.state}: {advice.reason}"
        say(state, effects, "error", "risk", text)
