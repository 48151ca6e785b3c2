"""The order book: what joins, what is a gap, and that a broken book shows nothing."""

from typing import Final

import pytest

from engine.ingest.book import (
    BUFFERED_MAX,
    CROSSED_NS_MAX,
    NO_FLOOR,
    SPARE_PLACES,
    Book,
    Gap,
    Verdict,
)
from engine.model.market import Addition
from tests.builders import a_book, a_delta, a_snapshot, at, levels, shown

FUTURES: Final = "previous_id"
SPOT: Final = "contiguous_ids"


def a_joined_book(rule, bids="100x5 99x3", asks="101x2 102x4") -> Book:
    """A book whose first delta, with number 11, has joined its snapshot."""
    book = a_book(bids, asks, seq=10, rule=rule)
    first = 10 if rule == FUTURES else 11
    assert book.apply(a_delta(first, 11), at(0)) is Verdict.APPLIED
    return book


# What it shows


def test_the_best_level_is_the_highest_bid_and_the_lowest_ask():
    book = a_book(bids="98x1 100x5 99x3", asks="103x1 101x2")

    assert book.best_bid == (100, 5)
    assert book.best_ask == (101, 2)
    assert book.mid_ticks == 100.5
    assert shown(book) == "100x5 99x3 98x1 | 101x2 103x1"
    assert (book.bid_levels, book.ask_levels) == (3, 2)


def test_a_new_book_waits_and_has_no_prices():
    book = Book(SPOT)

    assert book.state == "waiting"
    assert book.note
    assert (book.best_bid, book.best_ask, book.mid_ticks) == (None, None, None)
    assert book.notionals(is_bid=True, around_mid_share=0.05, limit=10) == []
    assert book.notional_around(0.05) == 0


def test_a_price_without_a_level_has_no_size():
    book = a_book(bids="100x5", asks="101x2")

    assert book.size_at(100, is_bid=True) == 5
    assert book.size_at(101, is_bid=False) == 2
    assert book.size_at(100, is_bid=False) == 0


def test_notionals_are_those_within_a_share_of_mid():
    book = a_book(bids="990x1 960x2 900x9", asks="1010x3 1040x4 1100x9")

    assert book.notionals(is_bid=True, around_mid_share=0.05, limit=10) == [960 * 2, 990]
    assert book.notionals(is_bid=False, around_mid_share=0.05, limit=10) == [1040 * 4, 1010 * 3]


def test_of_many_levels_the_notionals_are_evenly_spread():
    book = a_book(bids="990x1 980x2 970x3", asks="1010x3")

    assert book.notionals(is_bid=True, around_mid_share=0.05, limit=2) == [2910, 990]


def test_the_notional_around_mid_follows_every_change():
    book = a_book(bids="990x1 960x2 900x9", asks="1010x3 1040x4 1100x9")
    assert book.notional_around(0.05) == 990 + 1920 + 3030 + 4160

    book.apply(a_delta(11, bids="990x3 960x0 970x1 890x1", asks="1040x0 1100x0"), at(0))
    assert book.notional_around(0.05) == 2970 + 970 + 3030

    book.widen(10, 10)
    assert book.notional_around(0.05) == 100 * (2970 + 970 + 3030)


def test_a_snapshot_may_name_its_levels_in_any_order_and_twice():
    book = a_book(bids="99x1 100x2 99x3", asks="102x1 101x2")

    assert shown(book) == "100x2 99x3 | 101x2 102x1"


# What a delta does


@pytest.mark.parametrize("rule", [FUTURES, SPOT])
def test_a_delta_sets_adds_and_removes_levels(rule):
    book = a_joined_book(rule)

    verdict = book.apply(a_delta(12, bids="100x0 98x7", asks="101x9"), at(0))

    assert verdict is Verdict.APPLIED
    assert shown(book) == "99x3 98x7 | 101x9 102x4"
    assert (book.last_seq, book.applied) == (12, 2)


def test_levels_that_went_are_not_shown_and_may_come_back():
    book = a_joined_book(SPOT, bids="100x5 99x3 98x2", asks="101x2 102x4")

    book.apply(a_delta(12, bids="99x0", asks="102x0"), at(0))
    assert shown(book) == "100x5 98x2 | 101x2"
    assert (book.bid_levels, book.ask_levels) == (2, 1)
    assert book.size_at(99, is_bid=True) == 0

    book.apply(a_delta(13, bids="99x8 100x0", asks="102x1 101x0"), at(0))
    assert shown(book) == "99x8 98x2 | 102x1"


