"""Parents: each child passes the gate, together they never exceed the whole, nothing loops."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.execution.parents.chase import AMENDS_MAX
from engine.kernel.market import SWEEP_TIMER
from engine.kernel.parents import children
from engine.kernel.timers import Timers
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder, SendReplace
from engine.model.envelope import RunEnding, RunStarted, StorageDegraded, TimerFired
from engine.model.market import FeedDown
from tests.builders import BTC, FEED, Trader, a_fill, a_trade, a_trader, at, set_state
from tests.unit.engine.kernel.live_desk import RULES, seen
from tests.unit.engine.kernel.parent_desk import (
    acked,
    canceled,
    chase,
    expired,
    filled,
    iceberg,
    parent_of,
    passing,
    quoted,
    scale,
    sent,
    started,
    twap,
)

GRID = "grid@BTCUSDT"


def ended(trader: Trader) -> str:
    """Return why the first parent has ended."""
    parent = parent_of(trader)
    assert parent.state == "ended"
    return parent.reason


# Scale.


def test_a_scale_sends_its_orders_a_few_at_a_time():
    trader = started(scale())
    assert sent(trader) == [(2, 990), (2, 993)]
    assert sent(trader.wait(250)) == [(2, 996), (2, 999)]
    assert sent(trader.wait(1_000)) == []

    for order in list(trader.ledger.working()):
        trader.take(a_fill(order.client_order_id, 2, 990))
    trader.wait(250)

    assert ended(trader) == "filled"
    assert trader.said[-1] == "a1 scale BTCUSDT ended: filled"


def test_a_scale_does_not_send_again_what_was_canceled():
    trader = started(scale()).wait(250)
    for order in list(trader.ledger.working()):
        trader.take(f.OrderCanceled(trader.now_ns, order.client_order_id, "by hand"))

    trader.wait(250)

    assert ended(trader) == "8 of 8 lots were not filled"


def test_what_the_gate_refuses_pauses_the_parent_once():
    trader = started(scale(), open_orders_per_instrument_max=2).wait(250)

    parent = parent_of(trader)
    assert parent.state == "paused"
    assert "open_orders_per_instrument_max" in parent.reason
    assert parent.sent == 2
    assert "`resume a1` goes on" in trader.said[-1]
    assert trader.wait(2_000).facts == []


def test_what_the_venue_refuses_pauses_the_parent_until_somebody_resumes():
    trader = started(iceberg())
    trader.take(f.OrderRejected(trader.now_ns, trader.newest.client_order_id, "no margin"))

    trader.wait(250)
    assert parent_of(trader).reason == "o1 was rejected: no margin"

    trader.wait(1_000)
    quoted(trader, 1_000).do(c.ResumeParent("a1"))
    assert sent(trader) == [(4, 999)]
    assert parent_of(trader).state == "running"


# TWAP.


def test_slices_come_one_after_the_other_and_add_up():
    trader = started(twap())
    sizes = sent(trader)
    for _ in range(3):
        filled(trader, trader.newest.spec.qty_lots)
        sizes += passing(trader, 10_250)
    filled(trader, trader.newest.spec.qty_lots)
    trader.wait(250)

    assert [lots for lots, _ in sizes] == [2, 2, 3, 3]
    assert ended(trader) == "filled"


def test_after_a_stall_nothing_is_caught_up():
    trader = started(twap())
    filled(trader, 2)
    due_ns = trader.now_ns + 250
    trader.timers = Timers()
    trader.ms += 35_000  # The loop stood still: no timer fired.
    quoted(trader, 1_000)

    assert len(sent(trader.take(TimerFired(SWEEP_TIMER, due_ns)))) == 1
    filled(trader, 2)
    assert passing(trader, 9_000) == []


def test_what_a_slice_leaves_goes_into_the_next():
    trader = started(twap())
    expired(trader)

    assert passing(trader, 750) == []
    assert [lots for lots, _ in passing(trader, 10_000)] == [3]


def test_a_slice_of_unknown_fate_is_waited_for():
    trader = started(twap())
    trader.take(f.OrderUnknown(trader.now_ns, trader.newest.client_order_id, "no answer"))

    assert passing(trader, 30_000) == []
    assert len(children(trader.state, parent_of(trader))) == 1


def test_slices_wait_while_the_market_is_beyond_their_limit():
    trader = started(twap(limit=Decimal(1_003)))
    assert sent(trader) == [(2, 1_003)]
    filled(trader, 2)

    assert passing(trader, 15_000, bid=1_004) == []
    assert passing(trader, 250, bid=1_001) == [(2, 1_003)]


def test_while_the_market_runs_a_slice_keeps_to_the_collar_that_is_half_as_wide():
    trader = started(twap(duration_s=400, limit=Decimal(1_300)), a_trader(majors=()))
    filled(trader, 2)
    trader.take(a_trade(1_000, ms=0))
    passing(trader, 99_000)
    trader.take(a_trade(1_080, ms=99_000))

    assert passing(trader, 1_250, bid=1_080) == [(2, 1_107)]
    assert parent_of(trader).state == "running"


def test_time_is_up_after_twice_the_duration():
    trader = started(twap(limit=Decimal(1_003)))
    filled(trader, 2)

    passing(trader, 81_000, bid=1_010)

    assert ended(trader) == "time is up: 8 of 10 lots were not filled"


# Iceberg.


def test_the_next_slice_comes_only_when_the_one_before_is_filled():
    trader = started(iceberg())
    assert sent(trader) == [(4, 999)]
    acked(trader)
    filled(trader, 3)
    assert sent(trader.wait(1_000)) == []

    filled(trader, 1)
    assert sent(trader.wait(250)) == [(4, 999)]
    filled(trader, 4)
    assert sent(trader.wait(250)) == [(2, 999)]
    filled(trader, 2)
    trader.wait(250)

    assert ended(trader) == "filled"


def test_a_slice_that_somebody_cancels_pauses_the_iceberg():
    trader = started(iceberg())
    key = acked(trader)
    trader.take(f.OrderCanceled(trader.now_ns, key, "by hand")).wait(250)
    assert parent_of(trader).reason == "its slice ended unfilled"

    trader.wait(1_000)
    quoted(trader, 1_000).do(c.ResumeParent("a1"))
    assert sent(trader) == [(4, 999)]


# Chase.


def replaced(trader: Trader) -> list[int]:
    return [effect.limit_ticks for effect in trader.asked(SendReplace)]


def test_a_chase_follows_the_best_price_by_amends_once_a_second():
    trader = started(chase())
    assert sent(trader) == [(10, 1_000)]
    key = acked(trader)

    assert replaced(quoted(trader, 1_002).wait(250)) == []
    assert replaced(quoted(trader, 1_002).wait(750)) == [1_002]
    assert replaced(quoted(trader, 1_004).wait(2_000)) == []  # One is on its way.
    trader.take(f.OrderReplaced(trader.now_ns, key, 1_002, 10))  # type: ignore[arg-type]  # plain numbers
    assert replaced(quoted(trader, 1_020).wait(250)) == [1_005]
    assert parent_of(trader).amends == 2


def test_what_the_gate_refuses_of_an_amend_pauses_the_chase():
    trader = started(chase())
    acked(trader)
    own = trader.works("sell", 1, 1_002)

    quoted(trader, 1_003).wait(1_000)

    assert "would meet an own order" in parent_of(trader).reason
    assert own in trader.ledger.orders


def test_an_amend_that_would_make_another_order_pauses_the_chase():
    trader = started(chase(lots=5, is_reduce_only=True, side="sell", worst=Decimal(995)), _long())
    acked(trader)
    trader.holds(-10, owner=GRID)  # Together they have nothing that a close could reduce.

    quoted(trader, 998).wait(1_000)

    assert parent_of(trader).reason == "its order could only leave as another"


def _long() -> Trader:
    return a_trader().holds(10)


@pytest.mark.parametrize(("then", "orders"), [("stop", []), ("mkt", [(6, 1_001)])])
def test_a_chase_ends_by_taking_its_order_back_first(then, orders):
    trader = started(chase(then=then))
    key = acked(trader)
    filled(trader, 4)

    passing(trader, 60_000)
    assert trader.ledger.orders[key].state == "pending_cancel"
    assert passing(trader, 1_000) == []
    trader.take(f.OrderCanceled(trader.now_ns, key, "by us"))
    found = passing(trader, 1_500)

    assert [lots for lots, _ in found] == [lots for lots, _ in orders]
    if orders:
        filled(trader, 5)
        expired(trader)
        passing(trader, 1_500)
        assert ended(trader) == "time is up: 1 of 10 lots were not filled"
    else:
        assert ended(trader) == "time is up: 6 of 10 lots were not filled"


def test_a_chase_that_the_market_met_first_joins_again_so_often_at_most():
    trader = started(chase(duration_s=3_600))
    for _ in range(AMENDS_MAX - 1):
        expired(trader, "post-only order would take")
        assert len(passing(trader, 1_250)) == 1

    expired(trader, "post-only order would take")
    assert passing(trader, 2_500) == []

    assert ended(trader) == "time is up: 10 of 10 lots were not filled"
    assert trader.ledger.failures("hand@test") == 0


def test_a_chase_whose_order_somebody_cancels_pauses():
    trader = started(chase())
    key = acked(trader)

    trader.take(f.OrderCanceled(trader.now_ns, key, "by hand")).wait(250)

    assert parent_of(trader).reason == "its order was canceled"


# Waiting, pausing and ending.


def test_a_parent_waits_while_the_book_is_not_whole():
    trader = started(scale())
    trader.take(FeedDown(FEED, "reset", at(5_000), 1))

    assert sent(trader.wait(1_000)) == []
    assert parent_of(trader).state == "running"


def test_a_parent_waits_while_the_account_is_in_doubt():
    trader = started(scale())
    trader.desk.worth_fault = "the account's worth is unknown"
    trader.desk.unvalued_ns = trader.now_ns
    trader.state.instruments[BTC].mark = None

    trader.kernel.state.desk.clock_fault = "off"
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, is_live=True)
    trader.wait(250)

    assert parent_of(trader).state == "running"
    assert parent_of(trader).sent == 2


def test_a_parent_waits_while_an_order_of_its_instrument_is_unclear():
    trader = started(scale())
    trader.desk.setup = msgspec.structs.replace(trader.desk.setup, rules=RULES)
    trader.desk.venue_side.up_ns = trader.desk.venue_side.agreed_ns = trader.now_ns
    trader.desk.venue_side.reading.unclear = (seen("web_1", "unclear"),)

    assert sent(trader.wait(250)) == []
    assert parent_of(trader).state == "running"

    trader.desk.venue_side.reading.unclear = ()
    assert sent(trader.wait(250)) != []


def test_a_parent_waits_for_the_journal_and_for_the_end_of_the_run():
    trader = started(scale()).take(StorageDegraded("full"))
    assert sent(trader.wait(1_000)) == []

    ending = started(scale()).take(RunEnding())
    assert sent(ending.wait(1_000)) == []


def test_a_parent_of_an_instrument_that_is_gone_waits():
    trader = started(scale())
    del trader.state.instruments[BTC]

    assert sent(trader.wait(250)) == []


def test_a_kill_ends_every_parent_and_its_orders():
    trader = started(scale())
    trader.do(c.EngageKill())
    assert ended(trader) == "trading is killed"
    assert len(canceled(trader)) == 2

    other = started(scale())
    set_state(other, "all", "killed")
    assert len(canceled(other.wait(250))) == 2
    assert ended(other) == "trading is killed"


def test_where_trading_only_reduces_a_parent_that_adds_risk_pauses():
    trader = started(scale())
    set_state(trader, "all", "reduce_only")

    trader.wait(250)

    assert parent_of(trader).reason == "trading is reduce_only"
    assert len(canceled(trader)) == 2


def test_a_parent_that_reduces_goes_on_and_stops_where_it_would_not():
    trader = started(twap(lots=8, side="sell", is_reduce_only=True), a_trader().holds(10))
    set_state(trader, "all", "reduce_only")
    filled(trader, 2)
    assert len(passing(trader, 10_000)) == 1
    filled(trader, 2)

    trader.holds(-6, owner=GRID)
    set_state(trader, "all", "active")
    passing(trader, 10_250)

    assert parent_of(trader).reason == "it would no longer only reduce"


def test_a_venue_that_fills_too_much_pauses_the_parent():
    trader = started(scale(lots=40))
    filled(trader, 30)

    trader.wait(250)

    assert parent_of(trader).reason == "its children have filled too much"


def test_after_a_restart_a_parent_waits_for_a_person():
    trader = started(twap())
    filled(trader, 2)
    again = a_trader()
    again.state.desk.ledger = Ledger.from_bytes(trader.ledger.to_bytes())

    again.take(RunStarted("run-2", "0.1"), source="engine")

    parent = parent_of(again)
    assert (parent.state, parent.reason) == (
        "paused",
        "the engine was started anew, and time has passed",
    )
    assert passing(again, 20_000) == []
    assert parent.filled_lots == 2


def test_orders_of_an_ended_parent_are_asked_to_go_until_they_have():
    trader = started(scale()).wait(250)
    trader.do(c.CancelParents(("a1",)))
    assert len(canceled(trader)) == 4
    key = trader.newest.client_order_id
    trader.take(f.CancelRejected(trader.now_ns, key, "unknown order"))

    assert canceled(trader.wait(2_500)) == [key]
    assert trader.asked(PlaceOrder) == []
