"""The kill program's time: the wall's at the start, and then what has passed."""

import time

import pytest

from engine.kill.clock import SteadyClock, seconds
from engine.model.numbers import NS_PER_S


def test_a_wall_clock_that_is_set_meanwhile_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    wall_ns, passed_ns = [1_000 * NS_PER_S], [5 * NS_PER_S]
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns[0])
    monkeypatch.setattr(time, "monotonic_ns", lambda: passed_ns[0])
    clock = SteadyClock()
    assert clock.now_ns() == 1_000 * NS_PER_S

    wall_ns[0] = 0
    passed_ns[0] += 2 * NS_PER_S

    assert clock.now_ns() == 1_002 * NS_PER_S


def test_it_sleeps_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    SteadyClock().sleep(seconds(1_500_000_000))

    assert slept == [1.5]
