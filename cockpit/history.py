"""The lines that were carried out, kept on disk per account for the command line of later screens.

Only what the grammar could read and the engine took comes here; no command has a secret in it. It
is read before the screen is drawn and written after it has ended: no key waits for a disk.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cockpit.grammar import LINE_MAX
from cockpit.panes.ticket import HISTORY_MAX
from engine.folder import PRIVATE_FILE, PRIVATE_FOLDER, DataFolder

BYTES_MAX: Final = 4 * HISTORY_MAX * LINE_MAX
"""More than any history; what is larger is not one."""
_NAME: Final = re.compile(r"[a-z0-9_]{1,40}")


def history_path(folder: DataFolder, venue: str, mode: str) -> Path | None:
    """Return the file of an account; None for one whose name names no file."""
    if not (_NAME.fullmatch(venue) and _NAME.fullmatch(mode)):
        return None
    return folder.path / "history" / f"{venue}.{mode}"


def read_history(path: Path) -> list[str]:
    """Return the lines, oldest first; none where there is no file or it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line for line in text.split("\n") if line.strip()]
    return [line for line in lines if len(line) <= LINE_MAX and line.isprintable()][-HISTORY_MAX:]


def add_history(path: Path, lines: Sequence[str]) -> None:
    """Add lines to the file, which another screen may have written meanwhile, and bound it.

    Raises:
        OSError: It cannot be written; the file is as it was.
    """
    if not lines:
        return
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    kept = [*read_history(path), *lines][-HISTORY_MAX:]
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in kept)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
