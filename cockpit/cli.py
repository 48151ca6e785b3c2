"""The command surface. Whatever a command needs is imported when the command runs."""

import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec

import click

from engine.model.errors import CockpitError, ConfigError, PortClosed, RecordingError

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_FOLDER_IN_USE: Final = 3

P = ParamSpec("P")


class _Duration(click.ParamType[int]):
    """A length of time: `90s`, `15m`, `8h`; seconds without a letter."""

    name = "DURATION"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        factor = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(text[-1:])
        number = text if factor is None else text[:-1]
        if not (number.isascii() and number.isdigit() and 0 < int(number) <= 10_000_000):
            self.fail(f"{value!r} is no duration such as 90s, 15m or 8h", param, ctx)
        return int(number) * (factor or 1)


class _Speed(click.ParamType[float]):
    """A positive factor, or `max`, which is 0."""

    name = "N|max"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        if value == "max":
            return 0.0
        try:
            speed = float(str(value))
        except ValueError:
            speed = -1.0
        if not 0 < speed <= 10_000:
            self.fail(f"{value!r} is neither a factor from 0 to 10000 nor max", param, ctx)
        return speed


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a person can act upon into one sentence and an exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (ConfigError, RecordingError) as error:
            _fail(str(error), EXIT_USAGE)
        except CockpitError as error:
            _fail(str(error), getattr(error, "exit_code", EXIT_FAILURE))

    return wrapped


def _fail(sentence: str, exit_code: int) -> NoReturn:
    click.echo(f"cockpit: {sentence}", err=True)
    sys.exit(exit_code)


def _folder_option(command: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help="Folder for everything that is written; also COCKPIT_DATA_DIR.",
    )(command)


def _run_options(command: Callable[P, None]) -> Callable[P, None]:
    for option in (
        click.option("--seed", type=int, help="Of the simulated market."),
        click.option(
            "--settings", "settings_file", type=click.Path(path_type=Path), help="Settings file."
        ),
        click.option("--instruments", help="Names as the venue writes them, comma between."),
        click.option("--venue", help="simulated (default), binance_futures, binance or okx."),
    ):
        command = option(command)
    return _folder_option(command)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: cockpit --venue binance_futures --instruments BTCUSDT,ETHUSDT",
)
@click.version_option(package_name="cockpit-trader", prog_name="cockpit")
@_run_options
@click.option("--no-ui", is_flag=True, help="Run the engine in the foreground, without a screen.")
@click.option(
    "--live", is_flag=True, help="Trade real money, where settings, key and risk file agree."
)
@click.option(
    "--accept-withdraw-right", is_flag=True, help="Also with a key that may withdraw money."
)
@click.pass_context
@_told
def main(  # noqa: PLR0913 - one parameter per flag
    ctx: click.Context,
    data_dir: Path | None,
    venue: str | None,
    instruments: str | None,
    settings_file: Path | None,
    seed: int | None,
    no_ui: bool,
    live: bool,
    accept_withdraw_right: bool,
) -> None:
    """Trading cockpit for the terminal.

    Without a command: the engine and a screen on it, or a screen on the engine that already runs
    on the data folder. With no settings the market is simulated.
    """
    if ctx.invoked_subcommand is not None:
        return
    options: dict[str, Any] = {
        "data_dir": str(data_dir) if data_dir else None,
        "settings": str(settings_file.absolute()) if settings_file else None,
        "venue": venue,
        "instruments": _names(instruments),
        "seed": seed,
        "live": live,
        "accept_withdraw_right": accept_withdraw_right,
    }
    if no_ui:
        from engine.bootstrap import EngineOptions, run_engine

        said: list[str] = []
        code = run_engine(EngineOptions(**options), to_stderr=True, on_ready=said.append)
        if code:
            _fail(said[-1], code)
        return
    _run_with_screen(data_dir, options)


def _run_with_screen(data_dir: Path | None, options: dict[str, Any]) -> None:
    from cockpit import launch
    from engine.folder import DataFolder

    launch.check_terminal()
    folder = DataFolder(data_dir)
    running = launch.running_engine(folder)
    if running is None:
        launch.start_engine(folder, options)
    elif options["venue"] not in {None, running.venue}:
        text = f"the engine on {folder.path} runs venue {running.venue}, not {options['venue']}"
        _fail(f"{text}; stop it, or name another --data-dir", EXIT_FOLDER_IN_USE)
    elif options["live"] and running.mode != "live":
        text = f"the engine on {folder.path} trades {running.mode}, not live"
        _fail(f"{text}; stop it, or name another --data-dir", EXIT_FOLDER_IN_USE)
    while True:
        result = launch.run_screen(folder)
        if result in {"stop", "simulated"}:
            launch.wait_until_stopped(folder)
        if result != "simulated":
            break
        options |= {"venue": "simulated", "instruments": None, "live": False}
        launch.start_engine(folder, options)
    _say_goodbye(result, folder.path)


def _say_goodbye(result: str, path: Path) -> None:
    if result == "leave":
        click.echo(f"The engine keeps running on {path}; `cockpit` comes back to it.")
    elif result == "lost":
        sys.exit(EXIT_FAILURE)


