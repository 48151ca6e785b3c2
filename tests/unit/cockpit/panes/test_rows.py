"""Rows: fitting, framing, and what changed between two."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from cockpit.panes.rows import (
    Border,
    Row,
    Run,
    changed_runs,
    fit,
    framed,
    row_width,
    spread_apart,
)
from tests.ui.scenes import row_text

A, B = Style(bold=True), Style(dim=True)
BORDER = Border(A, B)

rows_of_20 = st.lists(
    st.tuples(st.text("ab ", min_size=1, max_size=9), st.sampled_from([A, B])), max_size=8
).map(lambda segments: fit(segments, 20, A))


def cells(row: Row) -> list[tuple[str, int]]:
    return [(character, id(style)) for text, style in row for character in text]


def test_fitting_cuts_and_fills_to_the_width():
    assert fit([("abc", A), ("", B), ("def", B)], 5, A) == (("abc", A), ("de", B))
    assert fit([("abc", A)], 5, B) == (("abc", A), ("  ", B))
    assert fit([], 0, A) == ()


def test_two_ends_and_what_gives_way():
    both = spread_apart([("ab", A)], [("yz", B)], 7, A)
    narrow = spread_apart([("abcd", A)], [("yz", B)], 6, A)

    assert row_text(both) == "ab   yz"
    assert row_text(narrow) == "abcd  "


def test_equal_rows_have_no_changes():
    row = (("abc", A), ("def", B))

    assert changed_runs(row, (("abc", A), ("def", B))) == []


def test_changed_columns_are_runs_and_near_ones_are_joined():
    old = (("aaaa", A), ("b", B), ("cccc", A), ("dddddd", B), ("ee", A))
    new = (("aaaX", A), ("b", B), ("cccX", A), ("dddddd", B), ("eX", A))

    assert changed_runs(old, new) == [Run(0, 9), Run(15, 2)]


def test_a_change_of_style_is_a_change():
    assert changed_runs((("ab", A), ("c", A)), (("ab", B), ("c", A))) == [Run(0, 2)]


def test_rows_of_other_columns_are_compared_by_cell():
    old = (("abcdefgh", A), ("ijkl", A))
    new = (("abXdefghijk", A), ("Y", B))

    assert changed_runs(old, new) == [Run(2, 1), Run(11, 1)]


@given(rows_of_20, rows_of_20)
def test_painting_the_runs_turns_the_old_row_into_the_new(old: Row, new: Row):
    painted = cells(old)
    wanted = cells(new)
    runs = changed_runs(old, new)
    for run in runs:
        painted[run.x : run.x + run.width] = wanted[run.x : run.x + run.width]

    assert painted == wanted
    assert all(run.x >= 0 and run.x + run.width <= 20 and run.width > 0 for run in runs)
    assert all(b.x - a.x - a.width >= 5 for a, b in pairwise(runs))


def test_a_frame_surrounds_its_rows():
    rows = framed([("T", B)], [fit([("in", A)], 8, A)], 10, 3, BORDER)

    assert [row_text(row) for row in rows] == ["┌─T──────┐", "│in      │", "└────────┘"]


@given(st.integers(0, 30), st.integers(0, 6), st.text("ab", max_size=40))
def test_a_frame_is_exactly_as_large_as_asked(width: int, height: int, title: str):
    inside = [fit((), max(0, width - 2), A)] * max(0, height - 2)

    rows = framed([(title, B)], inside, width, height, BORDER)

    assert len(rows) == height
    assert all(row_width(row) == width for row in rows)
