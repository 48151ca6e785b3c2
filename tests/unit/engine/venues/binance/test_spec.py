"""What the wire asks for: connections, subscriptions, snapshots, history, and by what name."""

import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.model.errors import ConfigError
from engine.model.instrument import InstrumentId
from engine.model.market import Candle, InstrumentUpdated
from engine.venues.base import SocketPlan
from engine.venues.binance.spec import FUTURES, SPOT
from tests.fakes.binance_wire import ABC, ABC_SPOT, a_wire, exchange_info
from tests.fakes.captures import text

PUBLIC = {"depth@100ms", "bookTicker", "trade"}
MARKET = {"aggTrade", "kline_1m", "markPrice@1s"}


def names_of(plan: SocketPlan) -> list[str]:
    return [stream.name for stream in plan.streams]


def kinds_of(names: Sequence[str]) -> set[str]:
    return {name.partition("@")[2] for name in names}


def test_each_futures_stream_is_asked_for_on_its_own_path():
    public, market = a_wire("binance_futures", "ABCUSDT", "XYZUSDT").sockets()

    assert (public.name, public.url) == ("public", "wss://stream.test/public/stream")
    assert (market.name, market.url) == ("market", "wss://stream.test/market/stream")
    assert kinds_of(names_of(public)) == PUBLIC
    assert kinds_of(names_of(market)) == MARKET


def test_spot_has_one_connection_and_no_stream_that_only_futures_have():
    (plan,) = a_wire("binance", "ABCUSDT").sockets()

    assert (plan.name, plan.url) == ("stream", "wss://stream.test/stream")
    kinds = {"trade", "depth@100ms", "bookTicker", "kline_1m"}
    assert sorted(names_of(plan)) == sorted(f"abcusdt@{kind}" for kind in kinds)


@pytest.mark.parametrize(("venue", "streams"), [("binance_futures", 6), ("binance", 4)])
@pytest.mark.parametrize("count", [1, 66, 67, 200, 300])
def test_connections_are_complete_lower_case_and_carry_at_most_200_streams(
    venue: str, streams: int, count: int
):
    symbols = [f"S{number}USDT" for number in range(count)]

    plans = a_wire(venue, *symbols).sockets()

    for plan in plans:
        assert not plan.on_open
        assert 1 <= len(plan.streams) <= 200
    names = [name for plan in plans for name in names_of(plan)]
    assert len(set(names)) == len(names) == count * streams
    assert {name.partition("@")[0] for name in names} == {s.lower() for s in symbols}
    assert len({plan.name for plan in plans}) == len(plans)


@pytest.mark.parametrize(
    ("venue", "id_", "path", "weight"),
    [
        ("binance_futures", ABC, "/fapi/v1/depth", 20),
        ("binance", ABC_SPOT, "/api/v3/depth", 50),
    ],
)
def test_a_snapshot_is_asked_for_with_the_most_levels(
    venue: str, id_: InstrumentId, path: str, weight: int
):
    request = a_wire(venue).snapshot_request(id_)

    parts = urlsplit(request.url)
    assert (parts.netloc, parts.path) == ("rest.test", path)
    assert parse_qs(parts.query) == {"symbol": ["ABCUSDT"], "limit": ["1000"]}
    assert (request.purpose, request.instrument_id, request.weight) == ("snapshot", id_, weight)


@pytest.mark.parametrize(
    ("venue", "url", "weight"),
    [
        ("binance_futures", "/fapi/v1/exchangeInfo", 1),
        ("binance", "/api/v3/exchangeInfo?showPermissionSets=false", 20),
    ],
)
def test_metadata_is_one_request_without_what_nobody_reads(venue: str, url: str, weight: int):
    (request,) = a_wire(venue).metadata_requests()

    assert request.url == f"https://rest.test{url}"
    assert (request.purpose, request.weight) == ("instruments", weight)


def test_history_is_asked_for_by_timeframe_and_instrument_with_what_two_weights_buy():
    requests = a_wire("binance_futures", "ABCUSDT", "XYZUSDT").history_requests()

    told = [parse_qs(urlsplit(request.url).query) for request in requests]
    assert {query["interval"][0] for query in told} == {"1m", "5m", "15m", "1h", "4h", "1d"}
    assert {query["symbol"][0] for query in told} == {"ABCUSDT", "XYZUSDT"}
    assert {query["limit"][0] for query in told} == {"499"}
    assert (len(requests), {request.weight for request in requests}) == (12, {2})
    assert {request.timeframe_s for request in requests} == {60, 300, 900, 3_600, 14_400, 86_400}


