"""The panes of the main screen, and which view each of them is shown."""

from typing import Final

from textual.widget import Widget

from cockpit.keymap import HINTED
from cockpit.panes.book import BookPane
from cockpit.panes.chart import ChartPane
from cockpit.panes.command_line import CommandLine
from cockpit.panes.detail import Detail, DetailRows
from cockpit.panes.header import HeaderRow
from cockpit.panes.health import HealthPane
from cockpit.panes.hints import HintRow
from cockpit.panes.kill_banner import KillBanner, KillFacts
from cockpit.panes.log import LogPane
from cockpit.panes.newest import Newest
from cockpit.panes.notice import NoticeRow
from cockpit.panes.orders import OrdersPane
from cockpit.panes.palette import Palette
from cockpit.panes.positions import PositionsPane
from cockpit.panes.risk import RiskPane
from cockpit.panes.small import TooSmall
from cockpit.panes.status import StatusRow
from cockpit.panes.tape import TapePane
from cockpit.panes.watch import WatchPane
from cockpit.panes.whales import WhalesPane
from cockpit.screens.desk import Desk
from cockpit.screens.kill import KillSwitch
from cockpit.screens.layout import SMALLEST
from engine.model.view import PaneName

CADENCE: Final[dict[PaneName, int]] = {
    "status": 1,
    "header": 1,
    "book": 1,
    "tape": 2,
    "chart": 5,
    "whales": 3,
    "log": 3,
    "positions": 3,
    "orders": 2,
    "risk": 5,
    "watch": 5,
    "health": 5,
}
"""Every how many frames a pane is drawn."""


class Board:
    """All panes and rows.

    Args:
        newest: What the engine said last.
        desk: Whose line the command line shows.
        palette: Styles.
    """

    def __init__(self, newest: Newest, desk: Desk, palette: Palette) -> None:
        self._newest = newest
        self._desk = desk
        self._status = StatusRow(palette)
        self._header = HeaderRow(palette)
        self._banner = KillBanner(palette)
        self.book = BookPane(palette)
        self._chart = ChartPane(palette)
        self.tape = TapePane(palette)
        self._whales = WhalesPane(palette)
        self.positions = PositionsPane(palette)
        self.orders = OrdersPane(palette)
        self.log = LogPane(palette)
        self.risk = RiskPane(palette)
        self.watch = WatchPane(palette)
        self._health = HealthPane(palette)
        self.command = CommandLine(palette, desk.ticket)
        self._detail = DetailRows(palette)
        self._notice = NoticeRow(palette)
        self._hints = HintRow(palette)
        self._small = TooSmall(palette)

    @property
    def widgets(self) -> tuple[Widget, ...]:
        """Everything, from top to bottom."""
        upper = (self._status, self._header, self._banner)
        framed = (self.book, self._chart, self.tape, self._whales)
        traded = (self.positions, self.orders, self.log, self.watch, self.risk, self._health)
        lower = (self._detail, self.command, self._notice, self._hints, self._small)
        return (*upper, *framed, *traded, *lower)

    def draw_pane(self, pane: PaneName, now_ns: int) -> None:
        """Draw one framed pane from its newest view."""
        newest = self._newest
        moment = newest.moment(pane, now_ns)
        match pane:
            case "book":
                self.book.quick_words = self._desk.quick_words
                self.book.show(newest.book, moment, newest.orders, newest.positions)
            case "chart":
                self._chart.show(newest.chart, moment, newest.orders)
            case "tape":
                self.tape.show(newest.tape, moment)
            case "whales":
                self._whales.show(newest.whales, moment)
            case "positions":
                self.positions.show(newest.positions, moment)
            case "orders":
                self.orders.show(newest.orders, moment)
            case "risk":
                self.risk.show(newest.risk, moment)
            case "watch":
                self.watch.looked_at = newest.instrument_id
                self.watch.show(newest.watched, moment)
            case "health":
                self._health.show(newest.health, moment)
            case _:
                self.log.show(newest.log, moment)

    def draw_rows(self, now_ns: int) -> None:
        """Draw the rows above and below the panes."""
        newest = self._newest
        moment = newest.moment("status", now_ns)
        if newest.is_lost(now_ns):
            self._status.show_lost(newest.silence_ns(now_ns), newest.closed)
        else:
            self._status.show(newest.status, newest.risk, moment, newest.instrument_id)
        self._header.show(newest.header, newest.book, newest.moment("header", now_ns))
        if newest.closed:
            self._notice.show_gone(newest.closed)
        else:
            detail = self.detail()
            self._detail.show(detail.above)
            self._notice.show(newest.status, newest.log, moment, detail.below)

    def detail(self) -> Detail:
        """Return what the command line needs more room for, while it has the keys."""
        command = self.command
        return command.detail(command.size.width) if command.has_focus else Detail()

    def detail_rows(self, before: int) -> int:
        """Return how many rows the command line asks for over it.

        While its text stands it keeps what it got: the panes do not jump with every letter.
        """
        is_typing = self.command.has_focus and self._desk.ticket.text
        return max(len(self.detail().above), before if is_typing else 0)

    def draw_line(self, now_ns: int, *, is_alone: bool) -> None:
        """Draw the command line and the hints, which every layout has."""
        self.command.show(self._newest.orders, now_ns, is_alone=is_alone)
        self._hints.show(HINTED)

    def draw_small(self, now_ns: int) -> None:
        """Draw what the smallest terminal has instead of panes."""
        newest = self._newest
        self._small.show(
            SMALLEST, newest.is_lost(now_ns), newest.status, newest.risk, newest.positions
        )

    def draw_banner(self, switch: KillSwitch, now_ns: int) -> None:
        """Draw what the kill did."""
        held = self._newest.positions
        number = None if held is None else len({row.instrument_id for row in held.rows})
        facts = KillFacts(
            sent_ns_ago=None if switch.sent_ns is None else now_ns - switch.sent_ns,
            is_answered=switch.is_answered,
            is_signalled=switch.is_signalled,
            is_asking=switch.is_asking(now_ns),
            open_positions=number,
            flatten_words=switch.flatten_words,
        )
        self._banner.show(self._newest.risk, facts)
