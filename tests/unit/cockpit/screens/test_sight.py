"""What is looked at: what the engine is asked for."""

from msgspec.structs import replace

from cockpit.screens.layout import plan
from cockpit.screens.sight import Sight
from engine.port import Watch
from tests.ui.market import TICK, Market
from tests.ui.scenes import ETH

SPARSE = tuple((642_100 - i * 7 * TICK, 1) for i in range(20))


def asked(sight: Sight, size: tuple[int, int] = (120, 40)) -> Watch:
    return sight.watch(plan(size, "chart", None).boxes)


def a_sparse_book(sight: Sight):
    book = Market().book(asked(sight))
    return replace(book, bids=SPARSE, asks=SPARSE)


def test_what_is_not_visible_is_not_asked_for():
    assert "watch" not in asked(Sight(10)).panes
    assert {"watch", "health", "whales"} <= set(asked(Sight(10), (200, 60)).panes)
    assert "chart" not in asked(Sight(10), (40, 12)).panes


def test_rows_of_the_book_and_columns_of_the_chart_follow_the_size():
    small, large = asked(Sight(10), (80, 24)), asked(Sight(10), (200, 60))

    assert small.book_rows < large.book_rows
    assert small.chart_candles < large.chart_candles


def test_a_sparse_book_gets_taller_rows_once_for_a_size():
    sight = Sight(10)
    sight.suggest_group(a_sparse_book(sight), 20)
    first = asked(sight).book_group

    sight.suggest_group(a_sparse_book(sight), 20)

    assert first > 1
    assert asked(sight).book_group == first


def test_another_size_is_judged_anew_by_the_finest_rows():
    sight = Sight(10)
    sight.suggest_group(a_sparse_book(sight), 20)
    first = asked(sight).book_group

    sight.suggest_group(a_sparse_book(sight), 40)
    between = asked(sight).book_group
    sight.suggest_group(a_sparse_book(sight), 40)

    assert (between, asked(sight).book_group) == (1, first)


def test_a_coarse_view_that_is_still_under_way_is_not_judged():
    sight = Sight(10)
    coarse = replace(a_sparse_book(sight), group_ticks=10 * TICK)

    sight.suggest_group(coarse, 20)

    assert asked(sight).book_group == 1


def test_nothing_is_suggested_where_somebody_chose():
    sight = Sight(10)
    sight.step_group(1)
    sight.step_group(-1)

    sight.suggest_group(a_sparse_book(sight), 20)

    assert asked(sight).book_group == 1


def test_no_book_suggests_nothing():
    sight = Sight(10)

    sight.suggest_group(None, 20)
    sight.suggest_group(replace(a_sparse_book(sight), state="invalid"), 20)

    assert asked(sight).book_group == 1


def test_timeframes_and_groups_end_where_there_are_no_more():
    sight = Sight(10)
    for _ in range(20):
        sight.step_timeframe(1)
        sight.step_group(1)
    assert (asked(sight).timeframe_s, asked(sight).book_group) == (86_400, 100)

    for _ in range(20):
        sight.step_timeframe(-1)
        sight.step_group(-1)
    assert (asked(sight).timeframe_s, asked(sight).book_group) == (1, 1)


def test_another_instrument_begins_with_its_finest_rows():
    sight = Sight(10)
    sight.step_group(1)

    sight.pick(ETH)

    assert (asked(sight).instrument_id, asked(sight).book_group) == (ETH, 1)
