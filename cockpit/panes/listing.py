"""A pane whose rows can be gone through with a cursor."""

from typing import Generic, TypeVar

from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, NOWHEN, Moment, Pane

V = TypeVar("V")
"""The view of the pane."""


class ListPane(Pane, Generic[V]):
    """Keeps which row is selected; the rows come and go."""

    selected = 0
    first = 0
    """The row at the top."""

    def __init__(self, palette: Palette, name: str) -> None:
        super().__init__(palette, name=name)
        self._view: V | None = None
        self._moment = NOWHEN

    def show(self, view: V | None, moment: Moment) -> None:
        """Draw the view, or what is waited for."""
        self._view, self._moment = view, moment
        try:
            self._show()
        except DRAWING_ERRORS as error:
            self.draw_failure(error)

    def redraw(self) -> None:
        """Draw again, after the cursor moved."""
        self.show(self._view, self._moment)

    def _show(self) -> None:
        """Draw what is kept."""
        raise NotImplementedError

    def move(self, step: int) -> None:
        """Move the cursor; drawing keeps it among the rows."""
        self.selected = max(0, self.selected + step)

    def frame(self, count: int, room: int) -> range:
        """Return which rows are shown so that the selected one is among them."""
        self.selected = max(0, min(self.selected, count - 1))
        if self.selected < self.first:
            self.first = self.selected
        if self.selected >= self.first + room:
            self.first = self.selected - room + 1
        self.first = max(0, min(self.first, count - room))
        return range(self.first, min(count, self.first + room))
