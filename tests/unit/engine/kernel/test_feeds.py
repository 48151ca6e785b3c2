"""Connections: up, down, alive, and frames that could not be read."""

from engine.kernel.views import status_view
from engine.model.effects import Notify
from engine.model.market import ClockMeasured, FeedUp, FrameRefused, StreamSilent
from tests.builders import (
    FEED,
    REST,
    Run,
    a_kernel,
    a_trade,
    a_trader,
    at,
    buy,
    down,
    some_facts,
)


def measured(ms: int, venue: str = "test") -> ClockMeasured:
    """Return a measurement: the venue is so many milliseconds ahead."""
    return ClockMeasured(venue, ms * 1_000_000, 20_000_000)


def test_a_connection_is_known_from_its_first_word():
    run = Run().take(FeedUp(FEED), down("feed:test/other"))

    assert run.state.connections[FEED].is_up
    assert not run.state.connections["feed:test/other"].is_up
    assert run.said == ["connected", "connection reset"]


def test_data_shows_that_the_connection_lives():
    run = a_kernel()
    run.wait(1_000)

    run.take(a_trade())

    assert run.state.connections[FEED].age_ns(at(1_500)) == 500_000_000


def test_data_of_an_unknown_sender_makes_no_connection():
    run = a_kernel().take(a_trade(), source=REST)

    assert list(run.state.connections) == [FEED]


def test_a_lost_connection_is_told_with_its_reason_and_comes_back_without():
    run = a_kernel().take(down(attempt=2))

    connection = run.state.connections[FEED]
    assert (connection.reason, connection.attempt) == ("connection reset", 2)
    assert run.asked(Notify)[0].notice.level == "warning"

    run.take(FeedUp(FEED))
    assert (connection.is_up, connection.reason) == (True, "")


def test_a_refused_frame_is_counted_and_told():
    run = a_kernel().take(FrameRefused(FEED, "not a number"))

    assert run.state.bad_frames == 1
    assert run.said[-1] == "frame refused: not a number"


def test_the_run_has_a_name_and_says_its_version():
    run = a_kernel()

    assert (run.state.run_id, run.state.version) == ("run-1", "0.1")
    assert run.said[0] == "cockpit 0.1 started"


def test_a_silent_subscription_is_counted_and_told():
    run = a_kernel().take(StreamSilent(FEED, "btcusdt@depth"))

    assert run.state.silent_streams == 1
    assert run.said[-1] == "btcusdt@depth is silent, subscribed again"


def test_a_clock_that_is_right_is_shown_and_not_told():
    run = a_kernel()
    said = list(run.said)

    run.take(measured(250))

    view = status_view(run.state, run.now_ns, some_facts())
    assert (run.said, view.clock_offset_ns) == (said, 250_000_000)


def test_a_clock_that_is_off_is_told_once():
    run = a_kernel().take(measured(-251), measured(-300), measured(0))

    assert run.said[-2:] == [
        "the venue's clock is -251 ms ahead of ours",
        "the venue's clock is 0 ms ahead of ours",
    ]


def test_beyond_a_second_nothing_signed_adds_risk_until_it_is_measured_again():
    live, paper = a_trader(is_live=True), a_trader()

    for trader in (live, paper):
        trader.take(measured(1_001))
    sentence = "the venue's clock is 1001 ms ahead of ours"
    assert any(sentence in told for told in live.ask(buy()).sentences)
    assert not any(sentence in told for told in paper.ask(buy()).sentences)

    live.take(measured(1_000))
    assert not any("clock" in told for told in live.ask(buy()).sentences)


def test_the_clock_of_another_venue_refuses_nothing():
    trader = a_trader(is_live=True).take(measured(5_000, "other"))

    assert not any("clock" in told for told in trader.ask(buy()).sentences)
