"""The composition root: from settings to a running engine; all wiring is here."""

import asyncio
import gc
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec
from loguru import logger

from engine.accounts import account_of_run, endpoints_of, note_account, ports_to_read
from engine.execution.ledger_account import DAY_NS
from engine.folder import PRIVATE_FOLDER, PRIVATE_UMASK, DataFolder
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.errors import (
    CockpitError,
    ConfigError,
    FolderInUse,
    InvariantBroken,
    JournalCorrupt,
    KeyRefused,
    RecordingError,
    StorageError,
)
from engine.model.signals import Notice
from engine.model.view import Mode
from engine.research.replay import Capture, events_of
from engine.research.replay_report import replay_document
from engine.research.replay_run import RunReplay
from engine.runtime import journal_report, statement_report, venue_day
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.heartbeat import Heartbeat
from engine.runtime.host import GC_THRESHOLDS, EngineHost, RunPlan
from engine.runtime.ids import SystemIds
from engine.runtime.journal_writer import ThreadWorker
from engine.runtime.live import LiveAccount, live_setup, require_rights, venue_gateway
from engine.runtime.lock import FolderLock
from engine.runtime.logs import start_logging
from engine.runtime.process_signals import obey_signals, stop_on_signals
from engine.runtime.rate_budget import MarketTurns
from engine.runtime.recorded_wire import RecordedMarkets, RecordedWire
from engine.runtime.recorder import Recorder
from engine.runtime.recovery import (
    ON_THIS_MACHINE,
    attach_trading,
    desk_setup,
    recover_ledger,
)
from engine.runtime.source import ReplaySource, SimulatedSource, Source, SteppedClock
from engine.runtime.statement_report import CheckedStatement
from engine.runtime.transport import NetworkTransport
from engine.runtime.watches import keep_watch
from engine.settings import Settings, load_settings
from engine.venues.base import VenueSpec
from engine.venues.registry import venue_named
from storage.files import DiskFiles
from storage.recording_reader import run_named
from storage.recording_writer import RecordingWriter

DECIDING: Final = (
    "detection",
    "execution",
    "ingest",
    "kernel",
    "model",
    "strategy",
    "venues",
)
"""Packages whose every change may be another decision."""

EXIT_CLEAN: Final = 0
EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_FOLDER_IN_USE: Final = 3
EXIT_STORAGE: Final = 5
EXIT_BROKEN: Final = 70


class EngineOptions(msgspec.Struct, frozen=True):
    """What the command line says about a run; None where it says nothing."""

    data_dir: str | None = None
    settings: str | None = None
    venue: str | None = None
    instruments: tuple[str, ...] | None = None
    seed: int | None = None
    replay: tuple[str, ...] = ()
    speed: float = 1.0
    live: bool = False
    accept_withdraw_right: bool = False
    has_screen: bool = False
    """Whether a screen starts with the engine."""


def program_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("cockpit-trader")
    except PackageNotFoundError:
        return "0+unknown"


def code_version() -> str:
    """Return the version with a hash of the code that decides: a checkout changes without one."""
    folder = Path(__file__).parent
    found = sha256()
    for name in DECIDING:
        for path in sorted((folder / name).rglob("*.py")):
            found.update(path.relative_to(folder).as_posix().encode() + b"\0")
            found.update(path.read_bytes())
    return f"{program_version()}+{found.hexdigest()[:12]}"


def run_engine(
    options: EngineOptions, *, to_stderr: bool, on_ready: Callable[[str], None] | None = None
) -> int:
    """Run an engine in this process until it stops, and return the exit code.

    `on_ready` is told `ready`, or the sentence that says why there will be no engine.
    """
    os.umask(PRIVATE_UMASK)
    report = on_ready or (lambda _: None)
    try:
        folder = DataFolder(Path(options.data_dir) if options.data_dir else None)
        folder.make()
        lock = FolderLock(folder.lock)
    except FolderInUse as error:
        report(str(error))
        return EXIT_FOLDER_IN_USE
    except ConfigError as error:
        report(str(error))
        return EXIT_USAGE
    start_logging(folder.log, to_stderr=to_stderr)
    try:
        asyncio.run(_serve(options, folder, report))
    except CockpitError as error:
        report(_sentence(error))
        level = "CRITICAL" if isinstance(error, InvariantBroken) else "ERROR"
        logger.log(level, "run_failed {}", error)
        return _exit_code(error)
    finally:
        lock.release()
        logger.complete()
    return EXIT_CLEAN


