"""Each documented stream, in the venue's own words, becomes the events that it stands for."""

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.model.envelope import Event
from engine.model.market import (
    BestQuote,
    BookDelta,
    Candle,
    InstrumentUpdated,
    MarkPrice,
    Trade,
)
from engine.model.numbers import NS_PER_MS
from tests.fakes.binance_wire import ABC, ABC_SPOT, a_wire, depth, frame, market_events, trade
from tests.fakes.captures import kline_data, text

MS = 1_723_161_256_299
FUTURES_TIMES = {"E": MS + 1, "T": MS}

STREAMS: dict[str, tuple[str, str, dict[str, Any], Event]] = {
    "futures depth": (
        "binance_futures",
        "abcusdt@depth@100ms",
        {"e": "depthUpdate", **FUTURES_TIMES, "s": "ABCUSDT", "U": 5, "u": 9, "pu": 4}
        | {"b": [["100.10", "2.500"], ["99.00", "0"]], "a": [["101", "1"]], "st": 1, "ps": "X"},
        BookDelta(ABC, [(10_010, 2_500), (9_900, 0)], [(10_100, 1_000)], 5, 9, 4, MS * NS_PER_MS),
    ),
    "spot depth": (
        "binance",
        "abcusdt@depth@100ms",
        {"e": "depthUpdate", "E": MS, "s": "ABCUSDT", "U": 5, "u": 9, "b": [], "a": []},
        BookDelta(ABC_SPOT, [], [], 5, 9, -1, MS * NS_PER_MS),
    ),
    "futures best quote": (
        "binance_futures",
        "abcusdt@bookTicker",
        {"e": "bookTicker", "u": 9, **FUTURES_TIMES, "s": "ABCUSDT"}
        | {"b": "100.00", "B": "1", "a": "100.01", "A": "2"},
        BestQuote(ABC, 10_000, 1_000, 10_001, 2_000, 9, MS * NS_PER_MS),
    ),
    "spot best quote": (
        "binance",
        "abcusdt@bookTicker",
        {"u": 9, "s": "ABCUSDT", "b": "100.00000000", "B": "1", "a": "100.01000000", "A": "2"},
        BestQuote(ABC_SPOT, 10_000, 1_000, 10_001, 2_000, 9, 0),
    ),
    "futures trade": (
        "binance_futures",
        "abcusdt@trade",
        {"e": "trade", **FUTURES_TIMES, "s": "ABCUSDT", "t": 8, "p": "100", "q": "3"}
        | {"X": "MARKET", "m": False},
        Trade(ABC, 10_000, 3_000, True, 8, MS * NS_PER_MS, "trade", True),
    ),
    "liquidation's print": (
        "binance_futures",
        "abcusdt@trade",
        {"e": "trade", **FUTURES_TIMES, "s": "ABCUSDT", "t": -1, "p": "0", "q": "0"}
        | {"X": "NA", "m": True},
        Trade(ABC, 0, 0, False, -1, MS * NS_PER_MS, "trade", False),
    ),
    "spot trade": (
        "binance",
        "abcusdt@trade",
        {"e": "trade", **FUTURES_TIMES, "s": "ABCUSDT", "t": 8, "p": "100", "q": "3"}
        | {"m": True, "M": True},
        Trade(ABC_SPOT, 10_000, 3_000, False, 8, MS * NS_PER_MS, "trade", True),
    ),
    "aggregated trade": (
        "binance_futures",
        "abcusdt@aggTrade",
        {"e": "aggTrade", **FUTURES_TIMES, "s": "ABCUSDT", "a": 8, "p": "100", "q": "3"}
        | {"nq": "2", "f": 1, "l": 2, "m": True},
        Trade(ABC, 10_000, 3_000, False, 8, MS * NS_PER_MS, "agg_trade", True),
    ),
    "kline": (
        "binance_futures",
        "abcusdt@kline_1m",
        kline_data("1m", t=60_000, x=True),
        Candle(ABC, 60, 60_000 * NS_PER_MS, 100, 300, 100, 200, 5_000, 4, True),
    ),
    "spot kline of a day": (
        "binance",
        "abcusdt@kline_1d",
        kline_data("1d", t=86_400_000),
        Candle(ABC_SPOT, 86_400, 86_400_000 * NS_PER_MS, 100, 300, 100, 200, 5_000, 4, False),
    ),
    "mark price": (
        "binance_futures",
        "abcusdt@markPrice@1s",
        {"e": "markPriceUpdate", "E": MS, "s": "ABCUSDT", "p": "100.12345678", "P": "1"}
        | {"i": "100.2", "r": "-0.00010000", "T": MS + 5, "st": 1},
        MarkPrice(
            ABC,
            Decimal("100.12345678"),
            Decimal("100.2"),
            Decimal("-0.00010000"),
            (MS + 5) * NS_PER_MS,
            MS * NS_PER_MS,
        ),
    ),
    "mark price without funding": (
        "binance_futures",
        "abcusdt@markPrice",
        {"e": "markPriceUpdate", "E": MS, "s": "ABCUSDT", "p": "1", "i": "", "r": "0.00000000"}
        | {"T": 0},
        MarkPrice(ABC, Decimal(1), None, None, 0, MS * NS_PER_MS),
    ),
}


