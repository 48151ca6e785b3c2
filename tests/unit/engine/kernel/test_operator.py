"""Commands carried out: nothing when dry or unconfirmed, all recorded, facts before orders."""

from decimal import Decimal

import pytest

from engine.model import commands as c
from engine.model.effects import CommandResult, Notify, PlaceOrder, Record, SendCancel, SendReplace
from engine.model.envelope import StorageDegraded
from engine.model.facts import (
    CancelRequested,
    CommandHandled,
    FailureCounted,
    OrderDenied,
    OrderIntended,
    OrderRejected,
    ReplaceRequested,
    TradingStateSet,
)
from engine.model.instrument import InstrumentId
from tests.builders import BTC, Trader, a_trader, at, buy, sell, set_state

GHOST = InstrumentId("test:GHOST")

EVERYTHING = (
    buy(18),
    buy("NaN"),
    c.CancelAll(),
    c.ClosePosition(BTC),
    c.Arm(),
    c.Disarm(),
    c.EngageKill(),
    c.SetReduceOnly(),
    c.StartStrategy("mean_reversion", BTC),
)


def parts(trader: Trader) -> tuple:
    """All that a command could change."""
    desk, state = trader.desk, trader.state
    return desk.digest_parts(), desk.version, list(state.notices), state.notices_version


# Nothing happens.


@pytest.mark.parametrize("action", EVERYTHING, ids=lambda action: type(action).__name__)
def test_a_dry_command_changes_nothing(action):
    trader = a_trader().holds(5)
    trader.works()
    before = parts(trader)

    trader.say(action, confirm=3, is_dry=True)

    assert parts(trader) == before
    assert [type(effect) for effect in trader.effects] == [CommandResult]


@pytest.mark.parametrize("action", [buy(1), buy(18), c.CancelAll(), c.Arm()], ids=repr)
def test_a_command_without_its_confirmation_changes_nothing_but_the_journal(action):
    trader = a_trader().holds(5)
    trader.works()
    before = trader.desk.digest_parts()

    outcome = trader.say(action)

    assert outcome.verdict == "needs_confirmation"
    assert outcome.sentences[-1] in ("confirm to do it", "type 18 to confirm")
    assert trader.desk.digest_parts() == before
    assert {type(effect) for effect in trader.effects} == {Record, Notify, CommandResult}
    assert [type(fact) for fact in trader.facts] == [CommandHandled]


# What is recorded.


@pytest.mark.parametrize("confirm", [0, 3])
@pytest.mark.parametrize("action", EVERYTHING, ids=lambda action: type(action).__name__)
def test_every_command_that_is_not_dry_is_recorded_with_its_outcome(action, confirm):
    trader = a_trader().holds(5)

    outcome = trader.say(action, confirm=confirm, line="what was typed")

    (handled,) = [fact for fact in trader.facts if isinstance(fact, CommandHandled)]
    assert (handled.operator, handled.line) == ("me", "what was typed")
    assert handled.outcome == "; ".join((outcome.verdict, *outcome.sentences))
    assert trader.said[-1] == f"what was typed: {handled.outcome}"


def test_an_order_is_recorded_before_it_is_sent_and_a_cancel_goes_first():
    trader = a_trader()
    old, moved = trader.works("buy", 1, 980), trader.works("buy", 1, 981)

    trader.do(
        buy(1, 990), c.AmendOrder(moved, price=Decimal(982)), c.CancelOrders((old,)), buy(2, 991)
    )

    kinds = [
        type(effect.fact if isinstance(effect, Record) else effect) for effect in trader.effects
    ]
    assert kinds == [
        CancelRequested,
        SendCancel,
        OrderIntended,
        PlaceOrder,
        OrderIntended,
        PlaceOrder,
        ReplaceRequested,
        SendReplace,
        CommandHandled,
        Notify,
        CommandResult,
    ]


