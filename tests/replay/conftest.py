"""Each recorded capture is read and replayed once per session, whoever asks."""

from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.research.replay import Capture
from engine.research.replay_report import document_of
from storage.recording import CapturedFrame

Clean = Callable[[str], dict[str, Any]]
Frames = Callable[[str, int], tuple[CapturedFrame, ...]]


@pytest.fixture(scope="session")
def capture(shared_dir: Path) -> Callable[[str], Capture]:
    """Return captures by name."""
    return cache(lambda name: Capture([shared_dir / "captures" / f"{name}.jsonl.gz"]))


@pytest.fixture(scope="session")
def clean(capture: Callable[[str], Capture]) -> Clean:
    """Return what a replay of the undamaged capture says, by name."""
    return cache(lambda name: document_of(capture(name), capture(name).frames(), "test"))


@pytest.fixture(scope="session")
def frames(capture: Callable[[str], Capture]) -> Frames:
    """Return the first frames of a capture, by name and number."""
    return cache(lambda name, count: tuple(islice(capture(name).frames(), count)))
