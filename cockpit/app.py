"""The screen's application: takes in what the engine says, and hands it to the panes in time.

One worker receives; one frame clock draws. Between them lies only the newest view of each pane.
"""

import contextlib
import gc
import itertools
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.theme import Theme

from cockpit.driver import CockpitDriver
from cockpit.keymap import KEYS
from cockpit.messages import LeaveAsked, TerminalCaughtUp, TerminalLost
from cockpit.panes.newest import Newest
from cockpit.panes.palette import DARK, MONO
from cockpit.screens.choice import Choice, ChoiceDialog
from cockpit.screens.desk import Desk
from cockpit.screens.kill import ANSWER_S
from cockpit.screens.kill import KEYS as KILL_KEYS
from cockpit.screens.trade import TradeScreen
from engine.model.commands import OperatorCommand
from engine.model.errors import PortError
from engine.model.view import OrdersView, PositionsView
from engine.port import CockpitPort, Reply, Watch, Welcome

LINE_KEY: Final = next(key.keys for key in KEYS if key.id == "command.focus")

ScreenResult = Literal["leave", "stop", "simulated", "lost"]
"""How the screen ended: the engine goes on; it was asked to stop; the simulated market is wanted
instead; or the terminal or the engine is gone."""

SavePicture = Callable[[str, int], Awaitable[Path]]
"""Writes an SVG document of the engine's time to a file; raises `OSError`."""

FPS: Final = 10

GC_THRESHOLDS: Final = (10_000, 5, 5)
"""Every strip that the framework has cut refers to itself and dies by collection alone: all that
is not frozen is looked at once or twice a minute, in some milliseconds, or it piles up."""

STOP_WAIT_S: Final = 3.0
"""How long the screen waits for the engine's word that it stops."""

THEME: Final = Theme(
    name="cockpit",
    primary="#87afd7",
    secondary="#5fd7af",
    warning="#ffd75f",
    error="#ff8787",
    success="#5fd7af",
    accent="#87afd7",
    foreground="#bcbcbc",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
)