@main.command(epilog="Example: cockpit attach --view")
@click.argument("socket", required=False, type=click.Path(path_type=Path))
@_folder_option
@click.option("--view", "looks_only", is_flag=True, help="Look only; `take` takes the orders over.")
@_told
def attach(socket: Path | None, data_dir: Path | None, looks_only: bool) -> None:
    """Open a screen on a running engine."""
    from cockpit import launch
    from engine.folder import DataFolder

    launch.check_terminal()
    folder = DataFolder(data_dir)
    result = launch.show_screen(socket or folder.socket, folder, looks_only=looks_only)
    if result == "lost":
        sys.exit(EXIT_FAILURE)


@main.command(epilog="Example: cockpit status --health --json")
@_folder_option
@click.option("--health", "asks_health", is_flag=True, help="Whether it is well; see exit codes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@_told
def status(data_dir: Path | None, asks_health: bool, as_json: bool) -> None:
    """Say what the running engine does; exit code 1 when none runs.

    With --health: exit code 0 while all is well, 7 when killed or halted, 5 when the journal cannot
    be written, 1 for anything else that somebody should look at.
    """
    from cockpit.status import health_document, health_text, status_document, status_text
    from engine.folder import DataFolder

    folder = DataFolder(data_dir)
    ask, say = (health_document, health_text) if asks_health else (status_document, status_text)
    try:
        document = ask(folder)
    except PortClosed:
        document = {"running": False}
    click.echo(say(document, as_json=as_json, folder=folder.path))
    sys.exit(document.get("exit_code", 0) if document["running"] else EXIT_FAILURE)


@main.command(epilog='Example: cockpit do "buy 0.01 btc @ bid post" --confirm C1')
@click.argument("line")
@click.option("--confirm", metavar="LEVEL", help="The level that the line asks for; C3: the word.")
@_folder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@_told
def do(line: str, confirm: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Carry out one line of the order grammar on a running engine.

    Without the confirmation that the line asks for it prints the plan and exits 2.
    """
    from cockpit.do import do_line
    from engine.folder import DataFolder

    done = do_line(DataFolder(data_dir), line, confirm, as_json=as_json)
    click.echo(done.text)
    sys.exit(done.exit_code)


@main.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kill(arguments: tuple[str, ...]) -> None:
    """Engage the kill switch and clear the venues: the same as `cockpit-kill`."""
    from engine.kill.program import main as run_kill

    sys.exit(run_kill(arguments))


@main.group()
def journal() -> None:
    """The journal: what was intended and what was seen."""


@journal.command("show", epilog="Example: cockpit journal show --json")
@_folder_option
@click.option("--json", "as_json", is_flag=True, help="JSON Lines, one fact a line.")
@_told
def journal_show(data_dir: Path | None, as_json: bool) -> None:
    """Print every fact of every run, oldest first."""
    from engine.bootstrap import journal_lines
    from engine.folder import DataFolder

    for text in journal_lines(DataFolder(data_dir), as_json=as_json):
        click.echo(text)


@journal.command("verify", epilog="Example: cockpit journal verify --accept")
@_folder_option
@click.option(
    "--accept", is_flag=True, help="Move damaged files away, so that a start is possible."
)
@_told
def journal_verify(data_dir: Path | None, accept: bool) -> None:
    """Read every file from end to end; exit code 1 when one is damaged."""
    from engine.bootstrap import verify_journal
    from engine.folder import DataFolder

    lines, is_sound = verify_journal(DataFolder(data_dir), accept=accept)
    click.echo("\n".join(lines))
    if not is_sound:
        sys.exit(EXIT_FAILURE)


@journal.command("statement", epilog="Example: cockpit journal statement --day 2026-01-31 --csv .")
@_folder_option
@click.option("--day", metavar="YYYY-MM-DD", help="In UTC; else the one that has not ended yet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--csv", "csv_dir", type=click.Path(path_type=Path), help="Folder for CSV files.")
@click.option("--against-venue", is_flag=True, help="Ask the venue, and list every difference.")
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path), help="With --against-venue."
)
@click.option("--venue", help="With --against-venue; else as the settings say.")
@_told
def journal_statement(  # noqa: PLR0913 - one parameter per flag
    data_dir: Path | None,
    day: str | None,
    as_json: bool,
    csv_dir: Path | None,
    against_venue: bool,
    settings_file: Path | None,
    venue: str | None,
) -> None:
    """Say what a UTC day brought: cash, profit, fees, funding; exit code 1 when something differs.

    CSV files are fills-DAY.csv and cash-DAY.csv, readable by you alone.
    """
    from engine.bootstrap import EngineOptions, day_statement, statement_told, write_statement
    from engine.folder import DataFolder

    settings = str(settings_file.absolute()) if settings_file else None
    options = EngineOptions(settings=settings, venue=venue) if against_venue else None
    checked = day_statement(DataFolder(data_dir), day, options)
    click.echo(statement_told(checked, as_json=as_json))
    if csv_dir is not None:
        for path in write_statement(checked, csv_dir):
            click.echo(f"written: {path}", err=True)
    if not checked.is_equal:
        sys.exit(EXIT_FAILURE)


@main.command(epilog="Example: cockpit record --venue binance_futures --for 8h")
@_run_options
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; else captures beside the data."
)
@click.option("--for", "duration_s", type=_Duration(), help="How long; else until it is stopped.")
@_told
def record(  # noqa: PLR0913 - one parameter per flag
    data_dir: Path | None,
    venue: str | None,
    instruments: str | None,
    settings_file: Path | None,
    seed: int | None,
    out: Path | None,
    duration_s: int | None,
) -> None:
    """Record a venue's market data, without trading; SIGTERM or ctrl+c ends it in good order.

    An engine records by itself what it sees.
    """
    from engine.bootstrap import EngineOptions, run_recorder
    from engine.folder import DataFolder

    options = EngineOptions(
        settings=str(settings_file.absolute()) if settings_file else None,
        venue=venue,
        instruments=_names(instruments),
        seed=seed,
    )
    folder = run_recorder(options, out or DataFolder(data_dir).captures, duration_s)
    click.echo(f"recorded in {folder}; `cockpit replay {folder}` runs it again")


@main.command(epilog="Example: cockpit replay capture.jsonl.gz --speed 4")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--speed", type=_Speed(), help="Factor on recorded time; default 1 on a screen.")
@click.option("--no-ui", is_flag=True, help="No screen, as fast as possible, then a summary.")
@click.option("--json", "as_json", is_flag=True, help="With --no-ui: one JSON document.")
@_folder_option
@_told
def replay(
    files: tuple[Path, ...],
    speed: float | None,
    no_ui: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Play recorded traffic through the whole engine.

    A data folder, or the id of a run in one, is run again from its recording and journal, without
    a screen: every decision is compared with what it was.
    """
    if len(files) == 1 and (files[0].is_dir() or _is_run(files[0])):
        _replay_run(files[0], data_dir, as_json=as_json)
        return
    if as_json and not no_ui:
        raise click.UsageError("--json needs --no-ui")
    if no_ui:
        from engine.bootstrap import replay_to_document

        document = replay_to_document(files)
        from cockpit.status import replay_text

        click.echo(replay_text(document, as_json=as_json))
        return
    from cockpit import launch
    from engine.bootstrap import check_capture
    from engine.folder import DataFolder

    launch.check_terminal()
    check_capture(files)
    folder = DataFolder(DataFolder(data_dir).path / "replay")
    options: dict[str, object] = {
        "data_dir": str(folder.path),
        "replay": [str(path.absolute()) for path in files],
        "speed": 1.0 if speed is None else speed,
    }
    launch.start_engine(folder, options)
    result = launch.run_screen(folder)
    _say_goodbye(result, folder.path)


def _is_run(path: Path) -> bool:
    """Whether this names a run rather than a file; runs are named by UUIDs."""
    return (
        not path.exists() and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4,12}){4}", str(path)) is not None
    )


