"""SIGKILL at any moment, and a disk without room: nothing that was told is lost or invented."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.folder import DataFolder
from engine.model.chance import Chance
from engine.model.commands import (
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrders,
    ClosePosition,
    EngageKill,
    ReleaseKill,
    Resume,
)
from engine.model.errors import PortClosed
from engine.model.facts import (
    CancelRequested,
    Fact,
    OrderAcked,
    OrderAdopted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderSent,
    ReplaceRequested,
)
from engine.model.orders import Side
from engine.runtime.host import RunPlan
from engine.runtime.recovery import recover_ledger
from storage.files import DiskFiles
from storage.journal import read_all
from storage.journal_format import Kind
from tests.e2e.engines import WAIT_S, headless
from tests.e2e.traders import BTC, Trader, an_order, far, ledger_nets, net_by_fills, trader

MOMENTS = int(os.environ.get("COCKPIT_SIGKILLS", "40"))
SCORES = os.environ.get("COCKPIT_SIGKILL_SCORES", "")
"""A file for what each moment put at risk."""
BATCH = 10
"""Runs of one data folder; more would come to the gate's limit of orders in ten minutes."""
SEED = 11
PLAN = RunPlan(mode="sim", venue="simulated", run_id="test", version="test")
BTC_LOTS = 1_000
"""In one bitcoin."""
WORKING_MAX = 12
HAND_SCOPE = "strategy:hand"
MS = 0.001
ORDERS_UNTIL_FULL = 100

Starve = Callable[["subprocess.Popen[str]", Path], Callable[[], None]]


