"""A day's statement: amounts add up, days chain, and a close costs what the venue says it does."""

from decimal import Decimal

import pytest

from engine.execution.day_books import Books
from engine.execution.ledger_account import DAY_NS
from engine.execution.statement import Statement, days_of, statement_of
from engine.model import facts as f
from engine.model.orders import HAND, Side
from tests.builders import BTC, ETH, START_NS
from tests.order_facts import a_fill, an_intent, known

DAY = START_NS // DAY_NS
NOON = DAY * DAY_NS + DAY_NS // 2
MIDNIGHT = (DAY + 1) * DAY_NS


def a_day(*facts: f.Fact, equity: str = "1000") -> Books:
    """Return books of an account that was opened at noon."""
    books = Books()
    books.take(known())
    books.take(f.AccountOpened(NOON, "USDT", Decimal(equity)))
    for fact in facts:
        books.take(fact)
    return books


def dealt(
    side: str, lots: int, price: int, ts_ns: int = NOON, trade: str = "", **changed
) -> f.OrderFilled:
    """Return a fill that needs no order."""
    fields = {"instrument_id": BTC, "side": side, "ts_ns": ts_ns} | changed
    return a_fill("x", trade or f"{side}{price}", lots, price, **fields)


def cash(statement: Statement, currency: str = "USDT") -> dict[str, Decimal]:
    [line] = [line for line in statement.cash if line.currency == currency]
    names = ("opening", "realised", "fees", "funding", "moved", "closing")
    return {name: getattr(line, name) for name in names if getattr(line, name)}


def test_the_parts_of_a_day_add_up_to_its_end():
    books = a_day(
        dealt("buy", 2, 100, fee=Decimal("0.5")),
        dealt("sell", 2, 110, fee=Decimal("0.25")),
        f.FundingPaid(NOON + 1, BTC, Decimal(3), "m1"),
        f.CashMoved(NOON + 2, "m2", "transfer", "USDT", Decimal(50)),
    )

    statement = statement_of(books, DAY)

    expected = {"realised": 20, "fees": Decimal("-0.75"), "funding": -3, "moved": 1050}
    assert cash(statement) == expected | {"closing": Decimal("1066.25")}
    [line] = statement.instruments
    assert line.fills == 2
    assert (line.realised, line.funding, line.qty) == (Decimal(20), Decimal(-3), Decimal(0))
    assert line.fees == {"USDT": Decimal("-0.75")}


def test_the_end_of_a_day_is_the_beginning_of_the_next():
    books = a_day(dealt("buy", 2, 100), dealt("sell", 2, 105, MIDNIGHT))

    assert cash(statement_of(books, DAY)) == {
        "moved": 1000,
        "closing": 1000,
    }
    assert cash(statement_of(books, DAY + 1)) == {"opening": 1000, "realised": 10, "closing": 1010}
    assert cash(statement_of(books, DAY + 2)) == {"opening": 1010, "closing": 1010}
    assert list(days_of(books)) == [DAY, DAY + 1]


@pytest.mark.parametrize(("ts_ns", "day"), [(MIDNIGHT - 1, DAY), (MIDNIGHT, DAY + 1)])
def test_a_day_begins_at_midnight_by_the_clock_of_the_venue(ts_ns: int, day: int):
    late = NOON + 3 * DAY_NS
    books = a_day(
        dealt("buy", 1, 100, ts_ns),
        f.FundingPaid(late, BTC, Decimal(1), "m1", venue_ns=ts_ns),
        f.CashMoved(late, "m2", "transfer", "USDT", Decimal(7), venue_ns=ts_ns),
    )

    statement = statement_of(books, day)

    assert len(statement.fills) == 1
    assert {one.kind for one in statement.movements} >= {"funding", "transfer"}


def test_what_is_older_than_the_account_counts_on_its_first_day():
    books = a_day(dealt("buy", 1, 100, NOON - DAY_NS, fee=Decimal(1)))

    assert list(days_of(books)) == [DAY]
    assert cash(statement_of(books, DAY))["closing"] == 999
    assert statement_of(books, DAY - 1).cash == ()


