"""What the venue tells bears its own times; ours may be a minute off."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.kernel.venue_clock import ahead_ns
from engine.model import account as a
from engine.model import facts as f
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from tests.builders import a_fill, an_instrument, an_update
from tests.unit.engine.kernel.live_desk import a_live_desk, held, seen


def test_of_a_clock_that_nobody_has_measured_nothing_is_known():
    desk = a_live_desk(is_clean=False)
    assert ahead_ns(desk.state) == 0

    desk.tells(ClockMeasured("another", offset_ns=5, round_trip_ns=0))
    assert ahead_ns(desk.state) == 0

    desk.tells(ClockMeasured("test", offset_ns=-7, round_trip_ns=0))
    assert ahead_ns(desk.state) == -7


@pytest.mark.parametrize("ahead_s", [-60, 0, 60])
def test_how_new_a_change_is_told_by_the_clock_of_the_venue(ahead_s: int):
    """A copy of before the amend is no news, though by our clock it may be of after it."""
    desk = a_live_desk()
    cid = desk.rests()
    asked = PriceTicks(1_010), QtyLots(5)
    desk.ledger.apply(f.ReplaceRequested(desk.now_ns, cid, *asked))
    desk.tells(f.OrderReplaced(desk.now_ns, cid, *asked))
    desk.tells(ClockMeasured("test", offset_ns=ahead_s * NS_PER_S, round_trip_ns=0))
    there_ns = desk.now_ns + ahead_s * NS_PER_S
    old, new = (seen(cid, lots=9, updated_ns=there_ns + s * NS_PER_S) for s in (-5, 5))
    desk.wait(10_000).waits_for_report()
    desk.reports(old)

    desk.wait(250).answers(cid, old)
    assert desk.ledger.orders[cid].remaining_lots == 5
    desk.wait(5_000).answers(cid, new)

    assert desk.ledger.orders[cid].remaining_lots == 9


def test_the_last_agreement_is_remembered_in_the_time_of_the_venue():
    desk = a_live_desk(is_clean=False).tells(a.PrivateUp("test"))
    desk.tells(ClockMeasured("test", offset_ns=-7_200 * NS_PER_S, round_trip_ns=0))
    desk.waits_for_report()
    desk.reports()

    assert desk.ledger.confirmed_ns == desk.now_ns - 7_200 * NS_PER_S


def test_old_fills_that_a_report_may_still_bring_are_told_by_the_clock_of_the_venue():
    """It is ten minutes ahead: a fill of now is of before the report only by ours."""
    desk = a_live_desk().wait(100_000)
    desk.tells(ClockMeasured("test", offset_ns=600 * NS_PER_S, round_trip_ns=0))
    desk.waits_for_report()
    desk.reports()
    bought = a_fill(desk.rests("buy", 1, 1_001), 1, 1_001)
    desk.tells(replace(bought, ts_ns=desk.now_ns + 600 * NS_PER_S))
    stop = desk.rests(is_reduce_only=True)
    for _ in range(4):
        desk.waits_for_report()
        desk.reports(seen(stop), positions=[held(1)])

    desk.take(an_update(an_instrument(is_trading=True, tick_size=Decimal(5))))

    assert desk.ledger.orders[stop].state == "open"