@pytest.fixture(autouse=True)
def trade_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run trade at once; `test_restart` shows what it does when nobody says so."""
    monkeypatch.setenv("COCKPIT_ON_RESTART", "resume")


# What a journal says.


def facts_of(folder: Path) -> list[Fact]:
    """Read every fact of every run, oldest first."""
    decoder = msgspec.msgpack.Decoder(list[Fact])
    return [
        fact
        for _, record in read_all(DiskFiles(), DataFolder(folder).journal)
        if record.kind is Kind.FACTS
        for fact in decoder.decode(record.payload)
    ]


def digest_from_the_beginning(facts: list[Fact]) -> str:
    """Fold the facts of all runs onto nothing: no checkpoint is trusted."""
    ledger = Ledger()
    for fact in facts:
        ledger.apply(fact)
    return ledger.digest()


def digest_elsewhere(folder: Path) -> str:
    """Fold the newest run onto its checkpoint, in a process with another hash seed."""
    program = (
        "import sys; from pathlib import Path; from tests.e2e.test_crash import fold;"
        "print(fold(Path(sys.argv[1])).digest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout.strip()


def fold(folder: Path) -> Ledger:
    """Fold as a start does: the newest run onto its checkpoint."""
    ledger, _, _ = recover_ledger(DataFolder(folder), PLAN)
    return ledger


# A trader in a hurry.


async def trade(client: Trader, chance: Chance) -> None:
    """Give one order, cancel or amend after the other, each as soon as the last is answered."""
    is_halted = False
    while True:
        book = await client.book()
        working = [row for row in client.working if row.state in ("open", "part")]
        side: Side = "buy" if chance.happens(0.5) else "sell"
        size = f"0.0{chance.between(10, 39)}"
        deep = far(book, side, f"0.{chance.between(10, 300):04}")
        near = far(book, side, "0")
        if len(working) > WORKING_MAX:
            await client.do(CancelAll())
            continue
        if is_halted:  # After five orders in a row that the venue refused.
            await client.do(Resume(HAND_SCOPE), word=HAND_SCOPE)
        match chance.below(7):
            case 0:
                outcome = await client.do(an_order(side, size))
            case 1:
                outcome = await client.do(an_order(side, size, near))
            case 2:
                outcome = await client.do(an_order(side, size, near, is_post_only=True))
            case 3 if working:
                outcome = await client.do(CancelOrders((working[0].client_order_id,)))
            case 4 if working:
                outcome = await client.do(AmendOrder(working[-1].client_order_id, deep))
            case 5 if chance.happens(0.2):
                outcome = await client.do(ClosePosition(BTC))
            case _:
                outcome = await client.do(an_order(side, size, deep))
        is_halted = any("halted" in sentence for sentence in outcome.sentences)


async def trade_until_killed(
    folder: Path, process: "subprocess.Popen[str]", chance: Chance
) -> Trader:
    """Trade, and kill the engine at a moment that nobody has chosen."""
    async with trader(folder) as client:
        trading = asyncio.ensure_future(trade(client, chance))
        least = chance.between(1, 12)
        await client.until(lambda: len(client.accepted) >= least, "some orders")
        await asyncio.wait([trading], timeout=chance.between(0, 400) * MS)
        process.send_signal(signal.SIGKILL)
        await client.until(lambda: client.is_lost, "the end")
        trading.cancel()
        ended = await asyncio.gather(trading, return_exceptions=True)
        assert isinstance(ended[0], PortClosed | asyncio.CancelledError), ended
    process.wait(timeout=WAIT_S)
    return client


def check_nothing_lost(client: Trader, facts: list[Fact]) -> None:
    """See that all that was told is in the journal."""
    told = [one for outcome in client.accepted for one in outcome.client_order_ids]
    intended = ids_of(facts, OrderIntended)
    assert set(told) <= intended
    assert set(client.orders_seen) <= intended
    kinds: dict[str, type] = {
        "open": OrderAcked,
        "part": OrderFilled,
        "filled": OrderFilled,
        "cancelling": CancelRequested,
        "replacing": ReplaceRequested,
        "canceled": OrderCanceled,
        "expired": OrderExpired,
        "rejected": OrderRejected,
    }
    for state, kind in kinds.items():
        shown = {key for key, row in client.orders_seen.items() if row.state == state}
        assert shown <= ids_of(facts, kind), state


def ids_of(facts: list[Fact], kind: type[Fact]) -> set[str]:
    """Return the orders of which a kind of fact tells."""
    return {getattr(fact, "client_order_id", "") for fact in facts if type(fact) is kind}


def check_fills_kept(client: Trader, facts: list[Fact], lots_per_unit: int) -> None:
    """See that every fill that was shown is in the journal, with its time and size.

    The short numbers are the journal's own: a ledger forgets orders that ended long ago.
    """
    begun = [one.client_order_id for one in facts if isinstance(one, OrderIntended | OrderAdopted)]
    ids = dict.fromkeys(begun)
    short = {client_order_id: f"o{number}" for number, client_order_id in enumerate(ids, 1)}
    kept = {
        (fact.ts_ns, short[fact.client_order_id], fact.qty_lots)
        for fact in facts
        if isinstance(fact, OrderFilled)
    }
    shown = {
        (row.ts_ns, row.short_id, int(Decimal(row.size) * lots_per_unit))
        for row in client.fills_seen
    }
    assert shown <= kept, shown - kept


def ledger_short(ledger: Ledger, client_order_id: str) -> str:
    order = ledger.orders.get(client_order_id)
    return "" if order is None else f"o{order.number + 1}"


def check_consistent(ledger: Ledger, facts: list[Fact]) -> None:
    """See that nothing is there twice, and that the position is the sum of the fills."""
    intended = [fact.client_order_id for fact in facts if isinstance(fact, OrderIntended)]
    assert len(intended) == len(set(intended))
    trades = [fact.trade_id for fact in facts if isinstance(fact, OrderFilled)]
    assert len(trades) == len(set(trades))
    assert ledger_nets(ledger) == net_by_fills(facts)
    assert ledger.duplicate_fills == 0
    assert ledger.contradictions == 0, ledger.contradiction_notes
    for order in ledger.orders.values():
        fills = [
            fact.qty_lots
            for fact in facts
            if isinstance(fact, OrderFilled) and fact.client_order_id == order.client_order_id
        ]
        assert sum(fills) == order.filled_lots <= order.size_lots


async def check_restarted(folder: Path, ledger: Ledger) -> None:
    """See that a new engine shows what the fold says, and nothing else."""
    expected = {
        order.client_order_id: order.filled_lots
        for order in ledger.working()
        if order.venue_order_id
    }
    async with trader(folder) as client:
        await client.until(
            lambda: "orders" in client.views and "positions" in client.views, "views"
        )
        await client.until(
            lambda: (
                {row.client_order_id for row in client.working} <= set(expected)
                and all(row.state != "unknown" for row in client.working)
            ),
            "the orders of before, and none else",
        )
        await client.until(
            lambda: gone(client, set(expected)) <= filled(client, ledger) | lapsed(client),
            "no loss",
        )
        await client.until(
            lambda: net_shown(client) == net_expected(client, ledger), "the position"
        )
        assert set(client.orders_seen) <= set(ledger.orders)


def gone(client: Trader, expected: set[str]) -> set[str]:
    """Return the orders that are shown no longer."""
    return expected - {row.client_order_id for row in client.working}


def lapsed(client: Trader) -> set[str]:
    """Return the orders that never rest, and so ended with the run before."""
    rows = client.orders_seen.items()
    return {key for key, row in rows if row.state == "expired" and "run before" in row.reason}


def filled(client: Trader, ledger: Ledger) -> set[str]:
    """Return the orders of which this run has shown a fill."""
    shown = {fill.short_id for fill in client.fills_seen}
    return {key for key in ledger.orders if ledger_short(ledger, key) in shown}


def net_shown(client: Trader) -> int:
    """Return the lots of BTC that are shown."""
    side, _, size = client.positions.get("BTC-PERP", "long 0").partition(" ")
    return lots(size) if side == "long" else -lots(size)


def net_expected(client: Trader, ledger: Ledger) -> int:
    """Return the lots of the fold and those of the fills that this run has shown."""
    signs = {"buy": 1, "sell": -1}
    new = sum(signs[fill.side] * lots(fill.size) for fill in client.fills_seen)
    return ledger.net_lots(BTC) + new


def lots(size: str) -> int:
    return int(Decimal(size) * BTC_LOTS)


class Score(NamedTuple):
    """What was put at risk, so that a test that risks nothing is seen."""

    accepted: int
    fills: int
    orders: int


def one_moment(folder: Path, chance: Chance) -> Score:
    """Start on what is there, trade, die, and account for all of it."""
    before = fold(folder)
    with headless(folder, "--seed", str(SEED)) as process:
        asyncio.run(check_restarted(folder, before))
        client = asyncio.run(trade_until_killed(folder, process, chance))
    DataFolder(folder).socket.unlink(missing_ok=True)
    facts = facts_of(folder)
    ledger = fold(folder)
    assert ledger.digest() == digest_from_the_beginning(facts)
    check_nothing_lost(client, facts)
    check_fills_kept(client, facts, BTC_LOTS)
    check_consistent(ledger, facts)
    return Score(len(client.accepted), len(client.fills_seen), len(client.orders_seen))


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(-(-MOMENTS // BATCH)))
def test_a_sigkill_at_any_moment_loses_and_invents_nothing(tmp_path: Path, batch: int) -> None:
    chance = Chance(1_000 + batch)

    scores = [one_moment(tmp_path, chance) for _ in range(min(BATCH, MOMENTS))]

    assert digest_elsewhere(tmp_path) == fold(tmp_path).digest()
    assert sum(score.accepted for score in scores) > len(scores)
    assert sum(score.fills for score in scores) > 0
    if SCORES:
        with Path(SCORES).open("a") as file:
            file.writelines(f"{score}\n" for score in scores)


# A disk without room.


@contextmanager
def a_small_disk(folder: Path, room: str = "size=2m") -> Iterator[None]:
    """Mount a small file system on a folder; skipped where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"{room},mode=0700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount")
    if mounted.returncode:
        pytest.skip(f"needs to be allowed to mount: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "filler").open("ab", buffering=0) as filler:
        for size in (65_536, 4_096, 1):
            with suppress(OSError):
                while filler.write(bytes(size)):
                    continue


def starve_by_limit(process: "subprocess.Popen[str]", folder: Path) -> Callable[[], None]:
    """Forbid the process to make any file longer than its journal is; returns the way back."""
    (path,) = DataFolder(folder).journal.glob("*.journal")
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    limit = path.stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, before[1]))

    def relieve() -> None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)

    return relieve


