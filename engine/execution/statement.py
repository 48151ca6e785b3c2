"""The statement of a day: what the account began with, what moved, and what it came to (R46).

A day begins at 00:00 UTC by the venue's time of a fill or movement, else by ours. Every amount is
exact; what a partial close costs is rounded to the digits in which a venue keeps money, and the
rest stays in the position, so that balances are the venue's to the last digit, flat or not. A fill
that becomes known later changes the statement of its own day.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from engine.execution.day_books import BookedFill, Books, Deal, Movement
from engine.execution.holdings import Holding
from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import plain, total
from engine.model.instrument import InstrumentId


class CashLine(msgspec.Struct, frozen=True):
    """One currency's day; every part is received when positive, and together they are `closing`."""

    currency: str
    opening: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    moved: Decimal
    """Transfers and all else; on the first day also what the account began with."""
    closing: Decimal


class InstrumentLine(msgspec.Struct, frozen=True):
    """One instrument's day; amounts are received when positive."""

    instrument_id: InstrumentId
    currency: str
    fills: int
    realised: Decimal
    """Before fees and funding."""
    fees: dict[str, Decimal]
    funding: Decimal
    qty: Decimal
    """Of the position at the end of the day, signed."""
    cost: Decimal
    """What that was bought for, with its sign."""


class OwnerLine(msgspec.Struct, frozen=True):
    """One strategy's day in one instrument, or that of `hand` or `external`.

    Profit is by the owner's own average entry, fees are of the orders it gave; funding is of the
    venue's net position and nobody's.
    """

    owner: str
    instrument_id: InstrumentId
    currency: str
    fills: int
    realised: Decimal
    fees: dict[str, Decimal]


class Statement(msgspec.Struct, frozen=True):
    """One day, counted from 1970-01-01 UTC."""

    day: int
    cash: tuple[CashLine, ...]
    instruments: tuple[InstrumentLine, ...]
    owners: tuple[OwnerLine, ...]
    fills: tuple[BookedFill, ...]
    movements: tuple[Movement, ...]
    remarks: tuple[str, ...]
    """Differences that reports of the venue showed, and what could not be valued."""


def statement_of(books: Books, day: int) -> Statement:
    """Return the statement of a day."""
    return _Tally(books, day).statement()


def days_of(books: Books) -> Iterator[int]:
    """Iterate over the days on which anything moved."""
    moments = {deal.ts_ns for deal in books.deals} | {one.ts_ns for one in books.movements}
    yield from sorted({_day_of(books, ts_ns) for ts_ns in moments})


def _day_of(books: Books, ts_ns: int) -> int:
    """Return the day on which something counts; what is older than the account, on its first."""
    return max(ts_ns, books.opened_ns) // DAY_NS


def _in_order(deals: Iterable[Deal]) -> list[Deal]:
    """Sort as the venue executed: by its time, then by its number; journals learn of some later."""

    def key(deal: Deal) -> tuple[int, int, str]:
        trade_id = "" if deal.fill is None else deal.fill.trade_id
        return deal.ts_ns, len(trade_id), trade_id

    return sorted(deals, key=key)


