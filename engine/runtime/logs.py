"""Where log records go: JSON lines in the data folder, and standard error when asked.

Values of variables are never written with an exception: a key or a balance could be among them.
Every record passes the redactor before any of them.
"""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from engine.model.text import clean
from engine.runtime.redactor import Redactor

if TYPE_CHECKING:
    from loguru import Record

ROTATION: Final = "50 MB"
RETENTION: Final = 10
"""Files kept."""


class _FromLibraries(logging.Handler):
    """Hands warnings of the libraries, which use the standard module, to the same sinks."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; its text is a value, never a format."""
        with_error = logger.opt(exception=record.exc_info)
        with_error.log(record.levelname, "library {} {}", record.name, clean(record.getMessage()))


def start_logging(path: Path, *, to_stderr: bool) -> None:
    """Begin to log; called once, at the entry of a process."""
    logger.remove()
    hide_in_logs(())
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)
    logger.add(
        path,
        level="INFO",
        serialize=True,
        rotation=ROTATION,
        retention=RETENTION,
        enqueue=True,
        backtrace=False,
        diagnose=False,
    )
    if to_stderr:
        logger.add(
            sys.stderr,
            level="INFO",
            format=_line,
            colorize=False,
            backtrace=False,
            diagnose=False,
        )


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Let no log show these values, from now on."""
    logger.configure(patcher=Redactor(secrets))


def _line(record: "Record") -> str:
    """Return the format of a record for standard error."""
    text = "{time:HH:mm:ss.SSS} {level: <7} {message}\n"
    return text + ("{extra[traceback]}" if "traceback" in record["extra"] else "")
