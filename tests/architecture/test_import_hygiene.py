"""What an import really loads, in an interpreter of its own: the part a static graph cannot see."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import REPOSITORY, sources

SCREEN_PACKAGES = {"plotext", "textual"}  # Not rich: httpx brings it along for its own command.
SLOW_PACKAGES = {"asyncpg", "httpx", "plotext", "redis", "solders", "textual"}

HEADLESS = [file.module for file in sources("engine", "storage")]

REPORT = """
import importlib, os, sys
for shared in sys.argv[1].split():
    importlib.import_module(shared)
for module in sys.argv[2:]:
    if os.fork() == 0:
        importlib.import_module(module)
        print(module, *{name.partition(".")[0] for name in sys.modules}, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, module
"""
"""Each module is imported in a fork that has nothing of ours, and the shared packages for free."""


def test_a_headless_module_loads_nothing_of_the_screen():
    loaded = loaded_by(*HEADLESS, shared="asyncio httpx msgspec")

    foreign = {name: loaded[name] & {*SCREEN_PACKAGES, "cockpit"} for name in HEADLESS}
    assert {name: packages for name, packages in foreign.items() if packages} == {}


def test_the_command_line_loads_nothing_slow():
    assert loaded_by("cockpit.cli")["cockpit.cli"] & SLOW_PACKAGES == set()


def test_a_module_that_loads_the_screen_is_found(tmp_path: Path):
    (tmp_path / "planted.py").write_text("def draw():\n    import textual.color\ndraw()")

    assert loaded_by("planted", folder=tmp_path)["planted"] & SCREEN_PACKAGES == {"textual"}


def loaded_by(*modules: str, shared: str = "", folder: Path = REPOSITORY) -> dict[str, set[str]]:
    """Return the top-level packages in memory after each module was imported afresh."""
    child = subprocess.run(
        [sys.executable, "-c", REPORT, shared, *modules],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    lines = [line.split() for line in child.stdout.splitlines()]
    return {module: set(packages) for module, *packages in lines}
