"""Rows of a pane: styled text of an exact width, and what changed between two of them.

A row is a tuple of segments (text, style); each character takes one cell. Styles are compared by
identity first, so that comparing two equal rows costs next to nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rich.style import Style

Segment = tuple[str, Style]
Row = tuple[Segment, ...]

JOIN_CELLS: Final = 5
"""Changed runs nearer than this are one: moving the cursor costs as many bytes as the gap."""


class Run(NamedTuple):
    """Cells of one row, from `x` on."""

    x: int
    width: int


def row_width(segments: Iterable[Segment]) -> int:
    """Return how many cells the segments take."""
    return sum(len(text) for text, _ in segments)


def fit(segments: Sequence[Segment], width: int, fill: Style) -> Row:
    """Return the segments cut or filled up to exactly `width` cells, without empty ones."""
    kept: list[Segment] = []
    left = width
    for text, style in segments:
        if left <= 0:
            break
        if not text:
            continue
        kept.append((text if len(text) <= left else text[:left], style))
        left -= len(text)
    if left > 0:
        kept.append((" " * left, fill))
    return tuple(kept)


def spread_apart(left: Sequence[Segment], right: Sequence[Segment], width: int, fill: Style) -> Row:
    """Return a row with one part at each end; the right one gives way where both do not fit."""
    gap = width - row_width(left) - row_width(right)
    if gap < 1:
        return fit(left, width, fill)
    return fit([*left, (" " * gap, fill), *right], width, fill)


def changed_runs(old: Row, new: Row) -> list[Run]:
    """Return the runs of cells that differ between two rows of the same width.

    Rows with the same column widths are compared segment by segment, others cell by cell.
    """
    if old == new:
        return []
    if len(old) == len(new) and all(len(a[0]) == len(b[0]) for a, b in zip(old, new, strict=True)):
        return _joined(_changed_segments(old, new))
    return _joined(_changed_cells(old, new))


def _changed_segments(old: Row, new: Row) -> list[Run]:
    runs = []
    x = 0
    for before, after in zip(old, new, strict=True):
        width = len(after[0])
        if before[0] != after[0] or before[1] is not after[1]:
            runs.append(Run(x, width))
        x += width
    return runs


def _changed_cells(old: Row, new: Row) -> list[Run]:
    runs = []
    start = -1
    x = 0
    for x, (before, after) in enumerate(zip(_cells(old), _cells(new), strict=False)):
        if before[0] == after[0] and before[1] is after[1]:
            if start >= 0:
                runs.append(Run(start, x - start))
                start = -1
        elif start < 0:
            start = x
    if start >= 0:
        runs.append(Run(start, x + 1 - start))
    return runs


def _cells(row: Row) -> list[tuple[str, Style]]:
    return [(character, style) for text, style in row for character in text]


def _joined(runs: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in runs:
        if joined and run.x - (joined[-1].x + joined[-1].width) < JOIN_CELLS:
            last = joined[-1]
            joined[-1] = Run(last.x, run.x + run.width - last.x)
        else:
            joined.append(run)
    return joined


class Border(NamedTuple):
    """Styles of a pane's frame and of the title in it."""

    line: Style
    title: Style


def framed(
    title: Sequence[Segment], inside: Sequence[Row], width: int, height: int, border: Border
) -> list[Row]:
    """Return `height` rows of `width` cells: the inside with a line around and a title on top.

    Args:
        title: What stands in the upper line.
        inside: `height - 2` rows of `width - 2` cells.
        width: Cells of the whole pane; below 2 there is nothing but blanks.
        height: Rows of the whole pane.
        border: How the line looks.
    """
    if width < 2 or height < 2:
        return [fit((), width, border.line)] * height
    assert len(inside) == height - 2
    line = border.line
    left, right = ("│", line), ("│", line)
    top = _top(title, width, border)
    bottom: Row = (("└" + "─" * (width - 2) + "┘", line),)
    return [top, *((left, *row, right) for row in inside), bottom]


def _top(title: Sequence[Segment], width: int, border: Border) -> Row:
    room = width - 5
    if room < 1 or not title:
        return (("┌" + "─" * (width - 2) + "┐", border.line),)
    shown = fit(title, min(room, row_width(title)), border.title)
    rest = width - 4 - row_width(shown)
    return (("┌─", border.line), *shown, ("─" * (rest + 1) + "┐", border.line))
