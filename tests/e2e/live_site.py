"""A machine on which the whole program trades live at the fake venue over real sockets."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from engine.fake.server import FakeVenue
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.filters import SymbolRules, info_row
from engine.keys import account_name
from engine.model.numbers import NS_PER_MS
from engine.venues.trading import Credentials
from tests.e2e.engines import WAIT_S, Finished, cockpit, wait_for_socket
from tests.fakes.captures import STEP_NS, Recording, depth_data

VENUE, SYMBOL = "binance_futures", "ABCUSDT"
TENTHS = 4_000
"""How long the market lives, in tenths of a second."""
FUNDING_S = 8 * 3_600
"""From the beginning to the next funding: long after the market has ended."""
ACCOUNT = account_name(Credentials(TEST_KEY, TEST_SECRET))
LIMITS = (Path(__file__).parents[2] / "engine" / "execution" / "risk.paper.toml").read_text()


def a_steady_market(folder: Path, tenths: int = TENTHS) -> Path:
    """Record a market of 100.0 and 101.0 that begins now."""
    recording = Recording(VENUE)
    rules = SymbolRules(
        symbol=SYMBOL, base="ABC", tick=Decimal("0.1"), step=Decimal(1), qty_min=Decimal(1)
    )
    recording.http("exchangeInfo", {"symbols": [info_row(rules)]})
    recording.snapshot(10, bids="100.0x500 99.0x500", asks="101.0x500 102.0x500")
    start_ns = time.time_ns()
    funding_ms = start_ns // NS_PER_MS + FUNDING_S * 1_000
    for tenth in range(tenths):
        number, ms = 10 + tenth, (start_ns + tenth * STEP_NS) // NS_PER_MS
        sizes = {"bids": f"98.0x{1 + tenth % 2}"}
        change = depth_data((number, number, number - 1), **sizes) | {"E": ms, "T": ms}
        recording.stream("abcusdt@depth@100ms", change)
        if tenth % 10 == 0:
            mark = {"e": "markPriceUpdate", "E": ms, "s": SYMBOL, "p": "100.5", "i": "100.5"}
            recording.stream(
                "abcusdt@markPrice@1s", mark | {"P": "100.5", "r": "0.0001", "T": funding_ms}
            )
            recording.trade("101.0", "2", t=1 + tenth // 10, E=ms, T=ms)
    for number, line in enumerate(recording.lines):
        line["recv_ns"] = start_ns + number * tenths * STEP_NS // len(recording.lines)
    return recording.write(folder)


class Site:
    """A machine with a fake venue, a key and an engine that may be killed.

    Args:
        folder: Where everything of it is.
        venue: The fake one.
        limits: Text of its risk file.
    """

    def __init__(self, folder: Path, venue: FakeVenue, limits: str = LIMITS) -> None:
        assert venue.trading is not None
        self.exchange: FakeExchange = venue.trading
        self.data = folder / "data"
        self.state = folder / "state"
        key = folder / "binance.key"
        key.write_text(f'key = "{TEST_KEY}"\nsecret = "{TEST_SECRET}"\n')
        key.chmod(0o600)
        self.settings = folder / "live.toml"
        risk = folder / "risk.toml"
        risk.write_text(limits)
        self.settings.write_text(
            f'venue = "{VENUE}"\ninstruments = ["{SYMBOL}"]\nrisk_file = "{risk}"\n'
            'on_exit = "keep"\non_restart = "resume"\n'
            f'[venues.{VENUE}]\nlive = true\nkey_file = "{key}"\n'
            f'[endpoints.{VENUE}]\nrest = "{venue.rest_url}"\nstream = "{venue.stream_url}"\n'
        )
        self.program: tuple[str, ...] = ("-m", "cockpit")
        self.process: subprocess.Popen[bytes] | None = None
        self._errors = folder / "stderr"

    def _engine(
        self, *flags: str, is_live: bool = True, errors: BinaryIO | int = subprocess.PIPE
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, *self.program, "--no-ui", *["--live"][: int(is_live)]]
        command += ["--settings", str(self.settings), "--data-dir", str(self.data), *flags]
        environment = {**os.environ, "XDG_STATE_HOME": str(self.state)}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, env=environment)

    async def start(self, *flags: str, is_live: bool = True) -> None:
        """Start the engine, and wait until it can be joined."""
        with self._errors.open("wb") as errors:  # A pipe that nobody reads would fill.
            self.process = self._engine(*flags, is_live=is_live, errors=errors)
        try:
            await asyncio.to_thread(wait_for_socket, self.data, self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._errors.read_text()[-2_000:]}") from error

    async def refused(self, *flags: str) -> tuple[int, str]:
        """Start an engine that ends by itself; return its exit code and what it said."""
        process = self._engine(*flags)
        _, said = await asyncio.to_thread(process.communicate, timeout=WAIT_S)
        return process.returncode, said.decode()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """End the engine; return what it wrote to standard error."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        await asyncio.to_thread(process.wait, timeout=WAIT_S)
        return self._errors.read_text()

    async def say(self, line: str, *confirm: str) -> Finished:
        """Give an order."""
        return await asyncio.to_thread(cockpit, "do", line, *confirm, data_dir=self.data)

    async def insist(self, line: str, *confirm: str) -> None:
        """Give an order until it is taken: the engine may still ask what the account holds."""
        done = await self.say(line, *confirm)
        for _ in range(200):
            if done.code == 0:
                return
            await asyncio.sleep(0.2)
            done = await self.say(line, *confirm)
        raise AssertionError(f"{line}: {done.out} {done.err}")

    def open_ids(self) -> list[str]:
        """Return the orders that rest at the venue."""
        return [order.client_order_id for order in self.exchange.desk.open_orders(SYMBOL)]


@asynccontextmanager
async def a_site(
    folder: Path, *, limits: str = LIMITS, tenths: int = TENTHS
) -> AsyncIterator[Site]:
    """Run a venue whose clock is right, with a market that plays already."""
    capture = a_steady_market(folder, tenths)
    async with FakeVenue(capture, clock=time.time_ns, is_now=True) as venue:
        site = Site(folder, venue, limits)
        try:
            yield site
        finally:
            if site.process is not None:
                await site.end(signal.SIGKILL)
