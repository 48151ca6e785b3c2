"""`cockpit-kill` against the real program and the fake venue: it needs nobody else to be alive."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.folder import DataFolder
from tests.e2e.kill_site import KillSite, a_kill_site, kill, trade
from tests.e2e.live_site import SYMBOL

pytestmark = pytest.mark.slow


@asynccontextmanager
async def trading(folder: Path) -> AsyncIterator[KillSite]:
    """Run a machine that trades."""
    async with a_kill_site(folder) as site:
        await site.start()
        await trade(site)
        yield site


async def test_an_engine_that_hangs_is_not_needed_and_is_killed_when_it_wakes(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as site:
        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)

        done = await kill(site)

        assert done.code == 0, done.out + done.err
        assert site.open_ids() == []
        assert len(site.stops()) == 1, "what protects the position stays"
        assert "cancelled 2, filled during the kill 0, left 0, VERIFIED" in done.out
        assert f"held: {SYMBOL} +3" in done.out
        placed = dict(site.exchange.placed)
        site.process.send_signal(signal.SIGCONT)
        await site.check_killed()
        assert site.exchange.placed == placed
        await site.end()


async def test_without_an_engine_and_without_its_settings_the_account_of_the_folder_is_cleared(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as site:
        await site.end(signal.SIGKILL)

        done = await kill(site, "--flatten", "--stops", program="cockpit kill")

        assert done.code == 0, done.out + done.err
        assert "no engine runs here" in done.out
        assert (site.open_ids(), site.stops(), site.held()) == ([], [], "0")
        assert "left: nothing" in done.out
        assert DataFolder(site.data).latch.stat().st_mode & 0o777 == 0o600

        await site.start()
        await site.check_killed()
        await site.end()


async def test_a_venue_that_fails_is_asked_until_it_answers(tmp_path: Path) -> None:
    async with trading(tmp_path) as site:
        await site.end(signal.SIGKILL)
        site.broken = ("GET", "POST", "DELETE")
        given_up = await kill(site, "--within", "2s")
        assert given_up.code == 1
        assert "NOT VERIFIED" in given_up.out
        assert len(site.open_ids()) == 2

        killing = asyncio.ensure_future(kill(site))
        await site.more_are_broken(4)
        site.broken = ()
        done = await killing

        assert done.code == 0, done.out + done.err
        assert "NOT VERIFIED for" in done.out
        assert done.out.count(" VERIFIED") == 2
        assert site.open_ids() == []


async def test_a_second_host_kills_when_the_heartbeat_stops(tmp_path: Path) -> None:
    async with trading(tmp_path) as site:
        beat = DataFolder(site.data).heartbeat
        assert beat.read_bytes().startswith(b"alive ")
        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)

        done = await kill(
            site,
            *("--if-silent", "7s", "--heartbeat", str(beat)),
            *("--settings", str(site.settings), "--data-dir", str(tmp_path / "second host")),
        )

        assert done.code == 0, done.out + done.err
        assert "for 7 s" in done.out
        assert site.open_ids() == []


async def test_an_instrument_that_nobody_watches_is_no_obstacle(tmp_path: Path) -> None:
    async with trading(tmp_path) as site:
        done = await kill(site, "--scope", "instrument:OTHERUSDT")
        assert done.code == 0, done.out + done.err
        assert len(site.open_ids()) == 2, "of the other instrument nothing was touched"
        assert not DataFolder(site.data).latch.exists()
