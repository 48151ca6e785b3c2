"""What was found of the trades that did not come."""

from engine.ingest.trade_hole import FETCHED_MAX, SPANS_MAX, TOO_MANY, TradeHole
from tests.builders import a_trade, at


def a_hole(before: int = 9) -> TradeHole:
    hole = TradeHole(3, at(3))
    if before:
        hole.end(before, at(before))
    return hole


def prices(hole: TradeHole) -> list[list[int]]:
    return [[price for price, _, _ in prints] for _, prints in hole.prints()]


def test_what_lies_between_is_kept_once_in_order_of_ids():
    hole = a_hole()

    hole.add([a_trade(7, trade_id=7), a_trade(8, trade_id=8)])
    hole.add([a_trade(n, trade_id=n) for n in (2, 3, 4, 5, 7, 9, 10)])

    assert prices(hole) == [[4, 5, 7, 8]]
    assert not hole.is_filled


def test_an_end_that_shows_later_cuts_what_was_fetched_before():
    hole = a_hole(before=0)
    hole.add([a_trade(n, trade_id=n) for n in (4, 5, 6)])
    assert hole.last_id == 6

    hole.end(6, at(6))

    assert prices(hole) == [[4, 5]]


def test_several_losses_are_kept_apart():
    hole = a_hole(before=6)
    hole.open(8, at(8))
    hole.open(8, at(8))
    hole.end(10, at(10))
    hole.end(12, at(12))

    hole.add([a_trade(n, trade_id=n) for n in (4, 5, 6, 7, 8)])
    assert not hole.is_filled
    hole.add([a_trade(9, trade_id=9)])

    assert prices(hole) == [[4, 5], [9]]
    assert (hole.after_id, hole.before_id) == (3, 10)
    assert hole.is_filled


def test_prints_outside_of_the_book_are_none_but_are_not_lacking():
    hole = a_hole(before=5)

    hole.add([a_trade(4, trade_id=4, is_market=False)])

    assert prices(hole) == [[]]
    assert hole.is_filled


def test_finer_scales_change_what_was_found():
    hole = a_hole()
    hole.add([a_trade(7, 2, trade_id=7), a_trade(8, trade_id=8, is_market=False)])

    hole.widen(10, 100)

    assert [prints for _, prints in hole.prints()] == [[(70, 200, at(0))]]


def test_what_is_found_is_bounded():
    hole = a_hole(before=0)

    hole.add([a_trade(1, trade_id=4 + n) for n in range(FETCHED_MAX + 10)])

    assert sum(map(len, prices(hole))) == FETCHED_MAX
    assert hole.fault == TOO_MANY


def test_losses_are_bounded():
    hole = a_hole(before=5)

    for number in range(10, 10 * SPANS_MAX + 1, 10):
        hole.open(number, at(number))
        hole.end(number + 2, at(number + 2))

    assert len(hole.spans) == SPANS_MAX
    assert hole.fault == TOO_MANY
