"""The private stream: each event once, ours as reports, others' as what is seen."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.account import MarginChanged, OrderAnswered
from engine.model.errors import VenuePayloadError
from engine.model.facts import (
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
)
from tests.fakes.binance_trading import (
    ABC,
    CID,
    T_MS,
    T_NS,
    a_trade_wire,
    algo_update,
    fill_update,
    filled,
    order_update,
    replaced,
    seen,
)

NOW = 5
FILL = filled(T_NS, CID, "501", 1_000, 2, "maker", Decimal("0.000008"), "USDT", ABC, "buy")


def told(frame: bytes, wire: Any = None) -> list[Any]:
    return list((wire or a_trade_wire()).receive(frame, NOW))


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (order_update(), OrderAcked(NOW, CID, "77")),
        (fill_update(), FILL),
        (fill_update(x="CALCULATED"), FILL),
        (
            order_update(x="CANCELED", X="CANCELED"),
            OrderCanceled(NOW, CID, "canceled at the venue"),
        ),
        (order_update(x="AMENDMENT", p="10.01", q="0.007"), replaced(NOW, CID, 1_001, 7)),
        (order_update(x="REJECTED", X="REJECTED"), OrderRejected(NOW, CID, "refused by the venue")),
        (
            order_update(x="EXPIRED", X="EXPIRED", er="2"),
            OrderExpired(NOW, CID, "the venue says EXPIRED 2"),
        ),
        (
            order_update(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH", er=""),
            OrderExpired(NOW, CID, "the venue says EXPIRED_IN_MATCH"),
        ),
        (algo_update(), OrderAcked(NOW, CID, "algo-9001")),
        (algo_update(X="CANCELED"), OrderCanceled(NOW, CID, "canceled at the venue")),
        (
            algo_update(X="REJECTED", rm="Margin is insufficient."),
            OrderExpired(NOW, CID, "the venue says REJECTED Margin is insufficient."),
        ),
        (algo_update(X="EXPIRED"), OrderExpired(NOW, CID, "the venue says EXPIRED")),
    ],
)
def test_what_happens_to_an_order_of_ours_is_reported(frame: bytes, event: object):
    assert told(frame) == [event]


def test_a_fill_may_cost_nothing():
    frame = msgspec.json.decode(fill_update())
    del frame["o"]["n"], frame["o"]["N"]

    (fill,) = told(msgspec.json.encode(frame))

    assert (fill.fee, fill.fee_currency) == (0, "")
    (fill,) = told(fill_update(N=None, n="0"))
    assert fill.fee_currency == ""


@pytest.mark.parametrize("name", ["web_1", "autoclose-123", "adl_autoclose", "x" * 36])
def test_orders_made_elsewhere_are_shown_with_the_fill_that_tells_of_them(name: str):
    wire = a_trade_wire()

    (opened,) = told(order_update(c=name, sp="9.5"), wire)
    (later,) = told(fill_update(c=name, o="LIQUIDATION", p="0"), wire)

    expected = seen(name, "77", ABC, "buy", "limit", "open", 5, 0, 1_000, 950, False, T_NS)
    assert opened == OrderAnswered(name, NOW, expected)
    assert isinstance(later, OrderAnswered)
    assert later.fills == (msgspec.structs.replace(FILL, client_order_id=name),)
    assert later.order is not None
    assert (later.order.type, later.order.state, later.order.filled_lots) == (
        "market",
        "partial",
        2,
    )


def test_conditional_orders_made_elsewhere_are_shown():
    (opened,) = told(algo_update(caid="web_1"))

    expected = seen("web_1", "algo-9001", ABC, "sell", "stop", "open", 5, 0, None, 900, True, T_NS)
    assert opened == OrderAnswered("web_1", NOW, expected)


def test_what_a_conditional_order_became_tells_the_rest_of_its_life():
    wire = a_trade_wire()

    (triggering,) = told(algo_update(X="TRIGGERING"), wire)
    assert told(algo_update(X="TRIGGERED", ai="88"), wire) == []
    (acked,) = told(order_update(c="by-the-venue", i=88, o="MARKET"), wire)
    (fill,) = told(fill_update(c="by-the-venue", i=88, o="MARKET"), wire)
    assert told(algo_update(X="FINISHED", ai=88), wire) == []

    assert (triggering.client_order_id, triggering.order.is_triggered) == (CID, True)
    assert acked == OrderAcked(NOW, CID, "88")
    assert fill.client_order_id == CID
    assert wire.ignored == {
        "ALGO_UPDATE TRIGGERED": 1,
        "ALGO_UPDATE FINISHED": 1,
    }


def test_a_fill_before_the_trigger_is_told_by_the_id_that_both_bear():
    wire = a_trade_wire()

    (fill,) = told(fill_update(i=88, o="MARKET"), wire)

    assert fill.client_order_id == CID


@pytest.mark.parametrize(
    "kind",
    [
        *("ACCOUNT_UPDATE", "TRADE_LITE"),
        *("STRATEGY_UPDATE", "GRID_UPDATE", "CONDITIONAL_ORDER_TRIGGER_REJECT"),
        "listenKeyExpired",
    ],
)
def test_other_events_are_counted_and_bring_nothing(kind: str):
    wire = a_trade_wire()
    frame = msgspec.json.encode({"e": kind, "E": T_MS, "o": {"t": 501}})

    assert told(frame, wire) == []
    assert wire.ignored == {kind: 1}


@pytest.mark.parametrize(
    ("kind", "is_call"), [("MARGIN_CALL", True), ("ACCOUNT_CONFIG_UPDATE", False)]
)
def test_another_margin_is_told(kind: str, is_call: bool):
    frame = msgspec.json.encode({"e": kind, "E": T_MS, "ac": {"s": "BTCUSDT", "l": 25}})

    assert told(frame, a_trade_wire()) == [MarginChanged("binance_futures", is_call)]


@pytest.mark.parametrize("frame", [order_update(s="XYZUSDT"), algo_update(s="XYZUSDT")])
def test_what_is_of_an_unwatched_instrument_is_counted(frame: bytes):
    wire = a_trade_wire()

    assert told(frame, wire) == []
    assert wire.ignored == {"of an unwatched instrument": 1}


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"e":"ORDER_TRADE_UPDATE"}',
        b'{"e":"AN_EVENT_OF_TOMORROW"}',
        b'{"e":1}',
        fill_update()[:-1],
        fill_update().replace(b'"t":501', b'"t":501,"t":502'),
        order_update(x="RESTATED"),
        order_update(X="PENDING_CANCEL"),
        order_update(S="HOLD"),
        order_update(c=""),
        order_update(c="x" * 65),
        order_update(i=0),
        order_update(i=2**63),
        order_update(T=-1),
        order_update(x="AMENDMENT", p="1e1"),
        order_update(x="AMENDMENT", q="0.0005"),
        fill_update(l="0"),
        fill_update(l="-0.002"),
        fill_update(l="1e600000"),
        fill_update(L="0"),
        fill_update(L="0.0049"),
        fill_update(t=0),
        fill_update(n="NaN"),
        fill_update(n="1e400"),
        algo_update(X="WORKING"),
        algo_update(ai="soon"),
        algo_update(ai="-1"),
    ],
)
def test_a_frame_that_cannot_be_read_is_refused(frame: bytes):
    with pytest.raises(VenuePayloadError):
        told(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'{"e":"listenKeyExpired","E":1,"listenKey":"x"}', True),
        ('{"e":"listenKeyExpired"}', True),
        (order_update(), False),
        (b"", False),
        (b'{"e":"listenKeyExpired"', False),
    ],
)
def test_the_end_of_the_stream_is_recognised(frame: str | bytes, expected: bool):
    assert a_trade_wire().is_expired(frame) is expected


def test_a_reason_of_the_venue_cannot_act_on_a_terminal():
    (event,) = told(algo_update(X="REJECTED", rm="\x1b]52;c;x\x07 no"))

    assert event.reason.isprintable()


@pytest.mark.parametrize("state", ["NEW", "PARTIALLY_FILLED"])
def test_an_order_that_goes_on_has_not_ended_whatever_was_prevented(state: str):
    with pytest.raises(VenuePayloadError, match="of an order that is"):
        told(order_update(x="TRADE_PREVENTION", X=state))
