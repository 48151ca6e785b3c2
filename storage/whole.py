"""Files that are written at once: there is the whole of the new one, or what was there before."""

from contextlib import suppress
from pathlib import Path

from engine.model.errors import StorageUnavailable
from storage.base import Files


def write_whole(files: Files, path: Path, data: bytes) -> None:
    """Write a file for its owner alone; it survives a power cut from the return on.

    Raises:
        StorageUnavailable: The disk refuses; a file that was there is whole all the same.
    """
    part = path.with_name(f"{path.name}.part")
    if part.name in files.names(part.parent):
        files.remove(part)
    file = files.create(part)
    try:
        file.append(data)
        file.sync()
    finally:
        with suppress(StorageUnavailable):  # The sync has said all that counts.
            file.close()
    files.rename(part, path)
