"""What a trader may rely on at a venue with price-time priority."""

from engine.execution.matching import (
    BUY,
    SELL,
    Accepted,
    Canceled,
    Match,
    Matching,
    OrderRequest,
    Rejected,
    Side,
    TimeInForce,
)


def a_book(*orders: tuple[int, Side, int, int]) -> Matching:
    """Build a book of resting orders: number, side, lots, price."""
    book = Matching()
    for order_id, side, lots, price in orders:
        outcome = book.submit(OrderRequest(order_id, side, lots, price))
        assert outcome == Accepted(order_id, (), lots, 0)
    return book


def test_an_order_that_meets_nobody_rests() -> None:
    book = Matching()

    outcome = book.submit(OrderRequest(1, BUY, 5, 100))

    assert outcome == Accepted(1, (), resting_lots=5, canceled_lots=0)
    assert book.best_bid == (100, 5)
    assert book.best_ask is None
    assert book.lots_left(1) == 5


def test_an_empty_book_has_no_best_bid() -> None:
    assert Matching().best_bid is None


def test_the_older_order_at_a_price_trades_first() -> None:
    book = a_book((1, SELL, 3, 101), (2, SELL, 3, 101))

    outcome = book.submit(OrderRequest(9, BUY, 4, 101))

    assert outcome == Accepted(9, (Match(1, 9, BUY, 101, 3, 0), Match(2, 9, BUY, 101, 1, 2)), 0, 0)
    assert book.lots_left(1) == 0
    assert book.best_ask == (101, 2)


def test_the_better_price_trades_first_and_the_maker_gets_his_price() -> None:
    book = a_book((1, BUY, 2, 99), (2, BUY, 2, 100))

    outcome = book.submit(OrderRequest(9, SELL, 5, 99))

    assert outcome == Accepted(
        9,
        (Match(2, 9, SELL, 100, 2, 0), Match(1, 9, SELL, 99, 2, 0)),
        resting_lots=1,
        canceled_lots=0,
    )
    assert book.depth() == ([], [(99, 1)])


def test_a_limit_order_never_pays_more_than_its_limit() -> None:
    book = a_book((1, SELL, 1, 101), (2, SELL, 1, 103))

    outcome = book.submit(OrderRequest(9, BUY, 2, 102))

    assert outcome == Accepted(9, (Match(1, 9, BUY, 101, 1, 0),), resting_lots=1, canceled_lots=0)
    assert (book.best_bid, book.best_ask) == ((102, 1), (103, 1))


def test_a_market_order_takes_what_is_there_and_the_rest_is_canceled() -> None:
    book = a_book((1, BUY, 1, 100), (2, BUY, 1, 1))

    outcome = book.submit(OrderRequest(9, SELL, 3))

    assert outcome == Accepted(
        9,
        (Match(1, 9, SELL, 100, 1, 0), Match(2, 9, SELL, 1, 1, 0)),
        resting_lots=0,
        canceled_lots=1,
    )


def test_a_market_order_into_an_empty_side_is_rejected() -> None:
    book = a_book((1, BUY, 1, 100))

    assert book.submit(OrderRequest(9, BUY, 1)) == Rejected(9, "no_liquidity")


def test_an_immediate_order_leaves_nothing_behind() -> None:
    book = a_book((1, SELL, 1, 101))

    outcome = book.submit(OrderRequest(9, BUY, 3, 101, tif="ioc"))

    assert outcome == Accepted(9, (Match(1, 9, BUY, 101, 1, 0),), resting_lots=0, canceled_lots=2)
    assert book.depth() == ([], [])


def test_a_fill_or_kill_order_that_cannot_be_filled_changes_nothing() -> None:
    book = a_book((1, SELL, 2, 101), (2, SELL, 2, 102), (3, SELL, 9, 104))

    outcome = book.submit(OrderRequest(9, BUY, 5, 103, tif="fok"))

    assert outcome == Rejected(9, "fok_cannot_fill")
    assert book.depth() == ([], [(101, 2), (102, 2), (104, 9)])


def test_a_fill_or_kill_order_fills_across_levels() -> None:
    book = a_book((1, BUY, 2, 100), (2, BUY, 2, 99), (3, BUY, 2, 98))

    outcome = book.submit(OrderRequest(9, SELL, 3, 99, tif="fok"))

    assert outcome == Accepted(9, (Match(1, 9, SELL, 100, 2, 0), Match(2, 9, SELL, 99, 1, 1)), 0, 0)


def test_a_fill_or_kill_market_order_needs_the_whole_size() -> None:
    book = a_book((1, BUY, 2, 100))

    assert book.submit(OrderRequest(8, SELL, 3, tif="fok")) == Rejected(8, "fok_cannot_fill")
    assert book.submit(OrderRequest(9, SELL, 2, tif="fok")) == Accepted(
        9, (Match(1, 9, SELL, 100, 2, 0),), 0, 0
    )


def test_a_post_only_order_rests_or_is_rejected() -> None:
    book = a_book((1, SELL, 2, 101))

    assert book.submit(OrderRequest(8, BUY, 1, 101, is_post_only=True)) == Rejected(
        8, "post_only_would_take"
    )
    assert book.submit(OrderRequest(9, BUY, 1, 100, is_post_only=True)) == Accepted(9, (), 1, 0)


