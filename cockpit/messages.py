"""What the terminal tells the screen, from other threads; views do not travel this way."""

from textual.message import Message


class TerminalLost(Message):
    """The terminal is closed: hang-up, end of input or an input/output error."""


class TerminalCaughtUp(Message):
    """The terminal reads again after something could not be written: repaint everything."""


class LeaveAsked(Message):
    """Another program asked the screen to end (SIGTERM)."""
