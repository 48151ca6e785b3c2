"""Pictures for screens: what they show, and that a mark changes whenever its picture would."""

from decimal import Decimal

import msgspec
import pytest

from engine.kernel.desk_views import orders_view, positions_view
from engine.kernel.freshness import book_freshness
from engine.kernel.views import build, mark_of, status_view
from engine.model.commands import Disarm, EngageKill
from engine.model.envelope import Event
from engine.model.market import BookSnapshot, FeedUp, FrameRefused, ScalesWidened
from engine.model.view import (
    BookView,
    ChartView,
    FeedView,
    HeaderView,
    LogView,
    RiskView,
    StatusView,
    TapeView,
    WhalesView,
)
from tests.builders import (
    BTC,
    ETH,
    FEED,
    REST,
    START_NS,
    Run,
    a_candle,
    a_delta,
    a_kernel,
    a_live_kernel,
    a_mark,
    a_snapshot,
    a_trade,
    a_trader,
    a_wish,
    an_instrument,
    an_update,
    at,
    down,
    some_facts,
)

NS_PER_S = 1_000_000_000


def view(run: Run, pane, **wish):
    return build(pane, run.state, a_wish(**wish), run.now_ns, some_facts())


def header(run: Run) -> HeaderView:
    found = view(run, "header")
    assert isinstance(found, HeaderView)
    return found


def book(run: Run, **wish) -> BookView:
    found = view(run, "book", **wish)
    assert isinstance(found, BookView)
    return found


def chart(run: Run, **wish) -> ChartView:
    found = view(run, "chart", **wish)
    assert isinstance(found, ChartView)
    return found


def tape(run: Run, **wish) -> TapeView:
    found = view(run, "tape", **wish)
    assert isinstance(found, TapeView)
    return found


def whales(run: Run, **wish) -> WhalesView:
    found = view(run, "whales", **wish)
    assert isinstance(found, WhalesView)
    return found


def the_feed(run: Run) -> FeedView:
    status = view(run, "status")
    assert isinstance(status, StatusView)
    return status.feeds[0]


# The book


def test_the_book_shows_its_best_rows():
    shown = book(a_live_kernel("100x5 99x3 98x1", "101x2 102x4"), book_rows=2)

    assert shown.bids == ((100, 5), (99, 3))
    assert shown.asks == ((101, 2), (102, 4))
    assert (shown.best_bid_ticks, shown.best_ask_ticks) == (100, 101)
    assert (shown.state, shown.freshness, shown.age_ns) == ("live", "fresh", 0)


def test_rows_are_summed_away_from_the_spread():
    shown = book(a_live_kernel("100x5 99x3 96x1 95x2", "101x2 104x4 105x1 106x7"), book_group=5)

    assert shown.bids[:2] == ((100, 5), (95, 6))
    assert shown.asks == ((105, 7), (110, 7))
    assert shown.group_ticks == 5


def test_rows_reach_as_far_as_there_is_room_and_empty_rows_take_room():
    shown = book(a_live_kernel("100x5 97x3 90x1", "101x2"), book_rows=4)

    assert shown.bids == ((100, 5), (97, 3))


def test_the_group_counts_in_steps_of_the_venue():
    run = a_live_kernel("1000x5 995x1 990x3", "1010x2")
    run.take(an_update(an_instrument(tick_size=Decimal("0.5")), 1, 0))

    shown = book(run, book_group=2)

    assert (shown.tick_ticks, shown.group_ticks) == (5, 10)


def test_a_book_that_is_not_live_shows_no_levels_and_says_why():
    shown = book(a_live_kernel().take(a_delta(20)))

    assert (shown.state, shown.note) == ("invalid", "sequence gap")
    assert (shown.bids, shown.asks) == ((), ())
    assert (shown.best_bid_ticks, shown.best_ask_ticks) == (None, None)
    assert shown.state_since_ns == at(0)


