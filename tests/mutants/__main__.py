"""`python -m tests.mutants --count N --seed S`: how many random mutants do the tests catch?

The targets are the modules that money hangs on. Each mutant is run against the tests of its own
module first and, while it lives, against wider ones; a hang counts as caught. What survives is
printed with its line: either a test is missing, or the change changes nothing.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter
from typing import Final, NamedTuple

from engine.model.chance import Chance
from tests.mutants.changes import Change, changed, count
from tests.mutants.overlay import ROOT, VARIABLE

SHARE: Final = 0.9
"""Of the mutants that must be caught (reliability requirements, section 5)."""
PATIENCE_S: Final = 300

EXECUTION: Final = "tests/unit/engine/execution"
KERNEL: Final = "tests/unit/engine/kernel"
RUNTIME: Final = "tests/unit/engine/runtime"
STORAGE: Final = "tests/unit/storage"


class Target(NamedTuple):
    """Modules and the tests that stand for them, nearest first."""

    modules: tuple[str, ...]
    tests: tuple[tuple[str, ...], ...]


TARGETS: Final[dict[str, Target]] = {
    "orders": Target(
        (
            "engine/execution/ledger_orders.py",
            "engine/execution/ledger_facts.py",
            "engine/execution/positions.py",
        ),
        ((EXECUTION,), ("tests/property/test_ledger.py", KERNEL)),
    ),
    "gate": Target(
        (
            "engine/execution/risk.py",
            "engine/execution/review.py",
            "engine/execution/order_controls.py",
            "engine/execution/account_controls.py",
            "engine/execution/rounding.py",
        ),
        ((EXECUTION,), ("tests/property/test_risk.py", KERNEL)),
    ),
    "guard": Target(("engine/runtime/guard.py", "engine/runtime/trading.py"), ((RUNTIME,),)),
    "journal": Target(
        (
            "storage/journal.py",
            "storage/journal_format.py",
            "engine/runtime/journal_writer.py",
            "engine/runtime/latch.py",
        ),
        ((STORAGE, RUNTIME), ("tests/property/test_journal.py",)),
    ),
    "reconcile": Target(
        (
            "engine/execution/reconcile.py",
            "engine/kernel/reconcile.py",
            "engine/kernel/evidence.py",
        ),
        ((EXECUTION, KERNEL), ("tests/property",)),
    ),
}


class Mutant(NamedTuple):
    """One changed module."""

    target: str
    path: str
    number: int
    change: Change


def main() -> int:
    """Return 0 if enough of the mutants are caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20, help="mutants of each target")
    parser.add_argument("--target", choices=list(TARGETS), help="only these modules")
    wanted = parser.parse_args()
    caught: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for target in TARGETS if wanted.target is None else [wanted.target]:
        for tests in TARGETS[target].tests:
            assert passes(tests, {}), f"{tests} fail without a mutant"
        for mutant in draw(target, wanted.seed, wanted.count):
            is_caught = any(is_noticed(mutant, tests) for tests in TARGETS[target].tests)
            tried[target] += 1
            caught[target] += is_caught
            if not is_caught:
                line, was, becomes = mutant.change
                say(f"SURVIVES {mutant.path}:{line} ({mutant.number}): {was}  =>  {becomes}")
        say(f"{target}: {caught[target]} of {tried[target]} caught")
    share = caught.total() / tried.total()
    say(f"{share:.1%} of {tried.total()} mutants caught; {SHARE:.0%} must be")
    return 0 if share >= SHARE else 1


def draw(target: str, seed: int, wanted: int) -> list[Mutant]:
    """Return random mutants of a target's modules, none twice."""
    sources = {path: (ROOT / path).read_text("utf-8") for path in TARGETS[target].modules}
    sites = [(path, number) for path, text in sources.items() for number in range(count(text))]
    chance = Chance(seed)
    drawn = []
    for _ in range(min(wanted, len(sites))):
        path, number = sites.pop(chance.below(len(sites)))
        drawn.append(Mutant(target, path, number, changed(sources[path], number)[1]))
    return drawn


def is_noticed(mutant: Mutant, tests: tuple[str, ...]) -> bool:
    """Whether some test fails, or never ends, with a mutant in place."""
    return not passes(tests, {VARIABLE: f"{mutant.path}:{mutant.number}"})


def passes(tests: tuple[str, ...], variables: dict[str, str]) -> bool:
    """Whether tests pass within our patience."""
    options = ("-p", "tests.mutants.overlay", "-p", "no:cacheprovider", "-q", "-x", "--no-header")
    command = (sys.executable, "-m", "pytest", *options, "-m", "not slow and not nightly", *tests)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
