"""The end of a UTC day: one line of what it brought."""

from decimal import Decimal

from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import Steps
from engine.kernel.market import SWEEP_TIMER
from engine.kernel.venue_side import CashDifference
from engine.model import facts as f
from engine.model.envelope import TimerFired
from tests.builders import BTC, START_NS, Trader, a_fill, a_trader, at

TO_MIDNIGHT_MS = (DAY_NS - START_NS % DAY_NS) // 1_000_000
DAY_MS = DAY_NS // 1_000_000


def comes_to(trader: Trader, ms: float) -> Trader:
    """Let that time come, at once, and a timer fire."""
    trader.ms = ms
    return trader.take(TimerFired(SWEEP_TIMER, trader.now_ns), source="timer")


def told(trader: Trader) -> list[str]:
    notices = trader.state.notices
    return [f"{one.level}: {one.text}" for one in notices if one.source == "statement"]


def earns(trader: Trader, price: int = 1_010) -> None:
    """Close a position with a profit, and pay."""
    cid = trader.works("buy", 2)
    trader.ledger.apply(a_fill(cid, 2, 1_000, fee=Decimal("0.4")))
    trader.ledger.apply(a_fill(trader.works("sell", 2), 2, price, fee=Decimal("0.5")))
    trader.ledger.apply(f.FundingPaid(at(0), BTC, Decimal("-0.25")))


def test_the_end_of_a_day_tells_what_it_brought():
    trader = comes_to(a_trader(), TO_MIDNIGHT_MS + 5)
    earns(trader)
    comes_to(trader, TO_MIDNIGHT_MS + DAY_MS - 1)
    assert told(trader) == []

    comes_to(trader, TO_MIDNIGHT_MS + DAY_MS)

    parts = "realised +20, fees -0.9, funding +0.25 USD"
    assert told(trader) == [f"info: the UTC day is over: {parts}"]


def test_a_day_that_was_half_over_when_the_run_began_is_told_as_such():
    trader = comes_to(a_trader(), 1_000)
    earns(trader, 995)

    comes_to(trader, TO_MIDNIGHT_MS)

    [text] = told(trader)
    assert text.startswith("info: the part of the UTC day in which this engine ran is over:")
    assert "realised -10," in text


def test_a_day_that_brought_nothing_is_not_told_of():
    trader = comes_to(a_trader(), 1_000)

    comes_to(comes_to(trader, TO_MIDNIGHT_MS), TO_MIDNIGHT_MS + DAY_MS)

    assert told(trader) == []


def test_a_difference_of_the_cash_is_part_of_it():
    trader = comes_to(a_trader(), TO_MIDNIGHT_MS)
    trader.desk.venue_side.cash = CashDifference(0, Decimal(1), Decimal(2))

    comes_to(trader, TO_MIDNIGHT_MS + DAY_MS)

    [text] = told(trader)
    assert text.startswith("warning: the UTC day is over: realised +0,")
    assert text.endswith("; the cash differs in USD: ours 1, the venue's 2")


def test_profit_in_another_currency_is_no_part_of_the_sum():
    trader = comes_to(a_trader(), TO_MIDNIGHT_MS)
    earns(trader)
    trader.ledger.all_steps[BTC] = Steps(Decimal(1), Decimal(1), "EURI")

    comes_to(trader, TO_MIDNIGHT_MS + DAY_MS)

    [text] = told(trader)
    assert "realised +0, fees -0.9, funding +0 USD" in text
