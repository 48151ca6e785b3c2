"""A kill at a real venue: all at once, again and again, until the venue has shown its end."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import (
    CancelAllOrders,
    CancelShown,
    Record,
    RequestReport,
    SendCancel,
    SetDeadMan,
)
from engine.model.envelope import RunStarted
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL
from tests.builders import BTC, ETH, a_fill, set_state
from tests.unit.engine.kernel.live_desk import RULES, LiveDesk, a_live_desk, held, seen

TIMED = replace(RULES, dead_man_ns=60 * NS_PER_S, dead_man_min_ns=5 * NS_PER_S)


def killed(desk: LiveDesk) -> LiveDesk:
    desk.say(c.EngageKill("a test"))
    return desk


def cleared(desk: LiveDesk) -> list[str]:
    return [effect.instrument_id for effect in desk.asked(CancelAllOrders)]


def canceled(desk: LiveDesk) -> list[str]:
    return [effect.client_order_id for effect in desk.asked(SendCancel)]


def gone(desk: LiveDesk, *cids: str) -> None:
    desk.tells(*(f.OrderCanceled(desk.now_ns, cid, "asked") for cid in cids))


def verified(desk: LiveDesk) -> bool:
    assert desk.side.kill is not None
    return bool(desk.side.kill.verified_ns)


def shown(desk: LiveDesk, *orders: a.OrderSeen, **changed) -> bool:
    """Answer the next report, and return whether the kill is verified by it."""
    desk.waits_for_report()
    desk.reports(*orders, **changed)
    return verified(desk)


def report(desk: LiveDesk) -> tuple[str, ...]:
    from engine.kernel.desk_views import risk_view

    view = risk_view(desk.state, is_latched=True, is_persisted=True, is_journal_ok=True)
    return view.kill_report


# What is asked.


def test_each_instrument_is_cleared_and_each_order_canceled_whoever_made_it():
    desk = a_live_desk()
    ours, lost = desk.rests(), desk.sends()
    other = desk.works(owner=EXTERNAL, instrument_id=ETH)

    killed(desk)

    assert cleared(desk) == [BTC, ETH]
    assert set(canceled(desk)) == {ours, lost, other}
    first = next(one for one in desk.effects if isinstance(one, CancelAllOrders | SendCancel))
    assert isinstance(first, CancelAllOrders)


def test_on_paper_nothing_changes():
    desk = a_live_desk(rules=None, is_clean=False)
    desk.works()

    killed(desk).wait(10_000)

    assert desk.side.kill is None
    assert cleared(desk) == []


@pytest.mark.parametrize(
    ("covers", "stop", "is_spared"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"limit_ticks": 940}, True),
        (False, {"type": "limit", "trigger_ticks": None, "limit_ticks": 1_100}, True),
    ],
)
def test_where_protection_would_go_too_orders_go_one_by_one(covers, stop, is_spared):
    desk = a_live_desk(rules=replace(RULES, cancel_all_covers_stops=covers)).holds(5)
    kept = desk.works("sell", 5, None, **STOP | stop)
    cid = desk.rests("buy", 1, 990)

    killed(desk)

    assert cleared(desk) == ([] if is_spared else [BTC])
    assert canceled(desk) == [cid]
    assert desk.ledger.orders[kept].state == "open"


STOP: dict = {
    "type": "stop",
    "trigger_ticks": 950,
    "is_reduce_only": True,
    "is_protective": True,
}


def test_a_stop_that_somebody_made_elsewhere_stays_while_it_protects():
    desk = a_live_desk().holds(5)
    stop = desk.stops(lots=5, owner=EXTERNAL, is_protective=False)

    killed(desk)
    assert canceled(desk) == []

    desk.tells(a_fill(desk.rests("sell", 5, 1_000), 5))
    assert stop in canceled(desk.wait(250))


def test_what_is_left_is_asked_to_go_again_and_again_for_ever():
    desk = a_live_desk()
    desk.rests()
    killed(desk)

    rounds = [len(cleared(desk.wait(1_000))) for _ in range(40)]

    assert sum(rounds[:10]) == 3, "after 1, 3 and 6 seconds"
    assert sum(rounds[10:]) == 6, "and every five from then on"


def test_an_order_that_only_the_venue_knows_is_cleared_and_canceled():
    desk = killed(a_live_desk())

    assert not shown(desk, seen("web_1", instrument_id=ETH))

    desk.wait(1_000)
    assert cleared(desk) == [ETH]
    assert canceled(desk) == ["web_1"]


def test_a_loss_that_kills_clears_too():
    desk = a_live_desk(daily_loss_share_max=Decimal("0.001"))
    desk.holds(100, 1_010)
    desk.rests("buy", 1, 900)

    desk.wait(500)

    assert desk.desk.trading_state == "killed"
    assert cleared(desk) == [BTC]
    assert desk.side.kill is not None


def test_a_run_that_begins_killed_clears_what_it_finds():
    desk = a_live_desk(is_clean=False)
    set_state(desk, "all", "killed")
    desk.take(RunStarted("run-2", "0.1"), source="engine").wait(250)
    assert desk.side.kill is not None

    desk.tells(a.PrivateUp("test"))
    assert not shown(desk, seen("web_1"))
    assert canceled(desk.wait(250)) == ["web_1"]


def test_a_position_of_which_nothing_is_known_does_not_keep_orders_from_being_canceled():
    desk = a_live_desk(is_clean=False)
    desk.tells(a.PrivateUp("test"))
    killed(desk)

    assert not shown(desk, seen("web_1"), positions=[held(3, instrument_id=ETH)])

    assert canceled(desk.wait(250)) == ["web_1"]
    gone(desk, "web_1")
    assert not shown(desk, positions=[held(3, instrument_id=ETH)])
    assert shown(desk, positions=[held(3, instrument_id=ETH)])


# What verifies it.


def test_two_clean_reports_a_second_apart_verify():
    desk = a_live_desk()
    cid = desk.rests()
    killed(desk)
    gone(desk, cid)

    assert not shown(desk)
    assert report(desk)[:2] == (
        "test: cancelled 1/1, NOT VERIFIED",
        "the venue has not shown twice that nothing is open",
    )
    began_ns = desk.now_ns
    assert shown(desk)

    assert desk.now_ns - began_ns <= 1_250_000_000
    assert report(desk)[0] == "test: cancelled 1/1, VERIFIED"
    assert "the kill is VERIFIED after" in desk.said[-1]
    assert not desk.wait(5_000).asked(RequestReport), "no haste any more"


def test_an_answer_from_before_the_kill_proves_nothing():
    desk = a_live_desk()
    desk.waits_for_report()
    asked_ns = desk.now_ns
    killed(desk)
    desk.wait(2_000).reports(asked_ns=asked_ns)

    assert desk.side.kill is not None
    assert desk.side.kill.clean_ns == 0


def test_two_answers_within_a_second_count_as_one():
    desk = killed(a_live_desk())
    desk.waits_for_report()
    first_ns = desk.now_ns
    desk.reports()
    desk.waits_for_report()
    desk.reports(asked_ns=first_ns + NS_PER_S - 1)

    assert not verified(desk)
    assert shown(desk)


def test_an_order_in_between_begins_it_anew():
    desk = killed(a_live_desk())

    assert not shown(desk)
    assert not shown(desk, seen("web_1"))
    assert "the venue shows 1 orders (web_1)" in report(desk)[1]
    gone(desk, "web_1")
    assert not shown(desk)
    assert shown(desk)


def test_many_orders_are_counted_and_a_few_are_named():
    desk = killed(a_live_desk())

    shown(desk, *(seen(f"web_{number}") for number in range(6)))

    assert report(desk)[1].startswith("the venue shows 6 orders (web_0, ")
    assert report(desk)[1].endswith(", …)")


def test_an_order_on_its_way_keeps_it_from_being_verified_until_its_signature_lapsed():
    desk = a_live_desk()
    desk.take(ClockMeasured("test", -NS_PER_S, 1))
    desk.sends()
    killed(desk)

    assert not shown(desk)
    assert report(desk)[1] == "1 orders may still work or arrive"
    while not shown(desk):
        assert desk.side.kill is not None
        assert desk.now_ns <= desk.side.kill.since_ns + 12 * NS_PER_S

    assert desk.side.kill is not None
    assert desk.side.kill.verified_ns >= desk.side.kill.since_ns + 7 * NS_PER_S
    assert report(desk)[:2] == ("test: cancelled 0/1, VERIFIED", "no word yet of: o1")


def test_what_cannot_be_verified_yet_does_not_use_up_the_questions():
    desk = killed(a_live_desk())
    desk.sends()
    waited_s, reports = 0.0, 0

    while not verified(desk):
        waited_s += 0.25
        if desk.wait(250).asked(RequestReport):
            reports += 1
            desk.reports()

    assert waited_s > 5
    assert reports < waited_s  # One a second until then would be more.


def test_while_much_of_the_allowance_is_used_reports_are_far_apart():
    desk = killed(a_live_desk())
    desk.tells(a.RateUsed("test", 50))
    desk.waits_for_report()
    desk.reports(seen("stranger"))

    waited = 0
    while not desk.wait(250).asked(RequestReport):
        waited += 250

    assert 9_000 <= waited <= 10_000


def test_protection_may_be_there_and_what_flattens_too():
    desk = a_live_desk().holds(5)
    stop = desk.stops(lots=5)
    killed(desk)
    desk.do(c.ClosePosition())
    rows = [
        seen(stop, lots=5, type="stop", limit_ticks=None, trigger_ticks=950, is_reduce_only=True),
        seen("web_stop", type="stop", limit_ticks=None, is_reduce_only=True),
    ]
    where = [held(5)]

    assert not shown(desk, *rows, positions=where)
    assert shown(desk, *rows, positions=where)


@pytest.mark.parametrize("changed", [{"side": "buy"}, {"type": "limit"}, {"is_reduce_only": False}])
def test_a_foreign_order_that_does_not_protect_is_to_go(changed):
    desk = killed(a_live_desk().holds(5))
    row: dict = {"type": "stop", "limit_ticks": None, "is_reduce_only": True} | changed

    assert not shown(desk, seen("web_1", **row), positions=[held(5)])

    assert desk.side.kill is not None
    assert len(desk.side.kill.left) == 1


def test_a_short_position_is_protected_by_buying():
    desk = killed(a_live_desk().holds(-5))
    row: dict = {"side": "buy", "type": "stop", "limit_ticks": None, "is_reduce_only": True}

    assert not shown(desk, seen("web_1", **row), positions=[held(-5)])
    assert shown(desk, seen("web_1", **row), positions=[held(-5)])


CLOSES_ALL: dict = {"type": "stop", "limit_ticks": None, "is_reduce_only": True, "lots": 0}
"""A stop of the venue's page that closes whatever is held."""


