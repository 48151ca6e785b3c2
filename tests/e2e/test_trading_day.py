"""The statement of a day of simulated trading is the venue's ledger, to the last digit (R46)."""

from collections import defaultdict
from decimal import Decimal

import pytest
from loguru import logger

from engine.execution.ledger_account import DAY_NS
from engine.execution.statement import Statement, statement_of
from engine.execution.statement_check import differences
from engine.fake.trading.account import Account
from engine.model.instrument import instrument_id
from engine.model.numbers import NS_PER_MS, NS_PER_S
from tests.e2e.trading_day import DAY, HOUR_NS, MIDNIGHT_NS, TradingDay
from tests.sim.exchange_market import VENUE

KINDS = {"REALIZED_PNL": "realised", "COMMISSION": "fees", "FUNDING_FEE": "funding"}
"""Part of the cash line by the venue's word; transfers are what else moved."""


def booked_by_the_venue(account: Account, day: int) -> dict[str, Decimal]:
    """Return what the venue's own ledger says of a day, by part of the cash line."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for income in account.income:
        if income.time_ms * NS_PER_MS // DAY_NS == day:
            sums[KINDS.get(income.kind, "moved")] += income.amount
    return sums


def cash_of_the_venue(account: Account, until_ns: int) -> Decimal:
    """Return the venue's cash at a moment; it remembers old balances for a while only."""
    moved = (one.amount for one in account.income if one.time_ms * NS_PER_MS < until_ns)
    return account.cash_at_start + sum(moved, Decimal(0))


def held_at_the_venue(account: Account, until_ns: int) -> dict[str, Decimal]:
    """Return the venue's positions at a moment."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for one in account.trades:
        if one.time_ms * NS_PER_MS < until_ns:
            held[instrument_id(VENUE, one.symbol)] += one.qty if one.side == "BUY" else -one.qty
    return {name: qty for name, qty in held.items() if qty}


def fills_of_the_venue(account: Account, day: int) -> list[tuple[object, ...]]:
    return sorted(
        (
            instrument_id(VENUE, one.symbol),
            one.side.lower(),
            str(one.trade_id),
            one.price,
            one.qty,
            one.fee,
            one.realized,
        )
        for one in account.trades
        if one.time_ms * NS_PER_MS // DAY_NS == day
    )


def fills_told(statement: Statement) -> list[tuple[object, ...]]:
    return sorted(
        (
            fill.instrument_id,
            fill.side,
            fill.trade_id,
            fill.price,
            fill.qty,
            fill.fee,
            fill.realised,
        )
        for fill in statement.fills
    )


def assert_days_are_the_venues(day: TradingDay) -> Statement:
    """Compare three days with the venue's ledger; return the one that was traded."""
    read, account = day.read(), day.exchange.account
    opened = account.cash_at_start
    for number in (DAY - 1, DAY, DAY + 1):
        statement = statement_of(read.books, number)
        [line] = statement.cash
        booked = booked_by_the_venue(account, number)
        begins_ns, ends_ns = number * DAY_NS, (number + 1) * DAY_NS

        assert fills_told(statement) == fills_of_the_venue(account, number)
        assert line.closing == cash_of_the_venue(account, ends_ns)
        assert line.opening == (cash_of_the_venue(account, begins_ns) if number >= DAY else 0)
        assert line.moved == booked["moved"] + (opened if number < DAY else 0)
        for part in KINDS.values():
            assert getattr(line, part) == booked[part]
        held = {str(one.instrument_id): one.qty for one in statement.instruments if one.qty}
        assert held == held_at_the_venue(account, ends_ns)
        assert differences(read.books, statement, day.history(read, number)) == []
        assert statement.remarks == ()
    return statement_of(read.books, DAY)


def trade(seed: int, begin_ns: int, end_ns: int) -> TradingDay:
    """Let somebody trade."""
    day = TradingDay(seed, begin_ns, end_ns)
    logger.disable("engine")
    try:
        day.pass_by()
    finally:
        logger.enable("engine")
    return day


@pytest.mark.slow
def test_the_hours_around_a_midnight_are_the_venues_to_the_last_digit():
    day = trade(1, MIDNIGHT_NS - HOUR_NS, MIDNIGHT_NS + HOUR_NS)

    statement = assert_days_are_the_venues(day)

    assert statement.fills


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_simulated_trading_is_the_venues_to_the_last_digit(seed: int):
    quarter_ns = 900 * NS_PER_S
    day = trade(seed, MIDNIGHT_NS - quarter_ns, MIDNIGHT_NS + DAY_NS + quarter_ns)

    statement = assert_days_are_the_venues(day)

    [line] = statement.cash
    assert len(statement.fills) > 300
    assert Decimal(0) not in (line.realised, line.fees, line.funding, line.moved)
    assert {one.owner.partition("@")[0] for one in statement.owners} == {
        "external",
        "hand",
        "mean_reversion",
    }
