"""TWAP: one slice at a time, none caught up, all of it in the end."""

from decimal import Decimal

import pytest

from engine.execution.parents.base import End
from engine.execution.parents.twap import due_ns, problem, samples, slice_lots
from engine.model.numbers import NS_PER_S
from engine.model.parents import Twap
from tests.builders import BTC, at
from tests.unit.engine.execution.parents.rule_desk import a_child, moves, place, seen


def a_twap(lots: int = 10, seconds: int = 40, count: int = 4, **changed) -> Twap:
    return Twap(BTC, changed.pop("side", "buy"), lots, seconds * NS_PER_S, count, **changed)  # type: ignore[arg-type]  # whatever a test changes


def test_the_first_slice_leaves_at_once_and_the_next_when_it_is_time():
    spec = a_twap()

    assert moves(spec) == [place(2, None, "ioc")]
    assert moves(spec, sent=1, sent_ns=at(0), ms=9_999) == []
    assert moves(spec, sent=1, sent_ns=at(0), ms=10_000, left_lots=8) == [place(2, None, "ioc")]


def test_it_waits_for_the_slice_before_and_for_its_late_fills():
    spec = a_twap()
    part = a_child(lots=2, filled=1, state="expired", ms=0)

    assert moves(spec, a_child(state="unknown"), sent=1, ms=90_000) == []
    assert moves(spec, newest=part, sent=1, ms=999) == []
    assert moves(spec, newest=part, sent=1, ms=10_000, left_lots=9) == [place(3, None, "ioc")]


def test_it_ends_when_nothing_is_left_or_time_is_up():
    spec = a_twap()

    assert moves(spec, left_lots=0, sent=4, filled_lots=10) == [End("filled")]
    assert moves(spec, ms=80_000) == [place(2, None, "ioc")]
    over = [End("time is up: 10 of 10 lots were not filled")]
    assert moves(spec, ms=80_001) == over
    assert moves(spec, active_for_ns=80 * NS_PER_S, ms=1) == over


@pytest.mark.parametrize(
    ("sent", "left", "lots"),
    [(0, 10, 2), (1, 10, 3), (2, 10, 5), (3, 10, 6), (3, 1, 1), (9, 10, 6), (9, 2, 2)],
)
def test_a_slice_is_an_even_share_and_never_more_than_two(sent, left, lots):
    assert slice_lots(a_twap(), sent, left) == lots


@pytest.mark.parametrize(
    ("spec", "market", "limit"),
    [
        (a_twap(limit_ticks=1_005), {}, 1_005),
        (a_twap(limit_ticks=1_020), {}, 1_010),
        (a_twap(limit_ticks=1_000), {}, None),
        (a_twap(limit_ticks=995, side="sell"), {"taking_ticks": 990}, 995),
        (a_twap(limit_ticks=980, side="sell"), {"taking_ticks": 990}, 990),
        (a_twap(limit_ticks=1_001, side="sell"), {"taking_ticks": 990}, None),
    ],
    ids=repr,
)
def test_a_slice_never_goes_beyond_its_limit(spec, market, limit):
    expected = [] if limit is None else [place(2, limit, "ioc")]

    assert moves(spec, **market) == expected
    if expected:
        assert samples(spec, seen(spec, **market)) == expected


def test_jitter_moves_a_slice_by_its_share_of_the_gap_and_the_same_way_again():
    spec = a_twap(jitter_percent=Decimal(20))
    dues = {
        due_ns(spec, seen(spec, sent=at_slice, sent_ns=at(0)).record) for at_slice in range(1, 50)
    }

    assert min(dues) >= at(8_000)
    assert max(dues) <= at(12_000)
    assert len(dues) > 40
    assert due_ns(spec, seen(spec, sent=3, sent_ns=at(0)).record) in dues


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (a_twap(), ""),
        (a_twap(count=1), "a twap has 2 to 1,000 slices"),
        (a_twap(count=1_001), "a twap has 2 to 1,000 slices"),
        (a_twap(seconds=0), "a twap lasts a day at most"),
        (a_twap(seconds=86_401), "a twap lasts a day at most"),
        (a_twap(seconds=3), "4 slices need 4 s at least"),
        (a_twap(jitter_percent=Decimal(51)), "jitter is 0 to 50%"),
        (a_twap(jitter_percent=Decimal("NaN")), "jitter is 0 to 50%"),
        (a_twap(lots=3), "3 lots are too few for 4 slices"),
    ],
    ids=repr,
)
def test_what_cannot_be(spec, told):
    assert problem(spec) == told
