"""The kill switch of the real program: every way in, and nothing but a release ends it."""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cockpit.link import join
from engine.folder import DataFolder
from engine.model.commands import Arm, EngageKill, ReleaseKill
from tests.e2e.engines import WAIT_S, cockpit, headless
from tests.e2e.traders import Trader, an_order, far, trader

SEED = ("--seed", "7")
ACCOUNT = "paper"


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[Trader, "subprocess.Popen[str]"]]:
    """Run an engine and a trader on it."""
    with headless(folder, *SEED) as process:
        async with trader(folder) as client:
            await client.book()
            await client.until(lambda: client.risk is not None, "the desk")
            yield client, process


async def rest(client: Trader, count: int = 3) -> list[str]:
    """Let orders rest far from the market, and hold a position."""
    book = await client.book()
    await client.must(an_order("buy", "0.02"))
    shares = [f"0.0{5 + number}" for number in range(count)]
    ids: list[str] = []
    for share in shares:
        outcome = await client.must(an_order("buy", "0.01", far(book, "buy", share)))
        ids += outcome.client_order_ids
    await client.until(lambda: all(client.shows(one, "open") for one in ids), "open orders")
    return ids


async def is_dead(client: Trader, ids: list[str]) -> None:
    """Wait until the desk is killed for good, and see that nothing goes through."""
    await client.until(client.is_killed, "the kill")
    await client.until(lambda: client.risk is not None and client.risk.is_persisted, "on the disk")
    await client.until(lambda: all(client.shows(one, "canceled") for one in ids), "the cancels")
    assert not client.working
    refused = await client.do(an_order("buy", "0.01"))
    assert refused.verdict == "refused"


def by_port(client: Trader, process: "subprocess.Popen[str]", folder: Path) -> None:
    client.send(EngageKill("by hand"))


def by_signal(client: Trader, process: "subprocess.Popen[str]", folder: Path) -> None:
    process.send_signal(signal.SIGUSR1)


def by_file(client: Trader, process: "subprocess.Popen[str]", folder: Path) -> None:
    DataFolder(folder).latch.touch()


def by_command(client: Trader, process: "subprocess.Popen[str]", folder: Path) -> None:
    assert cockpit("kill", data_dir=folder).code == 0


@pytest.mark.parametrize("way", [by_port, by_signal, by_file, by_command])
async def test_a_kill_cancels_all_and_lets_nothing_through(
    tmp_path: Path, way: Callable[[Trader, "subprocess.Popen[str]", Path], None]
) -> None:
    async with desk(tmp_path) as (client, process):
        ids = await rest(client)

        way(client, process, tmp_path)

        await is_dead(client, ids)
        assert client.positions == {"BTC-PERP": "long 0.020"}


async def test_an_order_on_its_way_to_the_venue_does_not_rest_after_a_kill(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        book = await client.book()
        sent = [
            client.send(an_order("buy", "0.01", far(book, "buy", f"0.{5 + number:02}")))
            for number in range(20)
        ]

        outcomes = [await client.outcome(number) for number in sent]

        client.send(EngageKill("by hand"))

        ids = [one for outcome in outcomes for one in outcome.client_order_ids]
        final = ("canceled", "rejected")
        await client.until(lambda: all(client.shows(one, *final) for one in ids), "all ended")


async def test_any_client_may_kill_and_all_see_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        ids = await rest(client)

        second = await join(DataFolder(tmp_path).socket, "command")
        other = Trader(second)
        other.send(EngageKill("from elsewhere"))
        await client.until(client.is_killed, "the kill")
        await second.close()

        await is_dead(client, ids)
        assert client.risk is not None
        assert client.risk.trading_reason == "from elsewhere"


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_killed_is_killed_after_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    async with desk(tmp_path) as (client, process):
        ids = await rest(client)
        outcome = await client.must(EngageKill("enough"))
        assert outcome.sentences
        process.send_signal(end)
        process.wait(timeout=WAIT_S)
    DataFolder(tmp_path).socket.unlink(missing_ok=True)

    async with desk(tmp_path) as (client, _):
        await is_dead(client, ids)
        assert client.risk is not None
        assert client.risk.trading_reason == "enough"
        assert client.positions == {"BTC-PERP": "long 0.020"}


@pytest.mark.slow
async def test_a_kill_and_a_sigterm_at_once_are_both_obeyed(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, process):
        ids = await rest(client)
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WAIT_S) == 0

    async with desk(tmp_path) as (client, _):
        await is_dead(client, ids)


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"\x00\xff{", b"not killed", b'{"reason": 1}'])
async def test_a_latch_file_kills_a_start_whatever_it_holds(tmp_path: Path, content: bytes) -> None:
    DataFolder(tmp_path).latch.write_bytes(content)

    async with desk(tmp_path) as (client, _):
        await is_dead(client, [])


@pytest.mark.slow
async def test_a_lost_journal_does_not_clear_a_kill(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        await client.must(EngageKill("enough"))
        await client.until(lambda: client.risk is not None and client.risk.is_persisted, "the file")
    for path in DataFolder(tmp_path).journal.iterdir():
        path.unlink()

    async with desk(tmp_path) as (client, _):
        await is_dead(client, [])


@pytest.mark.slow
async def test_a_lost_latch_file_does_not_clear_a_kill(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        await client.must(EngageKill("enough"))
        await client.until(lambda: client.risk is not None and client.risk.is_persisted, "the file")
    DataFolder(tmp_path).latch.unlink()

    async with desk(tmp_path) as (client, _):
        await is_dead(client, [])
        assert DataFolder(tmp_path).latch.exists()


async def test_a_release_lets_orders_through_again_and_holds_after_a_restart(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as (client, _):
        await client.must(EngageKill("by mistake"))
        await client.until(client.is_killed, "the kill")

        await client.must(ReleaseKill("it was a test"), word=ACCOUNT)

        await client.until(
            lambda: client.risk is not None and not client.risk.is_latched, "the release"
        )
        await client.must(Arm())
        placed = await client.must(an_order("buy", "0.01"))
        await client.until(lambda: client.shows(placed.client_order_ids[0], "filled"), "the fill")
        assert not DataFolder(tmp_path).latch.exists()

    async with desk(tmp_path) as (client, _):
        await client.must(an_order("sell", "0.01"))


async def test_a_kill_right_after_a_release_holds(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        await client.must(EngageKill("first"))

        numbers = []
        for _ in range(20):
            numbers.append(client.send(ReleaseKill("go"), word=ACCOUNT))
            numbers.append(client.send(EngageKill("again")))
        for number in numbers:
            await client.outcome(number)

        await is_dead(client, [])
        assert DataFolder(tmp_path).latch.exists()
