"""Since when a report of the venue tells of fills."""

from engine.kernel.report_window import report_since_ns
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from tests.unit.engine.kernel.live_desk import RULES, a_live_desk


def test_it_begins_before_the_last_agreement_by_the_lag_of_copies_and_the_error_of_the_clock():
    desk = a_live_desk()
    confirmed_ns = desk.ledger.confirmed_ns
    assert report_since_ns(desk.state, RULES) == confirmed_ns - 50 * NS_PER_S

    desk.tells(ClockMeasured("test", offset_ns=-3 * NS_PER_S, round_trip_ns=0))

    assert report_since_ns(desk.state, RULES) == confirmed_ns - 53 * NS_PER_S


def test_before_the_first_agreement_it_begins_before_the_run():
    desk = a_live_desk(is_clean=False)

    assert report_since_ns(desk.state, RULES) == desk.side.began_ns - 50 * NS_PER_S
