"""Orders of which nobody knows what became of them, and what settles it."""

import pytest
from msgspec.structs import replace

from engine.kernel.evidence import troubles
from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import SendCancel
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from tests.builders import BTC, a_fill, a_trader
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, seen


def lost(**changed) -> tuple[LiveDesk, str]:
    """Return a desk with an order that got no answer and is asked for."""
    desk = a_live_desk(**changed)
    cid = desk.sends()
    desk.wait(2_000)
    return desk, cid


def state_of(desk: LiveDesk, cid: str) -> str:
    return desk.ledger.orders[cid].state


def absent(desk: LiveDesk, cid: str, *waits_ms: float) -> LiveDesk:
    """Let the venue say so often that it has no such order."""
    for wait_ms in waits_ms:
        desk.wait(wait_ms)
        desk.answers(cid, None)
    return desk


def waits_for_query(desk: LiveDesk) -> int:
    """Let time pass until an order is asked for; return how long that took, in ms."""
    waited_ms = 250
    while not desk.wait(250).queried():
        waited_ms += 250
    return waited_ms


# Asking.


def test_an_order_without_an_answer_is_unknown_after_two_seconds_and_asked_for():
    desk = a_live_desk()
    cid = desk.sends()
    assert desk.wait(1_750).queried() == []

    assert desk.wait(250).queried() == [cid]

    assert state_of(desk, cid) == "unknown"


def test_what_has_not_left_is_not_asked_for():
    desk = a_live_desk()
    cid = desk.works(is_acked=False)
    desk.ledger.orders[cid].created_ns = desk.now_ns

    assert desk.wait(60_000).queried() == []
    assert state_of(desk, cid) == "intent"


def test_an_order_that_a_gateway_calls_unknown_is_asked_for_at_once():
    desk = a_live_desk()
    cid = desk.sends()
    desk.tells(f.OrderUnknown(desk.now_ns, cid, "HTTP 503"))

    assert desk.wait(250).queried() == [cid]


def test_queries_leave_after_one_two_and_then_five_seconds():
    desk, cid = lost()

    waits = []
    for _ in range(4):
        desk.tells(a.QueryFailed(cid, "no answer"))
        waits.append(waits_for_query(desk))

    assert waits == [1_000, 2_000, 5_000, 5_000]


def test_the_first_answer_that_counts_is_asked_for_as_soon_as_one_does_and_another_in_a_second():
    desk, cid = lost()

    waits = []
    for _ in range(13):
        desk.answers(cid, None)
        waits.append(waits_for_query(desk))

    assert waits == [1_000, 2_000, *[5_000] * 9, 3_000, 1_000]


def test_a_query_that_failed_says_nothing_and_one_that_is_lost_is_sent_again():
    desk, cid = lost()
    desk.tells(a.QueryFailed(cid, "HTTP 502"), a.QueryFailed("stranger", "HTTP 502"))
    assert state_of(desk, cid) == "unknown"
    assert desk.wait(1_000).queried() == [cid]

    assert desk.wait(29_750).queried() == []
    assert desk.wait(250).queried() == [cid]


@pytest.mark.parametrize("fact", [f.CancelRequested, f.ReplaceRequested])
def test_a_cancel_or_an_amend_without_an_answer_is_asked_for(fact: type):
    desk = a_live_desk()
    cid = desk.rests()
    more = () if fact is f.CancelRequested else (1_011, 2)
    desk.ledger.apply(fact(desk.now_ns, cid, *more))

    assert desk.wait(1_750).queried() == []
    assert desk.wait(250).queried() == [cid]


def test_what_an_earlier_run_left_is_asked_for():
    desk = a_live_desk()
    cid = desk.works()
    desk.ledger.apply(f.OrderUnknown(desk.now_ns, cid, "the run ended"))

    assert desk.wait(250).queried() == [cid]


def test_a_refused_cancel_means_that_the_order_is_asked_for():
    desk = a_live_desk()
    cid = desk.rests()
    desk.tells(f.CancelRejected(desk.now_ns, cid, "Unknown order sent."))

    assert desk.wait(250).queried() == [cid]
    assert state_of(desk, cid) == "open"


