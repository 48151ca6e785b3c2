"""The account: opened once, marked, stepped down on losses, killed with all that a kill does."""

from decimal import Decimal

import pytest

from engine.kernel.kernel import Kernel
from engine.kernel.market import SWEEP_TIMER
from engine.model import commands as c
from engine.model import facts as f
from engine.model.account import PrivateDown, PrivateUp
from engine.model.effects import SendCancel
from engine.model.envelope import RunStarted, StorageDegraded, StorageRestored, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.orders import EXTERNAL
from tests.builders import (
    BTC,
    ETH,
    Trader,
    a_fill,
    a_mark,
    a_trade,
    a_trader,
    an_instrument,
    an_update,
    at,
    buy,
)
from tests.unit.engine.kernel.live_desk import a_live_desk, held, seen

AGAIN = RunStarted("run-2", "0.1")
DAY_MS = 86_400_000


def marked(trader: Trader, price: int) -> Trader:
    """Let the market move there, mark and trades, and a timer fire."""
    return trader.take(a_mark(str(price)), a_trade(price)).wait(1_000)


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


def test_trading_live_says_by_which_code_and_limits():
    live, paper = a_trader(is_live=True), a_trader()

    limits = live.desk.limits.file_hash[:12]
    assert limits
    assert f"live with cockpit 0.1, risk file {limits}" in live.said
    assert not [text for text in paper.said if "risk file" in text]


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


def test_orders_in_old_steps_go_before_the_ledger_counts_in_new_ones():
    trader = a_trader().holds(5)
    entry, stop = trader.works("buy", 1, 990), trader.stops(lots=5)

    trader.take(an_update(an_instrument(is_trading=True, tick_size=Decimal("0.5")), 1))

    assert trader.asked(SendCancel) == [SendCancel(entry), SendCancel(stop)]
    assert trader.said[-1] == (
        "BTCUSDT has other steps: 2 orders in the old ones are canceled, and no new one leaves"
        " before it is settled"
    )
    assert trader.do(buy(1)).sentences[0].startswith("The steps of BTCUSDT changed from 1 and 1")
    assert trader.wait(1_000).asked(SendCancel) == []

    for cid in (entry, stop):
        trader.take(f.OrderCanceled(trader.now_ns, cid, "canceled by us"))
    trader.wait(250)

    steps = trader.ledger.steps(BTC)
    assert steps is not None
    assert steps.tick_size == Decimal("0.5")
    assert trader.ledger.contradictions == 0
    assert trader.do(buy(1, 1_000.5)).verdict == "accepted"


def test_a_position_that_new_lots_cannot_count_keeps_the_old_ones_and_lets_nothing_leave():
    trader = a_trader().holds(5)

    trader.take(an_update(an_instrument(is_trading=True, lot_size=Decimal(2))))
    trader.wait(1_000)

    steps = trader.ledger.steps(BTC)
    assert steps is not None
    assert steps.lot_size == 1
    assert trader.ledger.contradictions == 0
    assert trader.do(buy(2)).verdict == "refused"


@pytest.mark.parametrize("missing", ["tick_size", "lot_size"])
def test_without_steps_there_is_nothing_to_tell(missing):
    trader = a_trader()

    trader.take(an_update(an_instrument(ETH, **{missing: None})))  # type: ignore[arg-type]  # whatever a test leaves out

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


def test_a_spike_of_the_mark_alone_neither_sets_a_peak_nor_trips_a_loss():
    trader = a_trader().holds(40)
    marked(trader, 1_000)

    for spike in ("3000", "10"):
        trader.take(a_mark(spike)).wait(1_000)

        assert trader.ledger.peak_equity == 100_000
        assert trader.ledger.states == {}


def test_a_spike_of_the_tape_alone_is_none_either():
    trader = a_trader().holds(40)
    marked(trader, 1_000)

    trader.take(a_trade(10)).wait(1_000)

    assert trader.ledger.states == {}


def test_an_account_that_cannot_be_valued_is_not_marked():
    trader = a_trader().holds(1, instrument_id=InstrumentId("test:GHOST"))

    next_day(trader)

    assert trader.ledger.day_start_equity(trader.now_ns) is None


