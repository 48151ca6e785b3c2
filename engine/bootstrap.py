"""The composition root: from settings to a running engine; all wiring is here."""

import asyncio
import gc
import os
import signal
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec
from loguru import logger

from engine.folder import PRIVATE_UMASK, DataFolder
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.errors import (
    CockpitError,
    ConfigError,
    FolderInUse,
    InvariantBroken,
    JournalCorrupt,
    StorageError,
)
from engine.model.signals import Notice
from engine.research.replay import Capture, events_of
from engine.research.replay_report import replay_document
from engine.runtime import journal_report
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.feed import Feed, FeedPorts
from engine.runtime.host import GC_THRESHOLDS, EngineHost, RunPlan
from engine.runtime.ids import SystemIds
from engine.runtime.lock import FolderLock
from engine.runtime.logs import start_logging
from engine.runtime.recovery import attach_trading, desk_setup, recover_ledger
from engine.runtime.source import ReplaySource, SimulatedSource, Source, SteppedClock
from engine.runtime.transport import NetworkTransport
from engine.settings import Settings, load_settings
from engine.venues.base import Endpoints, VenueSpec
from engine.venues.registry import venue_named

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


def program_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("cockpit-trader")
    except PackageNotFoundError:
        return "0+unknown"


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
        case StorageError():
            return EXIT_STORAGE
        case InvariantBroken():
            return EXIT_BROKEN
        case _:
            return EXIT_FAILURE


async def _serve(options: EngineOptions, folder: DataFolder, report: Callable[[str], None]) -> None:
    clock = SystemClock()
    assembly = _replayed(options, clock) if options.replay else _live(options, folder, clock)
    host, source, symbols, transport = assembly
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, host.stop, f"signal {number.name}")
    loop.add_signal_handler(signal.SIGUSR1, host.kill, "SIGUSR1")
    await host.server.start(folder.socket)
    report("ready")
    try:
        await host.run(source, symbols)
    finally:
        await transport.close()


_Assembly = tuple[EngineHost, Source, tuple[str, ...], NetworkTransport]


def _live(options: EngineOptions, folder: DataFolder, clock: Clock) -> _Assembly:
    settings = load_settings(
        Path(options.settings) if options.settings else None,
        {"venue": options.venue, "instruments": options.instruments, "seed": options.seed},
    )
    spec = venue_named(settings.venue)
    ids = SystemIds()
    plan = RunPlan(
        mode="paper" if spec.wire else "sim",
        venue=spec.name,
        run_id=ids.run_id(clock.now_ns()),
        version=program_version(),
    )
    ledger, previous, notes = recover_ledger(folder, plan)
    state = KernelState(desk_setup(plan, settings.risk_file))
    state.desk.ledger = ledger
    host = EngineHost(plan, clock, state)
    attach_trading(host, folder, plan, clock, previous)
    for note in notes:
        logger.warning("journal_note {}", note)
        state.notices.append(Notice(clock.now_ns(), "warning", "journal", note))
    seed = settings.seed if settings.seed is not None else zlib.crc32(plan.run_id.encode())
    transport = NetworkTransport()
    ports = FeedPorts(clock, transport, Chance(seed), host.put, host.room, host.start_task)
    source: Source
    if spec.wire is None:
        source = SimulatedSource(ports, seed)
    else:
        source = Feed(spec.name, spec.wire(_endpoints(spec, settings)), ports)
    return host, source, settings.instruments or spec.instruments, transport


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
    ports = FeedPorts(stepped, transport, Chance(0), host.put, host.room, host.start_task)
    feed = f"feed:{capture.spec.name}"
    decode = partial(events_of, capture.wire(), source=feed)
    source = ReplaySource(ports, stepped, feed, frames, decode)
    return host, source, (), transport


def _endpoints(spec: VenueSpec, settings: Settings) -> Endpoints:
    assert spec.endpoints is not None
    named = settings.endpoints.get(spec.name)
    if named is None:
        return spec.endpoints
    return Endpoints(
        rest=(named.rest or spec.endpoints.rest).rstrip("/"),
        stream=(named.stream or spec.endpoints.stream).rstrip("/"),
    )


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


def check_capture(files: Sequence[Path]) -> None:
    """Refuse what `replay` could not play, before a screen opens."""
    Capture(files)


def run_fake_venue(
    capture: Path, *, port: int, speed: float, faults: Path | None, seed: int
) -> None:
    """Serve the venue of a capture on 127.0.0.1 until interrupted.

    Raises:
        ConfigError: The capture, the faults or the port cannot be used.
    """
    asyncio.run(_serve_fake_venue(capture, port, speed, faults, seed))


async def _serve_fake_venue(
    capture: Path, port: int, speed: float, faults: Path | None, seed: int
) -> None:
    from engine.fake.server import FakeVenue, serve_capture

    clock = SystemClock()
    venue = FakeVenue(capture, speed=speed, faults=faults, port=port, seed=seed, clock=clock.now_ns)
    serving = asyncio.ensure_future(serve_capture(venue, _say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
