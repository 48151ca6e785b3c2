"""What recorded messages of OKX are counted as."""

import pytest

from engine.venues.okx.recorded import kind_of
from tests.fakes.okx_wire import SWAP, books, push, ticker_row, whole


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (whole(1), (SWAP, "books_snapshot")),
        (books((1, 2)), (SWAP, "books_update")),
        (push("tickers", ticker_row()), (SWAP, "tickers")),
        ('{"event":"subscribe","arg":{"channel":"books","instId":"A"}}', ("", "event_subscribe")),
        ('{"event":"error","code":"60012","msg":"x"}', ("", "event_error")),
        ('{"arg":{"channel":"instruments","instType":"SPOT"},"data":[]}', ("", "ws instruments")),
        ("pong", ("", "ws_other")),
        ("{}", ("", "ws_other")),
    ],
)
def test_a_message_is_named_by_instrument_and_kind(raw: str, expected: tuple[str, str]):
    assert kind_of(raw) == expected