def test_history_rows_become_candles_and_the_last_is_open():
    wire = a_wire("binance", "ABCUSDT")
    request = wire.history_requests()[0]
    rows = [
        [60_000, "1", "2", "0.5", "1.5", "10", 119_999, "15", 4, "5", "7", "0"],
        [120_000, "1.5", "1.5", "1.5", "1.5", "0", 179_999, "0", 0, "0", "0", "0"],
    ]

    closed, flat = wire.receive_answer(request, 200, text(rows), 179_999_999_999)

    whole = Candle(ABC_SPOT, 60, 60_000_000_000, 100, 200, 50, 150, 10_000, 4, True)
    assert closed == whole
    assert flat == Candle(ABC_SPOT, 60, 120_000_000_000, 150, 150, 150, 150, 0, 0, False)


def test_an_empty_history_is_no_error():
    wire = a_wire("binance_futures", "ABCUSDT")

    assert list(wire.receive_answer(wire.history_requests()[0], 200, "[]", 0)) == []


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("BTCUSD", "did you mean BTCUSDT"),
        ("btcusdt", "did you mean BTCUSDT"),
        ("BTCUSDTT", "did you mean BTCUSDT"),
        ("ETHUDST", "did you mean ETHUSDT"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(asked: str, hint: str):
    wire = a_wire("binance", "BTCUSDT", "ETHUSDT", "SOLUSDT")

    with pytest.raises(ConfigError, match=hint) as refused:
        wire.choose(["ETHUSDT", asked])

    assert str(refused.value).startswith(f"binance lists no instrument {asked!r}")


def test_an_unknown_name_without_any_near_one_is_refused_plainly():
    with pytest.raises(ConfigError, match=r"lists no instrument '币安'$"):
        a_wire("binance", "BTCUSDT").choose(["币安"])


def test_chosen_instruments_are_described_once_each_in_order():
    wire = a_wire("binance", "BTCUSDT", "ETHUSDT", "SOLUSDT")

    described = wire.choose(["SOLUSDT", "BTCUSDT", "SOLUSDT"])

    ids = [
        event.instrument.instrument_id for event in described if type(event) is InstrumentUpdated
    ]
    assert ids == ["binance:SOLUSDT", "binance:BTCUSDT"]
    assert len(names_of(wire.sockets()[0])) == 8


@pytest.mark.parametrize(
    "url",
    [
        "https://fapi.binance.com/fapi/v1/depth?symbol=ABCUSDT&limit=1000",
        "https://fapi.binance.com/fapi/v1/depth?limit=500&symbol=ABCUSDT",
        "https://fapi.binance.com/fapi/v1/depth?symbol=ABCUSDT",
    ],
)
def test_a_recorded_snapshot_is_recognised(url: str):
    request = a_wire().recorded_request(url)

    assert request is not None
    assert (request.purpose, request.instrument_id) == ("snapshot", ABC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "http://[",
        "https://fapi.binance.com/fapi/v1/depth",
        "https://fapi.binance.com/fapi/v1/time",
        "https://fapi.binance.com/fapi/v1/klines?symbol=ABCUSDT&interval=1m",
        "https://fapi.binance.com/fapi/v1/depth?symbol=",
        "https://fapi.binance.com/fapi/v1/depthy?symbol=ABCUSDT",
    ],
)
def test_other_recorded_requests_are_none_of_ours(url: str):
    assert a_wire().recorded_request(url) is None


def test_recorded_metadata_is_recognised():
    request = a_wire().recorded_request("https://fapi.binance.com/fapi/v1/exchangeInfo")

    assert request == a_wire().metadata_requests()[0]


def test_the_registered_endpoints_are_those_of_the_venue():
    assert FUTURES.endpoints is not None
    assert SPOT.endpoints is not None
    assert FUTURES.endpoints.rest == "https://fapi.binance.com"
    assert FUTURES.endpoints.stream == "wss://fstream.binance.com"
    assert SPOT.endpoints.rest == "https://api.binance.com"
    assert SPOT.endpoints.stream == "wss://stream.binance.com:9443"


def test_metadata_that_cannot_be_read_is_refused_but_one_strange_symbol_is_not():
    wire = a_wire("binance", "BTCUSDT")
    (request,) = wire.metadata_requests()
    strange = json.loads(exchange_info("BTCUSDT", "ODDUSDT", ""))
    strange["symbols"][1]["filters"][0]["tickSize"] = "1e-30"

    wire.receive_answer(request, 200, text(strange), 0)

    assert len(wire.choose(["BTCUSDT"])) == 1
    for odd in ("ODDUSDT", ""):
        with pytest.raises(ConfigError):
            wire.choose([odd])
