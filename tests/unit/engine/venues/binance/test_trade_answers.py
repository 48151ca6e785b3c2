"""The table of R25: every documented code, for everything that may be asked."""

from typing import Any

import msgspec
import pytest

from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.binance.trade_answers import is_json, ruling

JSON = {"content-type": "application/json;charset=UTF-8"}
TS_NS = 1_763_640_000_000 * NS_PER_MS

DOOR = (
    *(-1002, -1003, -1008, -1013, -1014, -1015, -1020, -1021, -1022, -1023),
    *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1109, -1110, -1111, -1112),
    *(-1113, -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1128, -1130, -1136),
    *(-2014, -2015, -5028),
)
FILTERS_AND_ACCOUNT = (
    *(-2018, -2019, -2022, -2023, -2024, -2025, -2026, -2027, -2028),
    *(-4001, -4002, -4003, -4004, -4005, -4006, -4007, -4008, -4012, -4013, -4014, -4016),
    *(-4023, -4024, -4028, -4029, -4030, -4044, -4045, -4050, -4051, -4061, -4109, -4118),
    *(-4131, -4140, -4141, -4164, -4183, -4184, -4192, -4202, -4400, -4401, -4402, -4403),
)
ORDER_ONLY = (-2010, -2020, -2021, -4015, -4120, -4142, -5021, -5022)
AMEND_ONLY = (-2011, -2013, -5024, -5025, -5026, -5027, -5029, -5047)
NEVER_PROOF = (
    *(-1000, -1001, -1004, -1005, -1006, -1007, -1010, -1016, -1099, -1125, -1999),
    *(-2012, -4046, -4059, -4067, -4068, -4116, -9999, 0, 200, 77),
)
CODES = (*DOOR, *FILTERS_AND_ACCOUNT, *ORDER_ONLY, *AMEND_ONLY, *NEVER_PROOF)

REFUSED = {
    "place": {*DOOR, *FILTERS_AND_ACCOUNT, *ORDER_ONLY},
    "amend": {*DOOR, *FILTERS_AND_ACCOUNT, *AMEND_ONLY},
    "cancel": {*DOOR, -2011, -2013},
    "cancel_all": {*DOOR},
    "dead_man": {*DOOR},
}
READS = (
    *("order", "order_fills", "open_orders", "fills", "positions", "balances", "cash", "rights"),
    *("time", "stream_open", "stream_keep", "stream_close"),
)


def body_of(code: int, msg: str = "no") -> bytes:
    return msgspec.json.encode({"code": code, "msg": msg})


def classed(purpose: Any, status: int, body: bytes, **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ruling(purpose, status, JSON | named, body, TS_NS)


@pytest.mark.parametrize("purpose", REFUSED)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 429])
def test_what_is_listed_is_refused_and_all_else_is_unknown(purpose: str, status: int):
    refused = {
        code for code in CODES if classed(purpose, status, body_of(code)).verdict != "unknown"
    }

    assert refused == REFUSED[purpose]
    verdicts = {classed(purpose, status, body_of(code)).verdict for code in refused}
    assert verdicts == {"refused"}


@pytest.mark.parametrize("purpose", [*REFUSED, *READS])
@pytest.mark.parametrize(
    "status", [0, 100, 200, 201, 204, 301, 302, 307, 308, 408, 500, 502, 503, 504, 599]
)
def test_no_other_status_proves_anything(purpose: str, status: int):
    for code in CODES:
        assert classed(purpose, status, body_of(code)).verdict == "unknown"


@pytest.mark.parametrize("purpose", READS)
def test_a_readable_error_refuses_a_read(purpose: str):
    for code in CODES:
        assert classed(purpose, 400, body_of(code)).verdict == "refused"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>403 Forbidden</body></html>",
        b'{"code":-1021,"msg":"cut of',
        b'{"code":-1021,"code":-1007,"msg":"which?"}',
        b'{"code":"-1021"}',
        b'{"code":-1021.5}',
        b'{"code":1e600000}',
        b'{"code":' + b"9" * 5_000 + b"}",
        b'{"code":NaN}',
        b'{"msg":"no code"}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"code":-1021}garbage',
    ],
)
@pytest.mark.parametrize("purpose", ["place", "cancel", "order"])
def test_what_cannot_be_read_proves_nothing(purpose: str, body: bytes):
    found = classed(purpose, 400, body)

    assert (found.verdict, found.code) == ("unknown", 0)
    assert found.reason.startswith("HTTP 400")
    assert len(found.reason) <= 200


