"""What every test of the screen may rely on: the same terminal whoever starts it, and no clock.

The app runs on the virtual loop. Its time passes only when nothing is left to do, so that "the
screen has settled" is a fact and not a guess from how busy the processor is.
"""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from engine.runtime.virtual_loop import VirtualLoop

SETTLED_S = 0.025
"""Thrice the 1/120 s after which Textual acts on what has changed: it places, draws and shows."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the app in virtual time."""
    return {"virtual": VirtualLoop}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the terminal of whoever starts the tests asks for."""
    for name in ("NO_COLOR", "TEXTUAL_DRIVER", "COLUMNS", "LINES", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Textual tell the time by the loop, and its pilot wait for the loop to have settled."""
    monkeypatch.setattr("textual._time.get_time", loop_time)
    monkeypatch.setattr("textual.command.monotonic", loop_time)
    for user in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{user}.wait_for_idle", settled)


def loop_time() -> float:
    """Return the time of the running loop; outside of one, its beginning."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0


async def settled(min_sleep: float = 0.0, max_sleep: float = 0.0) -> None:
    """Wait until all that is ready has run and what it changed is drawn."""
    await asyncio.sleep(max(SETTLED_S, min_sleep))
