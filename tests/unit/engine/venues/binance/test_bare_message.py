"""Recorded messages of raw streams get the name that a combined stream would give them."""

import json

import pytest

from engine.venues.binance.bare_message import combined
from tests.fakes.captures import depth_data, kline_data, text, trade_data

WS = "wss://stream.binance.com:9443/ws"
DEPTH = text(depth_data((1, 2)))
QUOTE = '{"u":9,"s":"ABCUSDT","b":"1","B":"1","a":"2","A":"1"}'
PARTIAL = '{"lastUpdateId":9,"bids":[],"asks":[]}'


@pytest.mark.parametrize(
    ("raw", "url", "name"),
    [
        (DEPTH, f"{WS}/abcusdt@depth", "abcusdt@depth"),
        (DEPTH, f"{WS}/abcusdt@depth@100ms?timeUnit=MILLISECOND", "abcusdt@depth@100ms"),
        (DEPTH, f"{WS}/abcusdt%40depth", "abcusdt@depth"),
        (DEPTH, f"{WS}/abcusdt@depth5", "abcusdt@depth5"),
        (DEPTH, f"{WS}/xyzusdt@depth/abcusdt@depth@0ms", "abcusdt@depth@0ms"),
        (DEPTH, WS, "abcusdt@depth"),
        (DEPTH, "", "abcusdt@depth"),
        (DEPTH, "wss://fstream.binance.com/public/ws/abcusdt@depth@500ms", "abcusdt@depth@500ms"),
        (QUOTE, f"{WS}/abcusdt@bookTicker", "abcusdt@bookTicker"),
        (QUOTE, WS, "abcusdt@bookTicker"),
        (QUOTE, f"{WS}/!bookTicker", "!bookTicker"),
        (text(trade_data("1", "1")), WS, "abcusdt@trade"),
        (text(kline_data("5m")), WS, "abcusdt@kline_5m"),
        (
            text({"e": "markPriceUpdate", "s": "ABCUSDT"}),
            f"{WS}/abcusdt@markPrice@1s",
            "abcusdt@markPrice@1s",
        ),
        (PARTIAL, f"{WS}/abcusdt@depth20", "abcusdt@depth20"),
        ('[{"e":"24hrMiniTicker"}]', f"{WS}/!miniTicker@arr", "!miniTicker@arr"),
        (
            '{"e":"forceOrder","o":{"s":"ABCUSDT"}}',
            f"{WS}/abcusdt@forceOrder",
            "abcusdt@forceOrder",
        ),
    ],
)
def test_a_bare_message_is_named(raw: str, url: str, name: str):
    message = json.loads(combined(raw, url))

    assert message == {"stream": name, "data": json.loads(raw)}


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ('{"stream":"a@trade","data":{}}', "wss://x/stream?streams=a@trade"),
        ('{"result":null,"id":1}', f"{WS}/abcusdt@depth"),
        ('{"error":{"code":2},"id":1}', f"{WS}/abcusdt@depth"),
        (PARTIAL, WS),
        (PARTIAL, f"{WS}/a@depth5/b@depth5"),
        ('{"e":"forceOrder","o":{"s":"ABCUSDT"}}', WS),
        ('{"e":"trade","s":"A\\"B"}', WS),
        ('{"e":"trade","s":"A\\\\"}', WS),
        ("", f"{WS}/abcusdt@depth"),
        ("{", f"{WS}/abcusdt@depth"),
        ("\ud800", f"{WS}/abcusdt@depth"),
        ('{"e":' + "[" * 200_000, f"{WS}/abcusdt@depth"),
    ],
    ids=lambda value: ascii(value[:30]),
)
def test_what_has_a_name_or_needs_none_or_is_damaged_stays(raw: str, url: str):
    assert combined(raw, url) is raw
