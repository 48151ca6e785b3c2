"""Chart pane: candles of one timeframe."""

from cockpit.format import price_text, safe, short_text, timeframe_text
from cockpit.panes.candles import PriceScale, chart_rows
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, Moment, Pane, age_of
from cockpit.panes.rows import Segment
from engine.model.view import ChartView, OrdersView

READ_OUT_FROM = 76
"""Inner width from which the title says the newest candle's numbers."""


class ChartPane(Pane):
    """Candles of the instrument looked at."""

    NUMBER = "2"
    TITLE = "CHART"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="chart")
        self._scale = PriceScale()
        self._scale_key: tuple[object, ...] = ()

    def show(
        self, view: ChartView | None, moment: Moment, orders: OrdersView | None = None
    ) -> None:
        """Draw the view with own orders in it, or what is waited for."""
        try:
            self._show(view, moment, orders)
        except DRAWING_ERRORS as error:
            self.draw_failure(error)

    def _show(self, view: ChartView | None, moment: Moment, orders: OrdersView | None) -> None:
        ink = self.palette
        if view is None or not view.candles:
            if self.is_news(view):
                words = "waiting for the engine" if view is None else "no candles yet"
                self.draw_message((), [(words, ink.dim)])
            return
        age = age_of(view.freshness, view.age_ns, moment, ink)
        own = _own(view, orders)
        if not self.is_news(id(view), view, age.segments, age.mark, own):
            return
        key = (view.instrument_id, view.timeframe_s, view.price_decimals)
        if key != self._scale_key:
            self._scale, self._scale_key = PriceScale(), key
        title: list[Segment] = [(f"{timeframe_text(view.timeframe_s)} ", ink.title)]
        title += age.segments
        if self.size.width >= READ_OUT_FROM and not age.mark:
            title.append((_read_out(view), ink.dim))
        self.draw(title, chart_rows(view, self._scale, self.inner(), age.ink, age.mark, own))


def _own(view: ChartView, orders: OrdersView | None) -> tuple[tuple[int, str], ...]:
    """Return prices and marks of own working orders."""
    return tuple(
        (row.price_units, f"◄{safe(row.short_id, 6)}")
        for row in (() if orders is None else orders.working)
        if row.instrument_id == view.instrument_id and row.price_units is not None
    )


def _read_out(view: ChartView) -> str:
    _, opened, high, low, closed, volume = view.candles[-1]
    prices = [price_text(price, view.price_decimals) for price in (opened, high, low, closed)]
    words = " ".join(f"{name}{price}" for name, price in zip("OHLC", prices, strict=True))
    return f"{words} V{short_text(volume / 10**view.qty_decimals)} "
