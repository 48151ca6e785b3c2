"""Orders in doubt that no answer of the venue settles halt their instrument (R45)."""

from engine.kernel.evidence import troubles
from engine.model import account as a
from engine.model import commands as c
from engine.model.orders import HAND
from tests.builders import BTC
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, seen
from tests.unit.engine.kernel.test_evidence import waits_for_query


def short_of(desk: LiveDesk) -> str:
    """Let an order rest of which the venue counts a fill that it never lists."""
    cid = desk.rests(lots=2)
    desk.wait(20_000).waits_for_report()
    desk.reports(seen(cid, "partial", 2, filled=1))
    return cid


def answers_short(desk: LiveDesk, cid: str, times: int) -> None:
    for _ in range(times):
        waits_for_query(desk)
        desk.answers(cid, seen(cid, "partial", 2, filled=1))


def test_an_order_that_no_answer_settles_halts_its_instrument_once_and_is_named():
    desk = a_live_desk()
    cid = short_of(desk)
    answers_short(desk, cid, 20)
    assert desk.ledger.trading_state(BTC, HAND) == "active"

    answers_short(desk, cid, 10)

    assert desk.ledger.trading_state(BTC, HAND) == "halted"
    told = [text for text in desk.said if f"({cid}) is in doubt" in text]
    assert len(told) == 1
    assert told[0].startswith(f"instrument:{BTC} is halted: order o1 sell BTCUSDT")
    assert f"({cid}) is in doubt" in troubles(desk.state)[0]
    desk.do(c.Resume(f"instrument:{BTC}"))
    answers_short(desk, cid, 2)
    assert desk.ledger.trading_state(BTC, HAND) == "reduce_only"


def test_a_venue_that_does_not_answer_settles_nothing_and_halts_nothing():
    desk = a_live_desk()
    cid = short_of(desk)
    for _ in range(30):
        waits_for_query(desk)
        desk.tells(a.QueryFailed(cid, "HTTP 503"))

    assert desk.ledger.trading_state(BTC, HAND) == "active"


def test_a_cancel_that_the_venue_does_not_do_halts_in_the_end():
    desk = a_live_desk()
    cid = desk.rests()
    desk.do(c.CancelOrders((cid,)))
    for _ in range(35):
        waits_for_query(desk)
        desk.answers(cid, seen(cid))

    assert desk.ledger.trading_state(BTC, HAND) == "halted"
