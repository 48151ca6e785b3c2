"""Palettes: a style for each meaning.

Panes name meanings, never colours. Styles are compared by identity, so each palette is made once.
Colours are numbers of the 256-colour table: they need a third fewer bytes than true colour and look
the same on every terminal.
"""

from typing import Final, NamedTuple

from rich.color import Color
from rich.style import Style


class Palette(NamedTuple):
    """The slots. Every style has a background, so that a row needs no padding."""

    fg: Style
    dim: Style
    strong: Style
    frame: Style
    focus: Style
    title: Style
    bid: Style
    ask: Style
    bid_bar: Style
    ask_bar: Style
    up: Style
    down: Style
    up_dim: Style
    down_dim: Style
    best_bid: Style
    best_ask: Style
    grid: Style
    big: Style
    whale: Style
    warn: Style
    error: Style
    ok: Style
    alarm: Style
    mode_live: Style
    mode_paper: Style
    mode_sim: Style
    mode_replay: Style
    key: Style
    own: Style
    cursor: Style


def _ink(
    colour: int, ground: int = 233, *, bold: bool = False, underline: bool | None = None
) -> Style:
    return Style(
        color=Color.from_ansi(colour),
        bgcolor=Color.from_ansi(ground),
        bold=bold or None,
        underline=underline,
    )


DARK: Final = Palette(
    fg=_ink(250),
    dim=_ink(244),
    strong=_ink(255, bold=True),
    frame=_ink(239),
    focus=_ink(110),
    title=_ink(252, bold=True),
    bid=_ink(79),
    ask=_ink(210),
    bid_bar=_ink(29),
    ask_bar=_ink(131),
    up=_ink(79),
    down=_ink(210),
    up_dim=_ink(29),
    down_dim=_ink(131),
    best_bid=_ink(121, bold=True),
    best_ask=_ink(217, bold=True),
    grid=_ink(236),
    big=_ink(229, bold=True),
    whale=_ink(147),
    warn=_ink(221),
    error=_ink(210, bold=True),
    ok=_ink(79),
    alarm=_ink(231, 124, bold=True),
    mode_live=_ink(231, 160, bold=True),
    mode_paper=_ink(16, 221, bold=True),
    mode_sim=_ink(16, 80, bold=True),
    mode_replay=_ink(16, 176, bold=True),
    key=_ink(153),
    own=_ink(229, bold=True),
    cursor=_ink(16, 153),
)

_PLAIN: Final = Style()
_FAINT: Final = Style(dim=True)
_BOLD: Final = Style(bold=True)
_REVERSE: Final = Style(reverse=True)
_REVERSE_BOLD: Final = Style(reverse=True, bold=True)

MONO: Final = Palette(
    fg=_PLAIN,
    dim=_FAINT,
    strong=_BOLD,
    frame=_FAINT,
    focus=_BOLD,
    title=_BOLD,
    bid=_PLAIN,
    ask=_PLAIN,
    bid_bar=_PLAIN,
    ask_bar=_FAINT,
    up=_BOLD,
    down=_PLAIN,
    up_dim=_PLAIN,
    down_dim=_FAINT,
    best_bid=_BOLD,
    best_ask=_BOLD,
    grid=_FAINT,
    big=_BOLD,
    whale=_BOLD,
    warn=_BOLD,
    error=_REVERSE,
    ok=_PLAIN,
    alarm=_REVERSE_BOLD,
    mode_live=_REVERSE_BOLD,
    mode_paper=_REVERSE,
    mode_sim=_REVERSE,
    mode_replay=_REVERSE,
    key=_BOLD,
    own=_BOLD,
    cursor=_REVERSE,
)

KEPT_WHEN_FADED: Final = frozenset(
    {"frame", "focus", "title", "warn", "error", "alarm", "grid", "key", "cursor"}
)
BARS: Final = frozenset({"bid_bar", "ask_bar", "up_dim", "down_dim"})


def _faded(palette: Palette) -> Palette:
    """Return the palette of stale data: numbers faint, bars as faint as the frame."""
    return Palette(
        *(
            style if slot in KEPT_WHEN_FADED else palette.frame if slot in BARS else palette.dim
            for slot, style in zip(Palette._fields, palette, strict=True)
        )
    )


FADED: Final = {DARK.fg: _faded(DARK), MONO.fg: _faded(MONO)}


def faded(palette: Palette) -> Palette:
    """Return the same palette for stale data."""
    return FADED[palette.fg]
