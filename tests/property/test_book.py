"""The book against a model too simple to be wrong, and against a network that loses and repeats."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ingest.book import Book, Verdict
from engine.ingest.quotes import QuoteCheck
from engine.model.instrument import SequenceRule
from engine.model.market import BestQuote, BookDelta, BookSnapshot, Level
from tests.builders import BTC, at

RULES = st.sampled_from(["previous_id", "contiguous_ids", "linked_ids"])
Sides = tuple[dict[int, int], dict[int, int]]

# Bids up to 100, asks from 101 on, so that a side may empty but nothing crosses.
BIDS = st.tuples(st.integers(95, 100), st.integers(0, 3))
ASKS = st.tuples(st.integers(101, 106), st.integers(0, 3))
CROSSING = st.tuples(st.integers(97, 104), st.integers(0, 3))
CHANGES = st.tuples(st.lists(BIDS, max_size=4), st.lists(ASKS, max_size=4))
WILD_CHANGES = st.tuples(st.lists(CROSSING, max_size=4), st.lists(CROSSING, max_size=4))
DEEP = ([(90, 9), (100, 5)], [(110, 9), (101, 5)])
"""A start whose farthest levels no change reaches: no side ever empties."""


def truth_of(start: tuple[Sequence[Level], Sequence[Level]]) -> Sides:
    return dict(start[0]), dict(start[1])


def change(truth: Sides, changes: tuple[Sequence[Level], Sequence[Level]]) -> None:
    """Apply changes one level at a time."""
    for side, levels in zip(truth, changes, strict=True):
        for price, size in levels:
            side.pop(price, None)
            if size:
                side[price] = size


def shown(book: Book) -> tuple[list[Level], list[Level]]:
    return list(book.levels(is_bid=True)), list(book.levels(is_bid=False))


def ordered(truth: Sides) -> tuple[list[Level], list[Level]]:
    return sorted(truth[0].items(), reverse=True), sorted(truth[1].items())


def stream_of(changes: Sequence, widths: Sequence[int], first: int = 11) -> list[BookDelta]:
    """Number changes the way a venue does: each takes so many ids, none is left out."""
    deltas, last = [], first - 1
    for (bids, asks), width in zip(changes, widths, strict=False):
        deltas.append(BookDelta(BTC, bids, asks, last + 1, last + width, last))
        last += width
    return deltas


def snapshot_of(truth: Sides, seq: int) -> BookSnapshot:
    bids, asks = ordered(truth)
    return BookSnapshot(BTC, bids, asks, seq)


def a_book_at(rule: SequenceRule, truth: Sides, seq: int = 10) -> Book:
    """A live book that has joined at this id."""
    book = Book(rule)
    # A futures event must bridge the snapshot; this one ends where it is.
    book.apply(BookDelta(BTC, [], [], seq, seq, seq - 1), at(0))
    snapshot = snapshot_of(truth, seq)
    if rule == "linked_ids":
        snapshot = msgspec.structs.replace(snapshot, is_streamed=True)
    assert book.apply_snapshot(snapshot, at(0)) is Verdict.APPLIED
    return book


# Against the model


@given(RULES, st.lists(WILD_CHANGES, max_size=12), st.lists(st.integers(1, 3), min_size=12))
def test_levels_are_those_of_a_plain_dictionary(rule, changes, widths):
    truth = truth_of(DEEP)
    book = a_book_at(rule, truth)

    for delta in stream_of(changes, widths):
        verdict = book.apply(delta, at(0))
        change(truth, (delta.bids, delta.asks))
        assert verdict is Verdict.APPLIED
        assert shown(book) == ordered(truth)
        bids, asks = ordered(truth)
        assert (book.best_bid, book.best_ask) == (bids[0], asks[0])
        assert (book.bid_levels, book.ask_levels) == (len(bids), len(asks))
        assert all(book.size_at(price, is_bid=True) == size for price, size in bids)


@given(RULES, st.lists(CHANGES, max_size=12))
def test_a_live_book_never_has_an_empty_side_or_a_price_for_nothing(rule, changes):
    truth = truth_of(([(100, 5)], [(101, 5)]))
    book = a_book_at(rule, truth)

    for delta in stream_of(changes, [1] * len(changes)):
        verdict = book.apply(delta, at(0))
        change(truth, (delta.bids, delta.asks))
        if not (truth[0] and truth[1]):
            assert verdict is Verdict.BROKEN
            assert shown(book) == ([], [])
            return
        assert shown(book) == ordered(truth)
        assert book.crossed == 0


@given(st.lists(WILD_CHANGES, min_size=1, max_size=6), st.integers(1, 30))
def test_additions_are_the_levels_whose_notional_grew_by_the_floor(changes, floor):
    truth = truth_of(DEEP)
    book = a_book_at("contiguous_ids", truth)
    book.addition_floor = floor * 10

    for delta in stream_of(changes, [1] * len(changes)):
        expected = []
        for is_bid, side, levels in zip(
            (True, False), truth, (delta.bids, delta.asks), strict=True
        ):
            for price, size in levels:
                old = side.get(price, 0)
                if (size - old) * price >= book.addition_floor:
                    expected.append((is_bid, price, old, size))
                change(truth, ([(price, size)], []) if is_bid else ([], [(price, size)]))
        book.apply(delta, at(0))
        assert [msgspec.structs.astuple(one) for one in book.additions] == expected


# A network that loses, repeats and overtakes

FAULTS = st.sampled_from(["replay", "swap", "repeat", "drop"])


def damaged(stream: list[BookDelta], fault: str, where: int, back: int) -> list[BookDelta]:
    stream = list(stream)
    where %= len(stream)
    if fault == "drop":
        del stream[where]
    elif fault == "repeat":
        stream.insert(where, stream[where])
    elif fault == "swap" and where:
        stream[where - 1 : where + 1] = stream[where - 1 : where + 1][::-1]
    elif fault == "replay":
        stream.insert(where + 1, stream[max(0, where - back)])
    return stream


def must_fail(rule: SequenceRule, last: int, delta: BookDelta) -> bool:
    """Say what the venue's documentation says of a joined book whose last id is `last`."""
    if rule in {"previous_id", "linked_ids"}:
        return delta.prev_seq != last
    return delta.first_seq > last + 1


