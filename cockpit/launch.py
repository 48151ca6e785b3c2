"""Starting the engine's process, and putting a screen on it."""

import asyncio
import importlib
import os
import select
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cockpit.link import join
from engine.folder import PRIVATE_FILE, PRIVATE_FOLDER, DataFolder
from engine.model.errors import EngineNotStarted, PortClosed, ScreenRefused
from engine.port import Welcome

if TYPE_CHECKING:
    from cockpit.app import ScreenResult

READY_S: Final = 30
STOPPED_S: Final = 10
KEY_VARIABLES: Final = ("COCKPIT_KEY_", "COCKPIT_SECRET_")
COLUMNS_MIN: Final = 60
ROWS_MIN: Final = 16


def check_terminal() -> None:
    """Refuse what no screen fits on.

    Raises:
        ScreenRefused: No terminal, or one that is too small; the sentence says what to do.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ScreenRefused("there is no terminal here; `cockpit --no-ui` runs without one")
    size = os.get_terminal_size(sys.stdout.fileno())
    if size.columns < COLUMNS_MIN or size.lines < ROWS_MIN:
        raise ScreenRefused(
            f"the terminal is {size.columns}x{size.lines}, the screen needs at least "
            f"{COLUMNS_MIN}x{ROWS_MIN}; enlarge it, or run `cockpit --no-ui`"
        )


def start_engine(folder: DataFolder, options: dict[str, object]) -> None:
    """Start an engine in a session of its own and wait until it can be joined.

    It must run before Textual does: afterwards standard error has no file descriptor.

    Raises:
        EngineNotStarted: It said why not, or nothing in time.
    """
    folder.log.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    reading, writing = os.pipe()
    asked = msgspec.json.encode({**options, "has_screen": True}).decode()
    command = [sys.executable, "-m", "engine", asked]
    with open(folder.log.parent / "engine.stderr", "ab", opener=_private) as errors:
        process = subprocess.Popen(
            [*command, str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    _forget_keys()
    importlib.import_module("cockpit.app")  # Takes as long as the engine's own start.
    told = _read_line(reading)
    if told != "ready":
        reason = told or f"the engine ended without a word; see {folder.log.parent}"
        raise EngineNotStarted(reason, _exit_code(process))


def run_screen(folder: DataFolder) -> "ScreenResult":
    """Show the screen on the engine of a folder until the user leaves it."""
    return show_screen(folder.socket, folder)


def show_screen(socket: Path, folder: DataFolder, *, looks_only: bool = False) -> "ScreenResult":
    """Show the screen on the engine behind a socket until the user leaves it.

    The folder keeps the history of the command line.

    Raises:
        PortClosed: There is no engine, or it takes no more screens.
    """
    return asyncio.run(_show(socket, folder, looks_only))


async def _show(socket: Path, folder: DataFolder, looks_only: bool) -> "ScreenResult":
    from cockpit.app import CockpitApp
    from cockpit.history import add_history, history_path, read_history
    from cockpit.pictures import save_picture

    port = await join(socket, looks_only=looks_only)
    kept = history_path(folder, port.welcome.venue, port.welcome.mode)
    try:
        app = CockpitApp(port, port.welcome)
        save = partial(save_picture, folder.pictures)
        app.save_pictures_with(lambda picture, ts_ns: asyncio.to_thread(save, picture, ts_ns))
        if kept is not None:
            app.use_history(read_history(kept))
        result = await app.run_async()
    finally:
        await port.close()
    if kept is not None:
        try:
            add_history(kept, app.carried_out)
        except OSError as error:
            sys.stderr.write(f"the history of the command line is lost: {error}\n")
    return result or "lost"


def running_engine(folder: DataFolder) -> Welcome | None:
    """Return what the engine that runs on a folder says of itself; None if none does."""

    async def ask() -> Welcome:
        port = await join(folder.socket, "command")
        await port.close()
        return port.welcome

    try:
        return asyncio.run(ask())
    except PortClosed:
        return None


def wait_until_stopped(folder: DataFolder) -> None:
    """Wait until the engine that was asked to stop no longer answers."""

    async def wait() -> None:
        try:
            async with asyncio.timeout(STOPPED_S):
                while True:
                    port = await join(folder.socket, "command")
                    await port.close()
                    await asyncio.sleep(0.05)
        except (PortClosed, TimeoutError):
            return

    asyncio.run(wait())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def _forget_keys() -> None:
    """Leave no key in the environment: the engine has it, and nobody else needs it."""
    for name in [name for name in os.environ if name.startswith(KEY_VARIABLES)]:
        del os.environ[name]


def _read_line(reading: int) -> str:
    with open(reading, "rb", buffering=0) as pipe:
        ready, _, _ = select.select([pipe], [], [], READY_S)
        return pipe.readline().decode("utf-8", "replace").strip() if ready else ""


def _exit_code(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(timeout=5) or 1
    except subprocess.TimeoutExpired:
        process.terminate()
        return 1
