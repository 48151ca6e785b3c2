"""Market data through the kernel: whole books, lost books, snapshots asked for, trades, candles."""

from decimal import Decimal

import msgspec
import pytest

from engine.ingest.book import NO_FLOOR
from engine.ingest.checksum import checksum_of
from engine.kernel.state import INSTRUMENTS_MAX
from engine.model.effects import Notify, RequestSnapshot
from engine.model.instrument import InstrumentId
from engine.model.market import BookSnapshot, FeedUp, ScalesWidened
from tests.builders import (
    BTC,
    ETH,
    FEED,
    REST,
    Run,
    a_candle,
    a_delta,
    a_kernel,
    a_live_kernel,
    a_mark,
    a_quote,
    a_snapshot,
    a_trade,
    an_instrument,
    an_update,
    at,
    down,
    shown,
)

ASK = [RequestSnapshot(BTC)]


def requests(run: Run) -> list:
    """Return the snapshots that the last call asked for."""
    return run.asked(RequestSnapshot)


def answer(run: Run, *args, **kwargs) -> Run:
    """Hand over the answer to a request for a snapshot."""
    return run.take(a_snapshot(*args, **kwargs), source=REST)


# What is known of instruments


def test_an_instrument_is_kept_from_its_description_on():
    run = a_kernel()

    assert run.market.instrument == an_instrument()
    assert (run.market.price_decimals, run.market.book.rule) == (0, "contiguous_ids")
    assert run.market.detectors


@pytest.mark.parametrize(
    "event",
    [
        a_delta(1, instrument_id=ETH),
        a_snapshot(instrument_id=ETH),
        a_trade(instrument_id=ETH),
        a_candle(instrument_id=ETH),
        ScalesWidened(ETH, 1, 1),
    ],
    ids=lambda event: type(event).__name__,
)
def test_data_of_an_unknown_instrument_is_counted_and_makes_none(event):
    run = a_kernel().take(event)

    assert run.state.unknown_instrument == 1
    assert list(run.state.instruments) == [BTC]


@pytest.mark.parametrize("event", [a_quote(), a_mark()], ids=["quote", "mark"])
def test_data_before_its_instrument_is_counted(event):
    run = Run().take(event)

    assert run.state.unknown_instrument == 1


def test_a_venue_that_invents_names_fills_no_memory():
    run = a_kernel()

    for number in range(INSTRUMENTS_MAX):
        run.take(an_update(an_instrument(InstrumentId(f"test:{number}"))))

    assert len(run.state.instruments) == INSTRUMENTS_MAX
    assert run.state.unknown_instrument == 1


def test_an_instrument_that_changed_is_told():
    run = a_live_kernel()

    run.take(an_update(an_instrument(tick_size=Decimal("0.5")), 1, 0))

    assert run.market.instrument.tick_size == Decimal("0.5")
    assert run.said[-1] == "test:BTCUSDT changed at the venue"
    assert shown(run.market.book) == "1000x5 10x1 | 1010x5"


def test_the_same_description_again_is_no_news():
    run = a_live_kernel()

    assert run.take(an_update()).effects == []


def test_a_finer_number_widens_in_place_and_the_book_lives_on():
    run = a_live_kernel("100x5", "101x2")

    run.take(ScalesWidened(BTC, 1, 1), a_delta(11, bids="1005x7"))

    assert shown(run.market.book) == "1005x7 1000x50 10x10 | 1010x20"
    assert run.effects == []


# How a book becomes whole


def test_the_first_delta_asks_for_a_snapshot_and_the_answer_makes_the_book_whole():
    run = a_kernel().take(a_delta(11, bids="99x1"))
    assert requests(run) == ASK
    assert requests(run.take(a_delta(12, bids="98x1"))) == []

    answer(run, "100x5", "101x2", seq=10)

    assert run.market.book.state == "live"
    assert shown(run.market.book) == "100x5 99x1 98x1 | 101x2"
    assert run.asked(Notify) == []


