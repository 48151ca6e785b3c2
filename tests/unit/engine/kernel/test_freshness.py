"""How old what is known of a market is."""

from engine.kernel.freshness import book_age_ns, book_freshness, trade_freshness
from tests.builders import FEED, a_delta, a_kernel, a_live_kernel, a_mark, a_quote, a_trade, down


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
