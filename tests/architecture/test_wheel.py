"""The wheel carries all that an installed cockpit needs, and works without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY, SHIPPED, sources

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(REPOSITORY))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel unpacked, which comes before the checkout on the path."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def test_the_wheel_is_named_after_the_distribution(wheel: Path):
    assert wheel.name.startswith("cockpit_trader-")
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_carries_every_module_the_styles_and_the_migrations(wheel: Path):
    carried = set(zipfile.ZipFile(wheel).namelist())

    assert {file.path for file in sources(*SHIPPED)} - carried == set()
    assert {"cockpit/cockpit.tcss", "migrations/README.md"} - carried == set()


def test_the_wheel_carries_nothing_of_the_workshop(wheel: Path):
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {*SHIPPED, "migrations"}


def test_an_installed_cockpit_starts_from_its_own_files(site: Path):
    where = "import cockpit, engine, storage; print(cockpit.__file__)"

    assert run(site, "-c", where).startswith(str(site))
    assert "Usage" in run(site, "-m", "cockpit", "--help")


def pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        check=True,
        timeout=300,
    )


def run(site: Path, *arguments: str) -> str:
    """Return what an interpreter prints that finds the wheel's packages first, outside a tree."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
