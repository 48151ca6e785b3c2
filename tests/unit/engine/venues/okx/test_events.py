"""What OKX's messages say: books with their ids, prints, quotes, candles, mark prices."""

import json
from decimal import Decimal

import pytest

from engine.model.errors import VenuePayloadError
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    MarkPrice,
    SecondQuote,
    Trade,
    TradesFetched,
)
from engine.model.numbers import NS_PER_MS
from engine.venues.base import TradeSpan
from tests.fakes.okx_wire import (
    ABC,
    SWAP,
    a_wire,
    answer,
    books,
    candle_row,
    linear,
    push,
    rows,
    said,
    ticker_row,
    trade_row,
    whole,
)


def ready():
    """Return a wire that knows a contract of 0.01, in lots of a thousandth of a coin."""
    return a_wire(linear())


# Books


def test_the_first_message_of_a_book_is_all_of_it():
    (event,) = said(ready(), whole(10, bids="99.5x1 98x0.1", asks="101x2"))

    assert event == BookSnapshot(
        ABC, [(995, 10), (980, 1)], [(1010, 20)], 10, 1001 * NS_PER_MS, is_streamed=True
    )


def test_changes_name_the_event_before():
    (event,) = said(ready(), books((10, 15), bids="99.5x0", asks="101x2"))

    assert event == BookDelta(ABC, [(995, 0)], [(1010, 20)], 15, 15, 10, 1001 * NS_PER_MS)


def test_silence_and_a_reset_are_told_as_they_are():
    silence, reset = books((15, 15)), books((15, 3), asks="101x2")
    wire = ready()

    assert [(one.prev_seq, one.last_seq) for one in said(wire, silence)] == [(15, 15)]
    assert [(one.prev_seq, one.last_seq) for one in said(wire, reset)] == [(15, 3)]


def test_books_of_old_have_no_ids_and_a_checksum():
    wire = ready()

    (first,) = said(wire, whole(None, checksum=-5))
    (change,) = said(wire, books(None, bids="99x1", checksum=7))

    assert (first.last_seq, first.checksum) == (0, -5)
    assert (change.last_seq, change.prev_seq, change.checksum) == (0, 0, 7)


@pytest.mark.parametrize("key", ["seqId", "prevSeqId"])
def test_one_id_without_the_other_is_refused(key: str):
    message = json.loads(books((10, 15)))
    del message["data"][0][key]

    with pytest.raises(VenuePayloadError, match="one id without the other"):
        ready().receive(json.dumps(message), 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"update"', '"patch"'),
        ('"seqId":15', '"seqId":"15"'),
        ('"seqId":15', f'"seqId":{2**63}'),
        ('"seqId":15', '"seqId":-2'),
        ('"checksum":0', f'"checksum":{2**31}'),
        ('"ts":"1001"', '"ts":"-1"'),
        ('"ts":"1001"', '"ts":"99999999999999"'),
        ('"ts":"1001"', '"ts":"\u0661"'),
        ('["99.5","1","0","1"]', '["99.5"]'),
        ('["99.5","1","0","1"]', '[99.5,"1","0","1"]'),
        ('["99.5","1","0","1"]', '["-99.5","1","0","1"]'),
        ('["99.5","1","0","1"]', '["99.5","1e5","0","1"]'),
    ],
)
def test_a_damaged_book_is_refused_and_leaves_no_trace(old: str, new: str):
    wire, good = ready(), books((10, 15), bids="99.5x1")
    assert old in good

    with pytest.raises(VenuePayloadError):
        wire.receive(good.replace(old, new), 0)

    assert said(wire, good) == said(ready(), good)


def test_a_first_book_with_a_level_of_no_size_is_refused():
    with pytest.raises(VenuePayloadError, match="no size"):
        ready().receive(whole(10, bids="99x0"), 0)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_message_with_two_args_spoils_nothing(is_known: bool):
    wire, good = ready(), books((10, 15), bids="99.5x1")
    two = f'{good[:-1]},"arg":{{"channel":"books","instId":"XYZ-USDT-SWAP"}}}}'

    if is_known:
        said(wire, good)
        with pytest.raises(VenuePayloadError, match="the arg changes"):
            wire.receive(two, 0)
    else:
        assert ABC not in {event.instrument_id for event in said(wire, two)}

    assert said(wire, good) == said(ready(), good)


# Prints and quotes


def test_a_print_has_the_takers_side_and_base_amounts():
    wire = ready()

    (summed,) = said(wire, push("trades", trade_row(side="sell")))
    (single,) = said(wire, push("trades-all", trade_row()))

    assert summed == Trade(ABC, 1005, 20, False, 7, 1002 * NS_PER_MS, "agg_trade")
    assert single == Trade(ABC, 1005, 20, True, 7, 1002 * NS_PER_MS, "trade")


def test_several_prints_in_one_message_all_count():
    message = push("trades", trade_row(tradeId="1"), trade_row(tradeId="2"))

    assert [one.trade_id for one in said(ready(), message)] == [1, 2]


@pytest.mark.parametrize(
    "damage",
    [
        {"side": "up"},
        {"sz": "0"},
        {"px": "0"},
        {"tradeId": ""},
        {"tradeId": "a1"},
        {"tradeId": "9" * 19},
        {"instId": "XYZ-USDT-SWAP"},
        {"ts": ""},
    ],
)
def test_a_damaged_print_is_refused(damage: dict[str, str]):
    with pytest.raises(VenuePayloadError):
        ready().receive(push("trades", trade_row(**damage)), 0)


def test_a_ticker_is_a_quote_without_a_number():
    (event,) = said(ready(), push("tickers", ticker_row()))

    assert event == BestQuote(ABC, 995, 10, 1005, 20, -1, 1003 * NS_PER_MS)


