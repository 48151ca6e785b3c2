"""Identifiers sort by time, differ between runs, and repeat in a simulation."""

import uuid

from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.ids import SeededIds, SystemIds

TS_NS = 1_700_000_000 * NS_PER_S


def test_a_run_id_is_a_uuid_of_version_7_that_holds_its_milliseconds() -> None:
    run_id = uuid.UUID(SystemIds().run_id(TS_NS))

    assert run_id.version == 7
    assert run_id.variant == uuid.RFC_4122
    assert run_id.int >> 80 == TS_NS // NS_PER_MS


def test_later_runs_sort_after_earlier_ones() -> None:
    ids = SystemIds()

    run_ids = [ids.run_id(TS_NS + step * NS_PER_MS) for step in range(1_000)]

    assert run_ids == sorted(run_ids)


def test_no_bit_of_randomness_is_lost() -> None:
    all_ones = uuid.UUID(SystemIds(lambda count: b"\xff" * count).run_id(TS_NS))
    all_zeros = uuid.UUID(SystemIds(lambda count: b"\x00" * count).run_id(TS_NS))

    assert (all_ones.int ^ all_zeros.int).bit_count() == 74


def test_boot_ids_fit_into_order_ids_and_differ() -> None:
    ids = SystemIds()

    boot_ids = [ids.boot_id() for _ in range(100)]

    assert len(set(boot_ids)) == 100
    assert all(len(text) == 6 and text.isascii() and text.isalnum() for text in boot_ids)
    assert all(text == text.lower() for text in boot_ids)


def test_a_seed_gives_the_same_names_every_time() -> None:
    def names(seed: int) -> list[str]:
        ids = SeededIds(Chance(seed))
        return [ids.run_id(TS_NS), ids.boot_id(), ids.run_id(TS_NS), ids.boot_id()]

    assert names(1) == names(1)
    assert names(1) != names(2)
    assert len(set(names(1))) == 4
