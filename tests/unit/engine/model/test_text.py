"""Text from outside: what gets out, what never does."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.text import CUT, REPLACEMENT, WIDTH_MAX, clean

NEVER = {"Cc", "Cf", "Cn", "Co", "Cs", "Mc", "Me", "Mn", "Zl", "Zp"}


@pytest.mark.parametrize(
    "text",
    ["", "BTC-PERP", "Überprüfung: 3 × 4 → ok", "funding ≥ 0.01 % · -5 bp", "Привет", "★ ✓ ●"],
)
def test_harmless_text_stays_as_it_is(text: str):
    assert clean(text) == text


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, *range(0x80, 0xA0)])
def test_no_control_character_gets_out(code: int):
    assert clean(f"a{chr(code)}b") in ("a b", f"a{REPLACEMENT}b")


@pytest.mark.parametrize(
    "character",
    [
        "\u061c",  # Arabic letter mark.
        "\u200e",  # Left-to-right mark.
        "\u200f",  # Right-to-left mark.
        "\u202a",  # Embeddings and overrides.
        "\u202d",
        "\u202e",
        "\u2066",  # Isolates.
        "\u2069",
        "\u05d0",  # Letters that are written from right to left.
        "\u0634",
    ],
)
def test_the_direction_of_writing_cannot_be_changed(character: str):
    assert clean(f"a{character}b") == "a?b"


@pytest.mark.parametrize(
    "character",
    ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u1160", "\ue000"],
)
def test_nothing_invisible_gets_out(character: str):
    assert clean(f"a{character}b") == "a?b"


@pytest.mark.parametrize("character", ["\u5e01", "\uff21", "\U0001f4a3", "\u231a", "\u25fd"])
def test_nothing_wide_gets_out(character: str):
    assert clean(character) == "?"


def test_marks_join_their_letter_or_go():
    assert clean("e\u0301") == "é"
    assert clean("z" + "\u0300" * 50 + "algo") == "zalgo"


def test_line_breaks_and_tabs_become_blanks():
    assert clean("one\ntwo\tthree\r\nfour\u2028five") == "one two three  four five"


def test_an_escape_sequence_is_disarmed():
    assert clean("\x1b[31mred\x1b[0m") == "?[31mred?[0m"


def test_long_text_is_cut_and_says_so():
    assert clean("abcdef", 4) == "abc" + CUT
    assert clean("abcd", 4) == "abcd"
    assert clean("ü" * 9, 4) == "üüü" + CUT
    assert len(clean("x" * 10_000)) == WIDTH_MAX


@given(st.text(max_size=300), st.integers(1, 120))
def test_whatever_comes_one_visible_character_per_cell_goes_out(text: str, width_max: int):
    cleaned = clean(text, width_max)

    assert len(cleaned) <= width_max
    for character in cleaned:
        assert unicodedata.category(character) not in NEVER
        assert unicodedata.east_asian_width(character) not in "FW"
        assert unicodedata.bidirectional(character) not in ("R", "AL", "RLE", "RLO", "RLI")
    assert clean(cleaned, width_max) == cleaned