def test_an_answer_that_does_not_come_is_asked_for_again_later_and_later():
    run = a_kernel().take(a_delta(11))
    asked_at = [ms for ms in range(0, 100_000, 1_000) if requests(run.wait(1_000))]

    # 2, 4, 8, 16 seconds, then every 30.
    assert [ms + 1_000 for ms in asked_at] == [2_000, 6_000, 14_000, 30_000, 60_000, 90_000]


def test_nobody_asks_for_a_book_that_is_whole():
    run = answer(a_kernel().take(a_delta(11)), seq=10)

    assert not any(requests(run.wait(1_000)) for _ in range(60))


def test_a_snapshot_that_is_too_old_is_followed_by_another_one_a_second_later():
    run = a_kernel().take(a_delta(20))
    run.wait(100)

    assert requests(answer(run, seq=10)) == []
    assert run.market.book.state == "invalid"
    assert requests(run.wait(899)) == []
    assert requests(run.wait(1)) == ASK
    assert answer(run, seq=19).market.book.state == "live"


def test_a_venue_whose_snapshots_never_fit_is_asked_less_and_less():
    run = a_kernel().take(a_delta(20))
    asked = 1
    for _ in range(600):
        answer(run, seq=10)
        asked += len(requests(run.wait(100)))

    # After 0, 1, 3, 7, 15, 31 seconds instead of 600 times.
    assert asked == 6
    assert answer(run, seq=19).market.book.state == "live"


def test_a_book_that_breaks_again_and_again_asks_once_a_second():
    run = a_live_kernel("100x5", "101x2")
    asked = 0
    for number in range(50):
        run.take(a_delta(100 * number + 100))
        asked += len(requests(run))
        asked += len(requests(run.wait(100)))
        answer(run, "100x5", "101x2", seq=100 * number + 100)

    assert run.market.book.state == "live"
    assert asked == 5


def test_a_stale_snapshot_changes_nothing():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11, bids="99x1"))
    version = run.market.book_version

    answer(run, "1x1", "2x1", seq=10)

    assert run.market.book_version == version
    assert shown(run.market.book) == "100x5 99x1 1x1 | 101x2"


# How a book is lost


def test_a_gap_throws_the_book_away_says_so_and_asks_at_once():
    run = a_live_kernel()
    run.wait(1_000)

    run.take(a_delta(13))

    assert run.market.book.state == "invalid"
    assert run.state.gaps == 1
    assert run.market.last_gap is not None
    assert run.market.last_gap.expected == 10
    assert run.said[-1] == "book: sequence gap, resync"
    assert requests(run) == ASK


def test_a_book_that_is_back_is_told():
    run = a_live_kernel().take(a_delta(13))

    answer(run, seq=12)

    assert run.market.book.state == "live"
    assert run.said[-1] == "book is whole again"


def test_the_first_book_of_an_instrument_is_not_whole_again():
    run = a_live_kernel().take(a_delta(13))

    run.take(an_update(an_instrument(ETH)), a_delta(1, instrument_id=ETH))
    answer(run, seq=0, instrument_id=ETH)

    assert "book is whole again" not in run.said


def test_a_side_that_empties_loses_the_book_without_a_gap():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11, asks="101x0"))

    assert run.said[-1] == "book: a side is empty, resync"
    assert (run.state.gaps, run.market.last_gap) == (0, None)


def test_a_book_that_stays_crossed_is_found_although_nothing_comes():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11, bids="102x1"))
    assert run.wait(250).market.book.state == "live"

    run.wait(250)

    assert run.market.book.state == "invalid"
    assert run.said[-1] == "book: bid and ask crossed, resync"


# Best quotes


@pytest.mark.parametrize("is_quote_first", [True, False])
def test_a_best_quote_that_contradicts_the_book_loses_it(is_quote_first):
    events = [a_quote("100x5", "101x1", 11), a_delta(11)]
    run = a_live_kernel("100x5", "101x2")

    run.take(*events if is_quote_first else events[::-1])

    assert run.market.book.state == "invalid"
    assert run.market.quotes_unequal == 1
    assert run.said[-1] == "book: best quote differs from the book, resync"


