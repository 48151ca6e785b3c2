"""Panes that keep what they show, and draw it again when something else has changed."""

from collections.abc import Callable
from typing import Generic, TypeVar

from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, NOWHEN, Moment, Pane

V = TypeVar("V")
"""The view of the pane."""


class KeptPane(Pane, Generic[V]):
    """Keeps the newest view, and when it was shown."""

    _show: Callable[[], None]
    """Draws what is kept, or what is waited for; every pane has its own."""

    def __init__(self, palette: Palette, name: str) -> None:
        super().__init__(palette, name=name)
        self._view: V | None = None
        self._moment = NOWHEN

    def show(self, view: V | None, moment: Moment) -> None:
        """Draw the view, or what is waited for."""
        self._view, self._moment = view, moment
        self.redraw()

    def redraw(self) -> None:
        """Draw again, after something else has changed."""
        try:
            self._show()
        except DRAWING_ERRORS as error:
            self.draw_failure(error)


class FrozenPane(KeptPane[V]):
    """Can be held still while its views go on."""

    def __init__(self, palette: Palette, name: str) -> None:
        super().__init__(palette, name)
        self._frozen: V | None = None
        """What is held."""

    def freeze(self) -> None:
        """Hold what is shown, or let it go on."""
        self._frozen = None if self._frozen is not None else self._view
        self.redraw()
