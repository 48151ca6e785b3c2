"""What is looked at: instrument, timeframe, rows of the book; pure state without Textual."""

from collections.abc import Mapping
from typing import Final

from cockpit.format import TIMEFRAME_NAMES
from cockpit.panes.ladder import GROUPS, suggested_group
from cockpit.screens.layout import Box
from engine.model.instrument import InstrumentId
from engine.model.view import BookView, PaneName
from engine.port import Watch

TIMEFRAMES: Final = tuple(TIMEFRAME_NAMES)

ALWAYS: Final[tuple[PaneName, ...]] = (
    "status",
    "header",
    "book",
    "log",
    "positions",
    "orders",
    "risk",
)
"""What rows, command line and banner need, whatever is visible."""
WHEN_VISIBLE: Final[tuple[PaneName, ...]] = ("chart", "tape", "whales", "watch", "health")


class Sight:
    """What the screen asks the engine for.

    Args:
        fps: Frames per second asked for.
    """

    def __init__(self, fps: int) -> None:
        self.instrument_id = InstrumentId("")
        """Empty: the engine's first."""
        self._fps = fps
        self._timeframe_s = 60
        self._group = 1
        self._is_group_chosen = False
        self._suggested_for: int | None = None
        """Rows of the ladder for which a group was suggested."""

    def watch(self, boxes: Mapping[str, Box]) -> Watch:
        """Return what to ask for where the panes stand like this."""
        chart, book, tape = boxes.get("chart"), boxes.get("book"), boxes.get("tape")
        return Watch(
            panes=(*ALWAYS, *(pane for pane in WHEN_VISIBLE if pane in boxes)),
            instrument_id=self.instrument_id,
            timeframe_s=self._timeframe_s,
            book_rows=max(10, book.height if book else 10),
            book_group=self._group,
            chart_candles=max(20, chart.width if chart else 20),
            tape_rows=max(10, tape.height if tape else 10),
            fps=self._fps,
        )

    def pick(self, instrument_id: InstrumentId) -> None:
        """Look at another instrument."""
        self.instrument_id = instrument_id
        self._group = 1
        self._is_group_chosen = False
        self._suggested_for = None

    def step_timeframe(self, step: int) -> None:
        """Go to the next longer or shorter timeframe, if there is one."""
        at = TIMEFRAMES.index(self._timeframe_s) + step
        if 0 <= at < len(TIMEFRAMES):
            self._timeframe_s = TIMEFRAMES[at]

    def step_group(self, step: int) -> None:
        """Go to the next coarser or finer rows of the book, if there are such."""
        at = GROUPS.index(self._group) + step
        if 0 <= at < len(GROUPS):
            self._group = GROUPS[at]
            self._is_group_chosen = True

    def suggest_group(self, view: BookView | None, rows: int) -> None:
        """Give a sparse book taller rows, once for a size of the ladder, unless somebody chose."""
        if self._is_group_chosen or self._suggested_for == rows:
            return
        if view is None or view.state != "live" or not view.bids:
            return
        if self._group != 1:
            self._group = 1  # It is judged by its finest rows.
        elif view.group_ticks == view.tick_ticks:
            self._suggested_for = rows
            self._group = suggested_group(view, rows)
