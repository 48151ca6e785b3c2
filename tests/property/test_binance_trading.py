"""Numbers to the venue are exact, and no answer or frame that nobody listed proves anything."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import VenuePayloadError
from engine.model.numbers import DECIMALS_MAX, UNITS_MAX
from engine.venues.binance.steps import Steps
from engine.venues.trading import TradeRequest
from tests.fakes.binance_trading import (
    ABC,
    CID,
    JSON,
    T_NS,
    a_stop,
    a_trade_wire,
    algo_row,
    algo_update,
    an_intent,
    answer,
    fill_update,
    order_row,
    trade_row,
)
from tests.unit.engine.venues.binance.test_trade_answers import CODES, REFUSED

WIRE = a_trade_wire()
REQUESTS: dict[str, TradeRequest] = {
    "place": WIRE.place(CID, an_intent()),
    "place a stop": WIRE.place(CID, a_stop()),
    "amend": WIRE.amend(CID, an_intent(), 1_001, 7),
    "cancel": WIRE.cancel(CID, ABC, "limit"),
    "cancel a stop": WIRE.cancel(CID, ABC, "stop"),
    "cancel all": WIRE.cancel_all(ABC)[0],
    "dead man": WIRE.dead_man(ABC, 1_000_000),
    "query": WIRE.query(CID, ABC, "limit"),
    "query a stop": WIRE.query(CID, ABC, "stop"),
    "fills of one": WIRE.order_fills(ABC, "77"),
    **{f"report {part.path}": part for part in WIRE.report(0, T_NS)},
    "time": WIRE.time(),
    "open": WIRE.open_stream(),
}

STEPS = st.builds(
    lambda digits, decimals: Decimal(digits).scaleb(-decimals),
    st.integers(1, 10_000),
    st.integers(0, DECIMALS_MAX),
)
UNITS = st.integers(1, 10**12)
HOSTILE = st.sampled_from(
    ["1e600000", "-0", "NaN", "Infinity", "", " 1", "1_0", "0x1", "9" * 400, "1." + "0" * 400, "٣"]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
) | HOSTILE
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ROWS = st.sampled_from([order_row(), algo_row(), trade_row(), {"code": 200, "msg": "done"}])
STATUSES = st.sampled_from(
    [0, 100, 200, 201, 204, 302, 400, 401, 403, 404, 408, 418, 429, 500, 503]
)
HEADERS = st.sampled_from([{}, JSON, {"content-type": "text/html"}, {"retry-after": "5"}])


def damaged(row: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**row, name: value}


DAMAGED = ROWS.flatmap(
    lambda row: st.builds(damaged, st.just(row), st.sampled_from(sorted(row)), LEAVES | TREES)
)


def written(units: int, step: Decimal) -> str:
    """Write a number of steps by long division alone: the oracle."""
    whole = Fraction(units) * Fraction(*step.as_integer_ratio())
    digits, rest = divmod(whole.numerator, whole.denominator)
    text = str(digits)
    if rest:
        text += "."
        while rest:
            digit, rest = divmod(rest * 10, whole.denominator)
            text += str(digit)
    return text


@given(STEPS, UNITS, UNITS)
def test_price_and_size_are_written_exactly_and_read_back(step: Decimal, ticks: int, lots: int):
    steps = Steps(ABC, "ABCUSDT", step, step)

    price, size = steps.price_text(ticks), steps.qty_text(lots)

    assert (price, size) == (written(ticks, step), written(lots, step))
    assert set(price + size) <= set("0123456789.")
    if len(price.partition(".")[0]) <= 19:
        assert steps.ticks(price) == ticks


@given(st.text(max_size=30) | HOSTILE, STEPS)
def test_a_text_is_a_whole_number_of_steps_or_refused(text: str, step: Decimal):
    steps = Steps(ABC, "ABCUSDT", step, step)

    try:
        ticks = steps.ticks(text)
    except VenuePayloadError:
        return

    assert 0 <= ticks < UNITS_MAX
    assert Fraction(text) == ticks * Fraction(*step.as_integer_ratio())


@given(
    st.sampled_from(sorted(REQUESTS)),
    STATUSES,
    HEADERS,
    st.binary(max_size=60) | TREES.map(repr).map(str.encode) | DAMAGED.map(msgspec.json.encode),
)
def test_no_answer_raises_and_none_confirms_but_by_200(
    name: str, status: int, headers: dict[str, str], body: bytes
):
    request = REQUESTS[name]

    found = WIRE.decode(request, status, headers, body, T_NS)

    if found.verdict == "confirmed":
        assert status == 200
    if found.verdict == "refused":
        assert 400 <= status < 500
    if found.verdict == "unknown":
        assert (found.events, found.rows, found.next_page) == ((), (), None)
        assert found.reason


@given(st.integers(-10_000, 1_000), STATUSES, st.sampled_from(["place", "amend", "cancel"]))
def test_an_unlisted_code_of_what_moves_money_is_unknown(code: int, status: int, purpose: str):
    found = answer(WIRE, REQUESTS[purpose], {"code": code, "msg": "?"}, status)

    if code not in CODES or code not in REFUSED[purpose]:
        assert found.verdict == "unknown"


@given(DAMAGED)
def test_a_confirmed_order_is_the_one_that_was_sent(row: dict[str, Any]):
    found = answer(WIRE, REQUESTS["place"], row)

    if found.verdict == "confirmed":
        assert (row["clientOrderId"], row["symbol"]) == (CID, "ABCUSDT")
        assert type(row["orderId"]) is int


@given(
    st.binary(max_size=60)
    | st.builds(
        lambda make, name, value: make(**{name: value}),
        st.sampled_from([fill_update, algo_update]),
        st.sampled_from(["c", "i", "l", "L", "n", "t", "q", "p", "x", "X", "s", "ai", "aid", "tp"]),
        LEAVES | TREES,
    )
)
def test_a_frame_is_read_or_refused(frame: bytes):
    try:
        events = WIRE.receive(frame, T_NS)
    except VenuePayloadError:
        return

    assert len(events) <= 1


@pytest.mark.parametrize("field", ["price", "origQty"])
@pytest.mark.parametrize("text", ["1e600000", "9" * 10**6, "1." + "0" * 10**6, "NaN"])
def test_a_hostile_number_is_never_made(field: str, text: str):
    found = answer(WIRE, REQUESTS["amend"], order_row(**{field: text}))

    assert found.verdict == "unknown"
    assert len(found.reason) <= 200