def test_what_closes_whatever_is_held_is_canceled_though_no_ledger_can_count_it():
    desk = killed(a_live_desk())

    assert not shown(desk, seen("web_1", **CLOSES_ALL))
    assert "web_1" not in desk.ledger.orders
    desk.wait(1_000)

    assert desk.asked(CancelShown) == [CancelShown("web_1", BTC, "stop")]
    assert not shown(desk)
    assert shown(desk)


def test_what_closes_whatever_is_held_stays_while_it_protects():
    desk = killed(a_live_desk().holds(5))

    assert not shown(desk, seen("web_1", **CLOSES_ALL), positions=[held(5)])
    assert shown(desk, seen("web_1", **CLOSES_ALL), positions=[held(5)])
    assert desk.wait(1_000).asked(CancelShown) == []


def test_what_the_ledger_counts_goes_by_its_own_cancel_and_what_it_calls_ended_does_not():
    desk = a_live_desk()
    ended = desk.rests()
    gone(desk, ended)
    killed(desk)

    assert not shown(desk, seen("web_1"), seen(ended))
    desk.wait(1_000)

    assert [one.client_order_id for one in desk.asked(CancelShown)] == [ended]


def test_an_unclear_order_that_may_protect_is_left_to_a_person():
    desk = killed(a_live_desk().holds(5))
    row = seen("web_1", "unclear", reason="status FROZEN", **CLOSES_ALL)

    assert not shown(desk, row, positions=[held(5)])

    assert desk.wait(1_000).asked(CancelShown) == []
    assert report(desk)[1] == "the venue shows 1 orders (web_1 status FROZEN)"


