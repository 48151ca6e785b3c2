"""How old data is, and what is known of a connection."""

import pytest

from engine.ingest.health import LIMITS, SOFT_NS_MIN, Connection, freshness
from engine.model.market import StreamClass
from engine.model.numbers import NS_PER_S


@pytest.mark.parametrize(
    ("stream", "slow_s", "stale_s"),
    [
        ("book", 2, 5),
        ("quote", 2, 5),
        ("mark", 6, 15),
        ("trade", 30, 120),
        ("candle", 70, 130),
    ],
)
def test_data_ages_from_fresh_to_slow_to_stale(stream: StreamClass, slow_s: int, stale_s: int):
    assert freshness(stream, 0) == "fresh"
    assert freshness(stream, slow_s * NS_PER_S - 1) == "fresh"
    assert freshness(stream, slow_s * NS_PER_S) == "slow"
    assert freshness(stream, stale_s * NS_PER_S - 1) == "slow"
    assert freshness(stream, stale_s * NS_PER_S) == "stale"


@pytest.mark.parametrize("stream", LIMITS)
def test_what_never_came_is_not_fresh(stream: StreamClass):
    assert freshness(stream, None) == "none"


def test_a_new_connection_is_not_up_and_has_no_age():
    connection = Connection(100)

    assert not connection.is_up
    assert connection.age_ns(500) is None


def test_the_age_counts_from_the_last_data():
    connection = Connection(100)
    connection.go_up(200)
    assert connection.age_ns(500) is None

    connection.last_ns = 300

    assert connection.age_ns(500) == 200


def test_a_lost_connection_says_why_and_when_it_is_tried_again():
    connection = Connection(100)
    connection.go_up(200)
    connection.last_ns = 300

    connection.go_down(400, "reset by peer", retry_at_ns=900, attempt=3)

    assert (connection.is_up, connection.since_ns) == (False, 400)
    assert (connection.reason, connection.retry_at_ns, connection.attempt) == (
        "reset by peer",
        900,
        3,
    )
    assert connection.age_ns(500) == 200


def test_a_connection_that_is_back_has_delivered_nothing_yet():
    connection = Connection(100)
    connection.last_ns = 300
    connection.go_down(400, "reset by peer", retry_at_ns=900, attempt=3)

    connection.go_up(900)

    assert connection.digest_parts() == (True, 900, 0, "", 0, 3, 1)
    assert connection.age_ns(1_000) is None


@pytest.mark.parametrize("stream", LIMITS)
def test_nothing_is_slow_before_two_seconds_or_stale_before_it_is_slow(stream: StreamClass):
    limits = LIMITS[stream]

    assert SOFT_NS_MIN <= limits.slow_ns < limits.stale_ns
    assert limits.first_ns is None or limits.first_ns > limits.slow_ns
