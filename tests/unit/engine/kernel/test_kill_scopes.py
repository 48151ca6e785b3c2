"""A kill of a part of trading, and one that takes along what protects: verified as all of it is."""

from engine.kernel.evidence import troubles
from engine.kernel.killing import is_verified, problem, unverified
from engine.kernel.venue_side import KillCheck
from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import CancelAllOrders, CancelShown, SendCancel
from engine.model.orders import EXTERNAL
from tests.builders import BTC, ETH, set_state
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, held, seen

SCOPE = f"instrument:{BTC}"
STOP: dict = {
    "type": "stop",
    "limit_ticks": None,
    "trigger_ticks": 950,
    "is_reduce_only": True,
    "lots": 5,
}


def killed(desk: LiveDesk, scope: str = SCOPE) -> LiveDesk:
    """Let a part be killed, as by a loss of its position."""
    set_state(desk, scope, "killed")
    return desk


def check(desk: LiveDesk, scope: str = SCOPE) -> KillCheck:
    return desk.side.kills[scope]


def shown(desk: LiveDesk, *orders: a.OrderSeen, scope: str = SCOPE, **changed) -> bool:
    """Answer the next report, and return whether the kill is verified by it."""
    desk.waits_for_report()
    desk.reports(*orders, **changed)
    return bool(check(desk, scope).verified_ns)


def gone(desk: LiveDesk, *cids: str) -> None:
    desk.tells(*(f.OrderCanceled(desk.now_ns, cid, "asked") for cid in cids))


# A part of trading.


def test_an_instrument_is_cleared_whoever_made_its_orders_and_others_stay():
    desk = a_live_desk()
    mine, web = desk.rests(), desk.works(owner=EXTERNAL)
    other = desk.works(instrument_id=ETH)

    killed(desk).wait(250)

    assert desk.asked(CancelAllOrders) == [CancelAllOrders(BTC)]
    assert {one.client_order_id for one in desk.asked(SendCancel)} == {mine, web}
    assert desk.ledger.orders[other].state == "open"


def test_it_is_verified_by_two_clean_reports_a_second_apart():
    desk = a_live_desk()
    cid, other = desk.rests(), desk.works(instrument_id=ETH)
    rest = seen(other, instrument_id=ETH)
    killed(desk).wait(250)

    assert not shown(desk, seen(cid), rest)
    assert unverified(desk.state) == (
        f"{SCOPE} is KILLED – NOT VERIFIED: the venue shows 1 orders ({cid})",
    )
    assert troubles(desk.state)[0] == unverified(desk.state)[0]
    gone(desk, cid)
    assert not shown(desk, rest)
    assert shown(desk, rest)

    assert unverified(desk.state) == ()
    assert any(text.startswith(f"the kill of {SCOPE} is VERIFIED after") for text in desk.said)
    assert not is_verified(desk.state), "not all of trading is killed"


def test_what_appears_there_later_begins_it_anew():
    desk = killed(a_live_desk())
    desk.wait(250)
    shown(desk)
    assert shown(desk)

    assert not shown(desk, seen("web_1"))
    desk.wait(1_000)
    assert desk.ledger.orders["web_1"].state == "pending_cancel"


def test_an_order_on_its_way_keeps_it_from_being_verified_but_none_of_another_instrument():
    desk = a_live_desk()
    desk.sends(instrument_id=ETH)
    killed(desk).wait(250)
    shown(desk)
    assert shown(desk)

    desk = a_live_desk()
    desk.sends()
    killed(desk).wait(250)
    shown(desk)
    assert not shown(desk)
    assert problem(desk.state, SCOPE) == "1 orders may still work or arrive"


def test_of_a_strategy_only_its_own_orders_are_to_go_one_by_one():
    desk = a_live_desk()
    scope = f"strategy:grid@{BTC}"
    its = desk.rests(owner=f"grid@{BTC}")
    mine = desk.rests()

    killed(desk, scope).wait(250)

    assert desk.asked(CancelAllOrders) == []
    assert [one.client_order_id for one in desk.asked(SendCancel)] == [its]
    rest = seen(mine), seen("web_1")
    assert not shown(desk, *rest, seen(its), scope=scope)
    gone(desk, its)
    assert not shown(desk, *rest, scope=scope)
    assert shown(desk, *rest, scope=scope)


