"""Timers: in order of time, and a key set again replaces its timer."""

import pytest

from engine.kernel.timers import Timers
from engine.model.effects import SetTimer
from engine.model.envelope import TimerFired


def timers_of(*pairs: tuple[str, int]) -> Timers:
    timers = Timers()
    for key, due_ns in pairs:
        timers.set(SetTimer(key, due_ns))
    return timers


def fired(timers: Timers) -> list[tuple[str, int]]:
    """Take out all timers."""
    found = []
    while timers.next_ns is not None:
        timer = timers.pop()
        found.append((timer.key, timer.due_ns))
    return found


def test_the_earliest_timer_is_next():
    timers = timers_of(("late", 20), ("early", 10))

    assert timers.next_ns == 10
    assert timers.pop() == TimerFired("early", 10)
    assert timers.next_ns == 20


def test_timers_of_the_same_moment_fire_in_the_order_of_their_keys():
    assert fired(timers_of(("b", 10), ("a", 10))) == [("a", 10), ("b", 10)]


@pytest.mark.parametrize("due_ns", [5, 10, 15])
def test_a_timer_that_is_set_again_fires_once_at_the_new_time(due_ns: int):
    assert fired(timers_of(("a", 10), ("a", due_ns))) == [("a", due_ns)]


def test_taking_out_a_timer_never_gives_one_that_was_replaced():
    timers = timers_of(("a", 10), ("a", 20))

    assert timers.pop() == TimerFired("a", 20)


def test_a_timer_that_fired_can_be_set_again():
    timers = timers_of(("a", 10), ("a", 20), ("a", 10))

    assert timers.pop() == TimerFired("a", 10)
    timers.set(SetTimer("a", 20))
    assert fired(timers) == [("a", 20)]


def test_without_timers_nothing_is_due():
    assert Timers().next_ns is None
