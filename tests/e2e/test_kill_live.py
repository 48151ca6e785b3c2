"""Killed at 20,000 events a second, while something else is broken besides (R70-R79, §3.3).

The whole program trades live at the fake venue. Each time: the latch comes before the first cancel,
the venue accepts nothing that was signed after it, all that works is gone but what protects the
position, it is verified by what the venue shows, and a restart knows of it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from engine.model.commands import ClosePosition, EngageKill
from tests.e2e.blocked_engine import ID, Gate
from tests.e2e.engines import WAIT_S, cockpit, until
from tests.e2e.kill_site import (
    ABC,
    KillSite,
    a_kill_site,
    hammer,
    is_verified,
    kill,
    latch_of,
    release,
    rest,
    trade,
    until_verified,
)
from tests.e2e.terminal import Terminal
from tests.e2e.test_crash import a_small_disk, fill
from tests.e2e.traders import Trader, trader

pytestmark = pytest.mark.slow

KILL_KEY = "\x1b[24~"
CANDLE_S = 2 * WAIT_S
"""The next candle comes within a minute, and is answered a little later."""


@contextmanager
def a_screen(site: KillSite) -> Iterator[Terminal]:
    """Join an engine with a screen; whoever calls its methods must not hold the event loop."""
    terminal = Terminal("attach", "--data-dir", str(site.data), columns=120, rows=40)
    try:
        yield terminal
    finally:
        terminal.end()


async def painted(screen: Terminal, text: str) -> None:
    """Wait until a screen shows a text."""
    await asyncio.to_thread(screen.wait_for, text)


# A loop that stands still.


async def by_the_program(site: KillSite, screen: Terminal, gate: Gate) -> None:
    """Kill from another shell: nothing of the engine answers, and nothing of it is needed."""
    del screen
    done = await kill(site)
    assert done.code == 0, done.out + done.err
    assert "cancelled 2, filled during the kill 0, left 0, VERIFIED" in done.out
    assert site.open_ids() == []
    gate.shut.unlink()


async def by_the_key(site: KillSite, screen: Terminal, gate: Gate) -> None:
    """Press F12: the screen says that nobody answers, and what it has done besides."""
    del site
    await asyncio.to_thread(screen.press, KILL_KEY)
    await painted(screen, "NO ANSWER: SIGUSR1 sent too")
    gate.shut.unlink()
    await painted(screen, "KILLED")


async def is_blocked(gate: Gate) -> None:
    """Wait until the strategy keeps the loop."""
    async with asyncio.timeout(CANDLE_S):
        while not gate.blocked.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("way", [by_the_program, by_the_key])
async def test_a_strategy_that_blocks_the_loop_holds_up_no_kill_and_wakes_up_killed(
    tmp_path: Path, way: Callable[[KillSite, Terminal, Gate], Awaitable[None]]
) -> None:
    async with a_kill_site(tmp_path) as site:
        gate = Gate(tmp_path)
        site.program = ("-m", "tests.e2e.blocked_engine", str(tmp_path))
        await site.start()
        with a_screen(site) as screen:
            await painted(screen, "[LIVE]")
            await trade(site)
            await site.insist(f"strat start {ID} abc", "--confirm", "C1")
            gate.shut.touch()
            await is_blocked(gate)
            site.pour()
            placed, before = dict(site.exchange.placed), len(site.asked)

            await way(site, screen, gate)

        async with trader(site.data, instrument_id=ABC) as client:
            await until_verified(client)
        assert site.exchange.placed == placed, "the strategy wanted to buy when it woke up"
        site.check_order(before)
        await site.check_dead()


# A disk without room, for the latch as well.


def fill_wholly(folder: Path) -> Callable[[], None]:
    """Leave no byte free, and no name; returns the way back."""
    fill(folder)
    names = folder / "names"
    made = []
    try:
        for number in count():
            path = folder / f"{names.name}{number}"
            path.touch()
            made.append(path)
    except OSError:
        assert made, "there was a name left"

    def relieve() -> None:
        (folder / "filler").unlink()
        for path in made:
            path.unlink()

    return relieve


async def use_up(client: Trader) -> None:
    """Give orders until the journal has used what is left of its last block."""
    hammering = asyncio.ensure_future(hammer(client))
    await client.until(lambda: client.risk is not None and not client.risk.is_journal_ok, "no room")
    hammering.cancel()


async def test_a_full_disk_keeps_no_latch_and_says_so_and_the_kill_works(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with a_small_disk(tmp_path / "data", "size=64m,nr_inodes=200"):
        async with a_kill_site(tmp_path) as site:
            await site.start()
            await trade(site)
            async with trader(site.data, instrument_id=ABC) as client:
                await site.hurry()
                relieve = fill_wholly(site.data)
                await use_up(client)
                before = len(site.asked)
                outcome = await client.must(EngageKill("no disk"))
                assert any("not in the journal" in one for one in outcome.sentences), outcome
                await until_verified(client)
                assert site.open_ids() == []
                assert client.risk is not None
                assert not client.risk.is_persisted
                assert not latch_of(site).exists()
                health = await asyncio.to_thread(cockpit, "status", "--health", data_dir=site.data)
                assert "the kill is not on disk" in health.out

                done = await kill(site)
                assert done.code == 1, done.out + done.err
                assert "NOT PERSISTED" in done.out
                assert "left 0, VERIFIED" in done.out
                site.check_order(before)

                flatten = await client.must(ClosePosition(ABC))
                assert any(text.startswith("NOT JOURNALLED") for text in flatten.sentences)
                await until(lambda: site.held() == "0", "flat, without the journal")
                await site.check_killed()

                relieve()
                await client.until(
                    lambda: client.risk is not None and client.risk.is_persisted, "the latch"
                )
            await site.end(signal.SIGKILL)
            await site.start()
            await site.check_killed()
            await site.end()


# A terminal that does not read.


async def test_a_terminal_that_does_not_read_holds_up_no_kill_and_kills_itself(
    tmp_path: Path,
) -> None:
    async with a_kill_site(tmp_path) as site:
        await site.start()
        await trade(site)
        with a_screen(site) as stalled, a_screen(site) as other:
            for screen in (stalled, other):
                await painted(screen, "ARMED")
            async with trader(site.data, instrument_id=ABC) as client:
                await site.hurry()
                await asyncio.to_thread(stalled.stop_reading)
                before = len(site.asked)
                await asyncio.to_thread(other.press, KILL_KEY)
                await until_verified(client)
                assert site.open_ids() == []
                site.check_order(before)

                await release(client)
                await rest(site)
                await site.hurry()
                before = len(site.asked)
                await asyncio.to_thread(stalled.press, KILL_KEY)
                await until_verified(client)
                assert site.open_ids() == []
                site.check_order(before)
            await painted(stalled, "VERIFIED")
        await site.check_dead()


# A venue that is out of order.


async def test_what_the_venue_does_not_show_is_not_verified_however_often_it_is_asked(
    tmp_path: Path,
) -> None:
    async with a_kill_site(tmp_path) as site:
        await site.start()
        await trade(site)
        async with (
            trader(site.data, instrument_id=ABC) as client,
            trader(site.data, instrument_id=ABC) as hurried,
        ):
            await site.hurry()
            hammering = asyncio.ensure_future(hammer(hurried))
            await until(lambda: len(site.open_ids()) > 4, "orders")
            before = len(site.asked)
            site.broken = ("DELETE",)
            await client.must(EngageKill("503"))
            await client.until(client.is_killed, "the kill")
            placed = dict(site.exchange.placed)
            await client.until(lambda: "KILLED – NOT VERIFIED for" in client.log, "the alarm")
            assert site.open_ids() != []

            site.broken = ("GET",)
            await until(lambda: site.open_ids() == [], "the cancels")
            await site.more_are_broken(5)
            assert not is_verified(client)
            assert site.exchange.placed == placed

            site.broken = ()
            healed = len(site.asked)
            await until_verified(client)
            assert site.times_shown(healed) >= 2
            assert not hammering.done()
            hammering.cancel()
        site.check_order(before)
        assert site.exchange.placed == placed
        await site.check_dead()
