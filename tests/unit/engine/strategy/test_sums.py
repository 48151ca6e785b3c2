"""Sums of a window keep no trace of what has left it."""

from math import fsum, sqrt

import pytest

from engine.strategy.sums import (
    CompensatedSum,
    Exponential,
    Extreme,
    Run,
    Spread,
    Wilder,
    Window,
    WindowSum,
)


def test_what_was_added_and_taken_out_leaves_nothing():
    total = CompensatedSum()

    for x in (0.1, 1e16, 0.2, -1e16):
        total.add(x)

    assert total.value == fsum([0.1, 0.2])


def test_a_window_gives_back_what_leaves_it():
    window = Window()

    assert [window.push(x, 2) for x in (1.0, 2.0, 3.0, 4.0, 5.0)] == [None, None, 1.0, 2.0, 3.0]


def test_equal_windows_have_equal_sums_whatever_came_before():
    quiet, wild = WindowSum(), WindowSum()

    *_, quiet_sum = [quiet.update(x, 3) for x in (0.1, 0.7, 0.1, 0.2, 0.3)]
    *_, wild_sum = [wild.update(x, 3) for x in (1e15, 0.1, 0.2, 0.3)]

    assert quiet_sum == wild_sum == fsum([0.1, 0.2, 0.3])


def test_a_sum_needs_a_full_window():
    total = WindowSum()

    assert [total.update(x, 3) for x in (1.0, 2.0, 3.0, 4.0)] == [None, None, 6.0, 9.0]


def test_a_run_counts_equal_values():
    run = Run()

    assert [run.update(x) for x in (1.0, 1.0, 2.0, 2.0, 2.0, 1.0)] == [1, 2, 1, 2, 3, 1]


def test_a_spread_is_that_of_the_population():
    spread = Spread()

    values = [spread.update(x, 2) for x in (1.0, 3.0, 7.0, 7.5)]

    assert values == [None, 1.0, 2.0, 0.25]


def test_a_spread_of_equal_values_is_exactly_zero():
    spread = Spread()

    values = [spread.update(x, 3) for x in (0.1, 0.3, 0.1, 0.1, 0.1, 0.1)]

    assert values[3] == pytest.approx(0.2 * sqrt(2.0) / 3.0)
    assert values[4:] == [0.0, 0.0]


def test_the_last_of_equal_values_already_makes_a_spread_of_zero():
    spread = Spread()
    wild = (1.01, -999_999.0, 1.0001)  # What has left is still in the last digits of the sums.

    values = [spread.update(x, 4) for x in (*wild, 1.0, 1.0, 1.0, 1.0)]

    assert values[-2] != 0.0
    assert values[-1] == 0.0


def test_a_high_price_costs_a_small_spread_no_digits():
    spread = Spread()

    *_, value = [spread.update(1e8 + (i % 2) / 1024, 10) for i in range(1_000)]

    assert value == 1 / 2048


def test_a_spread_forgets_what_has_left():
    spread = Spread()

    *_, value = [spread.update(x, 3) for x in (1e9, -1e9, 1.0, 2.0, 3.0)]

    assert value == pytest.approx(sqrt(2.0 / 3.0), rel=1e-14)


def test_the_extreme_is_the_largest_of_the_window():
    extreme = Extreme()

    values = [extreme.update(x, 3) for x in (5.0, 1.0, 2.0, 2.0, 0.0, -1.0, -2.0, 9.0)]

    assert values == [None, None, 5.0, 2.0, 2.0, 2.0, 0.0, 9.0]


def test_the_exponential_average_starts_with_the_mean():
    average = Exponential()

    assert [average.update(x, 3) for x in (1.0, 2.0, 6.0, 5.0)] == [None, None, 3.0, 4.0]


def test_wilders_average_starts_with_the_mean():
    average = Wilder()

    assert [average.update(x, 2) for x in (1.0, 3.0, 4.0, 0.0)] == [None, 2.0, 3.0, 1.5]
