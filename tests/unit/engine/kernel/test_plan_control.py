"""What steers trading itself: taking the orders over, and answers to what a start asked."""

from decimal import Decimal

import pytest

from engine.model import commands as c
from engine.model.effects import SendCancel
from engine.model.envelope import ScreenJoined, ScreenLeft
from engine.model.facts import LimitSet, OrderCanceled, TradingStateSet
from engine.model.orders import EXTERNAL, HAND
from tests.builders import BTC, ETH, Trader, a_fill, a_trader, at, buy, set_state
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, held


def looking() -> Trader:
    """Return a desk at which somebody else gives the orders, armed."""
    trader = a_trader(is_armed=False).take(ScreenJoined("other")).take(ScreenJoined("me"))
    trader.desk.armed_until_ns = trader.now_ns + 10**12
    return trader


def test_taking_the_orders_turns_the_tables_and_disarms():
    trader = looking()

    outcome = trader.do(c.TakeOrders())

    assert (outcome.verdict, outcome.level) == ("accepted", 1)
    assert not trader.desk.seats.looks("me")
    assert trader.desk.seats.looks("other")
    assert not trader.desk.is_armed(trader.now_ns)


def test_orders_in_nobodys_hand_are_taken_without_a_question():
    trader = looking().take(ScreenLeft("other"))

    assert trader.say(c.TakeOrders()).verdict == "accepted"
    assert trader.desk.seats.holder == "me"


def test_who_has_the_orders_or_is_no_screen_cannot_take_them():
    assert a_trader().do(c.TakeOrders()).verdict == "refused"
    assert a_trader().take(ScreenJoined("me")).do(c.TakeOrders()).verdict == "refused"


def asked(before: str, reason: str = "", policy: str = "halted") -> Trader:
    """Return a desk at which a start has asked, in whatever state that was."""
    trader = a_trader()
    held = TradingStateSet(at(0), "all", before, reason)  # type: ignore[arg-type]  # one of them
    question = TradingStateSet(at(1), "all", policy, "restart after a crash", before=held)  # type: ignore[arg-type]  # the same
    trader.ledger.apply(question)
    return trader


def test_a_step_down_of_the_start_is_accepted_with_a_confirmation():
    trader = asked("active")

    assert trader.say(c.Accept("restart")).verdict == "needs_confirmation"
    outcome = trader.do(c.Accept("restart"))

    assert outcome.sentences == ("trading goes on; this was asked: restart after a crash",)
    assert trader.desk.trading_state == "active"
    assert trader.ledger.state_facts["all"].operator == "me"


def test_an_answer_to_a_start_gives_back_what_held_before_and_no_more():
    trader = asked("reduce_only", "by hand")

    outcome = trader.do(c.Accept("restart"))

    assert outcome.sentences[0].startswith("reduce_only as before: by hand")
    fact = trader.ledger.state_facts["all"]
    assert (fact.state, fact.reason) == ("reduce_only", "by hand")
    assert trader.do(c.Accept("restart")).verdict == "refused"


def test_orders_that_could_add_risk_are_taken_back_when_a_person_lets_trading_only_reduce():
    trader = a_trader().holds(5)
    entry, stop = trader.works("buy", 1, 990), trader.stops(lots=5)

    outcome = trader.do(c.SetReduceOnly("all"))

    assert outcome.sentences == ("1 orders that could add risk are taken back",)
    assert trader.asked(SendCancel) == [SendCancel(entry)]
    assert trader.ledger.orders[stop].state == "open"
    trader.take(OrderCanceled(at(0), entry, "asked"))
    assert trader.do(c.Resume("all")).verdict == "accepted"
    assert trader.do(c.SetReduceOnly("all")).sentences == ()


def test_nothing_else_is_accepted_and_no_other_step_down_is_lifted_by_it():
    trader = a_trader()
    assert trader.do(c.Accept("restart")).verdict == "refused"

    set_state(trader, "all", "reduce_only", "daily loss")
    assert trader.do(c.Accept("restart")).verdict == "refused"
    assert trader.do(c.Accept("anything")).verdict == "refused"
    assert trader.desk.trading_state == "reduce_only"


def test_a_kill_is_not_lifted_by_the_answer_to_a_start():
    trader = a_trader().holds(5)
    trader.works()
    trader.say(c.EngageKill("restart of the router"))

    assert trader.do(c.Accept("restart")).verdict == "refused"
    assert trader.desk.trading_state == "killed"


def test_what_protects_may_leave_before_the_start_is_accepted_and_what_adds_risk_may_not():
    trader = a_trader().holds(5)
    set_state(trader, "all", "reduce_only", "restart after a crash")

    assert trader.do(buy(18)).verdict == "refused"
    assert trader.do(c.ClosePosition()).verdict == "accepted"


# What differs from the venue's.


def differs(desk: LiveDesk | None = None, lots: int = 7, times: int = 1) -> LiveDesk:
    """Return a desk whose venue has reported so many lots of BTC, so often."""
    desk = desk or a_live_desk()
    for _ in range(times):
        desk.waits_for_report()
        desk.reports(positions=[held(lots)])
    return desk


