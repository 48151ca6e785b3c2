"""Trades missed while a connection was lost: fetched, or a gap that is shown."""

from engine.ingest.trade_hole import FETCHED_MAX
from engine.kernel.market import is_repeated
from engine.kernel.views import build
from engine.model.effects import RequestTrades
from engine.model.market import FeedUp, ScalesWidened, Trade, TradesFetched, TradesMissed
from engine.model.view import ChartView
from tests.builders import (
    BTC,
    ETH,
    FEED,
    REST,
    START_NS,
    Run,
    a_kernel,
    a_live_kernel,
    a_trade,
    a_wish,
    an_instrument,
    at,
    down,
    some_facts,
)

OTHER = "feed:test/other"


def a_print(number: int, price: int = 100, qty: int = 1) -> Trade:
    """Return a trade with this id, so many seconds after the start."""
    return a_trade(price, qty, ms=number * 1_000, trade_id=number)


def a_loss(*after: Trade, last: int = 3) -> Run:
    """Return a run that heard trades up to `last`, lost its connection and has it back."""
    run = a_kernel().take(*(a_print(number) for number in range(1, last + 1)))
    run.wait(1_000).take(down()).wait(5_000).take(FeedUp(FEED), *after)
    return run


def fetched(*trades: Trade, number: int = 1, is_whole: bool = False) -> TradesFetched:
    return TradesFetched(BTC, trades, number, is_whole)


def candle(run: Run, minute: int = 0) -> tuple:
    """Return a one-minute candle: open, high, low, close, volume, trades."""
    rows = {row[0]: row[1:] for row in run.market.candles.series[60].own_rows()}
    return rows[START_NS + minute * 60_000_000_000]


def test_after_a_loss_the_span_up_to_the_first_new_trade_is_asked_for():
    run = a_loss(a_print(9))

    assert run.wait(2_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 3, 9, 1)]


def test_without_a_new_trade_the_end_is_open():
    assert a_loss().wait(2_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 3, 0, 1)]


def test_a_connection_that_brings_no_trades_leaves_no_hole():
    run = a_kernel().take(a_print(1), FeedUp(OTHER), down(OTHER), FeedUp(OTHER))

    assert run.wait(5_000).asked(RequestTrades) == []
    assert run.market.flow.hole is None


def test_nothing_is_asked_while_the_connection_is_down():
    run = a_loss().wait(1_000).take(down())

    assert run.wait(60_000).asked(RequestTrades) == []
    assert run.market.flow.hole is not None


def test_a_second_loss_before_the_question_is_the_same_hole():
    run = a_loss().take(down()).wait(1_000).take(FeedUp(FEED))

    assert run.wait(2_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 3, 0, 1)]


def test_missed_trades_make_the_candles_what_they_would_have_been():
    heard = a_kernel().take(*(a_print(n, 100 + n, n) for n in (1, 2, 3, 50, 61, 65, 70)))
    run = a_kernel().take(*(a_print(n, 100 + n, n) for n in (1, 2, 3)))
    run.take(down(), FeedUp(FEED), a_print(70, 170, 70)).wait(2_000)

    run.take(fetched(a_print(61, 161, 61), a_print(65, 165, 65)), source=REST)
    run.take(fetched(a_print(3, 103, 3), a_print(50, 150, 50)), source=REST)
    run.take(fetched(a_print(70, 170, 70), is_whole=True), source=REST)

    assert candle(run) == candle(heard)
    assert candle(run, 1) == candle(heard, 1)
    assert run.said[-1] == "3 missed trades fetched"
    assert run.state.trade_gaps == 0


def test_what_was_fetched_and_comes_by_stream_too_counts_once():
    run = a_loss().wait(2_000)
    run.take(fetched(a_print(4), a_print(5), is_whole=True), source=REST)

    run.take(a_print(4), a_print(5), a_print(6))

    assert candle(run)[-1] == 6
    assert run.market.flow.repeated == 2


def test_what_was_heard_before_the_loss_counts_once():
    run = a_loss(a_print(3), a_print(4))

    assert candle(run)[-1] == 4
    assert run.market.flow.repeated == 1


def test_a_hole_without_trades_closes_without_a_word():
    run = a_loss(a_print(4)).wait(2_000)
    said = list(run.said)

    run.take(fetched(is_whole=True), source=REST)

    assert run.market.flow.hole is None
    assert run.said == said


