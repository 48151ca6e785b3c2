"""What is kept for the gate."""

from decimal import Decimal

import pytest

from engine.execution.ledger_account import DAY_NS
from engine.execution.ledger_controls import (
    RECENT_MAX,
    STRICTNESS,
    Controls,
    DayCount,
    Exits,
    joined,
)
from engine.execution.positions import Steps
from engine.model import facts as f
from engine.model.facts import OrderIntended, TradingState, TradingStateSet
from engine.model.numbers import NS_PER_MS, NS_PER_S
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, an_intent, began
from tests.unit.engine.execution.gate_desk import Desk, codes


def approved(ms: int = 0, **changed) -> OrderIntended:
    return OrderIntended(at(ms), f"o{ms}", an_intent(**changed), 7)


@pytest.mark.parametrize("state", STRICTNESS)
def test_the_strictest_scope_wins(state: TradingState):
    controls = Controls()
    controls.scopes["all"] = TradingStateSet(at(0), "all", "active", "armed")
    controls.scopes["venue:x"] = TradingStateSet(at(0), "venue:x", state, "why")

    assert controls.strictest(("all", "venue:x", "strategy:y")) == state
    assert controls.strictest(("venue:x", "all")) == state


def test_a_scope_of_which_nothing_was_said_is_active():
    assert Controls().strictest(("all",)) == "active"


def test_a_row_of_failures_is_counted_until_it_ends():
    controls = Controls()

    controls.set_failures("trend/x", 2)
    assert controls.failures == {"trend/x": 2}

    controls.set_failures("trend/x", 0)
    assert controls.failures == {}


def test_a_limit_is_overridden_until_it_is_taken_back():
    controls = Controls()

    controls.set_override("order_lots_max", Decimal("5.0"))
    assert str(controls.overrides["order_lots_max"]) == "5"

    controls.set_override("order_lots_max", None)
    controls.set_override("order_lots_max", None)
    assert controls.overrides == {}


def test_what_an_open_position_has_realised_is_counted_in_new_steps():
    controls = Controls(exits={joined("trend", BTC): Exits(-3), joined("trend", ETH): Exits(-3)})
    old, new = Steps(Decimal(1), Decimal(1), "USDT"), Steps(Decimal(2), Decimal("0.1"), "USDT")

    controls.restep(BTC, old, new)

    assert [one.result for one in controls.exits.values()] == [-15, -3]


def test_orders_and_entries_are_counted():
    controls = Controls()

    controls.count_order(approved(1, owner="trend"))
    controls.count_order(approved(2, owner="trend", is_reduce_only=True))

    assert controls.orders[BTC].on_day_of(at(3)) == 2
    assert controls.orders[BTC].last_ns == at(2)
    assert controls.entries[joined("trend", BTC)].on_day_of(at(3)) == 1


def test_the_newest_orders_are_kept():
    controls = Controls()

    for ms in range(RECENT_MAX + 5):
        controls.count_order(approved(ms))

    assert len(controls.recent) == RECENT_MAX
    assert controls.recent[0].ts_ns == at(5)


def test_a_new_day_counts_from_one():
    count = DayCount()
    count.add(at(0))
    count.add(at(1))

    assert count.on_day_of(at(0) + DAY_NS) == 0

    count.add(at(0) + DAY_NS)
    assert count.on_day_of(at(0) + DAY_NS) == 1


def test_a_clock_that_goes_back_a_day_forgets_nothing():
    count = DayCount()
    count.add(at(0))
    count.add(at(0) - DAY_NS)

    assert count.on_day_of(at(0) - DAY_NS) == 2
    assert count.last_ns == at(0)


# How positions end.


def exits(desk: Desk, price: int, owner: str = "rsi", parts: tuple[int, ...] = (2,)) -> None:
    """Let an owner buy at 1,000 and sell all of it at a price, in so many parts."""
    desk.hold(sum(parts), 1_000, owner)
    for lots in parts:
        desk.hold(-lots, price, owner)


def test_a_strategy_that_keeps_losing_waits_for_a_person():
    desk = Desk(losing_exits_per_day_max=2)

    exits(desk, 990)
    exits(desk, 1_010)
    exits(desk, 1_000)
    exits(desk, 990, owner="macd")
    assert codes(desk.send(owner="rsi")) == []
    exits(desk, 999)

    assert codes(desk.send(owner="rsi")) == ["losing_exits_per_day_max"]
    assert codes(desk.send()) == []
    assert codes(desk.send(owner="macd", lots=2)) == []

    desk.with_state("halted", "strategy:rsi").with_state("active", "strategy:rsi")
    assert codes(desk.send(owner="rsi", lots=3)) == []


def test_a_position_closed_in_parts_is_one_exit_by_what_it_brought_in_all():
    desk = Desk(losing_exits_per_day_max=1)

    desk.hold(3, 1_000, "rsi").hold(-2, 990, "rsi")
    assert codes(desk.send(owner="rsi")) == []
    desk.hold(-1, 1_050, "rsi")
    assert codes(desk.send(owner="rsi", lots=2)) == []

    exits(desk, 999, parts=(1, 1))
    assert codes(desk.send(owner="rsi", lots=3)) == ["losing_exits_per_day_max"]


def test_losses_of_more_than_a_day_ago_are_forgotten():
    desk = Desk(losing_exits_per_day_max=1)
    exits(desk, 990)

    desk.wait(86_400)

    assert codes(desk.send(owner="rsi")) == []


def test_what_was_sent_by_a_clock_that_was_ahead_is_recent_no_longer_than_what_was_sent_now():
    told = Told()
    hour_ns = 3_600 * NS_PER_S
    told.say(f.OrderIntended(at(0) + hour_ns, "a", an_intent(), 1))
    told.say(f.CancelRequested(at(0) + hour_ns, "a"))
    assert told.ledger.changes_since(at(5)) == len(told.ledger.recent_intents(at(5))) == 1

    told.say(began(2, at(1)))

    assert told.ledger.changes_since(at(1)) == len(told.ledger.recent_intents(at(1))) == 1
    assert told.ledger.changes_since(at(2)) == len(told.ledger.recent_intents(at(2))) == 0


def test_so_it_is_with_positions_that_ended_at_a_loss():
    told = Told().open()
    told.ms += 2 * DAY_NS // NS_PER_MS
    told.trade("rsi", 1, 100).trade("rsi", -1, 90)
    now_ns = at(1)
    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS) == 1

    told.say(began(2, now_ns))

    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS - 1) == 1
    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS) == 0
