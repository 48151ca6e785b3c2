"""Cancels that crossed their order or were never answered are asked again."""

import msgspec
import pytest

from engine.kernel.cancels import OVERTAKEN_MAX
from engine.model import commands as c
from engine.model.effects import SendCancel
from engine.model.envelope import TimerFired
from engine.model.facts import CancelRejected, OrderAcked, OrderCanceled, OrderUnknown
from engine.model.numbers import NS_PER_S
from tests.builders import BTC, ETH, Trader, a_fill, a_trader, at, set_state


def rejected(cid: str) -> CancelRejected:
    return CancelRejected(at(0), cid, "unknown order")


def acked(cid: str) -> OrderAcked:
    return OrderAcked(at(0), cid, f"v-{cid}")


def tick(trader: Trader, ms: float = 0) -> list[str]:
    """Let time pass and the sweep timer fire; return what was cancelled."""
    asked = trader.wait(ms).asked(SendCancel)
    asked += trader.take(TimerFired("look", trader.now_ns)).asked(SendCancel)
    return [one.client_order_id for one in asked]


def killed(trader: Trader) -> Trader:
    trader.say(c.EngageKill())
    return trader


def test_a_cancel_that_overtook_its_order_is_sent_again_and_once():
    trader = a_trader()
    early, other = (trader.works("buy", 1, price, is_acked=False) for price in (990, 991))
    trader.do(c.CancelOrders((early,)))
    assert trader.take(rejected(early)).asked(SendCancel) == []

    assert trader.take(acked(early)).asked(SendCancel) == [SendCancel(early)]

    assert trader.take(acked(early)).asked(SendCancel) == []
    assert trader.take(acked(other)).asked(SendCancel) == []
    assert trader.ledger.orders[early].state == "pending_cancel"


def test_refused_cancels_are_remembered_up_to_a_limit():
    trader = a_trader()
    cids = [trader.works("buy", 1, 990, is_acked=False) for _ in range(OVERTAKEN_MAX + 1)]
    trader.take(*map(rejected, cids))

    assert len(trader.desk.overtaken) == OVERTAKEN_MAX
    assert trader.take(acked(cids[0])).asked(SendCancel) == []
    assert trader.take(acked(cids[1])).asked(SendCancel) == [SendCancel(cids[1])]


def test_an_order_that_is_not_ours_is_nothing_to_us():
    trader = a_trader()

    trader.take(rejected("stranger"), acked("stranger"))

    assert trader.asked(SendCancel) == []


def test_while_killed_a_cancel_without_an_answer_is_asked_for_again():
    trader = a_trader()
    cid = trader.works()
    killed(trader)

    assert tick(trader, 1_900) == []
    assert tick(trader, 100) == [cid]
    assert tick(trader, 1_900) == []
    trader.take(OrderUnknown(trader.now_ns, cid, "no answer"))
    assert tick(trader, 2_000) == [cid]
    trader.take(OrderCanceled(at(0), cid, "asked"))
    assert tick(trader, 2_000) == []


def test_a_venue_whose_clock_is_ahead_delays_no_cancel():
    trader = a_trader()
    cid = trader.works("sell", 2, 1_010)
    ahead_ns = trader.now_ns + 30 * NS_PER_S
    trader.take(msgspec.structs.replace(a_fill(cid, 1, 1_010), ts_ns=ahead_ns))
    killed(trader)

    assert tick(trader, 2_000) == [cid]


def test_an_order_that_appears_after_a_kill_is_cancelled_and_counted():
    trader = killed(a_trader())
    cid = trader.works()

    assert tick(trader) == [cid]

    assert trader.desk.kill is not None
    assert trader.desk.kill.asked == (cid,)


def test_where_an_instrument_is_killed_only_its_orders_go():
    trader = a_trader().holds(5)
    cid, stop = trader.works("buy", 1, 990), trader.stops(lots=5)
    other = trader.works("buy", 1, 990, instrument_id=ETH)
    set_state(trader, f"instrument:{BTC}", "killed")

    assert tick(trader) == [cid]

    assert {trader.ledger.orders[key].state for key in (stop, other)} == {"open"}


def test_what_flattens_while_killed_is_given_time_to_fill():
    trader = killed(a_trader().holds(5))
    (flatten,) = trader.do(c.ClosePosition()).client_order_ids

    assert tick(trader) == []
    assert tick(trader, 2_000) == [flatten]


def test_a_kill_of_which_there_is_no_report_is_carried_through_too():
    trader = killed(a_trader())
    trader.desk.kill = None
    cid = trader.works()

    assert tick(trader) == [cid]


def test_while_trading_only_reduces_an_order_that_appears_is_taken_back():
    trader = a_trader()
    set_state(trader, "all", "reduce_only")
    cid = trader.works("buy", 1, 990)

    assert tick(trader) == [cid]
    assert tick(trader, 1_900) == []
    assert tick(trader, 100) == [cid]


def test_a_cancel_that_is_refused_while_trading_only_reduces_is_asked_again_after_a_while():
    trader = a_trader()
    set_state(trader, f"instrument:{BTC}", "halted")
    cid = trader.works("buy", 1, 990)
    tick(trader)
    trader.take(CancelRejected(trader.now_ns, cid, "too busy"))

    assert tick(trader, 1_900) == []
    assert tick(trader, 100) == [cid]


def test_an_orphan_whose_cancel_is_refused_is_asked_to_go_again_after_a_while():
    trader = a_trader()
    stop = trader.stops()
    assert tick(trader, 250) == [stop]
    trader.take(rejected(stop))

    assert tick(trader, 1_500) == []
    assert tick(trader, 500) == [stop]


def test_of_many_orders_that_are_taken_back_a_few_are_named():
    trader = a_trader()
    set_state(trader, "all", "reduce_only")
    for _ in range(6):
        trader.works("buy", 1, 990)

    assert len(tick(trader)) == 6

    assert trader.said[-1].endswith("(o1, o2, o3, o4, o5, …)")


@pytest.mark.parametrize("is_killed", [False, True])
def test_protection_stays_and_without_a_kill_everything_does(is_killed: bool):
    trader = a_trader().holds(5)
    trader.stops(lots=5)
    if is_killed:
        killed(trader)
    else:
        trader.works()

    assert tick(trader, 5_000) == []