def test_what_stays_missing_is_a_gap_that_is_told_and_shown():
    run = a_loss(a_print(9)).wait(2_000)
    run.take(fetched(a_print(7)), TradesMissed(BTC, 1, "the venue does not give them"), source=REST)

    assert run.said[-1] == "trades of 6.0 s are missing: the venue does not give them"
    assert run.state.trade_gaps == 1
    assert run.market.candles.missed_since(0) == ((at(3_000), at(9_000)),)
    assert run.market.candles.missed_since(at(9_001)) == ()
    assert candle(run)[-1] == 5


def test_a_gap_without_an_end_reaches_to_now():
    run = a_loss().wait(2_000).take(TradesMissed(BTC, 1, "why"), source=REST)

    assert run.market.candles.missed_since(0) == ((at(3_000), run.now_ns),)


def test_a_loss_while_the_answer_is_under_way_is_asked_for_after_it():
    run = a_loss(a_print(9)).wait(2_000).take(a_print(10), down(), FeedUp(FEED), a_print(15))
    assert run.wait(2_000).asked(RequestTrades) == []

    run.take(fetched(a_print(5), is_whole=True), source=REST)
    assert candle(run)[-1] == 7

    assert run.wait(9_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 10, 15, 2)]
    assert run.state.trade_gaps == 0


def test_a_loss_before_any_trade_came_is_asked_for_anew():
    run = a_loss().wait(2_000).take(down(), FeedUp(FEED))

    run.take(fetched(a_print(5), is_whole=True), source=REST)
    assert run.market.flow.hole is not None

    assert run.wait(2_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 3, 0, 2)]


def test_two_losses_in_a_moment_are_asked_for_together_and_kept_apart():
    run = a_loss(a_print(9)).take(down(), FeedUp(FEED), a_print(15))
    assert run.wait(2_000).asked(RequestTrades) == [RequestTrades(BTC, "trade", 3, 15, 1)]

    run.take(fetched(*(a_print(number) for number in range(3, 16)), is_whole=True), source=REST)

    assert run.said[-1] == "10 missed trades fetched"
    assert candle(run)[-1] == 15


def test_answers_to_nothing_are_let_go():
    run = a_loss(a_print(9))

    for event in (
        TradesFetched(ETH, (a_print(5),), 1, is_whole=True),
        TradesMissed(ETH, 1, "why"),
        fetched(a_print(5), number=7, is_whole=True),
        TradesMissed(BTC, 7, "why"),
    ):
        run.take(event, source=REST)

    assert run.market.flow.hole is not None
    assert candle(run)[-1] == 4
    assert run.state.trade_gaps == 0


def test_more_than_can_be_kept_is_a_gap():
    run = a_loss().wait(2_000)
    ids = range(4, FETCHED_MAX + 5)

    run.take(fetched(*(a_trade(trade_id=n) for n in ids), is_whole=True), source=REST)

    assert run.said[-1].endswith("are missing: too many to be kept")


def test_fetched_trades_follow_finer_scales():
    run = a_loss(a_print(9)).wait(2_000)
    run.take(fetched(a_print(5, 120, 2)), source=REST)

    run.take(ScalesWidened(BTC, 1, 1), fetched(is_whole=True), source=REST)

    assert candle(run)[:5] == (1_000, 1_200, 1_000, 1_000, 60)


def test_another_kind_of_trades_begins_without_a_hole():
    run = a_kernel().take(
        a_trade(trade_id=1, stream="agg_trade"), down(), FeedUp(FEED), a_print(900)
    )

    assert run.wait(2_000).asked(RequestTrades) == []


def test_a_timer_of_an_instrument_that_is_gone_is_harmless():
    run = a_loss()
    run.state.instruments.clear()

    assert run.wait(2_000).asked(RequestTrades) == []


def test_a_hole_is_part_of_the_digest():
    one, two = a_loss(), a_loss()
    assert one.kernel.step_digest() == two.kernel.step_digest()

    hole = two.market.flow.hole
    assert hole is not None
    hole.add([a_print(5)])

    assert one.kernel.step_digest() != two.kernel.step_digest()


def test_the_chart_shows_the_gap():
    run = a_loss(a_print(9)).wait(2_000).take(TradesMissed(BTC, 1, "why"), source=REST)

    view = build("chart", run.state, a_wish(), run.now_ns, some_facts())

    assert isinstance(view, ChartView)
    assert view.missed == ((at(3_000), at(9_000)),)


