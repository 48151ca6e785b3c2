"""Candles that were under way when the market opened."""

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import Candle
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.open_candles import OpenCandles

ID = InstrumentId("simulated:BTC-PERP")


def a_candle(
    low: int, high: int, close: int, *, volume: int = 10, count: int = 1, open_s: int = 0
) -> Candle:
    return Candle(ID, 300, open_s * NS_PER_S, 100, high, low, close, volume, count, False)


def published(candles: OpenCandles, second: int) -> list[Event]:
    sink: list[Event] = []
    candles.publish(second * NS_PER_S, sink)
    return sink


def test_trades_of_the_second_are_added() -> None:
    candles = OpenCandles(ID)
    candles.begin([a_candle(99, 101, 100)])
    for price in (102, 103, 98, 100):
        candles.add_trade(price, 5)

    assert published(candles, 1) == [a_candle(98, 103, 100, volume=30, count=5)]


def test_a_second_without_trades_changes_nothing() -> None:
    candles = OpenCandles(ID)
    candles.begin([a_candle(99, 101, 100)])
    candles.add_trade(150, 5)
    published(candles, 1)

    assert published(candles, 2) == [a_candle(99, 150, 150, volume=15, count=2)]


def test_a_candle_that_closed_is_told_once_more_and_then_never_again() -> None:
    candles = OpenCandles(ID)
    candles.begin([a_candle(99, 101, 100)])

    last = published(candles, 300)

    assert [event.is_closed for event in last if isinstance(event, Candle)] == [True]
    assert published(candles, 301) == []


def test_skipped_minutes_count_where_they_belong() -> None:
    candles = OpenCandles(ID)
    candles.begin([a_candle(99, 101, 100), a_candle(99, 101, 100, open_s=900)])

    candles.add_past([a_candle(90, 105, 104, open_s=60), a_candle(95, 120, 119, open_s=300)])

    assert published(candles, 1) == [
        a_candle(90, 105, 104, volume=20, count=2),
        a_candle(99, 101, 100, open_s=900),
    ]
