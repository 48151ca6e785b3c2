"""Columns: what a declaration makes of the parameters."""

from typing import Annotated, NamedTuple

import pytest

from engine.strategy import indicators
from engine.strategy.columns import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Atr,
    Before,
    DayVwap,
    Ema,
    FloatCandle,
    Highest,
    Lowest,
    Macd,
    MacdSignal,
    Plan,
    Rsi,
    Sma,
    Std,
    Vwap,
    Wma,
    columns_of,
)

CANDLE = FloatCandle(0, 10.0, 13.0, 8.0, 11.0, 5.0)


class Params(NamedTuple):
    """Lengths, and one that is none."""

    n: int = 20
    fast: int = 12
    slow: int = 26
    signal: int = 9
    k: float = 2.0


@pytest.mark.parametrize(
    ("column", "indicator", "numbers", "inputs"),
    [
        (CLOSE, indicators.Latest, (), (4,)),
        (Sma("n"), indicators.Sma, (20,), (4,)),
        (Sma(7, VOLUME), indicators.Sma, (7,), (5,)),
        (Ema("n", OPEN), indicators.Ema, (20,), (1,)),
        (Wma("n"), indicators.Wma, (20,), (4,)),
        (Std("n"), indicators.Std, (20,), (4,)),
        (Rsi("n"), indicators.Rsi, (20,), (4,)),
        (Lowest("n"), indicators.RollingMin, (20,), (3,)),
        (Highest("n"), indicators.RollingMax, (20,), (2,)),
        (Highest("n", CLOSE), indicators.RollingMax, (20,), (4,)),
        (Atr("n"), indicators.Atr, (20,), (2, 3, 4)),
        (Macd("fast", "slow"), indicators.Macd, (12, 26), (4,)),
        (MacdSignal("fast", "slow", "signal"), indicators.MacdSignal, (12, 26, 9), (4,)),
        (Vwap("n"), indicators.Vwap, (20,), (2, 3, 4, 5)),
        (DayVwap(), indicators.DayVwap, (), (0, 2, 3, 4, 5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_column_says_what_to_compute(column, indicator, numbers, inputs):
    plan = column.plan(Params())

    assert plan == Plan(indicator, numbers, inputs)
    assert isinstance(plan.make(), indicator)


@pytest.mark.parametrize(
    ("field", "value"), [(OPEN, 10.0), (HIGH, 13.0), (LOW, 8.0), (CLOSE, 11.0), (VOLUME, 5.0)]
)
def test_a_field_of_the_candle_is_itself(field, value):
    plan = field.plan(Params())

    assert plan.feed(plan.make(), CANDLE) == value


def test_an_indicator_is_fed_what_it_asks_for():
    plan = DayVwap().plan(Params())

    assert plan.feed(plan.make(), CANDLE) == pytest.approx(32.0 / 3.0)


def test_before_is_the_same_one_candle_ago():
    plan = Before(Before(Sma("n"))).plan(Params())

    assert plan == Plan(indicators.Sma, (20,), (4,), lag=2)


@pytest.mark.parametrize(("n", "problem"), [("k", "whole number"), (0, "number of candles")])
def test_a_length_is_a_whole_number_above_zero(n, problem: str):
    with pytest.raises(AssertionError, match=problem):
        Sma(n).plan(Params())


def test_a_row_names_its_columns():
    class Row(NamedTuple):
        close: Annotated[float, CLOSE]
        mean: Annotated[float, Sma("n")]

    close, mean = columns_of(Row).items()

    assert close == ("close", CLOSE)
    assert mean == ("mean", Sma("n"))


def test_a_field_of_a_row_stands_for_a_column():
    class Bare(NamedTuple):
        close: float

    class Whole(NamedTuple):
        close: Annotated[int, CLOSE]

    with pytest.raises(AssertionError, match="close of Row stands for no column"):
        columns_of(Bare)
    with pytest.raises(AssertionError, match="close of Row is not a float"):
        columns_of(Whole)
