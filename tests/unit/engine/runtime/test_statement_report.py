"""Statements from journal files, and as text, JSON and CSV."""

import csv
import json
import stat
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.execution.day_books import Books
from engine.execution.ledger import Ledger
from engine.execution.ledger_account import DAY_NS
from engine.model import facts as f
from engine.model.errors import ConfigError, JournalNotOurs, StorageUnavailable
from engine.model.orders import Side
from engine.runtime.statement_report import (
    JournalBooks,
    cell,
    checked_statement,
    day_number,
    day_text,
    read_books,
    statement_json,
    statement_text,
    write_csv,
)
from storage.files import DiskFiles
from storage.journal import Previous, Run, open_run, recover
from storage.journal_format import Kind, encode_group
from tests.builders import BTC, START_NS
from tests.fakes.files import FaultyFiles
from tests.order_facts import a_fill, an_intent, known

ACCOUNT = "binance_futures/abc"
DAY = START_NS // DAY_NS
NOON = DAY * DAY_NS + DAY_NS // 2
FOLDER = Path("/journal")


def began(number: int) -> f.RunBegan:
    return f.RunBegan(NOON, f"run-{number}", "1", number)


def a_trade(order: str, side: Side, price: int, ts_ns: int = NOON, **intent) -> tuple[f.Fact, ...]:
    """Return an order and its fill."""
    intended = f.OrderIntended(ts_ns, order, an_intent(side, 2, **intent), 1)
    fill = a_fill(order, f"t{order}", 2, price, ts_ns=ts_ns, fee=Decimal("0.1"))
    return intended, fill


OPENING: tuple[f.Fact, ...] = (began(1), known(), f.AccountOpened(NOON, "USDT", Decimal(1000)))
FIRST = (*OPENING, *a_trade("a", "buy", 100, owner="trend", signal="12:00"))
SECOND = (began(2), *a_trade("b", "sell", 110), f.FundingPaid(NOON, BTC, Decimal(3), "F:1"))


class Cabinet:
    """Journals of runs, each with its facts."""

    def __init__(self) -> None:
        self.files = FaultyFiles()
        self.ledger = Ledger()
        self.runs = 0

    def add(self, *facts: f.Fact, account: str = ACCOUNT) -> "Cabinet":
        """Write the journal of one more run."""
        previous: Previous | None = None
        if self.runs:
            previous = recover(self.files, FOLDER, account).previous
        self.runs += 1
        run = Run(account, f"run-{self.runs}", NOON)
        opened = open_run(self.files, FOLDER, run, previous, self.ledger.to_bytes())
        payload = msgspec.msgpack.encode(facts)
        data, _ = encode_group(opened.tail, [(Kind.FACTS, payload)])
        opened.file.append(data)
        opened.file.sync()
        opened.file.close()
        for fact in facts:
            self.ledger.apply(fact)
        return self

    def read(self) -> JournalBooks:
        """Read them."""
        return read_books(self.files, FOLDER)


def test_the_runs_of_a_folder_make_one_book():
    read = Cabinet().add(*FIRST).add(*SECOND).read()

    [line] = checked_statement(read, DAY).statement.cash

    assert read.account == ACCOUNT
    assert (line.realised, line.funding) == (Decimal(20), Decimal(-3))
    assert line.fees == Decimal("-0.2")
    assert line.closing == Decimal("1016.8")


def test_no_journal_is_an_empty_book():
    read = read_books(FaultyFiles(), FOLDER)

    checked = checked_statement(read, DAY)

    assert (read.account, checked.statement.cash) == ("", ())
    assert "no journal yet" in statement_text(checked)


def test_a_run_whose_predecessors_are_lost_is_counted_from_its_ledger():
    cabinet = Cabinet().add(*FIRST)
    cabinet.add(*SECOND)
    cabinet.files.remove(FOLDER / "run-1.journal")

    checked = checked_statement(cabinet.read(), DAY)

    [line] = checked.statement.cash
    assert (line.moved, line.closing) == (Decimal("999.9"), Decimal("1016.8"))
    assert not checked.is_equal
    assert "older runs are not here" in statement_text(checked)


def test_a_folder_of_two_accounts_is_refused():
    cabinet = Cabinet().add(*FIRST)
    cabinet.runs = 0
    run = Run("other/one", "run-9", NOON)
    open_run(cabinet.files, FOLDER, run, None, Ledger().to_bytes())

    with pytest.raises(JournalNotOurs, match=f"{ACCOUNT} and other/one"):
        cabinet.read()


