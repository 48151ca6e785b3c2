"""A stop protects once the venue has shown it; that it answered the order is not enough."""

from engine.kernel.alarms import alarms, stopped_lots
from engine.kernel.sights import hangs
from engine.model import facts as f
from engine.model.envelope import RunStarted
from engine.model.orders import EXTERNAL, HAND
from tests.builders import BTC
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, seen

HELD = (HAND, BTC)


def answered(lots: int = 5) -> tuple[LiveDesk, str]:
    """Hold a position whose stop the venue has taken, as its answer says, and not shown."""
    desk = a_live_desk()
    desk.holds(5)
    cid = desk.stops(lots=lots, is_acked=False)
    desk.ledger.orders[cid].created_ns = desk.now_ns
    desk.tells(f.OrderSent(desk.now_ns, cid))
    desk.tells(f.OrderAcked(desk.now_ns, cid, f"algo-{cid}", is_answer=True))
    return desk, cid


def shown(cid: str, **changed):
    """The stop as the venue shows it."""
    terms = {"type": "stop", "limit_ticks": None, "trigger_ticks": 950, "is_reduce_only": True}
    return seen(cid, lots=5, venue_order_id=f"algo-{cid}", **(terms | changed))


def protects(desk: LiveDesk) -> bool:
    return stopped_lots(desk.state, HELD) == 5


def test_an_answer_alone_protects_nothing():
    desk, cid = answered()

    assert desk.ledger.orders[cid].state == "open"
    assert not protects(desk)


def test_the_word_of_the_stream_protects():
    desk, cid = answered()
    version = desk.desk.version

    desk.tells(f.OrderAcked(desk.now_ns, cid, f"algo-{cid}"))

    assert protects(desk)
    assert desk.desk.version > version
    assert desk.wait(30_000).queried() == []


def test_what_nothing_has_shown_is_asked_for_a_second_after_its_answer():
    desk, cid = answered()

    assert desk.wait(1_000).queried() == []
    assert desk.wait(500).queried() == [cid]
    assert desk.wait(500).queried() == []
    desk.answers(cid, shown(cid))

    assert protects(desk)
    assert desk.wait(30_000).queried() == []


def test_a_report_shows_it_too():
    desk, cid = answered()
    desk.waits_for_report()

    desk.reports(shown(cid))

    assert protects(desk)


def test_what_is_not_shown_is_an_alarm_and_ends_when_it_is():
    desk, cid = answered()
    desk.wait(250).wait(3_500)
    told = (
        "UNPROTECTED BTCUSDT: no stop for 5 of +5 of hand: what was sent is not seen at the venue"
    )
    assert alarms(desk.state) == (told,)

    desk.answers(cid, shown(cid)).wait(250)

    assert alarms(desk.state) == ()


def test_a_stop_that_hangs_while_it_triggers_protects_nothing():
    desk, cid = answered()
    desk.tells(f.OrderAcked(desk.now_ns, cid, f"algo-{cid}"))

    desk.answers(cid, shown(cid, is_triggered=True))
    assert not protects(desk)
    desk.answers(cid, shown(cid), age_ms=500)  # Older than what is known.
    assert not protects(desk)

    assert desk.wait(1_250).queried() == [cid]
    desk.answers(cid, shown(cid, is_triggered=True))
    assert desk.wait(4_500).queried() == []
    assert desk.wait(500).queried() == [cid]


def test_a_stop_that_stays_triggered_for_three_seconds_hangs():
    desk, cid = answered()
    order = desk.ledger.orders[cid]
    assert not hangs(desk.state, order)
    desk.answers(cid, shown(cid, is_triggered=True))
    assert not hangs(desk.wait(2_750).state, order)

    desk.answers(cid, shown(cid, is_triggered=True))
    assert hangs(desk.wait(250).state, order)

    desk.wait(1_500)
    (told,) = alarms(desk.state)
    assert told.endswith("of hand: it was triggered, and the venue made no order of it")
    desk.answers(cid, shown(cid))
    assert not hangs(desk.state, order)
    assert protects(desk)


def test_one_of_unknown_fate_that_is_found_hanging_protects_nothing():
    desk, cid = answered()
    desk.tells(f.OrderUnknown(desk.now_ns, cid, "HTTP 503")).wait(250)

    desk.answers(cid, shown(cid, is_triggered=True))

    assert desk.ledger.orders[cid].state == "open"
    assert not protects(desk)


def test_what_was_never_there_is_given_up_in_the_end():
    desk, cid = answered()
    for _ in range(120):
        if desk.wait(500).queried():
            desk.answers(cid, None)

    assert desk.ledger.orders[cid].state == "canceled"
    assert cid not in desk.side.sights


def test_a_new_run_has_seen_nothing_until_the_first_report():
    before, cid = answered()
    before.tells(f.OrderAcked(before.now_ns, cid, f"algo-{cid}"))
    desk = a_live_desk(is_clean=False)
    desk.desk.ledger = before.ledger
    desk.take(RunStarted("run-2", "0.1"), source="engine")
    assert not protects(desk)

    desk.waits_for_report()
    desk.reports(shown(cid))
    desk.wait(500).answers(cid, shown(cid))

    assert protects(desk)


def test_a_stop_made_elsewhere_counts_when_it_was_shown():
    desk = a_live_desk()
    desk.holds(5)
    desk.waits_for_report()

    desk.reports(shown("web_1"))

    assert protects(desk)
    assert desk.ledger.orders["web_1"].intent.owner == EXTERNAL


def test_what_is_no_conditional_order_of_ours_is_not_watched_for():
    desk = a_live_desk()
    cid = desk.rests()
    desk.answers(cid, seen(cid))
    desk.answers("stranger", seen("stranger"))
    desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"), f.OrderAcked(desk.now_ns, cid, "v"))
    gone, stop = answered()
    gone.tells(f.OrderCanceled(gone.now_ns, stop, "asked"))
    gone.tells(f.OrderAcked(gone.now_ns, stop, "v"))

    assert desk.side.sights == {}
    assert not gone.side.sights


def test_paper_is_believed():
    desk = a_live_desk(rules=None, is_clean=False)
    desk.holds(5)
    cid = desk.stops(lots=5)
    desk.tells(f.OrderAcked(desk.now_ns, cid, "v", is_answer=True)).wait(5_000)

    assert protects(desk)
    assert desk.side.sights == {}
    desk.tells(f.OrderUnknown(desk.now_ns, cid, "lost"))
    assert not protects(desk)
