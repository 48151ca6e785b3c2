"""Text from outside, made safe for a terminal.

Names and reasons come from venues, files and other programs. What reaches a terminal may hold no
control sequence, may not change the direction of writing, and takes exactly one cell per
character, so that a hostile or merely foreign name can neither act nor push a price out of its
column. Allowed is what is listed; all else is replaced.
"""

import unicodedata
from typing import Final

WIDTH_MAX: Final = 500
"""More than any row of a screen."""

REPLACEMENT: Final = "?"
CUT: Final = "…"

ALLOWED_BLOCKS: Final = (
    (0x0020, 0x007E),  # Printable ASCII.
    (0x00A1, 0x024F),  # Latin.
    (0x0370, 0x052F),  # Greek and Cyrillic.
    (0x2010, 0x2027),  # Dashes, quotation marks, bullets, ellipsis.
    (0x2030, 0x205E),  # Per mille, angle quotation marks.
    (0x20A0, 0x20BF),  # Currencies.
    (0x2190, 0x23FF),  # Arrows, mathematics, technical signs.
    (0x2500, 0x25FF),  # Lines, blocks, shapes.
    (0x2605, 0x2606),  # Stars.
    (0x2713, 0x2717),  # Check marks and crosses.
)
"""Scripts written from left to right, and the signs that our own texts use."""

INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mc", "Me", "Mn", "Zl", "Zp"})
"""Controls, format signs (bidirectional overrides, zero width), combining marks, separators."""

WIDE: Final = frozenset({"F", "W"})


def clean(text: str, width_max: int = WIDTH_MAX) -> str:
    """Return the text with one visible, harmless character per cell, cut to `width_max` cells.

    Line breaks and tabs become blanks, combining marks are joined with their letter or dropped,
    everything that is not allowed becomes a question mark. A cut ends in an ellipsis.
    """
    assert width_max > 0
    if not (text.isascii() and text.isprintable()):
        text = "".join([_safe(character) for character in _composed(text, width_max)])
    if len(text) > width_max:
        return text[: width_max - 1] + CUT
    return text


def _composed(text: str, width_max: int) -> str:
    """Join letters with their marks; first cut what could not be shown anyhow."""
    return unicodedata.normalize("NFC", text[: 8 * width_max])


def _safe(character: str) -> str:
    if character in "\t\n\r\x0b\x0c\x85\u2028\u2029\u00a0":
        return " "
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return ""
    code = ord(character)
    is_allowed = (
        any(first <= code <= last for first, last in ALLOWED_BLOCKS)
        and category not in INVISIBLE
        and unicodedata.east_asian_width(character) not in WIDE
    )
    return character if is_allowed else REPLACEMENT
