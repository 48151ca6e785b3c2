"""A position without its stop is an alarm that stands until there is one, or nothing to stop."""

from decimal import Decimal

import msgspec
import pytest

from engine.kernel.alarms import alarms, stopped_lots
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder
from engine.model.envelope import RunStarted
from engine.model.market import FeedUp
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import EXTERNAL, HAND, ApprovedOrder, OrderIntent, OrderSpec
from engine.strategy.candle import BUY, enter
from tests.builders import BTC, ETH, FEED, Trader, a_trader, an_update
from tests.order_facts import a_fill
from tests.unit.engine.kernel.strategy_desk import LONG, LOTS, Desk


def asked(*actions: c.Action) -> c.OperatorCommand:
    return c.OperatorCommand(1, "hand", "line", actions, confirm=2)


def ended(desk: Desk, *orders) -> None:
    for order in orders:
        key = order.client_order_id
        desk.hear(f.OrderRejected(desk.run.now_ns, key, "refused"))


def given(desk: Desk, lots: int, owner: str = "ghost@BTCUSDT", tag: str = "") -> None:
    """Give an owner a position of which nothing but the ledger knows."""
    spec = OrderSpec(BTC, "buy", "limit", QtyLots(lots), PriceTicks(1_000))
    key, now_ns = desk.ledger.next_client_order_id(), desk.run.now_ns
    desk.ledger.apply(f.OrderIntended(now_ns, key, OrderIntent(spec, owner, tag=tag), 1))
    desk.ledger.apply(a_fill(key, f"given-{key}", lots, 1_000, ts_ns=now_ns))


def test_a_position_of_which_nobody_knows_how_to_close_it_is_an_alarm_after_three_seconds():
    desk = Desk()
    given(desk, 5)

    desk.tick().tick(3.0)
    assert alarms(desk.state) == ()
    desk.tick(0.25)

    told = "UNPROTECTED BTCUSDT: no stop for 5 of +5 of ghost@BTCUSDT"
    assert alarms(desk.state) == (told,)
    assert desk.placed == []
    (notice,) = [one for one in desk.state.notices if one.text == told]
    assert (notice.level, notice.source, notice.count) == ("error", "ghost@BTCUSDT", 1)
    desk.tick(10)
    assert [one.count for one in desk.state.notices if one.text == told] == [1]


def test_a_part_without_a_stop_is_an_alarm_too_and_ends_with_the_position():
    desk = Desk()
    runner = desk.ready(LONG)
    stop, _ = desk.entered(runner)
    given(desk, 2, runner.owner)
    desk.cancelled(stop.client_order_id)
    desk.tick(3)
    (again,) = [one for one in desk.placed if one.intent.spec.type == "stop"]
    assert again.intent.spec.qty_lots == LOTS + 2
    ended(desk, again)

    desk.tick(3.25)
    assert [text.partition(" of ")[0] for text in alarms(desk.state)] == [
        "UNPROTECTED BTCUSDT: no stop for 12"
    ]
    (closing,) = desk.take(asked(c.ClosePosition(BTC)), source="operator").placed
    desk.fill(closing)
    assert alarms(desk.state) == ()
    desk.tick()

    assert "BTCUSDT: it is closed" in desk.run.said
    assert desk.state.desk.covers == {}


def test_a_strategy_that_wants_no_stop_is_no_alarm():
    desk = Desk()
    desk.ready(enter(BUY, 0.105, target_pct=5.0))
    (entry,) = desk.close().placed
    desk.fill(entry)

    desk.tick().tick(4)

    assert alarms(desk.state) == ()


def test_a_position_of_what_is_not_watched_is_an_alarm_and_nothing_is_sent():
    desk = Desk()
    spec = OrderSpec(ETH, "buy", "limit", QtyLots(5), PriceTicks(1_000))
    desk.ledger.apply(f.OrderIntended(desk.run.now_ns, "eth", OrderIntent(spec, "ghost"), 1))
    desk.ledger.apply(a_fill("eth", "t-eth", 5, 1_000, ts_ns=desk.run.now_ns))

    desk.tick().tick(4)

    assert alarms(desk.state) == ("UNPROTECTED ETHUSDT: no stop for 5 of +5 of ghost",)
    assert desk.placed == []


def by_hand(desk: Desk) -> ApprovedOrder:
    """Open a position by hand and send its stop."""
    desk.state.desk.armed_until_ns = 0
    (entry,) = desk.take(asked(a_buy()), source="operator").placed
    desk.fill(entry)
    (stop,) = desk.take(asked(a_stop()), source="operator").placed
    return stop


def a_buy() -> c.SubmitOrder:
    return c.SubmitOrder(BTC, "buy", "market", Decimal(5))


def a_stop() -> c.SubmitOrder:
    fields: dict = {"trigger": Decimal(900), "is_reduce_only": True, "is_protective": True}
    return c.SubmitOrder(BTC, "sell", "stop", Decimal(5), **fields)


