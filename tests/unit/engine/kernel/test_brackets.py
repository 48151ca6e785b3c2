"""Brackets: legs follow the fills of their entry, and go with what they protect."""

from decimal import Decimal

import pytest

from engine.execution.ledger import Ledger
from engine.kernel.alarms import alarms
from engine.kernel.desk_views import orders_view
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.envelope import RunEnding, StorageDegraded
from engine.model.orders import HAND, Bracket, OrderIntent
from tests.builders import BTC, Trader, a_fill, a_trader, at, buy, sell, set_state

GRID = "grid@BTCUSDT"
STOP, TARGET = 950, 1_100


def bracketed(lots: int = 10, price: object = 1_000, **changed: object) -> c.SubmitOrder:
    """An order to buy with stop and target."""
    triggers = {"stop": Decimal(STOP), "target": Decimal(TARGET)} | changed
    return buy(lots, price, **triggers)


def entered(trader: Trader, order: c.SubmitOrder | None = None) -> str:
    """Give the order; the venue takes it. Return its id."""
    assert trader.do(order or bracketed()).verdict == "accepted"
    key = trader.newest.client_order_id
    trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return key


def placed(trader: Trader) -> list[tuple]:
    """Return type, lots and trigger of what the last call placed."""
    specs = [effect.approved.intent.spec for effect in trader.asked(PlaceOrder)]
    return [(spec.type, spec.qty_lots, spec.trigger_ticks) for spec in specs]


def legs(trader: Trader, kind: str = "") -> list[str]:
    """Return the ids of the legs that work."""
    return [
        order.client_order_id
        for order in trader.ledger.working()
        if order.intent.parent and kind in order.spec.type
    ]


def accepted(trader: Trader) -> Trader:
    """Let the venue take what it has not."""
    for key in legs(trader):
        if not trader.ledger.orders[key].venue_order_id:
            trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return trader


def covered(trader: Trader, lots: int = 10) -> str:
    """Let an entry be filled and both its legs rest. Return the entry's id."""
    key = entered(trader)
    trader.take(a_fill(key, lots))
    accepted(trader)
    return key


# The order.


def test_only_the_entry_leaves_and_the_preview_shows_its_legs():
    trader = a_trader()
    asked = trader.ask(bracketed())

    assert [(o.type, o.size, o.trigger, o.position_after) for o in asked.orders] == [
        ("limit", "10", "", "10"),
        ("stop", "10", "950", "0"),
        ("take_profit", "10", "1100", "0"),
    ]
    entered(trader)
    assert trader.newest.intent.bracket == Bracket(STOP, TARGET)  # type: ignore[arg-type]  # plain numbers
    assert len(trader.ledger.working()) == 1
    assert trader.wait(5_000).asked(PlaceOrder) == []


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (bracketed(stop=Decimal(1_000)), "a stop at 1000 ticks would close a buy at 1000 ticks"),
        (bracketed(target=Decimal(999)), "a target at 999 ticks would close a buy at 1000 ticks"),
        (
            sell(1, 1_010, stop=Decimal(1_000)),
            "a stop at 1000 ticks would close a sell at 1010 ticks at once",
        ),
        (
            sell(1, 1_010, target=Decimal(1_020)),
            "a target at 1020 ticks would close a sell at 1010 ticks at once",
        ),
        (bracketed(stop=Decimal("NaN")), "A trigger of NaN is no number above zero."),
        (bracketed(stop=Decimal(700)), "its stop: "),
        (
            bracketed(is_reduce_only=True),
            "a reducing order opens nothing that a stop or target could protect",
        ),
    ],
    ids=repr,
)
def test_a_bracket_that_cannot_protect_refuses_its_entry(order, told):
    trader = a_trader()

    outcome = trader.do(order)

    assert outcome.verdict == "refused"
    assert outcome.sentences[0].startswith(told)
    assert trader.ledger.working() == []


def test_half_a_bracket_is_one_too():
    trader = a_trader()
    key = entered(trader, bracketed(target=None))

    trader.take(a_fill(key, 10))

    assert placed(trader) == [("stop", 10, STOP)]


def test_a_market_order_may_have_a_bracket():
    trader = a_trader()
    key = entered(trader, bracketed(price=None))

    trader.take(a_fill(key, 10, 1_001))

    assert placed(trader) == [("stop", 10, STOP), ("take_profit", 10, TARGET)]


