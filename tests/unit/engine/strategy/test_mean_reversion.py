"""Mean reversion: where it enters, where it leaves, and what it leaves alone."""

import pytest

from engine.strategy.candle import (
    BUY,
    FLAT,
    SELL,
    CandleHost,
    Condition,
    Position,
    enter,
    hold,
    leave,
)
from engine.strategy.mean_reversion import Params, Row, check, conditions, decide
from engine.strategy.registry import STRATEGIES

LONG = Position(BUY, 95.0, 3)
SHORT = Position(SELL, 105.0, 3)
AT_MEAN = 1


def at(close: float, dev: float = 2.0) -> Row:
    """Return a row around a mean of 100; two deviations make a band of 96 to 104."""
    return Row(close, 100.0, dev)


def test_it_buys_below_the_band_and_not_at_it():
    assert decide(at(95.9), FLAT, Params()) == enter(BUY, 0.1, 3.0, 5.0)
    assert decide(at(96.0), FLAT, Params()) == hold()


def test_it_sells_above_the_band_only_when_told():
    assert decide(at(104.1), FLAT, Params()) == hold()
    assert decide(at(104.1), FLAT, Params(short=True)) == enter(SELL, 0.1, 3.0, 5.0)
    assert decide(at(104.0), FLAT, Params(short=True)) == hold()


@pytest.mark.parametrize(
    ("position", "close", "params", "decision"),
    [
        (LONG, 104.1, Params(), leave()),
        (LONG, 104.0, Params(), hold()),
        (LONG, 100.1, Params(exit=AT_MEAN), leave()),
        (LONG, 100.0, Params(exit=AT_MEAN), hold()),
        (SHORT, 95.9, Params(), leave()),
        (SHORT, 96.0, Params(), hold()),
        (SHORT, 99.9, Params(exit=AT_MEAN), leave()),
        (SHORT, 100.0, Params(exit=AT_MEAN), hold()),
    ],
)
def test_it_leaves_at_the_other_band_or_at_the_mean(position, close, params, decision):
    assert decide(at(close), position, params) == decision


@pytest.mark.parametrize("position", [FLAT, LONG, SHORT])
@pytest.mark.parametrize("close", [90.0, 110.0])
def test_it_does_nothing_on_a_market_that_does_not_move(position, close):
    assert decide(at(close, dev=0.0), position, Params(short=True, exit=AT_MEAN)) == hold()


def test_size_and_protection_are_what_was_set():
    params = Params(size_pct=20.0, sl_pct=0.0, tp_pct=1.5)

    assert decide(at(90.0), FLAT, params) == enter(BUY, 0.2, 0.0, 1.5)


@pytest.mark.parametrize(
    ("position", "close", "params", "condition"),
    [
        (FLAT, 97.0, Params(), Condition("close below", 97.0, 96.0, False)),
        (FLAT, 95.0, Params(), Condition("close below", 95.0, 96.0, True)),
        (FLAT, 103.0, Params(), Condition("close below", 103.0, 96.0, False)),
        (FLAT, 103.0, Params(short=True), Condition("close above", 103.0, 104.0, False)),
        (LONG, 103.0, Params(), Condition("close above", 103.0, 104.0, False)),
        (LONG, 103.0, Params(exit=AT_MEAN), Condition("close above", 103.0, 100.0, True)),
        (SHORT, 99.0, Params(exit=AT_MEAN), Condition("close below", 99.0, 100.0, True)),
    ],
)
def test_conditions_are_those_of_the_next_step(position, close, params, condition):
    moves, price = conditions(at(close), position, params)

    assert moves == Condition("deviation above", 2.0, 0.0, True)
    assert price == condition


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (Params(), ""),
        (Params(sl_pct=0.0, tp_pct=0.0), ""),
        (Params(n=1), "n = 1: a deviation needs at least 2 candles."),
        (Params(k=0.0), "k and size_pct must be above 0."),
        (Params(size_pct=0.0), "k and size_pct must be above 0."),
        (Params(sl_pct=-1.0), "sl_pct and tp_pct are distances: 0 for none, or above."),
        (Params(tp_pct=-1.0), "sl_pct and tp_pct are distances: 0 for none, or above."),
    ],
)
def test_it_says_which_parameters_make_no_sense(params, problem: str):
    assert check(params) == problem


def test_it_needs_as_many_candles_as_its_mean():
    (spec,) = [one for one in STRATEGIES if one.name == "mean_reversion"]

    assert CandleHost(spec.module, Params(n=33), spec.timeframe_s).need == 33
    assert spec.timeframe_s == 3_600
    assert spec.params == Params(20, 2.0, 0, False, 10.0, 3.0, 5.0)
