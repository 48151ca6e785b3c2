"""Closing in slices what is larger than one order may be."""

from decimal import Decimal

import msgspec
import pytest

from engine.kernel import strategies
from engine.kernel.closing import slice_lots
from engine.kernel.references import reference_now
from engine.model import commands as c
from engine.model.effects import PlaceOrder
from engine.model.envelope import RunEnding, StorageDegraded
from engine.model.facts import OrderCanceled, OrderRejected, OrderUnknown
from engine.model.orders import HAND
from engine.strategy.candle import BUY, SELL, enter, reverse
from tests.builders import BTC, ETH, Trader, a_fill, a_trader, an_instrument, an_update, set_state
from tests.unit.engine.kernel.strategy_desk import LEAVE, LONG, Desk, shapes

MOST = Decimal(3_000)
"""Worth two lots and a bit."""


def a_holder(lots: int = 5, **limits) -> Trader:
    return a_trader(order_value_max=MOST, duplicate_window_s=2, **limits).holds(lots)


def sent(trader: Trader) -> list[PlaceOrder]:
    return trader.asked(PlaceOrder)


def sizes(trader: Trader) -> list[int]:
    return [one.approved.intent.spec.qty_lots for one in sent(trader)]


def fills(trader: Trader, lots: int) -> None:
    """Let the newest order fill so far, and the rest of it lapse."""
    order = trader.newest
    if lots:
        trader.take(a_fill(order.client_order_id, lots, order.spec.limit_ticks or 1_000))
    if not order.is_final:
        trader.take(OrderCanceled(trader.now_ns, order.client_order_id, "lapsed"))


def test_each_slice_is_within_the_limit_and_follows_when_the_one_before_has_ended():
    trader = a_holder()

    outcome = trader.do(c.ClosePosition(BTC))

    assert "BTCUSDT: 5 lots in slices of 2" in outcome.sentences
    assert sizes(trader) == [2]
    assert sizes(trader.wait(5_000)) == [], "the first is on its way"
    fills(trader, 2)
    assert sizes(trader.wait(250)) == [2]
    fills(trader, 2)
    assert sizes(trader.wait(250)) == [1]
    assert all(one.approved.intent.spec.is_reduce_only for one in sent(trader))
    assert trader.newest.spec.tif == "ioc"
    fills(trader, 1)
    trader.wait(250)
    assert trader.desk.closings == {}
    assert trader.said[-1] == "the close of BTCUSDT is done"


def test_the_position_is_read_again_before_each_slice():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 1)
    trader.holds(-3)

    assert sizes(trader.wait(250)) == [1]


def test_a_short_position_is_bought_back():
    trader = a_holder(-5)
    trader.do(c.ClosePosition(BTC, Decimal("0.6")))
    fills(trader, 2)

    assert sizes(trader.wait(250)) == [1]
    assert trader.newest.spec.side == "buy"
    fills(trader, 1)
    trader.wait(250)
    assert trader.desk.closings == {}
    assert trader.ledger.net_lots(BTC) == -2


def test_a_position_that_turned_is_not_closed_any_further():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 2)
    trader.holds(-9)

    assert sizes(trader.wait(250)) == []
    assert trader.desk.closings == {}


def test_a_slice_of_which_nothing_filled_ends_it():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 0)

    assert sizes(trader.wait(250)) == []
    assert trader.said[-1] == (
        "the close of BTCUSDT stops with 5 lots left: nothing of a slice filled"
    )


def test_a_slice_that_nobody_remembers_ends_it():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    trader.desk.closings[HAND, BTC].client_order_id = "forgotten"

    trader.wait(250)

    assert trader.desk.closings == {}


def test_nothing_follows_while_nobody_knows_what_became_of_a_slice():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    trader.take(OrderUnknown(trader.now_ns, trader.newest.client_order_id, "no answer"))

    assert sizes(trader.wait(60_000)) == []
    assert (HAND, BTC) in trader.desk.closings


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("kill", "trading is killed"),
        ("end", "the run ends"),
        ("disk", "the journal cannot be written"),
        ("unwatch", "it is not watched any more"),
    ],
)
def test_what_ends_it(what: str, why: str):
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 2)
    match what:
        case "kill":
            set_state(trader, "all", "killed")
        case "end":
            trader.take(RunEnding())
        case "disk":
            trader.take(StorageDegraded("full"))
        case _:
            del trader.state.instruments[BTC]

    assert sizes(trader.wait(250)) == []
    assert trader.said[-1] == f"the close of BTCUSDT stops with 3 lots left: {why}"


def test_a_flatten_goes_on_while_killed_and_through_its_own_gate():
    trader = a_holder()
    trader.do(c.EngageKill())
    trader.do(c.ClosePosition())
    assert [one.is_flatten for one in sent(trader)] == [True]
    fills(trader, 2)

    trader.do(c.EngageKill())
    trader.wait(250)

    assert [one.is_flatten for one in sent(trader)] == [True]
    assert sizes(trader) == [2]


