"""Candles as half blocks: two price steps per row, a volume foot, and axes.

The price range is snapped and kept while it serves, so that a new price changes the last column
and not the whole picture.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Final, NamedTuple

from rich.style import Style

from cockpit.format import clock_text, date_text, level_text, price_text
from cockpit.panes.ladder import nice_above
from cockpit.panes.palette import Palette
from cockpit.panes.rows import Row, fit
from engine.model.numbers import NS_PER_S
from engine.model.view import CandleRow, ChartView

VOLUME_STEPS: Final = 1_000_000
"""Per base unit; volumes below one of them look alike."""

Candle = CandleRow
"""Opening time, open, high, low, close, volume."""

Cell = tuple[str, Style]

ROOMY: Final = 1.8
"""A kept range may be this much too large before it is drawn anew."""

UNIT_STEPS: Final = (1, 2, 3, 4, 5, 6, 8)
LABEL_STEPS: Final = (1, 2, 5)
LABEL_ROWS: Final = 5
LABEL_GAP: Final = 4
DAY_S: Final = 86_400
TIME_STEPS_S: Final = (
    *(5, 10, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200),
    *(DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S, 28 * DAY_S),
)

_GLYPHS: Final = {
    (0, 0): " ",
    (1, 1): "│",
    (1, 0): "╵",
    (0, 1): "╷",
    (2, 2): "█",
    (2, 0): "▀",
    (2, 1): "▀",
    (0, 2): "▄",
    (1, 2): "▄",
}
"""By what the upper and the lower half of a cell hold: nothing, wick, body."""


class PriceScale:
    """Which price stands on which half row; kept as long as the candles fit well."""

    def __init__(self) -> None:
        self.bottom_ticks = 0
        self.unit_ticks = 1
        self._halves = 0

    def fit(self, low: int, high: int, halves: int) -> None:
        """Choose range and step for prices from `low` to `high` on that many half rows."""
        wanted = (high - low + 1) / max(1, halves - 2)
        top = self.bottom_ticks + self.unit_ticks * halves
        serves = (
            halves == self._halves
            and self.bottom_ticks <= low
            and high < top
            and self.unit_ticks <= max(1.0, wanted * ROOMY)
        )
        if serves:
            return
        self._halves = halves
        self.unit_ticks = _nice(wanted * 1.15, UNIT_STEPS)
        middle = (low + high) // 2
        lowest = middle - self.unit_ticks * halves // 2
        self.bottom_ticks = -(-lowest // self.unit_ticks) * self.unit_ticks
        if self.bottom_ticks > low:
            self.bottom_ticks = low // self.unit_ticks * self.unit_ticks

    def half_of(self, price_ticks: int) -> int:
        """Return the half row of a price, counted from the bottom."""
        return (price_ticks - self.bottom_ticks) // self.unit_ticks


def _nice(wanted: float, steps: tuple[int, ...]) -> int:
    """Return the smallest step times a power of ten that is at least as large, and at least 1."""
    power = 1
    while True:
        for step in steps:
            if step * power >= wanted:
                return step * power
        power *= 10


class Plot(NamedTuple):
    """How the room is divided."""

    columns: int
    rows: int
    volume_rows: int
    axis_width: int


def divide(width: int, height: int, label_width: int) -> Plot:
    """Return the division of a pane's inside; the time axis takes the last row."""
    axis = label_width + 2 if width >= label_width + 14 else 0
    volume_rows = 0 if height < 9 else 1 if height < 16 else 2 if height < 30 else 4
    return Plot(max(0, width - axis), max(0, height - volume_rows - 1), volume_rows, axis)


