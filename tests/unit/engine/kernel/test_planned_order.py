"""An order before it is sent: in words and figures, and how much confirmation it asks for."""

from decimal import Decimal

import pytest

from engine.kernel.planned_order import describe, held_text, level_of, size_text
from engine.model import commands as c
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderSpec
from tests.builders import BTC, Trader, a_trader, an_instrument


def a_spec(lots: int = 1, limit: int | None = 1_000, **changed) -> OrderSpec:
    kind = "limit" if limit else "market"
    fields: dict = {"side": "buy", "type": kind, "limit_ticks": limit} | changed
    return OrderSpec(BTC, qty_lots=QtyLots(lots), **fields)


def level(trader: Trader, spec: OrderSpec, *, reduces: bool = False) -> int:
    return level_of(trader.desk, trader.market, spec, trader.now_ns, reduces=reduces)


def test_figures_are_the_venues_steps_and_the_position_that_would_be():
    instrument = an_instrument(tick_size=Decimal("0.5"), lot_size=Decimal("0.1"))
    trader = a_trader(instrument=instrument).holds(-3)

    shown = describe(trader.desk, trader.market, a_spec(5, 1_000, is_post_only=True))

    assert (shown.size, shown.price, shown.flags) == ("0.5", "500.0", "post")
    assert (shown.notional, shown.margin, shown.position_after) == ("250.00", "62.50", "0.2")
    assert size_text(trader.market, a_spec(5)) == "0.5"


@pytest.mark.parametrize(("side", "notional"), [("buy", "2002.00"), ("sell", "2000.00")])
def test_a_market_order_is_worth_the_best_price_it_can_get(side, notional):
    trader = a_trader()
    spec = a_spec(2, None, side=side, is_reduce_only=True, tif="ioc")

    shown = describe(trader.desk, trader.market, spec)

    assert (shown.price, shown.notional, shown.flags) == ("", notional, "ioc reduce")


def test_a_stop_is_worth_its_trigger():
    trader = a_trader()
    spec = a_spec(2, None, type="stop", trigger_ticks=PriceTicks(950))

    shown = describe(trader.desk, trader.market, spec)

    assert (shown.trigger, shown.notional) == ("950", "1900.00")


def test_what_has_no_steps_has_no_worth():
    without_tick = a_trader(instrument=an_instrument(tick_size=None))
    without_lot = a_trader(instrument=an_instrument(lot_size=None))

    shown = describe(without_tick.desk, without_tick.market, a_spec(2, None))

    assert (shown.notional, shown.margin) == ("", "")
    assert level(without_tick, a_spec(2)) == 1
    assert level(without_lot, a_spec(2)) == 1


def test_half_the_largest_order_is_the_most_that_enter_confirms():
    trader = a_trader(order_value_max=Decimal(10_000))

    assert level(trader, a_spec(5)) == 1
    assert level(trader, a_spec(6)) == 3
    assert level(trader, a_spec(6), reduces=True) == 1


@pytest.mark.parametrize(
    ("side", "limit", "asked"),
    [("buy", 1_020, 1), ("buy", 1_021, 3), ("sell", 981, 1), ("sell", 980, 3)],
)
def test_more_than_two_percent_through_the_market_must_be_typed(side, limit, asked):
    assert level(a_trader(), a_spec(1, limit, side=side)) == asked


def test_a_market_order_takes_two_enters_and_so_does_reducing_while_disarmed():
    assert level(a_trader(), a_spec(1, None)) == 2
    assert level(a_trader(is_armed=False), a_spec(), reduces=True) == 2
    assert level(a_trader(), a_spec(), reduces=True) == 1


@pytest.mark.parametrize(
    ("after", "words"), [("0.5", "LONG 0.5"), ("-4", "SHORT 4"), ("0", "FLAT"), ("0.00", "FLAT")]
)
def test_a_position_is_told_as_people_say_it(after, words):
    order = c.PlannedOrder(BTC, "buy", "limit", "1", "1", "", "", "", "", after)

    assert held_text(order) == words
