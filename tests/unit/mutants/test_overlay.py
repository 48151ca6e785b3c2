"""A mutant stands in for its module, and the file stays as it is."""

import importlib
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import TARGETS, draw, own_tests
from tests.mutants.overlay import ROOT, _Finder, _Mutant


def test_whoever_imports_the_module_gets_the_mutant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "of_money.py"
    path.write_text("PRICE = 7\nSIZE = 1\n", "utf-8")
    finder = _Finder("of_money", _Mutant(path, 1))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    module = importlib.import_module("of_money")
    monkeypatch.delitem(sys.modules, "of_money")

    assert (module.PRICE, module.SIZE) == (7, 2)
    assert module.__file__ == str(path)
    assert path.read_text("utf-8") == "PRICE = 7\nSIZE = 1\n"


def test_every_module_and_all_tests_that_stand_for_it_are_there() -> None:
    for target in TARGETS.values():
        for path in (*target.modules, *(name for stage in target.tests for name in stage)):
            assert (ROOT / path).exists(), path


def test_a_modules_own_tests_are_those_that_mirror_it() -> None:
    assert own_tests("engine/runtime/guard.py") == "tests/unit/engine/runtime/test_guard.py"
    assert own_tests("engine/runtime/nothing.py") is None


def test_a_seed_draws_the_same_mutants_and_none_twice() -> None:
    drawn = draw("guard", 7, 1_000_000)

    assert len({(mutant.path, mutant.number) for mutant in drawn}) == len(drawn)
    assert draw("guard", 7, 20) == drawn[:20]
    assert draw("guard", 8, 20) != drawn[:20]