def test_a_fill_that_was_learnt_later_counts_where_the_venue_executed_it():
    in_order = [
        dealt("buy", 2, 100, NOON + 1, "1"),
        dealt("sell", 1, 120, NOON + 2, "2"),
        dealt("buy", 2, 130, NOON + 2, "10"),
    ]
    books, late = a_day(*in_order), a_day(in_order[2], in_order[1], in_order[0])

    told = [(fill.trade_id, fill.realised) for fill in statement_of(late, DAY).fills]

    assert told == [("1", Decimal(0)), ("2", Decimal(20)), ("10", Decimal(0))]
    assert statement_of(late, DAY).cash == statement_of(books, DAY).cash


def test_the_cost_of_a_partial_close_has_the_digits_of_the_venue():
    books = a_day(
        known(tick="0.1", lot="0.001"),
        dealt("buy", 1, 1000, trade="1"),
        dealt("buy", 2, 1001, trade="2"),
        dealt("sell", 1, 1000, trade="3"),
        dealt("sell", 2, 1000, trade="4", ts_ns=MIDNIGHT),
    )

    first, second = statement_of(books, DAY), statement_of(books, DAY + 1)

    assert cash(first)["realised"] == Decimal("-0.00006667")
    assert cash(second)["realised"] == Decimal("-0.00013333")
    assert cash(second)["closing"] == Decimal("999.9998")
    [line] = first.instruments
    assert (line.qty, line.cost) == (Decimal("0.002"), Decimal("0.20013333"))


def test_every_owner_has_own_profit_and_the_fees_of_own_orders():
    books = a_day()
    orders: list[tuple[str, str, Side, int]] = [
        ("a", "grid", "buy", 100),
        ("b", "trend", "buy", 110),
        ("c", HAND, "sell", 120),
    ]
    for cid, owner, side, price in orders:
        intent = an_intent(side, 2, owner=owner, is_reduce_only=owner == HAND)
        books.take(f.OrderIntended(NOON, cid, intent, 1))
        books.take(a_fill(cid, cid, 2, price, ts_ns=NOON, fee=Decimal(1)))

    lines = statement_of(books, DAY).owners

    told = {line.owner: (line.fills, line.realised, line.fees) for line in lines}
    assert told == {
        "grid": (1, Decimal(20), {"USDT": Decimal(-1)}),
        "trend": (1, Decimal(10), {"USDT": Decimal(-1)}),
        HAND: (1, Decimal(0), {"USDT": Decimal(-1)}),
    }


def test_each_currency_has_a_line():
    books = a_day(
        dealt("buy", 1, 100, fee=Decimal("0.01"), fee_currency="BNB"),
        f.CashMoved(NOON, "m", "other", "USDC", Decimal(4)),
    )

    statement = statement_of(books, DAY)

    assert cash(statement, "BNB") == {"fees": Decimal("-0.01"), "closing": Decimal("-0.01")}
    assert cash(statement, "USDC") == {"moved": 4, "closing": 4}


def test_an_instrument_is_told_of_while_it_is_held_or_moves():
    books = a_day(
        known(ETH),
        dealt("buy", 1, 10, instrument_id=ETH),
        dealt("buy", 1, 100),
        dealt("sell", 1, 100),
        f.FundingPaid(MIDNIGHT, BTC, Decimal(1), "late"),
    )

    names = [
        [line.instrument_id for line in statement_of(books, DAY + later).instruments]
        for later in range(3)
    ]

    assert names == [[BTC, ETH], [BTC, ETH], [ETH]]


def test_funding_of_what_was_never_traded_here_is_told():
    books = a_day(known(ETH), f.FundingPaid(NOON, ETH, Decimal(1), "m"))

    [line] = statement_of(books, DAY).instruments

    assert (line.instrument_id, line.currency, line.funding) == (ETH, "USDT", Decimal(-1))


def test_a_position_that_is_taken_over_is_no_fill_and_no_profit():
    books = a_day(f.PositionAdopted(NOON, BTC, 3, Decimal("99.5")), dealt("sell", 3, 100, NOON + 1))

    statement = statement_of(books, DAY)

    assert len(statement.fills) == 1
    assert cash(statement)["realised"] == Decimal("1.5")


def test_remarks_are_of_their_day():
    books = a_day(f.BalanceDiffered(MIDNIGHT, "USDT", Decimal(1), Decimal(2)))

    assert statement_of(books, DAY).remarks == ()
    assert len(statement_of(books, DAY + 1).remarks) == 1
