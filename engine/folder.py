"""The data folder: everything that the cockpit writes, and where a running engine is found."""

import os
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import platformdirs

from engine.model.errors import ConfigError

APP: Final = "cockpit-trader"
SETTINGS: Final = "cockpit.toml"
ENVIRONMENT: Final = "COCKPIT_DATA_DIR"

SOCKET_PATH_MAX: Final = 100
"""Bytes of a Unix socket's path that every system takes; Linux ends at 107."""

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
PRIVATE_UMASK: Final = 0o077


class DataFolder:
    """One engine's folder.

    Args:
        path: The folder; by default `COCKPIT_DATA_DIR`, else the user's data folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        named = path or os.environ.get(ENVIRONMENT) or platformdirs.user_data_path(APP)
        self.path = Path(named).expanduser().absolute()

    @property
    def lock(self) -> Path:
        """Held for as long as an engine runs here."""
        return self.path / "engine.lock"

    @property
    def log(self) -> Path:
        """The engine's log, JSON lines, rotated."""
        return self.path / "log" / "engine.jsonl"

    @property
    def journal(self) -> Path:
        """One file per run: what was intended and what was seen."""
        return self.path / "journal"

    @property
    def recordings(self) -> Path:
        """What came from venues and what was made of it, by venue, day and hour."""
        return self.path / "recordings"

    @property
    def captures(self) -> Path:
        """What `cockpit record` keeps, if no other folder is named."""
        return self.path / "captures"

    @property
    def latch(self) -> Path:
        """While this file exists the kill switch is on."""
        return self.path / "kill.latch"

    @property
    def heartbeat(self) -> Path:
        """Changes for as long as the engine's loop runs."""
        return self.path / "heartbeat"

    @property
    def live(self) -> Path:
        """Which account is traded from here, and where its key is."""
        return self.path / "live.json"

    @property
    def pictures(self) -> Path:
        """Where the screen saves pictures of itself."""
        return self.path / "pictures"

    @property
    def socket(self) -> Path:
        """Where screens join; a path too long for a socket is replaced by a short one."""
        path = self.path / "engine.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
            return path
        name = sha256(os.fsencode(path)).hexdigest()[:24]
        return _runtime_folder() / f"{name}.sock"

    def make(self) -> None:
        """Make the folder and those in it, for the owner alone.

        Raises:
            ConfigError: It cannot be made or written, or belongs to somebody else.
        """
        try:
            for folder in (self.path, self.log.parent, self.socket.parent):
                folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"data folder {self.path}: {error.strerror}") from error
        for folder in (self.path, self.socket.parent):
            if folder.stat().st_uid != os.getuid():
                raise ConfigError(f"{folder} belongs to another user")
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise ConfigError(f"data folder {self.path} cannot be written")


def settings_files(named: Path | None) -> list[Path]:
    """Return the files of settings that there are, strongest first.

    Args:
        named: By `--settings`; without it `./cockpit.toml` stands first.

    Raises:
        ConfigError: It is not there, somebody else could have written the one that is, or a folder
            in which one may be cannot be looked into.
    """
    if named is not None and not _is_file(named):
        raise ConfigError(f"there is no settings file {named}")
    local = Path(SETTINGS)
    if named is None and _is_file(local):
        if local.stat().st_uid != os.getuid():
            raise ConfigError(f"{local.absolute()} belongs to another user and is not read")
        named = local
    others = [platformdirs.user_config_path(APP) / SETTINGS, Path("/etc") / APP / SETTINGS]
    return [path for path in (named, *others) if path is not None and _is_file(path)]


def key_file(venue: str) -> Path:
    """Return where the key of a venue is, if the settings name no other file."""
    return platformdirs.user_config_path(APP) / f"{venue}.key"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError(f"{path} cannot be looked for: {error.strerror}") from error


def _runtime_folder() -> Path:
    """Return a short folder of this user alone."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and len(os.fsencode(runtime)) < SOCKET_PATH_MAX // 2:
        return Path(runtime) / APP
    return Path(gettempdir()) / f"{APP}-{os.getuid()}"