@pytest.mark.parametrize("side", ["bidPx", "askPx"])
def test_a_ticker_with_an_empty_side_says_nothing(side: str):
    assert said(ready(), push("tickers", ticker_row(**{side: ""}))) == []


# Candles


@pytest.mark.parametrize(
    ("channel", "timeframe_s"),
    [("candle1m", 60), ("candle1H", 3_600), ("candle4H", 14_400), ("candle1Dutc", 86_400)],
)
def test_candles_are_of_utc_and_count_base(channel: str, timeframe_s: int):
    (event,) = said(ready(), push(channel, candle_row(86_400_000)))

    ohlc = (10, 30, 5, 20)
    open_ns = 86_400_000 * NS_PER_MS
    assert event == Candle(ABC, timeframe_s, open_ns, *ohlc, 30, 0, is_closed=False)


@pytest.mark.parametrize("channel", ["candle1D", "candle12H", "candle6H", "candle1W", "candle"])
def test_candles_of_hong_kong_are_let_pass(channel: str):
    assert said(ready(), push(channel, candle_row(57_600_000))) == []


def test_the_venue_says_when_a_candle_is_closed():
    (event,) = said(ready(), push("candle1m", candle_row(60_000, "1")))

    assert event.is_closed


def test_history_comes_oldest_first_and_the_running_candle_stays_open():
    wire = ready()
    request = next(one for one in wire.history_requests() if one.timeframe_s == 60)
    body = answer(candle_row(120_000, "0"), candle_row(60_000, "1"))

    events = wire.receive_answer(request, 200, body, 10**18)

    assert [(one.open_ns // NS_PER_MS, one.is_closed) for one in events] == [
        (60_000, True),
        (120_000, False),
    ]


def test_old_rows_without_a_mark_are_closed_by_the_clock():
    wire = ready()
    request = next(one for one in wire.history_requests() if one.timeframe_s == 60)
    body = answer(candle_row(120_000)[:7], candle_row(60_000)[:7])

    events = wire.receive_answer(request, 200, body, 150_000 * NS_PER_MS)

    assert [one.is_closed for one in events] == [True, False]


# Mark prices


def mark(price: str = "100.123456", ts: str = "5", symbol: str = SWAP) -> str:
    return push("mark-price", {"instId": symbol, "instType": "SWAP", "markPx": price, "ts": ts})


def funding(rate: str = "-0.0001", due: str = "28800000", symbol: str = SWAP) -> str:
    return push("funding-rate", {"instId": symbol, "fundingRate": rate, "fundingTime": due})


def test_a_mark_price_comes_alone_and_then_with_its_funding():
    wire = ready()
    due_ns = 28_800_000 * NS_PER_MS

    assert said(wire, funding()) == []
    assert said(wire, mark()) == [
        MarkPrice(ABC, Decimal("100.123456"), None, Decimal("-0.0001"), due_ns, 5 * NS_PER_MS)
    ]
    (later,) = said(wire, funding("0.0002"))
    assert (later.mark, later.funding_rate) == (Decimal("100.123456"), Decimal("0.0002"))


def test_a_rate_that_is_not_known_yet_is_none():
    wire = ready()
    said(wire, mark())

    (event,) = said(wire, funding(""))

    assert event.funding_rate is None


@pytest.mark.parametrize(
    "message", [mark("1e5"), mark(""), mark(symbol="XYZ"), funding("x"), funding(due="soon")]
)
def test_a_damaged_mark_price_is_refused_and_leaves_no_trace(message: str):
    wire, message = ready(), message.replace('"instId":"XYZ"', '"instId":"XYZ-USDT-SWAP"', 1)
    said(wire, mark())
    before = said(wire, mark())

    with pytest.raises(VenuePayloadError):
        wire.receive(message, 0)

    assert said(wire, mark()) == before


# Answers


def test_a_book_that_was_asked_for_is_no_beginning_of_the_stream():
    wire = ready()
    body = answer({"asks": rows("101x2"), "bids": rows("99x1"), "ts": "9", "seqId": 12})

    (event,) = wire.receive_answer(wire.snapshot_request(ABC), 200, body, 0)

    assert event == BookSnapshot(ABC, [(990, 10)], [(1010, 20)], 12, 9 * NS_PER_MS)


@pytest.mark.parametrize("data", [[], [{"asks": [], "bids": [], "ts": "1"}], [1, 2]])
def test_a_book_without_a_number_is_no_answer(data: list[object]):
    wire = ready()

    with pytest.raises(VenuePayloadError):
        wire.receive_answer(wire.snapshot_request(ABC), 200, answer(*data), 0)


def test_prints_that_were_asked_for_come_oldest_first():
    wire = ready()
    request = wire.trades_request(ABC, "trade", TradeSpan(5, 9))
    assert request is not None

    (event,) = wire.receive_answer(
        request, 200, answer(trade_row(tradeId="8"), trade_row(tradeId="7")), 0
    )

    assert type(event) is TradesFetched
    assert [one.trade_id for one in event.trades] == [7, 8]


def test_a_ticker_that_was_asked_for_is_a_second_source():
    wire = ready()
    request = wire.quote_request(ABC)

    assert wire.receive_answer(request, 200, answer(ticker_row()), 0) == (
        SecondQuote(ABC, 995, 1005, 1003 * NS_PER_MS),
    )
    for body in (answer(), answer(ticker_row(bidPx="")), answer(ticker_row("XYZ-USDT"))):
        with pytest.raises(VenuePayloadError):
            wire.receive_answer(request, 200, body, 0)
