"""Orders through the real program on the simulated market: from the line to the position."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from engine.folder import DataFolder
from engine.model.commands import AmendOrder, CancelOrders, ClosePosition, SubmitOrder
from engine.model.instrument import InstrumentId
from storage.files import DiskFiles
from storage.journal import Run, open_run
from tests.e2e.engines import WAIT_S, cockpit, headless
from tests.e2e.traders import BTC, Trader, an_order, far, price_of, trader

SEED = ("--seed", "7")


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[Trader, "subprocess.Popen[str]"]]:
    """Run an engine and a trader on it."""
    with headless(folder, *SEED) as process:
        async with trader(folder) as client:
            await client.book()
            yield client, process


def only_journal(folder: Path) -> Path:
    (path,) = DataFolder(folder).journal.glob("*.journal")
    return path


async def test_an_order_is_placed_opens_fills_and_becomes_a_position(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        book = await client.book()
        resting = await client.must(an_order("buy", "0.02", far(book, "buy")))
        (resting_id,) = resting.client_order_ids
        await client.until(lambda: client.shows(resting_id, "open"), "the order is open")
        assert client.positions == {}

        taken = await client.must(an_order("sell", "0.03"))

        (taken_id,) = taken.client_order_ids
        await client.until(lambda: client.shows(taken_id, "filled"), "the order is filled")
        await client.until(lambda: client.positions != {}, "there is a position")
        assert client.positions == {"BTC-PERP": "short 0.030"}
        assert sum(Decimal(fill.size) for fill in client.fills_seen) == Decimal("0.03")


async def test_an_amend_moves_price_and_size_of_a_working_order(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        book = await client.book()
        placed = await client.must(an_order("buy", "0.02", far(book, "buy")))
        (order_id,) = placed.client_order_ids
        await client.until(lambda: client.shows(order_id, "open"), "the order is open")
        lower = far(book, "buy", "0.06")

        await client.must(AmendOrder(order_id, lower, Decimal("0.05")))

        await client.until(lambda: client.orders_seen[order_id].size == "0.050", "the new size")
        await client.until(lambda: client.shows(order_id, "open"), "the order is open again")
        assert Decimal(client.orders_seen[order_id].price) == lower


async def test_a_cancel_ends_an_order_and_a_second_one_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        book = await client.book()
        placed = await client.must(an_order("buy", "0.02", far(book, "buy")))
        (order_id,) = placed.client_order_ids
        await client.until(lambda: client.shows(order_id, "open"), "the order is open")

        await client.must(CancelOrders((order_id,)))
        await client.until(lambda: client.shows(order_id, "canceled"), "the order is canceled")

        again = await client.do(CancelOrders((order_id,)))
        assert again.verdict == "refused"


async def test_closing_a_position_leaves_none(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        await client.must(an_order("buy", "0.05"))
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.050"}, "the position")

        await client.must(ClosePosition(BTC))

        await client.until(lambda: client.positions == {}, "no position")
        assert sum(Decimal(row.size) for row in client.fills_seen) == Decimal("0.10")


async def test_a_post_only_order_that_would_take_is_not_filled(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        book = await client.book()
        assert book.best_ask_ticks is not None
        above = price_of(book, book.best_ask_ticks + 20 * book.tick_ticks)

        outcome = await client.do(an_order("buy", "0.02", above, is_post_only=True))

        if outcome.verdict == "accepted":
            (order_id,) = outcome.client_order_ids
            await client.until(
                lambda: client.shows(order_id, "rejected", "expired"), "the order is turned away"
            )
        assert not client.fills_seen


async def rest_and_hold(client: Trader) -> str:
    """Let an order rest far from the market, and hold a position; return the order's id."""
    book = await client.book()
    placed = await client.must(an_order("buy", "0.02", far(book, "buy", "0.2")))
    (order_id,) = placed.client_order_ids
    await client.must(an_order("buy", "0.03"))
    await client.until(lambda: client.positions == {"BTC-PERP": "long 0.030"}, "the position")
    await client.until(lambda: client.shows(order_id, "open"), "the order is open")
    return order_id


async def test_an_orderly_stop_cancels_what_rests_and_the_position_stays(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _):
        order_id = await rest_and_hold(client)

    async with desk(tmp_path) as (client, _):
        await client.until(lambda: client.shows(order_id, "canceled"), "the order is canceled")
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.030"}, "the position")


async def test_an_order_that_is_kept_goes_on_working_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_ON_EXIT", "keep")
    async with desk(tmp_path) as (client, _):
        order_id = await rest_and_hold(client)

    async with desk(tmp_path) as (client, _):
        await client.until(lambda: client.shows(order_id, "open"), "the order is open again")
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.030"}, "the position")

        await client.must(CancelOrders((order_id,)))
        await client.until(lambda: client.shows(order_id, "canceled"), "the order is canceled")


async def test_only_the_client_that_asked_is_answered(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, _), trader(tmp_path) as other:
        await other.book()

        placed = await client.must(an_order("buy", "0.02"))

        await other.until(lambda: other.shows(placed.client_order_ids[0], "filled"), "the fill")
        assert len(client.replies) == 1
        assert other.replies == []


async def test_a_client_that_leaves_before_the_answer_is_no_error(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, process):
        async with trader(tmp_path) as hasty:
            for _ in range(20):
                hasty.send(SubmitOrder(InstrumentId("simulated:NONE"), "buy", "market", Decimal(1)))
        await client.must(an_order("buy", "0.02"))

        assert process.poll() is None


def test_a_journal_with_damage_in_the_middle_refuses_the_start(tmp_path: Path) -> None:
    async def trade() -> None:
        async with desk(tmp_path) as (client, _):
            for size in ("0.02", "0.03", "0.04"):
                await client.must(an_order("buy", size))

    asyncio.run(trade())
    path = only_journal(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    refused = cockpit("--no-ui", *SEED, data_dir=tmp_path)

    assert refused.code == 5
    assert path.name in refused.err
    assert "cockpit journal verify --accept" in refused.err.splitlines()[-1]
    assert "Traceback" not in refused.err
    assert cockpit("journal", "verify", "--accept", data_dir=tmp_path).code == 0
    with headless(tmp_path, *SEED):
        assert cockpit("status", "--json", data_dir=tmp_path).code == 0


async def test_a_torn_end_is_passed_over_and_the_log_pane_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as (client, process):
        await client.must(an_order("buy", "0.02"))
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.020"}, "the position")
        process.kill()
        process.wait(timeout=WAIT_S)
    DataFolder(tmp_path).socket.unlink()
    path = only_journal(tmp_path)
    with path.open("ab") as file:
        file.write(path.read_bytes()[-200:-30])

    async with desk(tmp_path) as (client, _):
        await client.until(lambda: "170 bytes behind record" in client.log, "the note on the tear")
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.020"}, "the position")


def test_the_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path).journal
    tmp_path.chmod(0o700)
    journal = open_run(DiskFiles(), folder, Run("binance/paper", "run-1", 1), None, b"")
    journal.file.close()

    refused = cockpit("--no-ui", *SEED, data_dir=tmp_path)

    assert refused.code == 5
    assert "binance/paper" in refused.err
    assert "Traceback" not in refused.err
    assert [path.name for path in folder.iterdir()] == ["run-1.journal"]
