"""`cockpit-kill` against the real program and the fake venue: it needs nobody else to be alive."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.fake.trading.exchange import VenueRequest
from engine.folder import DataFolder
from engine.venues.trading import HttpReply
from tests.e2e.engines import WAIT_S, Finished, cockpit, until
from tests.e2e.live_site import ACCOUNT, SYMBOL, Site, a_site

pytestmark = pytest.mark.slow


async def kill(site: Site, *arguments: str, program: str = "cockpit-kill") -> Finished:
    """Run the kill program to its end, in an environment without any other settings."""
    command = [sys.executable, "-m", "cockpit", "kill"]
    if program == "cockpit-kill":
        command = [sys.executable, "-c", "import engine.kill.program as p, sys; sys.exit(p.main())"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "--data-dir", str(site.data), *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        cwd=site.data.parent,
        env={**os.environ, "XDG_CONFIG_HOME": str(site.data.parent / "config")},
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@asynccontextmanager
async def trading(folder: Path) -> AsyncIterator[Site]:
    """Trade: a position with its stop, and two orders that rest."""
    async with a_site(folder) as site:
        await site.start()
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        await site.insist("buy 3 abc @ 101.0", "--confirm", "C1")
        await until(lambda: bool(site.exchange.account.trades), "a fill")
        await site.insist("stop sell pos @ 98", "--confirm", "C1")
        for price in ("99.5", "99.4"):
            await site.insist(f"buy 7 abc @ {price}", "--confirm", "C1")
        await until(lambda: len(site.open_ids()) == 2, "orders that rest")
        await until(lambda: len(stops(site)) == 1, "a stop")
        yield site


def stops(site: Site) -> list[str]:
    """Return the conditional orders that wait at the venue."""
    return [one.client_algo_id for one in site.exchange.algos.open_algos(SYMBOL)]


def held(site: Site) -> str:
    """Return the position at the venue."""
    return f"{site.exchange.account.position(SYMBOL).qty:f}"


async def test_an_engine_that_hangs_is_not_needed_and_is_killed_when_it_wakes(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as site:
        assert site.process is not None
        site.process.send_signal(signal.SIGSTOP)

        done = await kill(site)

        assert done.code == 0, done.out + done.err
        assert site.open_ids() == []
        assert len(stops(site)) == 1, "what protects the position stays"
        assert "cancelled 2, filled during the kill 0, left 0, VERIFIED" in done.out
        assert f"held: {SYMBOL} +3" in done.out
        placed = dict(site.exchange.placed)
        site.process.send_signal(signal.SIGCONT)
        refused = await site.say("buy 1 abc @ 99.5", "--confirm", "C1")
        assert refused.code == 1
        assert site.exchange.placed == placed
        health = await asyncio.to_thread(cockpit, "status", "--health", data_dir=site.data)
        assert health.code == 7
        await site.end()


async def test_without_an_engine_and_without_its_settings_the_account_of_the_folder_is_cleared(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as site:
        await site.end(signal.SIGKILL)

        done = await kill(site, "--flatten", "--stops", program="cockpit kill")

        assert done.code == 0, done.out + done.err
        assert "no engine runs here" in done.out
        assert (site.open_ids(), stops(site), held(site)) == ([], [], "0")
        assert "left: nothing" in done.out
        assert DataFolder(site.data).latch.stat().st_mode & 0o777 == 0o600

        await site.start()
        refused = await site.say("buy 1 abc @ 99.5", "--confirm", "C1")
        assert "kill" in refused.out
        await site.end()


async def test_a_venue_that_fails_is_asked_until_it_answers(tmp_path: Path) -> None:
    async with trading(tmp_path) as site:
        await site.end(signal.SIGKILL)
        handle = site.exchange.handle

        def broken(request: VenueRequest, now_ns: int, *, lag_ns: int = 0) -> HttpReply:
            return HttpReply(503, {}, b"down")

        site.exchange.handle = broken  # type: ignore[method-assign]
        given_up = await kill(site, "--within", "2s")
        assert given_up.code == 1
        assert "NOT VERIFIED" in given_up.out
        assert len(site.open_ids()) == 2

        killing = asyncio.ensure_future(kill(site))
        await asyncio.sleep(2)
        site.exchange.handle = handle  # type: ignore[method-assign]
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
