"""A day's statement for people and for spreadsheets, from the journals of all runs of a folder."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.execution.day_books import BookedFill, Books, Movement
from engine.execution.ledger import Ledger
from engine.execution.statement import Statement, statement_of
from engine.model.errors import ConfigError, JournalNotOurs
from engine.model.facts import Fact
from engine.model.numbers import NS_PER_S
from engine.model.text import clean
from storage.base import Files
from storage.journal import accounts, read_all
from storage.journal_format import Kind
from storage.whole import write_whole

EPOCH: Final = date(1970, 1, 1).toordinal()

FORMULA: Final = ("=", "+", "-", "@")
"""A cell of text that begins so would be run by a spreadsheet."""

FILL_COLUMNS: Final = (
    *("time", "time_ns", "instrument", "side", "price", "quantity", "fee", "fee_currency"),
    *("liquidity", "client_order_id", "trade_id", "owner", "signal", "realised", "currency"),
)
CASH_COLUMNS: Final = ("time", "time_ns", "kind", "amount", "currency", "instrument", "movement_id")


class JournalBooks(NamedTuple):
    """What the journals of a folder make."""

    books: Books
    account: str
    """Whose they are; empty without a journal."""


class CheckedStatement(msgspec.Struct, frozen=True):
    """A day's statement, and what differs from the venue's history; None: it was not asked."""

    account: str
    statement: Statement
    differences: tuple[str, ...] | None = None

    @property
    def is_equal(self) -> bool:
        """Whether nothing speaks against it."""
        return not (self.differences or self.statement.remarks)


def day_number(text: str) -> int:
    """Return a day that a person named, counted from 1970-01-01.

    Raises:
        ConfigError: It is none.
    """
    try:
        return date.fromisoformat(text).toordinal() - EPOCH
    except ValueError as error:
        raise ConfigError(f"{clean(text)!r} is no day such as 2026-01-31") from error


def day_text(day: int) -> str:
    """Return a day as people write it."""
    return date.fromordinal(day + EPOCH).isoformat()


def read_books(files: Files, folder: Path) -> JournalBooks:
    """Read the journals of all runs, oldest first.

    Raises:
        JournalCorrupt: One is damaged.
        JournalNotOurs: One is of a newer version, or they are of two accounts.
        StorageUnavailable: One cannot be read.
    """
    owners = accounts(files, folder)
    if len(owners) > 1:
        raise JournalNotOurs(f"{folder} holds journals of {' and '.join(owners)}")
    books, begins = Books(), ""
    beginning: Ledger | None = None
    decoder = msgspec.msgpack.Decoder(list[Fact])
    for name, record in read_all(files, folder):
        if record.kind is Kind.CHECKPOINT and name != begins:
            begins = name
            if record.payload != books.ledger.to_bytes():
                beginning = Ledger.from_bytes(record.payload)
        if record.kind is not Kind.FACTS:
            continue
        try:
            facts = decoder.decode(record.payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalNotOurs(f"{folder / name} holds unknown facts: {error}") from error
        if beginning is not None and facts:
            books.begin_with(beginning, facts[0].ts_ns)
            beginning = None
        for fact in facts:
            books.take(fact)
    return JournalBooks(books, "".join(owners))


def checked_statement(
    read: JournalBooks, day: int, differences: Sequence[str] | None = None
) -> CheckedStatement:
    """Return a day's statement with what is known to differ."""
    told = None if differences is None else tuple(differences)
    return CheckedStatement(read.account, statement_of(read.books, day), told)


def statement_json(checked: CheckedStatement) -> str:
    """Return it as one JSON document; amounts are texts, exact."""
    document = msgspec.to_builtins(checked)
    document["statement"]["day"] = day_text(checked.statement.day)
    document["is_equal"] = checked.is_equal
    return msgspec.json.encode(document).decode()