def test_a_book_that_never_came_has_no_age():
    shown = book(a_kernel())

    assert (shown.freshness, shown.age_ns) == ("none", None)


def test_a_silent_book_grows_old():
    run = a_live_kernel()

    ages = []
    for ms in (1_999, 1, 2_999, 1):
        run.wait(ms)
        ages.append(book(run).freshness)

    assert ages == ["fresh", "slow", "slow", "stale"]


def test_a_quiet_book_is_not_old_while_its_connection_delivers():
    run = a_live_kernel().take(an_update(an_instrument(ETH)))
    run.wait(10_000)

    run.take(a_trade(instrument_id=ETH))

    assert book(run).age_ns == 0
    assert book_freshness(run.state, run.market, run.now_ns) == "fresh"


def test_a_connection_that_is_back_and_silent_does_not_make_a_book_younger():
    run = a_live_kernel()
    run.wait(3_000)
    run.take(down())
    assert book(run).age_ns == 3_000_000_000

    run.take(FeedUp(FEED))

    assert book(run).age_ns == 3_000_000_000


# Header


def test_the_header_shows_last_mark_index_and_funding():
    shown = header(a_live_kernel().take(a_trade(100, 3), a_trade(101, 4), a_mark()))

    assert (shown.last_ticks, shown.last_is_up) == (101, True)
    assert (shown.mark, shown.index, shown.funding_rate) == ("100.5", "100.4", "0.0001")
    assert shown.next_funding_ns == at(3_600_000)
    assert shown.volume_1h == 7
    assert not shown.scales_inferred


def test_what_is_unknown_is_absent_from_the_header():
    shown = header(a_kernel(an_instrument(tick_size=None)))

    assert (shown.last_ticks, shown.last_is_up, shown.freshness) == (None, None, "none")
    assert (shown.mark, shown.index, shown.funding_rate) == (None, None, None)
    assert shown.next_funding_ns is None
    assert shown.scales_inferred


def test_a_spot_price_has_no_funding():
    mark = a_mark(index=None, funding_rate=None, next_funding_ns=0)

    shown = header(a_kernel().take(mark))

    assert (shown.mark, shown.index) == ("100.5", None)
    assert (shown.funding_rate, shown.next_funding_ns) == (None, None)


def test_tiny_rates_are_written_without_an_exponent():
    shown = header(a_kernel().take(a_mark(funding_rate=Decimal("1E-8"))))

    assert shown.funding_rate == "0.00000001"


def test_no_trade_while_the_book_lives_means_that_nobody_traded():
    run = a_live_kernel().take(a_trade())
    run.wait(60_000)
    assert header(run).freshness == "slow"

    run.take(a_delta(11))

    assert header(run).freshness == "fresh"


# Chart


def test_the_chart_shows_the_newest_candles():
    run = a_kernel().take(a_candle(minute=-2), a_candle((1, 2, 1, 2), minute=-1), a_trade(100, 3))

    shown = chart(run, chart_candles=2)

    minute_ns = 60 * NS_PER_S
    assert shown.candles == (
        (START_NS - minute_ns, 1, 2, 1, 2, 7),
        (START_NS, 100, 100, 100, 100, 3),
    )


def test_a_timeframe_that_is_not_kept_has_no_candles():
    assert chart(a_kernel().take(a_trade()), timeframe_s=7).candles == ()


# Tape


def test_the_tape_shows_the_newest_prints_and_marks_big_ones():
    run = a_kernel().take(
        a_trade(100, 249), a_trade(100, 250, sells=True), a_trade(99, is_market=False)
    )

    shown = tape(run, tape_rows=5)

    assert [(row.qty_lots, row.is_big) for row in shown.rows] == [
        (1, False),
        (250, True),
        (249, False),
    ]
    assert [row.is_market for row in shown.rows] == [False, True, True]
    assert [row.buyer_is_taker for row in shown.rows] == [True, False, True]
    assert shown.total == 3
    assert shown.trades_per_s == pytest.approx(0.3)
    assert shown.buy_share_60s == pytest.approx((24_900 + 99) / (24_900 + 25_000 + 99))


