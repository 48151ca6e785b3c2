"""The chart: its size, glyphs, axes, and what a new price changes."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from cockpit.panes.candles import PriceScale, chart_rows, divide
from cockpit.panes.palette import DARK
from cockpit.panes.rows import changed_runs, row_width
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.model.view import ChartView
from tests.ui.scenes import row_text

SIZE = (50, 20)
MINUTE_NS = 60 * NS_PER_S
NOON_NS = 1_791_028_800 * NS_PER_S


def a_chart(*candles: tuple[int, int, int, int, int], timeframe_s: int = 60) -> ChartView:
    """Return a chart whose last candle opened at noon; candles are (open, high, low, close, v)."""
    step_ns = timeframe_s * NS_PER_S
    first_ns = NOON_NS // step_ns * step_ns - (len(candles) - 1) * step_ns
    return ChartView(
        InstrumentId("simulated:X"),
        timeframe_s,
        1,
        0,
        "fresh",
        0,
        tuple((first_ns + i * step_ns, *candle) for i, candle in enumerate(candles)),
    )


def waves(count: int = 60) -> ChartView:
    candles = []
    for i in range(count):
        opened = 10_000 + (i % 20) * 10
        candles.append((opened, opened + 30, opened - 20, opened + (15 if i % 2 else -10), 5 + i))
    return a_chart(*candles)


def drawn(view: ChartView, size: tuple[int, int] = SIZE) -> list[str]:
    rows = chart_rows(view, PriceScale(), size, DARK)
    assert len(rows) == size[1]
    assert all(row_width(row) == size[0] for row in rows)
    return [row_text(row) for row in rows]


def column(rows: list[str], back: int = 2, label: str = "1,000.0") -> str:
    """Return the glyphs of one candle's column, counted from the axis."""
    x = divide(*SIZE, len(label)).columns - back
    return "".join(row[x] for row in rows)


@pytest.mark.parametrize("size", [(10, 3), (20, 8), (50, 20), (112, 44), (1, 1), (30, 2)])
def test_the_chart_has_exactly_its_size(size: tuple[int, int]):
    drawn(waves(), size)


def test_a_rising_and_a_falling_candle_have_their_colours():
    rising = chart_rows(a_chart((100, 200, 50, 180, 1)), PriceScale(), SIZE, DARK)
    falling = chart_rows(a_chart((180, 200, 50, 100, 1)), PriceScale(), SIZE, DARK)

    assert any(style is DARK.up for row in rising for _, style in row)
    assert not any(style is DARK.down for row in rising for _, style in row)
    assert any(style is DARK.down for row in falling for _, style in row)


def test_body_and_wicks_are_drawn():
    glyphs = column(drawn(a_chart((1_000, 2_000, 0, 1_500, 1))), label="200.0")

    assert "█" in glyphs
    assert "│" in glyphs
    assert glyphs.strip("╌ ").startswith(("│", "╷"))


def test_the_newest_price_is_marked_on_the_axis():
    rows = drawn(waves())

    assert sum("◂" in row for row in rows) == 1
    assert any("◂1,020.5" in row for row in rows)


def test_prices_on_the_axis_are_round_and_fall_from_top_to_bottom():
    labels = [row[-9:].strip() for row in drawn(waves()) if row[-9:].strip() and "◂" not in row]
    prices = [float(label.replace(",", "")) for label in labels if "," in label]

    assert len(prices) >= 2
    assert prices == sorted(prices, reverse=True)
    assert len({round(a - b, 6) for a, b in pairwise(prices)}) <= 2


def test_times_stand_under_their_candles():
    rows = drawn(waves(61))
    plot = divide(*SIZE, len("1,000.0"))

    axis = rows[-1]
    assert "11:50" in axis
    assert axis.index("11:50") == plot.columns - 2 - 10


def test_days_have_dates_on_the_axis():
    view = a_chart(*[(100, 110, 90, 105, 1)] * 40, timeframe_s=86_400)

    assert any(label.count("-") == 1 for label in drawn(view)[-1].split())


def test_a_missing_candle_leaves_a_gap():
    view = waves(10)
    holed = replace(view, candles=(*view.candles[:7], *view.candles[8:]))

    assert column(drawn(holed), back=4).strip("╌ ") == ""
    assert column(drawn(view), back=4).strip("╌ ") != ""


def test_volume_grows_from_the_foot():
    foot = drawn(a_chart((100, 110, 90, 105, 1), (100, 110, 90, 105, 9)))[-3:-1]

    assert "█" in column(foot, back=2, label="11.0 ")
    assert "█" not in column(foot, back=3, label="11.0 ")
    assert column(foot, back=3, label="11.0 ").strip()


def test_a_new_price_changes_the_last_column_and_its_label_only():
    scale = PriceScale()
    view = waves()
    before = chart_rows(view, scale, SIZE, DARK)
    last = view.candles[-1]
    newer = (*last[:4], last[4] + 4, last[5])

    after = chart_rows(replace(view, candles=(*view.candles[:-1], newer)), scale, SIZE, DARK)

    first_changed = min(
        run.x for old, new in zip(before, after, strict=True) for run in changed_runs(old, new)
    )
    assert first_changed >= divide(*SIZE, len("1,000.0")).columns - 2


def test_the_range_stays_while_it_serves():
    scale = PriceScale()
    scale.fit(10_000, 10_400, 40)
    kept = (scale.bottom_ticks, scale.unit_ticks)

    scale.fit(10_020, 10_380, 40)
    assert (scale.bottom_ticks, scale.unit_ticks) == kept

    scale.fit(10_020, 11_000, 40)
    assert (scale.bottom_ticks, scale.unit_ticks) != kept


def test_a_range_much_too_large_is_drawn_anew():
    scale = PriceScale()
    scale.fit(10_000, 20_000, 40)
    wide = scale.unit_ticks

    scale.fit(14_000, 14_400, 40)

    assert scale.unit_ticks < wide


@pytest.mark.parametrize("low", [0, 1, 9_999])
@pytest.mark.parametrize("span", [0, 1, 37, 100_000])
@pytest.mark.parametrize("halves", [2, 3, 40])
def test_every_price_has_a_row(low: int, span: int, halves: int):
    scale = PriceScale()

    scale.fit(low, low + span, halves)

    assert scale.half_of(low) >= 0
    assert scale.half_of(low + span) < halves
