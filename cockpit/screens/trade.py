"""The main screen: the panes, where they stand, and what their keys do."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widget import Widget

from cockpit.format import TIMEFRAME_NAMES, price_text, safe
from cockpit.keymap import HINTED, bindings
from cockpit.panes.book import BookPane
from cockpit.panes.chart import ChartPane
from cockpit.panes.feeds import feed_down, may_simulate
from cockpit.panes.header import HeaderRow
from cockpit.panes.hints import HintRow
from cockpit.panes.ladder import GROUPS, suggested_group
from cockpit.panes.log import LogPane
from cockpit.panes.newest import Newest
from cockpit.panes.notice import NoticeRow
from cockpit.panes.palette import Palette
from cockpit.panes.small import TooSmall
from cockpit.panes.status import StatusRow
from cockpit.panes.tape import TapePane
from cockpit.panes.whales import WhalesPane
from cockpit.screens.cells import CellCompositor
from cockpit.screens.choice import Choice, ChoiceDialog
from cockpit.screens.commands import CockpitCommands
from cockpit.screens.help import HelpScreen
from cockpit.screens.layout import FRAMED, SMALLEST, Plan, plan
from engine.model.instrument import InstrumentId
from engine.model.view import PaneName
from engine.port import Watch

TIMEFRAMES: Final = tuple(TIMEFRAME_NAMES)

CADENCE: Final[dict[PaneName, int]] = {
    "status": 1,
    "header": 1,
    "book": 1,
    "tape": 2,
    "chart": 5,
    "whales": 3,
    "log": 3,
}
"""Every how many frames a pane is drawn."""


class TradeScreen(Screen[None]):
    """Panes of one instrument.

    Args:
        newest: What the engine said last.
        palette: Styles of the panes.
        look: Sends a watch to the engine.
        clock: Local monotonic time in nanoseconds.
        fps: Frames per second asked for.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    AUTO_FOCUS = "#book"
    ALLOW_SELECT = False

    def __init__(
        self,
        newest: Newest,
        palette: Palette,
        look: Callable[[Watch], None],
        clock: Callable[[], int],
        fps: int,
    ) -> None:
        super().__init__(id="trade")
        self._compositor = CellCompositor()
        self._newest = newest
        self._look = look
        self._clock = clock
        self._fps = fps
        self._front: PaneName = "chart"
        self._zoomed: PaneName | None = None
        self._instrument_id = InstrumentId("")
        self._timeframe_s = 60
        self._group = 1
        self._is_group_chosen = False
        self._watch: Watch | None = None
        self._plan = Plan("small", {})
        self._status = StatusRow(palette)
        self._header = HeaderRow(palette)
        self._book = BookPane(palette)
        self._chart = ChartPane(palette)
        self._tape = TapePane(palette)
        self._whales = WhalesPane(palette)
        self._log = LogPane(palette)
        self._notice = NoticeRow(palette)
        self._hints = HintRow(palette)
        self._small = TooSmall(palette)

    def compose(self) -> ComposeResult:
        """Hand over the panes; `on_resize` places them."""
        yield from self._everything()

    def _everything(self) -> tuple[Widget, ...]:
        framed = (self._book, self._chart, self._tape, self._whales, self._log)
        return (self._status, self._header, *framed, self._notice, self._hints, self._small)

    def on_resize(self) -> None:
        """Place the panes for the new size."""
        self._place()

    def on_descendant_focus(self) -> None:
        """Show at once which pane the keys go to."""
        self.draw_all()

    def _place(self) -> None:
        """Lay out the panes, ask the engine for what they hold, and draw them."""
        size = self.app.size
        self._plan = plan((size.width, size.height), self._front, self._zoomed)
        for widget in self._everything():
            box = self._plan.boxes.get(widget.id or "")
            widget.display = box is not None
            if box is not None:
                widget.styles.offset = (box.x, box.y)
                widget.styles.width = box.width
                widget.styles.height = box.height
        self._ask()
        self.call_after_refresh(self.draw_all)

    def _ask(self) -> None:
        """Tell the engine what is looked at, if that changed."""
        boxes = self._plan.boxes
        panes: list[PaneName] = ["status", "header", "book", "log"]
        panes += [pane for pane in ("chart", "tape", "whales") if pane in boxes]
        chart, book, tape = boxes.get("chart"), boxes.get("book"), boxes.get("tape")
        watch = Watch(
            panes=tuple(panes),
            instrument_id=self._instrument_id,
            timeframe_s=self._timeframe_s,
            book_rows=max(10, book.height if book else 10),
            book_group=self._group,
            chart_candles=max(20, chart.width if chart else 20),
            tape_rows=max(10, tape.height if tape else 10),
            fps=self._fps,
        )
        if watch != self._watch:
            self._watch = watch
            self._newest.expect(watch)
            self._look(watch)

    # Drawing.

    def draw_all(self) -> None:
        """Draw every pane at once, outside the frame clock."""
        self.draw(self._clock(), 0)

    def draw(self, now_ns: int, frame: int) -> None:
        """Hand the newest views to the panes whose turn it is in this frame."""
        newest = self._newest
        if self._plan.name == "small":
            self._small.show(SMALLEST, newest.is_lost(now_ns))
            return
        self._draw_rows(now_ns)
        due = [pane for pane in self._plan.panes if frame % CADENCE[pane] == 0]
        if "book" in due:
            self._suggest_group()
            self._book.show(newest.book, newest.moment("book", now_ns))
        if "chart" in due:
            self._chart.show(newest.chart, newest.moment("chart", now_ns))
        if "tape" in due:
            self._tape.show(newest.tape, newest.moment("tape", now_ns))
        if "whales" in due:
            self._whales.show(newest.whales, newest.moment("whales", now_ns))
        if "log" in due:
            self._log.show(newest.log, newest.moment("log", now_ns))

    def _draw_rows(self, now_ns: int) -> None:
        newest = self._newest
        moment = newest.moment("status", now_ns)
        if newest.is_lost(now_ns):
            self._status.show_lost(newest.silence_ns(now_ns), newest.closed)
        else:
            self._status.show(newest.status, moment, newest.instrument_id)
        self._header.show(newest.header, newest.book, newest.moment("header", now_ns))
        if newest.closed:
            self._notice.show_gone(newest.closed)
        else:
            self._notice.show(newest.status, newest.log, moment)
        self._hints.show(HINTED)

    def _suggest_group(self) -> None:
        """Give a sparse book taller rows, once, unless somebody chose."""
        view = self._newest.book
        if self._is_group_chosen or view is None or view.state != "live" or not view.bids:
            return
        self._is_group_chosen = True
        self._set_group(suggested_group(view, self._book.inner()[1]))

    def _set_group(self, group: int) -> None:
        if group != self._group:
            self._group = group
            self._ask()

    # What the keys do.

    def action_pane(self, name: PaneName) -> None:
        """Bring a pane to the front and focus it."""
        if self._plan.name == "small":
            return
        if self._zoomed is not None:
            self._zoomed = name
        if name != "book" and name not in self._plan.boxes:
            self._front = name
        self._place()
        self.query_one(f"#{name}").focus()

    def action_next_pane(self, step: int) -> None:
        """Focus the next pane in the order of their numbers, visible or not."""
        names = list(FRAMED)
        focused = self._focused_pane()
        at = names.index(focused) if focused is not None else 0
        self.action_pane(names[(at + step) % len(names)])

    def _focused_pane(self) -> PaneName | None:
        focused = self.focused
        return next((name for name in FRAMED if focused is not None and focused.id == name), None)

    def action_zoom(self) -> None:
        """Let the focused pane fill the body, or go back."""
        self._zoomed = None if self._zoomed is not None else self._focused_pane()
        self._place()

    def action_unzoom(self) -> None:
        """Go back from a zoomed pane."""
        if self._zoomed is not None:
            self.action_zoom()

    def action_timeframe(self, step: int) -> None:
        """Go to the next longer or shorter timeframe."""
        at = TIMEFRAMES.index(self._timeframe_s) + step
        if 0 <= at < len(TIMEFRAMES):
            self._timeframe_s = TIMEFRAMES[at]
            self._ask()

    def action_group(self, step: int) -> None:
        """Go to the next coarser or finer rows of the book."""
        at = GROUPS.index(self._group) + step
        if 0 <= at < len(GROUPS):
            self._is_group_chosen = True
            self._set_group(GROUPS[at])

    def action_recentre(self) -> None:
        """Centre the ladder."""
        self._book.recentre()

    def action_freeze(self) -> None:
        """Hold the tape or the log, whichever is looked at."""
        pane = self._log if self._focused_pane() == "log" else self._tape
        pane.freeze()

    def action_repaint(self) -> None:
        """Draw everything again."""
        self.refresh()

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen())

    def action_command_palette(self) -> None:
        """Find an action by name."""
        self.app.push_screen(CommandPalette([CockpitCommands], placeholder="Find an action…"))

    async def action_ask_quit(self) -> None:
        """Ask how to leave."""
        await self.app.run_action("ask_quit")

    def action_pick_instrument(self) -> None:
        """Choose another instrument from the engine's list."""
        status = self._newest.status
        if status is None or not status.instruments:
            return
        widest = max(len(safe(row.name, 20)) for row in status.instruments)
        choices = [
            Choice(
                row.instrument_id,
                f"{safe(row.name, 20):<{widest}}"
                f"{price_text(row.last_ticks, row.price_decimals):>16}",
            )
            for row in status.instruments
        ]
        dialog = ChoiceDialog(
            "Symbol", (), choices, self._newest.instrument_id, name="pick-instrument"
        )
        self.app.push_screen(dialog, self._pick)

    def _pick(self, instrument_id: str | None) -> None:
        if instrument_id is None or instrument_id == self._newest.instrument_id:
            return
        self._instrument_id = InstrumentId(instrument_id)
        self._group = 1
        self._is_group_chosen = False
        self._ask()
        self.draw_all()

    def action_simulate(self) -> None:
        """Offer the simulated market while a venue cannot be reached; never by itself."""
        status = self._newest.status
        feed = feed_down(status)
        if feed is None or not may_simulate(status):
            return
        sentences = (
            f"{safe(feed.name, 30)} cannot be reached: {safe(feed.reason, 60) or 'no reason'}.",
            "The simulated market needs no network: its prices are made up, its account is paper. "
            "The engine of the venue is stopped.",
        )
        choices = (
            Choice("simulated", "switch to the simulated market"),
            Choice("", "stay, and go on trying"),
        )
        self.app.push_screen(
            ChoiceDialog("Simulated market?", sentences, choices, "simulated", name="simulate"),
            self._simulate,
        )

    def _simulate(self, answer: str | None) -> None:
        if answer == "simulated":
            self.app.exit("simulated")
