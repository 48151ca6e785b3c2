"""Orders pane: what works, what ended, what was filled."""

from collections.abc import Sequence
from typing import Final, Literal

from cockpit.format import UNKNOWN, age_text, clock_text, decimal_price_text, safe
from cockpit.panes.listing import ListPane
from cockpit.panes.palette import Palette
from cockpit.panes.pane import age_of, message_rows
from cockpit.panes.rows import Row, Segment, fit
from engine.model.instrument import venue_of
from engine.model.orders import HAND
from engine.model.view import FillRow, OrderRow, OrdersView, ParentRow

Tab = Literal["open", "fills", "ended"]
TABS: Final[tuple[Tab, ...]] = ("open", "fills", "ended")

STATES: Final = {
    "intent": "sending",
    "sent": "sending",
    "partial": "part",
    "pending_cancel": "cancelling",
    "pending_replace": "replacing",
    "unknown": "UNKNOWN",
}
RESTING: Final = ("open", "part", "partial")
NEAR_BPS: Final = 100
"""From here on a distance is told in per cent."""
TYPES: Final = {"limit": "", "market": "MKT ", "stop": "STOP ", "take_profit": "TP "}

BAR_CELLS: Final = 10
"""Of how much of a parent is filled."""

FLAGS_FROM: Final = 48
AGE_FROM: Final = 56
FILLED_FROM: Final = 66
OWNER_FROM: Final = 78
NAMES_FROM: Final = 84
"""Inner width from which names are written out."""
ALL_FROM: Final = 94
"""Inner width from which there is a column for everything that an order has."""
REASON_FROM: Final = 108

EMPTY: Final = {
    "open": "no orders — b/s on the book or : to type one",
    "fills": "nothing was filled yet",
    "ended": "no order has ended yet",
}


def is_stop(row: OrderRow) -> bool:
    """Whether an order waits for a trigger; such orders are spared where not meant."""
    return row.type in ("stop", "take_profit")


def state_text(state: str) -> str:
    """Return an order's state as the screen calls it."""
    return STATES.get(state, safe(state, 12))


class OrdersPane(ListPane[OrdersView]):
    """Orders and fills, one tab at a time."""

    NUMBER = "6"
    TITLE = "ORDERS"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="orders")
        self.tab: Tab = "open"

    def next_tab(self) -> None:
        """Go to the next tab."""
        self.tab = TABS[(TABS.index(self.tab) + 1) % len(TABS)]
        self.selected = 0
        self.redraw()

    @property
    def chosen(self) -> OrderRow | None:
        """The working order under the cursor."""
        rows = self._open_rows()
        row = rows[min(self.selected, len(rows) - 1)] if rows else None
        return row if isinstance(row, OrderRow) else None

    @property
    def chosen_parent(self) -> ParentRow | None:
        """The parent order under the cursor."""
        rows = self._open_rows()
        row = rows[min(self.selected, len(rows) - 1)] if rows else None
        return row if isinstance(row, ParentRow) else None

    def _open_rows(self) -> tuple[OrderRow | ParentRow, ...]:
        """Return what works: orders, and the parents that go on sending some."""
        view = self._view if self.tab == "open" else None
        return () if view is None else (*view.working, *view.parents)

    def _show(self) -> None:
        view, ink = self._view, self.palette
        age = age_of("fresh", 0, self._moment, ink)
        second = self._moment.clock_ns // 1_000_000_000
        if not self.is_news(id(view), view, age.mark, self.selected, self.tab, second):
            return
        if view is None:
            self.draw_message((), [("waiting for the engine", ink.dim)])
            return
        width, height = self.inner()
        title = [*age.segments, *self._title(view)]
        room = max(0, height - 1)
        rows = self._listed(view, width, room, age.ink)
        if not rows:
            rows = message_rows([(EMPTY[self.tab], ink.dim)], width, room, ink)
        head = FILLS_HEAD if self.tab == "fills" else _head(width)
        rows = [fit([(head, ink.dim)], width, ink.fg), *rows][:height]
        self.draw(title, rows + [fit((), width, ink.fg)] * (height - len(rows)))

    def _title(self, view: OrdersView) -> list[Segment]:
        counts = {"open": len(view.working), "fills": len(view.fills), "ended": len(view.ended)}
        ink = self.palette
        parts = [
            (f"[{tab} {counts[tab]}] ", ink.title)
            if tab == self.tab
            else (f"{tab} {counts[tab]} ", ink.dim)
            for tab in TABS
        ]
        return [*parts, (f"algos {len(view.parents)} ", ink.dim)] if view.parents else parts

    def _listed(self, view: OrdersView, width: int, room: int, ink: Palette) -> list[Row]:
        if self.tab == "fills":
            fills = view.fills
            return [
                fit([self._cursor(i), *_fill(fills[i], ink)], width, ink.fg)
                for i in self.frame(len(fills), room)
            ]
        rows: Sequence[OrderRow | ParentRow]
        rows = self._open_rows() if self.tab == "open" else view.ended
        clock_ns = self._moment.clock_ns
        return [
            fit([self._cursor(i), *_open(rows[i], width, clock_ns, ink)], width, ink.fg)
            for i in self.frame(len(rows), room)
        ]

    def _cursor(self, index: int) -> Segment:
        is_chosen = index == self.selected and self.has_focus
        return ("▸" if is_chosen else " ", self.palette.focus)


