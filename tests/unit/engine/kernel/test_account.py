"""The account: opened once, marked, stepped down on losses, killed with all that a kill does."""

from decimal import Decimal

import pytest

from engine.kernel.kernel import Kernel
from engine.kernel.market import SWEEP_TIMER
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import SendCancel
from engine.model.envelope import RunStarted, StorageDegraded, StorageRestored, TimerFired
from engine.model.instrument import InstrumentId
from tests.builders import BTC, ETH, Trader, a_mark, a_trader, an_instrument, an_update, at, buy

AGAIN = RunStarted("run-2", "0.1")
DAY_MS = 86_400_000


def marked(trader: Trader, price: int) -> Trader:
    """Let the mark price be this, and a timer fire."""
    return trader.take(a_mark(str(price))).wait(1_000)


def next_day(trader: Trader) -> None:
    """Let a day pass, at once, and a timer fire."""
    trader.ms += DAY_MS
    trader.take(TimerFired(SWEEP_TIMER, trader.now_ns), source="timer")


# The run.


def test_the_first_run_opens_the_account_and_later_ones_do_not():
    trader = a_trader()
    assert (trader.ledger.currency, trader.ledger.equity({})) == ("USD", Decimal(100_000))

    trader.take(AGAIN)

    assert [type(fact) for fact in trader.facts] == [f.RunBegan]
    assert trader.ledger.boot == 2


def test_orders_of_the_run_before_are_unknown():
    trader = a_trader()
    cid = trader.works()

    trader.take(AGAIN)

    assert trader.ledger.orders[cid].state == "unknown"


def test_a_run_that_begins_killed_is_disarmed_and_remembers_what_was_cancelled():
    before = a_trader().holds(1)
    gone, stop = before.works("buy", 1, 990), before.stops()
    before.wait(1_000).say(c.EngageKill("a fat finger"))
    before.take(f.OrderCanceled(at(1_001), gone, "canceled by us"))

    trader = Trader(before.desk.setup)
    trader.ms = before.ms + 1_000
    trader.desk.ledger = before.ledger
    assert trader.desk.is_armed(trader.now_ns)
    trader.take(AGAIN)

    assert not trader.desk.is_armed(trader.now_ns)
    assert trader.desk.kill is not None
    assert (trader.desk.kill.reason, trader.desk.kill.asked) == ("a fat finger", (gone,))
    assert trader.ask(c.ReleaseKill("why")).level == 3
    assert trader.ledger.orders[stop].state == "unknown"


def test_a_run_that_begins_active_has_no_kill():
    trader = a_trader().take(AGAIN)
    trader.take(AGAIN)
    assert trader.state.desk.kill is None

    trader.state.desk.ledger.apply(f.TradingStateSet(at(0), "all", "active", "released"))
    assert trader.take(AGAIN).state.desk.kill is None


# Instruments.


def test_the_ledger_is_told_the_steps_once_and_again_when_they_change():
    trader = a_trader()
    trader.take(an_update(an_instrument(is_trading=True)))
    assert trader.facts == []

    finer = an_instrument(tick_size=Decimal("0.5"))
    trader.take(an_update(finer, 1))

    assert trader.facts == [
        f.InstrumentKnown(trader.now_ns, BTC, Decimal("0.5"), Decimal(1), "USDT")
    ]


@pytest.mark.parametrize("missing", ["tick_size", "lot_size"])
def test_without_steps_there_is_nothing_to_tell(missing):
    trader = a_trader()

    trader.take(an_update(an_instrument(ETH, **{missing: None})))  # type: ignore[arg-type]

    assert trader.ledger.steps(ETH) is None


# Marks and losses.


def test_the_equity_is_marked_at_the_first_chance_of_a_day_and_of_a_run():
    trader = a_trader()
    trader.wait(1_000)
    assert trader.facts == []

    next_day(trader)
    assert trader.ledger.day_start_equity(trader.now_ns) == 100_000

    trader.take(AGAIN)
    assert trader.ledger.session_start_equity is None
    next_day(trader)
    assert trader.ledger.session_start_equity == 100_000


def test_the_drawdown_is_counted_from_a_peak_within_the_day():
    trader = a_trader(position_loss_share_max=Decimal(1)).holds(200)
    marked(trader, 1_000)

    marked(trader, 1_100)
    assert trader.ledger.peak_equity == 120_000
    assert trader.ledger.states == {}

    marked(trader, 1_055)
    assert trader.ledger.states == {"all": "reduce_only"}


def test_a_hairs_breadth_is_no_new_peak():
    trader = a_trader().holds(1)
    marked(trader, 1_000)

    marked(trader, 1_090)

    assert trader.ledger.peak_equity == 100_000


def test_an_account_that_cannot_be_valued_is_not_marked():
    trader = a_trader().holds(1, instrument_id=InstrumentId("test:GHOST"))

    next_day(trader)

    assert trader.ledger.day_start_equity(trader.now_ns) is None


def test_a_loss_steps_down_once_also_when_it_is_realised():
    trader = a_trader()
    trader.holds(40)
    cid = trader.works("sell", 40, 900)
    trader.take(
        f.OrderFilled(at(0), cid, "t", 900, 40, "taker", Decimal(0), "USDT")  # type: ignore[arg-type]
    )

    trader.wait(1_000)
    assert trader.desk.trading_state == "reduce_only"
    trader.wait(10_000)

    assert sum("is reduce_only" in text for text in trader.said) == 1


def test_a_kill_by_rule_does_what_one_by_hand_does():
    trader = a_trader(position_loss_share_max=Decimal(1)).holds(40)
    entry, stop = trader.works("buy", 1, 700), trader.stops(lots=40, trigger=800)

    marked(trader, 870)

    assert trader.desk.trading_state == "killed"
    assert trader.asked(SendCancel) == [SendCancel(entry)]
    assert trader.ledger.orders[stop].state == "open"
    assert not trader.desk.is_armed(trader.now_ns)
    assert trader.desk.kill is not None
    assert trader.desk.kill.asked == (entry,)


def test_a_position_that_loses_too_much_kills_its_instrument_alone():
    trader = marked(a_trader().holds(40), 945)

    assert trader.ledger.states == {f"instrument:{BTC}": "killed"}
    assert trader.do(c.ClosePosition(BTC)).verdict == "accepted"


# The journal.


def test_while_the_journal_cannot_be_written_nothing_adds_risk():
    trader = a_trader().holds(5)
    trader.take(StorageDegraded("disk full"))
    assert trader.do(buy(1)).verdict == "refused"
    assert trader.do(c.ClosePosition(BTC)).verdict == "accepted"
    assert "disk full: no order that adds risk leaves; cancels and kill work" in trader.said

    trader.take(StorageRestored())

    assert trader.said[-1] == "written again"
    assert trader.do(buy(1)).verdict == "accepted"


def test_facts_alone_make_the_same_ledger():
    trader = a_trader().holds(5)
    kernel = Kernel()
    kernel.state.desk.ledger = type(trader.ledger).from_bytes(trader.ledger.to_bytes())

    trader.do(buy(1), c.CancelAll())
    for fact in trader.facts:
        kernel.state.desk.ledger.apply(fact)

    assert kernel.ledger_digest() == trader.kernel.ledger_digest()