def statement_text(checked: CheckedStatement) -> str:
    """Return it for people."""
    statement = checked.statement
    head = f"{day_text(statement.day)} UTC, {clean(checked.account) or 'no journal yet'}"
    lines = [head, "", *_cash_table(statement)]
    if statement.instruments:
        lines += ["", *_instrument_table(statement)]
    if statement.owners:
        lines += ["", *_owner_table(statement)]
    lines += ["", *(f"differs: {clean(one)}" for one in statement.remarks)]
    if checked.differences is None:
        lines.append("the venue was not asked: --against-venue does")
    elif checked.differences:
        lines += [f"differs: {clean(one)}" for one in checked.differences]
    else:
        lines.append("equal to the venue's history to the last digit")
    return "\n".join(lines)


def write_csv(files: Files, folder: Path, statement: Statement) -> list[Path]:
    """Write a day's fills and its other movements of money, each into a file of the user's alone.

    Raises:
        StorageUnavailable: The disk refuses; a file that was there is whole all the same.
    """
    files.make_folder(folder)
    day = day_text(statement.day)
    tables = {
        f"fills-{day}.csv": _csv(FILL_COLUMNS, map(_fill_cells, statement.fills)),
        f"cash-{day}.csv": _csv(CASH_COLUMNS, map(_cash_cells, statement.movements)),
    }
    for name, data in tables.items():
        write_whole(files, folder / name, data)
    return [folder / name for name in tables]


def cell(text: str) -> str:
    """Return text from outside as a cell that is shown and never run."""
    safe = clean(text)
    return f"'{safe}" if safe.lstrip().startswith(FORMULA) else safe


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _fill_cells(fill: BookedFill) -> tuple[str, ...]:
    return (
        *_moment(fill.ts_ns),
        cell(fill.instrument_id),
        fill.side,
        f"{fill.price:f}",
        f"{fill.qty:f}",
        f"{fill.fee:f}",
        cell(fill.fee_currency),
        fill.liquidity,
        cell(fill.client_order_id),
        cell(fill.trade_id),
        cell(fill.owner),
        cell(fill.signal),
        f"{fill.realised:f}",
        cell(fill.currency),
    )


def _cash_cells(moved: Movement) -> tuple[str, ...]:
    return (
        *_moment(moved.ts_ns),
        moved.kind,
        f"{moved.amount:f}",
        cell(moved.currency),
        cell(moved.instrument_id or ""),
        cell(moved.movement_id),
    )


def _moment(ts_ns: int) -> tuple[str, str]:
    """Return a time to the nanosecond, for people and for programs."""
    seconds, ns = divmod(ts_ns, NS_PER_S)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{ns:09d}Z", str(ts_ns)


def _cash_table(statement: Statement) -> Iterator[str]:
    names = ("opening", "realised", "fees", "funding", "moved", "closing")
    rows = [
        (clean(line.currency), *(_digits(getattr(line, name)) for name in names))
        for line in statement.cash
    ]
    yield from _table(("cash", *names), rows)


def _instrument_table(statement: Statement) -> Iterator[str]:
    rows = [
        (
            clean(line.instrument_id),
            str(line.fills),
            _digits(line.realised),
            _amounts(line.fees),
            _digits(line.funding),
            _digits(line.qty),
        )
        for line in statement.instruments
    ]
    yield from _table(("instrument", "fills", "realised", "fees", "funding", "held"), rows)


def _owner_table(statement: Statement) -> Iterator[str]:
    rows = [
        (
            clean(line.owner),
            clean(line.instrument_id),
            str(line.fills),
            _digits(line.realised),
            _amounts(line.fees),
        )
        for line in statement.owners
    ]
    yield from _table(("owner", "instrument", "fills", "realised", "fees"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Lay rows out in columns: the first flush left, numbers flush right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        cells: list[str] = []
        for place, text in enumerate(row):
            pad: Callable[[int], str] = text.rjust if place else text.ljust
            cells.append(pad(widths[place]))
        yield "  ".join(cells).rstrip()


def _digits(amount: Decimal) -> str:
    return f"{amount:f}"


def _amounts(amounts: dict[str, Decimal]) -> str:
    return " ".join(f"{amount:f} {clean(name)}" for name, amount in amounts.items()) or "0"
