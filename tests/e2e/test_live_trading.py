"""The whole program trades live at the fake venue over real sockets, is killed, and goes on."""

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

import pytest

from engine.fake.binance import BinanceVenue
from engine.fake.server import FakeVenue
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET, KeyRights
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.filters import SymbolRules, info_row
from engine.keys import account_name
from engine.model.numbers import NS_PER_MS
from engine.venues.trading import Credentials
from tests.e2e.engines import WAIT_S, Finished, cockpit, until, wait_for_socket
from tests.fakes.captures import STEP_NS, Recording, depth_data

pytestmark = pytest.mark.slow

VENUE, SYMBOL = "binance_futures", "ABCUSDT"
TENTHS = 4_000
"""How long the market lives, in tenths of a second."""
ACCOUNT = account_name(Credentials(TEST_KEY, TEST_SECRET))
LIMITS = (Path(__file__).parents[2] / "engine" / "execution" / "risk.paper.toml").read_text()


def a_steady_market(folder: Path) -> Path:
    """Record a market of 100.0 and 101.0 that begins now."""
    recording = Recording(VENUE)
    rules = SymbolRules(
        symbol=SYMBOL, base="ABC", tick=Decimal("0.1"), step=Decimal(1), qty_min=Decimal(1)
    )
    recording.http("exchangeInfo", {"symbols": [info_row(rules)]})
    recording.snapshot(10, bids="100.0x500 99.0x500", asks="101.0x500 102.0x500")
    start_ns = time.time_ns()
    for tenth in range(TENTHS):
        number, ms = 10 + tenth, (start_ns + tenth * STEP_NS) // NS_PER_MS
        sizes = {"bids": f"98.0x{1 + tenth % 2}"}
        change = depth_data((number, number, number - 1), **sizes) | {"E": ms, "T": ms}
        recording.stream("abcusdt@depth@100ms", change)
        if tenth % 10 == 0:
            mark = {"e": "markPriceUpdate", "E": ms, "s": SYMBOL, "p": "100.5", "i": "100.5"}
            recording.stream("abcusdt@markPrice@1s", mark | {"P": "100.5", "r": "0.0001", "T": ms})
            recording.trade("101.0", "2", t=1 + tenth // 10, E=ms, T=ms)
    for number, line in enumerate(recording.lines):
        line["recv_ns"] = start_ns + number * TENTHS * STEP_NS // len(recording.lines)
    return recording.write(folder)


MARGIN = "free_margin_share_min = 0.3"
"""Nothing tells the margin of an account yet."""


class Site:
    """A machine with a fake venue, a key and an engine that may be killed."""

    def __init__(self, folder: Path, venue: FakeVenue) -> None:
        assert venue.trading is not None
        self.exchange: FakeExchange = venue.trading
        self.data = folder / "data"
        self.state = folder / "state"
        key = folder / "binance.key"
        key.write_text(f'key = "{TEST_KEY}"\nsecret = "{TEST_SECRET}"\n')
        key.chmod(0o600)
        self.settings = folder / "live.toml"
        risk = folder / "risk.toml"
        risk.write_text(LIMITS.replace(MARGIN, f'{MARGIN.partition("=")[0]}= "off"'))
        self.settings.write_text(
            f'venue = "{VENUE}"\ninstruments = ["{SYMBOL}"]\nrisk_file = "{risk}"\n'
            'on_exit = "keep"\non_restart = "resume"\n'
            f'[venues.{VENUE}]\nlive = true\nkey_file = "{key}"\n'
            f'[endpoints.{VENUE}]\nrest = "{venue.rest_url}"\nstream = "{venue.stream_url}"\n'
        )
        self.process: subprocess.Popen[bytes] | None = None

    def _engine(self, *flags: str, is_live: bool = True) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "cockpit", "--no-ui", *["--live"][: int(is_live)]]
        command += ["--settings", str(self.settings), "--data-dir", str(self.data), *flags]
        environment = {**os.environ, "XDG_STATE_HOME": str(self.state)}
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        )

    async def start(self, *flags: str, is_live: bool = True) -> None:
        """Start the engine, and wait until it can be joined."""
        self.process = self._engine(*flags, is_live=is_live)
        await asyncio.to_thread(wait_for_socket, self.data)

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
        _, said = await asyncio.to_thread(process.communicate, timeout=WAIT_S)
        return said.decode()

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
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """Run a venue whose clock is right, with a market that plays already."""
    async with FakeVenue(a_steady_market(folder), clock=time.time_ns) as venue:
        venue.start()
        core = venue.core
        assert isinstance(core, BinanceVenue)
        now_ns = time.time_ns()
        core._player.step_clock(now_ns - core.clock_ms(now_ns) * NS_PER_MS)
        site = Site(folder, venue)
        try:
            yield site
        finally:
            if site.process is not None:
                await site.end(signal.SIGKILL)


async def test_orders_are_placed_filled_kept_through_a_crash_and_canceled(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        await site.start()
        assert (await site.say("arm 1h")).code == 2
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        await site.insist("buy 7 abc @ 99.5", "--confirm", "C1")
        await until(lambda: len(site.open_ids()) == 1, "an order that rests")
        await site.insist("buy 3 abc @ 101.0", "--confirm", "C1")
        await until(lambda: bool(site.exchange.account.trades), "a fill")
        said = await site.end(signal.SIGKILL)

        await site.start()
        await site.insist("arm 1h", "--confirm", ACCOUNT)
        (resting,) = site.open_ids()
        document = (
            await asyncio.to_thread(cockpit, "status", "--json", data_dir=site.data)
        ).document
        assert document["mode"] == "live"
        await site.insist("cancel all", "--confirm", "C2")
        await until(lambda: site.open_ids() == [], "the cancel")
        said += await site.end()

        journal = await asyncio.to_thread(cockpit, "journal", "show", "--json", data_dir=site.data)
        assert set(site.exchange.placed.values()) == {1}
        assert resting in journal.out
        assert journal.out.count('"OrderFilled"') >= 1
        written = b"".join(path.read_bytes() for path in site.data.rglob("*") if path.is_file())
        assert TEST_SECRET.encode() not in written + said.encode()
        assert TEST_KEY.encode() not in written + said.encode()


async def test_what_does_not_agree_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.exchange.rights = KeyRights(may_withdraw=True)
        code, said = await site.refused()
        assert code == 2
        assert "--accept-withdraw-right" in said

        site.exchange.rights = KeyRights(may_trade=False)
        code, said = await site.refused("--accept-withdraw-right")
        assert code == 6
        assert "may not trade" in said

        site.exchange.rights = KeyRights(may_withdraw=True)
        await site.start("--accept-withdraw-right")
        other = ("--data-dir", str(tmp_path / "another"))
        code, said = await site.refused(*other)
        assert code == 3
        assert f"account {ACCOUNT} of {VENUE}" in said
        await site.end()


async def test_a_folder_that_traded_paper_is_not_taken_over_live(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        live = site.settings.read_text()
        site.settings.write_text(live.replace("live = true", "live = false"))
        code, said = await site.refused()
        assert code == 2
        assert f"`live = true` under [venues.{VENUE}]" in said

        site.settings.write_text(live.replace("risk_file", "# risk_file"))
        code, said = await site.refused()
        assert code == 2
        assert "risk_file" in said

        site.settings.write_text(live)
        await site.start(is_live=False)
        await site.end()
        code, said = await site.refused()
        assert code == 5
        assert f"{VENUE}/paper" in said