def _head(width: int) -> str:
    if width >= ALL_FROM:
        return HEAD_OF_ALL + (" WHY" if width >= REASON_FROM else "")
    name = _name_width(width)
    head = f" {'#':<4}{'SYM':<{name}}{'SIDE':<7}{'SIZE':>7}{'PRICE':>11} {'STATE':<8}"
    if width >= FLAGS_FROM:
        head += f"{'FLG':<6}"
    if width >= AGE_FROM:
        head += f"{'AGE':>7} "
    if width >= FILLED_FROM:
        head += f"{'FILL':>9} "
    if width >= OWNER_FROM:
        head += f"{'OWNER':<11}"
    return head


def _name_width(width: int) -> int:
    return 10 if width >= NAMES_FROM else 5


HEAD_OF_ALL: Final = (
    f" {'#':<4}{'SYM':<10}{'VENUE':<6}{'SIDE':<7}{'SIZE':>7}{'FILL':>6}{'PRICE':>10}{'TRIG':>10}"
    f"{'DIST':>11} {'FLG':<6}{'TAG':<8}{'AGE':>7}"
)
FILLS_HEAD: Final = f" {'TIME':<9}{'#':<4}{'SYM':<5}{'':<2}{'SIZE':>7}{'PRICE':>10} LIQ   FEE"


def _open(row: OrderRow | ParentRow, width: int, clock_ns: int, ink: Palette) -> list[Segment]:
    if isinstance(row, ParentRow):
        return _parent(row, clock_ns, ink)
    return _order(row, width, clock_ns, ink)


def _parent(row: ParentRow, clock_ns: int, ink: Palette) -> list[Segment]:
    """Return one parent and how far it has come; a paused one says why."""
    style = ink.up if row.side == "buy" else ink.down
    bar = round(row.share * BAR_CELLS)
    cells: list[Segment] = [
        (safe(row.parent_id, 4).ljust(4), ink.strong),
        (f"{safe(row.kind, 6)} ", ink.fg),
        (f"{row.side.upper()} {decimal_price_text(row.size)} ", style),
        (f"{safe(row.name, 10)} ", ink.dim),
    ]
    if row.state == "paused":
        return [*cells, (f"PAUSED {safe(row.reason)}", ink.warn)]
    average = f"avg {decimal_price_text(row.average)} " if row.average else ""
    cells.append((f"{safe(row.progress, 16)} {average}{row.share:.0%} ", ink.fg))
    cells += [("▓" * bar, ink.fg), ("░" * (BAR_CELLS - bar), ink.dim)]
    if row.next_ns is not None:
        cells.append((f" next {age_text(max(0, row.next_ns - clock_ns))}", ink.dim))
    return cells


