"""A pane whose rows can be gone through with a cursor."""

from cockpit.panes.kept import KeptPane, V


class ListPane(KeptPane[V]):
    """Keeps which row is selected; the rows come and go."""

    selected = 0
    first = 0
    """The row at the top."""

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
