"""What all live panes share: rows drawn once, compared with those before, only changes repainted.

A pane draws its own frame, so one widget is one pane. It answers the compositor from its cache of
strips; nothing of Textual's borders, padding or filters takes part.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment as RichSegment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cockpit.format import age_text, safe
from cockpit.panes.palette import Palette, faded
from cockpit.panes.rows import Border, Row, Segment, changed_runs, fit, framed, row_width
from engine.model.market import Freshness

DRAWING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a slip in drawing code raises: it may cost one pane, never the screen."""


class Moment(NamedTuple):
    """When a pane is drawn, and how current what it shows is."""

    clock_ns: int
    """The engine's time; 0 while unknown."""
    waited_ns: int
    """Since the view was received, by the local monotonic clock."""
    is_lost: bool
    """Whether the engine has fallen silent, so that nothing may look current."""


NOWHEN = Moment(0, 0, False)


class LineWidget(Widget):
    """A widget that is nothing but rows."""

    DEFAULT_CLASSES = "lines"

    def __init__(self, palette: Palette, *, name: str) -> None:
        super().__init__(id=name)
        self.palette = palette
        self._rows: list[Row] = []
        self._strips: list[Strip] = []

    def put(self, rows: list[Row]) -> None:
        """Replace the rows; only cells that differ are repainted, all with one request."""
        old = self._rows
        if len(old) != len(rows) or (rows and row_width(old[0]) != row_width(rows[0])):
            self._rows = rows
            self._strips = [_strip(row) for row in rows]
            self.refresh()
            return
        regions: list[Region] = []
        for y, row in enumerate(rows):
            if row == old[y]:
                continue
            regions += [Region(x, y, width, 1) for x, width in changed_runs(old[y], row)]
            old[y] = row
            self._strips[y] = _strip(row)
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Return one row from the cache; blank where nothing was drawn yet."""
        width = self.size.width
        if y >= len(self._strips):
            return Strip.blank(width, self.palette.fg)
        strip = self._strips[y]
        if strip.cell_length != width:
            strip = strip.adjust_cell_length(width, self.palette.fg)
        return strip

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the rows of a part of the widget, without Textual's own decoration."""
        x, y, width, height = crop
        strips = [self.render_line(line) for line in range(y, y + height)]
        if x == 0 and width == self.size.width:
            return strips
        return [strip.crop(x, x + width) for strip in strips]

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is drawn."""
        return tuple(self._rows)


def _strip(row: Row) -> Strip:
    return Strip([RichSegment(text, style) for text, style in row], row_width(row))


class Pane(LineWidget, can_focus=True):
    """A framed pane with a number, a title and one kind of content."""

    NUMBER: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    def __init__(self, palette: Palette, *, name: str) -> None:
        super().__init__(palette, name=name)
        self._seen: object = None

    def inner(self) -> tuple[int, int]:
        """Return the cells and rows inside the frame."""
        return max(0, self.size.width - 2), max(0, self.size.height - 2)

    def is_news(self, *what: object) -> bool:
        """Whether this differs from what was last drawn; size and focus always count."""
        now = (*what, self.size, self.has_focus)
        if now == self._seen:
            return False
        self._seen = now
        return True

    def draw(self, title: Sequence[Segment], inside: Sequence[Row]) -> None:
        """Put the rows into the frame and repaint what changed."""
        ink = self.palette
        mark = "▸" if self.has_focus else " "
        border = Border(ink.focus if self.has_focus else ink.frame, ink.title)
        head: list[Segment] = [
            (mark, border.line),
            (f"{self.NUMBER} {self.TITLE} ", ink.title),
            *title,
        ]
        width, height = self.size
        self.put(framed(head, inside, width, height, border))

    def draw_message(self, title: Sequence[Segment], lines: Sequence[Segment]) -> None:
        """Draw sentences in the middle of an otherwise empty pane."""
        width, height = self.inner()
        self.draw(title, message_rows(lines, width, height, self.palette))

    def draw_failure(self, error: Exception) -> None:
        """Say that this pane could not be drawn; the next view tries again."""
        self._seen = None
        ink = self.palette
        what = safe(f"{type(error).__name__}: {error}", 120)
        self.draw_message(
            (),
            [
                ("this pane could not be drawn", ink.error),
                (what, ink.dim),
                ("the others go on; it is tried again with the next data", ink.dim),
            ],
        )


def message_rows(lines: Sequence[Segment], width: int, height: int, ink: Palette) -> list[Row]:
    """Return `height` rows with the lines, wrapped, in the middle."""
    wrapped = [(part, style) for text, style in lines for part in wrap(text, max(1, width - 2))]
    top = max(0, (height - len(wrapped)) // 2)
    rows = []
    for y in range(height):
        index = y - top
        if 0 <= index < len(wrapped):
            text, style = wrapped[index]
            left = max(0, (width - len(text)) // 2)
            rows.append(fit([(" " * left, ink.fg), (text, style)], width, ink.fg))
        else:
            rows.append(fit((), width, ink.fg))
    return rows


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width` cells, broken at blanks where possible."""
    lines = [""]
    for long_word in text.split(" "):
        word = long_word
        while len(word) > width:
            lines.append(word[:width])
            word = word[width:]
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return [line for line in lines if line] or [""]


class Age(NamedTuple):
    """How current a view is, in words and styles."""

    freshness: Freshness
    segments: tuple[Segment, ...]
    """For the title; empty while fresh."""
    ink: Palette
    """For the content: faint when stale."""
    mark: str
    """In front of prices: `~` when stale."""


def age_of(freshness: Freshness, age_ns: int | None, moment: Moment, ink: Palette) -> Age:
    """Judge a view by the engine's verdict, and by whether the engine still speaks."""
    if moment.is_lost and freshness != "none":
        freshness = "stale"
    if freshness == "fresh":
        return Age("fresh", (), ink, "")
    age = "" if age_ns is None else " " + age_text(age_ns + moment.waited_ns)
    if freshness == "slow":
        return Age("slow", ((f"slow{age} ", ink.warn),), ink, "")
    if freshness == "stale":
        return Age("stale", ((f"stale{age} ", ink.error),), faded(ink), "~")
    return Age("none", (), faded(ink), "")
