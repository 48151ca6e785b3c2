"""Health pane: each feed, and what keeps the engine itself well."""

from typing import Final

from cockpit.format import UNKNOWN, age_text, safe
from cockpit.health import is_current, problems
from cockpit.panes.feeds import SHAPES, retry_text
from cockpit.panes.listing import ListPane
from cockpit.panes.palette import Palette
from cockpit.panes.pane import Moment, age_of
from cockpit.panes.rows import Row, Segment, fit
from engine.model.numbers import NS_PER_MS
from engine.model.view import FeedView, HealthView

AGE_WIDTH: Final = 7
AGAIN_WIDTH: Final = 4
LAG_WIDTH: Final = 7
NAME_MIN: Final = 6
LABEL_WIDTH: Final = 9


class HealthPane(ListPane[HealthView]):
    """Feeds with age, reconnects and lag; inbox, loop, journal, recorder, latch and screens."""

    NUMBER = "0"
    TITLE = "HEALTH"

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="health")

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
        lines = health_lines(view, self._moment, width, age.ink)
        rows: list[Row] = [fit(lines[i], width, ink.fg) for i in self.frame(len(lines), height)]
        rows += [fit((), width, ink.fg)] * (height - len(rows))
        found = len(problems(view))
        verdict: Segment = (f"! {found} ", ink.error) if found else ("all well ", ink.ok)
        self.draw([*age.segments, verdict], rows[:height])


def health_lines(view: HealthView, moment: Moment, width: int, ink: Palette) -> list[list[Segment]]:
    """Return everything, a line each: what stands still or fails is told before the rest."""
    name_width = max(NAME_MIN, width - 3 - AGE_WIDTH - AGAIN_WIDTH - LAG_WIDTH)
    head = f"   {'FEED':<{name_width}}{'AGE':>{AGE_WIDTH}}{'RE':>{AGAIN_WIDTH}}{'LAG':>{LAG_WIDTH}}"
    lines: list[list[Segment]] = [[(head, ink.dim)]]
    lines += [_feed(feed, name_width, moment, ink) for feed in view.feeds]
    down = [safe(f"{name}: {error}") for name, error in view.parts_down]
    lines += [_line("down", part, False, ink) for part in down]
    good = sum(is_current(book) for book in view.books)
    is_all = good == len(view.books)
    lines += [
        _line("books", f"{good} of {len(view.books)} live", is_all, ink),
        _line("inbox", f"{view.inbox_depth:,} waiting", True, ink),
        _line("loop", *_loop(view, moment), ink),
        _line("journal", *_journal(view), ink),
        _line("recorder", _recorder(view), not view.recording, ink),
        _line("trading", *_trading(view), ink),
        _line("screens", _screens(view), True, ink),
    ]
    if view.clock_offset_ns is not None:
        offset = f"venue {view.clock_offset_ns // NS_PER_MS:+,} ms"
        lines.append(_line("clock", offset, True, ink))
    lines += [[(f" {safe(alarm)}", ink.alarm)] for alarm in view.alarms]
    return lines


def _feed(feed: FeedView, name_width: int, moment: Moment, ink: Palette) -> list[Segment]:
    """Return one feed; one that is down says when it is tried again instead of its lag."""
    style = {"ok": ink.ok, "down": ink.error}.get(feed.state, ink.warn)
    age = UNKNOWN if feed.age_ns is None else _short_age(feed.age_ns + moment.waited_ns)
    if feed.state == "down":
        tail = retry_text(feed, moment.waited_ns, "in ") or "down"
    else:
        tail = UNKNOWN if feed.lag_ns is None else f"{feed.lag_ns // NS_PER_MS:,}ms"
    is_ok = feed.state == "ok"
    return [
        (f" {SHAPES.get(feed.state, '?')} ", style),
        (safe(feed.name, name_width).ljust(name_width), ink.fg if is_ok else style),
        (age.rjust(AGE_WIDTH), ink.fg if is_ok else style),
        (f"{feed.reconnects}×".rjust(AGAIN_WIDTH), ink.warn if feed.reconnects else ink.dim),
        (tail.rjust(LAG_WIDTH), ink.fg if is_ok else style),
    ]


def _short_age(age_ns: int) -> str:
    return f"{age_ns // NS_PER_MS}ms" if age_ns < 1_000 * NS_PER_MS else age_text(age_ns)


def _line(label: str, words: str, is_well: bool, ink: Palette) -> list[Segment]:
    sign: Segment = (" ● ", ink.ok) if is_well else (" ! ", ink.error)
    return [sign, (label.ljust(LABEL_WIDTH), ink.dim), (words, ink.fg if is_well else ink.error)]


def _loop(view: HealthView, moment: Moment) -> tuple[str, bool]:
    """Return when the engine last stood still; that is past, and no longer a problem by itself."""
    if not view.loop_stalls:
        return "never stood still", True
    ago = age_text(moment.clock_ns - view.loop_stall_at_ns)
    return f"{view.loop_stall_ns // NS_PER_MS:,}ms {ago} ago ({view.loop_stalls}×)", True


def _journal(view: HealthView) -> tuple[str, bool]:
    return ("ok", True) if view.is_journal_ok else ("NOT WRITTEN", False)


def _recorder(view: HealthView) -> str:
    return safe(view.recording) or ("ok" if view.is_recording else "off")


def _trading(view: HealthView) -> tuple[str, bool]:
    if view.is_latched:
        return ("KILLED" if view.is_latch_persisted else "KILLED, not on disk", False)
    return safe(view.trading_state, 16), view.trading_state == "active"


def _screens(view: HealthView) -> str:
    holder = safe(view.holder, 14) or "nobody"
    return f"{len(view.screens)}, orders: {holder}"
