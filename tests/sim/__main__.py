"""`python -m tests.sim --seed N --profile P`: live through one seed, or `--count` of them."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Final, NamedTuple

import msgspec
import pytest

from tests.sim.checkers import Violation
from tests.sim.planted import PLANTED
from tests.sim.planted_wire import WIRED
from tests.sim.profiles import PROFILES
from tests.sim.world import Outcome, World

BUGS: Final = (*PLANTED, *WIRED)
ALL: Final = "ALL"
CHUNK: Final = 10


class Life(NamedTuple):
    """What became of one seed: it came to an end, or was found wanting."""

    seed: int
    profile: str
    outcome: Outcome | None = None
    violation: str = ""


def main() -> int:
    """Return 0 if no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1, help="so many seeds from there on")
    parser.add_argument(
        "--profile", choices=[*PROFILES, ALL], default="CLEAN", help="ALL: each in turn"
    )
    parser.add_argument("--jobs", type=int, default=1, help="so many processes at once")
    parser.add_argument("--plant", choices=[bug.name for bug in BUGS], help="with this bug in")
    wanted = parser.parse_args()
    profiles = PROFILES if wanted.profile == ALL else (wanted.profile,)
    seeds = [
        (wanted.seed + number // len(profiles), profiles[number % len(profiles)])
        for number in range(wanted.count)
    ]
    if wanted.jobs > 1 and wanted.plant is None:
        with ProcessPoolExecutor(wanted.jobs) as pool:
            return tell(pool.map(live_through, *zip(*seeds, strict=True), chunksize=CHUNK))
    bug = next((bug for bug in BUGS if bug.name == wanted.plant), None)
    with pytest.MonkeyPatch.context() as patch:
        if bug is not None:
            bug.plant(patch)
        return tell(live_through(*one) for one in seeds)


def live_through(seed: int, profile: str) -> Life:
    """Live through a seed."""
    try:
        return Life(seed, profile, World(seed, profile).run())
    except Violation as violation:
        return Life(seed, profile, violation=str(violation))


def tell(lives: Iterable[Life]) -> int:
    """Print what became of every seed; return 1 if one failed."""
    total, sound = 0, []
    for life in lives:
        total += 1
        if life.outcome is not None:
            sound.append(life.outcome)
        else:
            say(life.violation)
            say(f"  python -m tests.sim --seed {life.seed} --profile {life.profile}")
    if total > 1:
        sums = Counter[str]()
        for one in sound:
            sums.update(one.seen)
        say(msgspec.json.format(msgspec.json.encode(sums)).decode())
        say(
            f"{total} seeds, {total - len(sound)} failed; {sum(one.lives for one in sound)} lives,"
            f" {sum(one.events for one in sound)} events, {sum(one.frames for one in sound)} frames"
            f" in {sum(one.virtual_s for one in sound) / 3_600:.1f} hours"
        )
    elif sound:
        say(msgspec.json.format(msgspec.json.encode(sound[0])).decode())
    return 0 if len(sound) == total else 1


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
