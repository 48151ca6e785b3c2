"""Every key: its stable id, what it does, and where it acts.

This table is the only place that binds a key. Help, palette, hints and bindings are made from it.
"""

from typing import Final, Literal, NamedTuple

from textual.binding import Binding

Place = Literal[
    "everywhere", "book", "positions", "orders", "watch list", "risk", "lists", "command line"
]


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
    Key(
        "safety.kill",
        "f12,ctrl+backslash",
        "F12 ^\\",
        "kill",
        "KILL",
        "Kill trading, at once; again: ask to flatten",
    ),
    Key("safety.arm", "a", "a", "arm", "arm", "Arm orders by hand for 15 minutes; y confirms"),
    Key("safety.yes", "y", "y", "yes", "yes", "Confirm arming"),
    Key("safety.disarm", "A", "A", "disarm", "disarm", "Disarm, at once"),
    Key("command.focus", "colon", ":", "command", "command", "Type a command; Esc leaves it"),
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
    Key("pane.positions", "5", "5", "pane('positions')", "positions", "Go to the positions"),
    Key("pane.orders", "6", "6", "pane('orders')", "orders", "Go to the orders and fills"),
    Key("pane.log", "7", "7", "pane('log')", "log", "Go to the log"),
    Key("pane.watch", "8", "8", "pane('watch')", "watch list", "Go to the watch list"),
    Key("pane.risk", "9", "9", "pane('risk')", "risk", "Go to limits and strategies"),
    Key("pane.health", "0", "0", "pane('health')", "health", "Go to feeds and health"),
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
        "watch.look",
        "enter",
        "enter",
        "look",
        "look at it",
        "Look at the instrument under the cursor",
        "watch list",
    ),
    Key("list.down", "j,down", "j", "move(1)", "down", "Move the cursor down", "lists"),
    Key("list.up", "k,up", "k", "move(-1)", "up", "Move the cursor up", "lists"),
    Key("list.far_down", "J,pagedown", "J", "move(10)", "ten down", "Move ten down", "lists"),
    Key("list.far_up", "K,pageup", "K", "move(-10)", "ten up", "Move ten up", "lists"),
    Key(
        "book.buy_at_cursor",
        "b",
        "b",
        "order('buy')",
        "buy at cursor",
        "Post-only bid at the cursor, of the quick size",
        "book",
    ),
    Key(
        "book.sell_at_cursor",
        "s",
        "s",
        "order('sell')",
        "sell at cursor",
        "Post-only ask at the cursor, of the quick size",
        "book",
    ),
    Key(
        "book.join_bid",
        "B",
        "B",
        "join('buy')",
        "join the bid",
        "Post-only bid at the best bid, of the quick size",
        "book",
    ),
    Key(
        "book.move_down",
        "less_than_sign",
        "<",
        "shift(-1)",
        "order down",
        "Move the own order at the cursor one tick down",
        "book",
    ),
    Key(
        "book.move_up",
        "greater_than_sign",
        ">",
        "shift(1)",
        "order up",
        "Move the own order at the cursor one tick up",
        "book",
    ),
    Key(
        "book.quick_smaller",
        "left_curly_bracket",
        "{",
        "quick(-1)",
        "smaller quick size",
        "Make the quick size smaller",
        "book",
    ),
    Key(
        "book.quick_larger",
        "right_curly_bracket",
        "}",
        "quick(1)",
        "larger quick size",
        "Make the quick size larger",
        "book",
    ),
    Key(
        "order.cancel",
        "x",
        "x",
        "cancel",
        "cancel",
        "Cancel own orders at the cursor",
    ),
    Key(
        "order.cancel_all",
        "X",
        "X",
        "cancel_all",
        "cancel all",
        "Cancel all of this symbol but protective ones",
    ),
    Key("order.amend", "e", "e", "amend", "amend", "Edit price and size of this order", "orders"),
    Key(
        "list.tab",
        "o",
        "o",
        "tab",
        "tab or sort",
        "Next tab of the orders; sort the watch list",
        "lists",
    ),
    Key(
        "watch.turn",
        "O",
        "O",
        "tab(True)",
        "turn the order",
        "Turn the order of the watch list round",
        "watch list",
    ),
    Key("position.flatten", "f", "f", "flatten", "flatten", "Close this position", "positions"),
    Key(
        "position.reverse",
        "r",
        "r",
        "reverse",
        "reverse",
        "Close this position and open the opposite one",
        "positions",
    ),
    Key("position.protect", "t", "t", "protect", "tp/sl", "Set take-profit and stop", "positions"),
    Key("strategy.pause", "p", "p", "pause", "pause", "Pause this strategy, or resume it", "risk"),
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
    ("F12", "KILL"),
    (":", "cmd"),
    ("a/A", "arm/disarm"),
    ("?", "help"),
    ("q", "quit"),
    ("tab", "pane"),
    (".", "symbol"),
    ("0-9", "panes"),
    ("[ ]", "timeframe"),
    ("b s x", "order"),
    ("c + -", "book"),
    ("z", "zoom"),
    ("space", "freeze"),
    ("^P", "palette"),
    ("^L", "repaint"),
)
"""The hint row, the most wanted first."""


TAKEN_FIRST: Final = "safety.kill"
"""Never a binding: the app takes its keys before anything else can, and no keymap changes them."""


def bindings() -> list[Binding]:
    """Return Textual's bindings of all keys but that of the kill."""
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
        if key.id != TAKEN_FIRST
    ]