def test_what_is_sent_is_what_was_recorded():
    trader = a_trader()

    outcome = trader.do(buy(2, 990))

    (placed,) = trader.asked(PlaceOrder)
    (intended,) = [fact for fact in trader.facts if isinstance(fact, OrderIntended)]
    assert placed.approved.intent == intended.intent
    assert outcome.client_order_ids == (placed.approved.client_order_id,)
    assert intended.client_order_id == placed.approved.client_order_id
    assert intended.book_seq == 10
    assert not placed.is_flatten


def test_a_refused_order_is_recorded_as_denied():
    trader = a_trader()

    trader.do(buy(36))

    (denied,) = [fact for fact in trader.facts if isinstance(fact, OrderDenied)]
    assert "order_value_max" in denied.reasons[0]
    assert trader.asked(PlaceOrder) == []


def test_a_command_says_what_its_orders_would_do():
    (order,) = a_trader().ask(buy(2, 990, tif="ioc")).orders

    assert (order.size, order.price, order.trigger, order.flags) == ("2", "990", "", "ioc")
    assert (order.notional, order.margin, order.position_after) == ("1980.00", "495.00", "2")


# Arming.


def test_armed_ends_by_itself_and_by_a_word():
    trader = a_trader(is_armed=False)
    assert trader.do(buy(1)).verdict == "refused"

    trader.do(c.Arm(60))
    assert trader.do(buy(1)).verdict == "accepted"

    trader.wait(60_000)
    assert not trader.desk.is_armed(trader.now_ns)

    trader.do(c.Arm(60))
    trader.do(c.Disarm())
    assert not trader.desk.is_armed(trader.now_ns)


# Kill.


def test_a_kill_cancels_all_but_protection_and_asks_nothing():
    trader = a_trader().holds(5)
    entry, exit_, stop = trader.works("buy", 1, 990), trader.works(), trader.stops(lots=5)

    outcome = trader.say(c.EngageKill("a fat finger"))

    assert outcome.sentences == ("killed: cancels 2 orders",)
    assert trader.asked(SendCancel) == [SendCancel(entry), SendCancel(exit_)]
    assert trader.ledger.orders[stop].state == "open"
    assert isinstance(trader.facts[0], TradingStateSet)
    assert trader.desk.armed_until_ns is None


@pytest.mark.parametrize(
    "action", [buy(1), sell(1, is_reduce_only=True), c.StartStrategy("mean_reversion", BTC)]
)
def test_nothing_leaves_after_a_kill(action):
    trader = a_trader().holds(5)
    trader.say(c.EngageKill())

    trader.do(action)

    assert trader.asked(PlaceOrder) == []


def test_an_amend_does_not_leave_after_a_kill():
    trader = a_trader().holds(5)
    cid = trader.stops(lots=5, limit_ticks=945)
    trader.say(c.EngageKill())

    assert trader.do(c.AmendOrder(cid, price=Decimal(946))).verdict == "refused"
    assert trader.asked(SendReplace) == []


def test_a_kill_cancels_while_the_journal_cannot_be_written():
    trader = a_trader()
    cid = trader.works()
    trader.take(StorageDegraded("disk full"))
    assert "the journal cannot be written" in trader.do(buy(1)).sentences[0]

    trader.say(c.EngageKill())

    assert trader.asked(SendCancel) == [SendCancel(cid)]


def test_a_kill_asks_again_for_a_cancel_that_may_be_lost():
    trader = a_trader()
    cid = trader.works()
    trader.do(c.CancelAll())
    trader.do(c.CancelAll())
    assert trader.asked(SendCancel) == []

    trader.say(c.EngageKill())

    assert trader.asked(SendCancel) == [SendCancel(cid)]
    assert trader.ledger.contradictions == 0


def test_released_the_desk_is_active_and_disarmed():
    trader = a_trader()
    trader.say(c.EngageKill())

    trader.do(c.ReleaseKill())

    assert trader.desk.trading_state == "active"
    assert trader.desk.kill is None
    assert trader.do(buy(1)).sentences == ("disarmed: arm before an order that adds risk",)


