"""Best quotes against the book, whichever comes first."""

import pytest

from engine.ingest.quotes import REMEMBERED_MAX, QuoteCheck
from tests.builders import a_quote

TOP = (100, 5, 101, 2)


def a_fitting_quote(update_id: int = 11):
    return a_quote("100x5", "101x2", update_id)


def test_a_quote_after_its_book_event_must_be_equal():
    check = QuoteCheck()
    assert check.on_top(11, TOP)

    assert check.on_quote(a_fitting_quote())
    assert (check.checked, check.equal) == (1, 1)


def test_a_quote_before_its_book_event_must_be_equal():
    check = QuoteCheck()
    assert check.on_quote(a_fitting_quote())

    assert check.on_top(11, TOP)
    assert (check.checked, check.equal) == (1, 1)


@pytest.mark.parametrize("ours", [(99, 5, 101, 2), (100, 4, 101, 2), (100, 5, 102, 2)])
def test_a_quote_that_differs_is_a_contradiction_either_way_round(ours):
    quote_first, top_first = QuoteCheck(), QuoteCheck()
    quote_first.on_quote(a_fitting_quote())
    top_first.on_top(11, ours)

    assert not quote_first.on_top(11, ours)
    assert not top_first.on_quote(a_fitting_quote())
    assert (top_first.checked, top_first.equal) == (1, 0)


def test_quotes_of_other_updates_are_not_compared():
    check = QuoteCheck()
    check.on_top(11, TOP)

    assert check.on_quote(a_quote("90x1", "91x1", 12))
    assert check.checked == 0


def test_a_quote_is_compared_once_with_the_event_it_waited_for():
    check = QuoteCheck()
    check.on_quote(a_fitting_quote())
    check.on_top(11, TOP)

    assert check.on_top(11, (1, 1, 2, 1))
    assert check.checked == 1


def test_a_wrong_book_is_not_held_against_the_next_one():
    check = QuoteCheck()
    check.on_top(11, (99, 5, 101, 2))
    check.on_quote(a_fitting_quote(12))

    check.forget_tops()

    assert check.on_quote(a_fitting_quote(11))
    # What the venue said stays true.
    assert not check.on_top(12, (99, 5, 101, 2))


def test_only_so_many_updates_are_remembered():
    check = QuoteCheck()
    for update_id in range(REMEMBERED_MAX + 1):
        check.on_top(update_id, TOP)
        check.on_quote(a_fitting_quote(10_000 + update_id))

    assert check.on_quote(a_quote("1x1", "2x1", 0))
    assert check.on_top(10_000, (1, 1, 2, 1))
    assert check.checked == 0
    assert len(check._quotes) == len(check._tops) == REMEMBERED_MAX


def test_finer_numbers_keep_what_is_remembered_comparable():
    check = QuoteCheck()
    check.on_top(11, TOP)
    check.on_quote(a_fitting_quote(12))

    check.widen(10, 100)

    assert check.on_quote(a_quote("1000x500", "1010x200", 11))
    assert check.on_top(12, (1000, 500, 1010, 200))
    assert check.equal == 2
