"""The lines of a recording: what is written is what is read."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest
import zstandard

from engine.model.commands import OperatorCommand, SubmitOrder
from engine.model.envelope import Event, StorageRestored, TimerFired
from engine.model.facts import OrderFilled
from engine.model.market import FeedDown
from engine.model.numbers import PriceTicks, QtyLots
from storage.recording_format import (
    Answer,
    Call,
    Digest,
    FileBegan,
    Hole,
    Line,
    Made,
    Mark,
    RunBegan,
    SocketFrame,
    Taken,
    decode_lines,
    encode_block,
    events_in,
    raw_of,
    raw_text,
)
from tests.builders import BTC, a_snapshot, a_trade, an_update

EVENTS: list[Event] = [
    a_trade(),
    a_snapshot("100x9", "101x7"),
    an_update(),
    FeedDown("feed:x", "Verbindung weg", 5, 1),
    TimerFired("freshness", 7),
    OperatorCommand(1, "hand", "buy", (SubmitOrder(BTC, "buy", "limit", Decimal("0.10")),)),
    OrderFilled(
        1, "c1", "t1", PriceTicks(5), QtyLots(2), "maker", Decimal("-0.000"), "USD", BTC, "buy"
    ),
    StorageRestored(),
]

LINES: list[Line] = [
    SocketFrame(1, 5, "binance", '{"e":"trade","ö":"\\n"}', "text"),
    Answer(2, 6, "okx", "http://x/depth?limit=5", 200, msgspec.Raw(b'{"a":"x"}'), "{}", "bytes"),
    Call(3, 7, "simulated", "open", (0, ("BTC-PERP",), -4, 8, 1.0)),
    Mark(4, 8, "x", "run-1", Taken(1, ["timer", (1, 0, 2, 9), *(Made(1, one) for one in EVENTS)])),
    Mark(5, 9, "x", "run-1", Digest(10, "abc", is_end=True)),
    Mark(6, 9, "x", "run-1", Hole(4, "why")),
    Mark(6, 9, "x", "run-1", FileBegan(1, 0)),
    Mark(
        6, 9, "x", "r", RunBegan("1", "sim", "j", "d", msgspec.Raw(b'{"a":1}'), msgspec.Raw(b"[]"))
    ),
]


def test_a_block_gives_back_its_lines() -> None:
    text = zstandard.ZstdDecompressor().decompress(encode_block(LINES))

    assert list(decode_lines(text)) == LINES


def test_every_line_has_the_keys_of_a_capture() -> None:
    text = zstandard.ZstdDecompressor().decompress(encode_block(LINES))

    for line in text.splitlines():
        assert {"recv_ns", "venue", "transport", "raw"} <= msgspec.json.decode(line).keys()


def test_every_event_has_a_name_of_its_own() -> None:
    names = [kind.__struct_config__.tag for kind in get_args(Event)]

    assert len(names) == len(set(names))
    assert None not in names


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [('{"a":"é"}', "text"), (b'{"a":"\xc3\xa9"}', "bytes"), (b"\xff\x00", "base64"), ("", "text")],
)
def test_a_message_comes_back_as_it_was(raw: str | bytes, encoding: str) -> None:
    text, told = raw_text(raw)

    assert told == encoding
    assert raw_of(text, told) == raw


def test_a_line_of_no_known_kind_is_refused() -> None:
    text = b'{"transport":"mark","line":1,"recv_ns":1,"venue":"x","run":"","mark":{"type":"odd"}}'

    with pytest.raises(msgspec.DecodeError, match="odd"):
        list(decode_lines(text))


def test_events_are_counted_by_runs_and_singly() -> None:
    taken = Taken(5, ["feed", (1, 0, 7, 0), Made(0, StorageRestored()), "timer", (1, 7, 1, 0)])

    assert events_in(taken) == 9