def _replay_run(named: Path, data_dir: Path | None, *, as_json: bool) -> None:
    from cockpit.status import run_text
    from engine.bootstrap import replay_run
    from engine.folder import DataFolder

    is_folder = named.is_dir()
    folder = named if is_folder else DataFolder(data_dir).path
    document = replay_run(folder, "" if is_folder else str(named))
    click.echo(run_text(document, as_json=as_json))
    if document["state"] not in {"equal", "torn"}:
        sys.exit(EXIT_FAILURE)


@main.command(epilog="Example: cockpit doctor --json")
@_folder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@_told
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Check everything that could be wrong here, and name the mend."""
    from cockpit.doctor import examine, report_text
    from engine.folder import DataFolder

    findings = examine(DataFolder(data_dir))
    click.echo(report_text(findings, as_json=as_json))
    if any(finding.level == "red" for finding in findings):
        sys.exit(EXIT_FAILURE)


@main.command("fake-venue", epilog="Example: cockpit fake-venue binance --capture FILE --port 9001")
@click.argument("venue", type=click.Choice(["binance", "okx"]))
@click.option(
    "--capture",
    type=click.Path(path_type=Path),
    help="What is played; without it a generated market of Binance's futures.",
)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
@click.option("--speed", type=_Speed(), default="1", help="Factor on recorded time, or max.")
@click.option("--faults", type=click.Path(path_type=Path), help="TOML file of what goes wrong.")
@click.option("--seed", type=int, default=0, help="Of everything drawn by chance.")
@click.option("--now", "is_now", is_flag=True, help="Play a capture with the times of today.")
@_told
def fake_venue(  # noqa: PLR0913 - one parameter per flag
    venue: str,
    capture: Path | None,
    port: int,
    speed: float,
    faults: Path | None,
    seed: int,
    is_now: bool,
) -> None:
    """Serve a venue's real protocols on 127.0.0.1, for rehearsal and tests.

    Binance's futures can be traded there; the key is printed.
    """
    from engine.bootstrap import run_fake_venue

    run_fake_venue(venue, capture, port=port, speed=speed, faults=faults, seed=seed, is_now=is_now)


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ConfigError("--instruments names none")
    return names
