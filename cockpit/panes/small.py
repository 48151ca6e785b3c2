"""What is shown on a terminal that is too small for any layout."""

from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, message_rows


class TooSmall(LineWidget):
    """One sentence with both sizes."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="small")

    def show(self, needed: tuple[int, int], is_lost: bool) -> None:
        """Draw the sentence in whatever room there is."""
        width, height = self.size
        ink = self.palette
        lines = [
            (f"terminal too small: {width}x{height}, needs {needed[0]}x{needed[1]}", ink.warn),
            ("ENGINE LOST" if is_lost else "the engine goes on", ink.error if is_lost else ink.dim),
            ("q quit", ink.dim),
        ]
        if height < 4:
            lines = lines[:1]
        self.put(message_rows(lines, width, height, ink)[:height])