def test_a_position_by_hand_that_never_had_a_stop_is_no_alarm():
    desk = Desk()
    desk.state.desk.armed_until_ns = 0
    (entry,) = desk.take(asked(a_buy()), source="operator").placed

    desk.fill(entry).tick().tick(4)

    assert alarms(desk.state) == ()


@pytest.mark.parametrize("was_resting", [False, True])
def test_a_stop_by_hand_that_the_venue_does_not_have_is_an_alarm(was_resting: bool):
    desk = Desk()
    stop = by_hand(desk)
    if was_resting:
        desk.accept(stop).tick(4)
        assert alarms(desk.state) == ()
        desk.cancelled(stop.client_order_id)
    else:
        ended(desk, stop)

    desk.tick().tick(4)

    why = "" if was_resting else ": refused"
    assert alarms(desk.state) == (f"UNPROTECTED BTCUSDT: no stop for 5 of +5 of hand{why}",)


def test_a_stop_by_hand_of_an_earlier_run_is_missed_once_it_was_seen():
    desk = Desk()
    stop = by_hand(desk)
    desk.accept(stop)
    desk.state.desk.covers.clear()
    desk.tick()

    desk.cancelled(stop.client_order_id).tick().tick(4)

    assert len(alarms(desk.state)) == 1


def test_a_stop_by_hand_that_was_lost_with_the_run_before_is_an_alarm():
    before = a_trader().holds(5)
    stop = before.stops(lots=5)
    after = Trader()
    after.desk.ledger = before.ledger

    after.take(RunStarted("run-2", "0.1"), source="engine").take(FeedUp(FEED))
    after.take(f.OrderCanceled(after.now_ns, stop, "not at the venue")).take(an_update())
    after.wait(5_000)

    assert alarms(after.state) == ("UNPROTECTED BTCUSDT: no stop for 5 of +5 of hand",)


def test_a_stop_on_the_other_side_stops_nothing():
    desk = Desk()
    given(desk, 5)
    spec = OrderSpec(
        BTC, "buy", "stop", QtyLots(5), trigger_ticks=PriceTicks(1_100), is_reduce_only=True
    )
    intent = OrderIntent(spec, is_protective=True)
    desk.ledger.apply(f.OrderIntended(desk.run.now_ns, "wrong", intent, 1))
    desk.ledger.apply(f.OrderAcked(desk.run.now_ns, "wrong", "v"))

    assert stopped_lots(desk.state, ("ghost@BTCUSDT", BTC)) == 0


def test_a_target_that_a_person_took_back_leaves_the_alarm():
    desk = Desk()
    stop = by_hand(desk)
    desk.accept(stop).tick()
    fields: dict = {"trigger": Decimal(1_100), "is_reduce_only": True, "is_protective": True}
    target = c.SubmitOrder(BTC, "sell", "take_profit", Decimal(5), **fields)
    (target_order,) = desk.take(asked(target), source="operator").placed
    desk.accept(target_order).cancelled(stop.client_order_id).tick().tick(4)

    desk.take(asked(c.CancelOrders((target_order.client_order_id,))), source="operator")

    assert len(alarms(desk.tick().state)) == 1


def test_a_stop_that_a_person_took_back_is_no_alarm():
    desk = Desk()
    stop = by_hand(desk)
    desk.accept(stop).tick()

    desk.take(asked(c.CancelOrders((stop.client_order_id,))), source="operator")
    desk.cancelled(stop.client_order_id).tick().tick(4)

    assert alarms(desk.state) == ()


def test_what_was_made_elsewhere_is_protected_elsewhere():
    trader = a_trader().holds(5, owner=EXTERNAL)

    trader.wait(60_000)

    assert alarms(trader.state) == ()
    assert trader.desk.covers == {}


def test_a_stop_made_elsewhere_protects_the_net_position():
    trader = a_trader().holds(5)
    assert stopped_lots(trader.state, (HAND, BTC)) == 0

    trader.stops(lots=5, owner=EXTERNAL)

    assert stopped_lots(trader.state, (HAND, BTC)) == 5


def shared(trader: Trader, *owners: str) -> list[int]:
    return [stopped_lots(trader.state, (owner, BTC)) for owner in owners]


@pytest.mark.parametrize("owner", [HAND, EXTERNAL])
def test_one_stop_that_is_nobody_s_own_is_not_counted_twice(owner: str):
    trader = a_trader().holds(1, owner="x@BTCUSDT").holds(1, owner="y@BTCUSDT")
    trader.stops(lots=1, owner=owner, is_protective=owner == HAND)

    assert sum(shared(trader, "x@BTCUSDT", "y@BTCUSDT")) == 1
    assert len(alarms(trader.wait(4_000).state)) == 1


