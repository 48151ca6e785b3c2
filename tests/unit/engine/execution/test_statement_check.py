"""A statement beside the venue's history: every difference is said, and nothing else."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.day_books import Books
from engine.execution.ledger_account import DAY_NS
from engine.execution.statement import statement_of
from engine.execution.statement_check import VenueHistory, differences
from engine.model import facts as f
from engine.model.account import BalanceSeen, CashSeen
from tests.builders import BTC, ETH, START_NS
from tests.order_facts import a_fill, known

DAY = START_NS // DAY_NS
NOON = DAY * DAY_NS + DAY_NS // 2

BOUGHT = a_fill("ck1", "7", 2, 100, ts_ns=NOON, instrument_id=BTC, side="buy", fee=Decimal("0.10"))
SOLD = a_fill("ck2", "8", 2, 110, ts_ns=NOON + 1, instrument_id=BTC, side="sell")
FUNDING = CashSeen(NOON, "F:1", "funding", "USDT", Decimal("-0.5"), BTC)
TRANSFER = CashSeen(NOON, "T:1", "transfer", "USDT", Decimal(100))


def the_books() -> Books:
    """Return the books of an account in which all of that is known."""
    books = Books()
    books.take(known())
    books.take(f.AccountOpened(NOON - 1, "USDT", Decimal(1000)))
    for fact in (BOUGHT, SOLD):
        books.take(fact)
    books.take(f.FundingPaid(NOON + 9, BTC, Decimal("0.5"), "F:1", NOON))
    books.take(f.CashMoved(NOON + 9, "T:1", "transfer", "USDT", Decimal(100), NOON))
    return books


def history(**changed) -> VenueHistory:
    """Return what the venue tells where all is well."""
    fields: dict = {
        "fills": (BOUGHT, SOLD),
        "cash": (FUNDING, TRANSFER),
        "balances": (BalanceSeen("USDT", Decimal("1119.40")), BalanceSeen("BNB", Decimal(3))),
    }
    return VenueHistory(**(fields | changed))


def told(day: int = DAY, **changed) -> list[str]:
    books = the_books()
    return differences(books, statement_of(books, day), history(**changed))


def test_an_equal_history_leaves_nothing_to_say():
    assert told() == []


def test_amounts_are_compared_as_numbers_and_not_as_they_are_written():
    same = msgspec.structs.replace(BOUGHT, fee=Decimal("0.1000"))

    assert told(fills=(same, SOLD)) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"price_ticks": 101}, "price 100 here, 101 at the venue"),
        ({"qty_lots": 3}, "quantity 2 here, 3 at the venue"),
        ({"fee": Decimal("0.10000001")}, "fee 0.1 here, 0.10000001 at the venue"),
        ({"fee_currency": "BNB"}, "fee currency USDT here, BNB at the venue"),
    ],
)
def test_a_fill_that_differs_is_told_with_both_amounts(changed: dict, sentence: str):
    other = msgspec.structs.replace(BOUGHT, **changed)

    assert told(fills=(other, SOLD)) == [f"fill {BTC} buy 7: {sentence}"]


def test_what_one_side_lacks_is_told():
    assert told(fills=(BOUGHT,)) == [
        f"fill {BTC} sell 8: here, and not at the venue "
        "(price 110, quantity 2, fee 0, fee currency USDT)"
    ]
    third = msgspec.structs.replace(SOLD, trade_id="9")
    assert told(fills=(BOUGHT, SOLD, third)) == [
        f"fill {BTC} sell 9: at the venue, and not here "
        "(price 110, quantity 2, fee 0, fee currency USDT)"
    ]


def test_movements_are_compared_like_fills():
    other = msgspec.structs.replace(FUNDING, amount=Decimal("-0.4"))
    new = CashSeen(NOON, "T:2", "other", "USDT", Decimal(1))

    assert told(cash=(other, TRANSFER, new)) == [
        "funding F:1: amount -0.5 here, -0.4 at the venue",
        "other T:2: at the venue, and not here (amount 1, currency USDT)",
    ]


def test_other_days_and_what_was_before_the_account_are_nobodys_business():
    tomorrow = msgspec.structs.replace(SOLD, trade_id="9", ts_ns=NOON + DAY_NS)
    before = msgspec.structs.replace(SOLD, trade_id="6", ts_ns=NOON - 2)

    assert told(fills=(before, BOUGHT, SOLD, tomorrow)) == []
    assert told(DAY + 1, fills=(BOUGHT, SOLD), cash=()) == []


def test_fills_of_an_instrument_that_is_not_known_are_told_of():
    foreign = msgspec.structs.replace(SOLD, instrument_id=ETH)

    assert told(fills=(BOUGHT, SOLD, foreign)) == [
        f"{ETH}: the venue tells of fills, and its steps are not known"
    ]


def test_the_cash_of_now_is_compared_to_the_last_digit():
    assert told(balances=(BalanceSeen("USDT", Decimal("1119.40000001")),)) == [
        "cash now: 1119.4 here, 1119.40000001 at the venue (USDT)"
    ]


def test_dollars_of_any_name_count_as_one_another():
    parts = (BalanceSeen("USDT", Decimal(1000)), BalanceSeen("USDC", Decimal("119.4")))

    assert told(balances=parts) == []


def test_no_journal_and_an_empty_account_are_equal():
    books = Books()

    assert differences(books, statement_of(books, DAY), VenueHistory((), (), ())) == []