def _sentence(error: CockpitError) -> str:
    """Return what people are told, with the mend where there is one."""
    if isinstance(error, JournalCorrupt):
        return f"{error}; `cockpit journal verify --accept` sets the file aside"
    return str(error)


def _exit_code(error: CockpitError) -> int:
    match error:
        case ConfigError():
            return EXIT_USAGE
        case FolderInUse() | KeyRefused():
            return error.exit_code
        case StorageError():
            return EXIT_STORAGE
        case InvariantBroken():
            return EXIT_BROKEN
        case _:
            return EXIT_FAILURE


async def _serve(options: EngineOptions, folder: DataFolder, report: Callable[[str], None]) -> None:
    clock = SystemClock()
    if options.replay:
        await _run(options, folder, report, clock, _replayed(options, clock))
        return
    settings = _settings(options)
    account = account_of_run(settings, clock) if options.live else None
    try:
        if account is not None:
            await require_rights(account.ports, accepts_withdrawal=options.accept_withdraw_right)
            note_account(folder.live, settings)
        assembly = _live(options, settings, folder, clock, account)
        await _run(options, folder, report, clock, assembly)
    finally:
        if account is not None:
            await account.close()


async def _run(
    options: EngineOptions,
    folder: DataFolder,
    report: Callable[[str], None],
    clock: Clock,
    assembly: "_Assembly",
) -> None:
    host, source, symbols, transport = assembly
    obey_signals(host)
    await host.server.start(folder.socket)
    report("ready")
    heartbeat = None
    if not options.replay:
        keep_watch(host, folder.path, clock)
        heartbeat = Heartbeat(folder.heartbeat, SystemClock(), ThreadWorker("heartbeat"))
        host.keep(heartbeat.run, "heartbeat")
    try:
        await host.run(source, symbols)
    finally:
        await transport.close()
    if heartbeat is not None:  # Not after a failure: then somebody may have to act.
        await heartbeat.stop()


_Assembly = tuple[EngineHost, Source, tuple[str, ...], NetworkTransport]


def _live(
    options: EngineOptions,
    settings: Settings,
    folder: DataFolder,
    clock: Clock,
    account: LiveAccount | None,
) -> _Assembly:
    spec = venue_named(settings.venue)
    plan = _plan(spec, clock, account)
    ledger, previous, notes = recover_ledger(folder, plan)
    setup = _with_policies(desk_setup(plan, settings.risk_file), settings)
    ports = ON_THIS_MACHINE
    if account is not None:
        setup = live_setup(setup, account)
        ports = ports._replace(new_gateway=venue_gateway(account))
    state = KernelState(msgspec.structs.replace(setup, has_screen=options.has_screen))
    state.desk.ledger = ledger
    host = EngineHost(plan, clock, state)
    attach_trading(host, folder, plan, clock, previous, ports)
    for note in notes:
        logger.warning("journal_note {}", note)
        state.notices.append(Notice(clock.now_ns(), "warning", "journal", note))
    recorder = _recorder(folder.recordings, plan, settings, clock) if settings.recording else None
    turns = None if account is None else account.market_turns
    source, transport = _source(host, plan, settings, clock, recorder, turns)
    return host, source, settings.instruments or spec.instruments, transport


def _settings(options: EngineOptions) -> Settings:
    return load_settings(
        Path(options.settings) if options.settings else None,
        {"venue": options.venue, "instruments": options.instruments, "seed": options.seed},
    )


def _plan(spec: VenueSpec, clock: Clock, account: LiveAccount | None = None) -> RunPlan:
    mode: Mode = "paper" if spec.wire else "sim"
    plan = RunPlan(
        mode=mode if account is None else "live",
        venue=spec.name,
        run_id=SystemIds().run_id(clock.now_ns()),
        version=program_version(),
    )
    plan.code = code_version()
    if account is not None:
        plan.account = account.name
    return plan


