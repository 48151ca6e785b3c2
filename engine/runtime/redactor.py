"""Takes secrets out of what is logged: known values, and what looks like one (R112).

A traceback becomes text here, so that it passes the same filter; values of variables are never in
it.
"""

import re
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loguru import Record

HIDDEN: Final = "***"
LETTERS_MIN: Final = 6
"""A shorter value would take ordinary words with it."""
_PATTERN: Final = re.compile(
    r"((?:signature|listenKey|x-mbx-apikey|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+",
    re.IGNORECASE,
)


class Redactor:
    """A patcher of loguru's records.

    Args:
        secrets: Values that must not appear anywhere.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = [value for value in secrets if len(value) >= LETTERS_MIN]
        lines = [
            line
            for value in whole
            for line in value.splitlines()
            if len(line) >= LETTERS_MIN and not line.startswith("-----")
        ]
        self._values = sorted({*whole, *lines}, key=len, reverse=True)

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return "Redactor(***)"

    def __call__(self, record: "Record") -> None:
        """Change a record before any sink sees it."""
        record["message"] = self.clean(record["message"])
        error = record["exception"]
        if error is not None:
            lines = traceback.format_exception(error.type, error.value, error.traceback)
            record["extra"]["traceback"] = self.clean("".join(lines))
            record["exception"] = None

    def clean(self, text: str) -> str:
        """Return a text without secrets."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        return _PATTERN.sub(rf"\1{HIDDEN}", text)
