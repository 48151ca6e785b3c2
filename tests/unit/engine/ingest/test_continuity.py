"""Continuity as a book shows it: gaps, repeats, and all of OKX's links, silence and resets."""

from typing import Final

import pytest

from engine.ingest.book import AHEAD_MAX, BUFFERED_MAX, Book, Gap, Verdict
from engine.model.market import BookDelta, BookSnapshot
from tests.builders import BTC, a_book, a_delta, at, levels, shown

LINKED: Final = "linked_ids"
FUTURES: Final = "previous_id"
SPOT: Final = "contiguous_ids"


def a_link(prev: int, seq: int, bids: str = "", asks: str = "", *, checksum: int = 0) -> BookDelta:
    """Changes with their id, after the event with the id `prev`."""
    return BookDelta(BTC, levels(bids), levels(asks), seq, seq, prev, checksum=checksum)


def a_whole(
    seq: int, bids: str = "100x5", asks: str = "101x5", *, is_streamed: bool = True, checksum=0
) -> BookSnapshot:
    return BookSnapshot(BTC, levels(bids), levels(asks), seq, 0, is_streamed, checksum)


def asked(seq: int, bids: str = "100x5", asks: str = "101x5") -> BookSnapshot:
    """A whole book that came by request."""
    return a_whole(seq, bids, asks, is_streamed=False)


def a_streamed_book(seq: int = 10) -> Book:
    book = Book(LINKED)
    assert book.apply_snapshot(a_whole(seq), at(0)) is Verdict.APPLIED
    return book


def a_waiting_book(*deltas: BookDelta) -> Book:
    """A book of a venue that streams no whole one: these changes wait for one."""
    book = Book(LINKED)
    for number, delta in enumerate(deltas):
        expected = Verdict.BUFFERED if number else Verdict.GAP
        assert book.apply(delta, at(0)) is expected
    return book


def a_joined_book(rule) -> Book:
    """A book whose first delta, with number 11, has joined its snapshot."""
    book = a_book("100x5 99x3", "101x2 102x4", seq=10, rule=rule)
    assert book.apply(a_delta(10 if rule == FUTURES else 11, 11), at(0)) is Verdict.APPLIED
    return book


# Binance


def test_a_missing_futures_event_is_a_gap_in_the_same_call():
    book = a_joined_book(FUTURES)

    verdict = book.apply(a_delta(14, 15, prev=13), at(0))

    assert verdict is Verdict.GAP
    assert book.last_gap == Gap("sequence", expected=11, first_seq=14, last_seq=15, prev_seq=13)
    assert (book.state, book.note) == ("invalid", "sequence gap")
    assert book.best_bid is None


def test_a_missing_spot_event_is_a_gap_in_the_same_call():
    book = a_joined_book(SPOT)

    assert book.apply(a_delta(13), at(0)) is Verdict.GAP
    assert book.last_gap == Gap("sequence", expected=12, first_seq=13, last_seq=13, prev_seq=12)


def test_a_repeated_futures_event_is_a_gap():
    book = a_joined_book(FUTURES)
    book.apply(a_delta(12), at(0))

    assert book.apply(a_delta(12), at(0)) is Verdict.GAP


def test_an_older_futures_event_that_comes_again_is_a_gap():
    book = a_joined_book(FUTURES)
    book.apply(a_delta(12), at(0))
    book.apply(a_delta(13), at(0))

    assert book.apply(a_delta(12), at(0)) is Verdict.GAP


def test_a_repeated_spot_event_is_dropped():
    book = a_joined_book(SPOT)
    book.apply(a_delta(12, bids="98x1"), at(0))

    assert book.apply(a_delta(12, bids="98x1"), at(0)) is Verdict.STALE
    assert (book.state, book.dropped_stale) == ("live", 1)


# Links


def test_the_documented_run_joins_from_end_to_end():
    book = a_streamed_book(seq=10)

    for prev, seq in ((10, 15), (15, 15), (15, 3), (3, 5)):
        assert book.apply(a_link(prev, seq, bids=f"90x{seq}"), at(0)) is Verdict.APPLIED

    assert (book.last_seq, book.applied, book.gaps) == (5, 4, 0)
    assert shown(book) == "100x5 90x5 | 101x5"


