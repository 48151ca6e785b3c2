"""What the local OKX answers to requests."""

import json
from pathlib import Path

import pytest

from engine.model.numbers import NS_PER_MS
from tests.fakes.captures import T0_NS
from tests.fakes.okx_wire import push, trade_row
from tests.unit.engine.fake.okx.rehearsal import PUBLIC, SPOT, Rehearsal, a_recording

T0_MS = T0_NS // NS_PER_MS
MINUTE_MS = 60_000


def at_end(folder: Path, *trades: tuple[str, str, int]) -> Rehearsal:
    """Return a venue that has played everything, these trades (price, size, ms) included."""
    recording = a_recording()
    for number, (price, size, ms) in enumerate(trades, start=8):
        row = trade_row(SPOT, tradeId=str(number), px=price, sz=size, ts=str(T0_MS + ms))
        recording.raw(push("trades", row, symbol=SPOT))
    rehearsal = Rehearsal(recording.write(folder), speed=0)
    rehearsal.open(PUBLIC, "books")
    rehearsal.run(1)
    return rehearsal


def test_time_is_that_of_the_recording(tmp_path: Path):
    assert at_end(tmp_path).data("public/time") == [{"ts": str(T0_MS + 500)}]


def test_a_book_has_as_many_levels_as_asked(tmp_path: Path):
    rehearsal = at_end(tmp_path)

    (one,) = rehearsal.data("market/books", instId=SPOT)
    (all_of_it,) = rehearsal.data("market/books", instId=SPOT, sz=400)

    assert (len(one["bids"]), len(all_of_it["bids"])) == (1, 2)


def test_the_ticker_is_the_top_of_the_book(tmp_path: Path):
    (ticker,) = at_end(tmp_path).data("market/ticker", instId=SPOT)

    assert (ticker["bidPx"], ticker["bidSz"], ticker["askPx"]) == ("100", "6", "100.5")


def test_before_anything_was_played_there_is_no_top(tmp_path: Path):
    (ticker,) = Rehearsal(a_recording().write(tmp_path)).data("market/ticker", instId=SPOT)

    assert (ticker["bidPx"], ticker["askPx"]) == ("", "")


def test_trades_come_newest_first_and_in_pages(tmp_path: Path):
    rehearsal = at_end(tmp_path, ("101", "1", 10), ("102", "1", 20), ("103", "1", 30))

    def ids(**query: object) -> list[str]:
        found = rehearsal.data("market/history-trades", instId=SPOT, **query)
        return [one["tradeId"] for one in found]

    assert ids() == ["10", "9", "8", "7"]
    assert ids(limit=2) == ["10", "9"]
    assert ids(type=1, after=9) == ["8", "7"]
    assert ids(type=1, before=8) == ["10", "9"]
    assert ids(type=2, after=T0_MS + 20) == ["8", "7"]


def test_candles_are_recorded_ones_or_made_of_trades(tmp_path: Path):
    rehearsal = at_end(tmp_path, ("101", "1", 10), ("99", "2", 5 * MINUTE_MS))

    (recorded,) = rehearsal.data("market/candles", instId=SPOT, bar="1m")
    made = rehearsal.data("market/candles", instId=SPOT, bar="5m")

    assert recorded[1:] == ["1", "3", "0.5", "2", "3", "0.03", "0.06", "0"]
    newest, oldest = made
    assert newest[1:6] == ["99", "99", "99", "99", "2"]
    assert oldest[1:6] == ["100.5", "101", "100.5", "101", "3"]
    assert (newest[8], oldest[8]) == ("0", "1")


@pytest.mark.parametrize(("bar", "at_hour"), [("1D", 16), ("1Dutc", 0), ("4H", 20)])
def test_days_begin_at_hong_kong_or_at_utc(tmp_path: Path, bar: str, at_hour: int):
    (row,) = at_end(tmp_path).data("market/candles", instId=SPOT, bar=bar)

    assert int(row[0]) // 3_600_000 % 24 == at_hour
    assert 0 <= T0_MS - int(row[0]) < 86_400_000


def test_a_length_that_is_not_known_has_no_rows(tmp_path: Path):
    assert at_end(tmp_path).data("market/candles", instId=SPOT, bar="7m") == []


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("market/books", {}, "50014"),
        ("market/books", {"instId": "XYZ-USDT"}, "51001"),
        ("market/books", {"instId": SPOT, "sz": "-1"}, "51000"),
        ("market/candles", {"instId": SPOT, "limit": "many"}, "51000"),
        ("public/instruments", {"instType": "MOON"}, "51000"),
    ],
)
def test_errors_come_with_http_200(tmp_path: Path, path: str, query: dict[str, str], code: str):
    (answer,) = at_end(tmp_path).get(path, **query)

    assert (answer.status, json.loads(answer.body)["code"]) == (200, code)


@pytest.mark.parametrize(("method", "path"), [("GET", "nothing"), ("POST", "public/time")])
def test_what_is_not_there_is_not_found(tmp_path: Path, method: str, path: str):
    (answer,) = at_end(tmp_path).get(path, method=method)

    assert answer.status == 404
