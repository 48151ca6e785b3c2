"""The one way to change the ledger: apply a fact, and hand it to the journal."""

from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect, Record
from engine.model.facts import Fact


def record(state: KernelState, effects: list[Effect], fact: Fact) -> None:
    """Apply a fact to the ledger and ask for it to be kept; what contradicts is told (R20)."""
    ledger = state.desk.ledger
    known = ledger.contradictions
    ledger.apply(fact)
    state.desk.version += 1
    effects.append(Record(fact))
    if ledger.contradictions > known:
        say(state, effects, "error", "ledger", f"contradiction: {ledger.contradiction_notes[-1]}")
