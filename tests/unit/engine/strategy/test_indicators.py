"""Indicators: their definitions on a few numbers, and when each begins."""

from collections.abc import Sequence

import msgspec
import pytest

from engine.strategy.indicators import (
    DAY_NS,
    Atr,
    Bands,
    Bollinger,
    DayVwap,
    Ema,
    Latest,
    Macd,
    MacdSignal,
    RollingMax,
    RollingMin,
    Rsi,
    Sma,
    Std,
    Vwap,
    Wma,
)

OF_ONE_NUMBER = [
    Latest(),
    Sma(3),
    Ema(4),
    Wma(3),
    Std(5),
    RollingMin(2),
    RollingMax(6),
    Rsi(3),
    Macd(2, 5),
    MacdSignal(2, 4, 3),
    Bollinger(4, 2.0),
]
PRICES = (10.0, 11.0, 10.5, 12.0, 11.0, 11.5, 13.0, 12.5, 12.0, 14.0)


def fed(indicator, values: Sequence[float]) -> list:
    """Return what a copy of the indicator says to each value."""
    copy = msgspec.convert(msgspec.to_builtins(indicator), type(indicator))
    return [copy.update(x) for x in values]


@pytest.mark.parametrize("indicator", OF_ONE_NUMBER, ids=lambda one: type(one).__name__)
def test_an_indicator_begins_where_it_says(indicator):
    for i, value in enumerate(fed(indicator, PRICES)):
        assert (value is not None) == (i >= indicator.first_index)


@pytest.mark.parametrize("indicator", OF_ONE_NUMBER, ids=lambda one: type(one).__name__)
def test_an_indicator_keeps_its_value(indicator):
    copy = msgspec.convert(msgspec.to_builtins(indicator), type(indicator))
    assert not copy.ready

    for x in PRICES:
        assert copy.update(x) == copy.value
        assert copy.ready == (copy.value is not None)


def test_means():
    assert fed(Latest(), (1.0, 2.0)) == [1.0, 2.0]
    assert fed(Sma(2), (1.0, 2.0, 4.0)) == [None, 1.5, 3.0]
    assert fed(Ema(3), (1.0, 2.0, 3.0, 4.0)) == [None, None, 2.0, 3.0]
    assert fed(Wma(3), (1.0, 2.0, 3.0, 7.0)) == [None, None, 14.0 / 6.0, 29.0 / 6.0]


def test_deviation_and_bands():
    assert fed(Std(2), (1.0, 3.0, 3.0)) == [None, 1.0, 0.0]
    assert fed(Bollinger(2, 2.0), (1.0, 3.0)) == [None, Bands(0.0, 2.0, 4.0)]


def test_extremes():
    assert fed(RollingMin(2), (3.0, 1.0, 2.0, 5.0)) == [None, 1.0, 1.0, 2.0]
    assert fed(RollingMax(2), (3.0, 1.0, 2.0, 5.0)) == [None, 3.0, 2.0, 5.0]


def test_relative_strength():
    assert fed(Rsi(2), (1.0, 2.0, 3.0, 3.0)) == [None, None, 100.0, 100.0]
    assert fed(Rsi(2), (3.0, 2.0, 1.0)) == [None, None, 0.0]
    assert fed(Rsi(2), (1.0, 4.0, 3.0, 3.0, 4.0)) == [None, None, 75.0, 75.0, 87.5]


def test_relative_strength_of_a_market_that_never_moved_is_in_the_middle():
    assert fed(Rsi(2), (7.0, 7.0, 7.0)) == [None, None, 50.0]


def test_macd_and_its_signal():
    signal = MacdSignal(1, 2, 2)
    lines = [None, 1.0, 1.0, 1.0]

    assert fed(Macd(1, 2), (2.0, 4.0, 6.0, 8.0)) == lines
    assert fed(signal, (2.0, 4.0, 6.0)) == [None, None, 1.0]
    assert [signal.update(x) for x in (2.0, 4.0)] == [None, None]
    assert signal.histogram is None
    assert signal.update(6.0) == 1.0
    assert signal.histogram == 0.0


def test_macd_does_not_mind_a_fast_average_that_is_slower():
    assert fed(Macd(2, 1), (2.0, 4.0)) == [None, -1.0]


def test_true_range_counts_the_gap_to_the_close_before():
    atr = Atr(2)
    candles = [(3.0, 1.0, 2.0), (4.0, 3.0, 3.5), (3.0, 2.5, 2.5), (2.5, 1.0, 2.0)]

    values = [atr.update(*candle) for candle in candles]

    assert values == [None, None, 1.5, 1.5]
    assert atr.first_index == 2
    assert atr.ready


def test_vwap_weighs_by_volume():
    vwap = Vwap(2)
    candles = [(3.0, 1.0, 2.0, 1.0), (4.0, 4.0, 4.0, 3.0), (6.0, 5.0, 4.0, 1.0)]

    assert [vwap.update(*candle) for candle in candles] == [None, 3.5, 4.25]
    assert vwap.first_index == 1


def test_vwap_is_undefined_while_nothing_traded():
    vwap = Vwap(2)
    volumes = (0.1, 0.0, 0.0, 0.0, 0.2, 0.2)

    values = [vwap.update(3.0, 3.0, 3.0, volume) for volume in volumes]

    assert values[:4] == [None, pytest.approx(3.0), None, None]
    assert values[4:] == pytest.approx([3.0, 3.0])


def test_vwap_needs_volume_that_counts():
    vwap = Vwap(2)

    assert [vwap.update(3.0, 3.0, 3.0, volume) for volume in (1.0, -1.0)] == [None, None]


def test_the_day_begins_anew_at_midnight():
    vwap = DayVwap()
    candles = [(0, 2.0, 1.0), (DAY_NS - 1, 4.0, 3.0), (DAY_NS, 9.0, 1.0)]

    values = [vwap.update(open_ns, x, x, x, volume) for open_ns, x, volume in candles]

    assert values == [2.0, 3.5, 9.0]
    assert vwap.first_index == 0


def test_a_day_without_volume_has_no_vwap():
    vwap = DayVwap()

    assert vwap.update(0, 2.0, 2.0, 2.0, 0.0) is None
    assert not vwap.ready
    assert vwap.update(1, 2.0, 2.0, 2.0, 1.0) == 2.0