def test_on_paper_nothing_is_asked_for():
    desk = a_live_desk(rules=None, is_clean=False)
    cid = desk.sends()
    desk.tells(a.OrderAnswered(cid, desk.now_ns, None))

    assert desk.wait(60_000).queried() == []
    assert state_of(desk, cid) == "sent"
    assert troubles(desk.state) == ()


def test_an_order_that_is_forgotten_is_asked_for_no_longer():
    desk, cid = lost()
    del desk.ledger.orders[cid]
    desk.ledger._kept.orders._find_working()
    desk.answers(cid, None)

    desk.wait(250)

    assert desk.side.doubts == {}


# People.


def test_an_order_unknown_for_more_than_five_seconds_is_an_alarm_that_is_told_once():
    desk, cid = lost()
    desk.wait(5_000)
    assert not troubles(desk.state)

    desk.wait(250).wait(10_000)

    told = "UNKNOWN o1 sell BTCUSDT for 5 s: it counts in full until the venue shows it"
    assert desk.said.count(told) == 1
    assert len(troubles(desk.state)) == 1
    assert desk.ledger.orders[cid].remaining_lots == 1


def test_an_order_whose_cancel_is_not_answered_is_no_alarm():
    desk = a_live_desk()
    desk.do(c.CancelOrders((desk.rests(),)))

    desk.wait(20_000)

    assert troubles(desk.state) == ()


# Found.


def test_an_order_that_is_found_open_works():
    desk, cid = lost()
    desk.wait(250).answers(cid, seen(cid))

    order = desk.ledger.orders[cid]
    assert (order.state, order.venue_order_id) == ("open", f"v-{cid}")
    assert desk.wait(60_000).queried() == []
    assert desk.side.repairs == 1


def test_what_happened_just_before_it_was_asked_for_is_no_repair():
    desk, cid = lost()
    fill = replace(a_fill(cid, price=1_010), ts_ns=desk.now_ns)
    desk.wait(250).answers(cid, seen(cid, "filled", filled=1, updated_ns=desk.now_ns), fill)

    assert state_of(desk, cid) == "filled"
    assert desk.side.repairs == 0


@pytest.mark.parametrize("end", ["canceled", "expired", "rejected"])
def test_an_order_that_is_found_ended_has_ended_however_old_the_answer_is(end: str):
    desk, cid = lost()

    desk.wait(250).answers(cid, seen(cid, end), age_ms=5_000)

    assert state_of(desk, cid) == end
    assert desk.side.doubts == {}


def test_fills_of_an_answer_are_booked_and_end_the_order():
    desk, cid = lost()
    fill = a_fill(cid, 1, 1_010)

    desk.wait(250).answers(cid, seen(cid, "filled", filled=1), fill, fill)

    assert state_of(desk, cid) == "filled"
    assert desk.ledger.net_lots(BTC) == -1


def test_no_fill_is_made_up_where_the_venue_says_less_than_it_counts():
    desk, cid = lost()

    desk.wait(250).answers(cid, seen(cid, "filled", filled=1))

    assert state_of(desk, cid) == "unknown"
    assert desk.ledger.net_lots(BTC) == 0
    assert desk.wait(1_000).queried() == [cid]


def test_an_answer_older_than_the_newest_news_is_asked_for_again():
    desk = a_live_desk()
    cid = desk.rests(lots=2)
    desk.ledger.apply(f.CancelRequested(desk.now_ns, cid))
    desk.wait(2_000).tells(a_fill(cid, 1))

    desk.answers(cid, seen(cid, lots=2, filled=1), age_ms=100)

    assert desk.asked(SendCancel) == []
    assert desk.wait(1_000).queried() == [cid]


def test_an_answer_that_nobody_waits_for_brings_its_fills_and_nothing_else():
    desk = a_live_desk()
    cid = desk.rests(lots=2)

    desk.wait(250).answers(cid, seen(cid, "canceled", lots=2, filled=1), a_fill(cid, 1))

    assert state_of(desk, cid) == "partial"
    desk.answers("stranger", None)


def test_a_cancel_that_was_lost_is_sent_again():
    desk = a_live_desk()
    cid = desk.rests()
    desk.do(c.CancelOrders((cid,)))
    desk.wait(2_000)

    desk.wait(250).answers(cid, seen(cid))

    assert desk.asked(SendCancel) == [SendCancel(cid)]
    assert state_of(desk, cid) == "pending_cancel"
    assert desk.wait(1_000).queried() == [cid]


