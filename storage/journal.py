"""The journal: what we intended and saw, one append-only file per run; the truth about ourselves.

It keeps bytes and decides nothing; what a record says is the engine's affair. A file comes into
being under another name and gets its own when its header and first checkpoint are durable, so a
run that died at birth left no journal. Files are only ever added: what a crash tore off the end
of one is passed over in reading and stays where it is. The format is `storage.journal_format`,
the verdict on damage `storage.journal_reader`, the writing `engine.runtime.journal_writer`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.model.errors import JournalCorrupt, JournalNotOurs, StorageUnavailable
from storage.base import AppendFile, Files
from storage.journal_format import Header, Kind, Tail, encode_group, encode_header
from storage.journal_reader import JournalReader, Record

SUFFIX: Final = ".journal"
UNBORN_SUFFIX: Final = ".journal-unborn"
QUARANTINED: Final = ".quarantined-"


class Previous(NamedTuple):
    """The end of the file that a new one goes on from."""

    name: str
    hash: bytes
    number: int
    is_orderly: bool = True
    """Whether its run said that it ended."""


class Run(msgspec.Struct, frozen=True):
    """The run that a new file is for."""

    account: str
    """Venue and account as text."""
    run_id: str
    created_ns: int


class Recovered(msgspec.Struct, frozen=True):
    """What the newest run left."""

    checkpoint: bytes | None = None
    """The newest one; None if there is no journal yet."""
    facts: tuple[bytes, ...] = ()
    """What was recorded after it, oldest first."""
    previous: Previous | None = None
    """What the next run's file goes on from."""
    is_orderly: bool = True
    """Whether that run ended in good order; so does none."""
    torn_bytes: int = 0
    """What was cut off the end of the file, where the crash left a record incomplete."""
    notes: tuple[str, ...] = ()
    """Sentences for people: what was cut, and which runs never began."""


class OpenJournal(NamedTuple):
    """A new run's file, its checkpoint durable in it."""

    path: Path
    file: AppendFile
    tail: Tail


class Finding(msgspec.Struct, frozen=True):
    """What `verify` has to say about one file."""

    name: str
    text: str
    is_damage: bool = False
    """Whether a start is refused for it until `accept`."""


def journal_name(run_id: str) -> str:
    """Return the name of a run's file."""
    return f"{run_id}{SUFFIX}"


def recover(files: Files, folder: Path, account: str) -> Recovered:
    """Read the newest run's file: its last checkpoint and what was recorded after it.

    Raises:
        JournalCorrupt: It is damaged, or a file is whose header alone would tell how new it is.
        JournalNotOurs: A file in the folder is of another account or of a newer version.
        StorageUnavailable: The folder cannot be read.
    """
    names = files.names(folder)
    readers = _by_number([JournalReader(files, folder / name) for name in _journals(names)])
    for reader in readers:
        if reader.header.account != account:
            raise JournalNotOurs(
                f"{reader.path} belongs to {reader.header.account!r}, not to {account!r}: "
                "name another data folder"
            )
    notes = [f"{name}: this run died before it began" for name in _unborn(names)]
    if not readers:
        return Recovered(notes=tuple(notes))
    return _contents(readers[-1], notes)


def open_run(
    files: Files, folder: Path, run: Run, previous: Previous | None, checkpoint: bytes
) -> OpenJournal:
    """Begin a run's file with a checkpoint, durable when this returns.

    Raises:
        StorageUnavailable: The disk refuses, or the run has a file already. A file of this run
            may be there all the same, as sound as if its run had been killed at once.
    """
    files.make_folder(folder)
    path = folder / journal_name(run.run_id)
    names = files.names(folder)
    if path.name in names:
        raise StorageUnavailable(str(path), "this run has a journal already")
    for name in _unborn(names):
        files.remove(folder / name)
    if previous is not None:
        _make_durable(files, folder / previous.name)
    header, tail = encode_header(_header(run, previous))
    group, tail = encode_group(tail, [(Kind.CHECKPOINT, checkpoint)])
    unborn = folder / f"{run.run_id}{UNBORN_SUFFIX}"
    file = files.create(unborn)
    try:
        file.append(header + group)
        file.sync()
        files.rename(unborn, path)
    except StorageUnavailable:
        _let_go(file)
        raise
    return OpenJournal(path, file, tail)


def verify(files: Files, folder: Path) -> list[Finding]:
    """Read every file from end to end and say what is wrong or remarkable.

    Raises:
        StorageUnavailable: A file cannot be read.
    """
    names = files.names(folder)
    findings = [Finding(name, "this run died before it began") for name in _unborn(names)]
    findings += [Finding(name, "was set aside") for name in names if QUARANTINED in name]
    readers = []
    for name in _journals(names):
        try:
            reader = JournalReader(files, folder / name)
            reader.read_to_end()
        except JournalCorrupt as error:
            findings.append(Finding(name, str(error), is_damage=True))
        except JournalNotOurs as error:
            findings.append(Finding(name, str(error)))
        else:
            readers.append(reader)
            if reader.torn_bytes:
                findings.append(Finding(name, _torn(reader)))
    return [*findings, *_links(readers), *_doubles(readers)]


