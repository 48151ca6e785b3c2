"""The true book: nothing forgotten, nothing trusted but the order of ids."""

import msgspec

from engine.fake.binance_frames import Delta, Snapshot
from engine.fake.text_book import TextBook
from tests.unit.engine.fake.captures import levels


def a_snapshot(last_id: int, bids: str = "", asks: str = "") -> Snapshot:
    return msgspec.convert(
        {"lastUpdateId": last_id, "bids": levels(bids), "asks": levels(asks)}, Snapshot
    )


def a_delta(first: int, last: int, previous: int | None, bids: str = "", asks: str = "") -> Delta:
    known = {"s": "ABC", "U": first, "u": last, "b": levels(bids), "a": levels(asks)}
    return msgspec.convert(known | ({} if previous is None else {"pu": previous}), Delta)


def a_book(*deltas: Delta, bids: str = "100.0x5.0 99x3", asks: str = "101x2") -> TextBook:
    book = TextBook("ABC")
    book.load(a_snapshot(10, bids, asks))
    for delta in deltas:
        book.apply(delta)
    return book


def test_levels_come_best_first_in_the_venues_texts():
    book = a_book(a_delta(11, 12, 10, bids="100.50x1.250", asks="100.90x7"))

    assert book.levels(2) == (
        [("100.50", "1.250"), ("100.0", "5.0")],
        [("100.90", "7"), ("101", "2")],
    )
    assert book.last_id == 12


def test_one_price_written_in_two_ways_is_one_level():
    book = a_book(a_delta(11, 12, 10, bids="100.000x6"))

    assert book.picture().bids == {"100.000": "6", "99": "3"}


def test_size_zero_removes_and_an_unknown_level_may_be_removed():
    book = a_book(a_delta(11, 12, 10, bids="99x0.000 55x0", asks="101x0.00000000"))

    assert book.picture().bids == {"100.0": "5.0"}
    assert book.picture().asks == {}


def test_what_came_before_the_snapshot_is_taken_in_as_far_as_it_is_newer():
    book = TextBook("ABC")
    book.apply(a_delta(8, 9, 7, bids="99x9"))
    book.apply(a_delta(10, 12, 9, bids="99x1"))

    book.load(a_snapshot(10, "99x3"))

    assert book.picture().bids == {"99": "1"}
    assert (book.last_id, book.has_gap) == (12, False)


def test_a_repeated_change_changes_nothing():
    delta = a_delta(11, 12, 10, bids="99x1")
    book = a_book(delta, a_delta(13, 13, 12, bids="99x2"), delta)

    assert book.picture().bids["99"] == "2"
    assert not book.has_gap


def test_a_gap_in_the_recording_is_noticed_by_either_rule():
    assert a_book(a_delta(13, 14, 12)).has_gap
    assert a_book(a_delta(12, 14, None)).has_gap
    assert not a_book(a_delta(11, 14, None)).has_gap


def test_a_later_snapshot_heals_a_gap_with_what_came_since():
    book = a_book(a_delta(13, 14, 12, bids="98x1"), a_delta(15, 16, 14, bids="97x1"))

    book.load(a_snapshot(14, "98x1"))

    assert book.picture().bids == {"98": "1", "97": "1"}
    assert (book.last_id, book.has_gap) == (16, False)
