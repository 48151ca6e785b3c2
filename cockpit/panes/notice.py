"""Notice row: the one thing to know now, in a sentence."""

from collections.abc import Sequence

from cockpit.format import clock_text, safe
from cockpit.panes.feeds import feed_down, may_simulate, retry_text
from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, Moment
from cockpit.panes.rows import Segment, fit, row_width
from engine.model.signals import Notice
from engine.model.view import LogView, StatusView

REASON_MIN = 8
"""A reason cut shorter than that says nothing."""

WARM_NS = 30_000_000_000
"""For so long a warning stays marked after it came."""


class NoticeRow(LineWidget):
    """A feed that is down, else the newest line of the log."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="notice")

    def show(
        self,
        status: StatusView | None,
        log: LogView | None,
        moment: Moment,
        detail: Sequence[Segment] = (),
    ) -> None:
        """Draw what the command line explains, else the most pressing of what is known."""
        ink = self.palette
        cells = list(detail) or feed_sentence(status, moment.waited_ns, self.size.width, ink)
        if not cells and log is not None and log.rows:
            cells = _newest(log.rows[0], moment, ink)
        self.put([fit(cells, self.size.width, ink.fg)])

    def show_gone(self, reason: str) -> None:
        """Say what can be done once the engine is gone."""
        ink = self.palette
        words = f" the engine is gone ({safe(reason, 40)}): press q, then start `cockpit` again"
        self.put([fit([(words, ink.error)], self.size.width, ink.fg)])


def feed_sentence(
    status: StatusView | None, waited_ns: int, width: int, ink: Palette
) -> list[Segment]:
    """Return what is down, when it is tried again and what can be done; empty if all is up.

    The reason is what gives way on a narrow screen.
    """
    feed = feed_down(status)
    if feed is None:
        return []
    head: Segment = (f" ✕ {safe(feed.name, 20)} is down", ink.error)
    tail: list[Segment] = [(retry_text(feed, waited_ns, " · next try in "), ink.warn)]
    if may_simulate(status):
        tail += [(" · ", ink.dim), ("S", ink.key), (" simulated market", ink.fg)]
    room = width - row_width([head, *tail]) - 2
    if feed.reason and room >= REASON_MIN:
        tail.insert(0, (f": {safe(feed.reason, room)}", ink.warn))
    return [head, *tail]


def _newest(notice: Notice, moment: Moment, ink: Palette) -> list[Segment]:
    is_warm = moment.clock_ns - notice.ts_ns < WARM_NS
    style = {"warning": ink.warn, "error": ink.error}.get(notice.level, ink.fg)
    times = f"{notice.count}× " if notice.count > 1 else ""
    return [
        (f" {clock_text(notice.ts_ns)} ", ink.dim),
        (f"{times}{safe(notice.text)}", style if is_warm else ink.dim),
    ]
