"""Scale: sizes add up, prices stay inside, orders leave at a pace."""

from decimal import Decimal

import pytest

from engine.execution.parents.base import End
from engine.execution.parents.scale import problem, rungs, samples
from engine.model.parents import Scale
from tests.builders import BTC
from tests.unit.engine.execution.parents.rule_desk import a_child, moves, place, seen


def a_scale(lots: int = 10, first: int = 990, last: int = 999, count: int = 4, **changed) -> Scale:
    return Scale(BTC, changed.pop("side", "buy"), lots, first, last, count, **changed)  # type: ignore[arg-type]  # whatever a test changes


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (a_scale(), [(990, 2), (993, 2), (996, 2), (999, 4)]),
        (a_scale(last=1_000), [(990, 2), (993, 2), (996, 2), (1_000, 4)]),
        (a_scale(side="sell", last=1_000), [(990, 2), (994, 2), (997, 2), (1_000, 4)]),
        (a_scale(first=999, last=990), [(999, 2), (996, 2), (993, 2), (990, 4)]),
        (a_scale(shape="lin"), [(990, 1), (993, 2), (996, 3), (999, 4)]),
        (a_scale(15, shape="geo", ratio=Decimal(2)), [(990, 1), (993, 2), (996, 4), (999, 8)]),
    ],
    ids=repr,
)
def test_rungs(spec, expected):
    assert rungs(spec) == expected


def test_two_orders_leave_at_a_time():
    spec = a_scale(is_post_only=True)

    assert moves(spec) == [place(2, 990, is_post_only=True), place(2, 993, is_post_only=True)]
    assert moves(spec, sent=2, sent_ns=seen(spec).now_ns, ms=199) == []
    assert [move.limit_ticks for move in moves(spec, sent=2, ms=200)] == [996, 999]


def test_it_is_over_when_all_have_ended():
    spec = a_scale()

    assert moves(spec, a_child(), sent=4) == []
    assert moves(spec, sent=4, filled_lots=10) == [End("filled")]
    assert moves(spec, sent=4, filled_lots=3) == [End("7 of 10 lots were not filled")]


def test_the_gate_is_shown_the_ends_in_price_and_size():
    assert samples(a_scale(), seen(a_scale())) == [place(2, 990), place(4, 999)]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (a_scale(), ""),
        (a_scale(count=1), "a scale has 2 to 50 orders"),
        (a_scale(count=51), "a scale has 2 to 50 orders"),
        (a_scale(last=992), "4 orders do not have a tick each between these prices"),
        (a_scale(lots=3), "3 lots are too few for 4 such orders"),
        (
            a_scale(shape="geo", ratio=Decimal(11)),
            "the ratio of a scale is between 0.1 and 10, 4 decimals",
        ),
        (
            a_scale(shape="geo", ratio=Decimal("1E-99999")),
            "the ratio of a scale is between 0.1 and 10, 4 decimals",
        ),
        (
            a_scale(shape="geo", ratio=Decimal("NaN")),
            "the ratio of a scale is between 0.1 and 10, 4 decimals",
        ),
    ],
    ids=repr,
)
def test_what_cannot_be(spec, told):
    assert problem(spec) == told
