"""Subscriptions in Binance's words, and which answer belongs to which."""

import json

import pytest

from tests.fakes.binance_wire import a_wire


@pytest.mark.parametrize("frame", ['{"result":null,"id":2}', b'{"result":null,"id":2}'])
def test_an_answer_is_told_by_the_number_of_its_question(frame: str | bytes):
    wire = a_wire("binance_futures", "ABCUSDT")
    (plan, _) = wire.sockets()

    (first,), (second,) = wire.subscribe(plan.streams), wire.unsubscribe(plan.streams)

    names = [stream.name for stream in plan.streams]
    assert json.loads(first.text) == {"method": "SUBSCRIBE", "params": names, "id": 1}
    assert json.loads(second.text) == {"method": "UNSUBSCRIBE", "params": names, "id": 2}
    assert second.awaited == (wire.acknowledged(frame),)


@pytest.mark.parametrize(
    "frame", ['{"stream":"abcusdt@depth","data":{"id":2}}', "{}", "nonsense", b"\xff", '{"id":"x"}']
)
def test_other_frames_answer_nothing(frame: str | bytes):
    assert a_wire().acknowledged(frame) == ""


def test_every_stream_says_what_it_brings():
    public, market = a_wire("binance_futures", "ABCUSDT").sockets()

    classes = {stream.name: stream.stream_class for stream in (*public.streams, *market.streams)}
    assert classes == {
        "abcusdt@depth@100ms": "book",
        "abcusdt@bookTicker": "quote",
        "abcusdt@trade": "trade",
        "abcusdt@aggTrade": "trade",
        "abcusdt@kline_1m": "candle",
        "abcusdt@markPrice@1s": "mark",
    }
