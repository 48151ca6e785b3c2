"""Going live: the account, its key, the one engine that may trade it, and what the key may do."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from loguru import logger

from engine.folder import PRIVATE_FOLDER
from engine.kernel.desk import DeskSetup
from engine.keys import account_name
from engine.model.account import RightsSeen
from engine.model.chance import Chance
from engine.model.errors import ConfigError, KeyRefused, VenueUnreachable
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import reason_of
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.host import EngineHost
from engine.runtime.lock import FolderLock
from engine.runtime.logs import hide_in_logs
from engine.runtime.rate_budget import MarketTurns, RateBudget
from engine.runtime.trade_rest import TradePorts, asking
from engine.runtime.transport import NetworkLimits, NetworkTransport
from engine.venues.base import Endpoints, TradeSpec
from engine.venues.trading import Credentials

CURRENCY: Final = "USDT"
"""In which the one venue that is traded keeps its accounts."""

NETWORK: Final = NetworkLimits(open_s=5.0, request_s=10.0, keep_s=75.0)
"""A connection is kept longer than between two measurements of the venue's clock, so that a cancel
finds one open."""

TRIES: Final = 3
TRY_AGAIN_S: Final = 1.0


class LiveAccount(NamedTuple):
    """One account that this process, and no other on this machine, trades."""

    name: str
    spec: TradeSpec
    ports: TradePorts
    lock: FolderLock

    @property
    def market_turns(self) -> MarketTurns | None:
        """What market data of the same venue shares with the account."""
        return None if self.ports.budget is None else MarketTurns(self.ports.budget)

    async def close(self) -> None:
        """Let go of its connections and its lock."""
        await self.ports.transport.close()
        self.lock.release()


def open_account(
    venue: str,
    spec: TradeSpec | None,
    endpoints: Endpoints,
    credentials: Credentials,
    clock: Clock,
    locks: Path,
) -> LiveAccount:
    """Take an account for this process; from now on no log shows its key.

    Args:
        venue: Its name.
        spec: How it is traded at; None where it is not.
        endpoints: Where it is.
        credentials: The account's key.
        clock: The engine's.
        locks: The folder of this user in which the locks of all accounts are.

    Raises:
        ConfigError: The venue is not traded, the key cannot be one of its, or the private stream
            is not the venue's.
        FolderInUse: Another engine trades the account.
    """
    hide_in_logs((credentials.key, credentials.secret))
    if spec is None:
        raise ConfigError(f"{venue} cannot be traded live")
    wire = spec.wire(endpoints, credentials)
    wire.open_stream()  # Where its address is not trusted it says so now.
    name = account_name(credentials)
    try:
        locks.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = FolderLock(locks / f"{venue}-{name}.lock", f"account {name} of {venue}")
    except OSError as error:
        raise ConfigError(f"{locks} cannot be written: {error.strerror}") from error
    transport = NetworkTransport(NETWORK)
    chance, budget = Chance(clock.now_ns()), RateBudget(wire.limits)
    ports = TradePorts(venue, wire, clock, transport, chance, budget)
    return LiveAccount(name, spec, ports, lock)


async def require_rights(ports: TradePorts, *, accepts_withdrawal: bool) -> None:
    """Refuse a key that may do too much, or too little, where the venue tells (R111).

    Raises:
        KeyRefused: The venue refuses the key, or it may not trade.
        ConfigError: It may take money out of the account, and nobody has accepted that.
        VenueUnreachable: The venue did not say.
    """
    rights = await _rights(ports)
    if rights is None:
        logger.warning("rights_not_told {}", ports.venue)
        return
    if rights.may_trade is False:
        raise KeyRefused(f"the key for {rights.venue} may not trade: change its rights there")
    if rights.may_withdraw and not accepts_withdrawal:
        raise ConfigError(
            f"the key for {rights.venue} may withdraw or transfer money: make one that may only "
            "trade, or start with --accept-withdraw-right"
        )


async def _rights(ports: TradePorts) -> RightsSeen | None:
    request = ports.wire.rights()
    if request is None:
        return None
    async with asking(ports) as rest:
        for left in reversed(range(TRIES)):
            try:
                answer = (await rest.ask(request)).answer
            except VenueUnreachable as error:
                if not left:
                    raise VenueUnreachable(f"the rights of the key: {reason_of(error)}") from error
                await ports.clock.sleep(TRY_AGAIN_S)
                continue
            if answer.is_key_bad:
                raise KeyRefused(f"{ports.venue} refuses the key: {answer.reason}")
            if answer.verdict == "confirmed":
                return next((row for row in answer.rows if isinstance(row, RightsSeen)), None)
            await ports.clock.sleep(TRY_AGAIN_S)
    raise VenueUnreachable(f"{ports.venue} does not tell the rights of the key")


def live_setup(setup: DeskSetup, account: LiveAccount) -> DeskSetup:
    """Return what a run trades as at a venue."""
    return msgspec.structs.replace(setup, currency=CURRENCY, rules=account.spec.rules)


def venue_gateway(account: LiveAccount) -> Callable[[EngineHost, Clock], VenueGateway]:
    """Return what makes the way to a venue for a run."""

    def make(host: EngineHost, clock: Clock) -> VenueGateway:
        del clock
        parts = GatewayParts(account.ports, host.state, host.report_all, host.start_task, host.keep)
        return VenueGateway(parts)

    return make
