"""Orders of which the venue says what nobody has described: they are there, and block their own."""

from engine.kernel.desk import moment_of
from engine.kernel.evidence import troubles
from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import SendCancel
from engine.model.orders import EXTERNAL
from tests.builders import BTC, ETH, buy, sell
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, held, seen

TOLD = (
    "BTCUSDT: the venue shows order web_1 with status FROZEN, which is not known here;"
    " it counts in full, so look at the venue and cancel it"
)

STOP: dict = {
    "type": "stop",
    "limit_ticks": None,
    "trigger_ticks": 950,
    "is_reduce_only": True,
}


def unclear(cid: str = "web_1", **changed) -> a.OrderSeen:
    return seen(cid, "unclear", reason="status FROZEN", **changed)


def test_the_rest_of_the_report_counts_and_new_risk_in_its_instrument_does_not_leave():
    desk = a_live_desk()
    desk.tells(a.PrivateUp("test"))
    desk.waits_for_report()

    desk.reports(unclear(lots=3))

    assert desk.side.agreed_ns == desk.now_ns
    assert desk.ledger.orders["web_1"].intent.owner == EXTERNAL
    assert desk.ledger.orders["web_1"].remaining_lots == 3
    assert desk.say(buy(1, 990)).sentences == (TOLD,)
    assert moment_of(desk.desk, {}, desk.now_ns).instrument_faults.keys() == {BTC}
    assert troubles(desk.state) == (TOLD,)


def test_what_reduces_leaves_all_the_same():
    desk = a_live_desk().holds(5)
    desk.waits_for_report()
    desk.reports(unclear(), positions=[held(5)])

    assert desk.do(sell(2, 1_000, is_reduce_only=True)).verdict == "accepted"


def test_people_hear_of_it_once_and_it_is_over_when_the_venue_shows_it_so():
    desk = a_live_desk()
    for rows in ([unclear()], [unclear()], [seen("web_1")]):
        desk.waits_for_report()
        desk.reports(*rows)

    assert desk.said.count(TOLD) == 1
    assert next(one for one in desk.state.notices if one.text == TOLD).level == "error"
    assert troubles(desk.state) == ()
    assert moment_of(desk.desk, {}, desk.now_ns).instrument_faults == {}


def test_an_order_of_ours_keeps_its_state_and_is_not_confirmed_by_it():
    desk = a_live_desk()
    works, lost = desk.rests(), desk.sends()
    desk.wait(6_000)

    desk.answers(lost, unclear(lost))
    assert desk.ledger.orders[lost].state == "unknown"
    assert lost in desk.side.doubts

    desk.tells(f.CancelRejected(desk.now_ns, works, "unknown order"))
    desk.answers(works, unclear(works))
    assert desk.ledger.orders[works].state == "open"
    assert works not in desk.side.doubts


def test_a_cancel_of_it_is_asked_again():
    desk = a_live_desk()
    cid = desk.rests()
    desk.say(c.CancelOrders((cid,)))
    desk.wait(2_250)

    desk.answers(cid, unclear(cid))

    assert [one.client_order_id for one in desk.asked(SendCancel)] == [cid]


def test_a_stop_that_is_unclear_protects_nothing():
    from engine.kernel.alarms import stopped_lots

    desk = a_live_desk().holds(5)
    desk.waits_for_report()

    desk.reports(unclear(lots=5, **STOP), positions=[held(5)])
    assert stopped_lots(desk.state, ("hand", BTC)) == 0

    desk.waits_for_report()
    desk.reports(seen("web_1", lots=5, **STOP), positions=[held(5)])
    assert stopped_lots(desk.state, ("hand", BTC)) == 5


def test_a_kill_is_not_verified_by_it_and_names_the_word():
    desk = a_live_desk().holds(5)
    desk.say(c.EngageKill())

    for _ in range(3):
        desk.waits_for_report()
        desk.reports(unclear(lots=5, **STOP), positions=[held(5)])

    from engine.kernel.killing import problem

    assert problem(desk.state) == "the venue shows 1 orders (web_1 status FROZEN)"
    for _ in range(3):
        desk.waits_for_report()
        desk.reports(seen("web_1", lots=5, **STOP), positions=[held(5)])
    assert problem(desk.state) == ""


def test_before_the_account_is_open_it_is_told_too():
    desk = a_live_desk(is_clean=False)
    desk.tells(a.PrivateUp("test"))
    desk.waits_for_report()

    desk.reports(unclear(), positions=[held(3, instrument_id=ETH)])

    assert TOLD in troubles(desk.state)


def fails(desk: LiveDesk, reason: str) -> None:
    desk.waits_for_report()
    desk.tells(a.ReportFailed(desk.side.number, reason))


def test_a_report_that_can_never_be_read_is_told_once_with_what_it_says():
    desk = a_live_desk()
    told = "the account cannot be read: side HOLD; it is asked for every 5 s"

    fails(desk, "no answer")
    fails(desk, "side HOLD")
    assert told not in desk.said
    fails(desk, "side HOLD")
    desk.rests()
    fails(desk, "side HOLD")
    assert desk.said.count(told) == 1

    desk.waits_for_report()
    desk.reports(*(seen(cid) for cid in desk.ledger.orders))
    fails(desk, "side HOLD")
    fails(desk, "side HOLD")
    assert desk.said.count(told) == 2