def test_a_verified_kill_is_undone_by_what_appears_later():
    desk = killed(a_live_desk())
    shown(desk)
    assert shown(desk)

    assert not shown(desk, seen("web_1"))
    assert canceled(desk.wait(250)) == ["web_1"]
    gone(desk, "web_1")
    shown(desk)
    assert shown(desk)

    desk.works(owner=EXTERNAL)
    desk.wait(250)
    assert not verified(desk)


def test_a_report_while_nothing_is_killed_is_judged_by_nobody():
    desk = a_live_desk()
    desk.waits_for_report()

    desk.reports()

    assert desk.side.kill is None


def test_a_kill_that_is_said_again_is_verified_again():
    desk = killed(a_live_desk())
    shown(desk)
    assert shown(desk)

    killed(desk)

    assert not verified(desk)


# What people hear.


def test_people_hear_soon_and_every_half_a_minute_that_it_is_not_verified():
    desk = killed(a_live_desk())
    desk.waits_for_report()
    desk.tells(a.ReportFailed(desk.side.number, "HTTP 503"))

    desk.wait(62_000)

    told = [text for text in desk.said if "NOT VERIFIED" in text]
    assert [text.partition(":")[0] for text in told] == [
        "KILLED – NOT VERIFIED for 5 s",
        "KILLED – NOT VERIFIED for 35 s",
    ]
    assert "HTTP 503" in told[0]


