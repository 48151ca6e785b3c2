"""Numbers finer than ever before widen the scale in place, wherever they come."""

from fractions import Fraction

from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    InstrumentUpdated,
    ScalesWidened,
    Trade,
)
from engine.venues.base import HttpRequest
from tests.fakes.binance_wire import (
    ABC,
    a_wire,
    depth,
    exchange_info,
    frame,
    market_events,
    trade,
)
from tests.fakes.captures import text

SNAPSHOT = HttpRequest("snapshot", "https://x/depth", 20, ABC)
CANDLES = HttpRequest("candles", "https://x/klines", 2, ABC, 60)


def test_in_the_middle_of_a_frame_all_of_it_is_decoded_again():
    wire = a_wire()
    wire.receive(trade("100", "1"), 0)

    events = wire.receive(depth(bids=[["100", "1"], ["99.5", "2"], ["99", "0.25"]]), 0)

    assert events == [
        ScalesWidened(ABC, 1, 2),
        BookDelta(ABC, [(1_000, 100), (995, 200), (990, 25)], [], 1, 2, 0, 1_000_000_000),
    ]


def test_on_a_snapshot_finer_than_the_tick():
    wire = a_wire("binance_futures", "ABCUSDT")
    body = text({"lastUpdateId": 5, "bids": [["100.125", "1"]], "asks": [["101", "0.0005"]]})

    events = wire.receive_answer(SNAPSHOT, 200, body, 0)

    assert events == [
        ScalesWidened(ABC, 3, 4),
        BookSnapshot(ABC, [(100_125, 10_000)], [(101_000, 5)], 5, 0),
    ]


def test_on_the_first_frame_of_an_instrument_it_is_announced_before():
    announced, widened, event = a_wire().receive(trade("100.25", "0.5"), 0)

    assert type(announced) is InstrumentUpdated
    assert (announced.price_decimals, announced.qty_decimals) == (0, 0)
    assert widened == ScalesWidened(ABC, 2, 1)
    assert type(event) is Trade
    assert (event.price_ticks, event.qty_lots) == (10_025, 5)


def test_on_candles_of_the_history():
    wire = a_wire("binance_futures", "ABCUSDT")
    rows = [[60_000, "1", "2", "1", "1.5", "7", 119_999, "9", 3, "0", "0", "0"]]
    rows.append([120_000, "1.5", "2.0005", "1", "2", "7", 179_999, "9", 3, "0", "0", "0"])

    widened, first, second = wire.receive_answer(CANDLES, 200, text(rows), 121_000_000_000)

    assert widened == ScalesWidened(ABC, 4, 3)
    assert type(first) is Candle
    assert type(second) is Candle
    assert (first.open_ticks, first.high_ticks, first.is_closed) == (10_000, 20_000, True)
    assert (second.high_ticks, second.is_closed) == (20_005, False)


def test_trailing_zeros_do_not_count():
    wire = a_wire()

    (event,) = market_events(wire, trade("2683.0000000000", "1.00000"))

    assert type(event) is Trade
    assert (event.price_ticks, event.qty_lots) == (2_683, 1)


def test_prices_and_sizes_widen_apart_and_never_back():
    wire = a_wire()
    quote = {"s": "ABCUSDT", "u": 1, "b": "1", "B": "1.5", "a": "2", "A": "1"}

    events = market_events(wire, frame("abcusdt@bookTicker", **quote))
    events += market_events(wire, trade("1", "1"))
    events += market_events(wire, trade("0.5", "0.25"))

    assert [event for event in events if type(event) is ScalesWidened] == [
        ScalesWidened(ABC, 0, 1),
        ScalesWidened(ABC, 1, 2),
    ]
    assert [type(event) for event in events] == [
        *(ScalesWidened, BestQuote, Trade),
        *(ScalesWidened, Trade),
    ]


def test_every_text_keeps_its_value_whatever_was_seen_before():
    wire = a_wire()
    decimals = 0

    for price in ("1", "0.5", "100", "0.00000001", "123456.789", "0.5", "1"):
        for event in wire.receive(trade(price, "1"), 0):
            if type(event) is ScalesWidened:
                decimals = event.price_decimals
            elif type(event) is Trade:
                assert Fraction(event.price_ticks, 10**decimals) == Fraction(price)


def test_metadata_that_comes_late_redescribes_what_was_announced():
    wire = a_wire()
    wire.receive(trade("100.5", "1"), 0)
    (request,) = wire.metadata_requests()

    (told,) = wire.receive_answer(request, 200, exchange_info("ABCUSDT", "XYZUSDT"), 0)

    assert type(told) is InstrumentUpdated
    assert (told.price_decimals, told.qty_decimals) == (2, 3)
    assert str(told.instrument.tick_size) == "0.01"
    (event,) = wire.receive(trade("100.5", "1"), 0)
    assert type(event) is Trade
    assert (event.price_ticks, event.qty_lots) == (10_050, 1_000)


def test_the_same_metadata_again_says_nothing():
    wire = a_wire("binance_futures", "ABCUSDT")
    (request,) = wire.metadata_requests()

    assert list(wire.receive_answer(request, 200, exchange_info("ABCUSDT"), 0)) == []


def test_a_coarser_tick_leaves_the_scale_as_fine_as_it_is():
    wire = a_wire("binance_futures", "ABCUSDT")
    (request,) = wire.metadata_requests()

    (told,) = wire.receive_answer(request, 200, exchange_info("ABCUSDT", tick="1", lot="1"), 0)

    assert type(told) is InstrumentUpdated
    assert (told.price_decimals, told.qty_decimals) == (2, 3)


def test_a_tick_that_does_not_fit_leaves_the_scale_as_it_is():
    wire = a_wire()
    wire.receive(trade(str(2**61), "1"), 0)
    (request,) = wire.metadata_requests()

    (told,) = wire.receive_answer(request, 200, exchange_info("ABCUSDT"), 0)

    assert type(told) is InstrumentUpdated
    assert (told.price_decimals, told.qty_decimals) == (0, 3)
