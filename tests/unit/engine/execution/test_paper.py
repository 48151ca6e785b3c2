"""The paper venue: what became of an order, in the venue's own words."""

from decimal import Decimal
from fractions import Fraction

import pytest

from engine.execution.paper import LATENCY_NS_MIN, Resting
from engine.model.facts import (
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderReport,
    ReplaceRejected,
)
from engine.model.numbers import PriceTicks, QtyLots
from tests.builders import BTC, ETH
from tests.unit.engine.execution.paper_desk import Venue, an_intent

DIMES = (10, 100)
"""Units of the book's prices and sizes in a tick and a lot, where they differ."""


# The way there and back.


def test_an_order_reaches_the_venue_after_a_delay_and_its_answer_comes_later_still():
    venue = Venue()
    venue.paper.place("a", an_intent(), venue.now_ns)
    due_ns = venue.paper.next_due_ns

    assert due_ns is not None
    assert due_ns >= venue.now_ns + LATENCY_NS_MIN
    assert list(venue.paper.advance(due_ns - 1, venue.markets)) == []
    assert "a" not in venue.paper.orders
    assert list(venue.paper.advance(due_ns, venue.markets)) == []
    assert "a" in venue.paper.orders
    (ack,) = venue.wait()
    assert ack == OrderAcked(due_ns, "a", "p-a")
    assert venue.paper.next_due_ns is None


def test_a_cancel_does_not_overtake_its_order():
    for seed in range(30):
        venue = Venue(seed=seed)
        venue.paper.place("a", an_intent(), venue.now_ns)
        venue.paper.cancel("a", venue.now_ns)

        venue.wait()

        assert venue.kinds() == [OrderAcked, OrderCanceled], seed


def test_the_same_seed_gives_the_same_answers():
    def told(seed: int) -> list[OrderReport]:
        venue = Venue(seed=seed).place(lots=15, limit=101).place("b", side="sell", limit=103)
        return venue.trade(101, 3).trade(104, 3).told

    assert told(7) == told(7)
    assert told(7) != told(8)


@pytest.mark.parametrize("lost", ["book", "market"])
def test_without_a_book_an_order_is_rejected(lost):
    venue = Venue().break_book()
    if lost == "market":
        venue.markets = {}

    venue.place()

    assert [type(fact) for fact in venue.told] == [OrderRejected]


# Taking.


def test_a_market_order_walks_the_visible_depth_and_nothing_beyond():
    venue = Venue(asks="101x2 103x4").place(lots=10, limit=None)

    assert venue.fills() == [(101, 2, "taker"), (103, 4, "taker")]
    assert venue.kinds()[-1] is OrderExpired


def test_a_limit_order_takes_up_to_its_price_and_rests_with_the_rest():
    venue = Venue(asks="101x2 103x4").place(lots=10, limit=102)

    assert venue.fills() == [(101, 2, "taker")]
    assert venue.paper.orders["a"].left_lots == 8


def test_what_an_order_took_is_not_there_a_second_time():
    """The public book goes on showing it: nobody reacts to us."""
    venue = Venue(asks="101x2").place(lots=1_000, limit=101)
    venue.show("99x3", "101x2")
    venue.wait()
    assert venue.fills() == [(101, 2, "taker")]

    venue.show("99x3", "101x6")
    venue.wait()

    assert venue.fills() == [(101, 2, "taker"), (101, 4, "maker")]


def test_what_was_gone_and_comes_again_is_new():
    venue = Venue(asks="101x2").place(lots=10, limit=101)

    venue.show("99x3", "105x9").show("99x3", "101x2")
    venue.wait()

    assert venue.fills() == [(101, 2, "taker"), (101, 2, "maker")]


@pytest.mark.parametrize(("lots", "filled"), [(6, [(101, 2), (103, 4)]), (7, [])])
def test_fill_or_kill_is_all_or_nothing(lots, filled):
    venue = Venue(asks="101x2 103x4").place(lots=lots, limit=103, tif="fok")

    assert [fill[:2] for fill in venue.fills()] == filled
    assert venue.paper.orders == {}


def test_what_is_immediate_does_not_rest():
    venue = Venue(asks="101x2").place(lots=5, limit=101, tif="ioc")

    assert venue.kinds() == [OrderAcked, OrderFilled, OrderExpired]
    assert venue.paper.orders == {}


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_post_only_order_that_would_take_lapses(side):
    limit = 101 if side == "buy" else 99
    venue = Venue().place(side=side, limit=limit, is_post_only=True)
    assert venue.told == [OrderExpired(venue.told[0].ts_ns, "a", "post-only order would take")]

    venue.place("b", side=side, limit=100, is_post_only=True)
    assert "b" in venue.paper.orders