def test_an_entry_is_not_amended_through_its_stop():
    trader = a_trader()
    key = entered(trader)

    assert trader.do(c.AmendOrder(key, price=Decimal(949))).sentences == (
        "a stop at 950 ticks would close a buy at 949 ticks at once",
    )
    assert trader.do(c.AmendOrder(key, price=Decimal(951))).verdict == "accepted"


# Its fills.


def test_legs_follow_the_fills_part_by_part():
    trader = a_trader(duplicate_window_s=2)
    key = entered(trader)

    trader.take(a_fill(key, 4))
    assert placed(trader) == [("stop", 4, STOP), ("take_profit", 4, TARGET)]
    accepted(trader).take(a_fill(key, 4, trade_id="t2"))
    assert placed(trader) == [("stop", 4, STOP), ("take_profit", 4, TARGET)]
    accepted(trader).take(a_fill(key, 2))
    assert placed(trader) == [("stop", 2, STOP), ("take_profit", 2, TARGET)]

    assert {order.intent.parent for order in trader.ledger.working()} == {key}
    assert accepted(trader).wait(1_000).asked(PlaceOrder) == []


def test_an_entry_that_is_lost_leaves_no_legs_and_one_that_lapsed_keeps_those_of_its_fills():
    trader = a_trader()
    lost = entered(trader)
    trader.take(f.OrderCanceled(at(0), lost, "by the venue"))
    assert trader.wait(1_000).asked(PlaceOrder) == []

    part = entered(trader)
    trader.take(a_fill(part, 3), f.OrderExpired(at(0), part, "no more"))
    accepted(trader).wait(1_000)

    assert [order.remaining_lots for order in trader.ledger.working()] == [3, 3]


def test_many_small_legs_become_one():
    trader = a_trader()
    key = entered(trader)
    for number in range(5):
        trader.take(a_fill(key, 1, trade_id=f"t{number}"))
        accepted(trader)
    assert len(legs(trader, "stop")) == 5

    small = legs(trader)
    trader.wait(250)
    assert placed(trader) == [("stop", 5, STOP), ("take_profit", 5, TARGET)]
    assert trader.wait(1_000).effects == []
    accepted(trader).wait(250)
    gone = [effect.client_order_id for effect in trader.asked(SendCancel)]
    assert sorted(gone) == sorted(small)
    trader.take(*(f.OrderCanceled(trader.now_ns, one, "canceled by us") for one in gone))

    assert len(legs(trader)) == 2
    assert trader.wait(1_000).asked(SendCancel) == []


# What they protect.


def test_a_leg_that_is_filled_takes_the_other_with_it():
    trader = a_trader()
    covered(trader)
    (stop,), (target,) = legs(trader, "stop"), legs(trader, "take_profit")

    trader.take(a_fill(stop, 10, 950))

    assert trader.asked(SendCancel) == [SendCancel(target)]
    trader.take(f.OrderCanceled(at(0), target, "canceled by us"))
    assert trader.wait(5_000).asked(PlaceOrder) == []


def test_a_target_that_is_filled_in_part_shrinks_the_stop():
    trader = a_trader()
    covered(trader)
    (stop,), (target,) = legs(trader, "stop"), legs(trader, "take_profit")

    trader.take(a_fill(target, 4, 1_100))
    assert placed(trader) == [("stop", 6, STOP)]
    assert trader.wait(250).asked(SendCancel) == []
    accepted(trader).wait(250)

    assert trader.asked(SendCancel) == [SendCancel(stop)]
    assert trader.ledger.orders[target].remaining_lots == 6


def test_a_leg_that_is_going_anyway_takes_no_other_with_it():
    trader = a_trader()
    key = entered(trader, bracketed(20))
    trader.take(a_fill(key, 10))
    accepted(trader).do(c.ClosePosition(BTC, Decimal("0.5")))
    trader.take(a_fill(trader.newest.client_order_id, 5))
    trader.take(a_fill(key, 10, trade_id="t2"))
    accepted(trader).wait(250)
    large, *small = legs(trader, "stop")
    orders = trader.ledger.orders
    assert orders[large].state == "pending_cancel"

    trader.do(c.ClosePosition(BTC, Decimal("0.1")))
    trader.take(a_fill(trader.newest.client_order_id, 1))

    assert {orders[one].state for one in small} == {"open"}
    trader.take(f.OrderCanceled(trader.now_ns, large, "canceled by us")).wait(250)
    assert trader.ledger.net_lots(BTC) == 14
    assert [spec for spec in placed(trader) if spec[0] == "stop"] == [("stop", 4, STOP)]


