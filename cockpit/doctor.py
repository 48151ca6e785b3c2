"""`cockpit doctor`: what could be wrong on this machine, each finding with its mend."""

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal

import msgspec

from cockpit.launch import COLUMNS_MIN, ROWS_MIN, running_engine
from engine.folder import PRIVATE_FOLDER, DataFolder
from engine.model.errors import ConfigError

FREE_BYTES_MIN: Final = 1024**3
PACKAGES: Final = ("textual", "rich", "websockets", "httpx", "pydantic", "msgspec", "loguru")


class Finding(msgspec.Struct, frozen=True):
    """One check and what came of it."""

    name: str
    level: Literal["ok", "yellow", "red"]
    text: str
    mend: str = ""


def examine(folder: DataFolder) -> list[Finding]:
    """Run every check."""
    checks: tuple[Callable[[DataFolder], Finding], ...] = (
        _interpreter,
        _packages,
        _terminal,
        _encoding,
        _data_folder,
        _disk,
        _settings,
        _engine,
    )
    return [check(folder) for check in checks]


def report_text(findings: list[Finding], *, as_json: bool) -> str:
    """Return the findings as one JSON document, or as lines for people."""
    if as_json:
        return msgspec.json.encode({"findings": findings}).decode()
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<6} {finding.name}: {finding.text}")
        if finding.mend:
            lines.append(f"       mend: {finding.mend}")
    return "\n".join(lines)


def _interpreter(_: DataFolder) -> Finding:
    return Finding("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))


def _packages(_: DataFolder) -> Finding:
    told, missing = [], []
    for name in PACKAGES:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        text = f"missing: {', '.join(missing)}"
        return Finding("packages", "red", text, "install again: pip install cockpit-trader")
    return Finding("packages", "ok", ", ".join(told))


def _terminal(_: DataFolder) -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "yellow", "standard output is no terminal")
    size = os.get_terminal_size(sys.stdout.fileno())
    text = f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', '')}"
    if size.columns < COLUMNS_MIN or size.lines < ROWS_MIN:
        return Finding("terminal", "red", text, f"enlarge it to {COLUMNS_MIN}x{ROWS_MIN} or more")
    return Finding("terminal", "ok", text)


def _encoding(_: DataFolder) -> Finding:
    encoding = (sys.stdout.encoding or "").lower()
    if encoding.replace("-", "") == "utf8":
        return Finding("encoding", "ok", "UTF-8")
    return Finding("encoding", "yellow", encoding or "unknown", "set LANG to a UTF-8 locale")


def _data_folder(folder: DataFolder) -> Finding:
    if not folder.path.exists():
        return Finding("data folder", "ok", f"{folder.path} is made at the first start")
    state = folder.path.stat()
    if state.st_uid != os.getuid():
        text = f"{folder.path} belongs to another user"
        return Finding("data folder", "red", text, "name another one with --data-dir")
    if state.st_mode & 0o777 != PRIVATE_FOLDER:
        text = f"{folder.path} has mode {state.st_mode & 0o777:o}"
        return Finding("data folder", "red", text, f"chmod 700 {folder.path}")
    return Finding("data folder", "ok", f"{folder.path}, for this user alone")


def _disk(folder: DataFolder) -> Finding:
    path = folder.path
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < FREE_BYTES_MIN:
        return Finding("disk", "red", text, "make room: recordings and journal need it")
    return Finding("disk", "ok", text)


def _settings(_: DataFolder) -> Finding:
    from engine.settings import load_settings

    try:
        settings = load_settings(None, {})
    except ConfigError as error:
        return Finding("settings", "red", str(error), "correct the file")
    return Finding("settings", "ok", f"venue {settings.venue}")


def _engine(folder: DataFolder) -> Finding:
    running = running_engine(folder)
    text = "none runs on this folder"
    if running is not None:
        text = f"runs, venue {running.venue}, {running.mode}"
    return Finding("engine", "ok", text)