def test_prices_and_sizes_are_the_venues_steps_and_fees_its_money():
    venue = Venue("990x1000", "1010x250 1011x900", units=DIMES).place(lots=3, limit=102)

    assert venue.fills() == [(101, 2, "taker"), (102, 1, "taker")]
    fee = next(fact for fact in venue.told if isinstance(fact, OrderFilled))
    assert (fee.fee, fee.fee_currency) == (101 * 2 * Decimal("0.05") * Decimal("0.0005"), "USDT")


# Resting.


def test_lots_ahead_are_worked_off_before_ours():
    venue = Venue(bids="100x10").place(lots=5)

    venue.trade(100, 8)
    assert (venue.paper.orders["a"].ahead_lots, venue.fills()) == (2, [])

    venue.trade(100, 5)
    assert venue.fills() == [(100, 3, "maker")]


def test_lots_ahead_are_never_more_than_what_is_shown():
    venue = Venue(bids="100x10").place(lots=5)

    venue.show("100x4", "101x10")
    assert venue.paper.orders["a"].ahead_lots == 4

    venue.show("100x30", "101x10")
    assert venue.paper.orders["a"].ahead_lots == 4


@pytest.mark.parametrize(("side", "limit", "price"), [("buy", 100, 99), ("sell", 100, 101)])
def test_a_trade_through_the_price_fills(side, limit, price):
    venue = Venue("98x10", "102x10").place(side=side, lots=5, limit=limit)

    venue.trade(price, 1)

    assert venue.fills() == [(limit, 5, "maker")]


@pytest.mark.parametrize(
    ("side", "bids", "asks"), [("buy", "97x1", "99x5"), ("sell", "101x5", "103x1")]
)
def test_a_quote_through_the_price_fills_at_the_price(side, bids, asks):
    venue = Venue("98x10", "102x10").place(side=side, lots=5, limit=100)

    venue.show(bids, asks)
    venue.wait()

    assert venue.fills() == [(100, 5, "maker")]


def test_two_own_orders_at_one_price_share_a_print():
    venue = Venue().place("a", lots=5).place("b", lots=5)

    venue.trade(100, 7)

    assert [venue.fills("a"), venue.fills("b")] == [[(100, 5, "maker")], [(100, 2, "maker")]]


def test_a_print_elsewhere_or_of_another_instrument_fills_nothing():
    venue = Venue("98x10", "102x10").place()

    venue.trade(101, 50)
    venue.paper.on_trade(ETH, 1, 50, venue.now_ns, venue.markets)
    venue.paper.on_trade(ETH, 1, 50, venue.now_ns, {ETH: venue.markets[BTC]})
    venue.paper.on_book(ETH, venue.now_ns, {ETH: venue.markets[BTC]})
    venue.wait()

    assert venue.fills() == []


# Stops.


@pytest.mark.parametrize(
    ("side", "kind", "before", "at_trigger"),
    [
        ("sell", "stop", 96, 95),
        ("buy", "stop", 104, 105),
        ("sell", "take_profit", 104, 105),
        ("buy", "take_profit", 96, 95),
    ],
)
def test_a_stop_waits_for_its_trigger(side, kind, before, at_trigger):
    venue = Venue().place(side=side, limit=None, type=kind, trigger_ticks=at_trigger)
    venue.trade(before, 50).show("99x9", "101x9")
    assert venue.kinds() == [OrderAcked]

    venue.trade(at_trigger)

    price = 99 if side == "sell" else 101
    assert venue.fills() == [(price, 5, "taker")]


@pytest.mark.parametrize(
    ("side", "kind", "last"),
    [("sell", "stop", 95), ("sell", "stop", 94), ("buy", "stop", 96), ("sell", "take_profit", 96)],
)
def test_a_stop_whose_price_is_passed_when_it_comes_lapses(side, kind, last):
    venue = Venue().trade(last).place(side=side, limit=None, type=kind, trigger_ticks=95)

    assert [isinstance(one, OrderExpired) and one.is_passed for one in venue.told] == [True]
    assert venue.paper.orders == {}


