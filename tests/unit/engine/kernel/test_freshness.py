"""How old what is known of a market is."""

import msgspec
import pytest

from engine.kernel.freshness import book_age_ns, book_freshness, trade_freshness
from engine.model.effects import RenewBook
from tests.builders import (
    BTC,
    FEED,
    REST,
    a_delta,
    a_kernel,
    a_live_kernel,
    a_mark,
    a_quote,
    a_snapshot,
    a_trade,
    a_trader,
    an_instrument,
    at,
    buy,
    down,
    sell,
)


def test_before_anything_came_there_is_no_age():
    run = a_kernel()

    assert book_age_ns(run.state, run.market, run.now_ns) is None
    assert book_freshness(run.state, run.market, run.now_ns) == "none"
    assert trade_freshness(run.state, run.market, run.now_ns) == "none"


def test_a_silent_book_becomes_slow_and_stale():
    run = a_live_kernel().take(a_delta(11))

    for ms, judged in ((1_999, "fresh"), (1, "slow"), (2_999, "slow"), (1, "stale")):
        run.wait(ms)
        assert book_freshness(run.state, run.market, run.now_ns) == judged


def test_a_quiet_book_is_as_fresh_as_its_connection():
    run = a_live_kernel().take(a_delta(11))
    run.wait(6_000).take(a_quote(), a_mark())

    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_a_lost_connection_says_nothing_of_its_book():
    run = a_live_kernel().take(a_delta(11))
    run.wait(6_000).take(a_mark(), down(FEED))

    assert book_age_ns(run.state, run.market, run.now_ns) == 6_000_000_000


def test_no_trade_while_the_book_lives_means_that_nobody_traded():
    run = a_live_kernel().take(a_trade(), a_delta(11))
    run.wait(40_000)
    assert trade_freshness(run.state, run.market, run.now_ns) == "slow"

    run.take(a_mark())

    assert trade_freshness(run.state, run.market, run.now_ns) == "fresh"


# The book that a person looked at.


