"""JSON that moves money is of one meaning, or refused."""

import msgspec
import pytest

from engine.model.errors import VenuePayloadError
from engine.venues.binance.private_json import strictly


class Row(msgspec.Struct):
    """Of one number and a text."""

    a: int
    b: str = ""


@pytest.mark.parametrize("body", [b'{"a":1,"b":"x","c":{"a":2}}', '{"a":1,"b":"x"}'])
def test_a_shape_is_read_from_text_and_bytes(body: str | bytes):
    assert strictly(body, Row) == Row(1, "x")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"c":{"d":1,"d":2}}',
        b'{"a":1,"c":[{"d":1,"d":2}]}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":1}{"a":2}',
        b'{"a":1',
        b'{"a":null}',
        b'{"a":"1"}',
        b'{"a":1.0e400}',
        b'{"a":NaN}',
        b'{"a":1,"c":Infinity}',
        b'{"a":' + b"1" * 10_000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"a":1}'.decode().encode("utf-16"),
        b'{"a":1,"c":' + b"[" * 200_000,
        b"",
        b"<html>",
    ],
)
def test_anything_else_is_refused_in_few_words(body: bytes):
    with pytest.raises(VenuePayloadError) as refused:
        strictly(body, Row)

    assert len(str(refused.value)) < 600


def test_a_number_of_a_million_digits_in_a_field_that_nobody_reads_does_no_harm():
    body = b'{"a":1,"c":' + b"7" * 1_000_000 + b',"d":1e600000}'

    assert strictly(body, Row) == Row(1)
