"""What recorded messages of Binance are counted as."""

import pytest

from engine.venues.binance.recorded import kind_of


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"stream":"abcusdt@depth@100ms","data":{}}', ("ABCUSDT", "depth")),
        ('{"stream":"abcusdt@kline_1m","data":{}}', ("ABCUSDT", "kline_1m")),
        ('{"stream":"!ticker@arr","data":[]}', ("", "ws !ticker@arr")),
        ('{"stream":"abcusdt","data":{}}', ("", "ws_other")),
        ('{"result":null,"id":1}', ("", "ws_other")),
        ("", ("", "ws_other")),
    ],
)
def test_a_message_is_named_by_its_stream(raw: str, expected: tuple[str, str]):
    assert kind_of(raw) == expected