@settings(max_examples=300)
@given(
    RULES,
    st.lists(CHANGES, min_size=4, max_size=8),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
    st.lists(st.tuples(FAULTS, st.integers(0, 9), st.integers(0, 3)), max_size=2),
)
def test_a_damaged_stream_is_noticed_at_once_and_never_gives_wrong_levels(
    rule, changes, widths, faults
):
    truths, truth = {10: truth_of(DEEP)}, truth_of(DEEP)
    clean = stream_of(changes, widths)
    for delta in clean:
        change(truth, (delta.bids, delta.asks))
        truths[delta.last_seq] = (dict(truth[0]), dict(truth[1]))
    stream = clean
    for fault, where, back in faults:
        stream = damaged(stream, fault, where, back) or clean
    book = a_book_at(rule, truths[10])

    last = 10
    for delta in stream:
        verdict = book.apply(delta, at(0))
        if must_fail(rule, last, delta):
            assert verdict is Verdict.GAP
            assert (book.state, shown(book)) == ("invalid", ([], []))
            return
        if delta.last_seq > last:
            assert verdict is Verdict.APPLIED
            last = delta.last_seq
        else:
            assert verdict is Verdict.STALE
        assert (book.state, book.last_seq) == ("live", last)
        assert shown(book) == ordered(truths[last])


