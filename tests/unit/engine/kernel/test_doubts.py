"""What was heard of orders, and which of them are in doubt."""

from engine.kernel.doubts import begin, has_left, newest_ns
from engine.model import commands as c
from engine.model import facts as f
from engine.model.envelope import RunStarted
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from tests.builders import BTC, a_fill
from tests.unit.engine.kernel.live_desk import a_live_desk, seen


def test_an_order_may_be_at_the_venue_once_somebody_told_of_it():
    desk = a_live_desk()
    sent, old, acked, new = desk.sends(), desk.works(is_acked=False), desk.works(), desk.works()
    for cid in (acked, new):
        desk.ledger.orders[cid].created_ns = desk.now_ns
    desk.ledger.orders[new].venue_order_id = ""

    left = [has_left(desk.state, desk.ledger.orders[cid]) for cid in (sent, old, acked, new)]

    assert left == [True, True, True, False]


def test_the_newest_news_is_what_was_heard_or_done_last():
    desk = a_live_desk()
    order = desk.ledger.orders[desk.rests()]
    heard_ns = desk.now_ns
    assert newest_ns(desk.state, order) == heard_ns

    desk.ledger.apply(f.CancelRequested(heard_ns + 5, order.client_order_id))

    assert newest_ns(desk.state, order) == heard_ns + 5


def test_a_doubt_that_began_earlier_goes_on():
    desk = a_live_desk()
    cid = desk.rests()
    begin(desk.state, cid, since_ns=5)

    begin(desk.state, cid)

    assert desk.side.doubts[cid].since_ns == 5


def test_fills_are_noted_by_instrument_whoever_they_are_of():
    desk = a_live_desk()
    desk.tells(a_fill("web_1", instrument_id=BTC, side="buy"))
    assert desk.side.filled_ns == {BTC: desk.now_ns}

    desk.tells(a_fill("web_2"))

    assert desk.side.filled_ns == {BTC: desk.now_ns}


def test_what_is_of_a_run_whose_clock_was_ahead_is_of_before_this_one():
    desk = a_live_desk()
    order = desk.ledger.orders[desk.works(is_acked=False)]
    order.created_ns = order.updated_ns = order.state_since_ns = desk.now_ns + 3_600 * NS_PER_S

    desk.take(RunStarted("run-2", "0.1"), source="engine")

    assert has_left(desk.state, order)
    assert newest_ns(desk.state, order) == order.state_since_ns == desk.now_ns


def test_the_life_of_an_order_that_its_cancel_has_overtaken_begins_when_it_leaves():
    desk = a_live_desk()
    cid = desk.works(is_acked=False)
    desk.ledger.orders[cid].created_ns = desk.now_ns
    desk.do(c.CancelOrders((cid,)))
    desk.tells(f.CancelRejected(desk.now_ns, cid, "unknown order"))

    desk.wait(2_000).tells(f.OrderSent(desk.now_ns, cid))

    desk.wait(49_100).answers(cid, None).wait(1_100).answers(cid, None)
    assert desk.ledger.orders[cid].state == "unknown"
    desk.wait(1_000).answers(cid, None).wait(1_000).answers(cid, None)
    assert desk.ledger.orders[cid].state == "rejected"


def test_a_fill_of_an_order_that_nobody_knows_counts_at_once():
    desk = a_live_desk()
    taken = seen("autoclose-1", "filled", 2, 2, side="buy")
    fill = a_fill("autoclose-1", 2, instrument_id=BTC, side="buy")

    desk.answers("autoclose-1", taken, fill).answers("autoclose-1", taken, fill)

    assert desk.ledger.net_lots(BTC) == 2
    assert desk.wait(1_000).side.is_waiting


def test_asking_after_an_amend_that_was_refused_repairs_nothing():
    desk = a_live_desk()
    cid = desk.rests(lots=3)
    desk.wait(10_000)
    asked = f.ReplaceRequested(desk.now_ns, cid, PriceTicks(1_010), QtyLots(2))
    desk.ledger.apply(asked)
    desk.tells(f.ReplaceRejected(desk.now_ns, cid, "no need to modify it"))
    assert desk.wait(250).queried() == [cid]

    desk.answers(cid, seen(cid, lots=3, updated_ns=desk.now_ns - 9 * NS_PER_S))

    assert desk.ledger.orders[cid].state == "open"
    assert desk.side.repairs == 0
