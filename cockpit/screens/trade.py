"""The main screen: the panes, where they stand, and what their keys do."""

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen

from cockpit.keymap import bindings
from cockpit.panes.command_line import CommandLine
from cockpit.panes.feeds import feed_down, may_simulate
from cockpit.panes.kill_banner import banner_height
from cockpit.panes.listing import ListPane
from cockpit.panes.newest import Newest
from cockpit.panes.palette import Palette
from cockpit.screens.board import CADENCE, Board
from cockpit.screens.cells import CellCompositor
from cockpit.screens.commands import CockpitCommands
from cockpit.screens.desk import Desk, amend_line, protect_line
from cockpit.screens.held import HeldKey
from cockpit.screens.help import HelpScreen
from cockpit.screens.kill import KillSwitch
from cockpit.screens.layout import FRAMED, NO_ROWS, Plan, Rows, plan
from cockpit.screens.offers import simulation_dialog, symbol_dialog
from cockpit.screens.sight import Sight
from engine.model.instrument import InstrumentId
from engine.model.orders import Side
from engine.model.view import PaneName, PositionRow
from engine.port import Reply, Watch


class TradeScreen(Screen[None]):
    """Panes of one instrument.

    Args:
        newest: What the engine said last.
        palette: Styles of the panes.
        look: Sends a watch to the engine.
        desk: Makes commands of lines and keys.
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
        desk: Desk,
        clock: Callable[[], int],
        fps: int,
    ) -> None:
        super().__init__(id="trade")
        self._compositor = CellCompositor()
        self._newest = newest
        self._look = look
        self._desk = desk
        self._switch = KillSwitch()
        self.held = HeldKey()
        self._rows = NO_ROWS
        self._clock = clock
        self._front: PaneName = "chart"
        self._zoomed: PaneName | None = None
        self._keys_to: PaneName = "book"
        """The pane that had the keys before the command line, or when the size last changed."""
        self._sight = Sight(fps)
        self._watch: Watch | None = None
        self._plan = Plan("small", {})
        self._board = Board(newest, desk, palette)

    def compose(self) -> ComposeResult:
        """Hand over the panes; `on_resize` places them."""
        yield from self._board.widgets

    def on_mount(self) -> None:
        """Draw as soon as panes have got their sizes."""
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self.draw_all())

    def on_resize(self) -> None:
        """Place the panes for the new size; the pane that has the keys keeps them.

        One that were hidden with the keys would pass them to the command line.
        """
        pane = self._focused_pane()
        if pane is not None:
            self._keys_to = pane
            self.set_focus(None)
        self._place()
        if not self._plan.panes or self.focused is not None:
            return
        if self._keys_to not in self._plan.boxes:
            self._front = self._keys_to
            self._place()
        self.set_focus(self.query_one(f"#{self._keys_to}"))

    def on_descendant_focus(self) -> None:
        """Show at once which pane the keys go to."""
        self.draw_all()

    def _place(self) -> None:
        """Lay out the panes and ask the engine for what they hold; they are drawn once placed."""
        size = self.app.size
        self._plan = plan((size.width, size.height), self._front, self._zoomed, self._rows)
        for widget in self._board.widgets:
            box = self._plan.boxes.get(widget.id or "")
            widget.display = box is not None
            if box is not None:
                widget.styles.offset = (box.x, box.y)
                widget.styles.width = box.width
                widget.styles.height = box.height
        self._ask()

    def _ask(self) -> None:
        """Tell the engine what is looked at, if that changed."""
        watch = self._sight.watch(self._plan.boxes)
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
        self._desk.tick(now_ns, self._board.book.cursor_ticks)
        is_up = self._switch.is_up(now_ns, is_latched=self._is_latched)
        banner = banner_height(newest.risk) if is_up else 0
        rows = Rows(banner, self._board.detail_rows(self._rows.detail))
        if rows != self._rows:
            self._rows = rows
            self._place()
        if is_up:
            self._board.draw_banner(self._switch, now_ns)
        self._board.draw_line(now_ns, is_alone=self._plan.name == "small")
        if self._plan.name == "small":
            self._board.draw_small(now_ns)
            return
        self._board.draw_rows(now_ns)
        for pane in self._plan.panes:
            if frame % CADENCE[pane] == 0:
                if pane == "book":
                    self._suggest_group()
                self._board.draw_pane(pane, now_ns)

    @property
    def _is_latched(self) -> bool:
        risk = self._newest.risk
        return risk is not None and risk.is_latched

    def _suggest_group(self) -> None:
        """Give a sparse book taller rows; never under a cursor that may be ordering."""
        book = self._board.book
        if book.cursor_ticks is None:
            self._sight.suggest_group(self._newest.book, book.inner()[1])
            self._ask()

    # What the keys do.

    def action_pane(self, name: PaneName) -> None:
        """Bring a pane to the front and focus it."""
        if self._plan.name == "small":
            return
        self._zoomed = name if self._zoomed is not None else None
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
        """Take the ladder's cursor away, or go back from a zoomed pane."""
        if self._focused_pane() == "book" and self._board.book.drop_cursor():
            return
        if self._zoomed is not None:
            self.action_zoom()

    def action_timeframe(self, step: int) -> None:
        """Go to the next longer or shorter timeframe."""
        self._sight.step_timeframe(step)
        self._ask()

    def action_group(self, step: int) -> None:
        """Go to the next coarser or finer rows of the book."""
        self._sight.step_group(step)
        self._ask()

    def action_recentre(self) -> None:
        """Centre the ladder."""
        self._board.book.recentre()

    def action_freeze(self) -> None:
        """Hold the tape or the log, whichever is looked at."""
        pane = self._board.log if self._focused_pane() == "log" else self._board.tape
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
        dialog = symbol_dialog(status.instruments, self._newest.instrument_id, self._clock)
        self.app.push_screen(dialog, self._pick)

    def action_look(self) -> None:
        """Look at the instrument under the cursor of the watch list."""
        row = self._board.watch.chosen
        if self._focused_pane() == "watch" and row is not None:
            self._pick(row.instrument_id)

    def _pick(self, instrument_id: str | None) -> None:
        if instrument_id is None or instrument_id == self._newest.instrument_id:
            return
        self._sight.pick(InstrumentId(instrument_id))
        self._ask()
        self.draw_all()

    # Trading: what the keys ask of the desk.

    def take_reply(self, reply: Reply) -> None:
        """Take in the answer to a command."""
        now_ns = self._clock()
        if reply.outcome is not None:
            self._switch.take(reply.command_id, reply.outcome)
        line = self._desk.take(reply, now_ns)
        if line:
            self._propose(line)

    def _propose(self, line: str) -> None:
        """Put a line where it can be read, changed and confirmed."""
        self._board.command.put_text(line)
        if self._desk.ticket.stage == "editing":  # A word may begin with the letter of its key.
            self.held.open(self._clock())
        self.action_command()

    def open_line(self) -> bool:
        """Go to the command line at once; False if the keys go there already."""
        if self.focused is self._board.command:
            return False
        self.action_command()
        return True

    def action_command(self) -> None:
        """Go to the command line; the very next key is for it."""
        self._keys_to = self._focused_pane() or self._keys_to
        self.set_focus(self._board.command)
        self.draw_all()

    @on(CommandLine.Changed)
    def read_line(self) -> None:
        """Show at once what a key changed, outside the frame clock."""
        self.draw_all()

    @on(CommandLine.Entered)
    def enter_line(self) -> None:
        """Confirm, or go one step nearer to it."""
        self._desk.tick(self._clock(), self._board.book.cursor_ticks)
        self._desk.enter(self._clock())
        self.draw_all()

    @on(CommandLine.Left)
    def leave_line(self) -> None:
        """Give the keys back to the pane that had them; the text stays."""
        panes = self._plan.panes
        if panes:
            self.query_one(f"#{self._keys_to if self._keys_to in panes else panes[0]}").focus()
        else:
            self.set_focus(None)
        self.draw_all()

    @on(CommandLine.CompletionAsked)
    def complete_line(self) -> None:
        """Complete the word before the cursor, or show what it could be."""
        command = self._board.command
        command.put_before(*self._desk.complete(command.before_cursor))
        self.draw_all()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text goes to the command line, whatever has the focus."""
        self.action_command()
        self._board.command.insert(event.text)

    def on_key(self, event: events.Key) -> None:
        """Any other key is a no to a question that waits for `y`."""
        self._desk.forget_question(event.key)

    def action_move(self, step: int) -> None:
        """Move the cursor of the focused pane."""
        pane = self._focused_pane()
        if pane == "book":
            self._board.book.move(step)
        elif pane in ("positions", "orders", "watch", "risk", "health"):
            chosen = self.query_one(f"#{pane}", ListPane)
            chosen.move(step)
            self._board.draw_pane(pane, self._clock())

    def action_order(self, side: Side) -> None:
        """Place a post-only order at the ladder's cursor, or propose one."""
        book = self._newest.book
        if self._focused_pane() != "book" or book is None or book.state != "live":
            return
        now_ns, best = self._clock(), book.best_ask_ticks
        self._desk.tick(now_ns, self._board.book.cursor_ticks)
        line = self._desk.line_of_key(
            side,
            now_ns,
            best_ticks=best if side == "buy" else book.best_bid_ticks,
            clock_ns=self._newest.clock_ns,
        )
        self._take_line(line)

    def action_join(self, side: Side) -> None:
        """Join the best price of a side with a post-only order, or propose it."""
        book = self._newest.book
        if self._focused_pane() != "book" or book is None or book.state != "live":
            return
        now_ns = self._clock()
        self._desk.tick(now_ns, self._board.book.cursor_ticks)
        self._take_line(self._desk.line_of_join(side, now_ns, clock_ns=self._newest.clock_ns))

    def action_shift(self, step: int) -> None:
        """Move the own order at the ladder's cursor, or propose it."""
        pane, book = self._board.book, self._newest.book
        if self._focused_pane() != "book" or book is None or book.state != "live":
            return
        now_ns, clock_ns = self._clock(), self._newest.clock_ns
        self._desk.tick(now_ns, pane.cursor_ticks)
        own = pane.own_at_cursor()
        self._take_line(self._desk.line_of_move(own, book, step, now_ns, clock_ns=clock_ns))

    def _take_line(self, line: str | None) -> None:
        """Show the line that a key could not carry out at once, if there is one."""
        if line is not None:
            self._propose(line)
        self.draw_all()

    def action_quick(self, step: int) -> None:
        """Make the quick size smaller or larger."""
        if self._focused_pane() == "book":
            self._desk.step_quick(step)
            self.draw_all()

    def action_cancel(self) -> None:
        """Cancel what the cursor is on."""
        pane = self._focused_pane()
        if pane == "book":
            self._desk.cancel(self._board.book.own_at_cursor())
        elif pane == "orders":
            row, parent = self._board.orders.chosen, self._board.orders.chosen_parent
            if parent is not None:
                self._desk.cancel_parent(parent)
            else:
                self._desk.cancel([] if row is None else [row])
        self.draw_all()

    def action_cancel_all(self) -> None:
        """Propose to cancel all orders of this symbol."""
        market = self._desk.context().market(self._newest.instrument_id)
        if self._focused_pane() in ("book", "orders") and market is not None:
            self._propose(f"cancel {market.name}")

    def action_amend(self) -> None:
        """Propose the chosen order as it is, to be changed."""
        row = self._board.orders.chosen
        if self._focused_pane() == "orders" and row is not None:
            self._propose(amend_line(row))

    def action_tab(self, turns: bool = False) -> None:
        """Show the next tab of the orders; sort the watch list by its next column, or turn it."""
        pane = self._focused_pane()
        if pane == "watch":
            self._board.watch.sort(turns=turns)
        elif pane == "orders" and not turns:
            self._board.orders.next_tab()

    def _position(self) -> PositionRow | None:
        """Return the chosen position, if the keys are for it."""
        return self._board.positions.chosen if self._focused_pane() == "positions" else None

    def action_flatten(self) -> None:
        """Propose to close the chosen position."""
        if (row := self._position()) is not None:
            self._propose(f"close {row.name} 100% mkt")

    def action_reverse(self) -> None:
        """Propose to close the chosen position and to open the opposite one."""
        if (row := self._position()) is not None:
            self._take_line(self._desk.line_of_reverse(row))

    def action_protect(self) -> None:
        """Propose a take-profit and a stop for the chosen position."""
        if (row := self._position()) is not None:
            self._propose(protect_line(row))

    def action_pause(self) -> None:
        """Pause the chosen strategy, or propose to resume it."""
        if self._focused_pane() == "risk":
            self._take_line(self._desk.pause(self._board.risk.chosen))

    def action_arm(self) -> None:
        """Ask whether to arm."""
        self._desk.ask_to_arm(self._clock(), self._newest.clock_ns)
        self.draw_all()

    def action_yes(self) -> None:
        """Arm, if that was asked."""
        self._desk.answer_yes(self._clock())
        self.draw_all()

    def action_disarm(self) -> None:
        """Disarm at once."""
        self._desk.disarm()
        self.draw_all()

    # Kill.

    async def action_kill(self) -> None:
        """Kill, from the palette."""
        await self.app.run_action("kill")

    def press_kill(self) -> bool:
        """Take a kill key; returns whether the engine was told."""
        if not self._switch.press(self._clock(), is_latched=self._is_latched):
            return False
        self._switch.note_sent(self._desk.kill())
        return True

    def note_signal(self) -> bool:
        """Whether the engine has not answered, so that it is sent a signal now."""
        self._switch.is_signalled = not self._switch.is_answered
        return self._switch.is_signalled

    def answer_flatten(self, key: str) -> bool:
        """Take a key while the question about flattening stands; returns whether it was for it."""
        now_ns = self._clock()
        if not self._switch.is_asking(now_ns):
            return False
        if key == "enter":
            if self._switch.confirms(now_ns):
                self._switch.note_flatten(self._desk.flatten())
            return True
        self._switch.withdraw()
        return key == "escape"

    def action_simulate(self) -> None:
        """Offer the simulated market while a venue cannot be reached; never by itself."""
        status = self._newest.status
        feed = feed_down(status)
        if feed is None or not may_simulate(status):
            return
        self.app.push_screen(simulation_dialog(feed, self._clock), self._simulate)

    def _simulate(self, answer: str | None) -> None:
        if answer == "simulated":
            self.app.exit("simulated")