def test_a_market_that_wanders_far_leaves_the_right_book():
    book = a_book(bids="100000x1", asks="100001x1", seq=10)
    touch, step = 100_000, 0
    while step < 3 * SPARE_PLACES:
        touch, step = touch - 1, step + 1
        bids, asks = f"{touch + 1}x0 {touch}x7", f"{touch + 1}x{step} {touch + 3}x0"
        assert book.apply(a_delta(10 + step, bids=bids, asks=asks), at(0)) is Verdict.APPLIED

    assert shown(book) == f"{touch}x7 | {touch + 1}x{step} {touch + 2}x{step - 1}"
    assert book.notional_around(0.05) == sum(
        price * size for is_bid in (True, False) for price, size in book.levels(is_bid=is_bid)
    )


def test_removing_a_level_that_is_not_there_is_nothing():
    book = a_joined_book(SPOT)

    assert book.apply(a_delta(12, bids="50x0", asks="500x0"), at(0)) is Verdict.APPLIED
    assert shown(book) == "100x5 99x3 | 101x2 102x4"


def test_of_a_level_named_twice_the_last_word_counts():
    book = a_joined_book(SPOT)

    book.apply(a_delta(12, bids="98x4 98x0 97x0 97x6 100x1 100x2"), at(0))

    assert shown(book) == "100x2 99x3 97x6 | 101x2 102x4"


def test_whoever_watches_sees_every_single_delta():
    seen = []
    book = Book(SPOT, on_applied=lambda book: seen.append(book.last_seq))
    book.apply(a_delta(10), at(0))
    book.apply(a_delta(11), at(0))
    book.apply(a_delta(12), at(0))

    book.apply_snapshot(a_snapshot(seq=10), at(0))
    book.apply(a_delta(13), at(0))

    assert seen == [11, 12, 13]


# How a snapshot and the deltas before it join


@pytest.mark.parametrize("rule", [FUTURES, SPOT])
def test_deltas_wait_for_the_snapshot_and_older_ones_are_dropped(rule):
    book = Book(rule)
    assert book.apply(a_delta(5, 7, bids="100x9"), at(0)) is Verdict.BUFFERED
    assert book.apply(a_delta(8, 12, bids="99x4"), at(0)) is Verdict.BUFFERED
    assert book.apply(a_delta(13, bids="98x1"), at(0)) is Verdict.BUFFERED

    verdict = book.apply_snapshot(a_snapshot("100x5", "101x2", seq=10), at(0))

    assert verdict is Verdict.APPLIED
    assert (book.state, book.note) == ("live", "")
    assert shown(book) == "100x5 99x4 98x1 | 101x2"
    assert (book.buffered_total, book.dropped_stale, book.applied) == (3, 1, 2)


def test_a_futures_event_that_ends_at_the_snapshot_joins_it():
    book = a_book(seq=10, rule=FUTURES)

    assert book.apply(a_delta(8, 10), at(0)) is Verdict.APPLIED
    assert book.apply(a_delta(11, 12), at(0)) is Verdict.APPLIED


def test_a_spot_event_that_ends_at_the_snapshot_is_old():
    book = a_book(seq=10, rule=SPOT)

    assert book.apply(a_delta(8, 10), at(0)) is Verdict.STALE
    assert book.apply(a_delta(11, 12), at(0)) is Verdict.APPLIED


@pytest.mark.parametrize(("rule", "first"), [(FUTURES, 11), (SPOT, 12)])
def test_a_first_event_that_begins_after_the_snapshot_is_a_gap(rule, first):
    book = a_book(seq=10, rule=rule)

    assert book.apply(a_delta(first, 15), at(0)) is Verdict.GAP
    assert book.last_gap == Gap("first_event_not_bridging", 10, first, 15, first - 1)
    assert (book.state, book.gaps) == ("invalid", 1)
    assert shown(book) == " | "


def test_a_snapshot_older_than_the_waiting_deltas_leaves_no_book():
    book = Book(SPOT)
    book.apply(a_delta(20, bids="100x7"), at(0))
    book.apply(a_delta(21, bids="100x8"), at(0))

    verdict = book.apply_snapshot(a_snapshot(seq=10), at(0))

    assert verdict is Verdict.GAP
    assert book.state == "invalid"
    assert book.best_bid is None


def test_what_waited_still_waits_for_the_next_snapshot():
    book = Book(SPOT)
    book.apply(a_delta(20, bids="100x7"), at(0))
    book.apply(a_delta(21, bids="99x8"), at(0))
    book.apply_snapshot(a_snapshot(seq=10), at(0))

    verdict = book.apply_snapshot(a_snapshot("100x5", "101x2", seq=19), at(0))

    assert verdict is Verdict.APPLIED
    assert shown(book) == "100x7 99x8 | 101x2"