def test_what_we_take_is_a_trade_by_which_a_stop_is_judged_too():
    venue = Venue().trade(99).place(lots=5, limit=None)

    venue.place("b", side="sell", limit=None, type="stop", trigger_ticks=100)

    assert venue.fills() == [(101, 5, "taker")]
    assert venue.kinds()[-1] is OrderAcked


def test_a_price_in_other_steps_judges_no_stop():
    venue = Venue().trade(94)
    venue.paper.restep(BTC, Fraction(1), venue.now_ns)

    venue.place(side="sell", limit=None, type="stop", trigger_ticks=95)

    assert venue.kinds() == [OrderAcked]


def test_a_triggered_stop_with_a_limit_rests_at_it():
    venue = Venue().place(side="sell", limit=100, type="stop", trigger_ticks=95)

    venue.trade(95)
    assert venue.fills() == []

    venue.trade(101)
    assert venue.fills() == [(100, 5, "maker")]


def test_a_stop_that_is_triggered_without_a_book_acts_as_soon_as_there_is_one():
    venue = Venue().place(side="sell", limit=None, type="stop", trigger_ticks=95)
    venue.break_book().trade(94).trade(93)
    venue.paper.on_book(BTC, venue.now_ns, venue.markets)
    assert venue.kinds() == [OrderAcked]

    venue.show("93x9", "94x9")
    venue.wait()

    assert venue.fills() == [(93, 5, "taker")]


# Reduce-only.


def test_reduce_only_is_clipped_to_the_position():
    venue = Venue().place("in", lots=3, limit=None)
    venue.place("a", side="sell", lots=5, limit=None, is_reduce_only=True)

    assert venue.fills() == [(99, 3, "taker")]
    assert venue.kinds()[-1] is OrderExpired


def test_stop_and_target_together_never_flip_a_position():
    venue = Venue().place("in", lots=5, limit=None)
    venue.place("a", side="sell", limit=110, is_reduce_only=True)
    venue.place("b", side="sell", limit=None, type="stop", trigger_ticks=95, is_reduce_only=True)

    venue.trade(95).trade(111)

    assert (venue.fills("b"), venue.fills("a")) == ([(99, 5, "taker")], [])
    assert venue.told[-1] == OrderExpired(
        venue.told[-1].ts_ns, "a", "reduce-only: no position is left to reduce"
    )


def test_fill_or_kill_counts_what_it_may_reduce():
    venue = Venue().place("in", side="sell", lots=3, limit=None)

    venue.place("a", lots=5, limit=101, tif="fok", is_reduce_only=True)

    assert venue.fills() == []


def test_a_market_order_with_nothing_to_reduce_lapses_once():
    venue = Venue(asks="101x2 102x2").place(limit=None, is_reduce_only=True)

    assert venue.kinds() == [OrderAcked, OrderExpired]


# Cancels and amends.


def test_a_canceled_order_is_not_filled_any_more():
    venue = Venue().place()
    venue.paper.cancel("a", venue.now_ns)
    venue.wait()

    venue.trade(90, 50)

    assert venue.kinds() == [OrderAcked, OrderCanceled]


def test_a_fill_that_crosses_a_cancel_is_told_before_its_refusal():
    venue = Venue().place()
    venue.paper.cancel("a", venue.now_ns)
    venue.paper.on_trade(BTC, 99, 1, venue.now_ns, venue.markets)

    venue.wait()

    assert venue.kinds() == [OrderAcked, OrderFilled, CancelRejected]


def test_an_amended_order_goes_to_the_back_of_the_queue():
    venue = Venue(bids="100x10 99x7").place("a").place("b", limit=99)

    venue.paper.replace("a", PriceTicks(99), QtyLots(8), venue.now_ns)
    venue.wait()

    assert venue.told[-1] == OrderReplaced(venue.told[-1].ts_ns, "a", PriceTicks(99), QtyLots(8))
    assert list(venue.paper.orders) == ["b", "a"]
    amended = venue.paper.orders["a"]
    assert (amended.ahead_lots, amended.left_lots) == (7, 8)


def test_an_amend_into_the_market_takes():
    venue = Venue().place()

    venue.paper.replace("a", PriceTicks(101), QtyLots(5), venue.now_ns)
    venue.wait()

    assert venue.fills() == [(101, 5, "taker")]


