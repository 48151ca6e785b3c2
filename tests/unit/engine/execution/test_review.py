"""How far a position may still go, and what an order's numbers look like to people."""

from decimal import Decimal

import pytest

from engine.execution.review import (
    Exposure,
    exposure_of,
    is_named,
    lot_value,
    mark_ticks,
    marks_of,
    plain,
    reference_ticks,
    sums_of,
)
from tests.builders import BTC, ETH, an_instrument
from tests.unit.engine.execution.gate_desk import Desk, a_market


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (Decimal("-0.000000001"), "0"),
        (12, "12"),
        (100, "100"),
        (Decimal("1234567.5"), "1,234,567.5"),
        (Decimal("1E+3"), "1,000"),
        (Decimal(1) / 3, "0.33333333"),
    ],
)
def test_numbers_are_written_plainly(number: Decimal | int, text: str):
    assert plain(number) == text


@pytest.mark.parametrize(
    ("owner", "is_it"), [("grid", True), ("grid@BTC", True), ("grids", False), ("grid_2", False)]
)
def test_a_strategy_is_named_on_any_instrument(owner: str, is_it: bool):
    assert is_named(owner, "grid") == is_it
    assert not is_named("gri", "grid")


def test_prices_are_taken_in_order_of_trust():
    assert reference_ticks(a_market(mark_ticks=900)) == 1_000
    assert reference_ticks(a_market(mark_ticks=900, freshness="stale")) == 900
    assert mark_ticks(a_market(mark_ticks=None)) == 1_000
    assert mark_ticks(a_market(mark_ticks=None, bid_ticks=None, last_ticks=7)) == 7
    assert mark_ticks(a_market(mark_ticks=None, bid_ticks=None)) is None


def test_exposure_is_the_worst_that_may_come():
    desk = Desk().hold(5)
    desk.work("buy", 2)
    desk.work("sell", 3, 1_010)
    desk.work("sell", 5, 1_010, is_reduce_only=True)
    cid = desk.work("sell", 100, 1_010)

    found = exposure_of(desk.ledger, BTC, replaces=cid)
    assert found == Exposure(7, -3, 7, 3)
    assert found.with_order("sell", 1) == Exposure(7, -4, 7, 4)
    assert found.with_order("buy", 1) == Exposure(8, -3, 8, 3)
    assert found.largest == 7
    assert exposure_of(desk.ledger, BTC).largest == 103


@pytest.mark.parametrize(
    ("mark", "last", "price"),
    [
        (1_050, None, 1_050),  # The mid bears the mark out,
        (1_100, 1_150, 1_100),  # or the last trade does.
        (1_100, None, None),
        (1_100, 1_001, 1_000),  # Two against one.
        (1_100, 900, None),
        (None, 1_040, 1_000),
        (None, 900, None),
    ],
)
def test_a_price_that_no_other_bears_out_values_nothing(mark, last, price):
    assert mark_ticks(a_market(mark_ticks=mark, last_ticks=last)) == price


def test_old_prices_value_nothing_and_still_limit_a_close():
    ages: dict = {"is_mark_recent": False, "is_last_recent": False, "freshness": "stale"}
    old = a_market(mark_ticks=900, last_ticks=910, **ages)

    assert mark_ticks(old) is None
    assert reference_ticks(old) == 900


def test_what_cannot_be_valued_leaves_the_sum_unknown():
    blank = a_market(ETH, instrument=an_instrument(ETH, tick_size=None))

    assert lot_value(None) is None
    assert lot_value(blank) is None
    assert marks_of({ETH: blank, BTC: a_market()}) == {BTC: 1_000}
    assert sums_of({ETH: Exposure(1, 0, 1, 0)}, {ETH: blank}) is None
    found = sums_of({ETH: Exposure(0, 0, 0, 0), BTC: Exposure(2, -3, 2, 3)}, {BTC: a_market()})
    assert found is not None
    assert [found.gross, found.longest, found.shortest] == [3_000, 2_000, -3_000]