def test_without_a_threshold_no_print_is_big():
    run = a_kernel(an_instrument(quote="BTC")).take(a_trade(100, 10**6))

    assert not tape(run).rows[0].is_big


# Whales


def a_wall_kernel() -> Run:
    bids = "100x50 99x50 98x50 97x50 96x50"
    return a_live_kernel(bids, "101x50").take(a_delta(11, bids="99x400"))


def test_signals_are_shown_newest_first_with_their_decimals():
    run = a_wall_kernel().take(a_delta(12, bids="98x900"), ScalesWidened(BTC, 2, 0))

    shown = whales(run)

    assert [(row.price_low_ticks, row.price_decimals) for row in shown.rows] == [
        (9_800, 2),
        (9_900, 2),
    ]
    assert (shown.threshold_usd, shown.off_reason) == (25_000.0, "")


def test_where_detectors_are_off_the_reason_is_shown():
    shown = whales(a_kernel(an_instrument(quote="BTC")))

    assert shown.threshold_usd is None
    assert "BTC" in shown.off_reason


def test_signals_of_others_are_shown_before_an_instrument_is_known():
    shown = whales(a_wall_kernel(), instrument_id=ETH)

    assert len(shown.rows) == 1
    assert (shown.threshold_usd, shown.off_reason) == (None, "")


# Status and log


def test_the_status_shows_the_run_and_its_instruments():
    run = a_kernel().take(a_trade(101), FrameRefused(FEED, "bad"))

    shown = status_view(run.state, run.now_ns, some_facts(replay_speed=2.0, replay_ended=True))

    assert [(row.name, row.last_ticks) for row in shown.instruments] == [("BTCUSDT", 101)]
    assert (shown.mode, shown.venue, shown.bad_frames) == ("sim", "test", 1)
    assert (shown.events_per_s, shown.inbox_depth, shown.seq) == (1.5, 2, run.state.seq)
    assert (shown.replay_speed, shown.replay_ended) == (2.0, True)


def test_a_connection_is_shown_without_the_word_feed():
    assert the_feed(a_kernel()).name == "test/public"


def test_a_connection_is_connecting_until_something_comes_or_too_long():
    run = a_kernel()
    assert the_feed(run).state == "connecting"

    run.wait(5_000)

    assert (the_feed(run).state, the_feed(run).age_ns) == ("stale", None)


def test_a_connection_goes_from_ok_to_slow_to_stale():
    run = a_live_kernel().take(a_delta(11))

    states = []
    for ms in (0, 2_000, 3_000):
        run.wait(ms)
        states.append(the_feed(run).state)

    assert states == ["ok", "slow", "stale"]


def test_a_connection_whose_book_is_fetched_again_is_in_resync():
    run = a_live_kernel().take(a_delta(11))

    assert the_feed(run.take(a_delta(20))).state == "resync"


def test_a_lost_connection_counts_down_to_the_next_attempt():
    run = a_live_kernel().take(down())
    run.wait(2_000)
    assert the_feed(run) == FeedView(
        "test/public", "down", 2 * NS_PER_S, 3 * NS_PER_S, "connection reset"
    )

    run.wait(10_000)

    assert the_feed(run).retry_in_ns == 0


def test_a_connection_that_is_not_tried_again_has_no_countdown():
    run = a_kernel().take(msgspec.structs.replace(down(), retry_at_ns=0))

    assert the_feed(run).retry_in_ns is None


def test_the_log_shows_the_newest_line_first():
    shown = view(a_kernel().take(down()), "log")

    assert isinstance(shown, LogView)
    assert [row.text for row in shown.rows] == [
        "connection reset",
        "connected",
        "cockpit 0.1 started",
    ]


