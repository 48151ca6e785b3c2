"""A second source checks the book while an order or a position exists."""

import pytest

from engine.model.effects import RenewBook, RequestQuote, RequestSnapshot
from engine.model.market import SecondQuote
from tests.builders import BTC, ETH, REST, a_trader, down

FAR = SecondQuote(BTC, 1_100, 1_101)
NEAR = SecondQuote(BTC, 1_001, 1_002)


def test_nothing_is_asked_while_there_is_nothing_to_lose():
    assert a_trader().wait(120_000).asked(RequestQuote) == []


@pytest.mark.parametrize("exposed", ["order", "position"])
def test_best_prices_are_asked_for_every_thirty_seconds(exposed: str):
    trader = a_trader()
    trader.works() if exposed == "order" else trader.holds(1)

    assert trader.wait(29_999).asked(RequestQuote) == []
    assert trader.wait(1).asked(RequestQuote) == [RequestQuote(BTC)]
    assert trader.wait(30_000).asked(RequestQuote) == [RequestQuote(BTC)]


def test_a_book_that_is_not_live_is_not_checked():
    trader = a_trader().holds(1).take(down())

    assert trader.wait(60_000).asked(RequestQuote) == []
    assert trader.take(FAR, FAR, FAR, source=REST).market.book.note == "connection lost"


def test_the_second_difference_in_a_row_ends_the_book():
    trader = a_trader().holds(1)

    trader.take(FAR, source=REST)
    assert trader.market.book.state == "live"

    trader.take(FAR, source=REST)
    assert (trader.market.book.state, trader.market.book.note) == (
        "invalid",
        "a second source shows another price",
    )
    assert trader.asked(RenewBook) == [RenewBook(BTC)]
    assert trader.wait(1_000).asked(RequestSnapshot) == [RequestSnapshot(BTC)]


def test_a_good_check_between_two_bad_ones_forgives():
    trader = a_trader().holds(1).take(FAR, NEAR, FAR, source=REST)

    assert trader.market.book.state == "live"


def test_a_difference_within_the_collar_is_no_difference():
    trader = a_trader().holds(1).take(NEAR, NEAR, NEAR, source=REST)

    assert trader.market.book.state == "live"
    assert trader.market.second_bad == 0


def test_bad_checks_are_forgotten_with_the_position():
    trader = a_trader().take(FAR, source=REST).wait(30_000)

    assert trader.market.second_bad == 0


def test_an_answer_about_another_instrument_is_let_go():
    trader = a_trader().take(SecondQuote(ETH, 1, 2), source=REST)

    assert trader.effects == []
