"""What is shown on a terminal that is too small for any layout."""

from cockpit.format import decimal_price_text, safe, signed_text
from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, message_rows
from cockpit.panes.risk import state_segment
from cockpit.panes.rows import Segment
from engine.model.view import PositionsView, RiskView, StatusView


class TooSmall(LineWidget):
    """Both sizes, mode and state, and one line per position."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="small")

    def show(
        self,
        needed: tuple[int, int],
        is_lost: bool,
        status: StatusView | None,
        risk: RiskView | None,
        positions: PositionsView | None,
    ) -> None:
        """Draw the most needed of it in whatever room there is."""
        width, height = self.size
        ink = self.palette
        state = state_segment(risk, 0, ink) if risk is None or risk.is_latched else ("", ink.fg)
        mode = "" if status is None else f"[{status.mode.upper()}] "
        lines: list[Segment] = [
            (
                f"terminal too small: {width}x{self.app.size.height}, "
                f"needs {needed[0]}x{needed[1]}",
                ink.warn,
            ),
            (
                f"{mode}{state[0]}" + ("ENGINE LOST" if is_lost else "the engine goes on"),
                ink.error if is_lost else ink.dim,
            ),
        ]
        for row in () if positions is None else positions.rows:
            words = (
                f"{safe(row.name, 12)} {row.side.upper()} {decimal_price_text(row.size)} "
                f"{signed_text(row.open_profit)}"
            )
            lines.append((words, ink.strong))
        lines.append(("q quit", ink.dim))
        if height < 4:
            lines = lines[:1]
        self.put(message_rows(lines, width, height, ink)[:height])
