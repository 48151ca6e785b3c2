"""Which accounts a kill is for: those that the settings trade live, and the one traded from here.

The settings are read without the checks of the engine's own reader: a word in them that nobody
knows shall not stand in the way of a kill. An engine that trades live notes its account in the data
folder, because it may have been started with settings that are not named to the kill.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.folder import DataFolder, key_file, settings_files
from engine.model.errors import ConfigError
from engine.venues.base import Endpoints
from engine.venues.binance import trade_wire as binance
from engine.venues.trading import Credentials, TradeWire

PREFIX: Final = "COCKPIT_"
YES: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
"""What a variable says for yes."""


class Venue(NamedTuple):
    """A venue that can be traded."""

    endpoints: Endpoints
    wire: type[binance.BinanceTradeWire]
    validity_ns: int
    clears_stops: bool
    """Whether its cancel of all orders may take conditional ones along."""


VENUES: Final[Mapping[str, Venue]] = {
    binance.VENUE: Venue(
        binance.ENDPOINTS,
        binance.BinanceTradeWire,
        binance.VALIDITY_MS * 1_000_000,
        binance.CANCEL_ALL_COVERS_STOPS,
    ),
}


class Account(NamedTuple):
    """One account to be cleared."""

    venue: str
    endpoints: Endpoints
    key_file: Path
    is_named: bool

    def wire(self, credentials: Credentials) -> TradeWire:
        """Return what speaks for it."""
        return VENUES[self.venue].wire(self.endpoints, credentials)


class Sources:
    """The settings, strongest first: variables, then files.

    Args:
        named: The file named by `--settings`.
        environment: The process's own.

    Raises:
        ConfigError: A file is not there, or is no TOML.
    """

    def __init__(self, named: Path | None, environment: Mapping[str, str]) -> None:
        self._environment = {name.upper(): value for name, value in environment.items()}
        self._documents = [_toml(path) for path in settings_files(named)]

    def find(self, *keys: str) -> object:
        """Return a setting; None where nobody says it."""
        said = self._environment.get(PREFIX + "__".join(keys).upper())
        if said is not None:
            return said
        for document in self._documents:
            value = _within(document, keys)
            if value is not None:
                return value
        return None

    def accounts(self) -> list[Account]:
        """Return the accounts that are traded live."""
        return [self._account(venue) for venue in VENUES if self._is_live(venue)]

    def limit(self, name: str) -> Decimal | None:
        """Return a limit of the risk file; None where it says none that is positive."""
        path = self.find("risk_file")
        try:
            value = _toml(Path(str(path))).get(name) if path is not None else None
            limit = Decimal(str(value))
        except (ConfigError, InvalidOperation):
            return None
        return limit if limit.is_finite() and limit > 0 else None

    def _is_live(self, venue: str) -> bool:
        return str(self.find("venues", venue, "live")).lower() in YES

    def _account(self, venue: str) -> Account:
        usual = VENUES[venue].endpoints
        found = [self.find("endpoints", venue, kind) for kind in ("rest", "stream")]
        rest, stream = (value if isinstance(value, str) else "" for value in found)
        named = self.find("venues", venue, "key_file")
        return Account(
            venue,
            Endpoints((rest or usual.rest).rstrip("/"), (stream or usual.stream).rstrip("/")),
            key_file(venue) if named is None else Path(str(named)).absolute(),
            named is not None,
        )


def noted(folder: DataFolder) -> list[Account]:
    """Return the account that the engine of a folder trades, or traded last.

    Raises:
        ConfigError: The note is there and cannot be read.
    """
    try:
        note = json.loads(folder.live.read_text("utf-8"))
        endpoints = Endpoints(str(note["rest"]), str(note["stream"]))
        venue, file, is_named = str(note["venue"]), str(note["key_file"]), bool(note["is_named"])
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{folder.live} cannot be read: {error}") from error
    if venue not in VENUES:
        raise ConfigError(f"{folder.live} names {venue!r}, which this program cannot trade at")
    return [Account(venue, endpoints, Path(file), is_named)]


def unlike(accounts: Iterable[Account]) -> Sequence[Account]:
    """Return each account once."""
    return list(dict.fromkeys(accounts))


def own_environment() -> dict[str, str]:
    """Return the process's variables; a key in them stays there for the next account."""
    return dict(os.environ)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _within(document: object, keys: Sequence[str]) -> object:
    """Return what a document says under these keys, whatever their case."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        named = {str(name).lower(): value for name, value in document.items()}
        document = named.get(key.lower())
    return document
