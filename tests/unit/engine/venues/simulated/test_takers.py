"""Takers trade in bursts, on both sides, and some of them know better."""

from engine.execution.matching import BUY, SELL
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.market import Trade
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.fair_value import FairValue
from engine.venues.simulated.instruments import INSTRUMENTS
from engine.venues.simulated.open_candles import OpenCandles
from engine.venues.simulated.takers import Takers

BITCOIN = INSTRUMENTS[0]
TICKS = BITCOIN.price_ticks


def some_takers(intensity: float = 1.0) -> tuple[Takers, Desk, list[Event]]:
    """Return takers and a deep book one tick around the price, with what it sends."""
    sink: list[Event] = []
    desk = Desk(BITCOIN, sink, 1, OpenCandles(BITCOIN.instrument_id))
    desk.post(BUY, 1_000_000, (TICKS - 1) * 5)
    desk.post(SELL, 1_000_000, (TICKS + 1) * 5)
    fair_value = FairValue(Chance(1), TICKS, 0.45)
    return Takers(Chance(2), desk, fair_value, BITCOIN, intensity), desk, sink


def test_orders_come_in_bursts() -> None:
    takers, _, _ = some_takers()
    orders_by_second: dict[int, int] = {}
    now_ns = 0

    for _ in range(4_000):
        now_ns += takers.gap_ns()
        takers.trade(now_ns)
        second = now_ns // NS_PER_S
        orders_by_second[second] = orders_by_second.get(second, 0) + 1

    counts = [orders_by_second.get(second, 0) for second in range(now_ns // NS_PER_S)]
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert 10 < mean < 40
    assert variance > 2 * mean, "arrivals that know nothing of each other would have 1.0"


def test_both_sides_trade_in_unequal_sizes() -> None:
    takers, _, sink = some_takers()

    for _ in range(500):
        takers.trade(1)

    trades = [event for event in sink if type(event) is Trade]
    buys = sum(trade.buyer_is_taker for trade in trades)
    assert 0.3 < buys / len(trades) < 0.7
    assert max(trade.qty_lots for trade in trades) > 8 * min(trade.qty_lots for trade in trades)


def test_intensity_makes_them_more_frequent() -> None:
    calm, _, _ = some_takers()
    busy, _, _ = some_takers(intensity=50)

    assert abs(calm.gap_ns() - 50 * busy.gap_ns()) < 100


def test_quotes_that_the_fair_value_left_behind_are_picked_off() -> None:
    takers, desk, sink = some_takers()
    desk.post(SELL, 3, TICKS * 5)

    takers.pick_off(9)

    assert [(e.price_ticks, e.qty_lots) for e in sink if type(e) is Trade] == [(TICKS * 5, 3)]
    sink.clear()
    desk.post(BUY, 4, TICKS * 5)
    takers.pick_off(10)
    assert sink == [], "a bid at the fair value is where it should be"
    takers._fair_value.hold(0, TICKS - 1.5)
    takers.pick_off(11)
    assert [type(e) for e in sink] == [Trade, Trade]


def test_there_is_nothing_to_pick_off_in_an_empty_book() -> None:
    takers, desk, sink = some_takers()
    desk.clear()

    takers.pick_off(9)

    assert sink == []
