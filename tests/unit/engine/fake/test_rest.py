"""The endpoints: what they answer, refuse and cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import Drop, Faults
from engine.fake.rest import HttpAnswer
from tests.unit.engine.fake.captures import (
    T0_NS,
    Recording,
    Rehearsal,
    a_recording,
    levels,
    only_answer,
)


def test_routes_of_futures(tmp_path: Path):
    recording = a_recording()
    mark = {"e": "markPriceUpdate", "E": 5, "p": "100.1", "i": "100.2", "P": "1", "r": "0.01"}
    recording.stream("abcusdt@markPrice@1s", mark | {"T": 9})
    recording.stream(
        "abcusdt@kline_1m",
        {
            "k": {"t": 0, "T": 59_999, "i": "1m", "n": 1, "q": "1", "V": "1", "Q": "1"}
            | {"o": "1", "h": "1", "l": "1", "c": "1", "v": "1"}
        },
    )
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    assert (
        only_answer(rehearsal.get("/fapi/v1/premiumIndex", symbol="ABCUSDT"))["markPrice"]
        == "0.00000000"
    )
    rehearsal.venue.start()
    rehearsal.run(0)

    assert only_answer(rehearsal.get("/fapi/v1/ping")) == {}
    assert only_answer(rehearsal.get("/fapi/v1/exchangeInfo"))["symbols"][0]["symbol"] == "ABCUSDT"
    assert only_answer(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1m"))[0][0] == 0
    assert only_answer(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1h")) == []
    premium = only_answer(rehearsal.get("/fapi/v1/premiumIndex", symbol="ABCUSDT"))
    assert (premium["markPrice"], premium["indexPrice"]) == ("100.1", "100.2")
    assert (premium["lastFundingRate"], premium["nextFundingTime"]) == ("0.01", 9)
    assert only_answer(rehearsal.get("/fapi/v1/premiumIndex")) == [premium]


@pytest.mark.parametrize(
    ("venue", "path", "weights"),
    [("binance_futures", "/fapi/v1", (2, 4, 9)), ("binance", "/api/v3", (2, 4, 8))],
)
def test_the_best_quote_is_the_top_of_the_venues_own_book(
    tmp_path: Path, venue: str, path: str, weights: tuple[int, ...]
):
    lost = Faults(drop=(Drop(),))
    rehearsal = Rehearsal(a_recording(venue).write(tmp_path), speed=0, faults=lost)
    ticker = f"{path}/ticker/bookTicker"
    (early,) = rehearsal.get(ticker, symbol="ABCUSDT")
    assert early.status == 503
    rehearsal.venue.start()
    rehearsal.run(0)

    (one,) = rehearsal.get(ticker, symbol="ABCUSDT")
    (every,) = rehearsal.get(ticker)

    told = json.loads(one.body)
    assert told.pop("time", None) == (T0_NS // 1_000_000 + 500 if venue != "binance" else None)
    assert told == {
        "symbol": "ABCUSDT",
        "bidPrice": "100.0",
        "bidQty": "6.00",
        "askPrice": "101.0",
        "askQty": "1.00",
    }
    assert json.loads(every.body) == [json.loads(one.body)]
    used = [dict(answer.headers)["X-MBX-USED-WEIGHT-1M"] for answer in (early, one, every)]
    assert used == [str(weight) for weight in weights]


def test_before_there_is_a_book_no_quote_is_listed(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))

    assert only_answer(rehearsal.get("/fapi/v1/ticker/bookTicker")) == []


def test_klines_by_time_and_limit(tmp_path: Path):
    recording = Recording("binance")
    for minute in range(5):
        recording.trade(f"{minute + 1}.0", "1", minute * 60_000)
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    def starts(**query: Any) -> list[int]:
        path = "/api/v3/klines"
        rows = only_answer(rehearsal.get(path, symbol="ABCUSDT", interval="1m", **query))
        return [row[0] // 60_000 for row in rows]

    assert starts() == [0, 1, 2, 3, 4]
    assert starts(limit=2) == [3, 4]
    assert starts(startTime=60_000, limit=2) == [1, 2]
    assert starts(endTime=120_000, limit=2) == [1, 2]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/fapi/v1/depth", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/depth", {"symbol": "abcusdt"}, 400, -1121),
        ("/fapi/v1/depth", {}, 400, -1102),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": 7}, 400, -4021),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": "x"}, 400, -1100),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": "9" * 5_000}, 400, -1100),
        ("/fapi/v1/klines", {"symbol": "ABCUSDT", "interval": "7m"}, 400, -1120),
        ("/fapi/v1/klines", {"symbol": "ABCUSDT", "interval": "1m", "limit": 1501}, 400, -1130),
        ("/fapi/v1/premiumIndex", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/exchangeInfo", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/nothing", {}, 404, -5000),
        ("/api/v3/ping", {}, 404, -5000),
    ],
)
def test_wrong_requests_get_the_venues_error(
    tmp_path: Path, path: str, query: dict[str, Any], status: int, code: int
):
    rehearsal = Rehearsal(a_recording().write(tmp_path))

    answers = rehearsal.get(path, **query)

    assert (answers[0].status, only_answer(answers)["code"]) == (status, code)


def test_other_methods_have_no_route(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))

    assert only_answer(rehearsal.get("/fapi/v1/depth", method="POST"))["code"] == -5000
    assert only_answer(rehearsal.get("/fapi/v1/ping", method="DELETE"))["code"] == -5000


def test_spot_has_its_own_paths_and_limits(tmp_path: Path):
    rehearsal = Rehearsal(a_recording("binance").write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    assert only_answer(rehearsal.depth(limit=5_000))["lastUpdateId"] == 18
    assert only_answer(rehearsal.depth(limit=1))["bids"] == levels("100.0x6.00")
    assert only_answer(rehearsal.get("/api/v3/ping")) == {}
    assert rehearsal.get("/api/v3/premiumIndex")[0].status == 404
    assert rehearsal.get("/fapi/v1/ping")[0].status == 404


def test_weight_is_counted_per_clock_minute_refusals_included(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.now_ns = 120 * 10**9

    def used(answers: list[HttpAnswer]) -> str:
        return dict(answers[0].headers)["X-MBX-USED-WEIGHT-1M"]

    assert used(rehearsal.get("/fapi/v1/ping")) == "1"
    assert used(rehearsal.get("/fapi/v1/premiumIndex")) == "11"
    assert used(rehearsal.get("/fapi/v1/depth", symbol="NOSUCH", limit=1_000)) == "31"
    assert used(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1m")) == "36"

    rehearsal.now_ns += 59 * 10**9
    assert used(rehearsal.get("/fapi/v1/ping")) == "37"

    rehearsal.now_ns += 1 * 10**9
    assert used(rehearsal.get("/fapi/v1/ping")) == "1"


def test_trades_are_given_by_id_and_newest(tmp_path: Path):
    recording = Recording("binance")
    for minute in range(3):
        recording.trade(f"{minute + 1}.0", "1", minute * 60_000)
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    def found(path: str, **query: Any) -> Any:
        return only_answer(rehearsal.get(f"/api/v3/{path}", symbol="ABCUSDT", **query))

    assert [row["price"] for row in found("trades")] == ["1.0", "2.0", "3.0"]
    assert [row["price"] for row in found("trades", limit="2")] == ["2.0", "3.0"]
    assert found("trades", limit="1001")["code"] == -1130
    assert found("aggTrades") == found("aggTrades", fromId="1") == []
