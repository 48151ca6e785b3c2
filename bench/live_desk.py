"""The whole program trading live at the fake venue, untouched, and who watches it from outside.

Four processes: the venue, which plays `bench.busy_market` and takes orders; the flood on the way of
its streams; the engine, `cockpit --live`, with its journal and recording on the disk; and whoever
asks, through whom the way of its REST leads. That the kill has latched and that it was verified is
read from the engine's log, which has the moment of each line.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from bench.busy_market import CROWD, SYMBOL, VENUE, write_market
from bench.flood import Flood, a_flood
from bench.hand import Hand, Ticket
from bench.side import ours
from bench.tap import Tap
from bench.terminal import cpu_s
from engine.execution import limits
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.folder import DataFolder
from engine.keys import account_name
from engine.model.commands import Arm, CancelOrders
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.venues.trading import Credentials

ACCOUNT: Final = account_name(Credentials(TEST_KEY, TEST_SECRET))
RISK: Final = Path(limits.__file__).with_name("risk.paper.toml")
TENTHS: Final = 18_000
"""How long the market lives: half an hour."""
FRAMES_MAX: Final = 2**40
ARMED_S: Final = 3_600
START_S: Final = 30
PAINTED: Final = (SYMBOL.encode(),)
LOOK_S: Final = 0.02
TICKET: Final = Ticket(
    *(InstrumentId(f"{VENUE}:{SYMBOL}"), "abc", "1"),
    price=Decimal("95.0"),
    step=Decimal("0.1"),
    prices=49,
)


class EngineLog:
    """The engine's log, as far as it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def forget(self) -> None:
        """Go on behind what is there."""
        self._at = self._path.stat().st_size

    def time_of(self, text: str, within_s: float) -> int | None:
        """Wait for a line that holds this; returns its moment, by the clock of `monotonic_ns`."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with self._path.open("rb") as file:
                file.seek(self._at)
                for line in file:
                    if text.encode() in line and line.endswith(b"\n"):
                        told_s = json.loads(line)["record"]["time"]["timestamp"]
                        ahead_ns = time.time_ns() - time.monotonic_ns()
                        return int(told_s * NS_PER_S) - ahead_ns
            time.sleep(LOOK_S)
        return None


class LiveDesk(NamedTuple):
    """What a case needs of it."""

    folder: DataFolder
    hand: Hand
    tap: Tap
    log: EngineLog
    pid: int
    flood: Flood

    def figures(self, since: tuple[int, float, float]) -> dict[str, float]:
        """Return what the engine has done since a look at `counts`."""
        seq, spent_s, at_s = since
        now_seq, now_spent_s, now_s = self.counts()
        return {
            "engine_events_per_s": round((now_seq - seq) / (now_s - at_s)),
            "engine_cpu_share": round((now_spent_s - spent_s) / (now_s - at_s), 3),
        }

    def counts(self) -> tuple[int, float, float]:
        """Return events, CPU seconds, and the time."""
        command = ours("cockpit", "status", "--json", "--data-dir", str(self.folder.path))
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return int(json.loads(done.stdout)["seq"]), cpu_s(self.pid), time.monotonic()


@contextmanager
def a_live_desk(place: Path, events_per_s: int) -> Iterator[LiveDesk]:
    """Run all of it, armed, at a market of so many events a second.

    It takes more than a minute: so long the engine cannot know how fast the market moves.
    """
    with ExitStack() as stack:
        port = stack.enter_context(_a_venue(place))
        tap = Tap(port)
        stack.callback(tap.close)
        flood = stack.enter_context(a_flood(port))
        folder = DataFolder(place / "data")
        pid = stack.enter_context(_an_engine(place, folder, tap, flood))
        hand = Hand(folder.socket)
        stack.callback(hand.close)
        hand.insist(Arm(ARMED_S), word=ACCOUNT)
        first = hand.insist(TICKET._replace(size="3").resting(0))
        hand.must(CancelOrders(first.client_order_ids))
        flood.pour(events_per_s, FRAMES_MAX)
        yield LiveDesk(folder, hand, tap, EngineLog(folder.log), pid, flood)


@contextmanager
def _a_venue(place: Path) -> Iterator[int]:
    capture = write_market(place / "market.jsonl", time.time_ns(), TENTHS)
    command = ours("cockpit", "fake-venue", "binance", "--now", "--port", "0")
    command += ["--capture", str(capture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[2]
            yield int(address.rpartition(":")[2])
        finally:
            process.terminate()


@contextmanager
def _an_engine(place: Path, folder: DataFolder, tap: Tap, flood: Flood) -> Iterator[int]:
    key, settings = place / "binance.key", place / "live.toml"
    key.write_text(f'key = "{TEST_KEY}"\nsecret = "{TEST_SECRET}"\n')
    key.chmod(0o600)
    names = ", ".join(f'"{name}"' for name in (SYMBOL, *CROWD))
    settings.write_text(
        f'venue = "{VENUE}"\ninstruments = [{names}]\nrisk_file = "{RISK}"\n'
        f'[venues.{VENUE}]\nlive = true\nkey_file = "{key}"\n'
        f'[endpoints.{VENUE}]\nrest = "{tap.url}"\nstream = "{flood.url}"\n'
    )
    command = ours("cockpit", "--no-ui", "--live", "--settings", str(settings))
    command += ["--data-dir", str(folder.path)]
    environment = {**os.environ, "XDG_STATE_HOME": str(place / "state")}
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(command, stderr=said, env=environment)
    try:
        deadline = time.monotonic() + START_S
        while not folder.socket.exists():
            assert process.poll() is None, (place / "said").read_text()
            assert time.monotonic() < deadline, "the engine never listened"
            time.sleep(LOOK_S)
        yield process.pid
    finally:
        assert process.poll() is None, (place / "said").read_text()
        process.send_signal(signal.SIGTERM)
        process.wait(START_S)
