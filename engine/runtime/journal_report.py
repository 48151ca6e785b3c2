"""What a journal says, for people: every fact as a line, and whether the files are sound."""

from collections.abc import Iterator

import msgspec

from engine.folder import DataFolder
from engine.model.facts import Fact
from engine.model.numbers import NS_PER_S
from storage.files import DiskFiles
from storage.journal import SUFFIX, accept, read_all, verify
from storage.journal_format import Kind


def journal_lines(folder: DataFolder, *, as_json: bool) -> Iterator[str]:
    """Iterate over every fact of every run, oldest first.

    Raises:
        JournalCorrupt: A file is damaged.
    """
    files = DiskFiles()
    decoder = msgspec.msgpack.Decoder(list[Fact])
    for name, record in read_all(files, folder.journal):
        if record.kind is not Kind.FACTS:
            continue
        for fact in decoder.decode(record.payload):
            sequence = record.sequence
            yield _json_line(name, sequence, fact) if as_json else _line(sequence, fact)


def verify_journal(folder: DataFolder, *, accept_damage: bool) -> tuple[list[str], bool]:
    """Return what is to be said of each file, and whether a start is possible."""
    files = DiskFiles()
    findings = verify(files, folder.journal)
    lines = [f"{finding.name}: {finding.text}" for finding in findings]
    runs = sum(name.endswith(SUFFIX) for name in files.names(folder.journal))
    lines.append(f"{runs} runs read from end to end" if runs else "no journal yet")
    is_sound = not any(finding.is_damage for finding in findings)
    if not is_sound and accept_damage:
        lines += [f"moved to {name}" for name in accept(files, folder.journal)]
        is_sound = True
    return lines, is_sound


def _line(seq: int, fact: Fact) -> str:
    fields = msgspec.to_builtins(fact)
    ts_ns = fields.pop("ts_ns")
    name = fields.pop("type")
    told = " ".join(f"{key}={value}" for key, value in fields.items())
    return f"{seq} {ts_ns // NS_PER_S}.{ts_ns % NS_PER_S:09d} {name} {told}"


def _json_line(name: str, seq: int, fact: Fact) -> str:
    return msgspec.json.encode({"file": name, "seq": seq, "fact": fact}).decode()
