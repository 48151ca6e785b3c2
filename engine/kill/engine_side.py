"""The engine's side of a kill: its latch file, its process, and whether it still lives."""

import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Final

from engine.folder import PRIVATE_FILE, PRIVATE_FOLDER
from engine.kill.clock import KillClock
from engine.model.errors import ConfigError
from engine.model.numbers import NS_PER_S

STOPPED: Final = b"stopped"
"""First word of the heartbeat of an engine that has ended in good order."""
BEAT_BYTES_MAX: Final = 200
LOOK_S: Final = 1.0


def set_latch(path: Path, reason: str, now_ns: int) -> str:
    """Create the latch file durably; returns why it is not on the disk, if it is not.

    That it exists is what counts: what it says is for people, and a full disk may keep none of it.
    """
    problem = ""
    try:
        path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        latch = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            if not os.fstat(latch).st_size:
                note = json.dumps({"ts_ns": now_ns, "reason": reason}, separators=(",", ":"))
                problem = _write(latch, note)
            os.fsync(latch)
        finally:
            os.close(latch)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return problem


def _write(latch: int, note: str) -> str:
    """Write the note; an empty latch is one all the same."""
    try:
        os.write(latch, note.encode())
    except OSError as error:
        return f"the latch says nothing: {error.strerror}"
    return ""


def signal_engine(lock: Path) -> int | None:
    """Send SIGUSR1 to whom the lock names; returns its process id, None where no engine runs."""
    try:
        with lock.open("r+b") as file:
            pid = int(file.read(32).split()[0])
            if _is_free(file.fileno()):  # Then that number may by now be somebody else's.
                return None
            os.kill(pid, signal.SIGUSR1)
    except (OSError, ValueError, IndexError):
        return None
    return pid


def _is_free(fileno: int) -> bool:
    """Whether nobody holds the lock."""
    try:
        fcntl.flock(fileno, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def wait_for_silence(heartbeat: Path, silent_s: int, clock: KillClock) -> str:
    """Wait until a heartbeat has not changed for so long; returns the sentence that says so.

    Only whether it changes counts, by our clock, so that another host's clock may be wrong. A file
    that is not there, or cannot be read, does not change. An engine that has ended in good order
    has said so in it, and is not silent.

    Raises:
        ConfigError: It is a folder.
    """
    if heartbeat.is_dir():
        raise ConfigError(f"{heartbeat} is a folder, not a heartbeat")
    last, since_ns = _beat(heartbeat), clock.now_ns()
    while True:
        clock.sleep(LOOK_S)
        beat, now_ns = _beat(heartbeat), clock.now_ns()
        if beat != last or beat.startswith(STOPPED):
            last, since_ns = beat, now_ns
        elif now_ns - since_ns >= silent_s * NS_PER_S:
            return f"no heartbeat in {heartbeat} for {silent_s} s"


def _beat(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BEAT_BYTES_MAX)
    except OSError:
        return b""
