"""Watch list: every instrument that the engine follows, and how current each is."""

from typing import Final, Literal

from rich.style import Style

from cockpit.format import (
    UNKNOWN,
    age_text,
    fixed,
    price_text,
    safe,
)
from cockpit.panes.listing import ListPane
from cockpit.panes.palette import Palette, faded
from cockpit.panes.rows import Segment, fit
from engine.model.instrument import InstrumentId
from engine.model.view import WatchRow, WatchView

LAST_WIDTH: Final = 10
CHANGE_WIDTH: Final = 7
SPREAD_WIDTH: Final = 7
NAME_MIN: Final = 6
NAME_MAX: Final = 16

WORDS: Final = {"waiting": "wait", "invalid": "gap"}
"""Of books that are not live."""
SHAPES: Final = {"fresh": "●", "slow": "◐", "stale": "○", "none": "–"}
"""Of a live book; any other is `↻`."""

EMPTY: Final = "no instrument yet — : sub SYMBOL adds one"


Sort = Literal["", "SYM", "LAST", "24h", "SPRD"]
SORTS: Final[tuple[Sort, ...]] = ("", "24h", "SYM", "LAST", "SPRD")
"""By which column; first as the engine lists them."""


class WatchPane(ListPane[WatchView]):
    """Last price, change since a day ago, spread, and the state of the book with its age."""

    NUMBER = "8"
    TITLE = "WATCH"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="watch")
        self.looked_at = InstrumentId("")
        """The instrument that the other panes show; it is marked."""
        self._sort: Sort = ""
        self._is_turned = False

    def sort(self, *, turns: bool) -> None:
        """Sort by the next column, or let what stood last stand first."""
        if not turns:
            self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self._is_turned = turns and not self._is_turned
        self.redraw()

    @property
    def chosen(self) -> WatchRow | None:
        """The instrument under the cursor."""
        rows = [] if self._view is None else self._sorted(self._view)
        return rows[min(self.selected, len(rows) - 1)] if rows else None

    def _show(self) -> None:
        view, ink, moment = self._view, self.palette, self._moment
        order = (self._sort, self._is_turned)
        if not self.is_news(id(view), view, moment.is_lost, self.selected, self.looked_at, order):
            return
        if view is None or not view.rows:
            words = "waiting for the engine" if view is None else EMPTY
            self.draw_message((), [(words, ink.dim)])
            return
        width, height = self.inner()
        name_width, has_spread = _columns(view, width)
        listed = self._sorted(view)
        rows = [fit([(_head(name_width, has_spread=has_spread), ink.dim)], width, ink.fg)]
        rows += [
            fit(self._row(listed[i], i, name_width, has_spread=has_spread), width, ink.fg)
            for i in self.frame(len(listed), max(0, height - 1))
        ]
        rows += [fit((), width, ink.fg)] * (height - len(rows))
        self.draw([(f"({len(view.rows)}) {self._order_words}", ink.dim)], rows[:height])

    @property
    def _order_words(self) -> str:
        """How the list is sorted, unless it is as it came."""
        if not (self._sort or self._is_turned):
            return ""
        is_upwards = (self._sort in ("", "SYM")) is not self._is_turned
        return f"sort {self._sort or 'list'}{'▲' if is_upwards else '▼'} "

    def _sorted(self, view: WatchView) -> list[WatchRow]:
        """Return the rows in order: names from A, numbers from the largest, unknown ones last."""
        if not self._sort:
            return list(view.rows[::-1] if self._is_turned else view.rows)
        if self._sort == "SYM":
            return sorted(view.rows, key=lambda row: row.name, reverse=self._is_turned)
        numbers = [
            (number, row) for row in view.rows if (number := _number(row, self._sort)) is not None
        ]
        numbers.sort(key=lambda one: one[0], reverse=not self._is_turned)
        known = [row for _, row in numbers]
        return known + [row for row in view.rows if _number(row, self._sort) is None]

    def _row(
        self, row: WatchRow, index: int, name_width: int, *, has_spread: bool
    ) -> list[Segment]:
        ink = self.palette
        is_stale = self._moment.is_lost or row.last_freshness == "stale"
        numbers, mark = (faded(ink), "~") if is_stale else (ink, "")
        sign = "▸" if index == self.selected and self.has_focus else " "
        name_style = ink.focus if row.instrument_id == self.looked_at else ink.strong
        last = price_text(row.last_ticks, row.price_decimals)
        change, style = _change(row, numbers)
        spread, shape = self._state(row)
        return [
            (sign, ink.focus),
            (safe(row.name, name_width).ljust(name_width), name_style),
            ((mark + last).rjust(LAST_WIDTH), numbers.fg),
            (change.rjust(CHANGE_WIDTH), style),
            *([spread] if has_spread else []),
            shape,
            ("p" if row.is_held else " ", ink.own),
        ]

    def _state(self, row: WatchRow) -> tuple[Segment, Segment]:
        """Return the spread of a current book, else its age, and the shape of its state."""
        ink = self.palette
        freshness = "stale" if self._moment.is_lost else row.freshness
        if row.state != "live":
            style = ink.warn if row.state == "waiting" else ink.error
            word = WORDS.get(row.state, safe(row.state, SPREAD_WIDTH - 1))
            return (word.rjust(SPREAD_WIDTH), style), (" ↻", style)
        if freshness == "fresh":
            return (_spread(row).rjust(SPREAD_WIDTH), ink.fg), (" " + SHAPES["fresh"], ink.ok)
        age = UNKNOWN if row.age_ns is None else age_text(row.age_ns + self._moment.waited_ns)
        style = ink.warn if freshness == "slow" else ink.error
        return (age.rjust(SPREAD_WIDTH), style), (" " + SHAPES[freshness], style)


def _columns(view: WatchView, width: int) -> tuple[int, bool]:
    """Return the width of the names, and whether there is room for spreads and ages beside it."""
    wanted = min(NAME_MAX, max(len(safe(row.name, NAME_MAX)) for row in view.rows))
    room = width - 1 - LAST_WIDTH - CHANGE_WIDTH - len(" ●p")
    has_spread = room - SPREAD_WIDTH >= wanted
    if has_spread:
        return min(NAME_MAX, room - SPREAD_WIDTH), True
    return max(NAME_MIN, min(wanted, room)), False


def _head(name_width: int, *, has_spread: bool) -> str:
    spread = f"{'SPRD':>{SPREAD_WIDTH}}" if has_spread else ""
    return f" {'SYM':<{name_width}}{'LAST':>{LAST_WIDTH}}{'24h':>{CHANGE_WIDTH}}{spread}"


def _change(row: WatchRow, ink: Palette) -> tuple[str, Style]:
    """Return the change since a day ago with its sign; unknown where that is not known."""
    share = _day_share(row)
    if share is None:
        return UNKNOWN, ink.dim
    return f"{share * 100:+.1f}%", ink.down if share < 0 else ink.up


def _number(row: WatchRow, sort: Sort) -> float | None:
    """Return what a row has in a column of numbers."""
    scale = 10**row.price_decimals
    if sort == "LAST":
        return None if row.last_ticks is None else row.last_ticks / scale
    if sort == "SPRD":
        return None if row.spread_ticks is None else row.spread_ticks / scale
    return _day_share(row)


def _day_share(row: WatchRow) -> float | None:
    if row.last_ticks is None or not row.day_ago_ticks:
        return None
    return (row.last_ticks - row.day_ago_ticks) / row.day_ago_ticks


def _spread(row: WatchRow) -> str:
    if row.spread_ticks is None:
        return UNKNOWN
    text = fixed(row.spread_ticks, row.price_decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text