class _Tally:
    """Sums over all that counts until the end of a day."""

    def __init__(self, books: Books, day: int) -> None:
        self._books = books
        self._day = day
        self._sums: dict[str, dict[str, list[Decimal]]] = {}
        """Amounts by currency and part of the cash line."""
        self._holdings: dict[InstrumentId, Holding] = {}
        self._quotes: dict[InstrumentId, str] = {}
        self._fills: list[BookedFill] = []
        self._movements: list[Movement] = []
        self._brought: dict[tuple[str, InstrumentId], list[Decimal]] = {}
        self._realised: dict[InstrumentId, list[Decimal]] = {}

    def statement(self) -> Statement:
        """Return what it comes to."""
        for deal in _in_order(self._books.deals):
            if _day_of(self._books, deal.ts_ns) <= self._day:
                self._take_deal(deal)
        for moved in sorted(self._books.movements, key=lambda one: one.ts_ns):
            if _day_of(self._books, moved.ts_ns) <= self._day:
                self._take_movement(moved)
        remarks = self._books.remarks
        return Statement(
            day=self._day,
            cash=tuple(self._cash_line(currency) for currency in self._sums),
            instruments=tuple(self._instrument_lines()),
            owners=tuple(self._owner_lines()),
            fills=tuple(self._fills),
            movements=tuple(self._movements),
            remarks=tuple(text for ts_ns, text in remarks if ts_ns // DAY_NS == self._day),
        )

    def _take_deal(self, deal: Deal) -> None:
        name, fill = deal.instrument_id, deal.fill
        realised = self._holdings.setdefault(name, Holding()).take(deal.qty, deal.value)
        self._quotes[name] = deal.currency
        self._add("realised", deal.ts_ns, deal.currency, realised)
        if fill is not None:
            self._add("fees", deal.ts_ns, fill.fee_currency, -fill.fee)
        if not self._is_today(deal.ts_ns):
            return
        self._realised.setdefault(name, []).append(realised)
        for owner, amount in deal.brought:
            self._brought.setdefault((owner, name), []).append(amount)
        if fill is not None:
            self._fills.append(msgspec.structs.replace(fill, realised=realised))

    def _take_movement(self, moved: Movement) -> None:
        part = "funding" if moved.kind == "funding" else "moved"
        self._add(part, moved.ts_ns, moved.currency, moved.amount)
        if self._is_today(moved.ts_ns):
            self._movements.append(moved)

    def _is_today(self, ts_ns: int) -> bool:
        return _day_of(self._books, ts_ns) == self._day

    def _add(self, part: str, ts_ns: int, currency: str, amount: Decimal) -> None:
        part = part if self._is_today(ts_ns) else "opening"
        name = currency or self._books.ledger.currency
        self._sums.setdefault(name, {}).setdefault(part, []).append(amount)

    def _cash_line(self, currency: str) -> CashLine:
        names = ("opening", "realised", "fees", "funding", "moved")
        parts = {name: total(self._sums[currency].get(name, ())) for name in names}
        return CashLine(currency=currency, closing=total(parts.values()), **parts)

    def _instrument_lines(self) -> Iterator[InstrumentLine]:
        """Tell of those that moved today or are held."""
        funding: dict[InstrumentId, list[Decimal]] = {}
        for moved in self._movements:
            if moved.kind == "funding" and moved.instrument_id is not None:
                funding.setdefault(moved.instrument_id, []).append(moved.amount)
                self._quotes.setdefault(moved.instrument_id, moved.currency)
        for name in sorted(self._quotes):
            held = self._holdings.get(name, Holding())
            if not (held.qty or name in self._realised or name in funding):
                continue
            fills = [fill for fill in self._fills if fill.instrument_id == name]
            yield InstrumentLine(
                instrument_id=name,
                currency=self._quotes[name],
                fills=len(fills),
                realised=total(self._realised.get(name, ())),
                fees=_fees(fills),
                funding=total(funding.get(name, ())),
                qty=plain(held.qty),
                cost=plain(held.cost),
            )

    def _owner_lines(self) -> Iterator[OwnerLine]:
        given: dict[tuple[str, InstrumentId], list[BookedFill]] = {}
        for fill in self._fills:
            given.setdefault((fill.owner, fill.instrument_id), []).append(fill)
        for key in sorted({*given, *self._brought}):
            owner, name = key
            fills = given.get(key, [])
            yield OwnerLine(
                owner=owner,
                instrument_id=name,
                currency=self._quotes[name],
                fills=len(fills),
                realised=total(self._brought.get(key, ())),
                fees=_fees(fills),
            )


def _fees(fills: Iterable[BookedFill]) -> dict[str, Decimal]:
    """Return the fees by currency, received when positive."""
    fees: dict[str, list[Decimal]] = {}
    for fill in fills:
        fees.setdefault(fill.fee_currency, []).append(-fill.fee)
    return {currency: total(amounts) for currency, amounts in fees.items()}
