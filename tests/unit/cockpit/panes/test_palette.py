"""Palettes: contrast, monochrome, and fading."""

import pytest
from rich.color import Color

from cockpit.panes.palette import BARS, DARK, KEPT_WHEN_FADED, MONO, Palette, faded

TEXT_RATIO_MIN = 4.5
LOUD_RATIO_MIN = 7.0
LOUD = ("error", "alarm", "mode_paper", "mode_sim", "mode_replay")
SHAPES = ("frame", "grid", "bid_bar", "ask_bar", "up_dim", "down_dim", "focus", "dim")
"""Lines and bars carry no words; `dim` is for what need not be read at a glance."""


def luminance(colour: Color) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = colour.get_truecolor()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(slot: str) -> float:
    style = getattr(DARK, slot)
    a, b = sorted((luminance(style.color), luminance(style.bgcolor)))
    return (b + 0.05) / (a + 0.05)


@pytest.mark.parametrize("slot", [name for name in Palette._fields if name not in SHAPES])
def test_text_can_be_read(slot: str):
    assert contrast(slot) >= (LOUD_RATIO_MIN if slot in LOUD else TEXT_RATIO_MIN)


def test_faint_text_can_still_be_read():
    assert contrast("dim") >= TEXT_RATIO_MIN


def test_the_monochrome_palette_has_no_colour():
    assert all(style.color is None and style.bgcolor is None for style in MONO)


def test_numbers_and_bars_fade_and_nothing_else():
    for palette in (DARK, MONO):
        stale = faded(palette)
        for slot, style in zip(Palette._fields, stale, strict=True):
            if slot in KEPT_WHEN_FADED:
                assert style is getattr(palette, slot)
            else:
                assert style is (palette.frame if slot in BARS else palette.dim)


def test_every_colour_is_of_the_256():
    assert all(style.color and style.color.number is not None for style in DARK)
