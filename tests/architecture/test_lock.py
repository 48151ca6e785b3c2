"""The lock files install the same bytes on every platform, and all that the project asks for."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import REPOSITORY

CORE = "requirements/core.txt"
DEVELOPMENT = "requirements/dev.txt"

PIN = re.compile(r"^([a-z0-9-]+)==([^\s;\\]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
ANNOTATION = re.compile(r"^ *#.*$", re.MULTILINE)


@pytest.fixture(params=[CORE, DEVELOPMENT])
def lock(request: pytest.FixtureRequest) -> str:
    return (REPOSITORY / request.param).read_text()


def test_every_package_has_a_pin_and_a_hash(lock: str):
    assert strays(lock) == []
    assert [name for name, hashes in hashes_by_package(lock).items() if not hashes] == []


def test_compiled_packages_are_locked_for_other_platforms_too(lock: str):
    assert locked_for_one_platform(lock, compiled_packages()) == []


def test_the_core_lock_holds_what_the_project_needs():
    needed = [*project()["project"]["dependencies"], *project()["dependency-groups"]["build"]]

    assert unmet(needed, pins(CORE)) == []


def test_the_development_lock_holds_what_its_group_names():
    group = project()["dependency-groups"]["dev"]

    assert unmet([line for line in group if isinstance(line, str)], pins(DEVELOPMENT)) == []


def test_the_development_lock_holds_the_core_at_the_same_versions():
    assert pins(CORE).items() <= pins(DEVELOPMENT).items()


def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def pins(path: str) -> dict[str, str]:
    return dict(PIN.findall((REPOSITORY / path).read_text()))


def hashes_by_package(lock: str) -> dict[str, set[str]]:
    starts = [*PIN.finditer(lock)]
    ends = [start.start() for start in starts[1:]] + [len(lock)]
    return {
        start[1]: set(HASH.findall(lock, start.start(), end))
        for start, end in zip(starts, ends, strict=True)
    }


def strays(lock: str) -> list[str]:
    """Return the lines that are neither a pin nor a hash: indexes, folders, addresses."""
    lines = ANNOTATION.sub("", lock).splitlines()
    return [
        line
        for line in lines
        if line.strip() and not PIN.match(line) and not HASH.match(line.strip())
    ]


def compiled_packages() -> set[str]:
    """Return the installed packages whose wheel was built for one platform."""
    return {
        canonicalize_name(package.name)
        for package in importlib.metadata.distributions()
        if "Root-Is-Purelib: false" in (package.read_text("WHEEL") or "")
    }


def locked_for_one_platform(lock: str, compiled: set[str]) -> list[str]:
    by_package = hashes_by_package(lock)
    return [name for name in by_package if name in compiled and len(by_package[name]) < 2]


def unmet(requirements: Iterable[str], pinned: dict[str, str]) -> list[str]:
    needed = [Requirement(line) for line in requirements]
    return [
        str(one)
        for one in needed
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"))
    ]


# Each rule against a lock file that breaks it.

ONE, TWO = f"    --hash=sha256:{'1' * 64}", f"    --hash=sha256:{'2' * 64}"


def test_a_missing_hash_is_found():
    assert hashes_by_package(f"click==8.5.1\nh11==0.16.0 \\\n{ONE}")["click"] == set()


def test_a_package_locked_for_one_platform_is_found():
    lock = f"click==8.5.1 \\\n{ONE}\nmsgspec==0.22.0 \\\n{ONE}\nhiredis==3.5.0 \\\n{ONE} \\\n{TWO}"

    assert locked_for_one_platform(lock, {"hiredis", "msgspec"}) == ["msgspec"]
    assert {"msgspec", "pydantic-core"} <= compiled_packages()


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url https://example.org/simple",
        "--find-links /srv/wheels",
        "click @ https://example.org/click.whl",
        "click>=8",
        "    --hash=md5:0123",
    ],
)
def test_a_line_that_is_no_pin_is_found(line: str):
    lock = f"# Made by a tool.\nclick==8.5.1 ; python_version < '4' \\\n{ONE}\n    # via httpx\n"

    assert strays(lock) == []
    assert strays(lock + line) == [line]


def test_a_requirement_that_the_lock_does_not_meet_is_found():
    pinned = {"click": "8.5.1", "pydantic-core": "2.50.4"}

    assert unmet(["click~=8.5", "Pydantic_Core>=2"], pinned) == []
    assert unmet(["click~=8.6", "redis~=8.1"], pinned) == ["click~=8.6", "redis~=8.1"]