def test_deltas_that_contradict_the_snapshot_leave_no_book():
    book = Book(SPOT)
    book.apply(a_delta(11, bids="100x0"), at(0))
    book.apply(a_delta(12, bids="99x1"), at(0))

    assert book.apply_snapshot(a_snapshot("100x5", "101x2", seq=10), at(0)) is Verdict.BROKEN
    assert book.state == "invalid"
    # What came later is kept for the next snapshot.
    assert book.apply_snapshot(a_snapshot("98x5", "101x2", seq=11), at(0)) is Verdict.APPLIED
    assert shown(book) == "99x1 98x5 | 101x2"


def test_of_too_many_waiting_deltas_the_oldest_go_and_that_is_noticed():
    book = Book(SPOT)
    for seq in range(11, 11 + BUFFERED_MAX + 1):
        book.apply(a_delta(seq), at(0))

    assert book.buffered_total == BUFFERED_MAX + 1
    assert book.apply_snapshot(a_snapshot(seq=10), at(0)) is Verdict.GAP


# Snapshots that come late, twice, or tell of something else


@pytest.mark.parametrize("seq", [9, 11])
@pytest.mark.parametrize("rule", [FUTURES, SPOT])
def test_a_snapshot_that_is_not_newer_changes_nothing_in_a_live_book(rule, seq):
    book = a_joined_book(rule)

    assert book.apply_snapshot(a_snapshot("90x1", "91x1", seq=seq), at(0)) is Verdict.STALE
    assert shown(book) == "100x5 99x3 | 101x2 102x4"
    # A repeated snapshot must not undo that the deltas have joined: the next one is no gap.
    assert book.apply(a_delta(12), at(0)) is Verdict.APPLIED


def test_a_newer_snapshot_replaces_a_live_book():
    book = a_joined_book(SPOT)

    assert book.apply_snapshot(a_snapshot("90x1", "91x1", seq=15), at(0)) is Verdict.APPLIED
    assert shown(book) == "90x1 | 91x1"
    assert book.apply(a_delta(14), at(0)) is Verdict.STALE
    assert book.apply(a_delta(14, 16), at(0)) is Verdict.APPLIED


@pytest.mark.parametrize(
    ("bids", "asks"),
    [("", "101x1"), ("100x1", ""), ("", ""), ("100x0", "101x1"), ("100x1", "101x-2")],
)
def test_a_snapshot_with_an_empty_side_or_a_level_of_no_size_is_no_book(bids, asks):
    book = Book(SPOT)

    assert book.apply_snapshot(a_snapshot(bids, asks), at(0)) is Verdict.BROKEN
    assert (book.state, book.broken) == ("invalid", 1)


def test_a_crossed_snapshot_is_given_as_long_as_any_crossed_book():
    book = a_book(bids="101x1", asks="100x1")

    assert book.check_crossed(at(250)) is Verdict.APPLIED
    assert book.check_crossed(at(251)) is Verdict.BROKEN


# After a gap


def test_the_event_that_showed_the_gap_waits_for_the_new_snapshot():
    book = a_joined_book(SPOT)
    book.apply(a_delta(13, bids="97x1"), at(0))

    book.apply_snapshot(a_snapshot("100x5", "101x2", seq=12), at(0))

    assert shown(book) == "100x5 97x1 | 101x2"


def test_a_book_that_was_thrown_away_forgets_what_waited():
    book = Book(SPOT)
    book.apply(a_delta(11, bids="90x1"), at(0))

    book.invalidate("connection lost")
    book.apply_snapshot(a_snapshot("100x5", "101x2", seq=10), at(0))

    assert shown(book) == "100x5 | 101x2"


# Levels that contradict themselves


@pytest.mark.parametrize(("bids", "asks"), [("100x0", ""), ("", "101x0")])
def test_an_emptied_side_breaks_the_book(bids, asks):
    book = a_book("100x5", "101x2")

    assert book.apply(a_delta(11, bids=bids, asks=asks), at(0)) is Verdict.BROKEN
    assert (book.state, book.note, book.broken) == ("invalid", "a side is empty", 1)


@pytest.mark.parametrize("crossing", ["101x1", "103x1"])
def test_a_book_may_be_crossed_for_a_moment(crossing):
    book = a_book("100x5", "101x2 104x1")

    assert book.apply(a_delta(11, bids=crossing), at(0)) is Verdict.APPLIED
    assert book.check_crossed(at(250)) is Verdict.APPLIED
    assert book.apply(a_delta(12, asks="101x0"), at(250)) is Verdict.APPLIED
    assert book.check_crossed(at(10_000)) is Verdict.APPLIED
    assert book.crossed == 1


def test_a_book_that_stays_crossed_is_broken_by_the_next_delta():
    book = a_book("100x5", "101x2")
    book.apply(a_delta(11, bids="102x1"), at(0))
    book.apply(a_delta(12, bids="102x2"), at(200))

    assert book.apply(a_delta(13, bids="102x3"), at(251)) is Verdict.BROKEN
    assert book.note == "bid and ask crossed"