# Lost within a stream whose ids leave none out.


def a_numbered_run(*trades: Trade) -> Run:
    return a_kernel(an_instrument(has_numbered_trades=True)).take(*trades)


def test_a_jump_is_asked_for_when_late_trades_had_their_time():
    run = a_numbered_run(a_print(1), a_print(4), a_print(5))

    assert run.wait(1_999).asked(RequestTrades) == []
    assert run.wait(1).asked(RequestTrades) == [RequestTrades(BTC, "trade", 1, 4, 1)]
    run.take(fetched(a_print(2), a_print(3), is_whole=True), source=REST)

    assert run.said[-1] == "2 missed trades fetched"
    assert candle(run)[-1] == 5
    assert run.market.flow.hole is None


def test_trades_that_were_only_overtaken_are_not_asked_for():
    run = a_numbered_run(a_print(1, 101), a_print(4, 104))

    run.take(a_print(3, 120), a_print(2, 90))

    assert run.market.flow.hole is None
    assert candle(run) == (101, 120, 90, 104, 4, 4)
    assert run.market.tape.total == 4
    assert run.market.last_ticks == 104
    assert run.wait(60_000).asked(RequestTrades) == []


def test_a_late_trade_counts_once_though_it_is_fetched_too():
    run = a_numbered_run(a_print(1), a_print(4)).wait(2_000).take(a_print(3))

    run.take(fetched(a_print(2), a_print(3), is_whole=True), source=REST)

    assert run.said[-1] == "1 missed trades fetched"
    assert candle(run)[-1] == 4
    assert run.market.flow.fetched == 1


def test_a_jump_that_the_venue_cannot_explain_is_a_gap():
    run = a_numbered_run(a_print(1), a_print(4)).wait(2_000)

    run.take(TradesMissed(BTC, 1, "the venue does not give them"), source=REST)

    assert run.said[-1] == "trades of 3.0 s are missing: the venue does not give them"
    assert run.market.candles.missed_since(0) == ((at(1_000), at(4_000)),)


def test_a_jump_of_which_the_venue_knows_no_trades_closes_without_a_word():
    run = a_numbered_run(a_print(1), a_print(4)).wait(2_000)
    said = list(run.said)

    run.take(fetched(is_whole=True), source=REST)

    assert run.market.flow.hole is None
    assert run.said == said


def test_one_jump_after_the_other_is_asked_for_at_a_decent_pace():
    run = a_numbered_run(a_print(1), a_print(4)).wait(2_000)
    run.take(fetched(a_print(2), a_print(3), is_whole=True), source=REST)

    run.take(a_print(9))

    assert run.wait(9_999).asked(RequestTrades) == []
    assert run.wait(1).asked(RequestTrades) == [RequestTrades(BTC, "trade", 4, 9, 2)]


def test_where_ids_are_left_out_nothing_is_asked_for():
    run = a_kernel().take(a_print(1), a_print(4))

    assert run.wait(60_000).asked(RequestTrades) == []


def test_what_was_lost_before_the_venue_counts_anew_is_a_gap():
    run = a_numbered_run(a_print(100), a_print(104), a_trade(ms=106_000, trade_id=1))

    assert run.said[-1] == "trades of 4.0 s are missing: the venue counts its trades anew"
    assert run.market.flow.hole is None


def test_trades_of_an_unknown_instrument_have_no_hole():
    run = a_kernel().take(a_trade(instrument_id=ETH))

    assert run.state.unknown_instrument == 1


# What comes for the second time.


def test_a_repeated_trade_changes_nothing_but_its_counter():
    run = a_live_kernel().take(a_print(1), a_print(2))
    before = candle(run), run.market.tape.total, run.market.trades

    run.take(a_print(1), a_print(2))

    assert (candle(run), run.market.tape.total, run.market.trades) == before
    assert run.market.flow.repeated == 2


def test_what_tells_nothing_new_is_known_until_the_next_event():
    run = a_kernel().take(a_print(1))
    assert not is_repeated(run.state, a_print(1))

    run.take(a_print(1))
    assert is_repeated(run.state, a_print(1))
    assert not is_repeated(run.state, a_trade(instrument_id=ETH))
    assert not is_repeated(run.state, FeedUp(FEED))
