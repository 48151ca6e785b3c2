"""Numbers as text."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit import format as shown
from engine.model.numbers import NS_PER_S


@pytest.mark.parametrize(
    ("units", "decimals", "places", "text"),
    [
        (642_105, 1, None, "64210.5"),
        (642_105, 1, 0, "64210"),
        (5, 3, None, "0.005"),
        (-5, 3, None, "-0.005"),
        (-5, 3, 2, "0.00"),
        (0, 0, None, "0"),
        (12, 2, 5, "0.12"),
    ],
)
def test_an_integer_becomes_fixed_decimals(units: int, decimals: int, places: int, text: str):
    assert shown.fixed(units, decimals, places) == text


def test_prices_separate_thousands_and_unknown_is_not_zero():
    assert shown.price_text(642_105, 1) == "64,210.5"
    assert shown.price_text(None, 1) == shown.UNKNOWN
    assert shown.price_text(321, 5) == "0.00321"


def test_a_price_needs_as_many_decimals_as_its_step():
    assert shown.places_of_step(2, 1) == 2
    assert shown.places_of_step(2, 50) == 1
    assert shown.places_of_step(2, 100) == 0
    assert shown.places_of_step(0, 10) == 0


@pytest.mark.parametrize(
    ("largest", "decimals", "width", "places"),
    [(1_428, 3, 7, 3), (12_345_678, 3, 7, 1), (123_456_789, 3, 7, 0), (5, 0, 7, 0), (5, 2, 7, 2)],
)
def test_a_column_has_the_decimals_its_largest_size_allows(
    largest: int, decimals: int, width: int, places: int
):
    assert shown.column_places(largest, decimals, width) == places


def test_a_size_that_does_not_fit_is_shortened_and_a_tiny_one_never_zero():
    assert shown.qty_text(1_428, 3, 3, 8) == "1.428"
    assert shown.qty_text(12_345_678_901, 0, 0, 8) == "12.3B"
    assert shown.qty_text(1, 8, 3, 8) == "<0.001"
    assert shown.qty_text(0, 8, 3, 8) == "0.000"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.00k"),
        (1_204.5, "1.20k"),
        (64_000, "64.0k"),
        (640_000, "640k"),
        (999_600, "1.00M"),
        (1_930_000, "1.93M"),
        (4.1e12, "4.10T"),
        (-2_000, "-2.00k"),
    ],
)
def test_large_numbers_have_three_digits_and_a_letter(number: float, text: str):
    assert shown.short_text(number) == text


def test_dollars_carry_their_sign_in_front():
    assert shown.dollars_text(410_200) == "$410k"
    assert shown.dollars_text(-410_200) == "-$410k"


def test_decimal_text_is_separated_and_bad_text_unknown():
    assert shown.decimal_price_text("64209.80") == "64,209.8"
    assert shown.decimal_price_text("64209") == "64,209"
    for bad in (None, "", "NaN", "Infinity", "1e400", "abc"):
        assert shown.decimal_price_text(bad) == shown.UNKNOWN


def test_rates_are_signed_per_cent():
    assert shown.rate_text("0.000031") == "+0.0031%"
    assert shown.rate_text("-0.0001") == "-0.0100%"
    assert shown.rate_text(None) == shown.UNKNOWN
    assert shown.per_cent_text(0.184) == "+18%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.99, "9.9s"),
        (10, "10s"),
        (190, "3m10s"),
        (7_500, "2h05m"),
        (400_000, "4d"),
    ],
)
def test_ages(seconds: float, text: str):
    assert shown.age_text(int(seconds * NS_PER_S)) == text


def test_countdowns():
    assert shown.countdown_text(41 * NS_PER_S) == "00:41"
    assert shown.countdown_text(28_752 * NS_PER_S) == "07:59:12"
    assert shown.countdown_text(-1) == "00:00"


@given(st.integers(0, 4_000_000_000))
def test_clock_and_date_agree_with_the_calendar(second: int):
    moment = dt.datetime.fromtimestamp(second, dt.UTC)

    assert shown.clock_text(second * NS_PER_S) == moment.strftime("%H:%M:%S")
    assert shown.date_text(second * NS_PER_S) == moment.strftime("%m-%d")


def test_timeframes_have_names():
    assert shown.timeframe_text(900) == "15m"
    assert shown.timeframe_text(7) == "7s"


def test_rates_per_second():
    assert shown.rate_per_s_text(1_204.4) == "1,204/s"
    assert shown.rate_per_s_text(12.34) == "12.3/s"


@given(st.floats(-2, 3), st.integers(0, 40))
def test_a_bar_has_exactly_its_width(share: float, width: int):
    assert len(shown.bar_text(share, width)) == width


def test_bars_and_levels_grow_in_eighths():
    assert shown.bar_text(0.5, 4) == "██  "
    assert shown.bar_text(0.54, 4) == "██▏ "
    assert shown.bar_text(1, 4) == "████"
    assert [shown.level_text(share) for share in (0, 0.125, 0.5, 1, 7)] == [" ", "▁", "▄", "█", "█"]


def test_text_of_a_view_is_cleaned():
    assert shown.safe("\x1b[2J") == "?[2J"
    assert shown.safe("simulated", 5) == "simu…"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3", "3"),
        ("5000.00", "5,000"),
        ("651.3400", "651.34"),
        ("0.00651340685", "0.01"),
        ("32105.5", "32,106"),
        ("NaN", "–"),
        ("", "–"),
    ],
)
def test_counts_are_whole_and_amounts_to_the_cent(text: str, told: str):
    assert shown.quantity_text(text) == told


def test_money_is_shown_to_the_cent():
    assert shown.money_text("99979.2") == "99,979.20"