@given(
    RULES,
    st.lists(CHANGES, min_size=2, max_size=10),
    st.lists(st.integers(1, 3), min_size=10),
    st.data(),
)
def test_however_stream_and_snapshots_meet_a_live_book_is_the_venues(rule, changes, widths, data):
    """Deltas are lost, snapshots are early, late, repeated: live means right, or not live."""
    truths, truth = {10: truth_of(DEEP)}, truth_of(DEEP)
    clean = stream_of(changes, widths)
    for delta in clean:
        change(truth, (delta.bids, delta.asks))
        truths[delta.last_seq] = (dict(truth[0]), dict(truth[1]))
    book = Book(rule)

    for delta in clean:
        if data.draw(st.booleans(), "snapshot"):
            book.apply_snapshot(snapshot_of_some(data, truths), at(0))
            assert_right(book, truths)
        if data.draw(st.integers(0, 4), "lost"):
            book.apply(delta, at(0))
            assert_right(book, truths)
    # Once nothing is lost any more, one snapshot is enough.
    end = clean[-1].last_seq
    book.apply(BookDelta(BTC, [(100, 8)], [], end + 1, end + 1, end), at(0))
    book.apply_snapshot(snapshot_of(truths[end], end), at(0))
    if book.state != "live":
        change(truths[end], ([(100, 8)], []))
        book.apply_snapshot(snapshot_of(truths[end], end + 1), at(0))
    assert book.state == "live"
    assert book.best_bid == (100, 8)


def snapshot_of_some(data: st.DataObject, truths: dict[int, Sides]) -> BookSnapshot:
    seq = data.draw(st.sampled_from(sorted(truths)), "seq")
    return snapshot_of(truths[seq], seq)


def assert_right(book: Book, truths: dict[int, Sides]) -> None:
    if book.state == "live":
        assert shown(book) == ordered(truths[book.last_seq])
    else:
        assert shown(book) == ([], [])


# Finer numbers at any moment


def finer(levels: Sequence[Level], factors: tuple[int, int]) -> list[Level]:
    return [(price * factors[0], size * factors[1]) for price, size in levels]


FACTORS = st.sampled_from([(1, 10), (10, 1), (100, 1_000), (10**6, 10**6)])


@given(RULES, st.lists(WILD_CHANGES, max_size=8), FACTORS, st.integers(0, 8), st.integers(0, 8))
def test_a_book_widened_on_the_way_is_one_that_was_fine_from_the_start(
    rule, changes, factors, joined_at, widened_at
):
    coarse, fine = Book(rule), Book(rule)
    deltas = stream_of(changes, [1] * len(changes))
    scale = (1, 1)

    for number, delta in enumerate([*deltas, None]):
        if number == widened_at % (len(deltas) + 1):
            coarse.widen(*factors)
            scale = factors
        if number == joined_at % (len(deltas) + 1):
            for book, by in ((coarse, scale), (fine, factors)):
                bids, asks = finer(DEEP[0], by), finer(DEEP[1], by)
                book.apply_snapshot(BookSnapshot(BTC, bids, asks, 10 + number), at(number))
        for book, by in ((coarse, scale), (fine, factors)):
            if delta is not None:
                fields = {"bids": finer(delta.bids, by), "asks": finer(delta.asks, by)}
                book.apply(msgspec.structs.replace(delta, **fields), at(number))

    assert coarse.digest_parts() == fine.digest_parts()


TOPS = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(4, 6), st.integers(1, 3))
SEEN = st.lists(st.tuples(st.booleans(), st.integers(0, 5), TOPS), max_size=12)


@given(SEEN, FACTORS, st.integers(0, 12))
def test_quotes_widened_on_the_way_are_judged_as_if_fine_from_the_start(seen, factors, widened_at):
    coarse, fine = QuoteCheck(), QuoteCheck()
    scale = (1, 1)

    for number, (is_quote, update_id, (bid, bid_lots, ask, ask_lots)) in enumerate(seen):
        if number == widened_at:
            coarse.widen(*factors)
            scale = factors
        verdicts = []
        for check, (price, qty) in ((coarse, scale), (fine, factors)):
            top = (bid * price, bid_lots * qty, ask * price, ask_lots * qty)
            if is_quote:
                verdicts.append(check.on_quote(BestQuote(BTC, *top, update_id)))
            else:
                verdicts.append(check.on_top(update_id, top))
        assert verdicts[0] == verdicts[1]
    assert (coarse.checked, coarse.equal) == (fine.checked, fine.equal)
