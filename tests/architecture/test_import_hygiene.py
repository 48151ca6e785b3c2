"""What an import really loads, in an interpreter of its own: the part a static graph cannot see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY, sources

SCREEN_PACKAGES = {"plotext", "textual"}  # Not rich: httpx brings it along for its own command.
SLOW_PACKAGES = {"asyncpg", "httpx", "plotext", "redis", "solders", "textual"}

HEADLESS = [file.module for file in sources("engine", "storage")]

REPORT = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.mark.parametrize("module", HEADLESS)
def test_a_headless_module_loads_nothing_of_the_screen(module: str):
    assert loaded_by(module) & {*SCREEN_PACKAGES, "cockpit"} == set()


def test_the_command_line_loads_nothing_slow():
    assert loaded_by("cockpit.cli") & SLOW_PACKAGES == set()


def test_a_module_that_loads_the_screen_is_found(tmp_path: Path):
    (tmp_path / "planted.py").write_text("def draw():\n    import textual.color\ndraw()")

    assert loaded_by("planted", tmp_path) & SCREEN_PACKAGES == {"textual"}


def loaded_by(module: str, folder: Path = REPOSITORY) -> set[str]:
    """Return the top-level packages in memory after a fresh interpreter imported this module."""
    child = subprocess.run(
        [sys.executable, "-c", REPORT, module],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return set(child.stdout.split())
