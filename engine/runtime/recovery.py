"""The start of a run: the ledger from the journal, and the way out for orders.

There is one path for a first start, an orderly one and one after a crash: read the newest run,
fold its facts, begin a new file with the result.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits, limits_from_toml, paper_limits
from engine.folder import DataFolder
from engine.kernel.desk import DeskSetup
from engine.model.errors import ConfigError, JournalNotOurs
from engine.model.facts import Fact
from engine.runtime.clock import Clock
from engine.runtime.guard import GatewayGuard, GuardLimits, RunGateway
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import JournalWriter, ThreadWorker, Worker
from engine.runtime.latch import LatchFile
from engine.runtime.paper_gateway import PaperGateway
from engine.runtime.trading import TradingParts, TradingShell
from storage.base import Files
from storage.files import DiskFiles
from storage.journal import Previous, Run, open_run, recover

GUARD_TIMES: Final = 4
"""So many times what the gate allows the guard does, so that the gate refuses first."""


def paper_gateway(host: EngineHost, clock: Clock) -> PaperGateway:
    """Return the way to the paper venue of a run."""
    return PaperGateway(host.state, clock, host.report_all, seed=0)


class TradingPorts(NamedTuple):
    """What a run's trading stands on; a simulation brings its own.

    `new_worker` makes what may wait for the disk, `new_gateway` the way to the venue.
    """

    files: Files
    new_worker: Callable[[], Worker]
    new_gateway: Callable[[EngineHost, Clock], RunGateway]


ON_THIS_MACHINE: Final = TradingPorts(DiskFiles(), ThreadWorker, paper_gateway)


def guard_limits(limits: RiskLimits) -> GuardLimits:
    """Return the blunt limits behind those of a risk file; to the gate an amend is a message."""
    lots = limits.order_lots_max
    return GuardLimits(
        notional_max=GUARD_TIMES * limits.order_value_max,
        orders_per_s_max=max(GUARD_TIMES * limits.orders_per_s_max, limits.messages_per_s_max),
        lots_max=None if lots is None else GUARD_TIMES * lots,
    )


def account_of(plan: RunPlan) -> str:
    """Return the account that a journal belongs to."""
    return f"{plan.venue}/{plan.account}"


def desk_setup(plan: RunPlan, risk_file: Path | None) -> DeskSetup:
    """Return what a run trades as: the simulated market starts armed, all else does not.

    Raises:
        ConfigError: The risk file cannot be read, or a limit in it is wrong or missing; or there
            is none for real money.
    """
    limits = paper_limits()
    if risk_file is None and plan.mode == "live":
        raise ConfigError("trading live needs limits of your own: name a `risk_file`")
    if risk_file is not None:
        try:
            text = risk_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"risk file {risk_file} cannot be read: {error}") from error
        limits = limits_from_toml(text)
    return DeskSetup(
        venue=plan.venue,
        account=plan.account,
        is_live=plan.mode == "live",
        starts_armed=plan.mode == "sim",
        limits=limits,
    )


def recover_ledger(
    folder: DataFolder, plan: RunPlan, files: Files = ON_THIS_MACHINE.files
) -> tuple[Ledger, Previous | None, tuple[str, ...]]:
    """Fold the newest run of a folder, into what a checkpoint of it would be.

    Nothing of a run may depend on how its ledger came to be, not the order of a table either: a
    replay begins with the checkpoint.

    Raises:
        JournalCorrupt: The journal is damaged.
        JournalNotOurs: It is of another account or a newer version.
        StorageUnavailable: The disk refuses.
    """
    files.make_folder(folder.journal)
    recovered = recover(files, folder.journal, account_of(plan))
    checkpoint = recovered.checkpoint
    ledger = Ledger() if checkpoint is None else Ledger.from_bytes(checkpoint)
    decoder = msgspec.msgpack.Decoder(list[Fact])
    for record in recovered.facts:
        try:
            facts = decoder.decode(record)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalNotOurs(f"{folder.journal} holds unknown facts: {error}") from error
        for fact in facts:
            ledger.apply(fact)
    return Ledger.from_bytes(ledger.to_bytes()), recovered.previous, recovered.notes


def attach_trading(
    host: EngineHost,
    folder: DataFolder,
    plan: RunPlan,
    clock: Clock,
    previous: Previous | None,
    ports: TradingPorts = ON_THIS_MACHINE,
) -> None:
    """Begin the run's journal and give the host its way out for orders.

    Raises:
        StorageUnavailable: The journal cannot be begun; nothing may trade without it.
    """
    plan.is_after_crash = previous is not None and not previous.is_orderly
    run = Run(account_of(plan), plan.run_id, clock.now_ns())
    checkpoint = host.state.desk.ledger.to_bytes()
    opened = open_run(ports.files, folder.journal, run, previous, checkpoint)
    gateway = ports.new_gateway(host, clock)
    guard = GatewayGuard(gateway, guard_limits(host.state.desk.limits))
    latch = LatchFile(folder.latch, ports.files)
    journal = JournalWriter(opened, clock, ports.new_worker())
    parts = TradingParts(
        clock=clock,
        journal=journal,
        guard=guard,
        latch_file=latch,
        latch_worker=ports.new_worker(),
        checkpoint=host.state.desk.ledger.to_bytes,
        report=host.report,
        answer=host.answer,
        start_task=host.start_task,
        keep=host.keep,
    )
    host.attach(TradingShell(parts), gateway)