def test_legs_that_close_more_than_their_entry_leave_what_it_fills_later_protected():
    trader = a_trader().holds(20, owner=GRID)
    key = entered(trader, bracketed(20))
    trader.take(a_fill(key, 10))
    (stop,), (target,) = legs(accepted(trader), "stop"), legs(trader, "take_profit")
    trader.take(a_fill(target, 10, 1_100), a_fill(stop, 3, 950))  # It was faster than its cancel.
    trader.take(f.OrderCanceled(trader.now_ns, stop, "canceled by us"))

    trader.take(a_fill(key, 10, trade_id="t2"))

    assert trader.ledger.position(HAND, BTC).lots == 10
    assert placed(trader) == [("stop", 10, STOP), ("take_profit", 10, TARGET)]


def test_what_is_closed_by_hand_is_protected_no_more():
    trader = a_trader()
    key = covered(trader)
    trader.do(c.ClosePosition(BTC))

    trader.take(a_fill(trader.newest.client_order_id, 10, 1_000))

    assert f.BracketClosed(trader.now_ns, key, 10) in trader.facts
    assert len(trader.asked(SendCancel)) == 2
    trader.take(*(f.OrderCanceled(trader.now_ns, leg, "canceled by us") for leg in legs(trader)))
    trader.holds(10)
    assert trader.wait(5_000).asked(PlaceOrder) == []
    assert legs(trader) == []


def test_a_close_in_part_takes_from_the_oldest_bracket():
    trader = a_trader()
    old = covered(trader)
    new = covered(trader)
    trader.do(c.ClosePosition(BTC, Decimal("0.25")))

    trader.take(a_fill(trader.newest.client_order_id, 5, 1_000))

    orders = trader.ledger.orders
    assert (orders[old].bracketed_lots, orders[new].bracketed_lots) == (5, 10)
    assert placed(trader) == [("stop", 5, STOP), ("take_profit", 5, TARGET)]
    accepted(trader).wait(250)
    assert {orders[one.client_order_id].intent.parent for one in trader.asked(SendCancel)} == {old}


def test_a_position_without_a_bracket_is_left_alone_by_the_legs_of_another():
    trader = a_trader().holds(5)
    covered(trader)
    (stop,) = legs(trader, "stop")

    trader.take(a_fill(stop, 10, 950))
    trader.take(
        *(f.OrderCanceled(trader.now_ns, leg, "canceled by us") for leg in legs(trader))
    ).wait(5_000)

    assert trader.ledger.net_lots(BTC) == 5
    assert legs(trader) == []


def test_legs_are_no_larger_than_what_the_venue_has():
    trader = a_trader().holds(-6, owner=GRID)
    key = entered(trader)

    trader.take(a_fill(key, 10))

    assert trader.ledger.net_lots(BTC) == 4
    assert placed(trader) == [("stop", 4, STOP), ("take_profit", 4, TARGET)]


def test_a_short_is_protected_the_other_way_round():
    trader = a_trader()
    order = sell(5, 1_010, stop=Decimal(1_060), target=Decimal(900))
    key = entered(trader, order)

    trader.take(a_fill(key, 5, 1_010))

    assert placed(trader) == [("stop", 5, 1_060), ("take_profit", 5, 900)]
    assert {order.spec.side for order in trader.ledger.working()} == {"buy"}


def test_a_leg_that_a_person_cancels_is_not_sent_again():
    trader = a_trader()
    covered(trader)
    (stop,), (target,) = legs(trader, "stop"), legs(trader, "take_profit")

    assert trader.say(c.CancelOrders((stop,)), confirm=2).verdict == "accepted"
    trader.take(f.OrderCanceled(trader.now_ns, stop, "canceled by us")).wait(10_000)

    assert legs(trader) == [target]


def test_a_leg_that_the_venue_took_away_is_sent_again():
    trader = a_trader()
    covered(trader)
    (stop,) = legs(trader, "stop")

    trader.take(f.OrderCanceled(trader.now_ns, stop, "by the venue")).wait(250)

    assert placed(trader) == [("stop", 10, STOP)]


# What keeps them from leaving.