def test_news_on_the_stream_ends_the_asking():
    desk, cid = lost()
    desk.tells(f.OrderAcked(desk.now_ns, cid, "v"))

    desk.answers(cid, None)

    assert desk.side.doubts == {}
    assert desk.wait(60_000).queried() == []


def test_the_last_doubt_that_ends_lets_the_account_be_compared_at_once():
    desk = a_live_desk(is_clean=False)
    cid = desk.works()
    desk.ledger.apply(f.OrderUnknown(desk.now_ns, cid, "the run ended"))
    desk.tells(a.PrivateUp("test"))
    desk.waits_for_report()
    desk.reports(seen(cid))
    assert desk.side.agreed_ns is None

    desk.wait(1_000).answers(cid, seen(cid))

    assert desk.wait(250).side.is_waiting


# Absent.


def test_an_order_that_the_venue_never_had_is_refused_after_its_life_and_two_answers():
    desk, cid = lost()

    absent(desk, cid, 100, 5_800, 45_000, 250)
    assert state_of(desk, cid) == "unknown"
    absent(desk, cid, 999)
    assert state_of(desk, cid) == "unknown"
    absent(desk, cid, 1)

    order = desk.ledger.orders[cid]
    assert (order.state, order.reason) == ("rejected", "the venue never accepted it")


def test_a_cancel_that_is_refused_meanwhile_makes_no_answer_old():
    desk, cid = lost()
    desk.wait(52_000)

    for _ in range(2):
        desk.wait(1_000).tells(f.CancelRejected(desk.now_ns, cid, "HTTP 400, -2011"))
        desk.answers(cid, None, age_ms=100)

    assert state_of(desk, cid) == "rejected"


def test_that_an_order_never_came_is_no_failure_of_the_venue():
    desk, cid = lost()

    absent(desk, cid, 52_000, 1_000)

    assert state_of(desk, cid) == "rejected"
    assert desk.ledger.failures("hand@test") == 0
    assert not any(isinstance(fact, f.FailureCounted) for fact in desk.facts)


def test_a_clock_that_is_off_makes_the_proof_later():
    desk, cid = lost()
    desk.tells(ClockMeasured("test", offset_ns=-3 * NS_PER_S, round_trip_ns=0))

    absent(desk, cid, 52_000, 1_000)
    assert state_of(desk, cid) == "unknown"
    absent(desk, cid, 1_000, 1_000)
    assert state_of(desk, cid) == "rejected"


@pytest.mark.parametrize("stream", ["silent", "renewed", "down"])
def test_every_copy_must_have_caught_up_whatever_the_stream_does(stream: str):
    desk, cid = lost()
    absent(desk, cid, 7_000)
    if stream != "silent":
        desk.tells(a.PrivateDown("test", "closed", desk.now_ns))
    if stream == "renewed":
        desk.tells(a.PrivateUp("test"))

    absent(desk, cid, 1_000, 30_000)
    assert state_of(desk, cid) == "unknown"
    absent(desk, cid, 13_000, 1_000)
    assert state_of(desk, cid) == "rejected"


def test_an_order_that_the_venue_had_and_has_no_more_is_cancelled():
    desk = a_live_desk()
    cid = desk.rests()
    desk.tells(f.OrderUnknown(desk.now_ns, cid, "HTTP 500")).wait(250)

    absent(desk, cid, 45_000, 1_000)

    order = desk.ledger.orders[cid]
    assert (order.state, order.reason) == ("canceled", "the venue has it no more")


def test_a_copy_that_lags_behind_takes_no_order_away_that_the_venue_has_confirmed():
    desk = a_live_desk()
    cid = desk.rests()
    desk.wait(10_000).waits_for_report()
    desk.reports()
    assert desk.wait(250).queried() == [cid]

    absent(desk, cid, 7_000, 1_000)
    assert state_of(desk, cid) == "open"
    absent(desk, cid, 30_000, 1_000)
    assert state_of(desk, cid) == "canceled"


# Price and size.


