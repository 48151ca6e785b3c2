"""Numbers of the market: exact from text to integer and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import VenuePayloadError
from engine.model.numbers import (
    DECIMALS_MAX,
    REMEMBERED_MAX,
    UNITS_MAX,
    FinerText,
    TextScale,
    decimal_text,
    decimals_of,
    split_decimal,
    unscaled,
)


@pytest.mark.parametrize(
    ("text", "digits", "decimals"),
    [
        ("2683.80000000", 26_838, 1),
        ("0.00000000", 0, 0),
        ("100", 100, 0),
        ("007.50", 75, 1),
        ("0.000000000001", 1, 12),
    ],
)
def test_a_decimal_text_is_digits_and_decimals_without_trailing_zeros(text, digits, decimals):
    assert split_decimal(text) == (digits, decimals)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1e5", "1E5", "1_000", "1,5", ".5", "5.", "1.2.3", "0x10"),
        *(
            "NaN",
            "nan",
            "inf",
            "Infinity",
            " 1",
            "1 ",
            "1\n",
            "\t1",
            "\uff11\uff12",
            "\u0663",
            "1\u066b5",
            "\xb2",
        ),
        *("12345678901234567890", "1." + "0" * 31, "9" * 10_000, "1\x00"),
    ],
)
def test_anything_but_a_plain_decimal_is_refused(text):
    with pytest.raises(VenuePayloadError, match="not a plain decimal"):
        split_decimal(text)


def test_more_decimals_than_any_venue_uses_are_refused():
    with pytest.raises(VenuePayloadError, match="more than 12 decimals"):
        split_decimal("0.0000000000001")


def test_a_scale_counts_in_its_unit():
    scale = TextScale(2)

    assert (scale["1.5"], scale["0.01"], scale["7"], scale["0"]) == (150, 1, 700, 0)


def test_a_known_text_is_remembered_and_the_memory_is_bounded():
    scale = TextScale(0)

    for number in range(REMEMBERED_MAX + 1):
        assert scale[str(number)] == number

    assert len(scale) <= REMEMBERED_MAX
    assert scale["7"] == 7


def test_a_finer_text_asks_to_widen():
    scale = TextScale(1)

    with pytest.raises(FinerText) as caught:
        scale["0.125"]

    assert (caught.value.scale, caught.value.decimals) == (scale, 3)


def test_after_widening_the_same_text_is_more_units():
    scale = TextScale(1)
    assert scale["1.5"] == 15

    scale.widen(3)

    assert (scale["1.5"], scale["0.125"]) == (1_500, 125)


def test_a_number_that_needs_more_than_64_bits_is_refused():
    scale = TextScale(12)

    assert scale["4611686.018427387903"] == UNITS_MAX - 1
    with pytest.raises(VenuePayloadError, match="too large"):
        scale["4611686.018427387904"]
    assert scale.largest == UNITS_MAX - 1


def test_widening_that_a_number_already_seen_would_not_survive_is_refused():
    scale = TextScale(0)
    assert scale["4611686018427"] == 4_611_686_018_427

    with pytest.raises(VenuePayloadError, match="do not fit"):
        scale.widen(7)

    assert (scale.decimals, scale["2"]) == (0, 2)
    scale.widen(6)
    with pytest.raises(VenuePayloadError):
        scale.widen(7)


def test_a_scale_can_go_back_to_what_it_was():
    scale = TextScale(0)
    assert scale["5"] == 5
    scale.widen(2)
    assert scale["5"] == 500

    scale.reset(0, 5)

    assert (scale["5"], scale.largest) == (5, 5)


@pytest.mark.parametrize("decimals", [-1, DECIMALS_MAX + 1])
def test_a_scale_has_as_many_decimals_as_a_venue_may_use(decimals):
    with pytest.raises(AssertionError):
        TextScale(decimals)


def test_a_scale_is_never_made_coarser():
    with pytest.raises(AssertionError):
        TextScale(2).widen(2)


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (26_838, 1, "2683.8"),
        (26_830, 1, "2683"),
        (1, 12, "0.000000000001"),
        (0, 8, "0"),
        (-15, 1, "-1.5"),
        (100, 0, "100"),
        (UNITS_MAX, 0, str(UNITS_MAX)),
    ],
)
def test_the_text_of_a_number_is_plain_and_short(units, decimals, text):
    assert decimal_text(units, decimals) == text


def test_a_float_is_that_of_the_text():
    assert unscaled(1, 1) == 0.1
    assert unscaled(4_611_686_018_427_387_903, 12) == float("4611686.018427387903")


@pytest.mark.parametrize(
    ("step", "decimals"),
    [("0.01", 2), ("0.10", 1), ("1", 0), ("100", 0), ("1E+2", 0), ("1E-8", 8), ("2.5", 1)],
)
def test_a_step_needs_as_many_decimals_as_it_shows(step, decimals):
    assert decimals_of(Decimal(step)) == decimals


def test_a_step_is_finite():
    with pytest.raises(AssertionError):
        decimals_of(Decimal("NaN"))


# Texts that count contracts


@pytest.mark.parametrize(
    ("unit", "decimals", "text", "units"),
    [
        ("0.01", 3, "0.5", 5),
        ("0.01", 2, "3", 3),
        ("0.25", 2, "4", 100),
        ("100", 0, "7", 700),
        ("1E+3", 1, "0.1", 1_000),
    ],
)
def test_contracts_are_told_in_units_of_base(unit, decimals, text, units):
    assert TextScale(decimals, Decimal(unit))[text] == units


def test_a_contracts_own_decimals_widen_the_scale():
    scale = TextScale(2, Decimal("0.01"))

    with pytest.raises(FinerText) as finer:
        scale["0.5"]

    assert (finer.value.scale, finer.value.decimals) == (scale, 3)


def test_contracts_finer_than_any_scale_are_refused():
    with pytest.raises(VenuePayloadError, match="decimals"):
        TextScale(0, Decimal("0.0000001"))["0.000001"]


@given(
    st.integers(1, 10**4),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 4)), min_size=1),
)
def test_whatever_a_contract_is_nothing_is_rounded(digits, unit_decimals, numbers):
    unit = Decimal(digits).scaleb(-unit_decimals)
    scale = TextScale(9, unit)

    for number, decimals in numbers:
        text = decimal_text(number, decimals)
        assert Decimal(scale[text]).scaleb(-9) == Decimal(text) * unit
