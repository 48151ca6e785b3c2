"""Positions pane: what is held, by owner, and the account; a strip of three rows where low."""

from typing import Final

from cockpit.format import (
    UNKNOWN,
    amount_text,
    decimal_price_text,
    is_negative,
    money_text,
    return_text,
    safe,
    signed_text,
)
from cockpit.panes.listing import ListPane
from cockpit.panes.palette import Palette
from cockpit.panes.pane import age_of, message_rows
from cockpit.panes.rows import Row, Segment, fit
from engine.model.view import PositionRow, PositionsView

FRAMED_FROM: Final = 5
"""Height from which there is a frame."""
OWNER_FROM: Final = 72
ROE_FROM: Final = 80
REALISED_FROM: Final = 90
VALUE_FROM: Final = 102

EMPTY: Final = "no positions — b/s on the book or : to type an order"


class PositionsPane(ListPane[PositionsView]):
    """Open positions and the totals of the account."""

    NUMBER = "5"
    TITLE = "POSITIONS"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="positions")

    @property
    def chosen(self) -> PositionRow | None:
        """The position under the cursor."""
        rows = () if self._view is None else self._view.rows
        return rows[min(self.selected, len(rows) - 1)] if rows else None

    def _show(self) -> None:
        view = self._view
        age = age_of("fresh", 0, self._moment, self.palette)
        if not self.is_news(id(view), view, age.mark, self.selected):
            return
        if self.size.height < FRAMED_FROM:
            self._show_strip(view, age.ink, age.mark)
            return
        ink = self.palette
        if view is None:
            self.draw_message((), [("waiting for the engine", ink.dim)])
            return
        width, height = self.inner()
        title: list[Segment] = [(f"({len(view.rows)}) ", ink.dim), *age.segments]
        rows = [fit([(_head(width), ink.dim)], width, ink.fg)]
        room = max(0, height - 2)
        if view.rows:
            rows += [
                self._row(view.rows[i], i == self.selected, width, (age.ink, age.mark))
                for i in self.frame(len(view.rows), room)
            ]
        else:
            rows += message_rows([(EMPTY, ink.dim)], width, room, ink)
        rows += [fit((), width, ink.fg)] * (height - 1 - len(rows))
        rows.append(fit(_totals(view, age.ink), width, ink.fg))
        self.draw(title, rows[:height])

    def _show_strip(self, view: PositionsView | None, ink: Palette, mark: str) -> None:
        """Draw a heading and as many positions as there are rows, without a frame."""
        width, height = self.size
        count = 0 if view is None else len(view.rows)
        shown = [] if view is None else list(self.frame(count, max(1, height - 1)))
        more = count - len(shown)
        sign = "▸5 " if self.has_focus else " 5 "
        name = f"+{more} more" if more > 0 else "SYM"
        head: list[Segment] = [
            (sign, self.palette.focus if self.has_focus else self.palette.title),
            (name.ljust(8)[:8], self.palette.warn if more > 0 else self.palette.dim),
            (_head(width)[11:], self.palette.dim),
        ]
        rows = [fit(head, width, ink.fg)]
        if view is None or not view.rows:
            words = EMPTY if view is not None else "waiting for the engine"
            rows.append(fit([(f" {words}", self.palette.dim)], width, ink.fg))
        else:
            rows += [self._row(view.rows[i], i == self.selected, width, (ink, mark)) for i in shown]
        rows = rows[:height]
        self.put(rows + [fit((), width, ink.fg)] * (height - len(rows)))

    def _row(self, row: PositionRow, is_chosen: bool, width: int, look: tuple[Palette, str]) -> Row:
        ink, mark = look
        side = ink.up if row.side == "long" else ink.down
        profit = ink.down if is_negative(row.open_profit) else ink.up
        cursor = "▸" if is_chosen and self.has_focus else " "
        cells: list[Segment] = [
            (cursor + safe(row.name, 9).ljust(10), ink.strong),
            (("LONG" if row.side == "long" else "SHORT").ljust(6), side),
            (decimal_price_text(row.size).rjust(8), ink.fg),
            ((mark + decimal_price_text(row.entry)).rjust(11), ink.fg),
            ((mark + decimal_price_text(row.mark)).rjust(11), ink.fg),
            (signed_text(row.open_profit).rjust(10), ink.dim if row.mark is None else profit),
            (_protection(row), ink.ok if row.is_protected else ink.warn),
        ]
        if width >= OWNER_FROM:
            cells.insert(1, (safe(row.owner, 8).ljust(9), ink.dim))
        if width >= ROE_FROM:
            roe = return_text(row.open_profit, row.margin)
            cells.append((roe.rjust(8), ink.dim if roe == UNKNOWN else profit))
        if width >= REALISED_FROM:
            cells.append((signed_text(row.realised).rjust(11), ink.dim))
        if width >= VALUE_FROM:
            cells.append((amount_text(row.value).rjust(11), ink.dim))
        return fit(cells, width, ink.fg)


def _protection(row: PositionRow) -> str:
    return " stop " if row.is_protected else f" {row.stopped_part or 'none'}!".ljust(6)


def _head(width: int) -> str:
    owner = "OWNER    " if width >= OWNER_FROM else ""
    realised = "       REAL" if width >= REALISED_FROM else ""
    roe = "    ROE%" if width >= ROE_FROM else ""
    value = "      VALUE" if width >= VALUE_FROM else ""
    return (
        f" {'SYM':<10}{owner}{'SIDE':<6}{'SIZE':>8}{'ENTRY':>11}{'MARK':>11}{'uPnL':>10} PROT "
        f"{roe}{realised}{value}"
    )


def _totals(view: PositionsView, ink: Palette) -> list[Segment]:
    """Return equity and the day's result in its parts."""
    day = ink.down if is_negative(view.day_profit) else ink.up
    equity = UNKNOWN if view.equity is None else money_text(view.equity)
    return [
        (" eq ", ink.dim),
        (f"{equity} {safe(view.currency, 6)}", ink.strong),
        ("  day ", ink.dim),
        (signed_text(view.day_profit), day if view.day_profit is not None else ink.dim),
        ("  real ", ink.dim),
        (signed_text(view.realised), ink.fg),
        ("  fees ", ink.dim),
        (signed_text(view.fees) + "".join(f" {safe(fee, 16)}" for fee in view.other_fees), ink.fg),
        ("  fund ", ink.dim),
        (signed_text(view.funding), ink.fg),
    ]
