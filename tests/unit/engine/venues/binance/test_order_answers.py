"""What answers to orders prove: only what they say of exactly this order."""

import msgspec
import pytest

from engine.model.facts import (
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    ReplaceRejected,
)
from tests.fakes.binance_trading import (
    ABC,
    CID,
    T_NS,
    a_stop,
    a_trade_wire,
    algo_row,
    algo_update,
    an_intent,
    answer,
    failed,
    order_row,
    replaced,
    seen,
)


def answered(number: str) -> OrderAcked:
    return OrderAcked(T_NS, CID, number, is_answer=True)


def test_a_placed_order_is_acknowledged():
    wire = a_trade_wire()

    found = answer(wire, wire.place(CID, an_intent()), order_row())

    assert (found.verdict, found.events) == ("confirmed", (answered("77"),))


def test_a_placed_conditional_order_is_acknowledged_by_a_number_of_its_own_kind():
    wire = a_trade_wire()

    found = answer(wire, wire.place(CID, a_stop()), algo_row())

    assert (found.verdict, found.events) == ("confirmed", (answered("algo-9001"),))


@pytest.mark.parametrize("status", ["EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"])
def test_an_order_that_lapsed_at_once_was_taken_and_lapsed(status: str):
    wire = a_trade_wire()

    found = answer(wire, wire.place(CID, an_intent(tif="ioc")), order_row(status=status))

    assert [type(event) for event in found.events] == [OrderAcked, OrderExpired]


@pytest.mark.parametrize(
    "changed",
    [
        {"clientOrderId": "ck0001000043"},
        {"symbol": "XYZUSDT"},
        {"status": "PENDING_NEW"},
        {"orderId": 0},
        {"orderId": "77"},
        {"side": "buy"},
        {"clientOrderId": ""},
    ],
)
def test_an_answer_that_is_not_of_this_order_proves_nothing(changed: dict):
    wire = a_trade_wire()

    found = answer(wire, wire.place(CID, an_intent()), order_row(**changed))

    assert (found.verdict, found.events) == ("unknown", ())
    assert found.reason


@pytest.mark.parametrize("missing", ["symbol", "orderId", "clientOrderId", "status"])
def test_an_answer_without_a_field_that_proves_it_proves_nothing(missing: str):
    wire = a_trade_wire()
    row = order_row()
    del row[missing]

    assert answer(wire, wire.place(CID, an_intent()), row).verdict == "unknown"


@pytest.mark.parametrize(
    "changed", [{"clientAlgoId": "ck0001000043"}, {"symbol": "XYZUSDT"}, {"algoStatus": "WORKING"}]
)
def test_a_conditional_answer_that_is_not_of_this_order_proves_nothing(changed: dict):
    wire = a_trade_wire()

    assert answer(wire, wire.place(CID, a_stop()), algo_row(**changed)).verdict == "unknown"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html><h1>It works</h1></html>"),
        (200, b""),
        (200, b'{"code":-2011,"msg":"Unknown order sent."}'),
        (200, b'[{"code":-2019,"msg":"no"}]'),
        (201, b"{}"),
        (302, b""),
        (500, b'{"code":-1000,"msg":"no"}'),
        (503, b'{"code":-1008,"msg":"overloaded"}'),
        (504, b"<html>504</html>"),
        (400, b'{"code":-4116,"msg":"ClientOrderId is duplicated."}'),
    ],
)
@pytest.mark.parametrize("purpose", ["place", "place a stop", "amend", "cancel", "cancel a stop"])
def test_nothing_else_proves_anything(status: int, body: bytes, purpose: str):
    wire = a_trade_wire()
    request = {
        "place": lambda: wire.place(CID, an_intent()),
        "place a stop": lambda: wire.place(CID, a_stop()),
        "amend": lambda: wire.amend(CID, an_intent(), 1_001, 7),
        "cancel": lambda: wire.cancel(CID, ABC, "limit"),
        "cancel a stop": lambda: wire.cancel(CID, ABC, "stop"),
    }[purpose]()

    found = answer(wire, request, body, status)

    assert (found.verdict, found.events) == ("unknown", ())


def test_a_body_with_a_repeated_key_proves_nothing():
    wire = a_trade_wire()
    body = b'{"orderId":78,' + msgspec.json.encode(order_row())[1:]

    assert answer(wire, wire.place(CID, an_intent()), body).verdict == "unknown"