def test_facts_of_another_version_are_no_statement():
    cabinet = Cabinet()
    run = Run(ACCOUNT, "run-1", NOON)
    opened = open_run(cabinet.files, FOLDER, run, None, Ledger().to_bytes())
    data, _ = encode_group(opened.tail, [(Kind.FACTS, msgspec.msgpack.encode([{"type": "New"}]))])
    opened.file.append(data)

    with pytest.raises(JournalNotOurs, match="unknown facts"):
        cabinet.read()


@pytest.mark.parametrize("text", ["2026-02-30", "tomorrow", "", "2026-01-31\x1b[2J"])
def test_what_is_no_day_is_refused(text: str):
    with pytest.raises(ConfigError) as caught:
        day_number(text)

    assert "\x1b" not in str(caught.value)


def test_days_are_written_as_people_write_them():
    assert day_number("1970-01-02") == 1
    assert day_text(day_number("2026-01-31")) == "2026-01-31"


def test_the_text_has_every_part_and_what_differs():
    read = Cabinet().add(*FIRST).add(*SECOND).read()

    alone = statement_text(checked_statement(read, DAY))
    equal = statement_text(checked_statement(read, DAY, ()))
    other = statement_text(checked_statement(read, DAY, ["cash now: 1 here, 2 at the venue"]))

    assert alone.splitlines()[0] == f"{day_text(DAY)} UTC, {ACCOUNT}"
    rows = [line.split() for line in alone.splitlines()]
    assert ["USDT", "0", "20", "-0.2", "-3", "1000", "1016.8"] in rows
    assert [BTC, "2", "20", "-0.2", "USDT", "-3", "0"] in rows
    assert ["trend", BTC, "1", "0", "-0.1", "USDT"] in rows
    assert "--against-venue" in alone
    assert "equal to the venue's history to the last digit" in equal
    assert "differs: cash now: 1 here, 2 at the venue" in other


def test_the_document_has_exact_amounts_as_texts():
    read = Cabinet().add(*FIRST).add(*SECOND).read()

    document = json.loads(statement_json(checked_statement(read, DAY, ["one"])))

    assert document["account"] == ACCOUNT
    assert document["statement"]["day"] == day_text(DAY)
    assert document["statement"]["cash"][0]["closing"] == "1016.8"
    assert [fill["owner"] for fill in document["statement"]["fills"]] == ["trend", "hand"]
    assert (document["differences"], document["is_equal"]) == (["one"], False)


def test_the_files_hold_every_fill_and_movement(tmp_path: Path):
    read = Cabinet().add(*FIRST).add(*SECOND).read()

    fills, cash = write_csv(DiskFiles(), tmp_path / "out", checked_statement(read, DAY).statement)

    day = day_text(DAY)
    assert (fills.name, cash.name) == (f"fills-{day}.csv", f"cash-{day}.csv")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (fills, cash)} == {0o600}
    bought, sold = list(csv.DictReader(fills.read_text().splitlines()))
    assert bought == {
        "time": f"{day}T12:00:00.000000000Z",
        "time_ns": str(NOON),
        "instrument": BTC,
        "side": "buy",
        "price": "100",
        "quantity": "2",
        "fee": "0.1",
        "fee_currency": "USDT",
        "liquidity": "maker",
        "client_order_id": "a",
        "trade_id": "ta",
        "owner": "trend",
        "signal": "12:00",
        "realised": "0",
        "currency": "USDT",
    }
    assert sold["realised"] == "20"
    moved = [
        (row["kind"], row["amount"], row["instrument"], row["movement_id"])
        for row in csv.DictReader(cash.read_text().splitlines())
    ]
    assert moved == [("opening", "1000", "", ""), ("funding", "-3", BTC, "F:1")]


def test_files_are_written_anew_whatever_was_left_of_the_last_time(tmp_path: Path):
    statement = checked_statement(JournalBooks(Books(), ""), DAY).statement
    (tmp_path / f"fills-{day_text(DAY)}.csv.part").write_text("half")

    write_csv(DiskFiles(), tmp_path, statement)
    paths = write_csv(DiskFiles(), tmp_path, statement)

    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_disk_that_refuses_leaves_the_file_that_was_there():
    files = FaultyFiles()
    statement = checked_statement(Cabinet().add(*FIRST).read(), DAY).statement
    [path, _] = write_csv(files, FOLDER, statement)
    before = files.content(path)
    files.fail("append")

    with pytest.raises(StorageUnavailable):
        write_csv(files, FOLDER, statement)

    assert files.content(path) == before


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ck000001", "ck000001"),
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r\n=1", "'  =1"),
        ("a\x1b[2Jb", "a?[2Jb"),
        ("a\u202eb", "a?b"),
    ],
)
def test_text_from_outside_is_shown_and_never_run(text: str, shown: str):
    assert cell(text) == shown
