"""Where each pane stands, for any size of the terminal; pure arithmetic."""

from typing import Final, Literal, NamedTuple

from engine.model.view import PaneName

LayoutName = Literal["small", "S", "M"]

SMALLEST: Final = (60, 16)
MEDIUM: Final = (120, 40)

FRAMED: Final[tuple[PaneName, ...]] = ("book", "chart", "tape", "whales", "log")
"""Panes with a number, in the order of `tab`."""


class Box(NamedTuple):
    """A place on the screen, in cells."""

    x: int
    y: int
    width: int
    height: int


class Plan(NamedTuple):
    """A layout with the place of everything that is visible."""

    name: LayoutName
    boxes: dict[str, Box]

    @property
    def panes(self) -> tuple[PaneName, ...]:
        """The framed panes that are visible."""
        return tuple(pane for pane in FRAMED if pane in self.boxes)


def plan(size: tuple[int, int], front: PaneName, zoomed: PaneName | None) -> Plan:
    """Return the layout for a size.

    Args:
        size: Columns and rows of the terminal.
        front: The pane that shares the screen with the book where not all have room.
        zoomed: A pane that fills the body alone.
    """
    width, height = size
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Plan("small", {"small": Box(0, 0, width, height)})
    boxes = {
        "status": Box(0, 0, width, 1),
        "header": Box(0, 1, width, 1),
        "notice": Box(0, height - 2, width, 1),
        "hints": Box(0, height - 1, width, 1),
    }
    body = Box(0, 2, width, height - 4)
    is_medium = width >= MEDIUM[0] and height >= MEDIUM[1]
    if zoomed is not None:
        boxes[zoomed] = body
    elif is_medium:
        boxes |= _medium(body)
    else:
        boxes |= _narrow(body, front)
    return Plan("M" if is_medium else "S", boxes)


def _medium(body: Box) -> dict[str, Box]:
    """Book, chart and tape above; whales and log below."""
    lower = min(18, max(9, body.height // 4))
    upper = Box(body.x, body.y, body.width, body.height - lower)
    whales = min(78, max(44, body.width * 2 // 5))
    y = upper.y + upper.height
    return _three(upper, "tape") | {
        "whales": Box(body.x, y, whales, lower),
        "log": Box(body.x + whales, y, body.width - whales, lower),
    }


def _three(box: Box, right: PaneName) -> dict[str, Box]:
    """Book, chart and one more, side by side."""
    book = min(60, max(40, box.width * 3 // 10))
    last = min(40, max(32, box.width // 5)) if right == "tape" else min(60, max(40, box.width // 3))
    return {
        "book": Box(box.x, box.y, book, box.height),
        "chart": Box(box.x + book, box.y, box.width - book - last, box.height),
        right: Box(box.x + box.width - last, box.y, last, box.height),
    }


def _narrow(body: Box, front: PaneName) -> dict[str, Box]:
    """Book and one more; on a wide or a tall terminal the chart as well."""
    other: PaneName = "tape" if front in ("book", "chart") else front
    if body.width >= MEDIUM[0]:
        return _three(body, other)
    book = min(48, max(30, (body.width * 19 + 39) // 40))
    right = Box(body.x + book, body.y, body.width - book, body.height)
    boxes = {"book": Box(body.x, body.y, book, body.height)}
    if body.height < MEDIUM[1] - 4:
        return boxes | {("chart" if front == "book" else front): right}
    upper = right.height * 3 // 5
    return boxes | {
        "chart": Box(right.x, right.y, right.width, upper),
        other: Box(right.x, right.y + upper, right.width, right.height - upper),
    }
