"""Builds journals for tests, and reads them back."""

from collections.abc import Sequence
from pathlib import Path

from storage.base import Files
from storage.journal import OpenJournal, Previous, Run, open_run
from storage.journal_format import Header, Kind, encode_group, encode_header
from storage.journal_reader import JournalReader, Record

FOLDER = Path("/data/journal")
PATH = FOLDER / "run-1.journal"
ACCOUNT = "simulated paper"
FACTS = Kind.FACTS


def a_run(run_id: str = "run-1", account: str = ACCOUNT, created_ns: int = 1) -> Run:
    return Run(account, run_id, created_ns)


def a_header(number: int = 1) -> Header:
    return Header(ACCOUNT, "run-1", number, created_ns=1)


def a_journal(*groups: Sequence[bytes], header: Header | None = None) -> bytes:
    """Return a file's bytes: its checkpoint, then facts in these groups."""
    data, tail = encode_header(header or a_header())
    group, tail = encode_group(tail, [(Kind.CHECKPOINT, b"all so far")])
    data += group
    for payloads in groups:
        group, tail = encode_group(tail, [(FACTS, payload) for payload in payloads])
        data += group
    return data


def a_written_run(
    files: Files,
    *payloads: bytes,
    run: Run | None = None,
    previous: Previous | None = None,
    is_ended: bool = False,
) -> OpenJournal:
    """Write a run's file the way an engine does, each fact durable before the next."""
    journal = open_run(files, FOLDER, run or a_run(), previous, b"all so far")
    records = [(FACTS, payload) for payload in payloads]
    if is_ended:
        records.append((Kind.END, b""))
    tail = journal.tail
    for record in records:
        data, tail = encode_group(tail, [record])
        journal.file.append(data)
        journal.file.sync()
    return journal._replace(tail=tail)


def read(files: Files, path: Path = PATH) -> tuple[list[Record], JournalReader]:
    """Return the records of a file, and their reader."""
    reader = JournalReader(files, path)
    return list(reader), reader
