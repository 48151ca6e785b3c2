"""Book pane: the static price ladder."""

from decimal import Decimal
from typing import Final

from cockpit.format import age_text, fixed, places_of_step, safe
from cockpit.panes.ladder import Ladder, LadderPicture, index_of, ladder_rows
from cockpit.panes.orders import is_stop
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, NOWHEN, Moment, Pane, age_of
from cockpit.panes.rows import Segment
from engine.model.orders import EXTERNAL
from engine.model.view import BookView, OrderRow, OrdersView, PositionsView

MARKS: Final = {"take_profit": "T", "stop": "S"}
"""Of the orders that wait for a trigger, the one that matters more last."""


class BookPane(Pane):
    """The book of the instrument looked at; never shows levels of a book that is not live."""

    NUMBER = "1"
    TITLE = "BOOK"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="book")
        self._ladder = Ladder()
        self._view: BookView | None = None
        self._orders: OrdersView | None = None
        self._positions: PositionsView | None = None
        self._moment = NOWHEN
        self._cursor_ticks: int | None = None
        self._shown = range(0)
        self.quick_words = ""
        """The size that the order keys use."""

    def show(
        self,
        view: BookView | None,
        moment: Moment,
        orders: OrdersView | None = None,
        positions: PositionsView | None = None,
    ) -> None:
        """Draw the view with own orders and positions in it, or what is waited for."""
        self._view, self._moment, self._orders, self._positions = view, moment, orders, positions
        try:
            self._show()
        except DRAWING_ERRORS as error:
            self.draw_failure(error)

    def recentre(self) -> None:
        """Move the middle of the market to the middle of the pane, now."""
        self._ladder.recentre()
        self._seen = None
        self.redraw()

    def redraw(self) -> None:
        """Draw again what was drawn last."""
        self.show(self._view, self._moment, self._orders, self._positions)

    @property
    def cursor_ticks(self) -> int | None:
        """The price at the cursor; None without one, or without a book to place it in."""
        view = self._view
        if view is None or view.state != "live" or self._cursor_ticks is None:
            return None
        return self._cursor_ticks // view.group_ticks * view.group_ticks

    def move(self, step: int) -> None:
        """Show the cursor at the best bid, or move it by rows; down is to lower prices."""
        view = self._view
        if view is None or view.state != "live" or not self._shown:
            return
        if self._cursor_ticks is None:
            best = view.best_bid_ticks if view.best_bid_ticks is not None else view.best_ask_ticks
            index = self._shown[0] if best is None else best // view.group_ticks
        else:
            index = self._cursor_ticks // view.group_ticks - step
        index = max(self._shown[0], min(self._shown[-1], index))
        self._cursor_ticks = index * view.group_ticks
        self.redraw()

    def drop_cursor(self) -> bool:
        """Take the cursor away; returns whether there was one."""
        had_one = self._cursor_ticks is not None
        self._cursor_ticks = None
        self.redraw()
        return had_one

    def own_at_cursor(self) -> list[OrderRow]:
        """Return the own orders in the cursor's row.

        Those that wait for a trigger are none, nor are those that somebody made elsewhere (R34).
        """
        view, cursor = self._view, self.cursor_ticks
        if view is None or cursor is None:
            return []
        wanted = cursor // view.group_ticks
        own = [row for row in self._own() if row.owner != EXTERNAL]
        return [row for row in own if _index(row, view) == wanted]

    def _own(self) -> list[OrderRow]:
        view, orders = self._view, self._orders
        if view is None or orders is None:
            return []
        return [
            row
            for row in orders.working
            if row.instrument_id == view.instrument_id
            and row.price_units is not None
            and not is_stop(row)
        ]

    def _marks(self, view: BookView) -> tuple[tuple[int, str], ...]:
        """Return where positions were entered, and what waits to end them."""
        held = () if self._positions is None else self._positions.rows
        working = () if self._orders is None else self._orders.working
        entries = [("E", row.entry) for row in held if row.instrument_id == view.instrument_id]
        exits = [
            (letter, row.trigger)
            for kind, letter in MARKS.items()
            for row in working
            if row.type == kind and row.instrument_id == view.instrument_id and row.trigger
        ]  # A trailing stop made elsewhere has no trigger that the venue tells.
        return tuple((_row_of(price, view), letter) for letter, price in (*entries, *exits))

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
        cursor = self.cursor_ticks
        own = tuple(
            (_index(row, view), row.side == "buy", safe(row.short_id, 6).lstrip("o"))
            for row in self._own()
        )
        marks = self._marks(view)
        seen = (age.segments, age.mark, cursor, own, marks, self.quick_words)
        if not self.is_news(id(view), view, *seen):
            return
        width, height = self.inner()
        is_held = cursor is not None
        top, spread_row, is_moved = self._ladder.place(view, height, is_held=is_held)
        self._shown = range(top - height + 2, top + 1)
        picture = LadderPicture(
            top,
            spread_row,
            width,
            height,
            age.mark,
            None if cursor is None else cursor // view.group_ticks,
            own,
            marks,
        )
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
            ("held " if self._cursor_ticks is not None else "", ink.warn),
            (f"q {self.quick_words} " if self.quick_words else "", ink.dim),
        ]


def _row_of(price: str, view: BookView) -> int:
    """Return the price index of the row that a price in words stands in."""
    return int(Decimal(price).scaleb(view.price_decimals) // view.group_ticks)


def _index(row: OrderRow, view: BookView) -> int:
    assert row.price_units is not None
    return index_of(row.price_units, view.group_ticks, is_bid=row.side == "buy")
