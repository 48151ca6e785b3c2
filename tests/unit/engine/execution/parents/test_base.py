"""What every rule sees."""

import pytest

from engine.execution.parents.base import done
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.parents import Iceberg
from tests.builders import BTC
from tests.unit.engine.execution.parents.rule_desk import a_child, seen

SPEC = Iceberg(BTC, "buy", QtyLots(10), PriceTicks(999), QtyLots(4))


def test_a_child_that_ended_with_lots_unfilled_keeps_them_for_a_second():
    part = a_child(lots=4, filled=3, state="canceled", ms=500)

    assert seen(SPEC).is_settled
    assert not seen(SPEC, a_child()).is_settled
    assert not seen(SPEC, newest=part, ms=1_499).is_settled
    assert seen(SPEC, newest=part, ms=1_500).is_settled
    assert seen(SPEC, newest=a_child(lots=4, filled=4, state="filled")).is_settled


@pytest.mark.parametrize(
    ("state", "answered", "has_ended"),
    [
        ("canceled", "", True),
        ("expired", "", True),
        ("canceled", "c-0", False),
        ("open", "", False),
    ],
)
def test_an_ending_counts_until_somebody_resumes(state, answered, has_ended):
    child = a_child(state=state)

    assert seen(SPEC, newest=child, answered=answered).has_ended("canceled", "expired") == has_ended
    assert not seen(SPEC).has_ended("canceled")


def test_what_is_said_at_the_end():
    assert done(seen(SPEC, filled_lots=10)) == "filled"
    assert done(seen(SPEC, filled_lots=11)) == "filled"
    assert done(seen(SPEC, filled_lots=4)) == "6 of 10 lots were not filled"
