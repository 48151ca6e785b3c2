"""Holdings in money: a close costs what a venue says it does, and nothing is lost by rounding."""

from decimal import Decimal

from engine.execution.holdings import Holding, holding_of, is_of
from engine.execution.positions import Position, Steps

CENTS = Steps(Decimal("0.1"), Decimal("0.01"), "USDT")


def test_a_turned_position_closes_first_and_opens_at_the_new_price():
    held = Holding()
    held.take(Decimal(2), Decimal(200))

    assert held.take(Decimal(-5), Decimal(-600)) == 40
    assert held == Holding(Decimal(-3), Decimal(-360), Decimal(40))
    assert held.take(Decimal(0), Decimal(0)) == 0
    assert held.take(Decimal(3), Decimal(330)) == 30
    assert held == Holding(realised=Decimal(70))


def test_a_partial_close_is_rounded_and_the_rest_stays_in_the_position():
    held = Holding()
    held.take(Decimal(3), Decimal(100))

    brought = held.take(Decimal(-1), Decimal(-40))

    assert brought == Decimal("6.66666667")
    assert held.cost == Decimal("66.66666667")
    assert held.take(Decimal(-2), Decimal(-80)) == Decimal("13.33333333")
    assert held.realised == 20


def test_a_position_of_the_ledger_is_the_same_in_money():
    position = Position(lots=-4, cost=-4_000, realised=50, settled=Decimal(1))

    held = holding_of(position, CENTS)

    assert held == Holding(Decimal("-0.04"), Decimal(-4), Decimal("1.05"))
    assert is_of(held, position, CENTS)
    assert not is_of(held, Position(lots=-5), CENTS)
