"""What every test of the screen may rely on: the same terminal whoever starts it."""

import pytest


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the terminal of whoever starts the tests asks for."""
    for name in ("NO_COLOR", "TEXTUAL_DRIVER", "COLUMNS", "LINES", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