def test_people_hear_of_which_part_is_not_verified():
    desk = killed(a_live_desk())
    desk.wait(250).waits_for_report()
    desk.tells(a.ReportFailed(desk.side.number, "HTTP 503"))

    desk.wait(6_000)

    assert any(text.startswith(f"{SCOPE} KILLED – NOT VERIFIED for 5 s: ") for text in desk.said)


def test_where_everything_is_killed_no_part_is_looked_at_and_what_is_resumed_no_more():
    desk = killed(a_live_desk())
    assert set(desk.wait(250).side.kills) == {SCOPE}
    set_state(desk, "all", "killed")
    assert set(desk.wait(250).side.kills) == {"all"}

    set_state(desk, "all", "active")
    set_state(desk, SCOPE, "halted")
    assert desk.wait(250).side.kills == {}


def test_it_is_resumed_only_when_it_is_verified():
    desk = killed(a_live_desk())
    desk.wait(250)
    assert desk.ask(c.Resume(SCOPE)).sentences == (
        "not verified: the venue has not shown twice that nothing is open",
    )

    shown(desk)
    shown(desk)

    assert desk.do(c.Resume(SCOPE)).verdict == "accepted"
    assert desk.ledger.states[SCOPE] == "halted"


# What protects, too.


def protected() -> tuple[LiveDesk, str, a.OrderSeen]:
    desk = a_live_desk().holds(5)
    cid = desk.stops(lots=5)
    return desk, cid, seen(cid, **STOP)


def test_stops_go_only_when_that_is_confirmed_and_until_then_nothing_happens():
    desk, cid, _ = protected()
    resting = desk.rests()

    outcome = desk.say(c.EngageKill(with_stops=True))

    assert (outcome.verdict, outcome.level) == ("needs_confirmation", 2)
    assert outcome.sentences[0] == "BTCUSDT: 5 lots stay without protection"
    assert desk.ledger.states == {}

    desk.do(c.EngageKill(with_stops=True))
    assert desk.ledger.states == {"all": "killed"}
    assert {one.client_order_id for one in desk.asked(SendCancel)} == {cid, resting}


def test_it_is_verified_when_the_stops_are_gone_too():
    desk, cid, row = protected()
    desk.do(c.EngageKill(with_stops=True))
    web = seen("web_1", **STOP)

    assert not shown(desk, row, web, scope="all", positions=[held(5)])
    gone(desk, cid)
    assert not shown(desk, seen("web_2", **STOP | {"lots": 0}), scope="all", positions=[held(5)])
    assert set(desk.wait(5_000).asked(CancelShown)) == {CancelShown("web_2", BTC, "stop")}
    gone(desk, "web_1")
    assert not shown(desk, scope="all", positions=[held(5)])
    assert shown(desk, scope="all", positions=[held(5)])


def test_a_stop_that_appears_later_is_canceled_too_and_after_the_release_they_are_spared_again():
    desk, cid, _ = protected()
    desk.do(c.EngageKill(with_stops=True))
    gone(desk, cid)
    late = desk.stops(lots=5)

    assert [one.client_order_id for one in desk.wait(250).asked(SendCancel)] == [late]

    desk.desk.kill = None
    assert desk.desk.spares(desk.ledger.orders[late])


def test_a_kill_that_is_on_already_takes_them_along_and_stays_so():
    desk, cid, _ = protected()
    desk.do(c.EngageKill())
    assert desk.ledger.orders[cid].state == "open"

    desk.do(c.EngageKill(with_stops=True))
    assert desk.ledger.orders[cid].state == "pending_cancel"
    desk.do(c.EngageKill())
    assert desk.desk.is_sparing_nothing