@pytest.mark.parametrize(
    ("ms", "confirm", "is_taken"),
    [(2_000, 1, True), (2_500, 1, False), (5_000, 2, True), (5_500, 2, False), (30_000, 3, True)],
)
def test_an_order_by_hand_is_bound_to_the_book_it_was_given_by(ms, confirm, is_taken):
    trader = a_trader().wait(250)
    seq = trader.state.seq
    for number in range(11, 11 + ms // 250):
        trader.take(a_delta(number, bids="990x1")).wait(250)

    outcome = trader.say(buy(1, 990, book_seq=seq), confirm=confirm)

    assert outcome.verdict == ("accepted" if is_taken else "refused")
    if not is_taken:
        told = f"you looked at the book of BTCUSDT {ms / 1000:.1f} s ago; look again"
        assert outcome.sentences == (told,)


def test_a_book_that_has_not_changed_since_is_the_newest():
    trader = a_trader().wait(250).take(a_delta(11, bids="990x1"))
    seq = trader.state.seq
    trader.wait(2_500).take(a_mark())

    assert trader.say(buy(1, 990, book_seq=seq), confirm=1).verdict == "accepted"


def test_an_order_by_hand_is_refused_at_the_books_soft_limit():
    trader = a_trader().wait(250)
    trader.wait(2_000)

    outcome = trader.say(buy(1, 990, book_seq=1), confirm=1)

    assert outcome.sentences == (
        "the book of BTCUSDT is 2.2 s old; an order by hand needs one of less than 2.0 s",
    )
    assert trader.say(buy(1, 990), confirm=1).verdict == "accepted"


def test_what_reduces_needs_no_look_at_the_book():
    trader = a_trader().holds(5)
    trader.wait(4_000)

    order = sell(5, 1_010, is_reduce_only=True, book_seq=1)
    assert trader.say(order, confirm=1).verdict == "accepted"


def test_a_book_that_was_lost_in_between_is_another_one():
    trader = a_trader().wait(250)
    seq = trader.state.seq
    trader.wait(250).take(a_delta(20, prev=19))
    trader.wait(250).take(a_snapshot("1000x50", "1001x50", seq=20), source=REST)

    outcome = trader.say(buy(1, 990, book_seq=seq), confirm=1)

    assert outcome.sentences == ("the book of BTCUSDT was lost since you looked; look again",)


def test_a_book_of_another_run_is_none():
    trader = a_trader()

    outcome = trader.say(buy(1, 990, book_seq=10_000), confirm=1)

    assert outcome.sentences == (
        "the book of BTCUSDT that you looked at is of another run; look again",
    )


# A book whose stream stands still while its market moves, although all is in sequence.


def test_a_book_that_stands_still_while_its_quotes_move_ages_from_the_first_of_them():
    run = a_live_kernel().take(a_delta(11))
    run.wait(1_000).take(a_quote("90x5", "91x5", 12))

    for ms, judged in ((1_999, "fresh"), (1, "slow"), (2_900, "slow")):
        run.wait(ms).take(a_quote("90x5", "91x5", 13), a_mark())
        assert book_freshness(run.state, run.market, run.now_ns) == judged


def test_a_quote_that_agrees_again_clears_the_book():
    run = a_live_kernel().take(a_delta(11))
    run.take(a_quote("90x5", "91x5", 12)).wait(3_000).take(a_quote("100x9", "101x9", 13))

    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_a_change_of_the_book_clears_it():
    run = a_live_kernel().take(a_delta(11))
    run.take(a_quote("90x5", "91x5", 13)).wait(3_000).take(a_delta(12))

    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_at_the_hard_limit_a_book_that_stands_still_is_ended_and_subscribed_anew():
    run = a_live_kernel().take(a_delta(11), a_quote("90x5", "91x5", 12))

    run.wait(4_999)
    assert run.market.book.state == "live"

    run.wait(250)
    assert run.market.book.note == "its stream stands still, its market moves"
    assert run.asked(RenewBook) == [RenewBook(BTC)]
    assert run.wait(10_000).asked(RenewBook) == []


@pytest.mark.parametrize(
    ("price", "is_moved"), [(99, True), (102, True), (100, False), (101, False)]
)
def test_a_trade_beyond_the_best_prices_shows_that_the_market_moved(price: int, is_moved: bool):
    delta = msgspec.structs.replace(a_delta(11), ts_venue_ns=at(0))
    run = a_live_kernel().take(delta, a_trade(price, ms=1))

    assert (run.market.moved_ns != 0) is is_moved


def test_a_trade_from_before_the_last_change_shows_nothing():
    delta = msgspec.structs.replace(a_delta(11), ts_venue_ns=at(5))
    run = a_live_kernel().take(delta, a_trade(50, ms=5))

    assert run.market.moved_ns == 0


def test_a_trade_shows_nothing_of_a_book_that_is_not_there():
    delta = msgspec.structs.replace(a_delta(11), ts_venue_ns=at(0))
    run = a_kernel().take(delta, a_trade(50, ms=1), a_quote("90x5", "91x5", 12))

    assert run.market.moved_ns == 0


def test_a_whole_book_by_request_makes_no_mute_stream_fresh():
    run = a_live_kernel().take(a_delta(11), a_quote("90x5", "91x5", 12)).wait(5_250)
    assert run.market.book.state == "invalid"

    for seq in (20, 30):
        run.take(a_snapshot("90x5", "91x5", seq=seq), source=REST).take(
            a_quote("90x5", "91x5", seq)
        )
        assert run.market.book.state == "live"
        assert book_freshness(run.state, run.market, run.now_ns) == "stale"
        run.take(a_quote("80x5", "81x5", seq + 1)).wait(5_250)
        assert run.market.book.state == "invalid"

    run.take(a_delta(31), a_snapshot("80x5", "81x5", seq=31), source=REST)
    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_a_whole_book_by_stream_is_heard_on_it():
    run = a_live_kernel(instrument=an_instrument(rule="linked_ids")).take(a_delta(11))
    run.take(a_quote("90x5", "91x5", 12)).wait(5_250)

    snapshot = msgspec.structs.replace(a_snapshot("90x5", "91x5", seq=20), is_streamed=True)
    run.take(snapshot)

    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_a_whole_book_by_request_makes_no_quiet_book_younger():
    run = a_live_kernel().take(a_delta(11)).wait(3_000)

    run.take(a_snapshot("100x5", "101x5", seq=12), source=REST)

    assert book_age_ns(run.state, run.market, run.now_ns) == 3_000_000_000
