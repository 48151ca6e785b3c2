"""Pictures of the screen, kept in the data folder for its owner alone: they show an account."""

import os
import time
from pathlib import Path
from typing import Final

from engine.folder import PRIVATE_FILE, PRIVATE_FOLDER
from engine.model.numbers import NS_PER_S

NAMES_MAX: Final = 100
"""Pictures of one second."""


def save_picture(folder: Path, picture: str, ts_ns: int) -> Path:
    """Write an SVG document to a file of its own, named by the engine's time.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    named = time.strftime("%Y%m%d-%H%M%S", time.gmtime(ts_ns // NS_PER_S))
    for number in range(1, NAMES_MAX + 1):
        path = folder / (f"{named}.svg" if number == 1 else f"{named}-{number}.svg")
        try:
            handle = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE
            )
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(picture)
        return path
    raise FileExistsError(f"there are {NAMES_MAX} pictures of this second already")
