"""Klines from what was played."""

from typing import Any

import msgspec

from engine.fake.binance_frames import KlineBody, Print
from engine.fake.kline_rows import KlineRows

MINUTE = 60_000


def a_trade(at_ms: int, price: str, size: str = "1", **more: Any) -> Print:
    return msgspec.convert({"T": at_ms, "p": price, "q": size, "m": False} | more, Print)


def a_kline(open_ms: int, close: str, interval: str = "1m") -> KlineBody:
    numbers = {"o": "1", "h": "3", "l": "0.5", "c": close, "v": "7", "q": "8", "V": "4", "Q": "5"}
    times = {"t": open_ms, "T": open_ms + MINUTE - 1, "i": interval, "n": 2}
    return msgspec.convert(numbers | times, KlineBody)


def test_recorded_klines_are_answered_as_sent_the_newest_of_a_minute():
    rows = KlineRows()
    for kline in (a_kline(MINUTE, "2"), a_kline(0, "1"), a_kline(MINUTE, "2.5")):
        rows.see_kline(kline)
    rows.see_trade("trade", a_trade(5, "9"))

    assert [row[0] for row in rows.rows("1m")] == [0, MINUTE]
    assert rows.rows("1m")[1] == [
        *(MINUTE, "1", "3", "0.5", "2.5", "7", 2 * MINUTE - 1, "8", 2),
        *("4", "5", "0"),
    ]
    assert rows.rows("5m") == []


def test_trades_are_added_up_where_no_kline_was_recorded():
    rows = KlineRows()
    rows.see_trade("trade", a_trade(1, "10.0", "0.5"))
    rows.see_trade("trade", a_trade(2, "12.0", "0.5", m=True))
    rows.see_trade("trade", a_trade(MINUTE, "8.0", "1"))
    rows.see_trade("trade", a_trade(5 * MINUTE, "9.0", "1"))

    assert rows.rows("1m")[0] == [
        *(0, "10.0", "12.0", "10.0", "12.0", "1.0", MINUTE - 1, "11.00", 2),
        *("0.5", "5.00", "0"),
    ]
    assert [row[:6] for row in rows.rows("5m")] == [
        [0, "10.0", "12.0", "8.0", "8.0", "2.0"],
        [5 * MINUTE, "9.0", "9.0", "9.0", "9.0", "1"],
    ]
    assert rows.rows("1w") == []


def test_sums_of_trades_are_not_counted_beside_them():
    rows = KlineRows()
    rows.see_trade("aggTrade", a_trade(1, "10"))
    rows.see_trade("trade", a_trade(1, "10"))
    rows.see_trade("trade", a_trade(2, "99", X="INSURANCE_FUND"))

    assert [(row[2], row[8]) for row in rows.rows("1m")] == [("10", 1)]