def test_a_stop_by_hand_protects_hand_first_and_then_what_has_no_other():
    trader = a_trader().holds(2).holds(4, owner="x@BTCUSDT").holds(6, owner="y@BTCUSDT")
    trader.stops(lots=6)
    trader.stops(lots=4, owner="x@BTCUSDT")
    trader.holds(-3, owner="z@BTCUSDT")

    assert shared(trader, HAND, "x@BTCUSDT", "y@BTCUSDT", "z@BTCUSDT") == [6, 4, 4, 0]


def test_a_stop_made_elsewhere_protects_what_was_made_there_first():
    trader = a_trader().holds(5, owner=EXTERNAL).holds(4)
    trader.stops(lots=6, owner=EXTERNAL)

    assert shared(trader, HAND) == [1]


def test_stops_are_shared_in_proportion():
    trader = a_trader().holds(4, owner="x@BTCUSDT").holds(8, owner="y@BTCUSDT")
    trader.stops(lots=6)

    assert shared(trader, "x@BTCUSDT", "y@BTCUSDT") == [2, 4]


# What the settings may ask for beside it.


def flattening(**changed) -> Trader:
    """Hold a position whose stop is gone, on a desk that closes what is bare."""
    trader = a_trader(**changed).holds(5)
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_unprotected="flatten")
    stop = trader.stops(lots=5)
    trader.wait(250).take(f.OrderCanceled(trader.now_ns, stop, "by the venue"))
    return trader.wait(250)


def closes(trader: Trader) -> list[tuple]:
    specs = [effect.approved.intent.spec for effect in trader.asked(PlaceOrder)]
    return [(spec.side, spec.qty_lots, spec.tif, spec.is_reduce_only) for spec in specs]


def test_what_is_bare_for_too_long_is_closed_where_the_settings_say_so():
    trader = flattening()
    assert closes(trader.wait(3_000)) == []

    assert closes(trader.wait(500)) == [("sell", 5, "ioc", True)]
    assert closes(trader.wait(10_000)) == []
    trader.take(f.OrderExpired(trader.now_ns, trader.newest.client_order_id, "no bid"))
    assert closes(trader.wait(2_750)) == []
    assert closes(trader.wait(250)) == [("sell", 5, "ioc", True)]
    newest = trader.newest.client_order_id
    trader.take(a_fill(newest, "t-close", 5, 1_000)).wait(250)

    assert alarms(trader.state) == ()


def test_by_default_nothing_is_closed():
    trader = flattening()
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_unprotected="retry")

    assert closes(trader.wait(10_000)) == []


def test_what_is_larger_than_one_order_may_be_is_closed_in_slices():
    trader = flattening(order_lots_max=3)
    assert closes(trader.wait(3_500)) == [("sell", 3, "ioc", True)]
    assert closes(trader.wait(500)) == []

    trader.take(a_fill(trader.newest.client_order_id, "t-1", 3, 1_000))

    assert closes(trader.wait(250)) == [("sell", 2, "ioc", True)]


def test_a_close_that_the_gate_refuses_is_tried_again_later():
    trader = flattening(orders_per_10min_max=0)
    trader.wait(3_500)
    told = [text for text in trader.said if text.startswith("unprotected refused")]
    assert len(told) == 1
    trader.desk.limits = a_trader().desk.limits

    assert closes(trader.wait(2_500)) == []
    assert closes(trader.wait(500)) == [("sell", 5, "ioc", True)]


def test_a_close_that_would_not_only_reduce_does_not_leave():
    trader = flattening()
    trader.works("sell", 5, 1_010, is_reduce_only=True)  # It claims all of the position.

    assert closes(trader.wait(10_000)) == []
    assert len(alarms(trader.state)) == 1


def test_nothing_is_closed_while_killed():
    trader = flattening()
    trader.ledger.apply(f.TradingStateSet(trader.now_ns, "all", "killed", "a test"))

    assert closes(trader.wait(10_000)) == []
    assert len(alarms(trader.state)) == 1


def test_nothing_is_closed_of_what_is_not_watched():
    desk = Desk()
    setup = desk.state.desk.setup
    desk.state.desk.setup = msgspec.structs.replace(setup, on_unprotected="flatten")
    spec = OrderSpec(ETH, "sell", "limit", QtyLots(5), PriceTicks(1_000))
    desk.ledger.apply(f.OrderIntended(desk.run.now_ns, "eth", OrderIntent(spec, "ghost"), 1))
    desk.ledger.apply(a_fill("eth", "t-eth", 5, 1_000, ts_ns=desk.run.now_ns))

    desk.tick().tick(4).tick()

    assert len(alarms(desk.state)) == 1
    assert desk.placed == []


def test_a_short_position_is_bought_back():
    trader = a_trader().holds(-5, owner="grid@BTCUSDT")
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_unprotected="flatten")

    trader.wait(4_000)

    assert closes(trader) == [("buy", 5, "ioc", True)]
    assert trader.newest.intent.owner == "grid@BTCUSDT"
