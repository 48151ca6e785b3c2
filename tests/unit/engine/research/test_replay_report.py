"""What a replay says about captures of every kind that a venue's streams can give."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.research.replay import Capture
from engine.research.replay_report import replay_document
from tests.fakes.captures import T0_NS, Recording, depth_data, kline_data, levels, text, trade_data


def document(recording: Recording, folder: Path) -> dict[str, Any]:
    return replay_document(Capture([recording.write(folder)]), "test")


def symbol(recording: Recording, folder: Path, name: str = "ABCUSDT") -> dict[str, Any]:
    found = document(recording, folder)
    assert found["bad_frames"] == 0
    return dict(found["symbols"][name])


def ladder(found: dict[str, Any]) -> tuple[object, ...]:
    return found["best_bid"], found["best_ask"], found["bid_levels"], found["ask_levels"]


@pytest.mark.parametrize("venue", ["binance_futures", "binance"])
def test_a_snapshot_before_any_delta_makes_a_book(venue: str, tmp_path: Path):
    recording = Recording(venue)
    recording.snapshot(10, "100x1 99x2", "101x1")

    found = symbol(recording, tmp_path)

    assert ladder(found) == (["100", "1"], ["101", "1"], 2, 1)
    assert (found["last_update_id"], found["snapshots"], found["depth_applied"]) == (None, 1, 0)
    assert (found["messages"], found["gaps"]) == ({"http_depth_snapshot": 1}, [])


def test_a_symbol_without_a_book_still_appears(tmp_path: Path):
    recording = Recording()
    recording.depth((5, 6, 4), "100x1")
    recording.depth((7, 8, 6), "100x2")

    found = symbol(recording, tmp_path)

    assert ladder(found) == (None, None, 0, 0)
    assert found["depth_buffered_without_snapshot"] == 2
    assert found["sha256_all"] == found["sha256_top50"] == sha256_of("bids=;asks=")
    assert found["last_update_id"] is None


def sha256_of(words: str) -> str:
    from hashlib import sha256

    return sha256(words.encode()).hexdigest()


@pytest.mark.parametrize(
    ("ids", "applied", "kind"),
    [
        ((9, 10), 0, None),
        ((8, 9), 0, None),
        ((11, 12), 1, None),
        ((10, 11), 1, None),
        ((5, 20), 1, None),
        ((12, 13), 0, "first_event_not_bridging"),
    ],
)
def test_what_joins_a_spot_snapshot(
    ids: tuple[int, int], applied: int, kind: str | None, tmp_path: Path
):
    recording = Recording("binance")
    recording.snapshot(10)
    line = recording.depth(ids, "100x2")

    found = symbol(recording, tmp_path)

    gap = {"line": line, "kind": kind, "snapshot": 10, "U": ids[0], "u": ids[1]}
    assert found["depth_applied"] == applied
    assert found["depth_dropped_stale"] == (0 if applied or kind else 1)
    assert found["gaps"] == ([gap] if kind else [])


@pytest.mark.parametrize(
    ("ids", "applied", "kind"),
    [
        ((8, 9, 7), 0, None),
        ((9, 10, 7), 1, None),
        ((10, 12, 7), 1, None),
        ((11, 12, 10), 0, "first_event_not_bridging"),
    ],
)
def test_what_joins_a_futures_snapshot(
    ids: tuple[int, int, int], applied: int, kind: str | None, tmp_path: Path
):
    recording = Recording()
    recording.snapshot(10)
    line = recording.depth(ids, "100x2")

    found = symbol(recording, tmp_path)

    gap = {"line": line, "kind": kind, "snapshot": 10, "U": ids[0], "u": ids[1]}
    assert found["depth_applied"] == applied
    assert found["depth_dropped_stale"] == (0 if applied or kind else 1)
    assert found["gaps"] == ([gap] if kind else [])


def test_a_gap_of_spot_names_the_id_that_had_to_come(tmp_path: Path):
    recording = Recording("binance")
    recording.snapshot(10)
    recording.depth((11, 12))
    line = recording.depth((14, 15))

    found = symbol(recording, tmp_path)

    gap = {"line": line, "kind": "sequence", "expected": 13, "U": 14, "u": 15, "pu": None}
    assert found["gaps"] == [gap]
    assert (found["book_state"], found["last_update_id"]) == ("invalid", None)


def test_a_repeat_is_harmless_on_spot_and_a_gap_on_futures(tmp_path: Path):
    spot, futures = Recording("binance"), Recording()
    for recording, ids in ((spot, (11, 12)), (futures, (9, 12, 8))):
        recording.snapshot(10)
        recording.depth(ids)
        recording.depth(ids)

    assert symbol(spot, tmp_path)["gaps"] == []
    gap = {"line": 3, "kind": "sequence", "expected": 12, "U": 9, "u": 12, "pu": 8}
    assert symbol(futures, tmp_path)["gaps"] == [gap]


def test_a_second_snapshot_mends_a_book_with_what_was_buffered(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10)
    recording.depth((10, 12, 9), "100x2")
    lost = recording.depth((20, 22, 19), "100x3")
    recording.depth((23, 25, 22), "100x4")
    recording.snapshot(21, "100x9 98x1", "101x1")
    recording.depth((26, 28, 25), "97x1")

    found = symbol(recording, tmp_path)

    assert [gap["line"] for gap in found["gaps"]] == [lost]
    assert ladder(found) == (["100", "4"], ["101", "1"], 3, 1)
    assert (found["snapshots"], found["depth_applied"], found["last_update_id"]) == (2, 4, 28)


def test_a_newer_snapshot_replaces_a_live_book(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10)
    recording.depth((10, 12, 9), "99x2")
    recording.snapshot(20, "50x1", "51x1")
    recording.depth((15, 19, 14), "50x7")
    recording.depth((19, 21, 18), "49x1")

    found = symbol(recording, tmp_path)

    assert ladder(found) == (["50", "1"], ["51", "1"], 2, 1)
    assert (found["gaps"], found["snapshots"], found["depth_dropped_stale"]) == ([], 2, 1)


def test_an_older_snapshot_leaves_a_live_book_alone(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10)
    recording.depth((10, 12, 9), "99x2")
    recording.snapshot(11, "50x1", "51x1")
    recording.depth((13, 14, 12), "98x1")

    found = symbol(recording, tmp_path)

    assert ladder(found) == (["100", "1"], ["101", "1"], 3, 1)
    assert (found["gaps"], found["last_update_id"]) == ([], 14)


def test_single_prints_win_over_aggregated_ones_in_any_order(tmp_path: Path):
    recording = Recording()
    recording.agg_trade("50", "9")
    recording.trade("100", "1")
    recording.agg_trade("100", "1")
    recording.trade("101", "2")

    found = symbol(recording, tmp_path)

    assert found["trades"] == 2
    assert [row[1:] for row in found["candles_1m"]] == [["100", "101", "100", "101", "3", 2]]
    assert found["messages"] == {"aggTrade": 2, "trade": 2}


def test_prints_outside_the_book_stay_out_of_candles(tmp_path: Path):
    recording = Recording()
    recording.trade("100", "1", X="MARKET")
    recording.trade("1", "5", X="INSURANCE_FUND")
    recording.trade("0", "0", X="NA")

    found = symbol(recording, tmp_path)

    assert found["trade_not_market"] == 2
    assert [row[1:] for row in found["candles_1m"]] == [["100", "100", "100", "100", "1", 1]]


def test_the_last_venue_kline_of_a_minute_is_that_of_the_one_minute_stream(tmp_path: Path):
    recording = Recording()
    for interval, high in (("1m", "3"), ("5m", "9"), ("1m", "4"), ("3m", "8"), ("1d", "7")):
        data = kline_data(interval, h=high)
        recording.stream(f"abcusdt@kline_{interval}", data)

    found = symbol(recording, tmp_path)

    assert found["venue_klines_last"] == [[1_699_999_980_000, "1", "4", "1", "2", "5", 4, False]]
    counts = {f"kline_{interval}": 1 for interval in ("3m", "5m", "1d")}
    assert found["messages"] == counts | {"kline_1m": 2}


@pytest.mark.parametrize("venue", ["binance_futures", "binance"])
@pytest.mark.parametrize("kind", ["depth5", "depth10@100ms", "depth20@500ms", "rpiDepth@500ms"])
def test_a_partial_book_is_counted_and_kept_away_from_the_book(
    venue: str, kind: str, tmp_path: Path
):
    recording = Recording(venue)
    recording.snapshot(10)
    recording.depth((10, 12, 9), "100x2")
    if venue == "binance":
        data = {"lastUpdateId": 400, "bids": levels("1x1"), "asks": levels("2x1")}
    else:
        data = depth_data((300, 400, 200), "1x1", "2x1")
    recording.stream(f"abcusdt@{kind}", data)
    recording.depth((13, 14, 12), "99x1")

    found = symbol(recording, tmp_path)

    assert ladder(found) == (["100", "2"], ["101", "1"], 2, 1)
    assert (found["gaps"], found["last_update_id"]) == ([], 14)
    assert found["messages"][kind.partition("@")[0]] == 1


def test_streams_that_are_not_read_are_counted_and_no_damage(tmp_path: Path):
    recording = Recording()
    recording.stream("abcusdt@forceOrder", {"e": "forceOrder", "E": 1, "o": {"s": "ABCUSDT"}})
    recording.stream("abcusdt@miniTicker", {"e": "24hrMiniTicker", "s": "ABCUSDT", "st": 1})
    recording.stream("abcusdt@ticker", {"e": "24hrTicker", "s": "ABCUSDT"})
    recording.stream("abcusdt@avgPrice", {"e": "avgPrice", "s": "ABCUSDT"})
    for _ in range(2):
        recording.stream("!markPrice@arr@1s", [{"e": "markPriceUpdate", "s": "A", "st": 2}])
    recording.stream("!bookTicker", {"e": "bookTicker", "s": "ABCUSDT", "st": 2})
    recording.stream("tradingSession", {"e": "x"})
    recording.raw('{"result":null,"id":1}')
    recording.add(transport="ws", dir="out", raw='{"method":"SUBSCRIBE"}')
    recording.add(transport="ws", dir="open")
    recording.http("klines?symbol=ABCUSDT&interval=1m", [])
    recording.http("exchangeInfo", {"symbols": []})

    found = document(recording, tmp_path)

    assert found["bad_frames"] == 0
    assert found["symbols"]["ABCUSDT"]["messages"] == {
        "avgPrice": 1,
        "forceOrder": 1,
        "miniTicker": 1,
        "ticker": 1,
    }
    assert found["other_lines"] == {
        "http exchangeInfo": 1,
        "http klines": 1,
        "ws !bookTicker": 1,
        "ws !markPrice@arr@1s": 2,
        "ws_open": 1,
        "ws_other": 2,
        "ws_out": 1,
    }


def test_fields_that_the_venue_added_later_do_not_disturb(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10)
    data = depth_data((10, 12, 9), "100x2") | {"st": 2, "ps": "ABCUSD"}
    recording.stream("abcusdt@depth", data)
    data = trade_data("100", "1") | {"e": "aggTrade", "a": 1, "nq": "0.5", "st": 2}
    recording.stream("abcusdt@aggTrade", data)

    found = symbol(recording, tmp_path)

    assert (found["depth_applied"], found["trades"]) == (1, 1)


def exchange_info(tick: str, lot: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": lot},
    ]
    names = {"symbol": "ABCUSDT", "status": "TRADING", "baseAsset": "ABC", "quoteAsset": "USDT"}
    return {"symbols": [names | {"filters": filters}]}


def test_metadata_that_comes_late_describes_what_is_already_there(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10, "100.5x1", "101x1")
    recording.depth((10, 12, 9), "100x2")
    recording.http("exchangeInfo", exchange_info("0.001", "0.10"))
    recording.depth((13, 14, 12), "100.25x3")

    found = symbol(recording, tmp_path)

    assert found["scales"] == {"price_decimals": 3, "qty_decimals": 1, "is_inferred": False}
    assert ladder(found) == (["100.5", "1"], ["101", "1"], 3, 1)
    assert found["gaps"] == []


def test_a_clock_that_runs_backwards_loses_nothing(tmp_path: Path):
    recording = Recording()
    recording.snapshot(10)
    recording.depth((10, 12, 9), "100x2")
    recording.lines[-1]["recv_ns"] = T0_NS - 5_000_000_000
    recording.depth((13, 14, 12), "100x3")

    found = document(recording, tmp_path)

    assert found["symbols"]["ABCUSDT"]["depth_applied"] == 2
    assert found["ws_seconds"] == 5.2


def test_receive_times_are_told_as_they_were_written(tmp_path: Path):
    recording = Recording()
    recording.trade("1", "1")
    recording.trade("1", "1")
    for line, seconds in zip(recording.lines, (1626992740.175661, 1626992771.201806), strict=True):
        del line["recv_ns"]
        line["recv_ts"] = seconds

    found = document(recording, tmp_path)

    assert (found["recv_ts_first"], found["recv_ts_last"]) == (1626992740.175661, 1626992771.201806)
    assert Decimal(str(found["ws_seconds"])) == Decimal("31.026")


def test_raw_streams_are_read_like_combined_ones(tmp_path: Path):
    recording = Recording()
    base = "wss://fstream.binance.com/ws"
    recording.snapshot(10)
    recording.raw(text(depth_data((10, 12, 9), "100x2")), url=f"{base}/abcusdt@depth@100ms")
    recording.raw(text(depth_data((1, 2, 3), "1x1")), url=f"{base}/abcusdt@depth5")
    recording.raw('{"result":null,"id":1}', url=f"{base}/abcusdt@depth@100ms")
    recording.raw(text(trade_data("100", "1")), url=base)
    recording.raw(text(kline_data("1m")), url=f"{base}/abcusdt@trade/abcusdt@kline_1m")

    found = symbol(recording, tmp_path)

    counts = {"depth": 1, "depth5": 1, "http_depth_snapshot": 1, "kline_1m": 1, "trade": 1}
    assert found["messages"] == counts
    assert (found["depth_applied"], found["trades"]) == (1, 1)
    assert len(found["venue_klines_last"]) == 1


def test_a_damaged_frame_costs_that_frame(tmp_path: Path):
    recording = Recording()
    recording.trade("100", "1")
    recording.trade("1e3", "1")
    recording.stream("abcusdt@trade", {"e": "trade"})
    recording.trade("101", "1")

    found = document(recording, tmp_path)

    assert (found["bad_frames"], found["symbols"]["ABCUSDT"]["trades"]) == (2, 2)


def test_a_refused_answer_costs_that_answer(tmp_path: Path):
    recording = Recording()
    recording.http("depth?symbol=ABCUSDT", {"code": -1003, "msg": "Too many requests."})
    recording.add(transport="http", url="http://[broken", raw="{}")
    recording.snapshot(10)

    found = document(recording, tmp_path)

    assert (found["bad_frames"], found["symbols"]["ABCUSDT"]["snapshots"]) == (1, 1)


def test_the_digest_of_enormous_numbers_can_be_taken(tmp_path: Path):
    recording = Recording()
    huge = str(2**62 - 1)
    recording.snapshot(10, f"{2**60}x{huge} 99x{huge}", f"{2**61}x{huge}")
    recording.depth((10, 12, 9), f"100x{huge} 98x{huge}")
    for _ in range(9):
        recording.trade(huge, huge)

    found = symbol(recording, tmp_path)

    assert len(document(recording, tmp_path)["digest"]) == 64
    assert found["candles_1m"][0][5] == str(9 * (2**62 - 1))
