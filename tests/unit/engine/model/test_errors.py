"""The exception tree: what each error carries."""

import pytest

from engine.model import errors


def test_a_damaged_frame_is_quoted_and_cut():
    error = errors.VenuePayloadError("not a number", "x" * 500)

    assert error.excerpt == "x" * 120
    assert str(error) == f"not a number: {'x' * 120!r}"


def test_control_characters_of_a_frame_are_told_not_sent():
    assert "\x1b" not in str(errors.VenuePayloadError("not a number", "\x1b[2J"))


def test_without_an_excerpt_the_reason_stands_alone():
    assert str(errors.VenuePayloadError("trade of no size")) == "trade of no size"


def test_an_engine_that_could_not_start_carries_its_own_exit_code():
    error = errors.EngineNotStarted("no such venue", 2)

    assert (str(error), error.exit_code) == ("no such venue", 2)


def test_errors_of_storage_name_the_file_and_the_place():
    refused = errors.StorageUnavailable("/data/journal", "no space left")
    damaged = errors.JournalCorrupt("/data/journal", 4_096, "checksum")

    assert str(refused) == "/data/journal: no space left"
    assert str(damaged) == "/data/journal is damaged at byte 4096: checksum"


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (errors.ConfigError, errors.CockpitError),
        (errors.VenueUnreachable, errors.VenueError),
        (errors.VenuePayloadError, errors.VenueError),
        (errors.PortClosed, errors.PortError),
        (errors.SchemaMismatch, errors.PortError),
        (errors.InvariantBroken, errors.CockpitError),
    ],
)
def test_whoever_catches_a_group_catches_its_members(error, base):
    assert issubclass(error, base)
