"""OKX's wire: what it asks for, what it lets pass, and how it gets a whole book."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.market import InstrumentUpdated
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.base import TradeSpan
from engine.venues.okx.market_wire import HANDLERS_MAX, RENEWALS_MAX, SYMBOLS_MAX
from tests.fakes.okx_wire import (
    ABC,
    SWAP,
    a_wire,
    answer,
    books,
    inverse,
    linear,
    push,
    rows,
    said,
    spot,
    tell,
    ticker_row,
    trade_row,
    whole,
)


def query_of(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


# Asking


def test_each_kind_of_instrument_is_a_list_of_its_own():
    requests = a_wire().metadata_requests()

    kinds = [query_of(one.url)["instType"] for one in requests]
    assert kinds == ["SPOT", "SWAP", "FUTURES"]
    assert all("/api/v5/public/instruments?" in one.url for one in requests)


def test_lists_add_up():
    wire = a_wire()
    tell(wire, spot())
    tell(wire, linear(), inverse())

    wire.choose(["ABC-USDT", SWAP, "ABC-USD-SWAP"])

    assert len(wire.sockets()[0].streams) == 3 + 5 + 5


def test_one_strange_instrument_does_not_hide_the_others():
    wire = a_wire()

    tell(wire, spot(tickSz="x"), spot("X" * 50), spot("XYZ-USDT"))

    with pytest.raises(ConfigError):
        wire.choose(["ABC-USDT"])
    assert wire.choose(["XYZ-USDT"])


def test_a_change_of_an_instrument_is_told_once():
    wire = a_wire(spot())

    (event,) = tell(wire, spot(state="suspend"))

    assert type(event) is InstrumentUpdated
    assert not event.instrument.is_trading
    assert tell(wire, spot(state="suspend")) == []


def test_history_asks_for_days_of_utc():
    requests = a_wire(linear()).history_requests()

    bars = {query_of(one.url)["bar"]: one.timeframe_s for one in requests}
    assert bars == {
        "1m": 60,
        "5m": 300,
        "15m": 900,
        "1H": 3_600,
        "4H": 14_400,
        "1Dutc": 86_400,
    }


def test_the_request_for_a_book_wants_as_much_as_the_stream_holds():
    request = a_wire(linear()).snapshot_request(ABC)

    assert query_of(request.url) == {"instId": SWAP, "sz": "400", "source": "0"}


@pytest.mark.parametrize(("before_id", "after"), [(0, None), (9, "9")])
def test_missed_prints_are_asked_for_backwards_by_id(before_id: int, after: str | None):
    request = a_wire(linear()).trades_request(ABC, "trade", TradeSpan(5, before_id))

    assert request is not None
    asked = query_of(request.url)
    assert (asked["type"], asked.get("after")) == ("1", after)


def test_sums_of_prints_cannot_be_fetched():
    assert a_wire(linear()).trades_request(ABC, "agg_trade", TradeSpan(5, 9)) is None


def test_the_venues_time_is_milliseconds():
    wire = a_wire()

    assert wire.venue_time_ns(answer({"ts": "1700000000123"})) == 1_700_000_000_123 * NS_PER_MS
    for body in (answer(), answer({"ts": "now"}), "{}", answer({"ts": "1"}, code="50001")):
        with pytest.raises(VenuePayloadError):
            wire.venue_time_ns(body)


@pytest.mark.parametrize("code", ["50011", "51001", "1"])
def test_an_error_inside_an_answer_of_http_200_is_refused(code: str):
    wire = a_wire(linear())

    with pytest.raises(VenuePayloadError, match=f"code {code} for snapshot"):
        wire.receive_answer(wire.snapshot_request(ABC), 200, answer(code=code, msg="busy"), 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.okx.com/api/v5/public/instruments?instType=OPTION&uly=BTC-USD",
        "https://www.okx.com/api/v5/public/instruments",
        "https://www.okx.com/api/v5/market/books",
        "https://www.okx.com/api/v5/market/candles?instId=ABC-USDT",
    ],
)
def test_recorded_requests_that_are_not_ours_are_let_pass(url: str):
    assert a_wire().recorded_request(url) is None


# Words of the connection


@pytest.mark.parametrize(
    "message",
    [
        "pong",
        '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}',
        '{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abc"}',
        '{"arg":{"channel":"instruments","instType":"SPOT"},"data":[{}]}',
        push("books5", {"asks": [], "bids": []}),
        "{}",
    ],
)
def test_what_is_not_read_is_let_pass(message: str):
    assert a_wire().receive(message, 0) == ()
    assert said(a_wire(), message.encode()) == []


def test_the_notice_of_an_upgrade_is_the_only_farewell():
    wire = a_wire()
    notice = '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}'

    assert wire.is_leaving(notice)
    assert wire.is_leaving(notice.encode())
    for other in ("pong", "64008", '{"event":"notice","code":"64009"}'):
        assert not wire.is_leaving(other)


def test_an_error_of_the_venue_is_told_with_its_code():
    message = '{"event":"error","code":"60018","msg":"channel:x doesn\'t exist","connId":"a"}'

    with pytest.raises(VenuePayloadError, match="error 60018") as refused:
        a_wire().receive(message, 0)

    assert "doesn't exist" in refused.value.excerpt


def test_confirmations_are_the_words_that_are_awaited():
    wire = a_wire(linear())
    streams = wire.sockets()[0].streams[:1]

    for op, controls in (
        ("subscribe", wire.subscribe(streams)),
        ("unsubscribe", wire.unsubscribe(streams)),
    ):
        told = {"event": op, "arg": {"channel": "books", "instId": SWAP}, "connId": "a"}
        assert (wire.acknowledged(json.dumps(told)),) == controls[0].awaited
    for other in ("pong", "nonsense", whole(1)):
        assert wire.acknowledged(other) == ""


def test_invented_beginnings_fill_no_memory():
    wire = a_wire(linear())
    for number in range(HANDLERS_MAX + 10):
        arg = f'{{"channel":"tickers","instId":"{SWAP}","n":{number}}}'
        wire.receive(f'{{"arg":{arg},"data":[]}}', 0)

    assert len(wire._handlers) <= HANDLERS_MAX


def test_invented_instruments_come_to_an_end():
    wire = a_wire()
    for number in range(SYMBOLS_MAX):
        wire.receive(push("tickers", symbol=f"N{number}-USDT"), 0)

    with pytest.raises(VenuePayloadError, match="too many instruments"):
        wire.receive(push("tickers", symbol="ONE-MORE"), 0)


def test_a_contract_that_is_described_late_keeps_its_unit_and_is_not_traded():
    wire = a_wire()
    (*_, before) = said(wire, push("trades", trade_row(sz="3")))

    assert tell(wire, linear()) == []
    assert said(wire, push("trades", trade_row(sz="3"))) == [before]


# How whole books come


def asked_book(seq: int) -> str:
    return answer({"asks": rows("101x2"), "bids": rows("99x1"), "ts": "9", "seqId": seq})


def test_while_streams_begin_with_a_book_they_are_begun_anew():
    wire = a_wire(linear())

    for _ in range(3):
        said(wire, whole(10))
        assert wire.snapshot_by_stream(ABC)


def test_a_stream_that_never_brought_a_book_is_not_asked_for_one():
    wire = a_wire(linear())
    said(wire, books((9, 10)))

    assert not wire.snapshot_by_stream(ABC)
    wire.receive_answer(wire.snapshot_request(ABC), 200, asked_book(10), 0)
    assert not wire.snapshot_by_stream(ABC)


def test_a_stream_that_stops_to_bring_books_is_given_up_after_one_try():
    wire = a_wire(linear())
    said(wire, whole(10))

    assert wire.snapshot_by_stream(ABC)
    assert not wire.snapshot_by_stream(ABC)


def test_where_requests_bring_nothing_of_use_the_stream_is_tried_again():
    wire = a_wire(linear())
    assert not wire.snapshot_by_stream(ABC)
    with pytest.raises(VenuePayloadError, match="without seqId"):
        wire.receive_answer(
            wire.snapshot_request(ABC), 200, asked_book(1).replace(',"seqId":1', ""), 0
        )

    assert wire.snapshot_by_stream(ABC)


def test_streams_are_begun_anew_so_often_in_an_hour_and_no_oftener():
    wire = a_wire(linear())
    for number in range(RENEWALS_MAX):
        wire.receive(whole(10), number * NS_PER_S)
        assert wire.snapshot_by_stream(ABC)

    wire.receive(whole(10), RENEWALS_MAX * NS_PER_S)
    assert not wire.snapshot_by_stream(ABC)
    wire.receive(whole(10), 3_600 * NS_PER_S)
    assert wire.snapshot_by_stream(ABC)


def test_a_known_beginning_costs_no_second_look(monkeypatch: pytest.MonkeyPatch):
    wire = a_wire(linear())
    said(wire, push("tickers", ticker_row()))
    monkeypatch.delattr(type(wire), "_open")

    assert len(said(wire, push("tickers", ticker_row()))) == 1