def amended(*news: type, lots: int = 5) -> tuple[LiveDesk, str]:
    """Return a desk with an order of one lot that was to have more, and what was heard of that."""
    desk = a_live_desk()
    cid = desk.rests()
    asked = PriceTicks(1_010), QtyLots(lots)
    desk.ledger.apply(f.ReplaceRequested(desk.now_ns, cid, *asked))
    for kind in news:
        rest = asked if kind is f.OrderReplaced else ("no answer",)
        desk.tells(kind(desk.now_ns, cid, *rest))
    return desk, cid


def test_an_amend_that_may_still_arrive_counts_until_its_life_is_over():
    desk, cid = amended(f.OrderUnknown)

    desk.wait(50_500).answers(cid, seen(cid))
    assert desk.ledger.orders[cid].remaining_lots == 5
    desk.wait(1_000).answers(cid, seen(cid))

    assert (desk.ledger.orders[cid].remaining_lots, state_of(desk, cid)) == (1, "open")


def test_an_amend_that_the_venue_shows_has_arrived():
    desk, cid = amended(f.OrderUnknown)

    desk.wait(250).answers(cid, seen(cid, lots=5))

    order = desk.ledger.orders[cid]
    assert (order.state, order.spec.qty_lots, order.asked_qty_lots) == ("open", 5, None)


@pytest.mark.parametrize("changed", [{}, {"limit_ticks": 1_011}])
def test_a_copy_that_lags_behind_does_not_take_an_amend_back(changed: dict):
    desk, cid = amended(f.OrderReplaced)
    desk.wait(10_000).waits_for_report()
    desk.reports(seen(cid, **changed))

    desk.wait(250).answers(cid, seen(cid, **changed))
    assert desk.ledger.orders[cid].spec.qty_lots == 5
    desk.wait(40_000).answers(cid, seen(cid, **changed))

    assert desk.ledger.orders[cid].spec.qty_lots == 1


def test_what_was_changed_elsewhere_after_the_newest_news_counts_at_once():
    desk, cid = amended(f.OrderReplaced)
    desk.wait(10_000).waits_for_report()
    other = seen(cid, lots=9, updated_ns=desk.now_ns)
    desk.reports(other)

    desk.wait(250).answers(cid, other)

    assert desk.ledger.orders[cid].remaining_lots == 9


def test_an_order_that_nobody_has_confirmed_has_no_older_terms():
    desk, cid = lost()

    desk.wait(250).answers(cid, seen(cid, lots=2))

    assert (state_of(desk, cid), desk.ledger.orders[cid].spec.qty_lots) == ("open", 2)


# Ended, and not so.


def ended_but_shown() -> tuple[LiveDesk, str]:
    """Return a desk that took an order for cancelled which a report shows open."""
    desk = a_live_desk()
    cid = desk.rests()
    desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"))
    desk.wait(10_000).waits_for_report()
    desk.reports(seen(cid))
    assert desk.wait(250).queried() == [cid]
    return desk, cid


def test_an_ended_order_that_a_copy_still_shows_stays_ended():
    desk, cid = ended_but_shown()

    desk.answers(cid, seen(cid))
    assert state_of(desk, cid) == "canceled"
    desk.answers(cid, None)

    assert desk.side.doubts == {}
    assert state_of(desk, cid) == "canceled"


def test_an_ended_order_that_works_all_the_same_counts_again():
    desk, cid = ended_but_shown()

    desk.wait(46_000).answers(cid, seen(cid, lots=3))

    order = desk.ledger.orders[cid]
    assert (order.state, order.remaining_lots, order.intent.owner) == ("open", 3, "hand")
    assert "works at the venue although it had ended" in desk.said[-1]


def test_an_ended_stop_that_works_all_the_same_keeps_its_terms():
    desk = a_live_desk()
    cid = desk.stops()
    desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"))
    desk.wait(10_000).waits_for_report()
    stop = seen(cid, type="stop", trigger_ticks=950, limit_ticks=None, is_reduce_only=True)
    desk.reports(stop).wait(46_000)

    desk.answers(cid, stop)

    order = desk.ledger.orders[cid]
    assert (order.state, order.spec.trigger_ticks, order.spec.limit_ticks) == ("open", 950, None)


def test_unknown_orders_are_in_doubt_in_a_paper_trader_no_more_than_before():
    trader = a_trader()
    trader.take(f.OrderUnknown(trader.now_ns, trader.works(), "a test"))

    assert trader.desk.venue_side.doubts == {}
