"""Statements of any facts: days chain, parts add up, and no money is lost between two of them."""

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.execution.day_books import Books
from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import total
from engine.execution.statement import Statement, days_of, statement_of
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from tests.builders import BTC, ETH, START_NS
from tests.order_facts import a_fill, known
from tests.property.test_ledger import ANY_FACT, MONEY_FACT, PRICES, SIDES

DAY = START_NS // DAY_NS
HOURS = st.integers(0, 72)

CENTS = st.integers(-500, 500).map(lambda cents: Decimal(cents) / 100)
FILLS = st.builds(
    lambda side, lots, price, name, fee: a_fill(
        "elsewhere", "?", lots, price, side=side, instrument_id=name, fee=fee
    ),
    SIDES,
    st.integers(1, 12),
    PRICES,
    st.sampled_from([BTC, ETH]),
    CENTS,
)
MOVED = st.builds(
    f.CashMoved, st.just(0), st.just("?"), st.just("transfer"), st.just("USDC"), CENTS
)
FUNDED = st.builds(f.FundingPaid, st.just(0), st.sampled_from([BTC, ETH]), CENTS)
ADOPTED = st.builds(f.PositionAdopted, st.just(0), st.just(ETH), st.integers(-9, 9), CENTS.map(abs))
DEALINGS = st.lists(st.tuples(HOURS, FILLS | FILLS | MOVED | FUNDED | ADOPTED), max_size=40)
OPENING = (
    known(BTC, "0.1", "0.003"),
    known(ETH, "0.01", "0.7"),
    f.AccountOpened(DAY * DAY_NS, "USDT", Decimal(1000)),
)


def dealt(dealings: list) -> Books:
    """Return the books of an account; everything has a number of its own."""
    books = Books()
    for fact in OPENING:
        books.take(fact)
    for number, (hour, fact) in enumerate(dealings):
        ids = {"trade_id": f"{number}"} if isinstance(fact, f.OrderFilled) else {}
        if isinstance(fact, f.CashMoved):
            ids = {"movement_id": f"{number}"}
        ts_ns = DAY * DAY_NS + hour * 3_600_000_000_000
        books.take(msgspec.structs.replace(fact, ts_ns=ts_ns, **ids))
    return books


def assert_days_chain(books: Books) -> dict[str, Decimal]:
    """Check every day; return what each currency came to."""
    held: dict[str, Decimal] = {}
    for day in days_of(books):
        statement = statement_of(books, day)
        for line in statement.cash:
            parts = (line.realised, line.fees, line.funding, line.moved)
            assert line.opening == held.get(line.currency, 0)
            assert line.closing == total((line.opening, *parts))
            held[line.currency] = line.closing
        _assert_rows_add_up(statement)
    return held


def _assert_rows_add_up(statement: Statement) -> None:
    for line in statement.cash:
        fills = [fill for fill in statement.fills if fill.fee_currency == line.currency]
        assert line.fees == -total(fill.fee for fill in fills)
        told = [one for one in statement.instruments if one.currency == line.currency]
        assert line.realised == total(one.realised for one in told)
        moved = [one for one in statement.movements if one.currency == line.currency]
        assert line.funding + line.moved == total(one.amount for one in moved)


def assert_no_money_is_lost(books: Books, held: dict[str, Decimal]) -> None:
    """Compare with the ledger, whose rounding of partial closes is another: cash less cost."""
    ledger = books.ledger
    newest = max(days_of(books), default=0)
    lines = statement_of(books, newest).instruments
    cost = {line.instrument_id: line.cost for line in lines}
    ours = [amount for name, amount in held.items() if ledger.is_at_par(name)]
    theirs = [ledger.settled_cash or Decimal(0)]
    for name in ledger.held():
        ours.append(-cost.pop(name))
        theirs.append(-_cost(books, name))
    assert total(ours) == total(theirs)
    assert not any(cost.values())


def _cost(books: Books, name: InstrumentId) -> Decimal:
    steps = books.ledger.steps(name)
    assert steps is not None
    return steps.unit * books.ledger.net(name).cost


@settings(max_examples=200)
@given(DEALINGS)
def test_days_come_to_what_the_ledger_has(dealings: list):
    books = dealt(dealings)

    held = assert_days_chain(books)

    assert_no_money_is_lost(books, held)


@settings(max_examples=100)
@given(DEALINGS)
def test_a_flat_account_has_the_cash_of_the_ledger(dealings: list):
    books = dealt(dealings)
    for name in books.ledger.held():
        lots = books.ledger.net_lots(name)
        side = "sell" if lots > 0 else "buy"
        ts_ns = (DAY + 4) * DAY_NS
        fill = a_fill("x", "end", abs(lots), 7, side=side, instrument_id=name, ts_ns=ts_ns)
        books.take(fill)

    held = assert_days_chain(books)

    assert total(held.get(name, Decimal(0)) for name in ("USDT", "USDC")) == (
        books.ledger.settled_cash
    )


@settings(max_examples=200)
@given(st.lists(st.tuples(HOURS, ANY_FACT | MONEY_FACT), max_size=60))
def test_nothing_that_is_said_breaks_the_days(facts: list):
    books = Books()
    for hour, fact in facts:
        ts_ns = DAY * DAY_NS + hour * 3_600_000_000_000
        books.take(msgspec.structs.replace(fact, ts_ns=ts_ns))

    held = assert_days_chain(books)

    is_valued = not any("not valued" in text for _, text in books.remarks)
    if books.ledger.currency and books.ledger.settled_cash is not None and is_valued:
        assert_no_money_is_lost(books, held)
