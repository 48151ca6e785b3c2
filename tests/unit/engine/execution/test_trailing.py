"""Where a trailing stop belongs."""

from decimal import Decimal
from fractions import Fraction

import pytest

from engine.execution.ledger_parents import TrailRecord
from engine.execution.trailing import (
    average_true_range,
    distance_ticks,
    followed,
    stop_behind,
    tighter,
    whole_ticks,
)
from engine.model.numbers import PriceTicks
from engine.model.orders import Side
from engine.model.trails import TrailKind, TrailRule
from tests.builders import BTC


def rule(kind: TrailKind = "ticks", amount: str = "40", start: int = 40) -> TrailRule:
    return TrailRule(kind, Decimal(amount), start)


def a_trail(
    side: Side = "sell", best: int = 1_000, stop: int = 960, by: TrailRule | None = None
) -> TrailRecord:
    return TrailRecord("t1", BTC, side, by or rule(), PriceTicks(best), PriceTicks(stop))


@pytest.mark.parametrize(
    ("by", "range_ticks", "distance"),
    [
        (rule(), None, 40),
        (rule(amount="40.9"), None, 40),
        (rule(amount="0.2"), None, 1),
        (rule("percent", "0.55"), None, 5),
        (rule("atr", "2"), Fraction(41, 2), 41),
        (rule("atr", "2"), None, 40),
        (rule("atr", "2"), Fraction(0), 1),
    ],
    ids=repr,
)
def test_distance(by, range_ticks, distance):
    assert distance_ticks(by, 1_000, range_ticks) == distance


def test_a_range_counts_the_gap_from_the_close_before():
    candles = [(10, 8, 9), (12, 11, 12), (11, 5, 6), (9, 8, 8)]

    assert average_true_range(candles, 3) == Fraction((12 - 9) + (12 - 5) + (9 - 6), 3)
    assert average_true_range(candles, 2) == Fraction(10, 2)
    assert average_true_range(candles, 4) is None
    assert average_true_range(candles, 0) is None


def test_a_stop_is_behind_the_price_and_above_nothing():
    assert stop_behind("sell", 1_000, 40) == 960
    assert stop_behind("buy", 1_000, 40) == 1_040
    assert stop_behind("sell", 10, 40) == 1
    assert tighter("sell", PriceTicks(1), PriceTicks(2)) == 2
    assert tighter("buy", PriceTicks(1), PriceTicks(2)) == 1


def test_a_price_between_two_ticks_gains_no_more_than_it_is():
    assert whole_ticks("sell", Decimal("1000.5")) == 1_000
    assert whole_ticks("buy", Decimal("1000.5")) == 1_001
    assert whole_ticks("buy", Decimal(1_000)) == 1_000
    assert whole_ticks("sell", Decimal("0.5")) == 1


@pytest.mark.parametrize(
    ("trail", "mark", "range_ticks", "expected"),
    [
        (a_trail(), "1001", None, None),  # Less than a twentieth of the distance.
        (a_trail(), "1002", None, (1_002, 962)),
        (a_trail(), "990", None, None),
        (a_trail("buy", 1_000, 1_040), "997.5", None, (998, 1_038)),
        (a_trail("buy", 1_000, 1_040), "1010", None, None),
        (a_trail(best=1_050), "1000", None, (1_050, 999)),  # Never at or beyond the price.
        (a_trail(best=1_050, stop=1_010), "1000", None, None),
        (a_trail("buy", 950, 1_040), "1000", None, (950, 1_001)),
        (a_trail(by=rule("atr", "1")), "1000", Fraction(20), (1_000, 980)),
        (a_trail(by=rule("atr", "1")), "1000", Fraction(90), None),
        (a_trail(by=rule(amount="4", start=4), stop=996), "1001", None, (1_001, 997)),
    ],
    ids=repr,
)
def test_a_stop_follows(trail, mark, range_ticks, expected):
    assert followed(trail, Decimal(mark), range_ticks) == expected
