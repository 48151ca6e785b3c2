"""A small dialog: a sentence or two, and a list of answers."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from cockpit.format import safe

SETTLE_NS: Final = 250_000_000
"""An answer sooner than this was not typed for this dialog: a paste, or a key held down."""


class Choice(NamedTuple):
    """One answer."""

    id: str
    words: str


class ChoiceDialog(ModalScreen[str | None]):
    """Asks for one of several answers; Esc gives none.

    Args:
        title: What it is about.
        sentences: What the answers mean.
        choices: The answers.
        default: The answer that Enter gives when nothing is moved.
        name: Names the dialog for tests and styles.
        clock: Local monotonic time in nanoseconds.
    """

    VERTICAL_BREAKPOINTS = [(0, "-tight"), (22, "-roomy")]  # noqa: RUF012 - Textual's own form.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", tooltip="Close without an answer", id="dialog.cancel")
    ]

    def __init__(
        self,
        title: str,
        sentences: Sequence[str],
        choices: Sequence[Choice],
        default: str,
        name: str,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(id=name)
        self._heading = title
        self._sentences = sentences
        self._choices = choices
        self._default = default
        self._clock = clock
        self._opened_ns = 0

    def compose(self) -> ComposeResult:
        """Build the box."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, markup=False, classes="heading")
            for sentence in self._sentences:
                yield Static(safe(sentence), markup=False, classes="sentence")
            yield OptionList(
                *(Option(safe(choice.words), id=choice.id) for choice in self._choices),
                markup=False,
            )
            yield Static("enter choose · esc cancel", markup=False, classes="foot")

    def on_mount(self) -> None:
        """Put the cursor on the default."""
        answers = self.query_one(OptionList)
        ids = [choice.id for choice in self._choices]
        answers.highlighted = ids.index(self._default) if self._default in ids else 0
        answers.focus()
        self._opened_ns = self._clock()

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Give the answer, unless it came too soon to be meant."""
        event.stop()
        if self._clock() - self._opened_ns >= SETTLE_NS:
            self.dismiss(event.option_id)

    def action_cancel(self) -> None:
        """Give no answer."""
        self.dismiss(None)
