"""Watch list: every instrument that the engine follows, and how current each is."""

from typing import Final

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


class WatchPane(ListPane[WatchView]):
    """Last price, change since a day ago, spread, and the state of the book with its age."""

    NUMBER = "8"
    TITLE = "WATCH"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="watch")
        self.looked_at = InstrumentId("")
        """The instrument that the other panes show; it is marked."""

    @property
    def chosen(self) -> WatchRow | None:
        """The instrument under the cursor."""
        rows = () if self._view is None else self._view.rows
        return rows[min(self.selected, len(rows) - 1)] if rows else None

    def _show(self) -> None:
        view, ink, moment = self._view, self.palette, self._moment
        if not self.is_news(id(view), view, moment.is_lost, self.selected, self.looked_at):
            return
        if view is None or not view.rows:
            words = "waiting for the engine" if view is None else EMPTY
            self.draw_message((), [(words, ink.dim)])
            return
        width, height = self.inner()
        name_width, has_spread = _columns(view, width)
        rows = [fit([(_head(name_width, has_spread=has_spread), ink.dim)], width, ink.fg)]
        rows += [
            fit(self._row(view.rows[i], i, name_width, has_spread=has_spread), width, ink.fg)
            for i in self.frame(len(view.rows), max(0, height - 1))
        ]
        rows += [fit((), width, ink.fg)] * (height - len(rows))
        self.draw([(f"({len(view.rows)}) ", ink.dim)], rows[:height])

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
    if row.last_ticks is None or not row.day_ago_ticks:
        return UNKNOWN, ink.dim
    share = (row.last_ticks - row.day_ago_ticks) / row.day_ago_ticks
    return f"{share * 100:+.1f}%", ink.down if share < 0 else ink.up


def _spread(row: WatchRow) -> str:
    if row.spread_ticks is None:
        return UNKNOWN
    text = fixed(row.spread_ticks, row.price_decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text
