"""Hint row: the keys that matter here, as many as the width holds."""

from collections.abc import Sequence

from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget
from cockpit.panes.rows import Segment, fit, row_width

Hint = tuple[str, str]
"""Key as it is written, and what it does."""


class HintRow(LineWidget):
    """The last row of every layout."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="hints")

    def show(self, hints: Sequence[Hint]) -> None:
        """Draw the hints from the left until the row is full."""
        ink = self.palette
        width = self.size.width
        cells: list[Segment] = []
        for key, words in hints:
            field: list[Segment] = [
                (" │ " if cells else " ", ink.frame),
                (key, ink.key),
                (f" {words}", ink.dim),
            ]
            if row_width(cells) + row_width(field) > width:
                break
            cells += field
        self.put([fit(cells, width, ink.fg)])