def test_a_page_that_says_that_it_is_no_json_proves_nothing():
    wire = a_trade_wire()

    found = answer(wire, wire.place(CID, an_intent()), order_row(), content_type="text/html")

    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    ("code", "event"),
    [(-2019, OrderRejected), (-5022, OrderExpired), (-1021, OrderRejected), (-5021, OrderExpired)],
)
def test_a_refused_order_ends_as_on_paper(code: int, event: type):
    wire = a_trade_wire()

    found = failed(wire, wire.place(CID, an_intent()), code)

    assert found.verdict == "refused"
    assert found.events == (event(T_NS, CID, f"HTTP 400, {code}: no"),)
    assert found.is_clock_off == (code == -1021)


def test_a_stop_that_comes_too_late_lapses_and_says_so():
    wire = a_trade_wire()

    found = failed(wire, wire.place(CID, an_intent()), -2021)

    assert found.verdict == "refused"
    assert found.events == (OrderExpired(T_NS, CID, "HTTP 400, -2021: no", is_passed=True),)


def test_refusals_of_amends_and_cancels_leave_the_order():
    wire = a_trade_wire()

    amend = failed(wire, wire.amend(CID, an_intent(), 1_001, 7), -5027)
    cancel = failed(wire, wire.cancel(CID, ABC, "limit"), -2011, "Unknown order sent.")

    assert [type(event) for event in amend.events] == [ReplaceRejected]
    assert [type(event) for event in cancel.events] == [CancelRejected]
    assert amend.verdict == cancel.verdict == "refused"


def test_an_amend_takes_what_the_venue_says_of_price_and_size():
    wire = a_trade_wire()
    request = wire.amend(CID, an_intent(), 1_001, 7)

    found = answer(wire, request, order_row(price="10.01", origQty="0.007"))

    assert found.events == (replaced(T_NS, CID, 1_001, 7),)


@pytest.mark.parametrize(
    ("status", "event"), [("CANCELED", OrderCanceled), ("EXPIRED", OrderExpired)]
)
def test_an_amend_may_end_the_order(status: str, event: type):
    wire = a_trade_wire()
    request = wire.amend(CID, an_intent(), 1_001, 7)

    found = answer(wire, request, order_row(status=status))

    assert [type(one) for one in found.events] == [event]


def test_an_amended_price_between_two_ticks_proves_nothing():
    wire = a_trade_wire()
    request = wire.amend(CID, an_intent(), 1_001, 7)

    assert answer(wire, request, order_row(price="10.011")).verdict == "unknown"


def test_a_canceled_order_is_off_the_book():
    wire = a_trade_wire()

    plain = answer(wire, wire.cancel(CID, ABC, "limit"), order_row(status="CANCELED"))
    done = {"algoId": 9001, "clientAlgoId": CID, "code": "200", "msg": "success"}
    algo = answer(wire, wire.cancel(CID, ABC, "stop"), done)

    assert plain.events == algo.events == (OrderCanceled(T_NS, CID, "canceled by us"),)


def test_a_cancel_whose_answer_shows_another_state_proves_nothing():
    wire = a_trade_wire()
    done = {"algoId": 9001, "clientAlgoId": CID, "code": "200"}
    requests = wire.cancel(CID, ABC, "limit"), wire.cancel(CID, ABC, "stop")

    for request, body in (
        (requests[0], order_row(status="FILLED")),
        (requests[0], order_row(status="NEW")),
        (requests[1], done | {"code": "400"}),
        (requests[1], done | {"clientAlgoId": "ck0009"}),
    ):
        found = answer(wire, request, body)
        assert (found.verdict, found.events) == ("unknown", ())


@pytest.mark.parametrize(
    ("body", "verdict"),
    [({"code": 200, "msg": "done"}, "confirmed"), ({"code": 400}, "unknown"), ({}, "unknown")],
)
def test_canceling_all_is_confirmed_in_words(body: dict, verdict: str):
    wire = a_trade_wire()
    (request,) = wire.cancel_all(ABC)

    found = answer(wire, request, body)

    assert (found.verdict, found.events) == (verdict, ())


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ({"symbol": "ABCUSDT", "countdownTime": "120000"}, "confirmed"),
        ({"symbol": "ABCUSDT", "countdownTime": 120000}, "confirmed"),
        ({"symbol": "ABCUSDT", "countdownTime": "1"}, "unknown"),
        ({"symbol": "XYZUSDT", "countdownTime": "120000"}, "unknown"),
    ],
)
def test_a_dead_man_timer_is_confirmed_as_it_was_asked_for(body: dict, verdict: str):
    wire = a_trade_wire()

    assert answer(wire, wire.dead_man(ABC, 120_000_000_000), body).verdict == verdict


