"""Whales pane: what large participants were seen doing."""

from typing import Final

from cockpit.format import age_text, clock_text, dollars_text, price_text, safe
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, Moment, Pane, age_of
from cockpit.panes.rows import Segment, fit
from engine.model.instrument import symbol_of
from engine.model.view import WhaleRow, WhalesView

TYPE_NAMES: Final = {
    "wall": "WALL",
    "ladder": "LADR",
    "iceberg": "ICEBG",
    "absorption": "ABSRP",
    "spoof": "PULL",
    "sweep": "SWEEP",
    "liq_cascade": "LIQC",
    "flow": "FLOW",
}

NAME_FROM: Final = 48
STATE_FROM: Final = 56
AGE_FROM: Final = 66
"""Inner widths from which instrument, state and age have a column."""

PRICE_WIDTH: Final = 13

BUYING: Final = ("bid", "buy")


class WhalesPane(Pane):
    """Signals of all instruments, newest first."""

    NUMBER = "4"
    TITLE = "WHALES"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="whales")

    def show(self, view: WhalesView | None, moment: Moment) -> None:
        """Draw the view, or what is waited for."""
        try:
            self._show(view, moment)
        except DRAWING_ERRORS as error:
            self.draw_failure(error)

    def _show(self, view: WhalesView | None, moment: Moment) -> None:
        ink = self.palette
        if view is None:
            if self.is_news(None):
                self.draw_message((), [("waiting for the engine", ink.dim)])
            return
        width, height = self.inner()
        second = moment.clock_ns // 1_000_000_000 if width >= AGE_FROM else 0
        age = age_of("fresh", 0, moment, ink)
        if not self.is_news(id(view), view, second, age.mark):
            return
        title = [*age.segments, *_title(view, ink)]
        if not view.rows:
            words = (
                f"off: {safe(view.off_reason, 120)}"
                if view.threshold_usd is None and view.off_reason
                else "no whale seen yet; they appear here by themselves"
            )
            self.draw_message(title, [(words, ink.dim)])
            return
        rows = [
            fit(_signal(row, width, moment.clock_ns, age.ink, age.mark), width, ink.fg)
            for row in view.rows[:height]
        ]
        self.draw(title, rows + [fit((), width, ink.fg)] * (height - len(rows)))


def _title(view: WhalesView, ink: Palette) -> list[Segment]:
    if view.threshold_usd is None:
        return [("off ", ink.warn)]
    return [(f"≥${view.threshold_usd:,.0f} ", ink.dim)]


def _signal(row: WhaleRow, width: int, clock_ns: int, ink: Palette, mark: str) -> list[Segment]:
    """Return one signal in columns: time, type, side, name, price, size, confidence, state."""
    is_buying = row.side in BUYING
    style = ink.bid if is_buying else ink.ask
    is_over = row.status == "closed"
    room = PRICE_WIDTH if width >= 42 else PRICE_WIDTH - 2
    kind = TYPE_NAMES.get(row.type, safe(row.type, 5)).ljust(5)
    cells: list[Segment] = [
        (clock_text(row.ts_ns) + " ", ink.dim),
        (kind + " ", ink.dim if is_over else ink.whale),
        ("▲B " if is_buying else "▼S ", style),
    ]
    if width >= NAME_FROM:
        cells.append((safe(symbol_of(row.instrument_id), 9).ljust(10), ink.dim))
    cells += [
        (_price(row, mark, room).rjust(room), ink.dim if is_over else style),
        (dollars_text(row.notional_usd).rjust(7), ink.dim if is_over else ink.strong),
        (f"{row.confidence:.2f}".removeprefix("0").rjust(4), ink.dim),
    ]
    if width >= STATE_FROM:
        cells.append((" " + (row.end or row.status).ljust(7), ink.dim))
    if width >= AGE_FROM:
        cells.append((age_text(clock_ns - row.ts_ns).rjust(7), ink.dim))
    return cells


def _price(row: WhaleRow, mark: str, room: int) -> str:
    """Return the price, or the range without repeating the digits that both ends share."""
    low = mark + price_text(row.price_low_ticks, row.price_decimals)
    if row.price_low_ticks == row.price_high_ticks:
        return low
    high = price_text(row.price_high_ticks, row.price_decimals)
    shared = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), 0)
    both = f"{low}-{high[shared:]}" if len(low) == len(high) else f"{low}-{high}"
    return both if len(both) <= room else f"{low}+"
