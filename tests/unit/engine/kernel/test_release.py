"""Release of the kill switch: cheap when it did nothing, else by a person when all is in order."""

from decimal import Decimal

import pytest

from engine.execution.ledger import Ledger
from engine.model import commands as c
from engine.model.envelope import StorageDegraded
from engine.model.facts import InstrumentKnown, OrderCanceled, OrderUnknown, TradingStateSet
from engine.model.instrument import InstrumentId
from tests.builders import BTC, Trader, a_fill, a_mark, a_trader, at, buy

WHY = c.ReleaseKill("a fat finger")


def killed(trader: Trader) -> Trader:
    trader.say(c.EngageKill())
    return trader


# A false kill.


def test_release_is_cheap_when_nothing_was_cancelled_and_nothing_is_open():
    trader = a_trader()
    trader.say(c.EngageKill())

    asked = trader.ask(c.ReleaseKill())

    assert (asked.verdict, asked.level) == ("accepted", 1)


# Otherwise a person says why, and everything is in order.


@pytest.mark.parametrize("left", ["cancelled", "position", "protected", "unwatched"])
def test_release_after_a_kill_that_did_something_takes_a_reason_and_the_account(left):
    trader = a_trader()
    if left == "cancelled":
        trader.works()
    trader.say(c.EngageKill())
    for order in trader.ledger.working():
        trader.take(a_fill(order.client_order_id, 1, 1_010, side="buy"))
    if left == "position":
        trader.holds(1)
    elif left == "protected":
        trader.holds(1).stops(lots=1)
    elif left == "unwatched":
        ghost = InstrumentId("test:GHOST")
        trader.ledger.apply(InstrumentKnown(at(0), ghost, Decimal(1), Decimal(1), "USDT"))
        trader.holds(1, instrument_id=ghost)

    asked = trader.ask(c.ReleaseKill("a fat finger"))

    assert (asked.level, asked.word) == (3, "paper")
    assert trader.ask(c.ReleaseKill()).sentences == ("say why: unkill REASON",)


def test_a_second_kill_does_not_forget_what_the_first_cancelled():
    trader = a_trader()
    trader.works("buy", 1, 990)
    trader.say(c.EngageKill())
    trader.say(c.EngageKill())

    assert trader.ask(c.ReleaseKill("why")).level == 3
    assert trader.desk.kill is not None
    assert len(trader.desk.kill.asked) == 1


def test_without_a_kill_there_is_no_release():
    assert a_trader().do(c.ReleaseKill()).sentences == ("the kill switch is not on",)


def test_a_false_kill_is_undone_with_one_word_and_leaves_nothing_behind():
    trader = a_trader()
    trader.do(c.StartStrategy("mean_reversion", BTC))
    killed(trader)
    assert trader.do(buy(1)).verdict == "refused"

    outcome = trader.say(c.ReleaseKill(), confirm=1)

    assert (outcome.verdict, outcome.level, outcome.word) == ("accepted", 1, "")
    assert (trader.desk.trading_state, trader.desk.kill) == ("active", None)
    (fact,) = [one for one in trader.facts if isinstance(one, TradingStateSet)]
    assert (fact.scope, fact.state, fact.reason, fact.operator) == (
        "all",
        "active",
        "released",
        "me",
    )
    trader.do(c.Arm())
    assert trader.do(buy(1)).verdict == "accepted"


def test_a_release_that_is_not_confirmed_leaves_all_as_it_is():
    trader = killed(a_trader().holds(1))

    assert trader.say(WHY, confirm=2).verdict == "needs_confirmation"
    assert trader.say(WHY, confirm=3, word="papier").verdict == "needs_confirmation"
    assert trader.desk.trading_state == "killed"
    assert trader.do(WHY).verdict == "accepted"


@pytest.mark.parametrize("order", ["working", "unknown stop"])
def test_a_release_waits_until_the_kill_is_verified(order):
    trader = a_trader()
    if order == "working":
        cid = trader.works()
        killed(trader)
    else:
        killed(trader.holds(1))
        cid = trader.stops(lots=1)
        trader.ledger.apply(OrderUnknown(at(0), cid, "no answer"))
    number = trader.ledger.orders[cid].number + 1
    state = trader.ledger.orders[cid].state

    refusal = trader.do(WHY).sentences[0]

    assert refusal.startswith(f"not verified: 1 orders may still work (o{number} {state})")
    trader.take(OrderCanceled(at(0), cid, "asked"))
    assert trader.do(WHY).verdict == "accepted"


def test_many_orders_that_are_left_are_not_all_named():
    trader = a_trader()
    for price in range(980, 987):
        trader.works("buy", 1, price)
    killed(trader)

    (refusal,) = trader.do(WHY).sentences

    assert "7 orders" in refusal
    assert "o5 pending_cancel, …" in refusal


def test_a_release_waits_for_the_journal():
    trader = killed(a_trader().holds(1)).take(StorageDegraded("disk full"))

    told = "the journal cannot be written: a release waits for that"
    assert told in trader.do(WHY).sentences


@pytest.mark.parametrize(("lots", "is_refused"), [(34, False), (35, True)])
def test_a_release_asks_for_limits_below_seventy_percent(lots, is_refused):
    trader = a_trader(position_value_max=Decimal(50_000), daily_loss_share_max=Decimal(1))
    killed(trader.holds(lots).take(a_mark("1000")))

    outcome = trader.do(WHY)

    assert (outcome.verdict == "refused") is is_refused
    told = "position_value_max is used by 70 %, a release needs less than 70 %"
    assert [text for text in outcome.sentences if text.startswith(told)] == (
        [f"{told}: flatten, wait, or start with other limits"] if is_refused else []
    )


@pytest.mark.parametrize("is_live", [False, True])
def test_what_is_not_known_of_a_limit_counts_against_a_release_when_live(is_live):
    trader = killed(a_trader(is_live=is_live).holds(1))
    trader.state.instruments.clear()

    told = "how much of gross_value_max is used is unknown: a release waits for that"
    assert (told in trader.do(WHY).sentences) is is_live


def test_a_kill_of_an_earlier_run_is_released_like_one_of_this_run():
    trader = killed(a_trader().holds(1))
    again = a_trader()
    again.state.desk.ledger = Ledger.from_bytes(trader.ledger.to_bytes())

    assert (again.ask(WHY).level, again.ask(WHY).word) == (3, "paper")
