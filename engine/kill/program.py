"""`cockpit-kill`, and `cockpit kill`: the kill switch of another process, or another host (R79)."""

import argparse
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from engine.folder import DataFolder
from engine.keys import read_credentials
from engine.kill.accounts import VENUES, Account, Sources, noted, own_environment, unlike
from engine.kill.clock import KillClock, SteadyClock
from engine.kill.engine_side import set_latch, signal_engine, wait_for_silence
from engine.kill.flatten import Flatten, SliceLimits
from engine.kill.rest import Rest, network
from engine.kill.venue import Policy, VenueKill
from engine.model.errors import ConfigError
from engine.model.numbers import NS_PER_S
from engine.model.text import clean

EXIT_DONE: Final = 0
EXIT_NOT_VERIFIED: Final = 1
EXIT_USAGE: Final = 2
EXIT_KEY: Final = 6

JOIN_S: Final = 0.2
LINE_MAX: Final = 500
UNITS: Final = {"s": 1, "m": 60, "h": 3_600}

EPILOG: Final = """\
Without --scope: sets the kill latch, signals the engine, cancels everything at each venue that is
traded live, and goes on until the venue has shown twice that nothing is open.

exit codes: 0 done; 1 not verified, not persisted, or not flat; 2 a mistake in the call, the
settings or a key file; 6 the venue refuses the key

example: cockpit-kill --flatten
"""


