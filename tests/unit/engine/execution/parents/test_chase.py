"""Chase: at the best price, so far, so often and so long."""

import pytest

from engine.execution.parents.base import Cancel, End, Pause
from engine.execution.parents.chase import AMENDS_MAX, problem, samples
from engine.model.numbers import NS_PER_S
from engine.model.parents import Chase
from tests.builders import BTC, at
from tests.unit.engine.execution.parents.rule_desk import a_child, amend, moves, place, seen


def a_chase(worst: int = 1_005, seconds: int = 60, **changed) -> Chase:
    side = changed.pop("side", "buy")
    return Chase(BTC, side, 10, worst, seconds * NS_PER_S, **changed)  # type: ignore[arg-type]  # whatever a test changes


@pytest.mark.parametrize(
    ("spec", "price"),
    [
        (a_chase(), 1_000),
        (a_chase(worst=998), 998),
        (a_chase(worst=990, side="sell"), 1_001),
        (a_chase(worst=1_003, side="sell"), 1_003),
    ],
    ids=repr,
)
def test_it_joins_the_best_price_it_may_pay(spec, price):
    assert moves(spec) == [place(10, price, is_post_only=True)]


def test_it_follows_once_a_second_while_its_order_rests():
    spec, order = a_chase(), a_child(price=998)

    assert moves(spec, order, amended_ns=at(0), ms=999) == []
    assert moves(spec, order, amended_ns=at(0), ms=1_000) == [amend(order, 1_000)]
    assert moves(spec, a_child(price=1_000), ms=1_000) == []
    assert moves(spec, a_child(price=998, state="pending_replace"), ms=1_000) == []


def test_what_lapsed_is_joined_anew_and_what_was_canceled_is_not():
    spec = a_chase()

    assert moves(spec, newest=a_child(state="expired"), ms=999) == []
    again = moves(spec, newest=a_child(state="expired"), ms=1_000)
    assert again == [place(10, 1_000, is_post_only=True)]
    gone = a_child(state="canceled")
    assert moves(spec, newest=gone, ms=2_000) == [Pause("its order was canceled")]


def test_it_ends_filled():
    assert moves(a_chase(), left_lots=0, filled_lots=10) == [End("filled")]
    assert moves(a_chase(), a_child(price=1_000), left_lots=0) == []


@pytest.mark.parametrize("over", [{"ms": 60_000}, {"amends": AMENDS_MAX - 1, "sent": 1}])
def test_at_its_end_the_order_is_taken_back_before_anything_else(over):
    order = a_child(price=998)
    gone = a_child(state="canceled", filled=4, ms=over.get("ms", 0))
    settled = over | {"ms": over.get("ms", 0) + 1_000, "left_lots": 6, "filled_lots": 4}

    assert moves(a_chase(), order, **over) == [Cancel(order)]
    assert moves(a_chase(), newest=gone, **over) == []
    rest = "time is up: 6 of 10 lots were not filled"
    assert moves(a_chase(), newest=gone, **settled) == [End(rest)]
    assert moves(a_chase(then="mkt"), newest=gone, **settled) == [place(6, None, "ioc")]
    taken = a_child(lots=6, filled=5, state="expired", tif="ioc")
    assert moves(a_chase(then="mkt"), newest=taken, **settled) == [End(rest)]


def test_the_gate_is_shown_its_order_and_how_it_may_end():
    spec = a_chase()
    joins = place(10, 1_000, is_post_only=True)

    assert samples(spec, seen(spec)) == [joins]
    spec = a_chase(then="mkt")
    assert samples(spec, seen(spec)) == [joins, place(10, None, "ioc")]


def test_it_lasts_an_hour_at_most():
    assert problem(a_chase()) == ""
    assert problem(a_chase(seconds=0)) == "a chase lasts an hour at most"
    assert problem(a_chase(seconds=3_601)) == "a chase lasts an hour at most"
