"""Indicators against definitions too slow to be wrong: the whole window, every time."""

from collections.abc import Callable, Sequence
from math import fsum, sqrt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.chance import Chance
from engine.strategy import indicators

LENGTHS = st.integers(1, 9)


@st.composite
def walks(draw) -> list[float]:
    """Return a price in ticks of some size that goes up and down, now and then far."""
    decimals = draw(st.integers(0, 8))
    ticks = draw(st.integers(1, 10**9))
    steps = draw(st.lists(st.integers(-3, 3) | st.integers(-(10**6), 10**6), max_size=60))
    walk = []
    for step in steps:
        ticks = abs(ticks + step)
        walk.append(ticks / 10**decimals)
    return walk


def mean_of(window: Sequence[float]) -> float:
    return fsum(window) / len(window)


def deviation_of(window: Sequence[float]) -> float:
    """Return the deviation with differences to the exact mean, each sum rounded once."""
    mean = mean_of(window)
    return sqrt(fsum((x - mean) ** 2 for x in window) / len(window))


def weighted_mean_of(window: Sequence[float]) -> float:
    count = len(window)
    products = [x for i, x in enumerate(window) for _ in range(i + 1)]
    return fsum(products) / (count * (count + 1) // 2)


@pytest.mark.parametrize(
    ("make", "slow"),
    [
        (indicators.Sma, mean_of),
        (indicators.Wma, weighted_mean_of),
        (indicators.RollingMin, min),
        (indicators.RollingMax, max),
    ],
    ids=["sma", "wma", "min", "max"],
)
@given(walk=walks(), n=LENGTHS)
def test_a_window_has_exactly_the_value_of_its_definition(
    make: Callable, slow: Callable, walk: list[float], n: int
):
    indicator = make(n)

    for i, x in enumerate(walk):
        value = indicator.update(x)

        assert value == (slow(walk[i - n + 1 : i + 1]) if i >= n - 1 else None)


@given(walk=walks(), n=LENGTHS)
def test_the_deviation_is_that_of_the_window(walk: list[float], n: int):
    indicator = indicators.Std(n)

    for i, x in enumerate(walk):
        value = indicator.update(x)
        window = walk[i - n + 1 : i + 1] if i >= n - 1 else []

        assert (value is None) == (not window)
        if window and len(set(window)) == 1:
            assert value == 0.0
        elif window:
            assert value == pytest.approx(deviation_of(window), rel=1e-9, abs=1e-300)


@given(before=walks(), window=walks())
def test_equal_windows_have_equal_means_whatever_came_before(before, window):
    if not window:
        return
    fresh, used = indicators.Sma(len(window)), indicators.Sma(len(window))

    for x in before:
        used.update(x)
    for x in window:
        fresh.update(x)
        used.update(x)

    assert used.value == fresh.value


def test_means_stay_exact_over_a_long_walk():
    chance, n, price = Chance(7), 50, 47_000.0
    indicator, walk = indicators.Sma(n), []

    for i in range(30_000):
        price *= 1.0 + (chance.uniform() - 0.5) / 100.0
        walk.append(price)
        value = indicator.update(price)
        if i >= n - 1:
            assert value == mean_of(walk[-n:])


def test_the_deviation_keeps_its_digits_over_a_long_walk():
    chance, n = Chance(8), 20
    indicator, walk = indicators.Std(n), []

    for i in range(20_000):
        walk.append(i * 10.0 + chance.uniform())
        value = indicator.update(walk[-1])
        if i >= n - 1:
            assert value == pytest.approx(deviation_of(walk[-n:]), rel=1e-12)


MAKERS = [
    lambda: indicators.Sma(3),
    lambda: indicators.Ema(3),
    lambda: indicators.Wma(3),
    lambda: indicators.Std(3),
    lambda: indicators.Rsi(3),
    lambda: indicators.RollingMin(3),
    lambda: indicators.RollingMax(3),
    lambda: indicators.Macd(2, 4),
    lambda: indicators.MacdSignal(2, 4, 3),
    lambda: indicators.Bollinger(3, 2.0),
]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: type(make()).__name__)
@given(before=walks(), after=walks())
def test_an_indicator_goes_on_from_a_checkpoint(make: Callable, before, after):
    indicator = make()
    for x in before:
        indicator.update(x)

    packed = msgspec.msgpack.encode(msgspec.to_builtins(indicator))
    restored = msgspec.convert(msgspec.msgpack.decode(packed), type(indicator))

    assert [restored.update(x) for x in after] == [indicator.update(x) for x in after]