def _recorder(path: Path, plan: RunPlan, settings: Settings, clock: Clock) -> Recorder:
    bytes_max = int(settings.recording_gib_max * 2**30)
    writer = RecordingWriter(DiskFiles(), path, plan.venue, plan.run_id, bytes_max)
    return Recorder(plan.venue, plan.run_id, writer, clock, ThreadWorker("recorder"))


def _source(
    host: EngineHost,
    plan: RunPlan,
    settings: Settings,
    clock: Clock,
    recorder: Recorder | None,
    turns: MarketTurns | None = None,
) -> tuple[Source, NetworkTransport]:
    """Return where the market comes from, recorded where there is a recorder."""
    seed = settings.seed if settings.seed is not None else zlib.crc32(plan.run_id.encode())
    transport = NetworkTransport()
    ports = FeedPorts(
        clock, transport, Chance(seed), host.put, host.room, host.start_task, host.keep, turns
    )
    if recorder is not None:
        host.record_with(recorder)
    spec = venue_named(plan.venue)
    if spec.wire is None:
        if recorder is None:
            return SimulatedSource(ports, seed), transport
        markets = RecordedMarkets(recorder, clock)
        return SimulatedSource(ports, seed, open_market=markets.open), transport
    wire = spec.wire(endpoints_of(spec, settings))
    if recorder is not None:
        wire = RecordedWire(wire, recorder, clock)
    return Feed(spec.name, wire, ports), transport


def _with_policies(setup: DeskSetup, settings: Settings) -> DeskSetup:
    """Add what the settings say for the hours in which nobody looks."""
    on_loss = settings.on_terminal_loss or ("reduce_only" if setup.is_live else "keep")
    return msgspec.structs.replace(
        setup,
        on_terminal_loss=on_loss,
        terminal_grace_s=settings.terminal_grace_s,
        on_restart=settings.on_restart,
        on_exit=settings.on_exit,
        on_unprotected=settings.on_unprotected,
    )


def _replayed(options: EngineOptions, clock: Clock) -> _Assembly:
    capture = Capture([Path(path) for path in options.replay])
    frames = tuple(capture.frames())
    stepped = SteppedClock(clock, options.speed, frames[0].ts_ns)
    plan = RunPlan(
        mode="replay", venue=capture.spec.name, run_id="replay", version=program_version()
    )
    plan.replay_speed = options.speed
    host = EngineHost(plan, stepped)
    transport = NetworkTransport()
    ports = FeedPorts(
        stepped, transport, Chance(0), host.put, host.room, host.start_task, host.keep
    )
    feed = f"feed:{capture.spec.name}"
    decode = partial(events_of, capture.wire(), source=feed)
    source = ReplaySource(ports, stepped, feed, frames, decode)
    return host, source, (), transport


def run_recorder(options: EngineOptions, out: Path, for_s: float | None) -> Path:
    """Record a venue's market data until the time is over or somebody stops it.

    Returns:
        Where the recording is.

    Raises:
        ConfigError: The folder is an engine's own, or cannot be written.
        FolderInUse: Another recorder writes there.
    """
    os.umask(PRIVATE_UMASK)
    if DataFolder(out.absolute().parent).lock.exists():
        raise ConfigError(f"{out} belongs to an engine, which records by itself: name another")
    try:
        out.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out} cannot be made: {error.strerror}") from error
    lock = FolderLock(out / "recorder.lock")
    try:
        start_logging(out / "recorder.log.jsonl", to_stderr=True)
        asyncio.run(_record(options, out, for_s))
    finally:
        lock.release()
        logger.complete()
    return out


async def _record(options: EngineOptions, out: Path, for_s: float | None) -> None:
    clock = SystemClock()
    settings = _settings(options)
    spec = venue_named(settings.venue)
    plan = _plan(spec, clock)
    host = EngineHost(plan, clock, KernelState(DeskSetup(venue=spec.name)))
    recorder = _recorder(out, plan, settings, clock)
    source, transport = _source(host, plan, settings, clock, recorder)
    stop_on_signals(host)
    if for_s is not None:
        asyncio.get_running_loop().call_later(for_s, host.stop, "the time is over")
    try:
        await host.run(source, settings.instruments or spec.instruments)
    finally:
        await transport.close()
    if recorder.problem:
        raise RecordingError(f"{out}: {recorder.problem}")


