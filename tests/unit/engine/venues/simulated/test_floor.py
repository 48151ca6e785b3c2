"""One instrument's floor: what it shows when it opens, and when it opens again."""

from engine.model.envelope import Event
from engine.model.market import BookSnapshot, Candle, InstrumentUpdated, MarkPrice
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.floor import Floor, Temper
from engine.venues.simulated.instruments import INSTRUMENTS

START_NS = 1_753_600_000_123_456_789


def an_open_floor(seed: int = 1) -> tuple[Floor, list[Event]]:
    sink: list[Event] = []
    floor = Floor(INSTRUMENTS[0], Temper(seed, 1.0, is_first=True), START_NS, sink)
    floor.open(START_NS)
    return floor, sink


def test_it_opens_with_description_history_book_and_mark() -> None:
    _, sink = an_open_floor()

    kinds = [type(event) for event in sink]
    assert kinds[0] is InstrumentUpdated
    assert set(kinds[1:-2]) == {Candle}
    assert kinds[-2:] == [BookSnapshot, MarkPrice]


def test_the_first_book_lies_around_the_last_close() -> None:
    _, sink = an_open_floor()
    closes = [e.close_ticks for e in sink if isinstance(e, Candle) and e.timeframe_s == 60]
    book = next(event for event in sink if isinstance(event, BookSnapshot))

    assert book.bids[0][0] <= closes[-1] <= book.asks[0][0]


def test_every_action_comes_later_than_the_moment_it_was_asked_at() -> None:
    floor, _ = an_open_floor()

    for due_ns, action in floor.actions(START_NS, is_opening=True):
        assert due_ns > START_NS
        assert action(due_ns) > due_ns


def test_it_opens_again_with_a_book_that_follows_the_last() -> None:
    floor, sink = an_open_floor()
    before = floor.desk.last_seq
    sink.clear()

    floor.reopen(START_NS, START_NS + 3_600 * NS_PER_S)

    book, mark = sink[-2:]
    assert isinstance(book, BookSnapshot)
    assert book.last_seq == before + 1
    assert isinstance(mark, MarkPrice)


def test_a_floor_without_a_touch_marks_at_the_fair_value() -> None:
    floor, sink = an_open_floor()
    last = sink[-1]
    floor.desk.clear()

    mark = floor._marked(START_NS)

    assert isinstance(last, MarkPrice)
    assert isinstance(mark, MarkPrice)
    assert abs(mark.mark / last.mark - 1) < 0.0005


def test_a_snapshot_is_the_book_that_was_shown() -> None:
    floor, sink = an_open_floor()

    assert floor.snapshot(START_NS) == sink[-2]
