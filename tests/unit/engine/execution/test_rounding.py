"""Rounding is always to the side that costs the asker least."""

from decimal import Decimal

import pytest

from engine.execution.rounding import (
    AskedOrder,
    Unroundable,
    limit_ticks_of,
    lots_of,
    rounded,
    trigger_ticks_of,
)
from engine.model.numbers import UNITS_MAX, PriceTicks, QtyLots
from engine.model.orders import OrderSpec, Side
from tests.builders import BTC, an_instrument

COARSE = an_instrument(tick_size=Decimal("0.5"), lot_size=Decimal("0.001"))


@pytest.mark.parametrize(
    ("side", "price", "ticks"),
    [("buy", "100.9", 201), ("sell", "100.6", 202), ("buy", "100.5", 201), ("sell", "100.50", 201)],
)
def test_a_limit_price_is_never_more_aggressive_than_asked(side: Side, price: str, ticks: int):
    assert limit_ticks_of(Decimal(price), side, COARSE) == ticks


@pytest.mark.parametrize(
    ("side", "kind", "ticks"),
    [
        ("sell", "stop", 202),
        ("buy", "stop", 201),
        ("sell", "take_profit", 201),
        ("buy", "take_profit", 202),
    ],
)
def test_a_trigger_is_never_later_than_asked(side: Side, kind, ticks: int):
    assert trigger_ticks_of(Decimal("100.7"), side, kind, COARSE) == ticks


def test_a_size_is_never_larger_than_asked():
    assert lots_of(Decimal("0.0019999"), COARSE) == 1
    assert lots_of(Decimal("12.345"), COARSE) == 12_345


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ("0.0009", "A size of 0.0009 is below the smallest step of 0.001."),
        ("0", "A size of 0 is no number above zero."),
        ("-1", "A size of -1 is no number above zero."),
        ("NaN", "A size of NaN is no number above zero."),
        ("sNaN", "A size of sNaN is no number above zero."),
        ("Infinity", "A size of Infinity is no number above zero."),
        ("1e-600000", "A size of 1E-600000 is no number above zero."),
        ("1e600000", "A size of 1E+600000 is too large."),
        (str(UNITS_MAX), f"A size of {UNITS_MAX} is too large."),
    ],
)
def test_a_size_that_no_lot_stands_for_is_told_with_the_numbers(size: str, sentence: str):
    found = lots_of(Decimal(size), COARSE)

    assert isinstance(found, Unroundable)
    assert found.sentence == sentence


def test_a_number_longer_than_any_price_is_none():
    found = lots_of(Decimal("1." + "1" * 50), COARSE)

    assert isinstance(found, Unroundable)
    assert len(found.sentence) < 80


@pytest.mark.parametrize(
    ("longest", "lots"),
    [
        ("1." + "0" * 39, 1_000),
        ("0.001" + "0" * 37, 1),
        ("1" + "0" * 9 + "." + "9" * 30, 1_000_000_000_999),
    ],
)
def test_forty_digits_and_forty_decimals_are_a_number_and_one_more_is_none(longest: str, lots: int):
    assert lots_of(Decimal(longest), COARSE) == lots

    found = lots_of(Decimal(longest + "0"), COARSE)

    assert isinstance(found, Unroundable)
    assert found.code == "no_number"


def test_the_largest_number_of_steps_is_one_below_the_bound():
    whole = an_instrument(lot_size=Decimal(1))

    assert lots_of(Decimal(UNITS_MAX - 1), whole) == UNITS_MAX - 1
    assert isinstance(lots_of(Decimal(UNITS_MAX), whole), Unroundable)


@pytest.mark.parametrize("step", [None, Decimal(0), Decimal("NaN"), Decimal(-1)])
def test_without_steps_nothing_can_be_ordered(step: Decimal | None):
    found = lots_of(Decimal(1), an_instrument(lot_size=step))

    assert isinstance(found, Unroundable)
    assert found.sentence == "The venue has not said in which steps a size may be."


def test_a_whole_order_is_rounded():
    asked = AskedOrder(
        "sell",
        "stop",
        Decimal("0.0015"),
        Decimal("99.9"),
        Decimal("100.1"),
        tif="gtc",
        is_reduce_only=True,
    )

    assert rounded(asked, COARSE) == OrderSpec(
        BTC,
        "sell",
        "stop",
        QtyLots(1),
        limit_ticks=PriceTicks(200),
        trigger_ticks=PriceTicks(201),
        is_reduce_only=True,
    )
    market = rounded(AskedOrder("buy", "market", Decimal(1)), COARSE)
    assert isinstance(market, OrderSpec)
    assert (market.limit_ticks, market.trigger_ticks) == (None, None)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"size": Decimal("0.0001")}, "size"),
        ({"price": Decimal("0.1")}, "price"),
        ({"trigger": Decimal("0.1")}, "trigger"),
        ({"trigger": Decimal("0.1"), "type": "take_profit", "side": "sell"}, "trigger"),
    ],
)
def test_the_number_that_does_not_fit_is_named(changed: dict, field: str):
    fields: dict = {"side": "buy", "type": "stop", "size": Decimal(1)} | changed

    found = rounded(AskedOrder(**fields), COARSE)

    assert isinstance(found, Unroundable)
    assert found.field == field