@pytest.mark.parametrize("as_bytes", [False, True], ids=["str", "bytes"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_frame_says_what_the_venue_documents(name: str, as_bytes: bool):
    venue, stream, data, expected = STREAMS[name]
    wire = a_wire(venue, "ABCUSDT")
    message = frame(stream, **data)

    for _ in range(2):  # The second time by the remembered name.
        assert list(wire.receive(message.encode() if as_bytes else message, 0)) == [expected]


@pytest.mark.parametrize("pace", ["", "@0ms", "@100ms", "@500ms", "@250ms"])
def test_the_pace_of_a_stream_does_not_matter(pace: str):
    data = json.loads(depth())["data"]

    (event,) = market_events(a_wire(), frame(f"abcusdt@depth{pace}", **data))

    assert type(event) is BookDelta


@pytest.mark.parametrize(
    "stream",
    [
        *("abcusdt@depth5", "abcusdt@depth10@100ms", "abcusdt@depth20@500ms"),
        *("abcusdt@rpiDepth@500ms", "abcusdt@kline_3m", "abcusdt@kline_1d@+08:00"),
        *("abcusdt@kline_", "abcusdt@kline", "abcusdt@miniTicker", "abcusdt@ticker"),
        *("abcusdt@forceOrder", "abcusdt@avgPrice", "abcusdt_perpetual@continuousKline_1m"),
    ],
)
def test_streams_that_are_not_read_announce_their_instrument_and_say_nothing(stream: str):
    wire = a_wire()
    message = frame(stream, e="whatever", s="ABCUSDT", U=1, u=2, b=[["1", "1"]], a=[])

    first, second = wire.receive(message, 0), wire.receive(message.encode(), 0)

    assert [type(event) for event in first] == [InstrumentUpdated]
    assert list(second) == []


@pytest.mark.parametrize(
    "message",
    [
        '{"result":null,"id":1}',
        '{"result":[],"id":"abc"}',
        '{"result":null,"id":1,"error":null}',
        '{"e":"serverShutdown","E":1}',
        "{}",
        text({"stream": "!markPrice@arr@1s", "data": [{"e": "markPriceUpdate", "s": "X"}]}),
        text({"stream": "!bookTicker", "data": {"s": "ABCUSDT", "u": 1}}),
        text({"stream": "!miniTicker@arr", "data": []}),
        text({"stream": "tradingSession", "data": {}}),
    ],
)
def test_what_belongs_to_no_instrument_says_nothing(message: str):
    wire = a_wire()

    assert [*wire.receive(message, 0), *wire.receive(message.encode(), 0)] == []


def test_the_order_of_fields_does_not_matter():
    message = json.loads(trade())
    turned = text({"data": message["data"], "stream": message["stream"]})

    assert market_events(a_wire(), turned) == market_events(a_wire(), trade())
    assert market_events(a_wire(), json.dumps(message, indent=2)) == market_events(
        a_wire(), trade()
    )


def test_an_instrument_is_announced_once_before_its_first_event():
    wire = a_wire()

    first, second = wire.receive(trade("100", "1"), 0), wire.receive(trade("100", "1"), 0)

    assert [type(event) for event in first] == [InstrumentUpdated, Trade]
    assert [type(event) for event in second] == [Trade]
    announced = first[0]
    assert type(announced) is InstrumentUpdated
    assert announced.instrument.tick_size is None
    assert (announced.instrument.base, announced.instrument.quote) == ("ABC", "USDT")


@pytest.mark.parametrize("symbol", ["币安人生USDT", "BTCUSDT_261225", "1000000MOGUSDT", "ÄÖUSDT"])
def test_symbols_of_any_alphabet_are_read(symbol: str):
    for message in (trade(symbol=symbol), trade(symbol=symbol).encode()):
        (event,) = (event for event in a_wire().receive(message, 0) if type(event) is Trade)

        assert event.instrument_id == f"binance_futures:{symbol}"


def test_of_duplicate_keys_the_last_counts_everywhere():
    message = trade().replace('"p":"100.5"', '"p":"1","p":"100.5"')

    assert market_events(a_wire(), message) == market_events(a_wire(), trade())
