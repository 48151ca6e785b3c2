"""Iceberg: one slice is shown, the next follows its last fill."""

import pytest

from engine.execution.parents.base import End, Pause
from engine.execution.parents.iceberg import problem, samples
from engine.model.parents import Iceberg
from tests.builders import BTC
from tests.unit.engine.execution.parents.rule_desk import a_child, moves, place, seen


def an_iceberg(lots: int = 10, show: int = 4, **changed) -> Iceberg:
    return Iceberg(BTC, "buy", lots, 999, show, **changed)  # type: ignore[arg-type]  # whatever a test changes


def test_a_slice_is_followed_by_the_next_until_nothing_is_left():
    spec = an_iceberg(is_post_only=True)
    whole = a_child(lots=4, filled=4, state="filled")

    assert moves(spec) == [place(4, 999, is_post_only=True)]
    assert moves(spec, a_child(lots=4, filled=3, state="partial")) == []
    assert moves(spec, newest=whole, left_lots=2) == [place(2, 999, is_post_only=True)]
    assert moves(spec, newest=whole, left_lots=0, filled_lots=10) == [End("filled")]


def test_the_last_slice_is_waited_for():
    assert moves(an_iceberg(), a_child(lots=2), left_lots=0) == []


@pytest.mark.parametrize("state", ["canceled", "expired"])
def test_a_slice_that_ended_unfilled_is_a_persons_affair_once(state):
    spec, slice_ = an_iceberg(), a_child(lots=4, filled=1, state=state)

    assert moves(spec, newest=slice_, ms=5_000) == [Pause("its slice ended unfilled")]
    resumed = moves(spec, newest=slice_, answered="c-0", left_lots=9, ms=5_000)
    assert resumed == [place(4, 999)]
    assert moves(spec, newest=slice_, answered="c-0", ms=999) == []


def test_the_gate_is_shown_a_slice_and_the_last_one():
    spec = an_iceberg()
    assert samples(spec, seen(spec)) == [place(2, 999), place(4, 999)]
    even = an_iceberg(lots=8)
    assert samples(even, seen(even)) == [place(4, 999)]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (an_iceberg(), ""),
        (an_iceberg(show=10), "an iceberg shows less than all of it"),
        (an_iceberg(lots=1_001, show=1), "1,001 slices are too many: 1,000 at most"),
    ],
    ids=repr,
)
def test_what_cannot_be(spec, told):
    assert problem(spec) == told
