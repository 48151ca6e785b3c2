"""What every test may rely on: its own home, its own settings, and the recorded test inputs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.register_profile("searching", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Return the folder of captures and expected results, which is not part of the repository.

    It lies beside the checkout unless COCKPIT_SHARED names another place. Whoever lacks it may
    skip these tests; CI may not.
    """
    folder = Path(os.environ.get("COCKPIT_SHARED", REPOSITORY.parent / "shared")).resolve()
    if folder.is_dir():
        return folder
    missing = f"needs the recorded inputs in {folder}; COCKPIT_SHARED names another folder"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the settings, the data and the running engine of whoever starts them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if name.startswith("COCKPIT_") and name != "COCKPIT_SHARED":
                environment.delenv(name)
        environment.setenv("HOME", str(home))
        for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
            environment.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        environment.setenv("XDG_RUNTIME_DIR", str(home))
        yield
