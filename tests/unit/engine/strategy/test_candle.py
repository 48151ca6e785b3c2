"""The host of candle strategies: look-back, gaps, decisions and checkpoints."""

import math
from types import SimpleNamespace
from typing import Annotated, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.numbers import NS_PER_S
from engine.strategy.candle import (
    BUY,
    ENTER,
    FLAT,
    HOLD,
    LEAVE,
    QUOTE,
    REVERSE,
    SELL,
    CandleHost,
    Condition,
    Decision,
    Gap,
    Position,
    enter,
    hold,
    leave,
    quote,
    reverse,
)
from engine.strategy.columns import CLOSE, VOLUME, Before, FloatCandle, Rsi, Sma, Vwap
from engine.strategy.params import Int

MINUTE_NS = 60 * NS_PER_S


class Params(NamedTuple):
    """One length."""

    n: Annotated[int, Int(1, 9), "candles"] = 3


class Row(NamedTuple):
    """Columns of every kind, two of them alike."""

    close: Annotated[float, CLOSE]
    mean: Annotated[float, Sma("n")]
    mean_before: Annotated[float, Before(Sma("n"))]
    volume_before: Annotated[float, Before(Before(VOLUME))]
    vwap: Annotated[float, Vwap("n")]
    strength: Annotated[float, Rsi(2)]


def buy_above_the_mean(row: Row, position: Position, params: Params) -> Decision:
    if position.side == 0 and row.close > row.mean:
        return enter(BUY, 0.1, stop=params.n)
    return hold()


def explain(row: Row, position: Position, params: Params) -> tuple[Condition, ...]:
    del position, params
    return (Condition("close above", row.close, row.mean, row.close > row.mean),)


MODULE = SimpleNamespace(ID="sample", VERSION=1, Params=Params, Row=Row, decide=buy_above_the_mean)
EXPLAINED = SimpleNamespace(**vars(MODULE), conditions=explain)


def a_host(module=MODULE, params: tuple[float, ...] = Params(), timeframe_s: int = 60):
    return CandleHost(module, params, timeframe_s)


def a_candle(minute: int, close: float = 10.0, volume: float = 1.0) -> FloatCandle:
    return FloatCandle(minute * MINUTE_NS, close, close, close, close, volume)


def deciding(decision: Decision) -> CandleHost:
    """Return a host that is ready, of a strategy that always decides the same."""
    host = a_host(SimpleNamespace(**{**vars(MODULE), "decide": lambda *_: decision}))
    for minute in range(host.need):
        host.update(a_candle(minute))
    return host


def test_it_needs_as_many_candles_as_its_slowest_column():
    assert a_host(params=Params(1)).need == 3
    assert a_host(params=Params(5)).need == 6


def test_it_gives_no_row_before_it_has_what_it_needs():
    host = a_host()

    rows = [host.update(a_candle(minute)) for minute in range(6)]

    assert [row is None for row in rows] == [True, True, True, False, False, False]


def test_it_counts_its_look_back():
    host = a_host()
    counts = []

    for minute in range(5):
        counts.append((host.have, host.need))
        host.update(a_candle(minute))

    assert counts == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_row_holds_what_each_column_was():
    host = a_host()
    market = [(1.0, 1.0), (2.0, 2.0), (6.0, 3.0), (7.0, 4.0)]

    *_, row = [host.update(a_candle(i, *candle)) for i, candle in enumerate(market)]

    assert row == Row(7.0, 5.0, 3.0, 2.0, (4.0 + 18.0 + 28.0) / 9.0, 100.0)
    assert isinstance(row, Row)


def test_an_undefined_column_is_nan():
    host = a_host()

    *_, row = [host.update(a_candle(minute, volume=0.0)) for minute in range(4)]

    assert isinstance(row, Row)
    assert math.isnan(row.vwap)
    assert row.mean == 10.0


def test_equal_columns_share_one_indicator():
    assert len(a_host()._indicators) == 5


def test_a_candle_that_was_had_changes_nothing():
    host, other = a_host(), a_host()
    for minute in range(5):
        host.update(a_candle(minute, close=minute))
        other.update(a_candle(minute, close=minute))

    assert host.update(a_candle(4, close=99.0)) is None
    assert host.update(a_candle(2, close=99.0)) is None
    assert host.state() == other.state()


def test_a_gap_is_named_and_the_candle_not_taken():
    host = a_host()
    host.update(a_candle(7))
    before = host.state()

    gap = host.update(a_candle(10))

    assert gap == Gap(missing=2, expected_open_ns=8 * MINUTE_NS, open_ns=10 * MINUTE_NS)
    assert str(gap) == "2 candles are missing before this one"
    assert str(host.update(a_candle(9))) == "1 candle is missing before this one"
    assert host.state() == before
    assert host.update(a_candle(8)) is None
    assert host.have == 2


def test_it_says_which_candle_comes_next():
    host = a_host()
    assert host.next_open_ns is None

    host.update(a_candle(7))

    assert host.next_open_ns == 8 * MINUTE_NS


def test_a_candle_of_another_timeframe_is_the_programmers_error():
    host = a_host(timeframe_s=300)
    host.update(a_candle(0))

    with pytest.raises(AssertionError, match="of another timeframe"):
        host.update(a_candle(7))


def test_a_candle_without_numbers_is_the_programmers_error():
    with pytest.raises(AssertionError, match="no plain numbers"):
        a_host().update(a_candle(0, close=math.nan))


def test_parameters_that_the_strategy_refuses_make_no_host():
    picky = SimpleNamespace(**vars(MODULE), check=lambda params: f"not {params.n}")

    with pytest.raises(AssertionError, match="not 3"):
        a_host(picky)