def test_a_book_that_stays_crossed_is_broken_by_the_clock_too():
    book = a_book("100x5", "101x2")
    book.apply(a_delta(11, bids="102x1"), at(0))

    assert book.check_crossed(at(0) + CROSSED_NS_MAX) is Verdict.APPLIED
    assert book.check_crossed(at(0) + CROSSED_NS_MAX + 1) is Verdict.BROKEN
    assert book.check_crossed(at(10_000)) is Verdict.APPLIED


# Additions


def test_levels_that_grew_by_the_floor_are_told():
    book = a_book("100x5", "101x2")
    book.addition_floor = 1_000

    book.apply(a_delta(11, bids="100x15 99x10", asks="101x12 102x30"), at(0))

    assert book.additions == [
        Addition(is_bid=True, price_ticks=100, old_lots=5, new_lots=15),
        Addition(is_bid=False, price_ticks=101, old_lots=2, new_lots=12),
        Addition(is_bid=False, price_ticks=102, old_lots=0, new_lots=30),
    ]


def test_additions_are_those_of_the_last_delta_alone():
    book = a_book("100x5", "101x2")
    book.addition_floor = 1_000
    book.apply(a_delta(11, bids="100x15"), at(0))

    book.apply(a_delta(11, bids="100x15"), at(0))

    assert book.dropped_stale == 1
    assert book.additions == []


def test_prices_that_came_and_went_fill_no_memory():
    book = a_book("100000x5", "100001x5")

    for number in range(3 * SPARE_PLACES):
        price = 99_999 - number
        book.apply(a_delta(11 + 2 * number, bids=f"{price}x1"), at(0))
        book.apply(a_delta(12 + 2 * number, bids=f"{price}x0"), at(0))

    assert shown(book) == "100000x5 | 100001x5"
    assert len(book._bids.keys) == len(book._bids.sizes) <= 2 + SPARE_PLACES


def test_without_a_floor_nothing_is_told():
    book = a_book("100x5", "101x2")

    book.apply(a_delta(11, bids=f"100x{NO_FLOOR // 1_000}"), at(0))

    assert book.additions == []


# Finer numbers


def test_finer_numbers_keep_every_price_and_size():
    book = a_book("100x5 99x3", "101x2")

    book.widen(10, 100)

    assert shown(book) == "1000x500 990x300 | 1010x200"
    book.apply(a_delta(11, bids="995x1"), at(0))
    assert shown(book) == "1000x500 995x1 990x300 | 1010x200"


def test_finer_numbers_do_not_change_which_levels_a_sample_holds():
    coarse, fine = (
        a_book("100x5 98x3 97x4 96x2", "101x2"),
        a_book("1000x5 980x3 970x4 960x2", "1010x2"),
    )
    coarse.apply(a_delta(11, bids="97x0"), at(0))
    fine.apply(a_delta(11, bids="970x0"), at(0))

    coarse.widen(10, 1)

    for limit in (1, 2, 3, 10):
        found = [
            book.notionals(is_bid=True, around_mid_share=0.05, limit=limit)
            for book in (coarse, fine)
        ]
        assert found[0] == found[1]
    assert coarse.digest_parts() == fine.digest_parts()


def test_deltas_that_wait_become_finer_too():
    book = Book(SPOT)
    book.apply(a_delta(11, bids="99x4", asks="101x0"), at(0))

    book.widen(10, 1)
    book.apply_snapshot(a_snapshot("1000x5", "1010x2 1020x1", seq=10), at(0))

    assert shown(book) == "1000x5 990x4 | 1020x1"


# Digests


def test_the_digest_parts_tell_books_apart():
    one, other = a_book("100x5", "101x2"), a_book("100x5", "101x2")
    assert one.digest_parts() == other.digest_parts()

    other.apply(a_delta(11, bids="100x6"), at(0))

    assert one.digest_parts() != other.digest_parts()
    assert levels("100x6") in other.digest_parts()


def test_a_book_that_waits_says_for_what():
    book = Book("contiguous_ids")
    assert book.note == "waiting for the first update"

    book.apply(a_delta(10, bids="1x1", prev=9), 0)
    assert (book.state, book.note) == ("waiting", "waiting for a snapshot")

    book.apply_snapshot(a_snapshot(seq=10), 0)
    assert (book.state, book.note) == ("live", "")


def test_a_lost_book_goes_on_saying_why_while_updates_wait():
    book = Book("contiguous_ids")
    book.invalidate("sequence gap")

    book.apply(a_delta(10, bids="1x1", prev=9), 0)

    assert book.note == "sequence gap"
