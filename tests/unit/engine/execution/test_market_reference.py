"""What the gate knows of a market."""

from decimal import Decimal

from tests.unit.engine.execution.gate_desk import a_market


def test_the_middle_lies_half_way_between_bid_and_ask():
    assert a_market(bid_ticks=999, ask_ticks=1_000).mid_ticks == Decimal("999.5")


def test_with_one_side_there_is_no_middle():
    assert a_market(bid_ticks=None).mid_ticks is None
    assert a_market(ask_ticks=None).mid_ticks is None