def test_a_best_quote_that_fits_is_only_counted():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11), a_quote("100x5", "101x2", 11))

    assert (run.market.quotes.checked, run.market.quotes.equal) == (1, 1)
    assert run.effects == []


def test_a_quote_of_a_book_that_is_gone_breaks_nothing_further():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11), a_delta(20))

    run.take(a_quote("1x1", "2x1", 11))

    assert run.market.quotes_unequal == 0


def test_late_quotes_for_a_wrong_book_do_not_break_the_next_one():
    run = a_live_kernel("100x5", "101x2").take(a_delta(11), a_delta(12), a_delta(13))
    run.take(a_quote("100x5", "101x1", 11))
    answer(run, "100x5", "101x1", seq=13)

    run.take(a_quote("100x5", "101x1", 12))

    assert run.market.book.state == "live"
    assert run.market.quotes_unequal == 1


# Connections


def test_a_book_whose_connection_is_lost_is_no_book():
    run = a_live_kernel().take(down())

    assert (run.market.book.state, run.market.book.note) == ("invalid", "connection lost")
    assert requests(run) == []
    assert requests(run.wait(60_000)) == []


def test_another_connection_may_be_lost():
    run = a_live_kernel().take(down("feed:test/market"))

    assert run.market.book.state == "live"


def test_each_further_attempt_to_connect_is_no_news_for_the_book():
    run = a_live_kernel().take(down())
    run.wait(1_000)

    run.take(down(attempt=2))

    assert run.market.book_state_ns == at(0)


def test_the_first_delta_of_the_new_connection_asks_for_the_book():
    run = a_live_kernel().take(down())
    run.wait(2_000)
    run.take(FeedUp(FEED))

    assert requests(run.take(a_delta(50))) == ASK
    assert answer(run, seq=49).market.book.state == "live"
    assert run.said[-1] == "book is whole again"


def test_an_answer_that_comes_while_the_connection_is_down_makes_no_book():
    run = a_kernel().take(a_delta(11), down())

    answer(run, seq=10)

    assert run.market.book.state == "invalid"
    assert requests(run.wait(60_000)) == []


def test_deltas_of_the_lost_connection_do_not_wait_for_the_new_one():
    run = a_kernel().take(a_delta(11, bids="99x1"), down(), FeedUp(FEED))
    run.wait(2_000)

    run.take(a_delta(50))
    answer(run, "100x5", "101x2", seq=49)

    assert shown(run.market.book) == "100x5 | 101x2"
    assert run.state.gaps == 0


def test_an_answer_from_before_the_loss_is_proved_by_the_first_delta_after_it():
    run = a_kernel().take(a_delta(11), down(), FeedUp(FEED))

    assert answer(run, "100x5", "101x2", seq=12).market.book.state == "live"
    run.take(a_delta(50))

    assert run.market.book.state == "invalid"
    assert run.state.gaps == 1


# Trades


def test_trades_go_onto_the_tape_and_into_the_candles():
    run = a_kernel().take(a_trade(100, 2), a_trade(103, 1), a_trade(102, 1))

    assert [trade.price_ticks for trade in run.market.tape.newest(5)] == [102, 103, 100]
    assert next(run.market.candles.series[60].own_rows())[1:] == (100, 103, 100, 102, 4, 3)
    assert (run.market.last_ticks, run.market.last_is_up, run.market.trades) == (102, False, 3)


def test_the_direction_is_that_of_the_last_change():
    run = a_kernel().take(a_trade(100))
    assert run.market.last_is_up is None

    run.take(a_trade(101), a_trade(101))

    assert run.market.last_is_up is True


