"""The bytes of a journal: nothing in them can change, move or come from elsewhere unnoticed."""

from hashlib import blake2b

import pytest

from storage import journal_format
from storage.journal_format import (
    PAYLOAD_MAX,
    RECORD_HEAD,
    Kind,
    Tail,
    decode_head,
    encode_group,
    encode_header,
    is_whole,
)
from tests.unit.storage.journals import FACTS, a_header


@pytest.fixture
def tail() -> Tail:
    return encode_header(a_header())[1]


def test_the_layout_is_what_old_files_have() -> None:
    header, tail = encode_header(a_header())
    group, _ = encode_group(tail, [(Kind.CHECKPOINT, b"one"), (FACTS, b"")])

    assert header[:8] == b"\x89CKPTJ\r\n"
    assert header[8:16].hex() == "01000000" + f"{len(header) - 20:02x}000000"
    assert group[:4] == b"\xf5JR\n"
    assert group[8:24].hex() == "03000000" + "0100000000000000" + "0000" + "02" + "00"
    assert group[40:43] == b"one"
    assert group[43 + 8 : 43 + 24].hex() == "00000000" + "0200000000000000" + "0100" + "01" + "00"
    assert len(group) == 2 * RECORD_HEAD + 3


def test_records_of_a_group_know_where_it_began(tail: Tail) -> None:
    first, tail = encode_group(tail, [(FACTS, b"a"), (FACTS, b"b")])
    second, _ = encode_group(tail, [(FACTS, b"c"), (FACTS, b"d")])

    heads = [decode_head(group[RECORD_HEAD + 1 :]) for group in (first, second)]

    assert [head and (head.sequence, head.group_start) for head in heads] == [(2, 1), (4, 3)]


def test_a_group_written_again_with_more_begins_with_the_same_bytes(tail: Tail) -> None:
    records = [(FACTS, b"payload %d" % number) for number in range(5)]

    once, _ = encode_group(tail, records[:3])
    again, end = encode_group(tail, records)

    assert again.startswith(once)
    assert end.offset == tail.offset + len(again)
    assert end.sequence == 5


def test_a_record_of_another_file_is_not_whole_in_this_one(tail: Tail) -> None:
    _, other = encode_header(a_header(number=2))
    ours, _ = encode_group(tail, [(FACTS, b"text")])
    theirs, _ = encode_group(other, [(FACTS, b"text")])

    assert is_whole(tail, ours[:RECORD_HEAD], b"text")
    assert not is_whole(tail, theirs[:RECORD_HEAD], b"text")


def test_the_same_payload_twice_has_two_running_hashes(tail: Tail) -> None:
    _, first = encode_group(tail, [(FACTS, b"text")])
    _, second = encode_group(first, [(FACTS, b"text")])

    assert len({tail.hash, first.hash, second.hash}) == 3


def test_the_running_hash_goes_on_from_the_one_before_over_fields_and_payload(tail: Tail) -> None:
    group, after = encode_group(tail, [(FACTS, b"text")])
    _, other = encode_group(tail, [(FACTS, b"tent")])

    hashed = blake2b(group[8:24] + b"text", key=tail.hash, digest_size=16)
    assert after.hash == group[24:40] == hashed.digest()
    assert other.hash != after.hash


def test_too_large_a_payload_is_a_programmers_error(tail: Tail) -> None:
    with pytest.raises(AssertionError):
        encode_group(tail, [(FACTS, bytes(PAYLOAD_MAX + 1))])
    with pytest.raises(AssertionError):
        encode_group(tail, [])


def test_what_is_not_a_head_is_none() -> None:
    assert decode_head(b"") is None
    assert decode_head(bytes(RECORD_HEAD)) is None
    assert decode_head(journal_format.RECORD_MAGIC) is None