def replay_run(path: Path, run: str) -> dict[str, Any]:
    """Run a recorded run again and return what came of it.

    Args:
        path: A data folder, or the folder of a recording.
        run: Its id; empty for the newest.

    Raises:
        RecordingError: There is no such recording.
        StorageUnavailable: It cannot be read.
    """
    folder = DataFolder(path)
    recordings = folder.recordings if folder.recordings.is_dir() else path
    files = DiskFiles()
    reader = run_named(files, recordings, run)
    verdict = RunReplay(reader, files, folder.journal, code_version()).run()
    document: dict[str, Any] = msgspec.to_builtins(verdict)
    return document


def replay_to_document(files: Sequence[Path]) -> dict[str, Any]:
    """Run recordings through the engine as fast as it goes and return what was found."""
    capture = Capture(files)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return replay_document(capture, program_version())


def journal_lines(folder: DataFolder, *, as_json: bool) -> Iterator[str]:
    """Iterate over every fact of a folder's journal."""
    return journal_report.journal_lines(folder, as_json=as_json)


def verify_journal(folder: DataFolder, *, accept: bool) -> tuple[list[str], bool]:
    """Check a folder's journal; `accept` moves damaged files away."""
    return journal_report.verify_journal(folder, accept_damage=accept)


def day_statement(
    folder: DataFolder, day: str | None, options: EngineOptions | None
) -> CheckedStatement:
    """Return the statement of a day.

    Args:
        folder: Whose journals are read.
        day: Such as 2026-01-31; None for the one that has not ended yet.
        options: Where the venue is to be asked, and by which settings; None to ask nobody.

    Raises:
        ConfigError: The day is none, or the settings or the key are wrong.
        StorageError: A journal cannot be read.
        VenueUnreachable: The venue did not tell all of the day.
    """
    clock = SystemClock()
    number = clock.now_ns() // DAY_NS if day is None else statement_report.day_number(day)
    read = statement_report.read_books(DiskFiles(), folder.journal)
    if options is None:
        return statement_report.checked_statement(read, number)
    ports = ports_to_read(_settings(options), read.account, clock)
    return asyncio.run(venue_day.statement_beside(read, number, ports))


def write_statement(checked: CheckedStatement, folder: Path) -> list[Path]:
    """Write a day's fills and other movements of money as CSV."""
    return statement_report.write_csv(DiskFiles(), folder.absolute(), checked.statement)


def statement_told(checked: CheckedStatement, *, as_json: bool) -> str:
    """Return a statement for people, or as one JSON document."""
    if as_json:
        return statement_report.statement_json(checked)
    return statement_report.statement_text(checked)


def check_capture(files: Sequence[Path]) -> None:
    """Refuse what `replay` could not play, before a screen opens."""
    Capture(files)


def run_fake_venue(  # noqa: PLR0913 - one parameter per flag
    name: str,
    capture: Path | None,
    *,
    port: int,
    speed: float,
    faults: Path | None,
    seed: int,
    is_now: bool = False,
) -> None:
    """Serve the venue of a capture on 127.0.0.1 until interrupted.

    Args:
        name: Which venue it must be; `binance` stands for both of Binance's.
        capture: The recording to serve; None for a generated market of Binance's futures.
        port: Where to listen; 0 is any free port.
        speed: Times the recorded pace.
        faults: What goes wrong on the way, if anything.
        seed: Of the chances that the faults take.
        is_now: Whether a capture is played with the times of today; a generated market always is.

    Raises:
        ConfigError: The capture, the faults or the port cannot be used.
    """
    from engine.fake.server import FakeVenue, serve_until_ended

    if capture is None and name != "binance":
        raise ConfigError(f"{name} plays a recording; name it with --capture")
    clock = SystemClock().now_ns
    is_now = is_now or (capture is None and speed == 1)
    venue = FakeVenue(
        capture, speed=speed, faults=faults, port=port, seed=seed, clock=clock, is_now=is_now
    )
    if venue.venue.partition("_")[0] != name:
        raise ConfigError(f"{capture} is of {venue.venue}, not of {name}")
    asyncio.run(serve_until_ended(venue))
