"""What steers trading itself: taking the orders over, and answers to what a start asked."""

from engine.model import commands as c
from engine.model.envelope import ScreenJoined, ScreenLeft
from tests.builders import Trader, a_trader, buy, set_state


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


def test_a_step_down_of_the_start_is_accepted_with_a_confirmation():
    trader = a_trader()
    set_state(trader, "all", "halted", "restart after a crash")

    assert trader.say(c.Accept("restart")).verdict == "needs_confirmation"
    assert trader.do(c.Accept("restart")).verdict == "accepted"
    assert trader.desk.trading_state == "active"


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
