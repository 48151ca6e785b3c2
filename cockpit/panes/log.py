"""Log pane: what the engine has to say, newest first."""

from typing import Final

from cockpit.format import clock_text, safe
from cockpit.panes.kept import FrozenPane
from cockpit.panes.palette import Palette
from cockpit.panes.pane import age_of
from cockpit.panes.rows import Segment, fit
from engine.model.signals import Notice
from engine.model.view import LogView

LEVEL_NAMES: Final = {"info": "INFO", "warning": "WARN", "error": "ERR "}
SOURCE_WIDTH: Final = 10
SOURCE_FROM: Final = 50
"""Inner width from which the source has a column."""


class LogPane(FrozenPane[LogView]):
    """Notices, frozen on demand."""

    NUMBER = "7"
    TITLE = "LOG"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, "log")

    def _show(self) -> None:
        ink = self.palette
        view = self._view
        if view is None or not view.rows:
            if self.is_news(view):
                words = "waiting for the engine" if view is None else "nothing to report"
                self.draw_message((), [(words, ink.dim)])
            return
        age = age_of("fresh", 0, self._moment, ink)
        if not self.is_news(id(view), view, self._frozen is None, age.mark):
            return
        held = self._frozen or view
        width, height = self.inner()
        rows = [fit(_notice(row, width, age.ink), width, ink.fg) for row in held.rows[:height]]
        title: list[Segment] = [*age.segments]
        if self._frozen is not None:
            title.append((f"frozen +{_newer(view, self._frozen)} ", ink.warn))
        self.draw(title, rows + [fit((), width, ink.fg)] * (height - len(rows)))


def _newer(view: LogView, frozen: LogView) -> int:
    newest_ns = frozen.rows[0].ts_ns
    return sum(1 for row in view.rows if row.ts_ns > newest_ns)


def _notice(row: Notice, width: int, ink: Palette) -> list[Segment]:
    style = {"info": ink.dim, "warning": ink.warn, "error": ink.error}.get(row.level, ink.fg)
    cells: list[Segment] = [
        (clock_text(row.ts_ns) + " ", ink.dim),
        (LEVEL_NAMES.get(row.level, "????") + " ", style),
    ]
    if width >= SOURCE_FROM:
        cells.append(
            (safe(row.source.removeprefix("feed:"), SOURCE_WIDTH).ljust(SOURCE_WIDTH + 1), ink.dim)
        )
    text = safe(row.text)
    if row.count > 1:
        cells.append((f"{row.count}× ", ink.dim))
    cells.append((text, ink.fg if row.level == "info" else style))
    return cells
