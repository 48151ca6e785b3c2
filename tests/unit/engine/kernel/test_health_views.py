"""Pictures of how the engine is doing: watched instruments, feeds, health."""

import pytest
from msgspec.structs import replace

from engine.kernel.health_views import health_view
from engine.kernel.views import build, mark_of
from engine.model.account import PrivateDown
from engine.model.envelope import LoopLagged, PartFailed, ScreenJoined, StorageDegraded
from engine.model.facts import OrderAcked
from engine.model.market import ClockMeasured, FeedUp
from engine.model.view import HealthView, WatchRow, WatchView
from tests.builders import (
    BTC,
    ETH,
    FEED,
    START_NS,
    Run,
    a_candle,
    a_delta,
    a_kernel,
    a_live_kernel,
    a_trade,
    a_trader,
    a_wish,
    an_instrument,
    an_update,
    down,
    set_state,
    some_facts,
)
from tests.unit.engine.kernel.live_desk import a_live_desk

MS = 1_000_000
DAY_NS = 86_400_000_000_000


def watched(run: Run) -> tuple[WatchRow, ...]:
    view = build("watch", run.state, a_wish(), run.now_ns, some_facts())
    assert isinstance(view, WatchView)
    return view.rows


def health(run: Run, **facts: object) -> HealthView:
    view = build("health", run.state, a_wish(), run.now_ns, some_facts(**facts))
    assert isinstance(view, HealthView)
    return view


# The watch list.


def test_every_instrument_is_listed_whatever_is_looked_at():
    run = a_live_kernel("100x5", "103x2").take(an_update(an_instrument(ETH), 1, 1))
    run.take(a_trade(101))

    btc, eth = watched(run)

    assert (btc.instrument_id, btc.name, btc.last_ticks) == (BTC, "BTCUSDT", 101)
    assert (btc.spread_ticks, btc.state, btc.freshness, btc.age_ns) == (3, "live", "fresh", 0)
    assert (eth.instrument_id, eth.last_ticks, eth.spread_ticks) == (ETH, None, None)
    assert (eth.state, eth.freshness, eth.age_ns) == ("waiting", "none", None)
    assert (btc.is_held, eth.is_held) == (False, False)


def test_a_book_with_a_gap_has_no_spread():
    row = watched(a_live_kernel().take(a_delta(20)))[0]

    assert (row.state, row.spread_ticks) == ("invalid", None)


@pytest.mark.parametrize("timeframe_s", [60, 900, 3_600])
def test_the_price_of_a_day_ago_is_how_its_candle_began(timeframe_s: int):
    run = a_live_kernel()
    ago_ns = run.now_ns - DAY_NS
    length_ns = timeframe_s * 1_000_000_000
    run.take(
        a_candle((91, 99, 90, 95), timeframe_s=timeframe_s, open_ns=ago_ns - ago_ns % length_ns)
    )

    assert watched(run)[0].day_ago_ticks == 91


def test_the_price_of_a_day_ago_is_unknown_where_no_candle_reaches_so_far():
    run = a_live_kernel().take(a_trade(101))

    assert watched(run)[0].day_ago_ticks is None


def test_what_is_held_is_marked():
    assert [row.is_held for row in watched(a_trader().holds(5, 990))] == [True]


@pytest.mark.parametrize("pane", ["watch", "health"])
def test_the_pictures_are_built_again_twice_a_second(pane):
    run = a_live_kernel()
    first = mark_of(pane, run.state, a_wish(), START_NS)

    assert mark_of(pane, run.state, a_wish(), START_NS + 499 * MS) == first
    assert mark_of(pane, run.state, a_wish(), START_NS + 500 * MS) != first


# Health.


def test_a_new_engine_is_well_and_nobody_looks():
    view = health(a_live_kernel(), inbox_depth=7)

    assert [(book.name, book.state, book.freshness) for book in view.books] == [
        ("BTCUSDT", "live", "fresh")
    ]
    assert (view.trading_state, view.trading_reason) == ("active", "")
    assert (view.is_latched, view.is_journal_ok, view.recording) == (False, True, "")
    assert (view.inbox_depth, view.loop_stalls, view.alarms) == (7, 0, ())
    assert (view.screens, view.holder, view.clock_offset_ns) == ((), "", None)


def test_reconnects_are_counted_from_the_second_opening_on():
    run = a_kernel()
    before = health(run).feeds[0].reconnects

    run.take(down(), FeedUp(FEED), down(), FeedUp(FEED))

    assert (before, health(run).feeds[0].reconnects) == (0, 2)


def test_a_feed_that_never_opened_has_no_reconnects():
    run = Run().take(down())

    assert health(run).feeds[0].reconnects == 0


def test_lag_is_told_once_the_venues_clock_was_measured():
    run = a_live_kernel()
    run.take(replace(a_delta(11), ts_venue_ns=run.now_ns - 30 * MS))
    unknown = health(run).feeds[0].lag_ns

    run.take(ClockMeasured("test", 8 * MS, 2 * MS))

    assert unknown is None
    assert health(run).feeds[0].lag_ns == 38 * MS
    assert health(run).clock_offset_ns == 8 * MS


def test_a_venue_that_sends_no_times_has_no_lag():
    run = a_live_kernel().take(a_delta(11), ClockMeasured("test", 8 * MS, 2 * MS))

    assert health(run).feeds[0].lag_ns is None


def test_who_looks_and_who_gives_the_orders():
    run = a_kernel().take(ScreenJoined("a", looks_only=True), ScreenJoined("b", looks_only=False))

    assert (health(run).screens, health(run).holder) == (("a", "b"), "b")


def test_what_the_shells_know_is_passed_on():
    view = health(
        a_kernel(), is_latched=True, is_latch_persisted=True, is_recording=True, recording="no room"
    )

    assert (view.is_latched, view.is_latch_persisted) == (True, True)
    assert (view.is_recording, view.recording) == (True, "no room")


def test_the_last_stall_is_told():
    run = a_kernel().take(LoopLagged(300 * MS, "x"), LoopLagged(400 * MS, "y"))

    view = health(run)

    assert (view.loop_stalls, view.loop_stall_ns) == (2, 400 * MS)
    assert view.loop_stall_at_ns == run.state.ts_ns


def test_a_trading_state_has_its_reason():
    trader = a_trader()
    set_state(trader, "all", "halted", "by a test")

    assert (health(trader).trading_state, health(trader).trading_reason) == ("halted", "by a test")


def test_a_journal_that_cannot_be_written_is_told():
    assert not health(a_trader().take(StorageDegraded("no room"))).is_journal_ok


def test_failures_of_the_engines_parts_are_counted():
    run = a_kernel().take(PartFailed("latch watch", "KeyError", 1))

    assert health(run).part_failures == 1


def test_contradictions_are_counted():
    desk = a_live_desk()
    desk.tells(OrderAcked(desk.now_ns, "stranger", "v-1"))

    assert health_view(desk.state, desk.now_ns, some_facts()).contradictions == 1


def test_what_is_not_known_of_the_venues_side_is_an_alarm_and_repairs_are_counted():
    desk = a_live_desk()
    desk.side.repairs = 3
    desk.tells(PrivateDown("test", "closed", 0))

    view = health_view(desk.state, desk.now_ns, some_facts())

    assert "the private stream is down (closed)" in view.alarms
    assert view.repairs == 3