@pytest.mark.parametrize("pane", ["header", "book", "chart", "tape"])
def test_an_unknown_instrument_has_no_picture(pane):
    assert view(a_kernel(), pane, instrument_id=ETH) is None
    assert mark_of(pane, a_kernel().state, a_wish(instrument_id=ETH), at(0)) is None


def test_the_panes_of_the_desk_need_no_instrument():
    trader = a_trader().holds(5)
    trader.works()

    assert view(trader, "positions", instrument_id=ETH) == positions_view(trader.state)
    assert view(trader, "orders", instrument_id=ETH) == orders_view(trader.state)


def test_the_risk_pane_says_whether_latch_and_journal_are_as_they_should_be():
    trader = a_trader()
    trader.desk.is_journal_ok = False
    facts = some_facts(is_latched=True, is_latch_persisted=True)

    shown = build("risk", trader.state, a_wish(), trader.now_ns, facts)

    assert isinstance(shown, RiskView)
    assert (shown.is_latched, shown.is_persisted, shown.is_journal_ok) == (True, True, False)


# Marks

HAPPENINGS: list[Event] = [
    a_trade(100, 3),
    a_trade(101, 2, sells=True),
    a_trade(99, 1, is_market=False),
    a_mark(),
    a_candle((90, 95, 85, 91), minute=-1),
    a_delta(10, bids="99x1", prev=9),
    a_snapshot("100x50 99x50 98x50", "101x50", seq=10),
    a_delta(11, bids="99x400"),
    ScalesWidened(BTC, 0, 1),
    a_delta(12, bids="98x1"),
    ScalesWidened(BTC, 2, 1),
    an_update(an_instrument(tick_size=Decimal("0.05")), 2, 1),
    an_update(an_instrument(ETH)),
    a_delta(20),
    a_snapshot("10000x5", "10100x5", seq=30),
    a_delta(31, bids="10000x0"),
    down(),
    FeedUp(FEED),
]


def picture(run: Run, pane, wish) -> object:
    """Return what a pane shows, without ages: those a screen counts on by itself."""
    shown = build(pane, run.state, wish, run.now_ns, some_facts())
    plain = msgspec.to_builtins(shown)
    if isinstance(plain, dict):
        plain.pop("age_ns", None)
    return plain


@pytest.mark.parametrize("pane", ["header", "book", "chart", "tape", "whales", "log"])
@pytest.mark.parametrize("pause_ms", [0, 700, 70_000])
def test_a_mark_changes_whenever_the_picture_would(pane, pause_ms):
    run = a_kernel()
    wishes = [a_wish(), a_wish(instrument_id=ETH), a_wish(book_rows=3, tape_rows=2)]
    seen: dict[object, object] = {}

    for event in HAPPENINGS:
        run.take(event, source=REST if isinstance(event, BookSnapshot) else FEED)
        for _ in range(2):
            for wish in wishes:
                mark = (wish, mark_of(pane, run.state, wish, run.now_ns))
                assert seen.setdefault(mark, picture(run, pane, wish)) == picture(run, pane, wish)
            run.wait(pause_ms)


def test_the_status_is_built_twice_a_second_and_when_there_is_news():
    run, wish = a_kernel(), a_wish()
    marks = [mark_of("status", run.state, wish, at(ms)) for ms in (0, 499, 500)]

    assert marks[0] == marks[1] != marks[2]
    assert mark_of("status", run.take(down()).state, wish, at(0)) != marks[0]


@pytest.mark.parametrize("pane", ["positions", "orders", "risk"])
def test_the_desk_is_built_anew_when_it_changes_and_twice_a_second_for_its_prices(pane):
    trader, wish = a_trader(), a_wish()
    marks = [mark_of(pane, trader.state, wish, at(ms)) for ms in (0, 499, 500)]
    assert marks[0] == marks[1] != marks[2]

    for action in (Disarm(), EngageKill()):
        before = mark_of(pane, trader.state, wish, at(0))
        trader.say(action)
        assert mark_of(pane, trader.state, wish, at(0)) != before