def chart_rows(
    view: ChartView,
    scale: PriceScale,
    size: tuple[int, int],
    ink: Palette,
    mark: str = "",
    own: Sequence[tuple[int, str]] = (),
) -> list[Row]:
    """Return the rows of the chart, exactly `size` (cells, rows), with own orders in it."""
    width, height = size
    last = view.candles[-1]
    label_width = max(len(price_text(last[2], view.price_decimals)), 5) + len(mark)
    plot = divide(width, height, label_width)
    shown = _by_column(view, plot.columns)
    if not shown or plot.rows < 1:
        return [fit((), width, ink.fg)] * height
    scale.fit(
        min(candle[3] for _, candle in shown),
        max(candle[2] for _, candle in shown),
        2 * plot.rows,
    )
    labels = _price_labels(view, scale, plot, ink, mark)
    grid: list[list[Cell]] = [
        [("╌" if y in labels else " ", ink.grid)] * plot.columns for y in range(plot.rows)
    ]
    for x, candle in shown:
        _draw_candle(grid, x, candle, scale, ink)
    for price, text in own:
        _draw_own(grid, scale.half_of(price) // 2, text, ink)
    _label_last(labels, view, scale, plot, (ink, mark))
    volume = _volume(shown, plot, ink)
    blank: Cell = (" " * plot.axis_width, ink.dim)
    rows = [_row([*cells, labels.get(y, blank)], width, ink) for y, cells in enumerate(grid)]
    rows += [_row([*cells, blank], width, ink) for cells in volume]
    rows.append(fit([(_time_axis(shown, view.timeframe_s, plot.columns), ink.dim)], width, ink.fg))
    return rows


def _by_column(view: ChartView, columns: int) -> list[tuple[int, Candle]]:
    """Return the candles that fit with their columns, the newest in the last but one."""
    step_ns = view.timeframe_s * NS_PER_S
    newest = view.candles[-1][0]
    shown = []
    for candle in view.candles:
        x = columns - 2 - (newest - candle[0]) // step_ns
        if x >= 0:
            shown.append((x, candle))
    return shown


def _draw_candle(
    grid: list[list[Cell]], x: int, candle: Candle, scale: PriceScale, ink: Palette
) -> None:
    _, opened, high, low, closed, _ = candle
    style = ink.up if closed >= opened else ink.down
    wick = range(scale.half_of(low), scale.half_of(high) + 1)
    body = range(scale.half_of(min(opened, closed)), scale.half_of(max(opened, closed)) + 1)
    rows = len(grid)
    for row_from_bottom in range(max(0, wick.start // 2), min(rows, (wick.stop + 1) // 2)):
        lower, upper = 2 * row_from_bottom, 2 * row_from_bottom + 1
        glyph = _GLYPHS[_part(upper, wick, body), _part(lower, wick, body)]
        if glyph != " ":
            grid[rows - 1 - row_from_bottom][x] = (glyph, style)


def _draw_own(grid: list[list[Cell]], row_from_bottom: int, text: str, ink: Palette) -> None:
    """Mark an own order at the right edge, if its price is in range."""
    if not 0 <= row_from_bottom < len(grid) or len(text) > len(grid[0]):
        return
    cells = grid[len(grid) - 1 - row_from_bottom]
    cells[-len(text) :] = [(letter, ink.own) for letter in text]


def _part(half: int, wick: range, body: range) -> int:
    return 2 if half in body else 1 if half in wick else 0


def _price_labels(
    view: ChartView, scale: PriceScale, plot: Plot, ink: Palette, mark: str
) -> dict[int, Cell]:
    """Return the labels of round prices by row."""
    step = _nice(scale.unit_ticks * 2 * LABEL_ROWS, LABEL_STEPS)
    top = scale.bottom_ticks + scale.unit_ticks * 2 * plot.rows
    labels: dict[int, Cell] = {}
    for price in range(-(-scale.bottom_ticks // step) * step, top, step):
        text = mark + price_text(price, view.price_decimals)
        y = plot.rows - 1 - scale.half_of(price) // 2
        labels[y] = (f" {text}".ljust(plot.axis_width)[: plot.axis_width], ink.dim)
    return labels


def _label_last(
    labels: dict[int, Cell],
    view: ChartView,
    scale: PriceScale,
    plot: Plot,
    look: tuple[Palette, str],
) -> None:
    """Mark the newest price on the axis, in place of a label that is in the way."""
    ink, mark = look
    candle = view.candles[-1]
    y = plot.rows - 1 - scale.half_of(candle[4]) // 2
    text = "◂" + mark + price_text(candle[4], view.price_decimals)
    style = ink.up if candle[4] >= candle[1] else ink.down
    labels[y] = (text.ljust(plot.axis_width)[: plot.axis_width], style)


def _nice_volume(most: float) -> float:
    """Return a round volume that is not exceeded, so that one more trade repaints one cell."""
    return nice_above(max(1, ceil(most * VOLUME_STEPS))) / VOLUME_STEPS


def _volume(shown: list[tuple[int, Candle]], plot: Plot, ink: Palette) -> list[list[Cell]]:
    rows: list[list[Cell]] = [[(" ", ink.fg)] * plot.columns for _ in range(plot.volume_rows)]
    largest = _nice_volume(max(candle[5] for _, candle in shown))
    for x, candle in shown:
        style = ink.up_dim if candle[4] >= candle[1] else ink.down_dim
        filled = candle[5] / largest * plot.volume_rows
        for y in range(plot.volume_rows):
            share = filled - (plot.volume_rows - 1 - y)
            if share > 0:
                rows[y][x] = (level_text(max(share, 0.125)), style)
    return rows


def _time_axis(shown: list[tuple[int, Candle]], timeframe_s: int, columns: int) -> str:
    """Return the row of opening times, at round times that keep their candle."""
    label = _day_label if timeframe_s >= DAY_S else _time_label
    room = len(label(0, timeframe_s)) + LABEL_GAP
    step_s = next((s for s in TIME_STEPS_S if s >= room * timeframe_s), TIME_STEPS_S[-1])
    cells = [" "] * columns
    for x, candle in shown:
        if candle[0] // NS_PER_S % step_s == 0:
            text = label(candle[0], timeframe_s)
            if x + len(text) <= columns:
                cells[x : x + len(text)] = text
    return "".join(cells)


def _day_label(ts_ns: int, _: int) -> str:
    return date_text(ts_ns)


def _time_label(ts_ns: int, timeframe_s: int) -> str:
    text = clock_text(ts_ns)
    if timeframe_s >= 60 and ts_ns and ts_ns // NS_PER_S % DAY_S == 0:
        return date_text(ts_ns)
    return text[:5] if timeframe_s >= 60 else text


def _row(cells: Iterable[Cell], width: int, ink: Palette) -> Row:
    """Join neighbours of one style."""
    joined = [
        ("".join(text for text, _ in run), style)
        for style, run in ((key, list(group)) for key, group in groupby(cells, itemgetter(1)))
    ]
    return fit(joined, width, ink.fg)
