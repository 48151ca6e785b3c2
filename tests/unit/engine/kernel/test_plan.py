"""What a command would do: refusals with their numbers, confirmation levels, orders in words."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.kernel.plan import planned
from engine.model import commands as c
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.instrument import InstrumentId
from engine.model.orders import EXTERNAL
from tests.builders import (
    BTC,
    ETH,
    a_fill,
    a_trader,
    buy,
    sell,
    stop_sell,
)

GHOST = InstrumentId("test:GHOST")


# What cannot be ordered.


@pytest.mark.parametrize("size", ["NaN", "Infinity", "-1", "0", "0.4", "1e40", "1e999999"])
def test_a_size_that_is_none_is_refused_with_its_number(size):
    outcome = a_trader().do(buy(size))

    assert outcome.verdict == "refused"
    (sentence,) = outcome.sentences
    assert "size of" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize("price", ["NaN", "-1", "1e999999"])
def test_a_price_that_is_none_is_refused(price):
    trader = a_trader()
    cid = trader.works("buy", 1, 990)
    trader.holds(5)

    for action in (
        buy(1, price),
        c.AmendOrder(cid, price=Decimal(price)),
        c.ClosePosition(BTC, price=Decimal(price)),
    ):
        assert trader.do(action).sentences[0].startswith("A price of")


def test_an_unknown_instrument_names_the_nearest():
    trader = a_trader()
    wrong = InstrumentId("test:BTCUSD")

    assert trader.do(buy(instrument_id=wrong)).sentences == (
        "no instrument 'BTCUSD' is watched; did you mean BTCUSDT?",
    )
    assert trader.do(buy(instrument_id=GHOST)).sentences == ("no instrument 'GHOST' is watched",)
    assert trader.do(c.ClosePosition(GHOST)).verdict == "refused"
    assert trader.do(c.StartStrategy("mean_reversion", GHOST)).verdict == "refused"


def test_an_order_above_the_limit_is_refused_with_asked_and_limit():
    (sentence,) = a_trader().do(buy(36)).sentences

    assert sentence == "36,018 USDT is above the limit of 35,000 (order_value_max)."


def test_an_action_that_nobody_handles_is_refused():
    class Levitate:
        """No action of ours."""

    plan = planned(a_trader().state, (Levitate(),))  # type: ignore[arg-type]  # that is what is tested

    assert plan.refusals == ["Levitate is not possible in this version"]


# Several actions in one command.


def test_orders_of_one_command_have_ids_of_their_own():
    trader = a_trader()

    outcome = trader.do(buy(1, 990), buy(2, 991))

    assert len(set(outcome.client_order_ids)) == 2
    assert [order.spec.qty_lots for order in trader.ledger.working()] == [1, 2]
    assert trader.ledger.contradictions == 0


def test_orders_of_one_command_stay_within_the_limits_together():
    outcome = a_trader().do(buy(30, 1_000), buy(30, 999))

    assert outcome.verdict == "refused"
    assert "position_value_max" in outcome.sentences[0]


def test_a_position_is_not_closed_twice_by_one_command():
    trader = a_trader().holds(5)

    assert trader.do(c.ClosePosition(BTC), c.ClosePosition(BTC)).verdict == "refused"
    assert trader.asked(PlaceOrder) == []


def test_amends_of_one_command_count_against_the_limits_of_the_orders_after_them():
    trader = a_trader()
    cid = trader.works("buy", 10, 990)

    outcome = trader.do(c.AmendOrder(cid, size=Decimal(30)), buy(30, 990))

    assert "position_value_max" in outcome.sentences[0]


def test_an_order_that_a_command_cancels_is_not_amended_by_it():
    trader = a_trader()
    cid = trader.works("buy", 10, 990)

    outcome = trader.do(c.CancelOrders((cid,)), c.AmendOrder(cid, size=Decimal(30)))

    assert outcome.sentences == ("the order is pending_cancel; only an open one can be amended",)


def test_one_action_refused_refuses_the_command():
    trader = a_trader()

    outcome = trader.do(buy(1), buy("NaN"))

    assert outcome.verdict == "refused"
    assert trader.ledger.working() == []


def test_a_kill_beside_what_is_refused_is_a_kill():
    trader = a_trader()

    assert trader.say(buy("NaN"), c.EngageKill()).verdict == "accepted"
    assert trader.desk.trading_state == "killed"


# Confirmation.


@pytest.mark.parametrize(
    ("action", "level", "word"),
    [
        (buy(1), 1, ""),
        (buy(17, 1_000), 1, ""),
        (buy(18, 1_000), 3, "18"),
        (buy(18, None), 3, "18"),
        (buy(1, None), 2, ""),
        (buy(1, 1_022), 3, "1"),
        (sell(1, 980), 3, "1"),
        (stop_sell(5), 1, ""),
        (c.CancelAll(), 2, ""),
        (c.CancelAll(BTC), 1, ""),
        (c.ClosePosition(BTC), 2, ""),
        (c.Arm(), 1, ""),
        (c.Disarm(), 0, ""),
        (c.EngageKill(), 0, ""),
        (c.SetReduceOnly(), 0, ""),
        (c.StartStrategy("mean_reversion", BTC), 1, ""),
    ],
    ids=repr,
)
def test_a_command_asks_for_its_level(action, level, word):
    outcome = a_trader().holds(5).ask(action)

    assert (outcome.verdict, outcome.level, outcome.word) == ("accepted", level, word)


def test_cancelling_ones_own_order_asks_for_nothing_and_a_protective_one_for_two_enters():
    trader = a_trader().holds(5)
    own, stop = trader.works(), trader.stops(lots=5)

    assert trader.ask(c.CancelOrders((own,))).level == 0
    asked = trader.ask(c.CancelOrders((stop,)))
    assert asked.level == 2
    assert asked.sentences == ("BTCUSDT: 5 stay without this stop",)


def test_a_size_whose_steps_nobody_said_is_told_in_lots():
    trader = a_trader().holds(5, instrument_id=GHOST)
    target = trader.stops(lots=5, instrument_id=GHOST, type="take_profit")

    asked = trader.ask(c.CancelOrders((target,)))
    assert asked.sentences == ("GHOST: 5 lots stay without this target",)


def test_a_second_stop_is_refused_by_the_name_of_the_first():
    trader = a_trader().holds(5)
    trader.stops(lots=5)

    again = trader.ask(stop_sell(5, 940)).sentences
    too_far = trader.ask(stop_sell(5, 1)).sentences
    target = trader.ask(replace(stop_sell(50, 1_050), type="take_profit")).sentences

    assert again[-1] == too_far[-1] == "there already: o2; cancel that first"
    assert target
    assert "there already" not in " ".join(target)


def test_armed_live_another_quarter_of_an_hour_needs_no_word_again():
    trader = a_trader(is_live=True, is_armed=False)
    trader.do(c.Arm())

    assert trader.ask(c.Arm()).level == 1
    assert trader.ask(c.Arm(c.ARM_S + 1)).level == 3


def test_arming_live_asks_for_the_account():
    asked = a_trader(is_live=True, is_armed=False).ask(c.Arm())

    assert (asked.level, asked.word) == (3, "paper")


def test_a_reducing_order_while_disarmed_is_confirmed_twice():
    trader = a_trader(is_armed=False).holds(5)

    assert trader.ask(sell(1, is_reduce_only=True)).level == 2


def test_an_amend_to_a_large_size_must_be_typed():
    trader = a_trader()
    cid = trader.works("buy", 1, 1_000)

    asked = trader.ask(c.AmendOrder(cid, size=Decimal(18)))

    assert (asked.level, asked.word) == (3, "18")
    assert trader.ask(c.AmendOrder(cid, price=Decimal(990))).level == 1


def test_a_large_order_needs_its_size_and_not_another_word():
    trader = a_trader()

    given: list[tuple[c.ConfirmLevel, str]] = [(1, ""), (2, ""), (3, ""), (3, "17")]
    for confirm, word in given:
        outcome = trader.say(buy(18), confirm=confirm, word=word)
        assert outcome.verdict == "needs_confirmation"
        assert outcome.sentences[-1] == "type 18 to confirm"
    assert trader.say(buy(18), confirm=3, word="18").verdict == "accepted"


# Armed or not.


def test_disarmed_nothing_adds_risk_and_everything_may_reduce():
    trader = a_trader(is_armed=False).holds(5)
    entry = trader.works("buy", 1, 990)

    for action in (buy(1), c.AmendOrder(entry, size=Decimal(2))):
        assert trader.do(action).sentences == ("disarmed: arm before an order that adds risk",)
    assert trader.do(sell(1, is_reduce_only=True)).verdict == "accepted"
    assert trader.do(c.ClosePosition(BTC, Decimal("0.2"))).verdict == "accepted"
    assert trader.do(c.CancelOrders((entry,))).verdict == "accepted"


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_nobody_is_armed_for_no_time_or_for_ever(seconds):
    assert f"{seconds} s is no time" in a_trader().do(c.Arm(seconds)).sentences[0]


def test_nobody_is_armed_while_killed():
    trader = a_trader()
    trader.say(c.EngageKill())

    assert trader.do(c.Arm()).sentences == ("killed: release first",)


# Cancels.


def test_an_order_that_has_just_ended_does_not_keep_others_from_being_cancelled():
    trader = a_trader()
    first, second = trader.works("buy", 1, 990), trader.works("buy", 1, 991)
    trader.take(a_fill(first))

    outcome = trader.say(c.CancelOrders((first, second, second)))

    assert outcome.verdict == "accepted"
    assert outcome.sentences == (f"order {first} is not working",)
    assert trader.asked(SendCancel) == [SendCancel(second)]


def test_cancelling_only_what_is_not_working_is_refused():
    trader = a_trader()

    assert trader.do(c.CancelOrders(("nobody",))).sentences == ("order nobody is not working",)
    assert trader.do(c.CancelOrders(())).sentences == ("no order is named",)


def test_cancel_all_spares_protection_unless_told():
    trader = a_trader().holds(5)
    own, stop = trader.works(), trader.stops(lots=5)

    spared = trader.ask(c.CancelAll())
    assert spared.sentences == ("cancels 1, spares 1 protective",)

    trader.do(c.CancelAll(with_stops=True))
    assert trader.asked(SendCancel) == [SendCancel(own), SendCancel(stop)]


def test_cancel_all_leaves_orders_made_elsewhere_unless_told_and_then_asks_twice():
    trader = a_trader().holds(5)
    own, foreign = trader.works(), trader.works(owner=EXTERNAL)
    stop = trader.stops(lots=5, owner=EXTERNAL, is_protective=False)

    spared = trader.ask(c.CancelAll(BTC))
    wider = trader.ask(c.CancelAll(BTC, with_external=True))
    assert spared.sentences == (
        "cancels 1, spares 0 protective and 2 made elsewhere (`external` means those too)",
    )
    assert wider.sentences == ("cancels 2, 1 of them made elsewhere, spares 1 protective",)
    assert (spared.level, wider.level) == (1, 2)

    trader.do(c.CancelAll(BTC))
    assert trader.asked(SendCancel) == [SendCancel(own)]
    trader.do(c.CancelAll(BTC, with_stops=True, with_external=True))
    assert trader.asked(SendCancel) == [SendCancel(foreign), SendCancel(stop)]


def test_cancel_all_keeps_to_the_instrument_and_side():
    trader = a_trader()
    bid = trader.works("buy", 1, 990)
    trader.works("sell", 1, 1_010)
    trader.works("buy", 1, 990, instrument_id=ETH)

    trader.do(c.CancelAll(BTC, side="buy"))

    assert trader.asked(SendCancel) == [SendCancel(bid)]


def test_protection_without_a_position_is_no_protection():
    trader = a_trader()
    stop = trader.stops()

    trader.do(c.CancelAll())

    assert trader.asked(SendCancel) == [SendCancel(stop)]


def test_an_order_that_opens_is_not_spared_for_being_called_protective():
    trader = a_trader().holds(5)
    entry = trader.works("buy", 1, 990, is_protective=True)

    trader.say(c.EngageKill())

    assert trader.asked(SendCancel) == [SendCancel(entry)]
