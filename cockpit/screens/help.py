"""Help: every key, straight from the keymap."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cockpit.keymap import KEYS

LEGEND = (
    "● ok   ◐ slow   ○ stale   ↻ resync or connecting   ✕ down",
    "~ in front of a price: it is stale.   – : not known.",
    "In the command line: tab completes   ↑ ↓ older and newer lines   ^R searches them",
    "In the ladder: E entry   T take-profit   S stop   ►1 ◄2 own orders",
    "In the watch list: p a position is open; the age stands where a book is not current",
    "▲B buyer took   ▼S seller took   ★ big   × outside the book",
)


class HelpScreen(ModalScreen[None]):
    """All keys and signs."""

    VERTICAL_BREAKPOINTS = [(0, "-tight"), (22, "-roomy")]  # noqa: RUF012 - Textual's own form.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q,question_mark", "close", "close", tooltip="Close the help", id="help.close"
        )
    ]

    def compose(self) -> ComposeResult:
        """Build the list."""
        with Vertical(classes="dialog", id="help"):
            yield Static("Keys", markup=False, classes="heading")
            with VerticalScroll():
                yield Static("\n".join(help_lines()), markup=False)
            yield Static("esc close · arrows scroll", markup=False, classes="foot")

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)


def help_lines() -> list[str]:
    """Return one line per key, then what the signs mean."""
    widest = max(len(key.shown) for key in KEYS)
    lines = []
    for key in KEYS:
        where = "" if key.place == "everywhere" else f" ({key.place})"
        lines.append(f"{key.shown:>{widest}}  {key.tooltip}{where}")
    return [*lines, "", *LEGEND]
