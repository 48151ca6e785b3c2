"""What the screen keeps of the engine's words, and when the engine counts as lost."""

from msgspec.structs import replace

from cockpit.panes.newest import Newest
from engine.port import SILENCE_NS, Goodbye, Heartbeat, ViewFrame, Watch
from tests.fakes.port import EPOCH, START_NS
from tests.ui.market import Market
from tests.ui.scenes import BTC, ETH, a_status

WATCH = Watch(panes=("status", "header", "book", "chart"), instrument_id=BTC)
BOOK = Market().book(WATCH)
CHART = Market().chart(WATCH)


def a_frame(pane, view, epoch: int = EPOCH) -> ViewFrame:
    return ViewFrame(pane, epoch, 1, START_NS, view)


def a_newest() -> Newest:
    newest = Newest(EPOCH, 0)
    newest.expect(WATCH)
    return newest


def test_the_newest_view_replaces_the_one_before():
    newest = a_newest()
    later = replace(BOOK, best_bid_ticks=1)

    newest.take(a_frame("book", BOOK), 1)
    newest.take(a_frame("book", later), 2)

    assert newest.book is later
    assert newest.moment("book", 12).waited_ns == 10


def test_nothing_of_another_instrument_timeframe_or_pane_is_kept():
    newest = a_newest()

    newest.take(a_frame("book", replace(BOOK, instrument_id=ETH)), 1)
    newest.take(a_frame("chart", replace(CHART, timeframe_s=300)), 1)
    newest.take(a_frame("tape", Market().tape(WATCH)), 1)

    assert newest.book is None
    assert newest.chart is None
    assert newest.tape is None


def a_full_newest() -> Newest:
    newest = a_newest()
    newest.take(a_frame("book", BOOK), 1)
    newest.take(a_frame("chart", CHART), 1)
    newest.take(a_frame("status", a_status()), 1)
    return newest


def test_another_timeframe_forgets_the_chart_only():
    newest = a_full_newest()

    newest.expect(replace(WATCH, timeframe_s=300))

    assert newest.chart is None
    assert newest.book is BOOK


def test_another_instrument_forgets_its_panes_only():
    newest = a_full_newest()

    newest.expect(replace(WATCH, instrument_id=ETH))

    assert newest.book is None
    assert newest.status is not None


def test_the_engine_is_lost_after_a_silence_and_found_by_any_message():
    newest = a_newest()

    assert [newest.is_lost(SILENCE_NS + late) for late in (0, 1)] == [False, True]
    newest.take(Heartbeat(START_NS, 1), SILENCE_NS + 2)
    assert not newest.is_lost(SILENCE_NS + 3)
    assert newest.clock_ns == START_NS


def test_a_closed_engine_is_lost_for_good_and_the_first_reason_stays():
    newest = a_newest()

    newest.take(Goodbye("stopped"), 1)
    newest.close("socket closed")

    assert newest.is_lost(1)
    assert newest.closed == "stopped"


def test_a_newer_run_replaces_everything_and_an_older_one_nothing():
    newest = a_newest()
    newest.take(a_frame("book", BOOK), 1)

    newest.take(a_frame("book", replace(BOOK, best_bid_ticks=1), epoch=EPOCH - 1), 2)
    kept = newest.book
    newest.take(a_frame("status", a_status(), epoch=EPOCH + 1), 3)

    assert kept is BOOK
    assert newest.book is None


def test_without_a_wish_the_engines_instrument_is_looked_at():
    newest = Newest(EPOCH, 0)
    newest.expect(replace(WATCH, instrument_id=""))
    newest.take(a_frame("header", Market().header(WATCH)), 1)

    assert newest.instrument_id == BTC
