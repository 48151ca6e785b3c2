"""The start of a run: what the journal makes of the ledger, and what it refuses."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution import limits
from engine.execution.ledger import Ledger
from engine.folder import DataFolder
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model.effects import PlaceOrder
from engine.model.errors import ConfigError, JournalCorrupt, JournalNotOurs
from engine.model.facts import Fact, OrderIntended, StrategyStarted
from engine.runtime.clock import LoopClock
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import (
    TradingPorts,
    account_of,
    attach_trading,
    desk_setup,
    recover_ledger,
)
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.journal import Previous, Run, open_run
from storage.journal_format import Kind, encode_group
from tests.builders import BTC
from tests.order_facts import a_fill, an_intent, began, known
from tests.unit.engine.runtime.trading_desk import Venue, approved

PLAN = RunPlan(mode="sim", venue="simulated", run_id="run-9", version="1")
FACTS: tuple[Fact, ...] = (known(), began(1))


def write_run(
    folder: DataFolder, name: str, checkpoint: bytes, records: list[bytes], before: Previous | None
) -> None:
    """Lay down a run's journal."""
    run = Run(account_of(PLAN), name, 1)
    journal = open_run(DiskFiles(), folder.journal, run, before, checkpoint)
    if records:
        data, _ = encode_group(journal.tail, [(Kind.FACTS, record) for record in records])
        journal.file.append(data)
    journal.file.close()


def encoded(*facts: Fact) -> bytes:
    return msgspec.msgpack.encode(facts)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_a_first_start_has_an_empty_ledger(folder: DataFolder) -> None:
    ledger, previous, notes = recover_ledger(folder, PLAN)

    assert ledger.digest() == Ledger().digest()
    assert previous is None
    assert notes == ()
    assert folder.journal.is_dir()


def test_the_newest_run_is_folded_onto_its_checkpoint(folder: DataFolder) -> None:
    expected = Ledger()
    for fact in FACTS:
        expected.apply(fact)
    write_run(folder, "run-1", Ledger().to_bytes(), [encoded(*FACTS)], None)
    _, previous, _ = recover_ledger(folder, PLAN)
    write_run(folder, "run-2", expected.to_bytes(), [encoded(began(2))], previous)
    expected.apply(began(2))

    ledger, newest, _ = recover_ledger(folder, PLAN)

    assert ledger.digest() == expected.digest()
    assert newest is not None
    assert newest.name == "run-2.journal"


def test_a_ledger_comes_back_in_the_order_of_a_checkpoint_however_it_came_to_be(
    folder: DataFolder,
) -> None:
    """A replay begins with the checkpoint, and does things in the same order."""
    started = [StrategyStarted(1, owner, "rsi", BTC, 60) for owner in ("rsi@B", "rsi@A")]
    write_run(folder, "run-1", Ledger().to_bytes(), [encoded(began(1), *started)], None)

    ledger, _, _ = recover_ledger(folder, PLAN)

    assert list(ledger.strategies) == ["rsi@A", "rsi@B"]


def test_a_torn_end_is_a_note_and_no_more(folder: DataFolder) -> None:
    write_run(folder, "run-1", Ledger().to_bytes(), [encoded(*FACTS)], None)
    with (folder.journal / "run-1.journal").open("ab") as file:
        file.write(b"\xf5JR\ntorn")

    ledger, _, notes = recover_ledger(folder, PLAN)

    assert ledger.boot == 1
    assert "8 bytes behind record" in notes[0]


def test_damage_in_the_middle_is_refused(folder: DataFolder) -> None:
    records = [encoded(began(boot)) for boot in range(1, 6)]
    write_run(folder, "run-1", Ledger().to_bytes(), records, None)
    path = folder.journal / "run-1.journal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(JournalCorrupt, match=r"run-1\.journal is damaged"):
        recover_ledger(folder, PLAN)


def test_another_account_is_refused(folder: DataFolder) -> None:
    write_run(folder, "run-1", Ledger().to_bytes(), [], None)
    other = RunPlan(mode="paper", venue="binance", run_id="run-2", version="1")

    with pytest.raises(JournalNotOurs, match="simulated/paper"):
        recover_ledger(folder, other)


@pytest.mark.parametrize("record", [b"\xc1", msgspec.msgpack.encode([{"type": "Teleported"}])])
def test_facts_that_this_version_does_not_know_are_refused(
    folder: DataFolder, record: bytes
) -> None:
    write_run(folder, "run-1", Ledger().to_bytes(), [record], None)

    with pytest.raises(JournalNotOurs, match="unknown facts"):
        recover_ledger(folder, PLAN)


def test_a_checkpoint_of_another_version_is_refused(folder: DataFolder) -> None:
    write_run(folder, "run-1", msgspec.msgpack.encode({"version": 999}), [], None)

    with pytest.raises(JournalNotOurs, match="version 999"):
        recover_ledger(folder, PLAN)


def test_the_simulated_market_starts_armed_and_paper_does_not() -> None:
    paper = RunPlan(mode="paper", venue="binance", run_id="run-1", version="1")

    assert desk_setup(PLAN, None).starts_armed
    assert not desk_setup(paper, None).starts_armed


def test_a_risk_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"risk\.toml cannot be read"):
        desk_setup(PLAN, tmp_path / "risk.toml")


LIMITS_TO_BEGIN_WITH = Path(limits.__file__).with_name("risk.live.toml")


@pytest.mark.parametrize(
    ("more", "lots", "leave"),
    [
        ("", [2_000, 2_001], [0]),
        ("", [1] * 21, list(range(20))),
        ("order_lots_max = 5", [20, 21], [0]),
    ],
    ids=["worth", "rate", "lots"],
)
def test_the_guard_allows_a_few_times_what_the_risk_file_does(
    folder: DataFolder, more: str, lots: list[int], leave: list[int]
) -> None:
    risk = LIMITS_TO_BEGIN_WITH.read_text().replace(
        'order_lots_max = "off"', more or 'order_lots_max = "off"'
    )
    plan = RunPlan(mode="live", venue="binance_futures", run_id="run-1", version="1")
    venue = Venue([])

    async def main() -> None:
        clock = LoopClock(1)
        setup = DeskSetup(venue=plan.venue, is_live=True, limits=limits.limits_from_toml(risk))
        host = EngineHost(plan, clock, KernelState(setup))
        files = DiskFiles()
        files.make_folder(folder.journal)
        gateway: Any = venue  # It is never driven through a run.
        ports = TradingPorts(files, lambda: LoopWorker(lambda: 0.0), lambda _, __: gateway)
        attach_trading(host, folder, plan, clock, None, ports)
        assert host._trading is not None
        for number, size in enumerate(lots):
            host._trading.take([PlaceOrder(approved(str(number), size))], host._clock.now_ns())
        await asyncio.sleep(1)

    run(main)

    assert venue.got == [("place", str(number)) for number in leave]


def test_orders_and_fills_come_back(folder: DataFolder) -> None:
    facts = (*FACTS, OrderIntended(1, "a", an_intent(), 1), a_fill(lots=4))
    write_run(folder, "run-1", Ledger().to_bytes(), [encoded(fact) for fact in facts], None)

    ledger, _, _ = recover_ledger(folder, PLAN)

    assert ledger.orders["a"].filled_lots == 4