def starve_by_filling(process: "subprocess.Popen[str]", folder: Path) -> Callable[[], None]:
    """Fill the disk; returns the way back."""
    fill(folder)
    return (folder / "filler").unlink


async def without_room(
    folder: Path, starve: Starve, process: "subprocess.Popen[str]"
) -> tuple[set[str], set[str]]:
    """Trade, lose the disk, cancel, kill, flatten, get it back; return orders accepted, others."""
    async with trader(folder) as client:
        book = await client.book()
        await client.must(an_order("buy", "0.02"))
        resting = [
            (await client.must(an_order("buy", "0.01", far(book, "buy", share)))).client_order_ids[
                0
            ]
            for share in ("0.05", "0.06")
        ]
        await client.until(lambda: all(client.shows(one, "open") for one in resting), "open")

        relieve = starve(process, folder)
        for number in range(ORDERS_UNTIL_FULL):  # What is left of a block takes some.
            price = far(book, "buy", f"0.{700 + number:04}")
            if (await client.do(an_order("buy", "0.01", price))).verdict == "refused":
                break
        await client.until(lambda: client.risk is not None and not client.risk.is_journal_ok, "bad")
        await client.until(lambda: "no order that adds risk leaves" in client.log, "the sentence")
        assert (await client.do(an_order("buy", "0.01"))).verdict == "refused"
        await client.must(CancelOrders((resting[0],)))
        await client.until(lambda: client.shows(resting[0], "canceled"), "the cancel")
        await client.must(EngageKill("no disk"))
        await client.until(client.is_killed, "the kill")
        await client.until(lambda: client.shows(resting[1], "canceled"), "the kill's cancel")
        flatten = await client.must(ClosePosition(BTC))
        assert any(text.startswith("NOT JOURNALLED") for text in flatten.sentences)
        await client.until(lambda: client.positions == {}, "flat, without the journal")

        relieve()
        await client.until(lambda: client.risk is not None and client.risk.is_journal_ok, "good")
        await client.until(lambda: "written again" in client.log, "the other sentence")
        await client.until(lambda: client.risk is not None and client.risk.is_persisted, "latched")
        await client.must(ReleaseKill("space again"), word="paper")
        await client.until(lambda: client.risk is not None and not client.risk.is_latched, "open")
        await client.must(Arm())
        await client.must(an_order("buy", "0.03"))
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.030"}, "the position")
        accepted = {one for outcome in client.accepted for one in outcome.client_order_ids}
        return accepted, set(client.orders_seen) - accepted


def check_no_room(folder: Path, starve: Starve) -> None:
    with headless(folder, "--seed", str(SEED)) as process:
        accepted, refused = asyncio.run(without_room(folder, starve, process))
    facts = facts_of(folder)
    ledger = fold(folder)
    assert ledger.digest() == digest_from_the_beginning(facts)
    assert ledger_nets(ledger) == net_by_fills(facts) == {BTC: 30}
    sent = ids_of(facts, OrderSent)
    assert accepted == sent
    assert refused
    assert not refused & (sent | ids_of(facts, OrderAcked))


@pytest.mark.slow
def test_a_journal_that_may_not_grow_stops_orders_and_nothing_else(tmp_path: Path) -> None:
    check_no_room(tmp_path, starve_by_limit)


@pytest.mark.slow
def test_a_full_disk_stops_orders_and_nothing_else(tmp_path: Path) -> None:
    with a_small_disk(tmp_path):
        check_no_room(tmp_path, starve_by_filling)