class Asked(NamedTuple):
    """The command line."""

    folder: DataFolder
    settings: Path | None
    scope: str
    with_stops: bool
    flattens: bool
    within_s: int | None
    if_silent_s: int | None
    heartbeat: Path
    reason: str

    @property
    def venue(self) -> str:
        """The only venue; empty for all."""
        return self.scope.removeprefix("venue:") if self.scope.startswith("venue:") else ""

    @property
    def symbol(self) -> str:
        """The only instrument; empty for all."""
        return self.scope.rpartition(":")[2] if self.scope.startswith("instrument:") else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill; returns the exit code."""
    asked = _asked(sys.argv[1:] if arguments is None else arguments)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump would hold the key.
        return Program(asked, SteadyClock(), _say).run()
    except ConfigError as error:
        sys.stderr.write(f"cockpit-kill: {error}\n")
        return EXIT_USAGE
    except KeyboardInterrupt:
        sys.stderr.write("cockpit-kill: interrupted\n")
        return EXIT_NOT_VERIFIED


class Program:
    """One kill from its beginning to its report.

    Args:
        asked: What of.
        clock: Ours.
        say: Takes lines for people.
    """

    def __init__(self, asked: Asked, clock: KillClock, say: Callable[[str], None]) -> None:
        self._asked = asked
        self._clock = clock
        self._say = say
        self._problem = ""
        """Of settings or keys: the rest goes on without what they name."""
        self._kills: list[VenueKill] = []
        self._is_latched = True
        self._is_flat = True
        self._limits = SliceLimits()

    def run(self) -> int:
        """Do all of it; returns the exit code.

        Raises:
            ConfigError: The heartbeat cannot be one; nothing was done.
        """
        reason = self._asked.reason
        if self._asked.if_silent_s is not None:
            self._say(f"watching {self._asked.heartbeat}")
            silent_s = self._asked.if_silent_s
            reason = wait_for_silence(self._asked.heartbeat, silent_s, self._clock)
            self._say(reason)
        if self._asked.scope == "all":
            self._latch(reason)
        else:
            self._say("the engine is not told of a kill of less than all: it may order again")
        self._kills = [kill for one in self._accounts() if (kill := self._kill_of(one))]
        if not self._kills and not self._problem:
            self._say("no venue is traded live: nothing is open but on paper")
        within_s = self._asked.within_s
        until_ns = None if within_s is None else self._clock.now_ns() + within_s * NS_PER_S
        self._work(until_ns)
        for line in (line for kill in self._kills for line in kill.lines()):
            self._say(line)
        if self._asked.flattens:
            self._flatten(until_ns)
        return self._exit_code()

    def _latch(self, reason: str) -> None:
        """Let the engine of this machine, if there is one, send nothing more."""
        folder = self._asked.folder
        problem = set_latch(folder.latch, reason, self._clock.now_ns())
        self._is_latched = not problem
        written = f"the kill latch is set: {folder.latch}"
        self._say(f"NOT PERSISTED: {problem}" if problem else written)
        pid = signal_engine(folder.lock)
        self._say("no engine runs here" if pid is None else f"the engine is signalled: pid {pid}")

    def _accounts(self) -> Sequence[Account]:
        """Return the accounts in scope; what cannot be read is said, and the rest goes on."""
        found: list[Account] = []
        try:
            sources = Sources(self._asked.settings, own_environment())
            found += sources.accounts()
            self._limits = _slice_limits(sources)
        except ConfigError as error:
            self._complain(error)
        try:
            found += noted(self._asked.folder)
        except ConfigError as error:
            self._complain(error)
        return [one for one in unlike(found) if self._asked.venue in {"", one.venue}]

    def _kill_of(self, account: Account) -> VenueKill | None:
        try:
            credentials = read_credentials(
                account.venue, account.key_file, own_environment(), is_named=account.is_named
            )
            wire = account.wire(credentials)
        except ConfigError as error:
            self._complain(error)
            return None
        rest = Rest(wire, network(), self._clock)
        venue = VENUES[account.venue]
        policy = Policy(self._asked.symbol, self._asked.with_stops, venue.clears_stops)
        return VenueKill(account.venue, rest, self._clock, venue.validity_ns, policy, self._say)

    def _work(self, until_ns: int | None) -> None:
        """Kill at every venue at the same time: none waits for another."""
        workers = [
            threading.Thread(target=partial(kill.run, until_ns), name=kill.name, daemon=True)
            for kill in self._kills
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                while worker.is_alive():
                    worker.join(JOIN_S)
        except KeyboardInterrupt:
            self._say("interrupted; what follows is how it stands")

    def _flatten(self, until_ns: int | None) -> None:
        for kill in self._kills:
            if not kill.is_verified:
                self._say(f"{kill.name}: not flattened, because the kill is not verified")
                self._is_flat = False
                continue
            flatten = Flatten(kill, self._clock, self._limits)
            for line in flatten.run():
                self._say(line)
            self._is_flat &= flatten.is_flat
            if kill.kept:  # What they protected may be gone.
                kill.run(until_ns)
                for line in kill.lines():
                    self._say(line)

    def _complain(self, error: ConfigError) -> None:
        self._problem = str(error)
        self._say(f"PROBLEM: {error}")

    def _exit_code(self) -> int:
        if any(kill.rest.is_key_bad for kill in self._kills):
            return EXIT_KEY
        if self._problem:
            return EXIT_USAGE
        is_done = self._is_latched and self._is_flat and all(one.is_verified for one in self._kills)
        return EXIT_DONE if is_done else EXIT_NOT_VERIFIED


def _slice_limits(sources: Sources) -> SliceLimits:
    """Return the limits of slices: those of the risk file where it says any."""
    usual = SliceLimits()
    value_max, collar = sources.limit("order_value_max"), sources.limit("price_collar_share")
    return SliceLimits(value_max or usual.value_max, min(collar or usual.collar, usual.collar))


def _asked(arguments: Sequence[str]) -> Asked:
    parser = argparse.ArgumentParser(
        "cockpit-kill",
        description="The kill switch, whatever the engine does.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--data-dir", type=Path, help="the engine's folder; also COCKPIT_DATA_DIR")
    add("--settings", type=Path, help="settings file")
    add("--scope", default="all", type=_scope, help="all, venue:NAME or instrument:SYMBOL")
    add("--stops", action="store_true", help="also what protects open positions")
    add("--flatten", action="store_true", help="then close all positions, in slices")
    add("--within", type=_duration, help="give up after so long; without it never")
    add("--if-silent", type=_duration, help="wait until the heartbeat is silent for so long")
    add("--heartbeat", type=Path, help="the heartbeat, where the engine is on another host")
    add("--reason", default="cockpit kill", help="for the journal")
    said = parser.parse_args(arguments)
    folder = DataFolder(said.data_dir)
    if said.heartbeat is not None and said.if_silent is None:
        parser.error("--heartbeat needs --if-silent")
    return Asked(
        folder=folder,
        settings=said.settings,
        scope=said.scope,
        with_stops=said.stops,
        flattens=said.flatten,
        within_s=said.within,
        if_silent_s=said.if_silent,
        heartbeat=said.heartbeat or folder.heartbeat,
        reason=said.reason,
    )


def _scope(text: str) -> str:
    kind, _, name = text.partition(":")
    is_known = kind == "venue" and name in VENUES
    if text == "all" or is_known or (kind == "instrument" and name):
        return text
    known = ", ".join(VENUES)
    raise argparse.ArgumentTypeError(f"{text!r}: all, venue:NAME ({known}) or instrument:SYMBOL")


def _duration(text: str) -> int:
    number, factor = text[:-1], UNITS.get(text[-1:], 0)
    if not (number.isascii() and number.isdigit() and factor and 0 < int(number) < 10**6):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 120s, 15m or 8h")
    return int(number) * factor


def _say(line: str) -> None:
    """Print a line; what a venue says is in some of them."""
    sys.stdout.write(f"{clean(line, LINE_MAX)}\n")
    sys.stdout.flush()
