"""The one way to change the ledger: apply a fact, and hand it to the journal."""

from engine.kernel.state import KernelState
from engine.model.effects import Effect, Record
from engine.model.facts import Fact


def record(state: KernelState, effects: list[Effect], fact: Fact) -> None:
    """Apply a fact to the ledger and ask for it to be kept."""
    state.desk.ledger.apply(fact)
    state.desk.version += 1
    effects.append(Record(fact))
