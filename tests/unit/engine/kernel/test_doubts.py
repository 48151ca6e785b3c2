"""What was heard of orders, and which of them are in doubt."""

from engine.kernel.doubts import begin, has_left, newest_ns
from engine.model import facts as f
from tests.builders import BTC, a_fill
from tests.unit.engine.kernel.live_desk import a_live_desk


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