def test_a_leg_that_was_refused_is_tried_again_after_a_while():
    trader = a_trader(orders_per_10min_max=2)
    key = entered(trader)
    trader.take(a_fill(key, 10))
    assert placed(trader) == [("stop", 10, STOP)]
    accepted(trader)
    assert trader.said.count("take_profit refused: 3 within 600 s is above the limit") <= 1
    told = len([text for text in trader.said if text.startswith("take_profit refused")])
    assert told == 1

    trader.wait(2_750)
    assert len([text for text in trader.said if text.startswith("take_profit refused")]) == 1
    trader.desk.limits = a_trader().desk.limits
    assert trader.wait(250).asked(PlaceOrder)
    assert len(legs(trader)) == 2

    trader.take(a_fill(legs(trader, "stop")[0], 10, 950)).wait(250)
    assert trader.desk.legs_refused_ns == {}


def test_a_target_that_the_gate_refused_keeps_no_stop_waiting():
    trader = a_trader(orders_per_10min_max=2)
    key = entered(trader)
    trader.take(a_fill(key, 10))
    (stop,) = legs(accepted(trader))
    trader.desk.limits = a_trader().desk.limits

    trader.take(f.OrderCanceled(trader.now_ns, stop, "by the venue")).wait(250)

    assert placed(trader) == [("stop", 10, STOP)]


def test_a_leg_that_the_venue_rejected_is_tried_again_after_a_while():
    trader = a_trader()
    key = entered(trader)
    trader.take(a_fill(key, 10))
    (stop,) = legs(trader, "stop")
    trader.take(f.OrderRejected(trader.now_ns, stop, "would trigger at once"))
    accepted(trader)
    assert trader.wait(2_750).asked(PlaceOrder) == []

    assert trader.wait(250).asked(PlaceOrder)
    assert placed(trader) == [("stop", 10, STOP)]


def test_while_killed_no_leg_leaves_and_after_it_they_do():
    trader = a_trader()
    key = entered(trader)
    set_state(trader, "all", "killed")
    trader.take(a_fill(key, 10))
    assert trader.asked(PlaceOrder) == []

    set_state(trader, "all", "halted")

    assert len(trader.wait(250).asked(PlaceOrder)) == 2


def test_an_entry_that_fills_while_killed_is_an_alarm():
    trader = a_trader()
    key = entered(trader)
    trader.say(c.EngageKill())

    trader.take(a_fill(key, 10)).wait(5_000)

    assert alarms(trader.state) == ("UNPROTECTED BTCUSDT: no stop for 10 of +10 of hand",)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda trader: trader.say(c.EngageKill()),
        lambda trader: trader.take(StorageDegraded("disk full")),
        lambda trader: trader.take(RunEnding()),
    ],
    ids=["killed", "no journal", "the run ends"],
)
def test_a_leg_that_is_too_large_stays_where_no_other_could_follow(trouble):
    trader = a_trader()
    covered(trader)
    trouble(trader)
    trader.do(c.ClosePosition(BTC, Decimal("0.5")))

    trader.take(a_fill(trader.newest.client_order_id, 5))
    assert trader.asked(SendCancel) == []
    trader.wait(5_000)

    assert [trader.ledger.orders[leg].state for leg in legs(trader)] == ["open", "open"]


def test_after_a_restart_the_journal_alone_says_what_is_to_be_protected():
    before = a_trader()
    key = entered(before)
    before.take(a_fill(key, 4))
    accepted(before)
    fill = a_fill(key, 3, trade_id="t2")
    before.ledger.apply(fill)  # The crash came before its legs were sent.

    after = a_trader()
    after.desk.ledger = Ledger.from_bytes(before.ledger.to_bytes())
    after.wait(250)

    assert placed(after) == [("stop", 3, STOP), ("take_profit", 3, TARGET)]
    assert after.ledger.orders[key].bracketed_lots == 7


def test_legs_of_an_entry_that_nobody_remembers_go():
    trader = a_trader().holds(5)
    key = trader.stops(lots=5)
    order = trader.ledger.orders[key]
    order.intent = OrderIntent(order.spec, HAND, is_protective=True, parent="gone")
    done = trader.stops(lots=5)
    ended = trader.ledger.orders[done]
    ended.intent = OrderIntent(ended.spec, HAND, is_protective=True, parent="gone")
    trader.take(f.OrderCanceled(at(0), done, "canceled by us"))

    assert trader.wait(250).asked(SendCancel) == [SendCancel(key)]


def test_the_row_of_an_entry_shows_what_its_bracket_has():
    trader = a_trader()
    entered(trader)
    entered(trader, bracketed(target=None))

    assert [row.flags for row in orders_view(trader.state).working] == ["TP SL", "SL"]
