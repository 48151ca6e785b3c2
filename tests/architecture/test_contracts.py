"""Each import contract is broken once, in a copy, to show that it would be noticed.

`make contracts` is what keeps them; this only proves that it can fail.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY, SHIPPED

PLANTED = {
    "layers": ("engine/ingest/book.py", "import engine.kernel.kernel"),
    "screen-is-a-client": ("cockpit/app.py", "import engine.kernel.kernel"),
    "screen-wires-nothing": ("cockpit/app.py", "import engine.bootstrap"),
    "pure": ("engine/kernel/kernel.py", "import time"),
    "kill-is-alone": ("engine/kill/venue.py", "import engine.kernel.desk"),
    "storage-decides-nothing": ("storage/recording.py", "import engine.ingest.book"),
    "venues-are-strangers": (
        "engine/venues/simulated/__init__.py",
        "import engine.venues.binance.spec",
    ),
    "headless": ("engine/runtime/__init__.py", "import rich.text"),
    "uncompiled": ("engine/detection/wall.py", "import numba"),
}

pytestmark = pytest.mark.slow


def test_every_contract_is_tried():
    assert contracts().keys() == PLANTED.keys()


def test_every_part_of_the_engine_has_a_layer():
    parts = {path.stem for path in (REPOSITORY / "engine").iterdir() if is_module(path)}
    layered = set(re.findall(r"\bengine\.(\w+)", " ".join(contracts()["layers"]["layers"])))

    assert parts - {"__init__", "__main__"} == layered


def test_every_venue_is_a_stranger_to_the_others():
    folders = {path.name for path in (REPOSITORY / "engine/venues").iterdir() if path.is_dir()}
    strangers = contracts()["venues-are-strangers"]["modules"]

    assert {name.rpartition(".")[2] for name in strangers} == folders - {"__pycache__"}


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(contract: str, tmp_path: Path):
    path, line = PLANTED[contract]
    copy_of_the_tree(tmp_path)

    assert "1 kept, 0 broken" in report_on(contract, tmp_path)
    with (tmp_path / path).open("a") as file:
        file.write(f"\n{line}\n")
    assert "0 kept, 1 broken" in report_on(contract, tmp_path)


def contracts() -> dict[str, dict]:
    """Return the contracts of pyproject.toml by their ids."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()


def copy_of_the_tree(folder: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    for package in SHIPPED:
        shutil.copytree(REPOSITORY / package, folder / package)


def report_on(contract: str, folder: Path) -> str:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [linter, "--no-cache", "--no-logo", "--contract", contract],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