def test_a_close_without_the_journal_stays_without_it():
    trader = a_holder()
    trader.take(StorageDegraded("full"))
    trader.do(c.ClosePosition())
    fills(trader, 2)

    trader.wait(250)

    assert [one.is_unjournalled for one in sent(trader)] == [True]


def test_what_the_gate_refuses_later_ends_it():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 2)
    trader.take(an_update(an_instrument(is_trading=False)))

    assert sizes(trader.wait(250)) == []
    assert "stops with 3 lots left: The venue does not trade" in trader.said[-1]


def test_an_order_that_would_open_something_is_not_sent():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    fills(trader, 2)
    trader.works("sell", 3, 1_010, owner="strategy", is_reduce_only=True)

    assert sizes(trader.wait(250)) == []
    assert trader.said[-1].endswith("it would not only reduce")


def test_cancelling_all_ends_it():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    trader.desk.closings[HAND, ETH] = trader.desk.closings[HAND, BTC]

    trader.do(c.CancelAll(side="buy"))
    assert list(trader.desk.closings) == [(HAND, BTC), (HAND, ETH)]
    trader.do(c.CancelAll(BTC))
    assert list(trader.desk.closings) == [(HAND, ETH)]
    trader.do(c.CancelAll())
    assert trader.desk.closings == {}


def test_a_slice_waits_while_as_many_orders_have_left_as_may():
    trader = a_holder(orders_per_s_max=2)
    trader.do(c.ClosePosition(BTC))
    fills(trader, 2)
    assert sizes(trader.wait(250)) == [2]
    fills(trader, 2)

    assert sizes(trader.wait(250)) == []
    assert sizes(trader.wait(500)) == [1]


def test_a_refused_slice_ends_it():
    trader = a_holder()
    trader.do(c.ClosePosition(BTC))
    trader.take(OrderRejected(trader.now_ns, trader.newest.client_order_id, "no"))

    trader.wait(250)

    assert trader.desk.closings == {}


def test_a_resting_close_is_one_order():
    trader = a_holder()

    outcome = trader.do(c.ClosePosition(BTC, price=Decimal(1_001)))

    assert outcome.verdict == "refused"
    assert trader.desk.closings == {}


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"order_value_max": Decimal(10)}, 1),
        ({"order_lots_max": 7}, 7),
        ({"order_medians_max": Decimal(2)}, 20),
    ],
)
def test_the_tightest_limit_makes_the_slice(limits: dict, most: int):
    trader = a_trader(**limits)
    market = reference_now(trader.state, trader.market)
    market = msgspec.structs.replace(market, median_trade_lots=Decimal(10))

    assert slice_lots(trader.desk, market, "sell", 1_000) == most


def test_without_a_price_only_the_count_of_lots_limits_it():
    trader = Trader(a_trader().desk.setup)
    trader.take(an_update(an_instrument(is_trading=True)))
    market = reference_now(trader.state, trader.market)

    assert slice_lots(trader.desk, market, "sell", 1_000) == 1_000


# What strategies leave.


def smaller_orders(desk: Desk) -> None:
    """Let no order be larger than that from now on."""
    limits = desk.state.desk.limits
    desk.state.desk.limits = msgspec.structs.replace(limits, order_lots_max=4)


def test_what_is_larger_than_one_order_may_be_is_left_in_slices():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    desk.entered(runner)
    smaller_orders(desk)

    (order,) = desk.close().placed
    sizes = [order.intent.spec.qty_lots]
    while desk.fill(order).tick().placed:
        (order,) = desk.placed
        sizes.append(order.intent.spec.qty_lots)
        assert (order.intent.owner, order.intent.signal) == (runner.owner, "")

    assert (sizes, desk.lots(runner), desk.state.desk.closings) == ([4, 4, 2], 0, {})
    assert runner.counts["sent"] == 2


def test_what_is_left_in_slices_is_not_reversed():
    desk = Desk()
    runner = desk.ready(LONG, reverse(SELL, 0.03, stop_pct=3.0))
    desk.entered(runner)
    smaller_orders(desk)

    (order,) = desk.close().placed

    assert shapes([order]) == [("limit", "sell", 4, None)]


def test_no_slice_follows_when_the_strategy_stops_or_enters_again():
    for action in ("stop", "enter"):
        desk = Desk()
        runner = desk.ready(LONG, LEAVE, enter(BUY, 0.015))
        desk.entered(runner)
        smaller_orders(desk)
        (order,) = desk.close().placed

        if action == "stop":
            strategies.end(desk.state, runner.owner, "by hand", [])
        else:
            desk.close()

        assert desk.state.desk.closings == {}
        assert all(one.intent.tag != "leave" for one in desk.fill(order).tick().placed)
