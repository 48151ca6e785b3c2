"""Going live: one engine for an account, and no key that may do too much or too little."""

from pathlib import Path

import pytest

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET, KeyRights
from engine.kernel.desk import DeskSetup
from engine.keys import account_name
from engine.model.errors import ConfigError, FolderInUse, KeyRefused, VenueUnreachable
from engine.runtime.clock import LoopClock
from engine.runtime.live import LiveAccount, live_setup, open_account, require_rights
from engine.runtime.virtual_loop import run
from engine.venues.base import Endpoints
from engine.venues.binance.spec import FUTURES
from engine.venues.trading import Credentials
from tests.builders import START_NS
from tests.unit.engine.runtime.gateway_desk import VENUE, Desk, simulated

CREDENTIALS = Credentials(TEST_KEY, TEST_SECRET)
FAKE = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")


def opened(locks: Path, credentials: Credentials = CREDENTIALS) -> LiveAccount:
    clock = LoopClock(START_NS)
    return open_account(VENUE, FUTURES.trade, FAKE, credentials, clock, locks)


def asked(rights: KeyRights, locks: Path, *, accepts_withdrawal: bool = False, dead: str = ""):
    """Ask for the rights of a key."""

    async def scenario(desk: Desk) -> None:
        desk.exchange.rights = rights
        desk.network.dead = dead
        await require_rights(desk.gateway._parts.ports, accepts_withdrawal=accepts_withdrawal)

    simulated(scenario)


def test_an_account_is_traded_by_one_engine_whatever_its_data_folder(tmp_path: Path) -> None:
    async def main() -> None:
        locks = tmp_path / "state" / "cockpit"
        account = opened(locks)
        with pytest.raises(FolderInUse, match=f"runs on account {account.name} of {VENUE}"):
            opened(locks)
        other = opened(locks, Credentials("k" * 64, "s" * 64))
        await other.close()
        await account.close()
        await opened(locks).close()

    run(main)


def test_a_venue_that_is_not_traded_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="okx cannot be traded live"):
            open_account("okx", None, FAKE, CREDENTIALS, LoopClock(START_NS), tmp_path)

    run(main)


@pytest.mark.parametrize(
    "stream", ["ws://fstream.binance.com", "wss://fstream.binance.com.evil.example"]
)
def test_a_private_stream_that_is_not_the_venues_is_refused(tmp_path: Path, stream: str) -> None:
    where = Endpoints(FAKE.rest, stream)

    async def main() -> None:
        with pytest.raises(ConfigError, match="no private stream may be at"):
            open_account(VENUE, FUTURES.trade, where, CREDENTIALS, LoopClock(START_NS), tmp_path)

    run(main)
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_the_least_rights_is_taken(tmp_path: Path) -> None:
    asked(KeyRights(), tmp_path)


def test_a_key_that_may_withdraw_is_refused_unless_a_person_accepts_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--accept-withdraw-right"):
        asked(KeyRights(may_withdraw=True), tmp_path)

    asked(KeyRights(may_withdraw=True), tmp_path, accepts_withdrawal=True)


def test_a_key_that_may_not_trade_is_refused_whatever_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="may not trade"):
        asked(KeyRights(may_trade=False), tmp_path, accepts_withdrawal=True)


def test_a_key_that_the_venue_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="refuses the key"):
        asked(KeyRights(is_revoked=True), tmp_path)


def test_without_an_answer_nothing_is_traded(tmp_path: Path) -> None:
    with pytest.raises(VenueUnreachable, match="the rights of the key"):
        asked(KeyRights(), tmp_path, dead="apiRestrictions")


def test_a_run_at_a_venue_knows_its_rules_and_currency(tmp_path: Path) -> None:
    async def main() -> None:
        account = opened(tmp_path)
        setup = live_setup(DeskSetup(venue=VENUE, is_live=True), account)
        await account.close()

        assert FUTURES.trade is not None
        assert setup.rules == FUTURES.trade.rules
        assert setup.currency == "USDT"
        assert not setup.starts_armed
        assert account.name == account_name(CREDENTIALS)

    run(main)