def test_the_size_of_an_amend_counts_what_is_filled():
    venue = Venue().place(lots=5).trade(100, 3)

    for qty in (3, 4):
        venue.paper.replace("a", PriceTicks(98), QtyLots(qty), venue.now_ns)
        venue.wait()

    assert venue.kinds()[-2:] == [ReplaceRejected, OrderReplaced]
    assert venue.paper.orders["a"].left_lots == 1
    venue.trade(97)
    ids = [fact.trade_id for fact in venue.told if isinstance(fact, OrderFilled)]
    assert ids == ["a-1", "a-2"]


def test_an_amend_that_cannot_be_leaves_the_order_as_it_was():
    venue = Venue().place(is_post_only=True)

    for cid, limit in (("a", 101), ("nobody", 100)):
        venue.paper.replace(cid, PriceTicks(limit), QtyLots(5), venue.now_ns)
        venue.wait()

    assert venue.kinds() == [OrderAcked, ReplaceRejected, ReplaceRejected]
    assert venue.paper.orders["a"].intent.spec.limit_ticks == 100


def test_an_amended_stop_still_waits_for_its_trigger():
    venue = Venue().place(side="sell", limit=94, type="stop", trigger_ticks=95)

    venue.paper.replace("a", PriceTicks(93), QtyLots(5), venue.now_ns)
    venue.wait()
    assert venue.fills() == []

    venue.trade(95)
    assert venue.fills() == [(99, 5, "taker")]


# A new run.


def a_resting(**changed) -> Resting:
    return Resting("a", an_intent(**changed), "p-a", 5)


def test_what_is_restored_stands_at_the_back_and_invents_nothing():
    venue = Venue(bids="100x10")
    venue.paper.restore([a_resting()])
    assert (venue.wait(), venue.paper.next_due_ns) == ([], None)

    venue.trade(100, 500)
    assert venue.fills() == []

    venue.show("100x3", "101x9").trade(100, 4)
    assert venue.fills() == [(100, 1, "maker")]


def test_a_restored_order_of_an_unknown_market_waits_for_it():
    venue = Venue()
    venue.paper.restore([a_resting()])
    known, venue.markets = venue.markets, {}
    venue.paper.on_book(BTC, venue.now_ns, venue.markets)
    venue.trade(90, 5)
    venue.paper.replace("a", PriceTicks(99), QtyLots(5), venue.now_ns)
    assert [type(fact) for fact in venue.wait()] == [ReplaceRejected]

    venue.markets = known
    venue.trade(90, 5)

    assert venue.fills() == [(100, 5, "maker")]


@pytest.mark.parametrize(("nets", "lots"), [(None, 5), ({BTC: 2}, 2), ({}, 0)])
def test_after_a_restart_reduce_only_is_clipped_if_the_position_is_told(nets, lots):
    venue = Venue()
    venue.paper.restore([a_resting(side="sell", is_reduce_only=True)], nets)

    venue.trade(101, 9)

    assert sum(fill[1] for fill in venue.fills()) == lots


# Other steps.


def test_no_order_survives_other_steps():
    venue = Venue().place("a", limit=90).place("b", limit=91)
    venue.paper.place("c", an_intent(limit=92), venue.now_ns)
    venue.paper.cancel("a", venue.now_ns)
    venue.paper.replace("b", PriceTicks(93), QtyLots(5), venue.now_ns)
    venue.told.clear()

    venue.paper.restep(BTC, Fraction(10), venue.now_ns)
    venue.wait(5)

    assert [(type(fact), fact.client_order_id) for fact in venue.told] == [
        (OrderCanceled, "a"),
        (OrderCanceled, "b"),
        (OrderRejected, "c"),
        (CancelRejected, "a"),
        (ReplaceRejected, "b"),
    ]
    assert venue.paper.orders == {}


def test_orders_of_other_instruments_stay():
    venue = Venue().place("a", limit=90)

    venue.paper.restep(ETH, Fraction(10), venue.now_ns)

    assert list(venue.paper.orders) == ["a"]


def test_what_can_be_reduced_is_counted_in_new_lots():
    venue = Venue()
    venue.paper.restore([], {BTC: 2})

    venue.paper.restep(BTC, Fraction(3), venue.now_ns)
    venue.place("a", side="sell", lots=10, limit=None, is_reduce_only=True)

    assert venue.fills() == [(99, 6, "taker")]


def test_a_venue_that_takes_orders_at_their_word_has_nothing_to_count_anew():
    venue = Venue()
    venue.paper.restore([])

    venue.paper.restep(BTC, Fraction(3), venue.now_ns)
    venue.place("a", side="sell", lots=3, limit=None, is_reduce_only=True)

    assert venue.fills() == [(99, 3, "taker")]
