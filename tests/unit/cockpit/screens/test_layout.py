"""Layouts: every cell has one owner at every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.screens.layout import FRAMED, Plan, Rows, plan

panes = st.sampled_from(FRAMED)


def overlaps(made: Plan) -> bool:
    seen: set[tuple[int, int]] = set()
    for box in made.boxes.values():
        cells = {
            (x, y)
            for y in range(box.y, box.y + box.height)
            for x in range(box.x, box.x + box.width)
        }
        if seen & cells:
            return True
        seen |= cells
    return False


@given(st.integers(60, 300), st.integers(16, 100), panes, st.none() | panes)
def test_every_cell_belongs_to_exactly_one_pane(width: int, height: int, front, zoomed):
    made = plan((width, height), front, zoomed)

    assert sum(box.width * box.height for box in made.boxes.values()) == width * height
    assert all(box.x >= 0 and box.x + box.width <= width for box in made.boxes.values())
    assert all(box.y >= 0 and box.y + box.height <= height for box in made.boxes.values())


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 24), (90, 50), (120, 40), (200, 60)])
@pytest.mark.parametrize("front", FRAMED)
def test_no_two_panes_overlap(size: tuple[int, int], front):
    assert not overlaps(plan(size, front, None))
    assert not overlaps(plan(size, front, front))


@pytest.mark.parametrize("front", FRAMED)
@pytest.mark.parametrize(
    "size",
    [(60, 16), (80, 24), (119, 40), (130, 30), (90, 50), (120, 40), (160, 50), (200, 60)],
)
def test_the_front_pane_and_the_book_are_visible(size: tuple[int, int], front):
    visible = plan(size, front, None).panes

    assert "book" in visible
    assert front in visible
    assert len(visible) >= 2


@given(st.integers(60, 300), st.integers(16, 100), panes, st.none() | panes, st.integers(4, 9))
def test_the_banner_takes_its_rows_from_the_body(width, height, front, zoomed, rows):
    made = plan((width, height), front, zoomed, Rows(rows))

    assert sum(box.width * box.height for box in made.boxes.values()) == width * height
    assert made.boxes["banner"].width == width
    assert made.boxes["command"].height == 1


@given(st.integers(60, 300), st.integers(16, 100), panes, st.integers(0, 9), st.integers(1, 40))
def test_the_line_takes_rows_of_the_panes_and_leaves_them_some(width, height, front, banner, rows):
    made = plan((width, height), front, None, Rows(banner, rows))
    command, detail = made.boxes["command"], made.boxes.get("detail")

    assert sum(box.width * box.height for box in made.boxes.values()) == width * height
    assert (command.y, command.height) == (height - 3, 1)
    assert made.boxes["book"].height >= 2
    assert detail is None or (detail.height <= rows and detail.y + detail.height == command.y)


def test_each_layout_has_more_panes_than_the_one_before():
    elsewhere = {"log", "risk", "watch", "health"}
    assert set(FRAMED) - set(plan((120, 40), "chart", None).panes) == elsewhere
    assert "log" in plan((120, 40), "log", None).panes
    assert set(FRAMED) - set(plan((160, 50), "chart", None).panes) == {"watch", "health"}
    assert plan((200, 60), "chart", None).panes == FRAMED
    assert plan((200, 60), "chart", None).name == "L"
    assert plan((199, 60), "chart", None).name == "M"
    assert plan((120, 40), "chart", None).name == "M"
    assert plan((119, 40), "chart", None).name == "S"


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (20, 5), (300, 15)])
def test_below_the_smallest_there_is_a_sentence_the_line_and_the_kill_key(size: tuple[int, int]):
    made = plan(size, "chart", None)

    assert made.name == "small"
    assert set(made.boxes) == {"small", "command", "hints"}


def test_a_zoomed_pane_leaves_the_fixed_rows():
    made = plan((80, 24), "chart", "tape")

    assert made.panes == ("tape",)
    assert {"status", "header", "command", "notice", "hints"} <= set(made.boxes)
