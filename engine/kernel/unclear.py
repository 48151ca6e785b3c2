"""Orders of which a report says what nobody has described (R25, R106).

They are there, count in full and block new risk in their instrument; what they protect, nobody
knows. The rest of the report is used all the same.
"""

from engine.execution.reconcile import unclear
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.venue_side import unclear_told
from engine.model.account import AccountReported
from engine.model.effects import Effect


def note_unclear(state: KernelState, event: AccountReported, effects: list[Effect]) -> None:
    """Keep which orders are unclear, and tell of each once."""
    reading = state.desk.venue_side.reading
    before, reading.unclear = reading.unclear, unclear(event)
    told = set(map(unclear_told, before))
    for text in map(unclear_told, reading.unclear):
        if text not in told:
            say(state, effects, "error", "reconcile", text)
    state.desk.version += before != reading.unclear
