"""Risk pane: trading state, arm state, limits in use, strategies and why they did nothing."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from cockpit.format import (
    UNKNOWN,
    bar_text,
    countdown_text,
    quantity_text,
    safe,
    timeframe_text,
)
from cockpit.panes.listing import ListPane
from cockpit.panes.palette import MONO, Palette
from cockpit.panes.pane import age_of, message_rows
from cockpit.panes.rows import Row, Segment, fit
from engine.model.instrument import symbol_of
from engine.model.view import LimitRow, RiskView, StrategyRow

BAR_WIDTH: Final = 6
WARN_SHARE: Final = 0.7
BESIDE_FROM: Final = 90
"""Inner width from which strategies stand beside the limits."""


class RiskPane(ListPane[RiskView]):
    """What may be done, how much of it is used, and what the strategies wait for."""

    NUMBER = "9"
    TITLE = "RISK"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="risk")

    @property
    def chosen(self) -> StrategyRow | None:
        """The strategy under the cursor; the only one, wherever the cursor is."""
        view = self._view
        if view is None or len(view.strategies) < 2:
            return None if view is None or not view.strategies else view.strategies[0]
        return strategy_at(view, self.selected, self.inner()[0])

    def _show(self) -> None:
        view, ink = self._view, self.palette
        age = age_of("fresh", 0, self._moment, ink)
        second = self._moment.clock_ns // 1_000_000_000
        if not self.is_news(id(view), view, age.mark, self.selected, second):
            return
        if view is None:
            self.draw_message((), [("waiting for the engine", ink.dim)])
            return
        width, height = self.inner()
        marked = self.chosen if self.has_focus else None
        lines = risk_lines(view, self._moment.clock_ns, age.ink, width, marked)
        shown = [fit(lines[i], width, ink.fg) for i in self.frame(len(lines), height)]
        if not view.strategies and len(shown) < height:
            words = "no strategy runs — strat start NAME"
            shown += message_rows([(words, ink.dim)], width, height - len(shown), ink)
        rows: list[Row] = shown + [fit((), width, ink.fg)] * (height - len(shown))
        self.draw([state_segment(view, self._moment.clock_ns, ink), *age.segments], rows[:height])


def state_segment(view: RiskView | None, clock_ns: int, ink: Palette) -> Segment:
    """Return the strictest of trading state and arm state, in one word and its colour."""
    if view is None:
        return (f"STATE {UNKNOWN} ", ink.warn)
    state = view.trading_state.upper()
    if view.is_latched or state == "KILLED":
        return ("KILLED ", ink.alarm)
    if state == "HALTED" or state.startswith("REDUCE"):
        return (f"{state.partition('_')[0]} ", ink.error if state == "HALTED" else ink.warn)
    if not is_armed(view, clock_ns):
        return ("DISARMED ", ink.dim)
    left = countdown_text(view.armed_until_ns - clock_ns) + " " if view.armed_until_ns else ""
    return (f"ARMED {left}", ink.ok)


def is_armed(view: RiskView | None, clock_ns: int) -> bool:
    """Whether orders by hand that add risk may leave now; unknown is no."""
    if view is None or view.is_latched or view.armed_until_ns is None:
        return False
    return view.armed_until_ns == 0 or view.armed_until_ns > clock_ns


def risk_lines(
    view: RiskView,
    clock_ns: int,
    ink: Palette,
    width: int = 0,
    marked: StrategyRow | None = None,
) -> list[Sequence[Segment]]:
    """Return everything, a line each; where it is wide enough limits beside strategies."""
    limits = [_limit(row, ink) for row in view.limits]
    strategies = [
        line
        for row in view.strategies
        for line in _strategy(row, clock_ns, ink, is_marked=row is marked)
    ]
    above = _state_lines(view, ink)
    if width < BESIDE_FROM:
        return [*above, *limits, *strategies]
    half = width // 2
    pairs = zip_longest(limits, strategies, fillvalue=())
    return [*above, *((*fit(left, half, ink.fg), *right) for left, right in pairs)]


def strategy_at(view: RiskView, line: int, width: int) -> StrategyRow | None:
    """Return the strategy that a line tells of; None above and below them."""
    at = len(_state_lines(view, MONO)) + (len(view.limits) if width < BESIDE_FROM else 0)
    for row in view.strategies:
        end = at + len(_strategy(row, 0, MONO, is_marked=False))
        if at <= line < end:
            return row
        at = end
    return None


def _state_lines(view: RiskView, ink: Palette) -> list[list[Segment]]:
    lines: list[list[Segment]] = [
        [
            (" state ", ink.dim),
            (safe(view.trading_state, 16) + " ", ink.strong),
            (safe(view.trading_reason), ink.warn),
        ]
    ]
    lines += [[(f" {safe(alarm)}", ink.alarm)] for alarm in view.alarms]
    if not view.is_journal_ok:
        lines.append([(" NOT JOURNALLED: nothing that adds risk leaves", ink.error)])
    if view.is_latched and not view.is_persisted:
        lines.append([(" NOT PERSISTED: a restart would not know of the kill", ink.error)])
    return lines


def _limit(row: LimitRow, ink: Palette) -> list[Segment]:
    words = row.name.removesuffix("_max").replace("_", " ")
    name: Segment = (" " + safe(words, 15).ljust(16), ink.dim)
    if row.share is None:
        return [name, (f"off: {safe(row.off_reason) or 'not set'}", ink.warn)]
    style = ink.error if row.share >= 1 else ink.warn if row.share >= WARN_SHARE else ink.ok
    return [
        name,
        ("▕", ink.frame),
        (bar_text(row.share, BAR_WIDTH), style),
        ("▏", ink.frame),
        (f"{row.share * 100:3.0f}% ", style),
        (f"{quantity_text(row.use)} / {quantity_text(row.limit)}", ink.fg),
    ]


def _strategy(
    row: StrategyRow, clock_ns: int, ink: Palette, *, is_marked: bool
) -> list[list[Segment]]:
    name = safe(symbol_of(row.instrument_id), 12)
    is_ready = row.have >= row.need
    wait = "" if not row.ready_ns else f", ready in {countdown_text(row.ready_ns - clock_ns)}"
    lines: list[list[Segment]] = [
        [
            ("▸" if is_marked else " ", ink.focus),
            ("◆ ", ink.whale),
            (f"{safe(row.name, 20)} ", ink.strong),
            (f"{name} {timeframe_text(row.timeframe_s)} ", ink.fg),
            (f"{safe(row.state, 12)} ", ink.ok if row.state == "active" else ink.warn),
            (f"have {row.have}/{row.need}{wait}", ink.dim if is_ready else ink.warn),
        ]
    ]
    for condition, value, threshold, holds in row.conditions:
        lines.append(
            [
                ("   ✓ " if holds else "   ✗ ", ink.ok if holds else ink.dim),
                (f"{safe(condition, 20)} ", ink.fg),
                (f"{safe(value, 14)} of {safe(threshold, 14)}", ink.dim),
            ]
        )
    if row.funnel:
        steps = " → ".join(f"{safe(step, 10)} {count:,}" for step, count in row.funnel)
        lines.append([(f"   {steps}", ink.dim)])
    if row.last_stop:
        lines.append([(f"   last: {safe(row.last_stop)}", ink.warn)])
    return lines
