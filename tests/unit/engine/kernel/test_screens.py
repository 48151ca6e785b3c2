"""Screens come and go: arming goes with them, and the run's policy counts when none is left."""

import msgspec
import pytest

from engine.model import commands as c
from engine.model.effects import SendCancel
from engine.model.envelope import RunStarted, ScreenJoined, ScreenLeft
from engine.model.facts import OrderUnknown
from tests.builders import Trader, a_trade, a_trader, buy

GRACE_MS = 60_000


def attended(policy: str = "keep", **changed: object) -> Trader:
    """Return a desk that "me" sits at, with this policy."""
    trader = a_trader(is_armed=False)
    trader.desk.setup = msgspec.structs.replace(
        trader.desk.setup, on_terminal_loss=policy, **changed
    )
    return trader.take(ScreenJoined("me"))


def unattended(trader: Trader, ms: int = GRACE_MS) -> Trader:
    """Let the only screen leave, and this much time pass."""
    trader.take(ScreenLeft("me"))
    return trader.wait(ms)


def test_a_screen_that_leaves_takes_its_arming_with_it():
    trader = attended()
    trader.do(c.Arm())

    trader.take(ScreenLeft("me"))

    assert not trader.desk.is_armed(trader.now_ns)


def test_the_simulated_market_stays_armed_and_one_disarmed_by_hand_disarmed():
    armed = a_trader().take(ScreenJoined("me")).take(ScreenLeft("me"))
    assert armed.desk.is_armed(armed.now_ns)

    disarmed = a_trader().take(ScreenJoined("me"))
    disarmed.do(c.Disarm())
    disarmed.take(ScreenLeft("me"))
    assert not disarmed.desk.is_armed(disarmed.now_ns)


def test_a_screen_that_only_looks_never_disarms():
    trader = attended()
    trader.do(c.Arm())
    trader.take(ScreenJoined("you", looks_only=True))

    trader.take(ScreenLeft("you"))

    assert trader.desk.is_armed(trader.now_ns)


def test_nothing_happens_to_trading_when_it_is_to_be_kept():
    trader = attended("keep")
    cid = trader.works("buy", 1, 990)

    unattended(trader, 10 * GRACE_MS)

    assert trader.desk.trading_state == "active"
    assert trader.ledger.orders[cid].state == "open"


@pytest.mark.parametrize(("policy", "told"), [("reduce_only", "reduce_only"), ("halt", "halted")])
def test_when_nobody_comes_back_trading_steps_down_and_what_adds_risk_is_taken_back(policy, told):
    trader = attended(policy).holds(5).take(a_trade(1_000))
    entry, stop = trader.works("buy", 1, 990), trader.stops(lots=5)

    unattended(trader, GRACE_MS - 1)
    assert trader.desk.trading_state == "active"

    trader.wait(1)
    assert trader.desk.trading_state == told
    assert [effect.client_order_id for effect in trader.asked(SendCancel)] == [entry]
    assert trader.ledger.orders[stop].state == "open"


def test_an_order_of_unknown_fate_is_taken_back_too():
    trader = attended("reduce_only")
    entry = trader.works("buy", 1, 990)
    unattended(trader, GRACE_MS - 100)
    trader.take(OrderUnknown(trader.now_ns, entry, "no answer"))

    trader.wait(100)
    assert trader.asked(SendCancel) == []

    trader.wait(2_000)
    assert trader.asked(SendCancel) == [SendCancel(entry)]


def test_a_screen_that_comes_back_in_time_finds_all_as_it_was():
    trader = attended("reduce_only")
    unattended(trader, GRACE_MS // 2)

    trader.take(ScreenJoined("me again")).wait(10 * GRACE_MS)

    assert trader.desk.trading_state == "active"
    assert not trader.desk.seats.looks("me again")


def started_for_a_screen(policy: str = "reduce_only", *, has_screen: bool = True) -> Trader:
    """Return the next run after a crash in which the screen was lost: nobody has come yet."""
    before = a_trader()
    setup = msgspec.structs.replace(
        before.desk.setup,
        on_terminal_loss=policy,
        has_screen=has_screen,
        on_restart="resume",
    )
    trader = Trader(setup)
    trader.desk.ledger = before.ledger
    return trader.take(RunStarted("run-2", "0.1", is_after_crash=True), source="engine")


def test_a_crash_does_not_forget_that_nobody_sits_at_a_screen():
    trader = started_for_a_screen().wait(GRACE_MS - 1)
    assert trader.desk.trading_state == "active"

    assert trader.wait(1).desk.trading_state == "reduce_only"


def test_a_screen_that_comes_to_the_run_in_time_finds_all_as_it_was():
    trader = started_for_a_screen().take(ScreenJoined("me")).wait(10 * GRACE_MS)

    assert trader.desk.trading_state == "active"


@pytest.mark.parametrize(("policy", "has_screen"), [("keep", True), ("halt", False)])
def test_a_run_without_a_screen_and_one_that_is_to_be_kept_wait_for_nobody(policy, has_screen):
    trader = started_for_a_screen(policy, has_screen=has_screen).wait(10 * GRACE_MS)

    assert trader.desk.trading_state == "active"


def test_a_screen_that_comes_back_too_late_does_not_lift_the_state():
    trader = unattended(attended("reduce_only"))

    trader.take(ScreenJoined("me again")).wait(GRACE_MS)

    assert trader.desk.trading_state == "reduce_only"


def test_the_wait_begins_with_the_last_screen_that_could_give_orders():
    trader = attended("reduce_only").take(ScreenJoined("you"))

    unattended(trader, 10 * GRACE_MS)
    before = str(trader.desk.trading_state)
    trader.take(ScreenLeft("you")).wait(GRACE_MS)

    assert (before, trader.desk.trading_state) == ("active", "reduce_only")


def test_screens_that_only_look_are_no_reason_to_wait():
    trader = a_trader()
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, on_terminal_loss="halt")
    trader.take(ScreenJoined("you", looks_only=True))

    trader.take(ScreenLeft("you")).wait(10 * GRACE_MS)

    assert trader.desk.trading_state == "active"


# Who may do what.


def test_a_screen_that_looks_may_kill_disarm_and_take_and_nothing_else():
    trader = attended().take(ScreenJoined("other"))
    trader.take(ScreenLeft("me")).take(ScreenJoined("me"))  # "me" is now the one that looks.
    trader.desk.seats.take("other")

    verdicts = {
        type(action): trader.ask(action).verdict
        for action in (buy(), c.CancelAll(), c.Arm(), c.Disarm(), c.TakeOrders(), c.EngageKill())
    }

    allowed = {kind for kind, verdict in verdicts.items() if verdict == "accepted"}
    assert allowed == {c.Disarm, c.TakeOrders, c.EngageKill}
    assert trader.ask(buy()).sentences[0].startswith("this screen looks only")


def test_a_kill_counts_whatever_stands_beside_it_and_whoever_says_it():
    trader = a_trader().take(ScreenJoined("me", looks_only=True))

    assert trader.say(c.EngageKill(), buy()).verdict == "accepted"
    assert trader.desk.trading_state == "killed"


def test_a_shell_may_give_orders_beside_a_screen():
    trader = a_trader().take(ScreenJoined("somebody"))

    assert trader.do(buy(18)).verdict == "accepted"
