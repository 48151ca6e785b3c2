"""Every key: its stable id, what it does, and where it acts.

This table is the only place that binds a key. Help, palette, hints and bindings are made from it.
"""

from typing import Final, Literal, NamedTuple

from textual.binding import Binding

Place = Literal["everywhere", "book"]


class Key(NamedTuple):
    """One action with its keys."""

    id: str
    keys: str
    """Textual's names, separated by commas; the first is the one that is shown."""
    shown: str
    """As it stands in help and hints."""
    action: str
    words: str
    tooltip: str
    place: Place = "everywhere"


KEYS: Final = (
    Key("help.show", "question_mark", "?", "help", "help", "All keys and what they do"),
    Key("pane.next", "tab", "tab", "next_pane(1)", "next pane", "Go to the next pane"),
    Key(
        "pane.previous",
        "shift+tab",
        "shift+tab",
        "next_pane(-1)",
        "previous pane",
        "Go to the pane before",
    ),
    Key("pane.book", "1", "1", "pane('book')", "book", "Go to the book"),
    Key("pane.chart", "2", "2", "pane('chart')", "chart", "Go to the chart"),
    Key("pane.tape", "3", "3", "pane('tape')", "tape", "Go to the tape"),
    Key("pane.whales", "4", "4", "pane('whales')", "whales", "Go to the whales"),
    Key("pane.log", "7", "7", "pane('log')", "log", "Go to the log"),
    Key("pane.zoom", "z", "z", "zoom", "zoom", "Let this pane fill the screen, or go back"),
    Key("pane.unzoom", "escape", "esc", "unzoom", "back", "Leave the zoomed pane"),
    Key(
        "instrument.pick",
        "full_stop",
        ".",
        "pick_instrument",
        "symbol",
        "Look at another instrument",
    ),
    Key(
        "chart.timeframe_shorter",
        "left_square_bracket",
        "[",
        "timeframe(-1)",
        "shorter timeframe",
        "Show candles of the next shorter timeframe",
    ),
    Key(
        "chart.timeframe_longer",
        "right_square_bracket",
        "]",
        "timeframe(1)",
        "longer timeframe",
        "Show candles of the next longer timeframe",
    ),
    Key(
        "book.recentre",
        "c",
        "c",
        "recentre",
        "recentre",
        "Bring the market to the middle of the ladder",
        "book",
    ),
    Key(
        "book.group_coarser",
        "plus,equals_sign",
        "+",
        "group(1)",
        "coarser rows",
        "Sum the book to larger price steps",
        "book",
    ),
    Key(
        "book.group_finer",
        "minus",
        "-",
        "group(-1)",
        "finer rows",
        "Show the book in smaller price steps",
        "book",
    ),
    Key(
        "list.freeze",
        "space",
        "space",
        "freeze",
        "freeze",
        "Hold the tape or the log still, or let it go on",
    ),
    Key(
        "market.simulate",
        "S",
        "S",
        "simulate",
        "simulated market",
        "Offer the simulated market while a venue is down",
    ),
    Key("palette.show", "ctrl+p", "^P", "command_palette", "palette", "Find any action by name"),
    Key("screen.repaint", "ctrl+l", "^L", "repaint", "repaint", "Draw the whole screen again"),
    Key("app.quit", "q,ctrl+q,ctrl+c", "q", "ask_quit", "quit", "Leave, after saying what goes on"),
)

HINTED: Final = (
    ("?", "help"),
    ("q", "quit"),
    ("tab", "pane"),
    (".", "symbol"),
    ("[ ]", "timeframe"),
    ("c + -", "book"),
    ("z", "zoom"),
    ("space", "freeze"),
    ("^P", "palette"),
    ("1-4 7", "panes"),
    ("^L", "repaint"),
)
"""The hint row, the most wanted first."""


def bindings() -> list[Binding]:
    """Return Textual's bindings of all keys."""
    return [
        Binding(
            key.keys,
            key.action,
            key.words,
            show=False,
            key_display=key.shown,
            tooltip=key.tooltip,
            id=key.id,
        )
        for key in KEYS
    ]