def test_it_decides_on_the_newest_row():
    host = a_host()
    for minute in range(4):
        host.update(a_candle(minute, close=minute))

    assert host.decide(FLAT) == enter(BUY, 0.1, stop=3.0)
    assert host.decide(Position(BUY, 1.0, 1)) == hold()


def test_it_does_not_decide_before_it_has_what_it_needs():
    with pytest.raises(AssertionError, match="sample has 0 of 4 candles"):
        a_host().decide(FLAT)


def test_it_explains_the_newest_row():
    host, silent = a_host(EXPLAINED), a_host()
    assert host.conditions(FLAT) == ()

    for minute in range(4):
        host.update(a_candle(minute, close=minute))
        silent.update(a_candle(minute, close=minute))

    assert host.conditions(FLAT) == (Condition("close above", 3.0, 2.0, True),)
    assert silent.conditions(FLAT) == ()


# Decisions.


def test_makers_say_what_is_wanted():
    assert hold()[:3] == (HOLD, 0, 0.0)
    assert leave()[:3] == (LEAVE, 0, 0.0)
    assert enter(BUY, 0.1, 1.0, 2.0, 3.0, 4.0) == (ENTER, 1, 0.1, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0)
    assert reverse(SELL, 0.1, 1.0, 2.0, 3.0, 4.0) == (
        *(REVERSE, -1, 0.1, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0),
    )
    assert quote(9.0, 11.0, 0.2) == (QUOTE, 0, 0.2, 0.0, 0.0, 0.0, 0.0, 9.0, 11.0)


@pytest.mark.parametrize(
    "decision",
    [hold(), leave(), enter(True, 1, 1, 1), reverse(True, 1, stop=1, target=1), quote(1, 2, 1)],
)
def test_makers_give_each_field_its_one_type(decision: Decision):
    assert [type(x) for x in decision] == [int, int, *[float] * 7]


@pytest.mark.parametrize(
    "decision",
    [
        hold(),
        leave(),
        enter(BUY, 0.1),
        enter(SELL, 2.0, stop_pct=3.0, target=1.0),
        reverse(BUY, 0.1, stop=2.5, target_pct=4.0),
        quote(9.0, 0.0, 0.1),
    ],
)
def test_a_sound_decision_passes(decision: Decision):
    assert deciding(decision).decide(FLAT) == decision


@pytest.mark.parametrize(
    "decision",
    [
        enter(0, 0.1),
        enter(2, 0.1),
        enter(BUY, 0.0),
        enter(BUY, -0.1),
        enter(BUY, math.nan),
        enter(BUY, math.inf),
        enter(BUY, 0.1, stop=math.nan),
        enter(BUY, 0.1, stop_pct=-1.0),
        enter(BUY, 0.1, stop_pct=1.0, stop=1.0),
        reverse(SELL, 0.1, target_pct=1.0, target=1.0),
        quote(math.nan, 11.0, 0.1),
        quote(9.0, 11.0, 0.0),
    ],
)
def test_a_decision_that_no_order_can_be_made_of_stops_the_strategy(decision: Decision):
    with pytest.raises(AssertionError, match="sample decided"):
        deciding(decision).decide(FLAT)


# Checkpoints.


def saved(host: CandleHost) -> object:
    """Return the state of a host as it comes back from a file."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(host.state()))


closes = st.lists(st.integers(1, 5).map(lambda tenths: tenths / 10.0), max_size=12)


@given(before=closes, after=closes)
def test_a_restored_host_goes_on_as_if_nothing_had_been(before, after):
    host, restored = a_host(), a_host()
    candles = [a_candle(i, close, close) for i, close in enumerate(before + after)]
    for candle in candles[: len(before)]:
        host.update(candle)

    assert restored.restore(saved(host))

    assert (restored.row, restored.have) == (host.row, host.have)
    for candle in candles[len(before) :]:
        assert restored.update(candle) == host.update(candle)
        assert restored.state() == host.state()


@given(slices=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_overlapping_slices_give_the_same_as_one(slices):
    candles = [a_candle(i, close=float(i * i % 7)) for i in range(20)]
    whole, sliced = a_host(), a_host()
    rows = [whole.update(candle) for candle in candles]
    begun = [(0, 1), *slices, (0, 20)]

    sliced_rows = []
    for start, end in begun:
        for candle in candles[start:end]:
            row = sliced.update(candle)
            if isinstance(row, Row):
                sliced_rows.append(row)

    assert sliced_rows == [row for row in rows if row is not None]
    assert sliced.state() == whole.state()


def test_a_state_is_plain_and_its_own():
    host = a_host()
    for minute in range(5):
        host.update(a_candle(minute))
    state = host.state()

    copy = saved(host)
    host.update(a_candle(5))

    assert copy == state


@pytest.mark.parametrize(
    "other",
    [
        a_host(SimpleNamespace(**{**vars(MODULE), "ID": "other"})),
        a_host(SimpleNamespace(**{**vars(MODULE), "VERSION": 2})),
        a_host(params=Params(4)),
        a_host(timeframe_s=300),
    ],
    ids=["strategy", "version", "parameters", "timeframe"],
)
def test_the_state_of_another_host_is_refused(other: CandleHost):
    host = a_host()
    host.update(a_candle(0))
    before = host.state()

    assert not host.restore(saved(other))
    assert host.state() == before


def test_a_state_of_another_form_is_refused():
    host = a_host()
    state = saved(host)
    assert isinstance(state, dict)
    first, *others = state["indicators"]

    assert not host.restore(None)
    assert not host.restore({**state, "more": 1})
    assert not host.restore({**state, "indicators": others})
    assert not host.restore({**state, "indicators": [{**first, "more": 1}, *others]})
    assert not host.restore({**state, "indicators": [{}, *others]})
    assert host.restore(state)
