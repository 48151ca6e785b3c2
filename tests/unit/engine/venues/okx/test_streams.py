"""OKX's subscriptions: what an instrument has, on how many connections, in which words."""

import json

from engine.model.instrument import InstrumentId
from engine.venues.base import Stream
from engine.venues.okx.payloads import Arg
from engine.venues.okx.streams import controls, name_of, plans

BASE = "wss://stream.test"


def channels_of(symbol: str) -> dict[str, list[str]]:
    """Return the channels of an instrument by the name of their connection."""
    found = plans(BASE, [InstrumentId(f"okx:{symbol}")])
    return {plan.name: [one.name.partition(":")[0] for one in plan.streams] for plan in found}


def test_candles_and_single_prints_live_apart():
    assert channels_of("ABC-USDT") == {
        "public": ["books", "trades", "tickers"],
        "business": ["candle1m", "trades-all"],
    }


def test_contracts_have_a_mark_price_and_perpetuals_funding():
    assert channels_of("ABC-USDT-270326")["public"][3:] == ["mark-price"]
    assert channels_of("ABC-USDT-SWAP")["public"][3:] == ["mark-price", "funding-rate"]


def test_many_books_are_spread_over_connections():
    ids = [InstrumentId(f"okx:A{number}-USDT") for number in range(60)]

    found = list(plans(BASE, ids))

    assert [plan.name for plan in found] == ["public", "public2", "public3", "business"]
    assert [plan.url for plan in found][2:] == [
        f"{BASE}/ws/v5/public",
        f"{BASE}/ws/v5/business",
    ]
    books = [one for plan in found for one in plan.streams if one.stream_class == "book"]
    assert [one.instrument_id for one in books] == ids
    assert all(sum(one.stream_class == "book" for one in plan.streams) < 30 for plan in found)


def test_connections_are_pinged_in_words_and_may_be_quiet_for_more_than_a_minute():
    for plan in plans(BASE, [InstrumentId("okx:ABC-USDT")]):
        assert plan.ping == "ping"
        assert plan.quiet_s > 60


def test_a_request_names_channels_and_the_words_that_confirm_it():
    stream = Stream("books:ABC-USDT", "book", InstrumentId("okx:ABC-USDT"))

    (control,) = controls("unsubscribe", [stream])

    args = [{"channel": "books", "instId": "ABC-USDT"}]
    assert json.loads(control.text) == {"op": "unsubscribe", "args": args}
    assert control.awaited == ("unsubscribe books:ABC-USDT",)
    assert name_of(Arg("books", "ABC-USDT")) == stream.name


def test_a_request_stays_below_the_venues_64_kb():
    key = InstrumentId("okx:" + "A" * 36)
    streams = [Stream(f"candle1m:{'A' * 30}{number}", "candle", key) for number in range(450)]

    found = controls("subscribe", streams)

    assert [len(one.awaited) for one in found] == [200, 200, 50]
    assert all(len(one.text) < 32_000 for one in found)
