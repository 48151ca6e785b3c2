"""A limit of exposure that is nearly used is told once, when it begins."""

from decimal import Decimal

from engine.kernel.near_limits import EVERY_NS, LIMITS
from engine.kernel.release import limit_uses
from tests.builders import BTC, Trader, a_trader
from tests.unit.engine.kernel.live_desk import a_live_desk

SECOND_MS = EVERY_NS // 1_000_000


def told(trader: Trader) -> list[str]:
    return [one.text for one in trader.state.notices if "% of " in one.text]


def test_the_limits_looked_at_are_limits():
    names = [use.name for use in limit_uses(a_trader().state)]

    assert set(LIMITS) <= set(names)


def test_a_position_of_seven_tenths_of_its_limit_is_told_once():
    trader = a_trader(position_value_max=Decimal(10_000)).holds(6)
    assert told(trader.wait(SECOND_MS)) == []

    trader.holds(1)

    assert told(trader.wait(SECOND_MS)) == ["70 % of position_value_max (10000) is used"]
    assert len(told(trader.holds(1).wait(3 * SECOND_MS))) == 1


def test_it_is_told_again_only_after_it_had_ended():
    trader = a_trader(position_value_max=Decimal(10_000)).holds(7).wait(SECOND_MS)
    trader.holds(-1).wait(SECOND_MS)
    trader.holds(1).wait(SECOND_MS)
    assert trader.state.notices[-1].count == 1

    trader.holds(-2).wait(SECOND_MS)
    trader.holds(2).wait(SECOND_MS)

    assert sum(one.count for one in trader.state.notices if "% of " in one.text) == 2


def test_orders_that_work_count_too():
    trader = a_trader(open_orders_max=10)
    for _ in range(7):
        trader.works()

    assert "70 % of open_orders_max (10) is used" in told(trader.wait(SECOND_MS))


def test_what_is_unknown_begins_nothing_and_ends_nothing():
    trader = a_trader(position_value_max=Decimal(10_000)).holds(7).wait(SECOND_MS)
    assert "position_value_max" in trader.desk.alerts.near_limits

    trader.ledger.all_steps.pop(BTC)
    trader.wait(SECOND_MS)

    assert "position_value_max" in trader.desk.alerts.near_limits


def test_before_the_account_is_open_nothing_is_looked_at():
    desk = a_live_desk(is_clean=False).wait(SECOND_MS)

    assert desk.desk.alerts.looked_ns == 0
