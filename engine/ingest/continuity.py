"""Whether a change of a book follows on from what is known: each venue's own rule of ids.

Right after a snapshot a change may reach back behind it; from the first joined one on the rules
are strict. Linked ids are strict at once where the snapshot came with the stream.
"""

from engine.model.instrument import SequenceRule
from engine.model.market import BookDelta


def is_old(rule: SequenceRule, delta: BookDelta, last_seq: int, is_strict: bool) -> bool:
    """Whether a change is already part of what is known, and so harmless."""
    if rule == "contiguous_ids":
        return delta.last_seq <= last_seq
    if is_strict:
        return False  # A repeat is a break of the link.
    if rule == "linked_ids":
        # Beginning anew, when the new id is the smaller one, is never old.
        return delta.prev_seq <= delta.last_seq <= last_seq and delta.prev_seq < last_seq
    return delta.last_seq < last_seq


def joins(rule: SequenceRule, delta: BookDelta, last_seq: int, is_strict: bool) -> bool:
    """Whether nothing is missing between what is known and a change that is not old."""
    if rule == "contiguous_ids":
        return delta.first_seq <= last_seq + 1
    if rule == "linked_ids":
        # Silence repeats the last id, maintenance starts from a smaller one: only the link counts.
        bridges = not is_strict and delta.prev_seq <= last_seq < delta.last_seq
        return bridges or delta.prev_seq == last_seq
    if is_strict:
        return delta.prev_seq == last_seq
    return delta.first_seq <= last_seq <= delta.last_seq