def test_the_report_tells_how_far_the_liquidation_is():
    desk = killed(a_live_desk().holds(5))
    shown(desk, positions=[replace(held(5), liquidation_price=Decimal(900))])

    (line,) = [text for text in report(desk) if text.startswith("positions: ")]

    assert line == "positions: BTCUSDT +5, liquidation 10.0% away"


# The second path, and the end of it.


def test_the_timer_of_the_venue_is_shortened_and_runs_out():
    desk = a_live_desk(rules=TIMED)
    desk.rests()
    assert desk.wait(250).asked(SetDeadMan) == [SetDeadMan(BTC, 60 * NS_PER_S)]
    desk.tells(a.DeadManSet(BTC, desk.now_ns + 60 * NS_PER_S))

    killed(desk)

    assert desk.wait(250).asked(SetDeadMan) == [SetDeadMan(BTC, 5 * NS_PER_S)]
    desk.tells(a.DeadManSet(BTC, desk.now_ns + 5 * NS_PER_S))
    assert desk.wait(4_500).asked(SetDeadMan) == [], "it is not renewed"
    assert desk.wait(1_000).asked(SetDeadMan) == [SetDeadMan(BTC, 5 * NS_PER_S)], "and set anew"


def test_a_timer_that_could_take_protection_away_stays_long():
    desk = a_live_desk(rules=TIMED).holds(5)
    desk.stops(lots=5)

    killed(desk)

    assert desk.wait(250).asked(SetDeadMan) == [SetDeadMan(BTC, 60 * NS_PER_S)]


def test_orders_made_elsewhere_have_a_timer_while_killed():
    desk = a_live_desk(rules=TIMED)
    desk.works(owner=EXTERNAL)

    killed(desk)

    assert desk.wait(250).asked(SetDeadMan) == [SetDeadMan(BTC, 5 * NS_PER_S)]


def test_a_release_waits_until_it_is_verified():
    desk = killed(a_live_desk())

    refused = desk.ask(c.ReleaseKill("why"))
    assert refused.verdict == "refused"
    assert refused.sentences[0].startswith("not verified: ")

    shown(desk)
    shown(desk)
    assert desk.ask(c.ReleaseKill()).level == 1
    desk.do(c.ReleaseKill())
    assert desk.desk.trading_state == "active"
    desk.wait(250)
    assert desk.side.kill is None


def test_nothing_of_a_kill_is_a_fact_twice():
    desk = a_live_desk()
    cid = desk.rests()
    killed(desk)

    facts = [one.fact for one in desk.asked(Record)]

    assert facts.count(f.CancelRequested(desk.now_ns, cid)) == 1
