"""Contradictions in a ledger's state."""

from engine.execution.ledger_state import NOTES_MAX, LedgerState


def test_contradictions_are_counted_and_the_newest_kept_in_words():
    state = LedgerState()

    for number in range(NOTES_MAX + 2):
        state.contradict(f"no. {number}")

    assert state.contradictions == NOTES_MAX + 2
    assert len(state.notes) == NOTES_MAX
    assert (state.notes[0], state.notes[-1]) == ("no. 2", f"no. {NOTES_MAX + 1}")