def test_a_loss_steps_down_once_also_when_it_is_realised():
    trader = a_trader()
    trader.holds(40)
    cid = trader.works("sell", 40, 900)
    trader.take(
        f.OrderFilled(at(0), cid, "t", 900, 40, "taker", Decimal(0), "USDT")  # type: ignore[arg-type]  # plain numbers
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


# An account whose worth is unknown.


def blind(trader: Trader) -> Trader:
    """Let the only price be one that nothing bears out: mid and trades disagree, no mark."""
    return trader.take(a_trade(500)).wait(250)


def test_while_the_worth_is_unknown_nothing_adds_risk_and_everything_may_reduce():
    trader = blind(a_trader().holds(5))

    fault = "the account's worth is unknown: no price of BTCUSDT can be relied on"
    assert trader.said[-1] == f"{fault}; no order that adds risk leaves"
    assert trader.do(buy(1)).sentences == (fault,)
    assert trader.do(c.ClosePosition(BTC)).verdict == "accepted"


def test_a_worth_that_stays_unknown_steps_down_once_and_a_person_steps_up():
    trader = blind(a_trader().holds(5))
    for _ in range(59):
        trader.take(a_trade(500)).wait(250)
    assert trader.ledger.states == {}

    trader.take(a_trade(500)).wait(250)
    trader.take(a_trade(500)).wait(250)

    assert trader.ledger.states == {"all": "reduce_only"}
    assert sum("all is reduce_only" in text for text in trader.said) == 1

    trader.take(a_trade(1_000)).wait(250)
    assert trader.said[-1] == "the account's worth is known again"
    assert trader.ledger.states == {"all": "reduce_only"}
    assert trader.desk.worth_fault == ""


def test_a_price_that_is_long_gone_is_none():
    trader = a_trader().holds(5).take(a_trade(1_000))
    trader.wait(119_000)
    assert trader.desk.worth_fault == ""

    trader.wait(2_000)

    assert "no price of BTCUSDT" in trader.desk.worth_fault


def test_an_amount_without_a_rate_makes_the_worth_unknown():
    trader = a_trader(instrument=an_instrument(is_trading=True, quote="EUR"))
    trader.holds(5).take(a_trade(1_000))
    trader.ledger.apply(f.FundingPaid(at(0), BTC, Decimal(1)))

    trader.wait(250)

    assert trader.desk.worth_fault == "the account's worth is unknown: no rate"


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


def test_an_order_made_elsewhere_stays_and_the_ledger_waits_for_its_end():
    trader = a_trader()
    trader.works("buy", 1, 990, owner=EXTERNAL)

    trader.take(an_update(an_instrument(is_trading=True, tick_size=Decimal("0.5")), 1))

    assert trader.asked(SendCancel) == []
    steps = trader.ledger.steps(BTC)
    assert steps is not None
    assert steps.tick_size == 1


def test_where_orders_leave_the_program_the_venue_opens_the_account():
    desk = a_live_desk(is_clean=False)

    desk.wait(60_000)

    assert desk.ledger.currency == ""
    assert (desk.desk.worth_fault, desk.desk.trading_state) == ("", "active")


def test_steps_that_old_fills_do_not_fit_wait_until_no_report_can_bring_those():
    desk = a_live_desk().wait(100_000)
    desk.tells(a_fill(desk.rests("buy", 1, 1_001), 1, 1_001))
    exit_ = desk.rests(is_reduce_only=True)
    desk.waits_for_report()

    desk.take(an_update(an_instrument(is_trading=True, tick_size=Decimal(5))))
    assert desk.ledger.orders[exit_].state == "open"
    for _ in range(4):
        desk.reports(seen(exit_), positions=[held(1)])
        desk.waits_for_report()
    assert desk.ledger.orders[exit_].state == "pending_cancel"
    desk.tells(f.OrderCanceled(desk.now_ns, exit_, "asked")).wait(250)

    steps = desk.ledger.steps(BTC)
    assert steps is not None
    assert steps.tick_size == 5


def test_finer_steps_count_all_that_was_filled():
    desk = a_live_desk()
    desk.tells(a_fill(desk.rests("buy", 1, 1_001), 1, 1_001))

    desk.take(an_update(an_instrument(is_trading=True, tick_size=Decimal("0.5"))))

    steps = desk.ledger.steps(BTC)
    assert steps is not None
    assert steps.tick_size == Decimal("0.5")


def test_the_rest_of_a_close_counts_nothing_in_new_steps():
    trader = a_trader(order_lots_max=2, duplicate_window_s=0).holds(5)
    trader.do(c.ClosePosition(BTC, Decimal("0.8")))
    slice_ = trader.newest.client_order_id
    trader.take(an_update(an_instrument(is_trading=True, lot_size=Decimal("0.1")), 0, 1))

    trader.take(a_fill(slice_, 2, 1_000)).wait(1_000)

    assert trader.ledger.net_lots(BTC) == 30
    assert trader.desk.closings == {}
    assert "the close of BTCUSDT stops: its steps changed" in trader.said
    assert trader.newest.client_order_id == slice_


def test_a_difference_in_old_steps_is_looked_at_anew():
    desk = a_live_desk().holds(1)
    desk.waits_for_report()
    desk.reports(positions=[held(10)])
    assert list(desk.side.mismatches) == [BTC]

    desk.take(an_update(an_instrument(is_trading=True, lot_size=Decimal("0.1")), 0, 1))

    assert (desk.ledger.net_lots(BTC), desk.side.mismatches, desk.side.agreed_ns) == (10, {}, None)
    assert desk.side.due_ns <= desk.now_ns


def test_nothing_is_marked_before_the_account_is_known_to_be_the_venues():
    desk = a_live_desk()
    desk.wait(1_000).take(RunStarted("run-2", "0.1"), source="engine")
    desk.tells(PrivateDown("test", "closed", desk.now_ns)).wait(1_000)
    assert desk.ledger.session_start_equity is None

    desk.tells(PrivateUp("test")).waits_for_report()
    desk.reports().wait(250)

    assert desk.ledger.session_start_equity == desk.ledger.settled_cash
