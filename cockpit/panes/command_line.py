"""Command line: one row that is always there; the line on the left, what it would do on the right.

It edits text and draws. Reading, previewing and sending belong to the ticket it is given.
"""

from collections.abc import Sequence
from typing import Final

from rich.style import Style
from textual import events
from textual.message import Message

from cockpit.format import safe
from cockpit.grammar import GrammarError, Plan
from cockpit.panes.detail import Detail
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, LineWidget
from cockpit.panes.preview import (
    PROMPT,
    SEPARATOR,
    caret_text,
    follow_text,
    full_lines,
    happening_text,
    packed,
    place_of,
    preview_text,
    rounding_note,
)
from cockpit.panes.rows import Row, Segment, fit, row_width
from cockpit.panes.ticket import TWICE_NS, Ticket
from engine.model.commands import CommandOutcome
from engine.model.view import OrdersView

TEXT_SHARE: Final = 0.5
"""Of the row, for the text, where only the row itself has place for the rest."""


REFUSED: Final = len(" refused: ")


class CommandLine(LineWidget, can_focus=True):
    """The row itself.

    Args:
        palette: Styles.
        ticket: What is known about the line.
    """

    class Changed(Message):
        """The text is another one."""

    class Entered(Message):
        """Enter was pressed."""

    class Left(Message):
        """Esc was pressed: the keys go back to the panes."""

    class CompletionAsked(Message):
        """Tab was pressed."""

    def __init__(self, palette: Palette, ticket: Ticket) -> None:
        super().__init__(palette, name="command")
        self._ticket = ticket
        self._cursor = 0
        self._is_alone = False
        self.choices: tuple[str, ...] = ()
        """What the last completion left open."""

    def put_text(self, text: str) -> None:
        """Replace the text and go to its end."""
        self._ticket.edit(text)
        self._cursor = len(self._ticket.text)
        self.choices = ()

    @property
    def before_cursor(self) -> str:
        """The part of the text that is being typed."""
        return self._ticket.text[: self._cursor]

    def put_before(self, before: str, choices: tuple[str, ...]) -> None:
        """Replace what stands before the cursor; the rest stays."""
        after = self._ticket.text[self._cursor :]
        if before.endswith(" ") and after.startswith(" "):
            after = after[1:]
        self._ticket.edit(before + after)
        self._cursor = min(len(before), len(self._ticket.text))
        self.choices = choices

    # Keys.

    def on_key(self, event: events.Key) -> None:
        """Edit; every printable key is text here and nothing else."""
        if event.key == "enter":
            self.post_message(self.Entered())
        elif event.key == "escape":
            self._escape()
        elif event.key == "tab":
            self.post_message(self.CompletionAsked())
        elif self._ticket.stage == "word":
            self._edit_word(event)
        elif event.key in ("up", "down"):
            self._ticket.recall(-1 if event.key == "up" else 1)
            self._cursor = len(self._ticket.text)
            self.post_message(self.Changed())
        elif event.key == "ctrl+r":
            self._ticket.search()
            self._cursor = len(self._ticket.text)
            self.post_message(self.Changed())
        elif not self._edit(event):
            return
        event.stop()
        event.prevent_default()

    def _escape(self) -> None:
        if self._ticket.stage in ("twice", "word"):
            self._ticket.leave()
            self.post_message(self.Changed())
        else:
            self.post_message(self.Left())

    def _edit_word(self, event: events.Key) -> None:
        if event.key == "backspace":
            self._ticket.typed_word = self._ticket.typed_word[:-1]
        elif event.character is not None and event.character.isprintable():
            self._ticket.typed_word = (self._ticket.typed_word + event.character)[:80]
        self.post_message(self.Changed())

    def _edit(self, event: events.Key) -> bool:
        """Take an editing key; returns whether it was one."""
        text, at = self._ticket.text, self._cursor
        jumps = {
            "left": at - 1,
            "right": at + 1,
            "home": 0,
            "ctrl+a": 0,
            "end": len(text),
            "ctrl+e": len(text),
        }
        cuts = {
            "backspace": (max(0, at - 1), at),
            "delete": (at, at + 1),
            "ctrl+u": (0, at),
            "ctrl+k": (at, len(text)),
            "ctrl+w": (word_start(text, at), at),
        }
        if event.key in jumps:
            self._cursor = max(0, min(len(text), jumps[event.key]))
        elif event.key in cuts:
            first, last = cuts[event.key]
            self._ticket.edit(text[:first] + text[last:])
            self._cursor = first
        elif event.character == ":" and not text:
            pass  # The key that leads here, pressed once more.
        elif event.character is not None and event.character.isprintable():
            self._ticket.edit(text[:at] + event.character + text[at:])
            self._cursor = min(at + 1, len(self._ticket.text))
        else:
            return False
        self.choices = ()
        self.post_message(self.Changed())
        return True

    def on_paste(self, event: events.Paste) -> None:
        """Put pasted text into the line; nothing in it is a key."""
        event.stop()
        self.insert(event.text)

    def insert(self, pasted: str) -> None:
        """Put a paste where the cursor is."""
        self._ticket.leave()
        text = self._ticket.text
        before = self._ticket.paste(text[: self._cursor], pasted, text[self._cursor :])
        self._cursor = len(before)
        self.choices = ()
        self.post_message(self.Changed())

    # Drawing.

    def show(self, orders: OrdersView | None, now_ns: int, *, is_alone: bool = False) -> None:
        """Draw the row; alone it has no other rows for what does not fit."""
        self._is_alone = is_alone
        try:
            self.put([self._row(orders, now_ns)])
        except DRAWING_ERRORS as error:
            words = f"{PROMPT}{type(error).__name__}: this row could not be drawn"
            self.put([fit([(words, self.palette.error)], self.size.width, self.palette.fg)])

    def _row(self, orders: OrdersView | None, now_ns: int) -> Row:
        width, ink, ticket = self.size.width, self.palette, self._ticket
        if ticket.stage == "twice":
            return fit(self._twice(now_ns), width, ink.warn)
        if ticket.stage == "word":
            return fit(self._word(), width, ink.fg)
        right = self._right(orders)
        if not ticket.text and not self.has_focus:
            right = right or [("", ink.fg)]
            left: list[Segment] = [(PROMPT, ink.dim), (": to type a command  ", ink.dim)]
            return fit([*left, *right], width, ink.fg)
        room = self._room(width, right)
        return fit([*fit(self._text(room), room, ink.fg), *right], width, ink.fg)

    def _room(self, width: int, right: Sequence[Segment]) -> int:
        """Return how many cells the text gets: all it needs where what follows it stands below."""
        half, longest = int(width * TEXT_SHARE), self._longest()
        if longest > half and not self._is_alone and not self._ticket.said[0]:
            return min(longest, width)
        return max(min(half, longest), min(max(half, longest), width - row_width(right)))

    def _first(self, room: int) -> int:
        """Return the first character that is shown, so that the cursor is in sight."""
        return max(0, self._cursor - _inner(room))

    def _longest(self) -> int:
        """Return how many cells the whole text takes."""
        return len(self._ticket.text) + len(PROMPT) + 2

    def _text(self, room: int) -> list[Segment]:
        """Return the prompt and as much of the text as fits, with the cursor in sight."""
        ink, shown = self.palette, safe_text(self._ticket.text)
        inner, first = _inner(room), self._first(room)
        at = self._cursor - first
        visible = shown[first : first + inner + 1]
        marks: dict[int, Style] = {}
        error = self._ticket.plan
        if isinstance(error, GrammarError):
            marks[error.position - first] = ink.error
        if self.has_focus:
            marks[at] = ink.cursor
        cells = visible.ljust(max([at, *marks]) + 1 if marks else 0)
        sign: Segment = (PROMPT, ink.key if self.has_focus else ink.dim)
        return [
            sign,
            *((letter, marks.get(i, ink.strong)) for i, letter in enumerate(cells[: inner + 1])),
            (" ", ink.fg),
        ]

    def _right(self, orders: OrdersView | None) -> list[Segment]:
        """Return the last word about what was sent, else the preview in short."""
        ink, ticket = self.palette, self._ticket
        words, is_good = ticket.said
        if words:
            follow = follow_text(ticket.followed, orders)
            style = ink.ok if is_good else ink.error
            return [(" " + safe(words), style), (f" · {follow}" if follow else "", ink.fg)]
        if isinstance(ticket.plan, GrammarError) and ticket.text.strip():
            return [(f" ^ {safe(ticket.plan.sentence)}", ink.error)]
        if not isinstance(ticket.plan, Plan):
            return []
        if ticket.outcome is None:
            return [(f" {safe(ticket.plan.normal)} · asking the engine", ink.dim)]
        if ticket.outcome.verdict == "refused":
            return [(f" refused: {safe(' · '.join(ticket.outcome.sentences))}", ink.error)]
        return [(f" → {preview_text(ticket.previewed, ticket.outcome, ticket.level)}", ink.fg)]

    def _twice(self, now_ns: int) -> list[Segment]:
        ticket, ink = self._ticket, self.palette
        left_s = -(-max(0, TWICE_NS - (now_ns - ticket.stage_ns)) // 1_000_000_000)
        assert ticket.outcome is not None
        return [
            (f"{PROMPT}ENTER AGAIN ({left_s}s, esc: back): ", ink.warn),
            (happening_text(ticket.previewed, ticket.outcome), ink.strong),
        ]

    def _word(self) -> list[Segment]:
        ticket, ink = self._ticket, self.palette
        assert ticket.outcome is not None
        wrong, is_good = ticket.said
        return [
            (f"{PROMPT}type ", ink.warn),
            (safe(ticket.outcome.word, 40), ink.alarm),
            (" and Enter: ", ink.warn),
            (safe(ticket.typed_word, 40) if ticket.typed_word else "", ink.strong),
            (" ", ink.cursor),
            (f" {safe(wrong)} ·" if wrong and not is_good else "", ink.error),
            (f" {happening_text(ticket.previewed, ticket.outcome)}", ink.fg),
        ]

    def detail(self, width: int) -> Detail:
        """Return what the line needs more room for than it has."""
        ink, ticket = self.palette, self._ticket
        if self.choices:
            return Detail([(" " + safe("  ".join(self.choices)), ink.key)])
        if not ticket.text.strip():
            words = safe(ticket.said[0])
            if self._longest() + len(words) < width:
                return Detail()
            return Detail(above=_lines(packed(words.split(SEPARATOR), width - 2), ink.fg))
        if isinstance(ticket.plan, GrammarError):
            return self._pointed(ticket.plan.position, (ticket.plan.sentence,), width)
        if isinstance(ticket.plan, Plan) and ticket.outcome is not None:
            return self._judged(ticket.plan, ticket.outcome, width)
        return Detail()

    def _pointed(self, position: int, sentences: Sequence[str], width: int) -> Detail:
        """Point at a place of the line and say why; in lines of their own if there is no room."""
        ink, said = self.palette, [safe(sentence) for sentence in sentences]
        whole = SEPARATOR.join(said)
        pointed = self._caret(position, whole, width)
        if whole in pointed[:width] or self._longest() + len(whole) + REFUSED <= width:
            return Detail([(pointed, ink.error)])
        caret: Segment = (self._caret(position, "", width), ink.error)
        return Detail([caret], _lines(packed(said, width - 2), ink.error))

    def _caret(self, position: int, sentence: str, width: int) -> str:
        """Return a caret under a place of the text, wherever that is shown now."""
        first = self._first(self._room(width, self._right(None)))
        return caret_text(max(0, position - first), sentence, width)

    def _judged(self, plan: Plan, outcome: CommandOutcome, width: int) -> Detail:
        ink, ticket = self.palette, self._ticket
        if outcome.verdict == "refused":
            sentences = outcome.sentences or ("refused",)
            return self._pointed(place_of(SEPARATOR.join(sentences), plan), sentences, width)
        previewed = ticket.previewed
        lines = full_lines(previewed, outcome, ticket.level, width - 2)
        note = None if previewed is None else rounding_note(previewed, outcome)
        if note is not None:
            pointed: Segment = (self._caret(*note, width), ink.warn)
            return Detail([pointed], _lines(lines, ink.fg))
        if len(lines) == 1:
            return Detail([(f" {lines[0]}", ink.fg)])
        return Detail(above=_lines(lines, ink.fg))


def _inner(room: int) -> int:
    return max(4, room - len(PROMPT) - 2)


def _lines(lines: Sequence[str], style: Style) -> list[Segment]:
    return [(f"  {line}", style) for line in lines]


def word_start(text: str, at: int) -> int:
    """Return where the word before the cursor begins."""
    return text.rstrip().rfind(" ", 0, len(text[:at].rstrip())) + 1


def safe_text(text: str) -> str:
    """Return typed text with one visible cell per character, so that a caret stands right."""
    return "".join(safe(letter) or "?" for letter in text)
