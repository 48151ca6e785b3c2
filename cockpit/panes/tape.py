"""Tape pane: recent prints, newest first."""

from cockpit.format import clock_text, column_places, fixed, qty_text, rate_per_s_text
from cockpit.panes.kept import FrozenPane
from cockpit.panes.palette import Palette
from cockpit.panes.pane import age_of
from cockpit.panes.rows import Row, Segment, fit
from engine.model.view import TapeRow, TapeView

SIZE_WIDTH = 8


class TapePane(FrozenPane[TapeView]):
    """Prints of the instrument looked at; frozen on demand while the market goes on."""

    NUMBER = "3"
    TITLE = "TAPE"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, "tape")

    def _show(self) -> None:
        view, frozen = self._view, self._frozen
        if frozen is not None and view is not None and frozen.instrument_id != view.instrument_id:
            frozen = self._frozen = None
        if view is None or not view.rows:
            if self.is_news(view):
                words = "waiting for the engine" if view is None else "no trades yet"
                self.draw_message((), [(words, self.palette.dim)])
            return
        age = age_of(view.freshness, view.age_ns, self._moment, self.palette)
        if not self.is_news(id(view), view, frozen is None, age.segments, age.mark):
            return
        held = frozen or view
        title = self._title(view, frozen)
        if age.freshness == "stale" and frozen is None:
            title = []
        title = [*age.segments, *title]
        self.draw(title, tape_rows(held, self.inner(), age.ink, age.mark))

    def _title(self, view: TapeView, frozen: TapeView | None) -> list[Segment]:
        ink = self.palette
        if frozen is not None:
            return [(f"frozen +{max(0, view.total - frozen.total):,} ", ink.warn)]
        title: list[Segment] = []
        share = view.buy_share_60s
        if share is not None:
            title.append((f"B {share * 100:.0f}% ", ink.up if share >= 0.5 else ink.down))
        title.append((f"{rate_per_s_text(view.trades_per_s)} ", ink.dim))
        return title


def tape_rows(view: TapeView, size: tuple[int, int], ink: Palette, mark: str) -> list[Row]:
    """Return the newest prints that fit, newest first."""
    width, height = size
    shown = view.rows[:height]
    price_width = max(len(fixed(row.price_ticks, view.price_decimals)) for row in shown) + 1
    largest = max(row.qty_lots for row in shown)
    places = column_places(largest, view.qty_decimals, SIZE_WIDTH - 1)
    rows = [_print(row, view, (price_width, places), (ink, mark)) for row in shown]
    fitted = [fit(cells, width, ink.fg) for cells in rows]
    return fitted + [fit((), width, ink.fg)] * (height - len(fitted))


def _print(
    row: TapeRow, view: TapeView, columns: tuple[int, int], look: tuple[Palette, str]
) -> list[Segment]:
    """Return time, side with arrow, price, size and a star where it is big."""
    price_width, places = columns
    ink, mark = look
    side = "▲B" if row.buyer_is_taker else "▼S"
    style = ink.up if row.buyer_is_taker else ink.down
    if not row.is_market:
        side, style = "×" + side[1], ink.dim
    price = (mark + fixed(row.price_ticks, view.price_decimals)).rjust(price_width + 1)
    size = qty_text(row.qty_lots, view.qty_decimals, places, SIZE_WIDTH).rjust(SIZE_WIDTH)
    heavy = ink.big if row.is_big else ink.fg
    return [
        (clock_text(row.ts_ns) + " ", ink.dim),
        (side, style),
        (price, ink.big if row.is_big else style),
        (size, heavy),
        (" ★" if row.is_big else "  ", ink.big),
    ]
