"""Header row: the instrument's line of prices."""

from typing import Final

from cockpit.format import (
    countdown_text,
    decimal_price_text,
    fixed,
    places_of_step,
    price_text,
    rate_text,
    short_text,
)
from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, Moment, age_of
from cockpit.panes.rows import Segment, fit, row_width
from engine.model.view import BookView, HeaderView

PRICES: Final = ("mark", "idx", "sprd")


class HeaderRow(LineWidget):
    """Last price with its direction, mark, index, funding, volume and spread."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="header")

    def show(self, view: HeaderView | None, book: BookView | None, moment: Moment) -> None:
        """Draw as many fields as the width holds, the most wanted first."""
        width = self.size.width
        ink = self.palette
        if view is None:
            self.put([fit([(" waiting for prices", ink.dim)], width, ink.fg)])
            return
        age = age_of(view.freshness, None, moment, ink)
        cells = _last(view, age.ink, age.mark)
        if age.freshness not in ("fresh", "none"):
            cells.append((f" {age.freshness}", ink.warn))
        for label, value in _fields(view, book, moment.clock_ns):
            mark = age.mark if label in PRICES else ""
            field: list[Segment] = [(f"  {label} ", ink.dim), (mark + value, age.ink.fg)]
            if row_width(cells) + row_width(field) > width:
                continue
            cells += field
        self.put([fit(cells, width, ink.fg)])


def _last(view: HeaderView, ink: Palette, mark: str) -> list[Segment]:
    last = price_text(view.last_ticks, view.price_decimals)
    if view.last_is_up is None:
        return [(f" {mark}{last}  ", ink.strong)]
    arrow, style = ("▲", ink.up) if view.last_is_up else ("▼", ink.down)
    return [(f" {mark}{last} ", ink.strong), (arrow, style)]


def _fields(view: HeaderView, book: BookView | None, clock_ns: int) -> list[tuple[str, str]]:
    fields = []
    if view.mark is not None:
        fields.append(("mark", decimal_price_text(view.mark)))
    if view.index is not None:
        fields.append(("idx", decimal_price_text(view.index)))
    if view.funding_rate is not None:
        due = view.next_funding_ns
        left = "" if due is None or not clock_ns else f" in {countdown_text(due - clock_ns)}"
        fields.append(("fund", rate_text(view.funding_rate) + left))
    volume = short_text(view.volume_1h)
    fields.append(("vol1h", volume))
    spread = _spread(book)
    if spread:
        fields.append(("sprd", spread))
    if view.scales_inferred:
        fields.append(("steps", "inferred"))
    return fields


def _spread(book: BookView | None) -> str:
    if book is None or book.state != "live":
        return ""
    if book.best_bid_ticks is None or book.best_ask_ticks is None:
        return ""
    spread = book.best_ask_ticks - book.best_bid_ticks
    return fixed(spread, book.price_decimals, places_of_step(book.price_decimals, book.tick_ticks))
