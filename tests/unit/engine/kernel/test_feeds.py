"""Connections: up, down, alive, and frames that could not be read."""

from engine.model.effects import Notify
from engine.model.market import FeedUp, FrameRefused
from tests.builders import FEED, REST, Run, a_kernel, a_trade, at, down


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
