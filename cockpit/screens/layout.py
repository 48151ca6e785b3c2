"""Where each pane stands, for any size of the terminal; pure arithmetic."""

from typing import Final, Literal, NamedTuple

from engine.model.view import PaneName

LayoutName = Literal["small", "S", "M", "L"]

SMALLEST: Final = (60, 16)
MEDIUM: Final = (120, 40)
LARGE: Final = (200, 60)

FRAMED: Final[tuple[PaneName, ...]] = (
    "book",
    "chart",
    "tape",
    "whales",
    "positions",
    "orders",
    "log",
    "watch",
    "risk",
    "health",
)
"""Panes with a number, in the order of `tab`."""

STRIP_FROM: Final = 22
"""Height from which the small layout has a heading and two positions in it."""
BODY_LEAST: Final = 4
"""Rows that the panes keep, whatever asks for some."""
WIDE: Final = (160, 50)
"""From here log and risk have a place of their own."""


class Box(NamedTuple):
    """A place on the screen, in cells."""

    x: int
    y: int
    width: int
    height: int


class Rows(NamedTuple):
    """Rows that are taken from the panes."""

    banner: int = 0
    """Over them, for what a kill did."""
    detail: int = 0
    """Under them, for what the command line has no room for."""


NO_ROWS: Final = Rows()


class Plan(NamedTuple):
    """A layout with the place of everything that is visible."""

    name: LayoutName
    boxes: dict[str, Box]

    @property
    def panes(self) -> tuple[PaneName, ...]:
        """The framed panes that are visible."""
        return tuple(pane for pane in FRAMED if pane in self.boxes)


def plan(
    size: tuple[int, int],
    front: PaneName,
    zoomed: PaneName | None,
    rows: Rows = NO_ROWS,
) -> Plan:
    """Return the layout for a size.

    Args:
        size: Columns and rows of the terminal.
        front: The pane that shares the screen with the book where not all have room.
        zoomed: A pane that fills the body alone.
        rows: What others need of the body.
    """
    width, height = size
    boxes = _fixed(width, height)
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Plan("small", boxes)
    body = Box(0, 2, width, height - 5)
    if rows.banner:
        banner = min(rows.banner, body.height - BODY_LEAST)
        boxes["banner"] = Box(0, body.y, width, banner)
        body = Box(0, body.y + banner, width, body.height - banner)
    detail = min(rows.detail, body.height * 2 // 3, body.height - BODY_LEAST)
    if detail > 0:
        body = body._replace(height=body.height - detail)
        boxes["detail"] = Box(0, body.y + body.height, width, detail)
    is_medium = width >= MEDIUM[0] and height >= MEDIUM[1]
    is_large = width >= LARGE[0] and height >= LARGE[1]
    if zoomed is not None:
        boxes[zoomed] = body
    elif is_large:
        boxes |= _large(body)
    elif is_medium:
        boxes |= _medium(body, front, is_wide=width >= WIDE[0] and height >= WIDE[1])
    else:
        strip = 3 if height >= STRIP_FROM else 2 if height >= STRIP_FROM - 4 else 0
        strip = min(strip, max(0, body.height - 6))
        upper = Box(0, body.y, width, body.height - strip)
        boxes |= _narrow(upper, front if front != "positions" or not strip else "chart")
        if strip:
            boxes["positions"] = Box(0, upper.y + upper.height, width, strip)
    return Plan("L" if is_large else "M" if is_medium else "S", boxes)


def _fixed(width: int, height: int) -> dict[str, Box]:
    """Return the rows that nothing covers; the smallest terminal keeps line and kill key."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        boxes = {"hints": Box(0, max(0, height - 1), width, 1)}
        if height >= 3:
            boxes["command"] = Box(0, height - 2, width, 1)
        boxes["small"] = Box(0, 0, width, max(0, height - len(boxes)))
        return boxes
    return {
        "status": Box(0, 0, width, 1),
        "header": Box(0, 1, width, 1),
        "command": Box(0, height - 3, width, 1),
        "notice": Box(0, height - 2, width, 1),
        "hints": Box(0, height - 1, width, 1),
    }


def _large(body: Box) -> dict[str, Box]:
    """Return the place of every pane.

    Watch list over health, book, chart, tape over whales; positions and orders; risk and log.
    """
    lower = body.height * 12 // 55
    last = body.height * 9 // 55
    upper = Box(body.x, body.y, body.width, body.height - lower - last)
    watch = body.width * 19 // 100
    boxes = _three(upper._replace(x=body.x + watch, width=body.width - watch), "tape")
    boxes |= _stack("watch", "health", upper._replace(width=watch), min(14, upper.height // 2))
    boxes |= _stack("tape", "whales", boxes["tape"], upper.height * 2 // 5)
    y = upper.y + upper.height
    boxes |= _pair(("positions", "orders"), y, lower, body.width, body.width * 13 // 25)
    return boxes | _pair(("risk", "log"), y + lower, last, body.width, body.width * 13 // 25)


def _stack(upper: PaneName, lower: PaneName, box: Box, rows: int) -> dict[str, Box]:
    """Return two panes one over the other; the lower one has so many rows."""
    return {
        upper: box._replace(height=box.height - rows),
        lower: box._replace(y=box.y + box.height - rows, height=rows),
    }


def _medium(body: Box, front: PaneName, *, is_wide: bool) -> dict[str, Box]:
    """Book, chart, tape over whales; positions and orders below; log and risk where wide.

    A pane that has no place of its own takes the chart's while it is in front.
    """
    lower = min(14, max(7, body.height // 4))
    last = min(11, body.height // 5) if is_wide else 0
    upper = Box(body.x, body.y, body.width, body.height - lower - last)
    boxes = _three(upper, "tape")
    boxes |= _stack("tape", "whales", boxes["tape"], upper.height * 2 // 5)
    positions = max(74, body.width * 11 // 20)
    boxes |= _pair(("positions", "orders"), upper.y + upper.height, lower, body.width, positions)
    if is_wide:
        y = body.y + body.height - last
        boxes |= _pair(("risk", "log"), y, last, body.width, positions)
    if front not in boxes:
        boxes[front] = boxes.pop("chart")
    return boxes


def _pair(
    names: tuple[PaneName, PaneName], y: int, height: int, width: int, first: int
) -> dict[str, Box]:
    """Return two panes side by side over the whole width."""
    return {
        names[0]: Box(0, y, first, height),
        names[1]: Box(first, y, width - first, height),
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