def accept(files: Files, folder: Path) -> list[str]:
    """Set every damaged file aside and return the new names; starts go on from what is left.

    Raises:
        StorageUnavailable: The disk refuses; what was set aside so far stays so.
    """
    moved = []
    for name in sorted({finding.name for finding in verify(files, folder) if finding.is_damage}):
        taken = files.names(folder)
        numbered = (f"{name}{QUARANTINED}{number}" for number in count(1))
        aside = next(other for other in numbered if other not in taken)
        files.rename(folder / name, folder / aside)
        moved.append(aside)
    return moved


def accounts(files: Files, folder: Path) -> list[str]:
    """Return whose journals are in a folder, by name.

    Raises:
        JournalCorrupt: A file's beginning is damaged.
        JournalNotOurs: A newer version wrote a file.
        StorageUnavailable: A file cannot be read.
    """
    names = _journals(files.names(folder))
    return sorted({JournalReader(files, folder / name).header.account for name in names})


def read_all(files: Files, folder: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records of all runs with the names of their files, oldest run first.

    Raises:
        JournalCorrupt: Where the first damage is, after the records before it.
        JournalNotOurs: A newer version wrote a file.
        StorageUnavailable: A file cannot be read.
    """
    readers = [JournalReader(files, folder / name) for name in _journals(files.names(folder))]
    for reader in _by_number(readers):
        for record in reader:
            yield reader.path.name, record


def _contents(reader: JournalReader, notes: Sequence[str]) -> Recovered:
    checkpoint = None
    facts: list[bytes] = []
    for record in reader:
        if record.kind is Kind.CHECKPOINT:
            checkpoint = record.payload
            facts.clear()
        elif record.kind is Kind.FACTS:
            facts.append(record.payload)
    if reader.torn_bytes:
        notes = [*notes, f"{reader.path.name}: {_torn(reader)}"]
    return Recovered(
        checkpoint,
        tuple(facts),
        Previous(reader.path.name, reader.tail.hash, reader.header.number, reader.is_ended),
        reader.is_ended,
        reader.torn_bytes,
        tuple(notes),
    )


def _by_number(readers: Sequence[JournalReader]) -> list[JournalReader]:
    """Sort by the number of the run; two of one number cannot both be what came last."""
    ordered = sorted(readers, key=lambda reader: (reader.header.number, reader.path.name))
    for older, newer in pairwise(ordered):
        if older.header.number == newer.header.number:
            raise JournalCorrupt(str(newer.path), 0, _same_number(older, newer))
    return ordered


def _doubles(readers: Sequence[JournalReader]) -> Iterator[Finding]:
    counts = Counter(reader.header.number for reader in readers)
    first: dict[int, JournalReader] = {}
    for reader in readers:
        number = reader.header.number
        if counts[number] > 1 and first.setdefault(number, reader) is not reader:
            yield Finding(reader.path.name, _same_number(first[number], reader), is_damage=True)


def _links(readers: Sequence[JournalReader]) -> Iterator[Finding]:
    """Compare how each file ends with what its successor saw of it."""
    ends = {reader.path.name: reader.tail.hash for reader in readers}
    for reader in readers:
        name, seen = reader.header.previous, reader.header.previous_hash
        if name and name not in ends:
            yield Finding(reader.path.name, f"goes on from {name}, which is damaged or not here")
        elif name and ends[name] != seen:
            yield Finding(name, f"ends otherwise than when {reader.path.name} went on from it")


def _header(run: Run, previous: Previous | None) -> Header:
    if previous is None:
        return Header(run.account, run.run_id, 1, run.created_ns)
    number = previous.number + 1
    return Header(run.account, run.run_id, number, run.created_ns, previous.name, previous.hash)


def _make_durable(files: Files, path: Path) -> None:
    """Let the end that recovery saw be the end for good; a killed run had not synced it."""
    file = files.open_append(path)
    try:
        file.sync()
    finally:
        _let_go(file)


def _let_go(file: AppendFile) -> None:
    """Close a file of which everything that counts has been said already."""
    with suppress(StorageUnavailable):
        file.close()


def _journals(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.endswith(SUFFIX)]


def _unborn(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.endswith(UNBORN_SUFFIX)]


def _torn(reader: JournalReader) -> str:
    return (
        f"{reader.torn_bytes} bytes behind record {reader.tail.sequence} are passed over, "
        f"which a crash left incomplete ({reader.torn_problem})"
    )


def _same_number(older: JournalReader, newer: JournalReader) -> str:
    return f"it claims to be run {newer.header.number}, and so does {older.path.name}"