def test_prints_outside_the_book_are_shown_but_make_no_price():
    run = a_kernel().take(a_trade(100), a_trade(500, is_market=False))

    assert run.market.tape.total == 2
    assert run.market.trades_not_market == 1
    assert run.market.last_ticks == 100
    assert next(run.market.candles.series[60].own_rows())[2] == 100


def test_aggregated_trades_serve_where_there_are_no_others():
    run = a_kernel().take(a_trade(stream="agg_trade"), a_trade(stream="agg_trade"))

    assert (run.market.trades, run.market.trades_other_stream) == (2, 0)


def test_the_first_single_print_ends_the_use_of_aggregated_ones():
    run = a_kernel().take(
        a_candle(minute=-1),
        a_trade(100, 5, stream="agg_trade"),
        a_trade(100, 2),
        a_trade(100, 3),
        a_trade(100, 5, stream="agg_trade"),
    )

    rows = run.market.candles.series[60].newest(5)
    assert [row[5] for row in rows] == [7, 5]
    assert (run.market.trades, run.market.trades_other_stream) == (2, 2)
    assert [trade.stream for trade in run.market.tape.newest(5)] == ["trade", "trade"]


# Candles and mark prices of the venue


def test_the_venues_candles_are_kept():
    run = a_kernel().take(a_candle((90, 95, 85, 91), minute=-1))

    assert run.market.candles.series[60].newest(1)[0][1:5] == (90, 95, 85, 91)
    assert run.market.candle_version == 1


def test_the_newest_mark_price_is_kept():
    run = a_kernel().take(a_mark("100.5"), a_mark("100.6"))

    assert run.market.mark is not None
    assert run.market.mark.mark == Decimal("100.6")
    assert run.market.mark_version == 2


# Detectors follow what a venue says of an instrument.


def test_detectors_start_when_the_quote_currency_becomes_known():
    run = a_kernel(an_instrument(quote=""))
    assert run.market.detectors_off == "off: quote currency unknown"
    version = run.state.signals_version

    run.take(an_update(an_instrument(quote="USDT")))

    assert run.market.detectors
    assert run.market.detectors_off == ""
    assert run.market.book.addition_floor < NO_FLOOR
    assert run.state.signals_version > version


def test_detectors_stop_when_the_thresholds_no_longer_mean_anything():
    run = a_kernel(an_instrument(quote="USDT"))

    run.take(an_update(an_instrument(quote="EUR")))

    assert run.market.detectors == ()
    assert run.market.detectors_off == "off: thresholds are in dollars, the quote is EUR"
    assert run.market.book.addition_floor == NO_FLOOR


def test_detectors_go_on_when_something_else_changes():
    run = a_kernel(an_instrument())
    before = run.market.detectors

    run.take(an_update(an_instrument(tick_size=Decimal(2))))

    assert run.market.detectors is before


# Books that come with their stream


def streamed(seq: int = 10) -> BookSnapshot:
    return msgspec.structs.replace(a_snapshot(seq=seq), is_streamed=True)


def a_linked_kernel(**changed) -> Run:
    return a_kernel(an_instrument(rule="linked_ids", **changed))


def test_a_book_that_came_with_the_stream_is_lost_with_it_before_anything_changed():
    run = a_linked_kernel().take(streamed())
    assert (run.market.book.state, requests(run)) == ("live", [])

    run.take(down())

    assert (run.market.book.state, run.market.book.note) == ("invalid", "connection lost")


def test_a_change_before_the_streams_book_asks_for_one():
    run = a_linked_kernel().take(a_delta(10, prev=9))

    assert (requests(run), run.state.gaps) == (ASK, 1)


@pytest.mark.parametrize(("contract", "is_right"), [(None, True), (Decimal("0.5"), False)])
def test_a_checksum_is_reckoned_in_the_venues_unit(contract, is_right):
    run = a_linked_kernel(contract_size=contract).take(streamed())
    told = checksum_of(run.market.book, 0, 0, None)

    run.take(msgspec.structs.replace(a_delta(11, prev=10), checksum=told))

    assert requests(run) == ([] if is_right else ASK)
