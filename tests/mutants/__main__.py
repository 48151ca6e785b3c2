"""`python -m tests.mutants --count N --seed S`: how many random mutants do the tests catch?

The targets are the modules that money hangs on. Each mutant is run against the tests of its own
module first and, while it lives, against wider ones; a hang counts as caught. What survives is
printed with its line: either a test is missing, or the change changes nothing. One is run again by

    MUTANT=path:number .venv/bin/pytest -p tests.mutants.overlay ...
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import pytest

from engine.model.chance import Chance
from tests.mutants.changes import Change, changed, count
from tests.mutants.overlay import ROOT, VARIABLE

SHARE: Final = 0.9
"""Of the mutants that must be caught (reliability requirements, section 5)."""
PATIENCE: Final = 5
"""A mutant hangs when its tests take so many times as long as those of the unchanged program."""
PATIENCE_S: Final = 20
"""And so much more, for the start of Python on a busy machine."""

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
            "engine/execution/ledger.py",
            "engine/execution/ledger_account.py",
            "engine/execution/ledger_controls.py",
            "engine/execution/ledger_facts.py",
            "engine/execution/ledger_orders.py",
            "engine/execution/order_state.py",
            "engine/execution/positions.py",
        ),
        ((EXECUTION,), ("tests/property/test_ledger.py", KERNEL)),
    ),
    "gate": Target(
        (
            "engine/execution/risk.py",
            "engine/execution/review.py",
            "engine/execution/order_controls.py",
            "engine/execution/rate_controls.py",
            "engine/execution/account_controls.py",
            "engine/execution/rounding.py",
            "engine/execution/limit_use.py",
        ),
        ((EXECUTION,), ("tests/property/test_risk.py", KERNEL)),
    ),
    "guard": Target(
        ("engine/runtime/guard.py", "engine/runtime/trading.py"),
        ((f"{RUNTIME}/test_guard.py", f"{RUNTIME}/test_trading.py"), (RUNTIME,)),
    ),
    "journal": Target(
        (
            "storage/journal.py",
            "storage/journal_format.py",
            "storage/journal_reader.py",
            "engine/runtime/journal_writer.py",
            "engine/runtime/latch.py",
        ),
        (
            (
                f"{STORAGE}/test_journal.py",
                f"{STORAGE}/test_journal_format.py",
                f"{STORAGE}/test_journal_reader.py",
                f"{RUNTIME}/test_journal_writer.py",
                f"{RUNTIME}/test_latch.py",
            ),
            (
                f"{RUNTIME}/test_recovery.py",
                f"{RUNTIME}/test_trading.py",
                "tests/property/test_journal.py",
            ),
        ),
    ),
    "reconcile": Target(
        (
            "engine/execution/reconcile.py",
            "engine/kernel/reconcile.py",
            "engine/kernel/evidence.py",
        ),
        (
            (
                f"{EXECUTION}/test_reconcile.py",
                f"{KERNEL}/test_reconcile.py",
                f"{KERNEL}/test_evidence.py",
            ),
            ("tests/property/test_reconcile.py", KERNEL),
        ),
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
        trial = Trial(TARGETS[target])
        for mutant in draw(target, wanted.seed, wanted.count):
            is_caught = trial.is_caught(mutant)
            tried[target] += 1
            caught[target] += is_caught
            if not is_caught:
                line, was, becomes = mutant.change
                say(f"SURVIVES {mutant.path}:{line} ({mutant.number}): {was}  =>  {becomes}")
        say(f"{target}: {caught[target]} of {tried[target]} caught")
    share = caught.total() / tried.total()
    say(f"{share:.1%} of {tried.total()} mutants caught; {SHARE:.0%} must be")
    return 0 if share >= SHARE else 1


class Trial:
    """Runs mutants of a target against its tests, which pass without one and take so long."""

    def __init__(self, target: Target) -> None:
        self._stages: list[tuple[tuple[str, ...], float]] = []
        for tests in target.tests:
            began = time.monotonic()
            if not passes(tests):
                sys.exit(f"{' '.join(tests)}: fail without a mutant; mend that first")
            self._stages.append((tests, PATIENCE * (time.monotonic() - began) + PATIENCE_S))

    def is_caught(self, mutant: Mutant) -> bool:
        """Whether some test fails, or never ends, with a mutant in place."""
        variables = {VARIABLE: f"{mutant.path}:{mutant.number}"}
        return any(
            not passes(tests, patience_s, variables) for tests, patience_s in self._runs(mutant)
        )

    def _runs(self, mutant: Mutant) -> Iterator[tuple[tuple[str, ...], float]]:
        nearest = own_tests(mutant.path)
        if nearest is not None:
            yield (nearest,), self._stages[0][1]
        yield from self._stages


def own_tests(path: str) -> str | None:
    """Return the tests that mirror a module; None if it has none of its own."""
    module = Path(path)
    tests = Path("tests/unit") / module.parent / f"test_{module.name}"
    return str(tests) if (ROOT / tests).exists() else None


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


def passes(
    tests: tuple[str, ...],
    patience_s: float | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Whether tests pass within our patience."""
    options = ("-p", "tests.mutants.overlay", "-q", "-x", "--no-header")
    command = (sys.executable, "-m", "pytest", *options, "-m", "not slow and not nightly", *tests)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
