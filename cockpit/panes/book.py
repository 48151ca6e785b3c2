"""Book pane: the static price ladder."""

from cockpit.format import age_text, fixed, places_of_step, safe
from cockpit.panes.ladder import Ladder, LadderPicture, ladder_rows
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, NOWHEN, Moment, Pane, age_of
from cockpit.panes.rows import Segment
from engine.model.view import BookView


class BookPane(Pane):
    """The book of the instrument looked at; never shows levels of a book that is not live."""

    NUMBER = "1"
    TITLE = "BOOK"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="book")
        self._ladder = Ladder()
        self._view: BookView | None = None
        self._moment = NOWHEN

    def show(self, view: BookView | None, moment: Moment) -> None:
        """Draw the view, or what is waited for."""
        self._view, self._moment = view, moment
        try:
            self._show()
        except DRAWING_ERRORS as error:
            self.draw_failure(error)

    def recentre(self) -> None:
        """Move the middle of the market to the middle of the pane, now."""
        self._ladder.recentre()
        self._seen = None
        self.show(self._view, self._moment)

    def _show(self) -> None:
        view, moment = self._view, self._moment
        if view is None:
            if self.is_news(None):
                self.draw_message((), [("waiting for the engine", self.palette.dim)])
        elif view.state != "live":
            self._show_state(view, moment)
        else:
            self._show_levels(view, moment)

    def _show_state(self, view: BookView, moment: Moment) -> None:
        """Say why there are no numbers; the last good ones would pass for current."""
        since = age_text(moment.clock_ns - view.state_since_ns) if moment.clock_ns else ""
        note = safe(view.note) or "waiting for a snapshot"
        if not self.is_news(view.state, note, since):
            return
        ink = self.palette
        style = ink.warn if view.state == "waiting" else ink.error
        self.draw_message(
            [(f"{view.state} {since} ", style)],
            [
                (f"book: {note}", style),
                (since, ink.dim),
            ],
        )

    def _show_levels(self, view: BookView, moment: Moment) -> None:
        age = age_of(view.freshness, view.age_ns, moment, self.palette)
        if not self.is_news(id(view), view, age.segments, age.mark):
            return
        width, height = self.inner()
        top, spread_row, is_moved = self._ladder.place(view, height)
        picture = LadderPicture(top, spread_row, width, height, age.mark)
        self.draw(
            [*age.segments, *self._title(view, is_moved)],
            ladder_rows(view, picture, age.ink),
        )
        if is_moved:
            self._seen = None  # The mark in the title stands for one frame.

    def _title(self, view: BookView, is_moved: bool) -> list[Segment]:
        step = view.group_ticks // view.tick_ticks
        places = places_of_step(view.price_decimals, view.group_ticks)
        height = fixed(view.group_ticks, view.price_decimals, places)
        ink = self.palette
        return [
            (f"grp {height} x{step} ", ink.dim),
            ("↕ " if is_moved else "· ", ink.warn if is_moved else ink.frame),
        ]
