"""What the command line has no room for: rows over it and one under it."""

from collections.abc import Sequence
from typing import NamedTuple

from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget
from cockpit.panes.rows import Segment, fit


class Detail(NamedTuple):
    """What the line has no room for."""

    below: Sequence[Segment] = ()
    """One row under the line."""
    above: Sequence[Segment] = ()
    """A row over it for each; none while everything fits."""


class DetailRows(LineWidget):
    """Rows over the command line with what money hangs on and one row cannot hold."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="detail")

    def show(self, lines: Sequence[Segment]) -> None:
        """Draw the lines; where there are too many, the last row says so."""
        ink, (width, height) = self.palette, self.size
        rows = [fit([line], width, ink.fg) for line in lines]
        if len(rows) > height > 0:
            left = len(rows) - height + 1
            told = f"  … and {left} lines more: a larger terminal shows them"
            rows[height - 1 :] = [fit([(told, ink.warn)], width, ink.fg)]
        self.put(rows + [fit((), width, ink.fg)] * (height - len(rows)))
