"""A report on an order does the same whether a gateway told it or it follows from an answer."""

from typing import get_args

from engine.kernel import doubts, orders
from engine.kernel.order_news import ORDER_ROUTES, tell
from engine.model import facts as f
from engine.model.envelope import Envelope
from tests.unit.engine.kernel.live_desk import a_live_desk


def test_every_report_is_booked_first_and_noted_last():
    assert set(ORDER_ROUTES) == set(get_args(f.OrderReport))
    for handlers in ORDER_ROUTES.values():
        assert (handlers[0], handlers[-1]) == (orders.on_report, doubts.on_report)


def test_what_is_told_changes_what_an_event_would_have_changed():
    told, heard = a_live_desk(), a_live_desk()
    cid = told.sends()
    assert heard.sends() == cid
    report = f.OrderAcked(told.now_ns, cid, "v1")

    heard.tells(report)
    tell(told.state, Envelope(1, told.now_ns, "gateway", report), [report], [])

    assert told.kernel.ledger_digest() == heard.kernel.ledger_digest()
    assert told.side.digest_parts() == heard.side.digest_parts()
