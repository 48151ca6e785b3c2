"""Answers about trades that were missed, best prices and the time."""

import pytest

from engine.model.errors import VenuePayloadError
from engine.model.market import ScalesWidened, SecondQuote, TradesFetched
from engine.venues.base import HttpRequest, TradeSpan
from tests.fakes.binance_wire import ABC, ABC_SPOT, a_wire
from tests.fakes.captures import text

SPAN = TradeSpan(6, 9)


def a_request(venue: str = "binance_futures", stream: str = "agg_trade") -> HttpRequest:
    instrument_id = ABC if venue == "binance_futures" else ABC_SPOT
    request = a_wire(venue).trades_request(instrument_id, stream, SPAN)  # type: ignore[arg-type]  # one of the streams
    assert request is not None
    return request


def agg_row(number: int, price: str = "100.5") -> dict:
    return {"a": number, "p": price, "q": "2", "f": 1, "l": 2, "T": 1_000, "m": True}


def row(number: int, **more: object) -> dict:
    fields = {"id": number, "price": "100.5", "qty": "2", "time": 1_000, "isBuyerMaker": False}
    return {**fields, **more}


@pytest.mark.parametrize(
    ("venue", "stream", "url", "weight"),
    [
        (
            "binance_futures",
            "agg_trade",
            "/fapi/v1/aggTrades?symbol=ABCUSDT&limit=1000&fromId=7",
            20,
        ),
        ("binance_futures", "trade", "/fapi/v1/trades?symbol=ABCUSDT&limit=1000", 5),
        ("binance", "agg_trade", "/api/v3/aggTrades?symbol=ABCUSDT&limit=1000&fromId=7", 4),
        ("binance", "trade", "/api/v3/trades?symbol=ABCUSDT&limit=1000", 25),
    ],
)
def test_missed_trades_are_asked_for_by_the_stream_that_missed_them(venue, stream, url, weight):
    request = a_request(venue, stream)

    assert (request.url, request.weight) == (f"https://rest.test{url}", weight)


def test_aggregated_trades_come_oldest_first_in_ticks_and_lots():
    wire = a_wire("binance_futures", "ABCUSDT")

    (fetched,) = wire.receive_answer(a_request(), 200, text([agg_row(8), agg_row(7)]), 0)

    assert isinstance(fetched, TradesFetched)
    assert [(one.trade_id, one.price_ticks, one.qty_lots) for one in fetched.trades] == [
        (7, 10_050, 2_000),
        (8, 10_050, 2_000),
    ]
    assert {(one.stream, one.buyer_is_taker) for one in fetched.trades} == {("agg_trade", False)}


def test_single_trades_say_who_took():
    wire = a_wire("binance_futures", "ABCUSDT")
    request = a_request(stream="trade")

    (fetched,) = wire.receive_answer(request, 200, text([row(7)]), 0)

    assert isinstance(fetched, TradesFetched)
    (trade,) = fetched.trades
    assert (trade.stream, trade.buyer_is_taker, trade.ts_venue_ns) == ("trade", True, 1_000_000_000)


def test_a_finer_price_widens_before_the_trades():
    wire = a_wire("binance_futures", "ABCUSDT")

    events = wire.receive_answer(a_request(), 200, text([agg_row(7), agg_row(8, "100.001")]), 0)

    assert [type(event) for event in events] == [ScalesWidened, TradesFetched]


@pytest.mark.parametrize("body", [text([agg_row(7, "0")]), text([{}]), "{", text({"code": -1})])
def test_a_page_that_cannot_be_read_is_refused(body: str):
    with pytest.raises(VenuePayloadError):
        a_wire("binance_futures", "ABCUSDT").receive_answer(a_request(), 200, body, 0)


def test_best_prices_are_a_second_quote():
    wire = a_wire("binance_futures", "ABCUSDT")
    request = wire.quote_request(ABC)
    assert request is not None
    assert request.url == "https://rest.test/fapi/v1/ticker/bookTicker?symbol=ABCUSDT"
    answer = {"symbol": "ABCUSDT", "bidPrice": "1.5", "askPrice": "1.6", "time": 5}

    assert wire.receive_answer(request, 200, text(answer), 0) == (
        SecondQuote(ABC, 150, 160, 5_000_000),
    )
    with pytest.raises(VenuePayloadError):
        wire.receive_answer(request, 200, text({**answer, "symbol": "XYZUSDT"}), 0)


def test_the_venue_tells_its_time():
    wire = a_wire()
    request = wire.time_request()
    assert request is not None
    assert request.url == "https://rest.test/fapi/v1/time"

    assert wire.venue_time_ns('{"serverTime":1700000000123}') == 1_700_000_000_123_000_000
    for body in ("{}", '{"serverTime":"x"}', '{"serverTime":-1}', b"\xff"):
        with pytest.raises(VenuePayloadError):
            wire.venue_time_ns(body)
