"""The price ladder: where rows stand, when they move, and what they say."""

from msgspec.structs import replace

from cockpit.panes.ladder import (
    Ladder,
    LadderPicture,
    imbalance,
    ladder_rows,
    nice_above,
    split_index,
    suggested_group,
)
from cockpit.panes.palette import DARK
from cockpit.panes.rows import row_width
from engine.model.instrument import InstrumentId
from engine.model.view import BookView
from tests.ui.scenes import row_text

HEIGHT = 11


def a_book(
    bids: str = "100x5 99x3", asks: str = "101x2 103x7", *, group: int = 1, tick: int = 1
) -> BookView:
    """Return a book of `price x size` pairs, best first."""
    sides = [
        tuple((int(p), int(q)) for p, q in (level.split("x") for level in side.split()))
        for side in (bids, asks)
    ]
    return BookView(
        instrument_id=InstrumentId("simulated:X"),
        state="live",
        note="",
        state_since_ns=0,
        freshness="fresh",
        age_ns=0,
        price_decimals=0,
        qty_decimals=0,
        tick_ticks=tick,
        group_ticks=group,
        bids=sides[0],
        asks=sides[1],
        best_bid_ticks=sides[0][0][0] if sides[0] else None,
        best_ask_ticks=sides[1][0][0] if sides[1] else None,
    )


def drawn(book: BookView, width: int = 38, height: int = HEIGHT) -> list[str]:
    top, spread, _ = Ladder().place(book, height)
    rows = ladder_rows(book, LadderPicture(top, spread, width, height, ""), DARK)
    assert all(row_width(row) == width for row in rows)
    return [row_text(row) for row in rows]


def moved(book: BookView, ticks: int) -> BookView:
    assert book.best_bid_ticks is not None
    assert book.best_ask_ticks is not None
    return replace(
        book,
        bids=tuple((price + ticks, lots) for price, lots in book.bids),
        asks=tuple((price + ticks, lots) for price, lots in book.asks),
        best_bid_ticks=book.best_bid_ticks + ticks,
        best_ask_ticks=book.best_ask_ticks + ticks,
    )


def test_the_first_view_is_centred():
    ladder = Ladder()

    top, spread, is_moved = ladder.place(a_book(), HEIGHT)

    assert (top, spread, is_moved) == (105, 5, True)


def test_rows_keep_their_price_while_the_market_stays_in_the_middle_third():
    ladder = Ladder()
    book = a_book()
    ladder.place(book, HEIGHT)

    for ticks in (1, 2, -1, 0):
        top, spread, is_moved = ladder.place(moved(book, ticks), HEIGHT)
        assert (top, spread, is_moved) == (105, 5 - ticks, False)


def test_leaving_the_middle_third_recentres():
    ladder = Ladder()
    book = a_book()
    ladder.place(book, HEIGHT)

    assert ladder.place(moved(book, 3), HEIGHT) == (108, 5, True)
    assert ladder.place(moved(book, -40), HEIGHT) == (65, 5, True)


def test_asking_recentres_once():
    ladder = Ladder()
    book = a_book()
    ladder.place(book, HEIGHT)
    ladder.recentre()

    assert ladder.place(moved(book, 2), HEIGHT) == (107, 5, True)
    assert ladder.place(moved(book, 2), HEIGHT) == (107, 5, False)


def test_another_height_grouping_or_instrument_recentres():
    for other, height in (
        (a_book(), HEIGHT + 2),
        (a_book(group=5), HEIGHT),
        (replace(a_book(), instrument_id=InstrumentId("simulated:Y")), HEIGHT),
    ):
        ladder = Ladder()
        ladder.place(a_book(), HEIGHT)
        assert ladder.place(other, height)[2]


def test_asks_stand_above_and_bids_below_the_spread():
    rows = drawn(a_book())

    assert [row.split()[0] for row in rows[:5]] == ["105", "104", "103", "102", "101"]
    assert rows[2].split()[1] == "7"
    assert rows[4].split()[1] == "2"
    assert "1 · 1t · 99.50bp · imb -6%" in rows[5]
    assert rows[6].split()[:2] == ["5", "100"]
    assert rows[7].split()[:2] == ["3", "99"]
    assert rows[8].split() == ["98"]


def test_a_wide_spread_shows_the_empty_prices_in_it():
    rows = drawn(a_book("100x5", "104x2"))

    assert [row.split()[0] for row in rows[2:5]] == ["105", "104", "103"]
    assert "4 · 4t" in rows[5]
    assert [row.split()[-1] for row in rows[6:8]] == ["102", "101"]


def test_grouped_rows_never_look_better_than_their_levels():
    book = a_book("100x5 95x3", "105x2", group=5)
    book = replace(book, best_bid_ticks=102, best_ask_ticks=103)

    rows = drawn(book)

    assert split_index(book) == 20
    assert rows[4].split()[:2] == ["105", "2"]
    assert rows[6].split()[:2] == ["5", "100"]


def test_a_one_sided_and_an_empty_book_say_so():
    assert any("one side only" in row for row in drawn(a_book("100x5", "")))
    assert any("one side only" in row for row in drawn(a_book("", "101x5")))
    assert any("empty book" in row for row in drawn(a_book("", "")))


def test_stale_prices_carry_a_mark():
    book = a_book()
    rows = ladder_rows(book, LadderPicture(105, 5, 38, HEIGHT, "~"), DARK)

    assert "~100" in row_text(rows[6])
    assert "~1 · 1t" in row_text(rows[5])


def test_a_wide_ladder_sums_up_from_the_best_price():
    rows = drawn(a_book("100x5 99x3 98x1"), width=60)

    assert [row.split()[2] for row in rows[6:9]] == ["5", "8", "9"]


def test_bars_share_one_scale():
    rows = drawn(a_book("100x10", "101x5"))

    assert rows[6].count("█") == 2 * rows[4].count("█") > 0


def test_no_price_below_zero_is_shown():
    rows = drawn(a_book("2x5", "3x1"))

    assert not any("-" in row.replace("imb -", "") for row in rows)


def test_the_scale_moves_in_steps():
    assert [nice_above(n) for n in (0, 1, 2, 4, 6, 8, 13, 99, 5_001)] == [
        *(1, 1, 2, 5, 7, 10, 20, 100, 7_000)
    ]


def test_imbalance_is_signed_and_unknown_without_sizes():
    assert imbalance(a_book("100x9", "101x1")) == 0.8
    assert imbalance(a_book("", "")) is None


def test_a_dense_book_is_shown_tick_by_tick_and_a_sparse_one_in_larger_steps():
    dense = " ".join(f"{100 - i}x1" for i in range(20))
    sparse = " ".join(f"{5_000 - 40 * i}x1" for i in range(20))

    assert suggested_group(a_book(dense, "101x1 102x1 103x1"), 18) == 1
    assert suggested_group(a_book(sparse, "5001x1 5041x1"), 18) == 25
    assert suggested_group(a_book("5000x1", "5001x1"), 18) == 10
    assert suggested_group(a_book("90000x1 1x1", "90001x1 90002x1"), 18) == 100
