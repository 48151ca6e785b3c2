"""A day's statement beside the venue's own history of that day: what each has that the other lacks.

Nothing is repaired here: what differs is said, each with both numbers (R46).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from engine.execution.day_books import Books
from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import EXACT, Steps, plain, total
from engine.execution.reconcile import venue_cash
from engine.execution.statement import Statement, days_of, statement_of
from engine.model.account import BalanceSeen, CashSeen
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId


class VenueHistory(msgspec.Struct, frozen=True):
    """What a venue tells of a day, and how much cash there is now."""

    fills: tuple[OrderFilled, ...]
    cash: tuple[CashSeen, ...]
    balances: tuple[BalanceSeen, ...]


class _Row(msgspec.Struct, frozen=True):
    """One fill or movement: its name, its amounts in words, and when it was."""

    name: str
    amounts: dict[str, str]
    ts_ns: int = 0


def differences(books: Books, statement: Statement, history: VenueHistory) -> list[str]:
    """Return each difference in a sentence; none if all is equal to the last digit."""
    day_ns = statement.day * DAY_NS
    span = range(day_ns, day_ns + DAY_NS)
    steps = books.ledger.all_steps
    fills = [fill for fill in history.fills if fill.ts_ns in span]
    cash = [seen for seen in history.cash if seen.ts_ns in span]
    names = dict.fromkeys(fill.instrument_id for fill in fills)
    unread = [name for name in names if name not in steps]
    told = [f"{name}: the venue tells of fills, and its steps are not known" for name in unread]
    theirs = [
        *_their_fills((fill for fill in fills if fill.instrument_id not in unread), steps),
        *(_their_movement(seen) for seen in cash),
    ]
    told += _compared(_our_rows(statement), theirs, books.opened_ns)
    return [*told, *cash_difference(books, history.balances)]


def cash_difference(books: Books, balances: Sequence[BalanceSeen]) -> list[str]:
    """Return how the cash after all that is known differs from the venue's; nothing if it is equal.

    Only dollars of whatever name are compared: what else is held began before us.
    """
    newest = max(days_of(books), default=0)
    ledger = books.ledger
    lines = statement_of(books, newest).cash
    ours = total(line.closing for line in lines if ledger.is_at_par(line.currency))
    theirs = venue_cash(ledger, balances)
    if ours == theirs:
        return []
    return [f"cash now: {ours:f} here, {theirs:f} at the venue ({ledger.currency})"]


def _compared(ours: Iterable[_Row], theirs: Iterable[_Row], opened_ns: int) -> list[str]:
    here, there = _by_name(ours), _by_name(theirs)
    told = []
    for name, row in here.items():
        seen = there.get(name)
        if seen is None:
            told.append(f"{name}: here, and not at the venue ({_in_words(row)})")
        elif row.amounts != seen.amounts:
            told += [
                f"{name}: {what} {amount} here, {seen.amounts.get(what, '-')} at the venue"
                for what, amount in row.amounts.items()
                if seen.amounts.get(what) != amount
            ]
    for name, row in there.items():
        if name not in here and row.ts_ns >= opened_ns:
            told.append(f"{name}: at the venue, and not here ({_in_words(row)})")
    return told


def _by_name(rows: Iterable[_Row]) -> dict[str, _Row]:
    return {row.name: row for row in rows}


def _in_words(row: _Row) -> str:
    return ", ".join(f"{what} {amount}" for what, amount in row.amounts.items())


def _our_rows(statement: Statement) -> list[_Row]:
    fills = [
        _fill_row(
            (fill.instrument_id, fill.side, fill.trade_id),
            (fill.price, fill.qty, fill.fee, fill.fee_currency),
            fill.ts_ns,
        )
        for fill in statement.fills
    ]
    moved = [
        _movement_row((one.kind, one.movement_id), one.currency, one.amount, one.ts_ns)
        for one in statement.movements
        if one.kind != "opening"
    ]
    return [*fills, *moved]


def _their_fills(
    fills: Iterable[OrderFilled], steps: Mapping[InstrumentId, Steps]
) -> Iterable[_Row]:
    for fill in fills:
        assert fill.instrument_id is not None
        one = steps[fill.instrument_id]
        price = plain(one.fill_price(fill))
        qty = plain(EXACT.multiply(Decimal(fill.qty_lots), one.lot_size))
        name = (fill.instrument_id, str(fill.side), fill.trade_id)
        yield _fill_row(name, (price, qty, fill.fee, fill.fee_currency), fill.ts_ns)


def _their_movement(seen: CashSeen) -> _Row:
    return _movement_row((seen.kind, seen.movement_id), seen.currency, seen.amount, seen.ts_ns)


def _fill_row(
    name: tuple[str, str, str], terms: tuple[Decimal, Decimal, Decimal, str], ts_ns: int
) -> _Row:
    price, qty, fee, currency = terms
    amounts = {"price": price, "quantity": qty, "fee": fee}
    words = {what: f"{plain(amount):f}" for what, amount in amounts.items()}
    return _Row(f"fill {' '.join(name)}", {**words, "fee currency": currency}, ts_ns)


def _movement_row(name: tuple[str, str], currency: str, amount: Decimal, ts_ns: int) -> _Row:
    words = {"amount": f"{plain(amount):f}", "currency": currency}
    return _Row(" ".join(name), words, ts_ns)
