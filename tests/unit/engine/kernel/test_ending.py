"""An orderly end of a run: orders go or stay as the policy says, protection stays."""

import msgspec
import pytest

from engine.kernel.ending import leaving
from engine.model.effects import SendCancel
from engine.model.envelope import RunEnding
from engine.model.facts import CancelRequested, OrderCanceled, OrderUnknown
from engine.model.orders import EXTERNAL
from tests.builders import Trader, a_trader, at, buy, sell


def ending(trader: Trader) -> Trader:
    return trader.take(RunEnding(), source="engine")


def keeping(trader: Trader) -> Trader:
    desk = trader.desk
    desk.setup = msgspec.structs.replace(desk.setup, on_exit="keep")
    return trader


def test_what_works_is_cancelled_and_what_protects_a_position_stays():
    trader = a_trader().holds(5)
    entry, exit_, _stop = trader.works("buy", 1, 990), trader.works(), trader.stops(lots=5)

    ending(trader)

    assert trader.asked(SendCancel) == [SendCancel(entry), SendCancel(exit_)]
    assert trader.facts == [CancelRequested(trader.now_ns, cid) for cid in (entry, exit_)]
    assert "the run ends: 2 orders are cancelled, 1 stay at the venue" in trader.said
    assert [order.client_order_id for order in leaving(trader.state)] == [entry, exit_]
    trader.take(*(OrderCanceled(at(0), cid, "asked") for cid in (entry, exit_)))
    assert leaving(trader.state) == []


def test_an_order_of_which_nothing_is_known_is_cancelled_too():
    trader = a_trader()
    entry = trader.works("buy", 1, 990)
    trader.take(OrderUnknown(trader.now_ns, entry, "no answer"))

    assert ending(trader).asked(SendCancel) == [SendCancel(entry)]


def test_told_so_everything_stays():
    trader = keeping(a_trader())
    trader.works()

    ending(trader)

    assert (trader.asked(SendCancel), leaving(trader.state)) == ([], [])
    assert "the run ends: 0 orders are cancelled, 1 stay at the venue" in trader.said


@pytest.mark.parametrize("policy", [lambda trader: trader, keeping], ids=["cancel", "keep"])
def test_nothing_new_leaves_but_what_reduces(policy):
    trader = ending(policy(a_trader().holds(5)))

    assert trader.do(buy(1)).sentences == ("the run ends",)
    assert trader.do(sell(5, 1_001, is_reduce_only=True)).verdict == "accepted"


def test_orders_made_elsewhere_are_left_alone():
    trader = a_trader()
    trader.works(owner=EXTERNAL)

    trader.take(RunEnding())

    assert trader.asked(SendCancel) == []
    assert leaving(trader.state) == []