def test_an_error_that_says_that_it_is_no_json_is_not_read():
    found = ruling("place", 400, {"content-type": "text/html"}, body_of(-1021), TS_NS)

    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"content-type": "application/json"}, True),
        ({"content-type": "Application/JSON; charset=utf-8"}, True),
        ({"content-type": "text/html"}, False),
    ],
)
def test_json_is_told_by_its_header(headers: dict, expected: bool):
    assert is_json(headers) is expected


@pytest.mark.parametrize("msg", ["Duplicate order sent.", "DUPLICATE"])
def test_a_rejection_because_the_first_got_there_proves_nothing(msg: str):
    assert classed("place", 400, body_of(-2010, msg)).verdict == "unknown"
    assert classed("place", 400, body_of(-2010, "no money")).verdict == "refused"


@pytest.mark.parametrize("code", [-1021, -5028])
def test_a_refused_time_says_that_the_clock_is_off(code: int):
    assert classed("place", 400, body_of(code)).is_clock_off
    assert not classed("place", 400, body_of(-2019)).is_clock_off


@pytest.mark.parametrize("code", [-1002, -2014, -2015])
def test_a_refused_key_is_told(code: int):
    assert classed("place", 401, body_of(code)).is_key_bad
    assert not classed("place", 401, body_of(-1022)).is_key_bad


@pytest.mark.parametrize(
    ("status", "body", "headers", "pause_s", "is_ban"),
    [
        (400, body_of(-2019), {}, 0, False),
        (429, body_of(-1003), {}, 60, False),
        (429, body_of(-1003), {"retry_after": "7"}, 7, False),
        (429, b"<html>", {}, 60, False),
        (429, body_of(-1015), {}, 1, False),
        (429, body_of(-1015), {"retry_after": "4"}, 4, False),
        (400, body_of(-1003), {}, 60, False),
        (400, body_of(-1008), {}, 1, False),
        (503, body_of(-1008), {}, 1, False),
        (503, b"", {"retry_after": "30"}, 30, False),
        (418, b"<html>", {}, 120, True),
        (418, body_of(-1003), {"retry_after": "259200"}, 259_200, True),
        (418, body_of(-1003, "banned until 1763640090000."), {}, 90, True),
        (429, body_of(-1003, "IP(1.2.3.4) banned until 1763640005000. Use"), {}, 5, True),
        (418, body_of(-1003, "banned until 1763630000000"), {}, 1, True),
        (418, body_of(-1003, "banned until 9999999999999"), {}, 7 * 86_400, True),
        (418, body_of(-1003, "banned until 17636400900001"), {}, 120, True),
        (418, b"", {"retry_after": "9999999"}, 7 * 86_400, True),
        (418, b"", {"retry_after": "99999999"}, 120, True),
        (418, b"", {"retry_after": "0"}, 120, True),
        (429, b"", {"retry_after": "0"}, 60, False),
        (429, b"", {"retry_after": "-5"}, 60, False),
        (429, b"", {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60, False),
        (429, b"", {"retry_after": "٣"}, 60, False),
    ],
)
def test_a_pause_is_as_long_as_the_venue_says(
    status: int, body: bytes, headers: dict, pause_s: int, is_ban: bool
):
    found = classed("place", status, body, **headers)

    assert (found.pause_ns, found.is_ban) == (pause_s * NS_PER_S, is_ban)


def test_only_an_order_that_could_not_fill_at_once_or_not_rest_has_lapsed():
    assert classed("place", 400, body_of(-5021)).has_lapsed
    assert classed("place", 400, body_of(-5022)).has_lapsed
    assert not classed("place", 400, body_of(-2019)).has_lapsed


def test_a_reason_names_the_code_and_holds_nothing_that_acts_on_a_terminal():
    found = classed(
        "place", 400, body_of(-2019, "Margin\x1b]52;c;x\x07 is \u202einsufficient." + "x" * 900)
    )

    assert found.reason.startswith("HTTP 400, -2019: Margin")
    assert found.reason.isprintable()
    assert len(found.reason) == 200
