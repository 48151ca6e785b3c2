"""What was fetched of the trades that a lost connection would have brought."""

from engine.ingest.trade_hole import FETCHED_MAX, TradeHole
from tests.builders import a_trade, at


def a_hole(before: int = 9) -> TradeHole:
    hole = TradeHole(1, 3, at(3))
    hole.before_id = before
    return hole


def prices(hole: TradeHole) -> list[int]:
    return [price for price, _, _ in hole.prints()]


def test_what_lies_between_is_kept_once_in_order_of_ids():
    hole = a_hole()

    hole.add([a_trade(7, trade_id=7), a_trade(8, trade_id=8)])
    hole.add([a_trade(n, trade_id=n) for n in (2, 3, 4, 5, 7, 9, 10)])

    assert prices(hole) == [4, 5, 7, 8]


def test_an_end_that_shows_later_cuts_what_was_fetched_before():
    hole = a_hole(before=0)
    hole.add([a_trade(n, trade_id=n) for n in (4, 5, 6)])
    assert hole.last_id == 6

    hole.before_id = 6

    assert prices(hole) == [4, 5]


def test_prints_outside_of_the_book_are_none():
    hole = a_hole()

    hole.add([a_trade(5, trade_id=5, is_market=False)])

    assert hole.prints() == []
    assert hole.last_id == 3


def test_it_is_bounded():
    hole = a_hole(before=0)

    hole.add([a_trade(1, trade_id=4 + n) for n in range(FETCHED_MAX + 10)])

    assert len(hole.prints()) == FETCHED_MAX
    assert hole.is_full