def test_post_only_contradicts_orders_that_must_take() -> None:
    book = a_book((1, SELL, 2, 101))
    tifs: tuple[TimeInForce, ...] = ("ioc", "fok")

    for tif in tifs:
        order = OrderRequest(9, BUY, 1, 100, tif, is_post_only=True)
        assert book.submit(order) == Rejected(9, "post_only_cannot_take")
    assert book.submit(OrderRequest(9, BUY, 1, is_post_only=True)) == Rejected(
        9, "post_only_cannot_take"
    )


def test_orders_without_size_price_or_a_number_of_their_own_are_rejected() -> None:
    book = a_book((1, SELL, 2, 101))

    assert book.submit(OrderRequest(9, BUY, 0, 100)) == Rejected(9, "qty_not_positive")
    assert book.submit(OrderRequest(9, BUY, 1, 0)) == Rejected(9, "price_not_positive")
    assert book.submit(OrderRequest(1, BUY, 1, 100)) == Rejected(1, "order_id_in_use")


def test_a_canceled_order_is_gone_and_cannot_be_canceled_again() -> None:
    book = a_book((1, BUY, 5, 100), (2, BUY, 4, 100))

    assert book.cancel(1) == Canceled(1, 5)
    assert book.cancel(1) == Rejected(1, "order_unknown")
    assert book.depth() == ([(100, 4)], [])


def test_a_smaller_size_keeps_its_place() -> None:
    book = a_book((1, SELL, 5, 101), (2, SELL, 5, 101))

    assert book.amend(1, 101, 2) == Accepted(1, (), 2, 0)

    assert book.submit(OrderRequest(9, BUY, 3, 101)) == Accepted(
        9, (Match(1, 9, BUY, 101, 2, 0), Match(2, 9, BUY, 101, 1, 4)), 0, 0
    )


def test_an_amendment_to_the_same_numbers_keeps_its_place() -> None:
    book = a_book((1, SELL, 5, 101), (2, SELL, 5, 101))

    assert book.amend(1, 101, 5) == Accepted(1, (), 5, 0)

    assert book.submit(OrderRequest(9, BUY, 1, 101)) == Accepted(
        9, (Match(1, 9, BUY, 101, 1, 4),), 0, 0
    )


def test_a_larger_size_goes_to_the_back() -> None:
    book = a_book((1, SELL, 5, 101), (2, SELL, 5, 101))

    assert book.amend(1, 101, 6) == Accepted(1, (), 6, 0)

    assert book.submit(OrderRequest(9, BUY, 1, 101)) == Accepted(
        9, (Match(2, 9, BUY, 101, 1, 4),), 0, 0
    )


def test_another_price_may_match_on_the_way() -> None:
    book = a_book((1, BUY, 5, 100), (2, SELL, 3, 101))

    assert book.amend(1, 101, 5) == Accepted(1, (Match(2, 1, BUY, 101, 3, 0),), 2, 0)
    assert book.depth() == ([(101, 2)], [])


def test_a_rejected_amendment_leaves_the_order_as_it_was() -> None:
    book = a_book((2, BUY, 3, 99))
    book.submit(OrderRequest(1, SELL, 5, 100, is_post_only=True))

    assert book.amend(1, 99, 5) == Rejected(1, "post_only_would_take")
    assert book.amend(1, 0, 5) == Rejected(1, "price_not_positive")
    assert book.amend(1, 100, 0) == Rejected(1, "qty_not_positive")
    assert book.amend(7, 100, 1) == Rejected(7, "order_unknown")
    assert book.depth() == ([(99, 3)], [(100, 5)])


def test_changes_are_told_once_best_first_with_zero_for_a_level_that_went() -> None:
    book = a_book((1, BUY, 5, 100), (2, BUY, 4, 99), (3, SELL, 1, 103), (4, SELL, 2, 102))

    assert book.collect_changes() == ([(100, 5), (99, 4)], [(102, 2), (103, 1)])
    assert book.collect_changes() == ([], [])
    book.cancel(2)
    book.submit(OrderRequest(9, BUY, 3, 102))
    assert book.collect_changes() == ([(102, 1), (99, 0)], [(102, 0)])


def test_a_level_that_is_as_before_is_no_change() -> None:
    book = a_book((1, BUY, 5, 100))
    book.collect_changes()

    book.submit(OrderRequest(2, BUY, 3, 100))
    book.submit(OrderRequest(3, BUY, 3, 98))
    book.cancel(2)
    book.cancel(3)

    assert book.collect_changes() == ([], [])


def test_the_depth_before_changes_is_the_one_that_was_told() -> None:
    book = a_book((1, BUY, 5, 100), (2, SELL, 4, 102))
    book.collect_changes()
    told = book.depth()

    book.submit(OrderRequest(3, SELL, 6, 100))
    book.submit(OrderRequest(4, BUY, 6, 99))

    assert book.depth_before_changes() == told
    assert book.depth() != told