def interrupt_process(pid: int) -> None:
    """Send SIGUSR1, which kills trading without the socket; a process that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGUSR1)


class CockpitApp(App[ScreenResult], inherit_bindings=False):
    """A screen on an engine.

    Args:
        port: The engine; whoever opened it closes it.
        welcome: What the engine said first.
        fps: Frames per second.
        clock: Local monotonic time in nanoseconds.
        interrupt: Sends SIGUSR1 to a process; the second way of the kill key.
        first_command_id: Where the numbers of this screen's commands begin.
    """

    TITLE = "cockpit"
    CSS_PATH = None
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+q,ctrl+c",
            "ask_quit",
            "quit",
            show=False,
            priority=True,
            tooltip="Leave, after saying what goes on",
            id="app.quit_anywhere",
        )
    ]

    def __init__(
        self,
        port: CockpitPort,
        welcome: Welcome,
        *,
        fps: int = FPS,
        clock: Callable[[], int] = time.monotonic_ns,
        interrupt: Callable[[int], None] = interrupt_process,
        first_command_id: int | None = None,
    ) -> None:
        palette = MONO if "NO_COLOR" in os.environ else DARK  # Textual takes the variable away.
        super().__init__(
            driver_class=None if "TEXTUAL_DRIVER" in os.environ else CockpitDriver,
            css_path=stylesheet(),
        )
        self._clock = clock
        self._port = port
        self._welcome = welcome
        self._fps = fps
        self._frames = 0
        self._is_stopping = False
        self._newest = Newest(welcome.epoch, clock())
        self._interrupt = interrupt
        self._stop_id = 0
        self._save_picture: SavePicture | None = None
        # No two screens may use the same numbers: the engine takes a number once.
        start = secrets.randbits(40) << 20 if first_command_id is None else first_command_id
        self._desk = Desk(self._newest, self._ask, itertools.count(start).__next__)
        self._trade = TradeScreen(self._newest, palette, self._look, self._desk, clock, fps)
        self.register_theme(THEME)
        self.theme = "cockpit"

    def use_history(self, lines: Sequence[str]) -> None:
        """Let the command line recall lines of earlier screens, oldest first."""
        self._desk.ticket.use_history(lines)

    @property
    def carried_out(self) -> list[str]:
        """The lines that this screen had carried out, oldest first."""
        return self._desk.ticket.carried_out

    def save_pictures_with(self, save: SavePicture) -> None:
        """Let pictures of the screen be saved by this."""
        self._save_picture = save

    def on_mount(self) -> None:
        """Show the panes and start receiving."""
        self.push_screen(self._trade)
        self.run_worker(self._receive(), name="receive", exit_on_error=True)
        self.set_interval(1 / self._fps, self.draw_frame, name="frame clock")

    def on_ready(self) -> None:
        """Spare the garbage collector what lives as long as the screen."""
        if not self.is_headless:
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)

    async def _receive(self) -> None:
        """Take in messages until the engine is gone."""
        while not self._newest.closed:
            try:
                message = await self._port.receive()
            except PortError as error:
                self._newest.close(str(error))
                break
            self._newest.take(message, self._clock())
            if isinstance(message, Reply):
                if self._is_stopping and message.command_id == self._stop_id:
                    break
                self._trade.take_reply(message)
        if self._is_stopping:
            self.exit("stop")

    def _ask(self, command: OperatorCommand) -> None:
        try:
            self._port.command(command)
        except PortError as error:
            self._newest.close(str(error))

    def _look(self, watch: Watch) -> None:
        try:
            self._port.watch(watch)
        except PortError as error:
            self._newest.close(str(error))

    # Keys that are taken before every binding, dialog and field.

    async def on_event(self, event: events.Event) -> None:
        """Take the kill keys, and the answer to the question they ask, before anybody else.

        The key that opens the command line is taken here too: what was typed right behind it is in
        the same read of the terminal, and must not reach the panes, where letters are orders.
        """
        if isinstance(event, events.Key) and not event.is_forwarded and self._is_taken(event.key):
            return
        await super().on_event(event)

    def _is_taken(self, key: str) -> bool:
        if key in KILL_KEYS:
            self.action_kill()
            return True
        if self._trade.is_running and self._trade.answer_flatten(key):
            return True
        if self.screen is not self._trade:
            return False
        if self._trade.held.is_repeat(key, self._clock()):
            return True
        return key == LINE_KEY and self._trade.open_line()

    def action_kill(self) -> None:
        """Tell the engine, then show that it was told; nothing is waited for."""
        if self._trade.press_kill():
            self.set_timer(ANSWER_S, self._signal_if_silent)
        self.call_later(self._show_banner)

    def _signal_if_silent(self) -> None:
        """Try the second way where the engine has not answered the first."""
        if self._trade.note_signal():
            self._interrupt(self._welcome.pid)

    def _show_banner(self) -> None:
        """Close what covers the body and draw the banner."""
        if self._trade not in self.screen_stack:
            return
        while self.screen is not self._trade:
            self.pop_screen()
        self._trade.draw_all()

    def draw_frame(self) -> None:
        """Draw one frame, unless the terminal still has to take the one before."""
        if getattr(self._driver, "is_behind", False):
            return
        self._frames += 1
        with self.batch_update():
            self._trade.draw(self._clock(), self._frames)

    def picture(self) -> str:
        """Return what is on the screen as an SVG document."""
        return self.export_screenshot(title="cockpit", simplify=True)

    def action_save_picture(self) -> None:
        """Save what is on the screen; no key waits for the disk."""
        if self._save_picture is None:
            self._desk.ticket.said = ("this screen has no folder for pictures", False)
            return
        saving = self._save_picture(self.picture(), self._newest.clock_ns)
        self.run_worker(self._tell_saved(saving), name="picture")

    async def _tell_saved(self, saving: Awaitable[Path]) -> None:
        """Say where the picture is, or why it is nowhere."""
        try:
            self._desk.ticket.said = (f"saved {await saving}", True)
        except OSError as error:
            self._desk.ticket.said = (f"the picture could not be saved: {error.strerror}", False)

    def on_terminal_lost(self, _: TerminalLost) -> None:
        """End with the terminal; the engine decides what it does without a screen."""
        self.exit("lost")

    def on_terminal_caught_up(self, _: TerminalCaughtUp) -> None:
        """Repaint everything after something could not be written."""
        self.screen.refresh()

    def on_leave_asked(self, _: LeaveAsked) -> None:
        """End and leave the engine running."""
        self.exit("leave")

    def action_ask_quit(self) -> None:
        """Ask how to leave, and say what goes on; nothing to ask once the engine is gone."""
        if self._newest.closed:
            self.exit("lost")
            return
        if isinstance(self.screen, ChoiceDialog) and self.screen.id == "quit":
            return
        newest = self._newest
        dialog = quit_dialog(self._welcome, newest.orders, newest.positions, self._clock)
        self.push_screen(dialog, self._quit)

    def _quit(self, answer: str | None) -> None:
        if answer == "leave":
            self.exit("leave")
        elif answer == "stop":
            self._stop()

    def _stop(self) -> None:
        """Ask the engine to stop and wait a little for its word."""
        try:
            self._stop_id = self._port.shutdown()
        except PortError:
            self.exit("lost")
            return
        self._is_stopping = True
        self.set_timer(STOP_WAIT_S, lambda: self.exit("stop"))


def quit_dialog(
    welcome: Welcome,
    orders: OrdersView | None,
    positions: PositionsView | None,
    clock: Callable[[], int],
) -> ChoiceDialog:
    """Return the dialog that says exactly what keeps running."""
    venue = {
        "sim": "the simulated market with its paper account",
        "paper": f"the connection to {welcome.venue} with candles, whales and paper account",
        "live": f"live trading at {welcome.venue}: real orders, real money",
        "replay": "the replay",
    }[welcome.mode]
    return ChoiceDialog(
        "Leave the cockpit",
        (
            f"Running now: engine process {welcome.pid}: {venue}. {_at_stake(orders, positions)}",
            "A running engine goes on without a screen; `cockpit` or `cockpit attach` shows it "
            "again.",
        ),
        (
            Choice("stop", f"stop everything: {venue} ends"),
            Choice("leave", "leave the engine running: only this screen closes"),
        ),
        "leave" if welcome.mode in {"paper", "live"} else "stop",
        "quit",
        clock,
    )


def _at_stake(orders: OrdersView | None, positions: PositionsView | None) -> str:
    """Return what stands at the venue, and that protection stays."""
    if orders is None or positions is None:
        return "Orders and positions are not known now."
    if not orders.working and not positions.rows:
        return "No order works and no position is open."
    return (
        f"Working orders: {len(orders.working)}, open positions: {len(positions.rows)}. "
        "Protective orders of open positions stay."
    )


def stylesheet() -> Path:
    """Return the style sheet: beside this file when installed, above it in a checkout."""
    beside = Path(__file__).with_name("cockpit.tcss")
    return beside if beside.exists() else beside.parent.parent / beside.name
