"""Numbers of the market: exact there and back, and nothing hostile gets in."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.model.errors import VenuePayloadError
from engine.model.numbers import (
    DECIMALS_MAX,
    UNITS_MAX,
    FinerText,
    TextScale,
    decimal_text,
    split_decimal,
    unscaled,
)

UNITS = st.integers(0, UNITS_MAX - 1)
DECIMALS = st.integers(0, DECIMALS_MAX)
PLAIN = re.compile(r"[0-9]{1,19}(\.[0-9]{1,30})?", re.ASCII)


def plain(units: int, decimals: int, zeros: int) -> str:
    """Write a number the way a venue does: with a point, and with zeros that say nothing."""
    digits = str(units).rjust(decimals + 1, "0")
    at = len(digits) - decimals
    fraction = digits[at:] + "0" * zeros
    return digits[:at] + (f".{fraction}" if fraction else "")


TEXTS = st.builds(plain, UNITS, DECIMALS, st.integers(0, 18))


@given(UNITS, DECIMALS, st.integers(0, 18))
def test_text_to_units_to_text_is_exact(units, decimals, zeros):
    scale = TextScale(decimals)

    found = scale[plain(units, decimals, zeros)]

    assert found == units
    assert scale[decimal_text(found, decimals)] == units


@given(TEXTS)
def test_a_text_is_as_much_as_python_reads_from_it(text):
    digits, decimals = split_decimal(text)

    assert unscaled(digits, decimals) == float(text)


@given(UNITS, DECIMALS)
def test_a_float_is_that_of_the_text(units, decimals):
    assert unscaled(units, decimals) == float(decimal_text(units, decimals))


@given(st.lists(st.builds(plain, st.integers(0, 10**6), DECIMALS, st.integers(0, 9)), min_size=1))
def test_a_scale_widened_on_the_way_ends_where_a_wide_one_was_from_the_start(texts):
    scale = TextScale(0)
    found: list[int] = []

    for text in texts:
        try:
            units = scale[text]
        except FinerText as finer:
            factor = 10 ** (finer.decimals - scale.decimals)
            scale.widen(finer.decimals)
            found = [units * factor for units in found]
            units = scale[text]
        found.append(units)

    wide = TextScale(scale.decimals)
    assert [wide[text] for text in texts] == found
    assert wide.largest == scale.largest


HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="0123456789.-+eE_, \t\n\x00"),
    st.text(alphabet=st.characters(categories=["Nd", "Nl", "No"]), min_size=1),
    st.builds("{}{}".format, TEXTS, st.sampled_from(["e1", "_0", " ", "\n", "L", "%", "."])),
    st.builds("{}{}".format, st.sampled_from(["-", "+", " ", "_", ".", "0x"]), TEXTS),
    st.sampled_from(["NaN", "sNaN", "Infinity", "-0", "1e400", "0" * 10_240, "9" * 10_240]),
)


@given(HOSTILE)
def test_whatever_is_no_plain_number_is_refused(text):
    assume(not PLAIN.fullmatch(text))
    scale = TextScale(DECIMALS_MAX)

    with pytest.raises(VenuePayloadError):
        scale[text]
    assert (len(scale), scale.largest) == (0, 0)