@pytest.mark.parametrize(
    ("prev", "seq"),
    [(12, 15), (9, 15), (10, 15), (15, 16), (3, 5), (0, 0)],
    ids=["later", "earlier", "again", "skipped one", "after a reset", "without ids"],
)
def test_a_missing_link_is_a_gap_in_the_same_call(prev, seq):
    book = a_streamed_book(seq=10)
    book.apply(a_link(10, 14), at(0))

    assert book.apply(a_link(prev, seq), at(0)) is Verdict.GAP

    assert book.last_gap == Gap("sequence", 14, seq, seq, prev)
    assert (book.state, shown(book)) == ("invalid", " | ")


def test_the_first_change_after_a_streamed_book_must_name_it():
    book = a_streamed_book(seq=10)

    assert book.apply(a_link(8, 12), at(0)) is Verdict.GAP

    assert book.last_gap == Gap("sequence", 10, 12, 12, 8)


def test_a_reset_right_after_the_streamed_book_joins_it():
    book = a_streamed_book(seq=10)

    assert book.apply(a_link(10, 3), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(3, 4), at(0)) is Verdict.APPLIED


# A whole book that comes with the stream


def test_a_change_before_the_whole_book_is_told_once_and_kept():
    book = Book(LINKED)

    assert book.apply(a_link(8, 9), at(0)) is Verdict.GAP
    assert book.apply(a_link(9, 12, bids="99x1"), at(0)) is Verdict.BUFFERED

    assert book.last_gap == Gap("update_before_snapshot", 0, 9, 9, 8)
    assert (book.state, book.note) == ("invalid", "update before its snapshot")


def test_a_streamed_book_replaces_everything_even_with_a_smaller_id():
    book = a_streamed_book(seq=10)
    book.apply(a_link(10, 15, bids="99x9"), at(0))

    verdict = book.apply_snapshot(a_whole(3, bids="98x1"), at(0))

    assert verdict is Verdict.APPLIED
    assert shown(book) == "98x1 | 101x5"
    assert book.apply(a_link(3, 5), at(0)) is Verdict.APPLIED


def test_the_same_streamed_book_twice_is_harmless():
    book = a_streamed_book(seq=10)

    assert book.apply_snapshot(a_whole(10), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(10, 11), at(0)) is Verdict.APPLIED


def test_what_waited_for_a_streamed_book_is_over():
    book = a_waiting_book(a_link(8, 9), a_link(9, 20, bids="99x9"))

    assert book.apply_snapshot(a_whole(10), at(0)) is Verdict.APPLIED

    assert shown(book) == "100x5 | 101x5"
    assert book.dropped_stale == 2
    assert book.apply(a_link(10, 11), at(0)) is Verdict.APPLIED


# A whole book that was asked for


def test_changes_that_waited_join_the_book_that_was_asked_for():
    book = a_waiting_book(
        a_link(8, 9), a_link(9, 9), a_link(9, 12, bids="99x1"), a_link(12, 13, bids="99x2")
    )

    assert book.apply_snapshot(asked(10), at(0)) is Verdict.APPLIED

    assert shown(book) == "100x5 99x2 | 101x5"
    assert (book.last_seq, book.dropped_stale, book.joined) == (13, 2, True)


def test_a_book_older_than_the_waiting_changes_is_a_gap_and_another_helps():
    book = a_waiting_book(a_link(12, 14, bids="99x1"), a_link(14, 15))

    assert book.apply_snapshot(asked(10), at(0)) is Verdict.GAP
    assert book.last_gap == Gap("first_event_not_bridging", 10, 14, 14, 12)

    assert book.apply_snapshot(asked(13), at(0)) is Verdict.APPLIED
    assert book.last_seq == 15


def test_a_book_ahead_of_the_stream_waits_for_it_to_come_along():
    book = a_waiting_book(a_link(8, 9))
    book.apply_snapshot(asked(14), at(0))

    assert book.apply(a_link(9, 12, bids="99x9"), at(0)) is Verdict.STALE
    assert book.apply(a_link(12, 16, bids="98x1"), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(12, 16), at(0)) is Verdict.GAP


def test_a_book_that_the_stream_never_reaches_is_of_another_numbering():
    book = a_waiting_book(a_link(8, 9))
    book.apply_snapshot(asked(1_000), at(0))
    verdicts = [book.apply(a_link(seq - 1, seq), at(0)) for seq in range(10, 12 + AHEAD_MAX)]

    assert verdicts == [Verdict.STALE] * AHEAD_MAX + [Verdict.GAP] + [Verdict.BUFFERED]


