"""One side of the book: price order between levels, time order within."""

from engine.execution.level_queue import Resting, SideQueues
from engine.model.market import Level


def a_side(*levels: Level, is_bid: bool) -> SideQueues:
    side = SideQueues(is_bid=is_bid)
    for number, (price, lots) in enumerate(levels):
        side.put(Resting(number, is_bid, price, lots, False))
    return side


def test_bids_are_told_from_the_highest_and_asks_from_the_lowest() -> None:
    bids = a_side((99, 1), (101, 2), (100, 3), is_bid=True)
    asks = a_side((103, 1), (102, 2), is_bid=False)

    assert list(bids.depth()) == [(101, 2), (100, 3), (99, 1)]
    assert list(asks.depth()) == [(102, 2), (103, 1)]


def test_the_best_level_trades_next_and_an_empty_side_has_none() -> None:
    best = a_side((99, 1), (101, 2), is_bid=True).best()

    assert best is not None
    assert (best.price_ticks, best.lots) == (101, 2)
    assert SideQueues(is_bid=True).best() is None


def test_an_order_taken_in_part_stays_in_front() -> None:
    side = a_side((100, 3), (100, 4), is_bid=False)
    level = side.levels[100]
    first = level.orders[0]

    side.take(level, first, 2)

    assert (level.lots, first.qty_lots, list(level.orders)) == (5, 1, [0, 1])


def test_a_level_leaves_with_its_last_order() -> None:
    side = a_side((100, 3), (100, 4), (101, 1), is_bid=False)
    level = side.levels[100]

    side.take(level, level.orders[0], 3)
    side.take(level, level.orders[1], 4)

    assert list(side.depth()) == [(101, 1)]


def test_lots_are_counted_up_to_a_price_or_until_there_are_enough() -> None:
    side = a_side((100, 3), (101, 4), (102, 5), is_bid=False)

    assert side.lots_up_to(-101, 1_000) == 7
    assert side.lots_up_to(-105, 1_000) == 12
    assert side.lots_up_to(-105, 5) == 7


def test_changes_leave_out_levels_that_are_as_before() -> None:
    side = a_side((100, 3), (99, 4), is_bid=True)
    side.collect_changes()
    side.put(Resting(7, True, 98, 5, False))
    side.take(side.levels[99], side.levels[99].orders[1], 4)
    side.take(side.levels[100], side.levels[100].orders[0], 1)
    side.put(Resting(8, True, 100, 1, False))

    assert side.depth_before() == [(100, 3), (99, 4)]
    assert side.collect_changes() == [(99, 0), (98, 5)]
    assert side.collect_changes() == []
