"""The desk: every trade and every change of the book is told."""

from engine.execution.matching import BUY, SELL
from engine.model.envelope import Event
from engine.model.market import BestQuote, BookDelta, BookSnapshot, Trade
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.instruments import INSTRUMENTS
from engine.venues.simulated.open_candles import OpenCandles

BITCOIN = INSTRUMENTS[0]
ID = BITCOIN.instrument_id


def a_desk() -> tuple[Desk, list[Event]]:
    """Return a desk with one order on each side, already shown, and what it sends."""
    sink: list[Event] = []
    desk = Desk(BITCOIN, sink, 7, OpenCandles(ID))
    desk.post(BUY, 5, 1_000)
    desk.post(SELL, 4, 1_005)
    desk.publish_whole(1)
    return desk, sink


def test_the_first_book_is_shown_whole() -> None:
    _, sink = a_desk()

    assert sink == [BookSnapshot(ID, [(1_000, 5)], [(1_005, 4)], last_seq=1, ts_venue_ns=1)]


def test_a_taker_prints_one_trade_per_maker() -> None:
    desk, sink = a_desk()
    desk.post(SELL, 3, 1_010)
    sink.clear()

    desk.take(BUY, 6, 1_010, ts_ns=2)

    assert sink == [
        Trade(ID, 1_005, 4, buyer_is_taker=True, trade_id=7, ts_venue_ns=2),
        Trade(ID, 1_010, 2, buyer_is_taker=True, trade_id=8, ts_venue_ns=2),
    ]


def test_a_taker_without_size_is_not_heard_of() -> None:
    desk, sink = a_desk()
    sink.clear()

    desk.take(SELL, 0, 1_000, ts_ns=2)

    assert sink == []


def test_an_order_that_would_take_is_not_posted() -> None:
    desk, _ = a_desk()

    assert desk.post(BUY, 1, 1_005) == 0


def test_a_delta_joins_the_one_before_and_brings_the_touch() -> None:
    desk, sink = a_desk()
    order_id = desk.post(BUY, 2, 1_000)
    desk.post(BUY, 2, 995)
    sink.clear()

    desk.publish(2)
    desk.cancel(order_id)
    desk.publish(3)

    assert sink == [
        BookDelta(ID, [(1_000, 7), (995, 2)], [], 2, 3, prev_seq=1, ts_venue_ns=2),
        BestQuote(ID, 1_000, 7, 1_005, 4, update_id=3, ts_venue_ns=2),
        BookDelta(ID, [(1_000, 5)], [], 4, 4, prev_seq=3, ts_venue_ns=3),
        BestQuote(ID, 1_000, 5, 1_005, 4, update_id=4, ts_venue_ns=3),
    ]


def test_a_change_away_from_the_touch_brings_no_quote_twice() -> None:
    desk, sink = a_desk()
    desk.post(BUY, 1, 990)
    desk.publish(2)
    desk.post(BUY, 1, 985)
    sink.clear()

    desk.publish(3)
    desk.publish(4)

    assert sink == [BookDelta(ID, [(985, 1)], [], 3, 3, prev_seq=2, ts_venue_ns=3)]


def test_a_side_that_is_empty_has_no_touch() -> None:
    desk, sink = a_desk()
    sink.clear()

    desk.take(BUY, 4, 1_005, ts_ns=2)
    desk.publish(2)

    assert [type(event) for event in sink] == [Trade, BookDelta]


def test_a_snapshot_asked_for_joins_the_next_delta() -> None:
    desk, sink = a_desk()
    order_id = desk.post(BUY, 2, 1_000)

    snapshot = desk.snapshot(2)
    desk.cancel(order_id)
    sink.clear()
    desk.publish(3)

    assert snapshot == BookSnapshot(ID, [(1_000, 5)], [(1_005, 4)], last_seq=1, ts_venue_ns=2)
    assert sink == []


def test_a_closed_desk_has_no_orders() -> None:
    desk, _ = a_desk()

    desk.clear()

    assert desk.matching.depth() == ([], [])