def test_a_person_accepts_a_difference_by_name():
    desk = differs()
    accept = c.Accept(f"difference {BTC}")
    assert desk.say(accept).verdict == "needs_confirmation"

    assert desk.do(accept).verdict == "accepted"

    assert desk.ledger.position(EXTERNAL, BTC).lots == desk.ledger.net_lots(BTC) == 7
    assert desk.ledger.net(BTC).average_ticks == 1_000
    desk.wait(250)
    assert desk.side.mismatches == {}
    assert desk.do(accept).verdict == "refused"


def test_an_accepted_difference_of_a_halted_instrument_leaves_the_halt_to_a_person():
    desk = differs(times=11)

    outcome = desk.do(c.Accept(f"difference {BTC}"))

    assert "`resume BTCUSDT` lets it trade again" in outcome.sentences
    assert desk.ledger.trading_state(BTC, HAND) == "halted"


def test_a_position_closed_elsewhere_is_taken_from_those_who_held_it():
    desk = differs(a_live_desk().holds(5, owner=HAND), lots=2)

    desk.do(c.Accept(f"difference {BTC}"))

    assert desk.ledger.position(HAND, BTC).lots == desk.ledger.net_lots(BTC) == 2
    assert desk.ledger.net(BTC).realised == 0


def test_a_difference_that_nothing_values_cannot_be_accepted():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(positions=[held(7, instrument_id=ETH)])

    assert desk.do(c.Accept(f"difference {ETH}")).verdict == "refused"


def test_a_position_that_was_filled_since_is_accepted_only_with_the_next_report():
    desk = differs()
    desk.tells(a_fill(desk.rests("buy", 2, 1_000), 2))

    outcome = desk.do(c.Accept(f"difference {BTC}"))
    assert "wait for the next report" in outcome.sentences[0]
    assert desk.ledger.net_lots(BTC) == 2
    desk.wait(6_000)
    differs(desk, 9)
    desk.do(c.Accept(f"difference {BTC}"))

    assert desk.ledger.net_lots(BTC) == 9


# Limits.


def limit(
    desk: Trader, value: str | None, name: str = "order_value_max", word: str = ""
) -> c.CommandOutcome:
    action = c.SetLimit(name, None if value is None else Decimal(value))
    return desk.say(action, confirm=3 if word else 0, word=word)


def test_a_limit_is_tightened_at_once():
    trader = a_trader(order_value_max=Decimal(5_000))
    assert trader.do(buy(3, 1_000)).verdict == "accepted"

    outcome = limit(trader, "2000.0")

    assert LimitSet(trader.now_ns, "order_value_max", Decimal(2_000)) in trader.facts
    assert outcome.sentences == ("order_value_max becomes 2000; it was 5000",)
    assert trader.do(buy(3, 999)).verdict == "refused"


def test_a_limit_is_loosened_only_when_its_name_is_typed():
    trader = a_trader(order_value_max=Decimal(2_000))

    asked = limit(trader, "5000")
    assert (asked.verdict, asked.level, asked.word) == ("needs_confirmation", 3, "order_value_max")
    assert trader.do(buy(3, 1_000)).verdict == "refused"

    assert limit(trader, "5000", word="order_value_max").verdict == "accepted"
    assert trader.do(buy(3, 1_000)).verdict == "accepted"


def test_what_the_risk_file_says_holds_again_when_its_name_is_typed():
    trader = a_trader(order_value_max=Decimal(5_000), order_lots_max=None)
    assert limit(trader, "2000").verdict == "accepted"
    assert limit(trader, "7", "order_lots_max").sentences == (
        "order_lots_max becomes 7; it was off",
    )

    assert limit(trader, None).verdict == "needs_confirmation"
    told = limit(trader, None, word="order_value_max")

    assert told.sentences == ("order_value_max becomes 5000 as in the risk file; it was 2000",)
    assert trader.ledger.limit_overrides == {"order_lots_max": 7}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("order_value_max", None, "is as in the risk file"),
        ("order_value_max", "-1", "order_value_max"),
        ("order_value_maximum", "1", "order_value_max"),
        ("majors", "1", "change it in the risk file"),
    ],
)
def test_a_limit_that_cannot_be_so_is_refused(name: str, value: str | None, told: str):
    trader = a_trader()

    outcome = limit(trader, value, name)

    assert outcome.verdict == "refused"
    assert told in outcome.sentences[0]
    assert trader.ledger.limit_overrides == {}


def test_two_limits_are_not_loosened_by_the_name_of_one():
    trader = a_trader(order_value_max=Decimal(2_000), leverage_max=Decimal(1))
    wider = (
        c.SetLimit("order_value_max", Decimal(5_000)),
        c.SetLimit("leverage_max", Decimal(2)),
    )

    outcome = trader.say(*wider, confirm=3, word="leverage_max")

    assert outcome.verdict == "refused"
    assert "order_value_max and leverage_max are typed one at a time" in outcome.sentences[0]
    assert trader.ledger.limit_overrides == {}


def test_what_a_preview_says_follows_a_limit_that_was_set():
    trader = a_trader(order_value_max=Decimal(5_000))
    assert trader.ask(buy(1, 1_000)).level == 1

    limit(trader, "1200")

    assert trader.ask(buy(1, 1_000)).level == 3
