"""Which account a run trades at which addresses, as the settings say."""

import json
import os
import resource
from pathlib import Path

import platformdirs
from msgspec.structs import replace

from engine.folder import APP, key_file
from engine.keys import read_credentials
from engine.model.chance import Chance
from engine.model.errors import ConfigError, StorageUnavailable
from engine.runtime.clock import Clock
from engine.runtime.live import NETWORK, LiveAccount, open_account
from engine.runtime.logs import hide_in_logs
from engine.runtime.trade_rest import TradePorts
from engine.runtime.transport import NetworkTransport
from engine.runtime.venue_day import require_same_account
from engine.settings import AccountSettings, Settings
from engine.venues.base import Endpoints, TradeSpec, VenueSpec
from engine.venues.registry import venue_named
from engine.venues.trading import Credentials
from storage.files import DiskFiles
from storage.whole import write_whole


def account_of_run(settings: Settings, clock: Clock) -> LiveAccount:
    """Return the account that is traded with real money, if everything agrees to that (D15).

    Raises:
        ConfigError: Something that it needs is missing, and what.
        FolderInUse: Another engine trades it.
    """
    spec = venue_named(settings.venue)
    named = settings.venues.get(spec.name)
    if spec.trade is None:
        raise ConfigError(f"{spec.name} cannot be traded live; without --live it is paper")
    if named is None or not named.live:
        raise ConfigError(
            f"--live also needs `live = true` under [venues.{spec.name}] in the settings"
        )
    if settings.risk_file is None:
        raise ConfigError("--live also needs limits of your own: name a `risk_file`")
    credentials = _credentials(spec, settings)
    locks = platformdirs.user_state_path(APP)
    endpoints = endpoints_of(spec, settings)
    trade = trade_of(spec.trade, named)
    return open_account(spec.name, trade, endpoints, credentials, clock, locks)


def ports_to_read(settings: Settings, account: str, clock: Clock) -> TradePorts:
    """Return the way to a venue for somebody who only asks of an account, and locks nothing.

    Args:
        settings: Say venue, key and addresses.
        account: Whose journal the answers are compared with.
        clock: Ours.

    Raises:
        ConfigError: There is no key, or it is of another account.
    """
    spec = venue_named(settings.venue)
    if spec.trade is None:
        raise ConfigError(f"{spec.name} keeps no account that could be asked")
    credentials = _credentials(spec, settings)
    require_same_account(spec.name, credentials, account)
    hide_in_logs((credentials.key, credentials.secret))
    wire = spec.trade.wire(endpoints_of(spec, settings), credentials)
    return TradePorts(spec.name, wire, clock, NetworkTransport(NETWORK), Chance(clock.now_ns()))


def trade_of(trade: TradeSpec, named: AccountSettings) -> TradeSpec:
    """Return how a venue is traded at, with what a person has found out of it."""
    if not named.timer_spares_stops:
        return trade
    return replace(trade, rules=replace(trade.rules, dead_man_covers_stops=False))


def note_account(note: Path, settings: Settings) -> None:
    """Note where the account of a run is, and its key, for a kill that knows no settings (R79).

    Raises:
        ConfigError: It cannot be written.
    """
    spec = venue_named(settings.venue)
    named, endpoints = settings.venues.get(spec.name), endpoints_of(spec, settings)
    file = None if named is None else named.key_file
    told = {
        "venue": spec.name,
        "rest": endpoints.rest,
        "stream": endpoints.stream,
        "key_file": str((file or key_file(spec.name)).absolute()),
        "is_named": file is not None,
    }
    try:
        write_whole(DiskFiles(), note, json.dumps(told).encode())
    except StorageUnavailable as error:
        raise ConfigError(f"{note} cannot be written: {error.problem}") from error


def endpoints_of(spec: VenueSpec, settings: Settings) -> Endpoints:
    """Return where a venue is found."""
    assert spec.endpoints is not None
    named = settings.endpoints.get(spec.name)
    if named is None:
        return spec.endpoints
    return Endpoints(
        rest=(named.rest or spec.endpoints.rest).rstrip("/"),
        stream=(named.stream or spec.endpoints.stream).rstrip("/"),
    )


def _credentials(spec: VenueSpec, settings: Settings) -> Credentials:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump would hold the key.
    named = settings.venues.get(spec.name)
    own = None if named is None else named.key_file
    return read_credentials(
        spec.name, own or key_file(spec.name), os.environ, is_named=own is not None
    )