# Trading states.


@pytest.mark.parametrize(
    ("before", "after"), [("halted", "reduce_only"), ("reduce_only", "active")]
)
def test_resume_is_one_step_up(before, after):
    trader = a_trader()
    set_state(trader, "all", before)

    assert trader.ask(c.Resume()).word == "all"
    trader.do(c.Resume())

    assert trader.desk.trading_state == after


def test_resume_does_not_release_and_has_nothing_to_do_when_active():
    trader = a_trader()
    assert trader.do(c.Resume()).sentences == ("all is active already",)

    trader.say(c.EngageKill())

    assert trader.do(c.Resume()).sentences == ("killed: unkill releases it",)


def test_a_scope_is_named_by_its_short_name_and_one_that_nothing_falls_under_is_refused():
    trader = a_trader()

    trader.do(c.SetReduceOnly(BTC))
    assert trader.ledger.states == {f"instrument:{BTC}": "reduce_only"}

    assert trader.do(c.SetReduceOnly(BTC)).sentences == (f"instrument:{BTC} is not active",)
    trader.do(c.Resume(f"instrument:{BTC}"))
    assert trader.ledger.states == {f"instrument:{BTC}": "active"}
    for action in (c.SetReduceOnly("BTC"), c.Resume("BTC")):
        assert "no scope 'BTC'" in trader.do(action).sentences[0]


def test_an_instrument_killed_for_its_loss_comes_back_step_by_step():
    trader = a_trader()
    set_state(trader, f"instrument:{BTC}", "killed")

    trader.do(c.Resume(BTC))

    assert trader.ledger.states == {f"instrument:{BTC}": "halted"}


def test_a_strategy_that_is_resumed_begins_to_count_failures_anew():
    trader = a_trader()
    for _ in range(5):
        cid = trader.works(owner="grid@BTCUSDT", is_acked=False)
        trader.take(OrderRejected(at(0), cid, "no"))
    assert trader.ledger.states == {"strategy:grid@BTCUSDT": "halted"}

    trader.do(c.Resume("grid@BTCUSDT"))

    assert FailureCounted(trader.now_ns, "grid@BTCUSDT@test", 0) in trader.facts
    assert trader.ledger.failures("grid@BTCUSDT@test") == 0


# Strategies.


def test_a_strategy_is_started_once():
    trader = a_trader()
    start = c.StartStrategy("mean_reversion", BTC, 60)

    assert trader.do(start, start).sentences == ("mean_reversion@BTCUSDT runs already",)
    assert trader.do(start).sentences[0].startswith("starts mean_reversion@BTCUSDT, needs ")
    assert trader.do(start).sentences == ("mean_reversion@BTCUSDT runs already",)


def test_what_cannot_be_started_is_refused():
    trader = a_trader()

    assert "there is no strategy 'luck'" in trader.do(c.StartStrategy("luck", BTC)).sentences[0]
    wrong = trader.do(c.StartStrategy("mean_reversion", BTC, 61))
    assert wrong.sentences == ("no candles of 61 s are kept",)


def test_a_strategy_is_stopped_and_its_position_stays():
    trader = a_trader().holds(5, owner="mean_reversion@BTCUSDT")
    stop = c.StopStrategy("mean_reversion", BTC)
    assert trader.do(stop).sentences == ("mean_reversion@BTCUSDT does not run",)
    trader.do(c.StartStrategy("mean_reversion", BTC))

    trader.do(stop, stop)

    assert trader.desk.runners == {}
    assert trader.ledger.net_lots(BTC) == 5


def test_strategies_do_not_go_on_by_themselves_after_a_kill():
    trader = a_trader()
    trader.do(c.StartStrategy("mean_reversion", BTC))
    trader.say(c.EngageKill())

    outcome = trader.do(c.ReleaseKill())

    assert outcome.sentences == ("mean_reversion@BTCUSDT is stopped; start it again",)
    assert trader.desk.runners == {}
