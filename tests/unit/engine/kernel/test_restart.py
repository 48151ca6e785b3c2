"""How far a run goes on: doubt only where something is at stake, and strategies as they were."""

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.kernel.desk import DeskSetup
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import SendCancel
from engine.model.envelope import RunStarted
from tests.builders import BTC, Trader, a_trader, an_instrument, an_update, set_state

AGAIN = RunStarted("run-2", "0.1")
AFTER_CRASH = RunStarted("run-2", "0.1", is_after_crash=True)
HINT = "`accept restart` undoes this"


def started_anew(before: Trader, started: RunStarted, **setup: object) -> Trader:
    """Return the next run: the ledger of the one before, and nothing else of it."""
    trader = Trader(msgspec.structs.replace(before.desk.setup, **setup))
    trader.ms = before.ms + 1_000
    trader.desk.ledger = before.ledger
    trader.take(started, source="engine")
    return trader


def with_strategy() -> Trader:
    """Return a desk at which a strategy runs."""
    trader = a_trader()
    trader.do(c.StartStrategy("mean_reversion", BTC))
    assert list(trader.ledger.strategies) == list(trader.desk.runners)
    return trader


def test_after_a_crash_with_something_open_trading_only_reduces_until_it_is_accepted():
    trader = started_anew(a_trader().holds(1), AFTER_CRASH)

    before = str(trader.desk.trading_state)
    assert trader.ledger.state_facts["all"].reason == "restart after a crash"
    assert trader.do(c.Accept("restart")).verdict == "accepted"

    assert (before, trader.desk.trading_state) == ("reduce_only", "active")


def test_it_does_so_for_a_working_order_and_for_a_running_strategy_too():
    ordered = a_trader()
    ordered.works()

    assert started_anew(ordered, AFTER_CRASH).desk.trading_state == "reduce_only"
    assert started_anew(with_strategy(), AFTER_CRASH).desk.trading_state == "reduce_only"


def test_after_a_crash_with_nothing_open_nothing_is_asked():
    assert started_anew(a_trader(), AFTER_CRASH).desk.trading_state == "active"


def test_the_first_run_of_all_asks_nothing():
    trader = Trader(DeskSetup(on_restart="halted"))

    trader.take(AFTER_CRASH, source="engine")

    assert trader.desk.trading_state == "active"


def test_after_an_orderly_stop_of_the_same_program_and_limits_trading_goes_on():
    assert started_anew(a_trader().holds(1), AGAIN).desk.trading_state == "active"


def test_another_version_and_other_limits_are_reasons_to_look():
    other = RunStarted("run-2", "0.2")
    newer = started_anew(a_trader().holds(1), other)
    assert newer.ledger.state_facts["all"].reason == "restart with version 0.2 after 0.1"

    before = a_trader().holds(1)
    limits = msgspec.structs.replace(before.desk.setup.limits, file_hash="another")
    changed = started_anew(before, AGAIN, limits=limits)
    assert changed.ledger.state_facts["all"].reason == "restart with other limits"


def test_the_settings_answer_for_everybody():
    kept = started_anew(a_trader().holds(1), AFTER_CRASH, on_restart="resume")
    assert kept.desk.trading_state == "active"

    halted = started_anew(a_trader().holds(1), AGAIN, on_restart="halted")
    assert halted.desk.trading_state == "halted"
    assert halted.said[-1] == HINT
    assert halted.do(c.Accept("restart")).verdict == "accepted"


def test_what_could_add_risk_is_taken_back_once_the_run_goes():
    before = a_trader().holds(5)
    entry, stop = before.works("buy", 1, 990), before.stops(lots=5)

    trader = started_anew(before, AFTER_CRASH)
    trader.take(f.OrderAcked(trader.now_ns, entry, "v-1")).wait(250)

    assert trader.asked(SendCancel) == [SendCancel(entry)]
    assert "1 orders could add risk and are taken back (o2)" in trader.said
    assert trader.ledger.orders[stop].state == "unknown"  # Nobody asked it to go.


def test_what_the_venue_says_nothing_about_is_taken_back_all_the_same():
    before = a_trader()
    entry = before.works("buy", 1, 990)

    trader = started_anew(before, AFTER_CRASH).wait(1_900)
    assert trader.asked(SendCancel) == []
    trader.wait(350)

    assert trader.asked(SendCancel) == [SendCancel(entry)]


@pytest.mark.parametrize("state", ["reduce_only", "halted"])
def test_what_was_stricter_or_as_strict_already_asks_nothing_and_stays(state):
    before = a_trader().holds(1)
    set_state(before, "all", state, "by hand")

    trader = started_anew(before, AFTER_CRASH)

    assert HINT not in trader.said
    assert trader.do(c.Accept("restart")).verdict == "refused"
    assert trader.desk.trading_state == state


def test_an_answer_gives_back_what_held_before_any_start_asked():
    before = a_trader().holds(1)
    set_state(before, "all", "reduce_only", "daily loss")
    once = started_anew(before, AFTER_CRASH, on_restart="halted")

    twice = started_anew(once, AFTER_CRASH, on_restart="halted")
    assert twice.said[-1] == HINT
    assert twice.do(c.Accept("restart")).verdict == "accepted"

    fact = twice.ledger.state_facts["all"]
    assert (fact.state, fact.reason) == ("reduce_only", "daily loss")


def test_a_question_of_a_start_outlives_the_checkpoint_of_the_ledger():
    trader = started_anew(a_trader().holds(1), AFTER_CRASH)

    kept = Ledger.from_bytes(trader.ledger.to_bytes())

    assert kept.state_facts == trader.ledger.state_facts
    assert kept.state_facts["all"].before is not None


def test_a_start_never_lifts_a_stricter_state():
    before = a_trader().holds(1)
    set_state(before, "all", "killed", "a fat finger")

    trader = started_anew(before, AFTER_CRASH, on_restart="resume")

    assert trader.desk.trading_state == "killed"


@pytest.mark.parametrize("started", [AGAIN, AFTER_CRASH])
def test_strategies_run_again_as_soon_as_their_instrument_is_known(started):
    before = with_strategy()
    (owner,) = before.desk.runners
    trader = started_anew(before, started)
    assert not trader.desk.runners

    trader.take(an_update(an_instrument(is_trading=True)))
    trader.take(an_update(an_instrument(is_trading=True)))

    assert list(trader.desk.runners) == [owner]


def test_strategies_that_were_stopped_stay_stopped():
    before = with_strategy()
    before.do(c.StopStrategy("mean_reversion", BTC))

    trader = started_anew(before, AGAIN).take(an_update(an_instrument(is_trading=True)))

    assert not trader.desk.runners


@pytest.mark.parametrize("state", ["killed", "active"])
def test_strategies_do_not_come_back_into_a_halt(state):
    before = with_strategy()
    set_state(before, "all", state, "a reason")

    trader = started_anew(before, AGAIN, on_restart="halted")
    assert [type(fact) for fact in trader.facts if isinstance(fact, f.StrategyStopped)]
    trader.take(an_update(an_instrument(is_trading=True)))

    assert not trader.desk.runners
    assert not trader.ledger.strategies


def test_a_strategy_that_this_program_does_not_know_is_given_up_with_a_word():
    before = a_trader()
    before.ledger.apply(f.StrategyStarted(1, "gone@BTC", "gone", BTC, 60))

    trader = started_anew(before, AGAIN).take(an_update(an_instrument(is_trading=True)))

    assert not trader.ledger.strategies
    assert "no strategy 'gone'" in trader.state.notices[-1].text
