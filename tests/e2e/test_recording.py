"""Real engines that are recorded, and run again in another process: the same decisions."""

import asyncio
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import load_faults
from engine.fake.server import FakeVenue
from engine.folder import DataFolder
from engine.model.commands import Arm, CancelAll, StartStrategy, SubmitOrder
from engine.model.instrument import InstrumentId, instrument_id
from tests.e2e.engines import WAIT_S, cockpit, headless, seq, until
from tests.e2e.traders import BTC, Trader, an_order, far, trader

pytestmark = pytest.mark.slow  # Whole sessions; virtual time records the same at once.

FUTURES = "binance_futures"
SUSHI = "SUSHIUSDT"
ROUNDS = 3


def replayed(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the newest run of a folder again, or the one that is named."""
    done = cockpit("replay", *(arguments or (str(folder),)), "--json", data_dir=folder)
    document: dict[str, Any] = done.document
    assert (done.code == 0) is (document["state"] in {"equal", "torn"}), done.err
    return document


async def trade(client: Trader) -> None:
    """Give orders that fill, rest, and are taken back, with a strategy beside them."""
    await client.must(StartStrategy("mean_reversion", BTC, 60))
    book = await client.book()
    for size in range(1, 1 + ROUNDS):  # The same order twice in two seconds would be refused.
        await client.must(an_order("buy", f"0.0{size}"))
        await client.must(an_order("buy", f"0.1{size}", far(book, "buy"), is_post_only=True))
        await client.must(CancelAll())
        await client.must(an_order("sell", f"0.0{size}"))
    await client.until(lambda: len(client.fills_seen) >= 2 * ROUNDS, "all fills")


async def test_a_session_with_orders_and_strategies_is_repeated_exactly(tmp_path: Path) -> None:
    with headless(tmp_path, "--seed", "5"):
        async with trader(tmp_path) as client:
            await trade(client)

    verdict = replayed(tmp_path)

    assert (verdict["state"], verdict["sentence"]) == ("equal", "")
    assert verdict["facts"] > 5 * ROUNDS
    assert verdict["digest_seq"] == verdict["seq"]


async def test_a_killed_session_is_repeated_up_to_its_torn_tail(tmp_path: Path) -> None:
    with headless(tmp_path, "--seed", "5") as process:
        async with trader(tmp_path) as client:
            await trade(client)
        told = seq(tmp_path)
        found = partial(DataFolder(tmp_path).recordings.glob, "*/*/*.open")
        await until(lambda: any(found()), "a recording")
        while replayed(tmp_path)["seq"] < told:  # What is told may be a second from the disk.
            assert process.poll() is None
        process.kill()
        process.wait(WAIT_S)
    recorded = next(found())  # Not sooner: every hour has a file of its own.
    with recorded.open("ab") as file:  # A kill within a write is rare; this is what it leaves.
        file.write(recorded.read_bytes()[:40])

    verdict = replayed(tmp_path)
    with headless(tmp_path):
        assert seq(tmp_path) > 0
    older = replayed(tmp_path, verdict["run"])
    newer = replayed(tmp_path)

    assert verdict["state"] == "torn"
    assert "are no whole block" in verdict["sentence"]
    assert verdict["seq"] >= told
    assert verdict["facts"] > 5 * ROUNDS
    assert (older["state"], older["digest"]) == ("torn", verdict["digest"])
    assert "has no end" in older["sentence"]
    assert (newer["state"], newer["sentence"]) == ("equal", "")


async def test_a_venue_that_drops_the_connection_is_repeated_exactly(
    shared_dir: Path, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text("drop_lines = [900]\n[[disconnect_at_line]]\nline = 700\n")
    settings, data = tmp_path / "cockpit.toml", tmp_path / "data"
    capture = shared_dir / f"captures/{FUTURES}.jsonl.gz"
    async with FakeVenue(capture, speed=2, faults=load_faults(faults)) as venue:
        settings.write_text(
            f'venue = "{FUTURES}"\ninstruments = ["{SUSHI}"]\n'
            f'[endpoints.{FUTURES}]\nrest = "{venue.rest_url}"\nstream = "{venue.stream_url}"\n'
        )
        with ExitStack() as stack:  # Off the loop, because the venue is on it.
            engine = headless(data, "--settings", str(settings))
            await asyncio.to_thread(stack.enter_context, engine)
            async with trader(data) as client:
                await client.must(Arm())
                await buy(client, instrument_id(FUTURES, SUSHI))
                await venue.finished()
            await asyncio.to_thread(stack.close)

    verdict = await asyncio.to_thread(replayed, data)

    assert venue.counters.connects > 2
    assert (verdict["state"], verdict["sentence"]) == ("equal", "")
    assert verdict["venue"] == FUTURES
    assert verdict["facts"] > 0


async def buy(client: Trader, instrument: InstrumentId) -> None:
    """Buy as soon as the gate lets it: once the book is whole."""
    outcome = None
    for size in range(10, 200):  # The same order twice in two seconds would be refused.
        outcome = await client.do(SubmitOrder(instrument, "buy", "market", Decimal(size)))
        if outcome.verdict == "accepted":
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never let through: {outcome}")


def test_what_record_keeps_is_repeated_exactly(tmp_path: Path) -> None:
    out = tmp_path / "kept"

    done = cockpit("record", "--out", str(out), "--for", "2s", data_dir=tmp_path)
    verdict = replayed(out)

    assert (done.code, done.out) == (
        0,
        f"recorded in {out}; `cockpit replay {out}` runs it again\n",
    )
    assert (verdict["state"], verdict["sentence"]) == ("equal", "")
    assert verdict["lines"] > 10


def test_record_keeps_out_of_an_engines_folder(tmp_path: Path) -> None:
    DataFolder(tmp_path).make()
    DataFolder(tmp_path).lock.touch()

    done = cockpit("record", "--out", str(tmp_path / "recordings"), data_dir=tmp_path)

    assert done.code == 2
    assert "belongs to an engine, which records by itself" in done.err


@pytest.mark.parametrize("text", ["0s", "soon", "-3m", "99999999h"])
def test_a_length_of_time_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    done = cockpit("record", "--for", text, data_dir=tmp_path)

    assert done.code == 2
    assert "is no duration such as 90s, 15m or 8h" in done.err


def test_a_run_that_was_not_recorded_is_said(tmp_path: Path) -> None:
    run = "01a1fe92-c776-7971-8a51-1b13e7f72cda"

    done = cockpit("replay", run, data_dir=tmp_path)

    assert done.code == 2
    assert "holds no recording" in done.err