def _order(row: OrderRow, width: int, clock_ns: int, ink: Palette) -> list[Segment]:
    """Return one order in columns; one whose fate is unknown is loud."""
    if width >= ALL_FROM:
        return _whole_order(row, width, clock_ns, ink)
    is_unknown = row.state == "unknown"
    style = ink.up if row.side == "buy" else ink.down
    price = decimal_price_text(row.trigger or row.price or None)
    state_style = ink.alarm if is_unknown else ink.fg
    cells: list[Segment] = [
        (safe(row.short_id or "–", 4).ljust(4), ink.strong),
        (safe(row.name, 20)[: _name_width(width) - 1].ljust(_name_width(width)), ink.dim),
        (_side(row).ljust(7), style),
        (decimal_price_text(row.size)[:7].rjust(7), ink.fg),
        (price[:11].rjust(11), style),
        (" ", ink.fg),
        (state_text(row.state)[:10].ljust(8), state_style),
    ]
    if width >= FLAGS_FROM:
        cells.append((safe(row.flags or "–", 5).ljust(6), ink.dim))
    if width >= AGE_FROM:
        cells.append((age_text(clock_ns - row.created_ns).rjust(7) + " ", ink.dim))
    if width >= FILLED_FROM:
        cells.append((decimal_price_text(row.filled).rjust(9) + " ", ink.fg))
    if width >= OWNER_FROM:
        cells.append((safe(row.owner or "–", 10).ljust(11), ink.dim))
    return cells


def _whole_order(row: OrderRow, width: int, clock_ns: int, ink: Palette) -> list[Segment]:
    """Return one order with everything that it has; what it is in stands where it does not rest."""
    style = ink.up if row.side == "buy" else ink.down
    price = row.price or ("mkt" if row.trigger else "")
    cells: list[Segment] = [
        (safe(row.short_id or "–", 4).ljust(4), ink.strong),
        (safe(row.name, 9).ljust(10), ink.dim),
        (safe(venue_of(row.instrument_id), 20)[:5].ljust(6), ink.dim),
        (_side(row).ljust(7), style),
        (decimal_price_text(row.size)[:7].rjust(7), ink.fg),
        (decimal_price_text(row.filled)[:5].rjust(6), ink.fg),
        (_price(price)[:10].rjust(10), style),
        (_price(row.trigger)[:10].rjust(10), style),
        _distance(row, ink),
        (" ", ink.fg),
        (safe(row.flags or "–", 5).ljust(6), ink.dim),
        (safe(_tag(row), 7).ljust(8), ink.dim),
        (age_text(clock_ns - row.created_ns).rjust(7), ink.dim),
    ]
    if width >= REASON_FROM and row.reason:
        cells.append((f" {safe(row.reason)}", ink.warn))
    return cells


def _side(row: OrderRow) -> str:
    letter = row.side.upper() if row.type == "limit" else row.side[0].upper()
    return (TYPES.get(row.type, safe(row.type, 4) + " ") + letter)[:7]


def _price(text: str) -> str:
    return text if text == "mkt" else decimal_price_text(text or None)


def _tag(row: OrderRow) -> str:
    """Return whose order it is, or what a person called it."""
    return row.tag if row.owner == HAND and row.tag else row.owner or "–"


def _distance(row: OrderRow, ink: Palette) -> Segment:
    """Return how far an order that rests is from the market; the state of any other."""
    if row.state not in RESTING:
        style = ink.alarm if row.state == "unknown" else ink.fg
        return state_text(row.state)[:10].rjust(11), style
    bps = row.distance_bps
    if bps is None:
        return UNKNOWN.rjust(11), ink.dim
    text = f"{bps:+.1f}bp" if abs(bps) < NEAR_BPS else f"{bps / 100:+.1f}%"
    return text.rjust(11), ink.fg


def _fill(row: FillRow, ink: Palette) -> list[Segment]:
    style = ink.up if row.side == "buy" else ink.down
    return [
        (clock_text(row.ts_ns) + " ", ink.dim),
        (safe(row.short_id or "–", 4).ljust(4), ink.strong),
        (safe(row.name, 20)[:4].ljust(5), ink.dim),
        ("B " if row.side == "buy" else "S ", style),
        (decimal_price_text(row.size)[:7].rjust(7), ink.fg),
        (decimal_price_text(row.price)[:10].rjust(10), style),
        (f" {safe(row.liquidity or '–', 5).ljust(5)}", ink.dim),
        (f" {decimal_price_text(row.fee)}", ink.dim),
    ]
