"""The engine in its simulated world: no seed breaks an invariant, and every planted bug does."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.sim.checkers import Violation
from tests.sim.planted import PLANTED, Planted
from tests.sim.planted_wire import WIRED
from tests.sim.profiles import PROFILES
from tests.sim.situations import EXPECTED
from tests.sim.world import World

SEEDS = range(1, 64)
"""Of each of the eight profiles: more than 500 in all."""
HUNTED = range(1, 201)
HERE = Path(__file__).parent


def seeds_that_failed() -> Iterator[tuple[str, int]]:
    for line in (HERE / "failed_seeds.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            profile, seed, _ = line.split(maxsplit=2)
            yield profile, int(seed)


FAST = [*((profile, 2) for profile in PROFILES), *seeds_that_failed()]


def violation_of(seed: int, profile: str) -> str:
    """Live through a seed; return what it found, or nothing."""
    try:
        World(seed, profile).run()
    except Violation as violation:
        return str(violation)
    return ""


@pytest.mark.parametrize(("profile", "seed"), FAST)
def test_a_seed_breaks_no_invariant(profile: str, seed: int):
    assert violation_of(seed, profile) == ""


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_many_seeds_break_no_invariant_and_come_to_every_hard_place(profile: str):
    broken: dict[int, str] = {}
    seen: Counter[str] = Counter()

    for seed in SEEDS:
        try:
            seen.update(World(seed, profile).run().seen)
        except Violation as violation:
            broken[seed] = str(violation)

    assert broken == {}
    assert [kind for kind in EXPECTED[profile] if not seen[kind]] == []


@pytest.mark.parametrize("profile", ["CRASH", "CHAOS"])
def test_a_seed_is_the_same_in_every_process(profile: str):
    traces = [trace_elsewhere(profile, hash_seed) for hash_seed in ("1", "4242")]

    assert traces[0] == traces[1]
    assert '"trace"' in traces[0]


def trace_elsewhere(profile: str, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--seed", "3", "--profile", profile],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    return done.stdout


@pytest.mark.slow
def test_another_seed_is_another_life():
    traces = {World(seed, "CLEAN").run().trace for seed in (1, 2)}

    assert len(traces) == 2


@pytest.mark.slow
@pytest.mark.parametrize("bug", [*PLANTED, *WIRED], ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_by_a_seed_that_is_sound_without_it(bug: Planted):
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        found = next(finds(bug), None)

    assert found is not None, f"{bug.name} is not found; plant it with `--plant {bug.name}`"
    assert violation_of(found, bug.profile) == ""


def finds(bug: Planted) -> Iterator[int]:
    """Yield the seeds that find a planted bug by its invariant, beginning with the one named."""
    for seed in chain((bug.seed,), HUNTED):
        if violation_of(seed, bug.profile).startswith(f"{bug.invariant}:"):
            yield seed
