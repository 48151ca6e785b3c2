"""Runs follow each other in the journal, and a start goes on from the newest that began."""

from pathlib import Path

import pytest
from google_crc32c import value as crc32c

from engine.model.chance import Chance
from engine.model.errors import JournalCorrupt, JournalNotOurs, StorageUnavailable
from storage.journal import (
    Finding,
    Previous,
    Recovered,
    accept,
    accounts,
    open_run,
    read_all,
    recover,
    verify,
)
from storage.journal_format import VERSION, Kind, encode_group
from storage.journal_reader import JournalReader
from tests.fakes.files import MUTATING, FaultyFiles, PowerCut
from tests.unit.storage.journals import (
    ACCOUNT,
    FOLDER,
    PATH,
    a_header,
    a_journal,
    a_run,
    a_written_run,
)


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles(Chance(1))


def recovered(files: FaultyFiles) -> Recovered:
    return recover(files, FOLDER, ACCOUNT)


def a_next_run(files: FaultyFiles, *payloads: bytes, run_id: str = "run-2") -> Path:
    previous = recovered(files).previous
    return a_written_run(files, *payloads, run=a_run(run_id), previous=previous).path


def test_without_a_journal_there_is_nothing_to_go_on_from(files: FaultyFiles) -> None:
    assert recovered(files) == Recovered()
    assert recovered(files).is_orderly


