"""`python -m tests.sim --seed N --profile P`: live through one seed, or `--count` of them."""

import argparse
import sys
from collections import Counter
from typing import Final

import msgspec
import pytest

from tests.sim.checkers import Violation
from tests.sim.planted import PLANTED
from tests.sim.planted_wire import WIRED
from tests.sim.profiles import PROFILES
from tests.sim.world import World

BUGS: Final = (*PLANTED, *WIRED)


def main() -> int:
    """Return 0 if no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1, help="so many seeds from there on")
    parser.add_argument("--profile", choices=PROFILES, default="CLEAN")
    parser.add_argument("--plant", choices=[bug.name for bug in BUGS], help="with this bug in")
    wanted = parser.parse_args()
    bug = next((bug for bug in BUGS if bug.name == wanted.plant), None)
    with pytest.MonkeyPatch.context() as patch:
        if bug is not None:
            bug.plant(patch)
        return live_through(wanted.profile, range(wanted.seed, wanted.seed + wanted.count))


def live_through(profile: str, seeds: range) -> int:
    """Print what became of every seed; return 1 if one failed."""
    failed = 0
    seen: Counter[str] = Counter()
    for seed in seeds:
        try:
            outcome = World(seed, profile).run()
        except Violation as violation:
            failed += 1
            say(f"{violation}")
            say(f"  python -m tests.sim --seed {seed} --profile {profile}")
            continue
        seen.update(outcome.seen)
        if len(seeds) == 1:
            say(msgspec.json.format(msgspec.json.encode(outcome)).decode())
    if len(seeds) > 1:
        say(msgspec.json.format(msgspec.json.encode(seen)).decode())
        say(f"{len(seeds)} seeds, {failed} failed")
    return 1 if failed else 0


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