def test_many_waiting_changes_may_be_older_than_the_book():
    book = a_waiting_book(*(a_link(seq - 1, seq) for seq in range(1, 3 * AHEAD_MAX)))

    assert book.apply_snapshot(asked(3 * AHEAD_MAX - 1), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(3 * AHEAD_MAX - 1, 3 * AHEAD_MAX), at(0)) is Verdict.APPLIED


def test_a_reset_while_the_stream_comes_along_is_a_gap():
    book = a_waiting_book(a_link(8, 9))
    book.apply_snapshot(asked(14), at(0))

    assert book.apply(a_link(12, 3), at(0)) is Verdict.GAP


def test_a_reset_among_waiting_changes_leaves_only_what_comes_after_it():
    book = a_waiting_book(a_link(8, 9), a_link(9, 12, bids="99x9"), a_link(12, 3))
    book.apply(a_link(3, 5, bids="98x1"), at(0))

    assert book.apply_snapshot(asked(4), at(0)) is Verdict.APPLIED

    assert shown(book) == "100x5 98x1 | 101x5"


def test_a_book_that_was_asked_for_and_is_not_newer_changes_nothing():
    book = a_streamed_book(seq=10)

    assert book.apply_snapshot(asked(10, bids="90x1"), at(0)) is Verdict.STALE
    assert shown(book) == "100x5 | 101x5"


def test_of_too_many_waiting_changes_the_oldest_go_and_that_is_a_gap():
    book = a_waiting_book(*(a_link(seq - 1, seq) for seq in range(1, BUFFERED_MAX + 3)))

    assert book.apply_snapshot(asked(1), at(0)) is Verdict.GAP


# Without ids, as until 2023


def test_changes_without_ids_follow_one_another():
    book = a_streamed_book(seq=0)

    assert book.apply(a_link(0, 0, bids="99x1"), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(0, 0, bids="99x2"), at(0)) is Verdict.APPLIED
    assert shown(book) == "100x5 99x2 | 101x5"


def test_changes_without_ids_wait_for_nothing():
    book = a_waiting_book(a_link(0, 0, bids="99x9"), a_link(0, 0, bids="98x9"))

    assert book.apply_snapshot(a_whole(0), at(0)) is Verdict.APPLIED

    assert shown(book) == "100x5 | 101x5"
    assert book.buffered_total == 0


# Checksums


def test_a_checksum_that_differs_is_a_gap_in_the_same_call():
    book = a_streamed_book(seq=0)
    book.checksum_of = lambda judged: judged.size_at(99, is_bid=True)

    assert book.apply(a_link(0, 0, bids="99x7", checksum=7), at(0)) is Verdict.APPLIED
    assert book.apply(a_link(0, 0, bids="99x8", checksum=7), at(0)) is Verdict.GAP

    assert book.last_gap == Gap("checksum", 0, 0, 0, 0)
    assert (book.state, book.note, shown(book)) == ("invalid", "checksum differs", " | ")
    assert (book.checksums_equal, book.checksums_unequal) == (1, 1)


def test_a_whole_book_with_another_checksum_is_no_book():
    book = Book(LINKED, checksum_of=lambda _: 7)

    assert book.apply_snapshot(a_whole(10, checksum=8), at(0)) is Verdict.BROKEN
    assert (book.state, book.note) == ("invalid", "checksum differs")

    assert book.apply_snapshot(a_whole(11, checksum=7), at(0)) is Verdict.APPLIED


def test_a_checksum_of_zero_says_nothing():
    book = a_streamed_book(seq=10)
    book.checksum_of = lambda _: 7

    assert book.apply(a_link(10, 11, checksum=0), at(0)) is Verdict.APPLIED
    assert (book.checksums_equal, book.checksums_unequal) == (0, 0)


def test_without_a_judge_checksums_are_not_compared():
    book = a_streamed_book(seq=10)

    assert book.apply(a_link(10, 11, checksum=5), at(0)) is Verdict.APPLIED


def test_the_digest_parts_tell_how_far_a_book_is_ahead():
    one, two = a_waiting_book(a_link(8, 9)), a_waiting_book(a_link(8, 9))
    one.apply_snapshot(asked(12), at(0))
    two.apply_snapshot(asked(12), at(0))
    assert one.digest_parts() == two.digest_parts()

    two._ahead_left -= 1

    assert one.digest_parts() != two.digest_parts()
