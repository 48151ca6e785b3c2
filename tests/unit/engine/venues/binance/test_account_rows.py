"""Rows of the venue in our words: no state is lost, and nothing is read twice."""

from typing import get_args

import pytest

from engine.model.errors import VenuePayloadError
from engine.venues.binance import account_rows as rows
from engine.venues.binance.trade_payloads import AlgoStatus, OrderStatus, Side


def test_every_word_of_the_venue_has_one_of_ours():
    assert set(rows.SIDES) == set(get_args(Side))
    assert set(rows.STATES) == set(get_args(OrderStatus))
    assert set(rows.ALGO_STATES) == set(get_args(AlgoStatus)) - {"FINISHED"}


def test_what_fills_bring_is_no_transfer():
    assert not rows.BOOKED_WITH_FILLS & rows.TRANSFERS


@pytest.mark.parametrize(
    ("number", "child"), [(None, None), ("", None), ("0", None), (0, None), ("88", 88), (88, 88)]
)
def test_a_conditional_order_became_another_or_none(number: str | int | None, child: int | None):
    assert rows.child_of(number) == child


@pytest.mark.parametrize("number", ["x", "-1", -1, " 8", "8" * 20, 10**19, "٣", "²"])
def test_a_number_that_is_none_is_refused(number: str | int):
    with pytest.raises(VenuePayloadError, match="no order number"):
        rows.child_of(number)