def test_a_query_shows_the_order():
    wire = a_trade_wire()
    row = order_row(status="PARTIALLY_FILLED", executedQty="0.002", reduceOnly=True)

    found = answer(wire, wire.query(CID, ABC, "limit"), row)

    expected = seen(CID, "77", ABC, "buy", "limit", "partial", 5, 2, 1_000, None, True, T_NS)
    assert (found.verdict, found.rows) == ("confirmed", (expected,))


def test_a_plain_not_found_shows_nothing_and_proves_no_more():
    wire = a_trade_wire()

    for kind in ("limit", "stop"):
        found = failed(wire, wire.query(CID, ABC, kind), -2013)
        assert (found.verdict, found.rows, found.events) == ("confirmed", (), ())


@pytest.mark.parametrize(("code", "status"), [(-2013, 500), (-2013, 200), (-2013, 302)])
def test_a_not_found_of_another_status_is_no_answer(code: int, status: int):
    wire = a_trade_wire()

    assert failed(wire, wire.query(CID, ABC, "limit"), code, status=status).verdict == "unknown"


def test_a_waiting_conditional_order_is_shown():
    wire = a_trade_wire()

    found = answer(wire, wire.query(CID, ABC, "stop"), algo_row())

    expected = seen(CID, "algo-9001", ABC, "sell", "stop", "open", 5, 0, None, 900, True, T_NS)
    assert found.rows == (expected,)


def test_a_conditional_order_that_hangs_while_triggered_says_so():
    wire = a_trade_wire()

    for status in ("TRIGGERING", "TRIGGERED"):
        (row,) = answer(wire, wire.query(CID, ABC, "stop"), algo_row(algoStatus=status)).rows
        assert (row.state, row.reason, row.is_triggered) == ("open", status, True)


@pytest.mark.parametrize("number", ["88", 88])
def test_of_a_triggered_order_it_is_asked_what_it_became(number: object):
    wire = a_trade_wire()
    told = algo_row(algoStatus="FINISHED", actualOrderId=number)

    first = answer(wire, wire.query(CID, ABC, "stop"), told)

    assert (first.verdict, first.rows) == ("confirmed", ())
    assert first.next_page is not None
    assert first.next_page.params == (("symbol", "ABCUSDT"), ("orderId", "88"))
    child = order_row(orderId=88, clientOrderId="by-the-venue", type="MARKET", status="FILLED")
    (row,) = answer(wire, first.next_page, child | {"executedQty": "0.005"}).rows
    assert (row.client_order_id, row.venue_order_id, row.type) == (CID, "88", "stop")
    assert (row.state, row.filled_lots) == ("filled", 5)


def test_what_a_triggered_order_became_exists_whatever_a_replica_says():
    wire = a_trade_wire()
    wire.receive(algo_update(X="TRIGGERED", ai="88"), 0)

    found = failed(wire, wire.query(CID, ABC, "stop"), -2013)

    assert (found.verdict, found.rows) == ("unknown", ())


@pytest.mark.parametrize("number", ["x", "-1", "1" * 20, "٣", 1.5])
def test_an_order_number_that_is_none_proves_nothing(number: object):
    wire = a_trade_wire()

    found = answer(wire, wire.query(CID, ABC, "stop"), algo_row(actualOrderId=number))

    assert found.verdict == "unknown"


def test_a_finished_order_without_what_it_became_proves_nothing():
    wire = a_trade_wire()

    found = answer(wire, wire.query(CID, ABC, "stop"), algo_row(algoStatus="FINISHED"))

    assert found.verdict == "unknown"
    assert "finished order" in found.reason


@pytest.mark.parametrize(
    ("status", "state"), [("CANCELED", "canceled"), ("EXPIRED", "expired"), ("REJECTED", "expired")]
)
def test_an_ended_conditional_order_is_shown_as_ended(status: str, state: str):
    wire = a_trade_wire()

    (row,) = answer(wire, wire.query(CID, ABC, "stop"), algo_row(algoStatus=status)).rows

    assert row.state == state