def test_a_run_is_recovered_from_its_checkpoint_and_facts(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")

    found = recovered(files)

    assert (found.checkpoint, found.facts) == (b"all so far", (b"a", b"b"))
    assert (found.is_orderly, found.torn_bytes, found.notes) == (False, 0, ())


def test_a_run_that_ended_says_so(files: FaultyFiles) -> None:
    a_written_run(files, b"a", is_ended=True)

    assert recovered(files).is_orderly


def test_the_next_run_goes_on_where_the_one_before_ended(files: FaultyFiles) -> None:
    first = a_written_run(files, b"a")
    a_next_run(files, b"b")

    found = recovered(files)

    assert found.facts == (b"b",)
    assert found.previous is not None
    assert found.previous.number == 2
    assert [(name, record.sequence, record.kind) for name, record in read_all(files, FOLDER)] == [
        ("run-1.journal", 1, Kind.CHECKPOINT),
        ("run-1.journal", 2, Kind.FACTS),
        ("run-2.journal", 1, Kind.CHECKPOINT),
        ("run-2.journal", 2, Kind.FACTS),
    ]
    assert verify(files, FOLDER) == []
    assert first.path == PATH


def test_the_newest_run_is_told_by_its_number_and_not_by_its_name_or_clock(
    files: FaultyFiles,
) -> None:
    a_written_run(files, b"a", run=a_run("run-9", created_ns=9))
    a_next_run(files, b"b", run_id="run-1")

    assert recovered(files).facts == (b"b",)


def test_facts_before_a_later_checkpoint_are_not_needed(files: FaultyFiles) -> None:
    journal = a_written_run(files, b"a")
    group, _ = encode_group(journal.tail, [(Kind.CHECKPOINT, b"more"), (Kind.FACTS, b"b")])
    journal.file.append(group)

    assert (recovered(files).checkpoint, recovered(files).facts) == (b"more", (b"b",))


def test_a_torn_end_is_passed_over_and_reported(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")
    files.put(PATH, files.content(PATH)[:-1])

    found = recovered(files)

    assert found.facts == (b"a",)
    assert found.torn_bytes == 40
    assert found.notes == (
        "run-1.journal: 40 bytes behind record 2 are passed over, which a crash left incomplete "
        "(the file ends within a record)",
    )
    assert verify(files, FOLDER) == [Finding("run-1.journal", found.notes[0].partition(": ")[2])]
    assert accept(files, FOLDER) == []


def test_a_torn_end_stays_what_it_is_when_the_next_run_has_begun(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")
    files.put(PATH, files.content(PATH)[:-1])
    a_next_run(files, b"c")

    assert recovered(files).notes == ()
    assert [finding.is_damage for finding in verify(files, FOLDER)] == [False]


def test_what_a_killed_run_had_not_synced_is_durable_before_the_next_begins(
    files: FaultyFiles,
) -> None:
    journal = a_written_run(files, b"a")
    journal.file.append(encode_group(journal.tail, [(Kind.FACTS, b"b")])[0])
    a_next_run(files)
    for _ in range(10):
        files.crash()

        assert verify(files, FOLDER) == []


def test_a_run_that_died_at_birth_is_reported_and_the_one_before_is_used(
    files: FaultyFiles,
) -> None:
    a_written_run(files, b"a")
    previous = recovered(files).previous
    files.fail("sync", number=2)
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        open_run(files, FOLDER, a_run("run-2"), previous, b"state")

    found = recovered(files)

    assert found.facts == (b"a",)
    assert found.notes == ("run-2.journal-unborn: this run died before it began",)
    assert [finding.text for finding in verify(files, FOLDER)] == ["this run died before it began"]

    a_next_run(files, b"b", run_id="run-3")

    assert files.names(FOLDER) == ["run-1.journal", "run-3.journal"]


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_at_any_operation_of_a_birth_leaves_one_run_or_the_other(seed: int) -> None:
    for operation in range(1, 20):
        files = FaultyFiles(Chance(seed))
        a_written_run(files, b"a")
        previous = recovered(files).previous
        files.cut_at = files.done["all"] + operation
        try:
            open_run(files, FOLDER, a_run("run-2"), previous, b"state" * 300)
        except PowerCut:
            files.crash()
        else:
            assert operation > 5
            break

        found = recovered(files)

        assert (found.checkpoint, found.facts) in (
            (b"all so far", (b"a",)),
            (b"state" * 300, ()),
        )


@pytest.mark.parametrize("operation", sorted({*MUTATING, "open_append", "names"} - {"truncate"}))
def test_a_disk_that_refuses_at_birth_is_named_and_the_next_try_succeeds(
    files: FaultyFiles, operation: str
) -> None:
    a_written_run(files, b"a")
    files.put(FOLDER / "run-0.journal-unborn", b"torn")
    previous = recovered(files).previous
    files.fail(operation, problem="No space left on device")

    with pytest.raises(StorageUnavailable, match="No space left on device"):
        open_run(files, FOLDER, a_run("run-2"), previous, b"state")
    assert recovered(files).facts == (b"a",)
    open_run(files, FOLDER, a_run("run-2"), previous, b"state")

    assert recovered(files).checkpoint == b"state"


def test_a_file_that_cannot_be_let_go_of_hides_no_refusal(files: FaultyFiles) -> None:
    files.fail("sync", problem="No space left on device")
    files.fail("close")

    with pytest.raises(StorageUnavailable, match="No space left on device"):
        open_run(files, FOLDER, a_run(), None, b"state")


def test_a_run_has_one_file(files: FaultyFiles) -> None:
    a_written_run(files, b"a")

    with pytest.raises(StorageUnavailable, match="this run has a journal already"):
        open_run(files, FOLDER, a_run(), None, b"state")


def test_a_damaged_run_refuses_the_start_until_it_is_accepted(files: FaultyFiles) -> None:
    a_written_run(files, b"a")
    path = a_next_run(files, b"b", b"c")
    files.flip(path, len(files.content(path)) - 50)
    with pytest.raises(JournalCorrupt, match=r"run-2\.journal is damaged at byte \d+: the checks"):
        recovered(files)

    assert [finding.name for finding in verify(files, FOLDER) if finding.is_damage] == [path.name]
    assert accept(files, FOLDER) == ["run-2.journal.quarantined-1"]
    assert recovered(files).facts == (b"a",)
    assert [finding.text for finding in verify(files, FOLDER)] == ["was set aside"]


def test_the_records_before_damage_can_be_shown(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")
    files.flip(PATH, len(files.content(PATH)) - 50)
    shown: list[bytes] = []

    with pytest.raises(JournalCorrupt):
        shown.extend(record.payload for _, record in read_all(files, FOLDER))

    assert shown == [b"all so far"]


def test_what_is_set_aside_replaces_nothing_set_aside_before(files: FaultyFiles) -> None:
    for aside in ("run-1.journal.quarantined-1", "run-1.journal.quarantined-2"):
        files.put(PATH, b"damaged")
        assert accept(files, FOLDER) == [aside]


def test_damage_to_an_older_run_is_found_and_does_not_hinder_a_start(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")
    a_next_run(files, b"c")
    files.flip(PATH, len(files.content(PATH)) - 50)

    assert recovered(files).facts == (b"c",)
    assert [finding.is_damage for finding in verify(files, FOLDER)] == [True, False]
    assert verify(files, FOLDER)[1].text == (
        "goes on from run-1.journal, which is damaged or not here"
    )


def test_an_older_run_that_lost_its_end_later_is_found(files: FaultyFiles) -> None:
    a_written_run(files, b"a", b"b")
    a_next_run(files, b"c")
    files.put(PATH, files.content(PATH)[:-41])

    assert verify(files, FOLDER) == [
        Finding("run-1.journal", "ends otherwise than when run-2.journal went on from it")
    ]


def test_a_file_of_which_not_even_the_age_is_known_refuses_the_start(files: FaultyFiles) -> None:
    a_written_run(files, b"a")
    a_next_run(files, b"b")
    files.flip(PATH, 30)

    with pytest.raises(JournalCorrupt, match="the checksum of the header does not fit"):
        recovered(files)


def test_another_account_is_refused_and_named(files: FaultyFiles) -> None:
    a_written_run(files, b"a")

    with pytest.raises(JournalNotOurs, match="belongs to 'simulated paper', not to 'okx live'"):
        recover(files, FOLDER, "okx live")


def test_whose_journals_they_are_is_told_once_each_and_by_name(files: FaultyFiles) -> None:
    assert accounts(files, FOLDER) == []

    a_written_run(files)
    a_next_run(files)
    a_written_run(files, run=a_run("run-3", account="okx live"))
    files.put(FOLDER / "run-4.journal-unborn", b"torn")

    assert accounts(files, FOLDER) == ["okx live", ACCOUNT]


def test_a_newer_version_is_refused_and_left_alone(files: FaultyFiles) -> None:
    header = b"\x89CKPTJ\r\n" + (VERSION + 1).to_bytes(4, "little") + bytes(4)
    files.put(PATH, header + crc32c(header).to_bytes(4, "little"))

    with pytest.raises(JournalNotOurs, match="newer cockpit"):
        recovered(files)
    assert [finding.is_damage for finding in verify(files, FOLDER)] == [False]
    assert accept(files, FOLDER) == []


def test_two_files_of_one_number_are_refused(files: FaultyFiles) -> None:
    files.put(PATH, a_journal([b"a"]))
    files.put(FOLDER / "run-1-copy.journal", a_journal([b"a"]))
    files.put(FOLDER / "run-2.journal", a_journal([b"a"], header=a_header(number=2)))

    with pytest.raises(JournalCorrupt, match=r"it claims to be run 1, and so does run-1-copy"):
        recovered(files)
    assert accept(files, FOLDER) == ["run-1.journal.quarantined-1"]
    assert recovered(files).previous is not None


def test_a_first_run_goes_on_from_nothing(files: FaultyFiles) -> None:
    open_run(files, FOLDER, a_run(), None, b"state")

    assert recovered(files).previous == Previous("run-1.journal", *last(files), is_orderly=False)


def last(files: FaultyFiles) -> tuple[bytes, int]:
    reader = JournalReader(files, PATH)
    assert len(list(reader)) == 1
    return reader.tail.hash, reader.header.number
