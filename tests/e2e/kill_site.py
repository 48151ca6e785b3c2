"""A machine that is to be killed: it trades live, and its market may be in a hurry."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from bench.busy_market import CROWD, write_market
from bench.flood import Flood, a_flood
from engine.fake.server import FakeVenue
from engine.fake.trading.exchange import VenueRequest
from engine.folder import DataFolder
from engine.model.commands import Arm, ReleaseKill, SubmitOrder
from engine.model.instrument import InstrumentId
from engine.venues.trading import HttpReply
from tests.e2e.engines import WAIT_S, Finished, cockpit, until
from tests.e2e.live_site import ACCOUNT, SYMBOL, VENUE, Site
from tests.e2e.sigkills import wide_limits
from tests.e2e.traders import Trader

ABC = InstrumentId(f"{VENUE}:{SYMBOL}")
PER_S, FRAMES = 20_000, 300_000
"""How fast the market becomes, and how much of it there is."""
CALM_PER_S = 200
TENTHS = 6_000
RESTING = ("99.5", "99.4")
ORDERS = ("/fapi/v1/order", "/fapi/v1/algoOrder")
KILLED_EXIT = 7
"""Of `cockpit status --health`."""
UNREADABLE_EXIT = 2
"""Of an order whose instrument an engine that has just begun does not know yet."""


class Asked(NamedTuple):
    """One request that came to the venue, and what it answered."""

    method: str
    path: str
    signed_ms: int
    status: int

    @property
    def adds(self) -> bool:
        """Whether it is an order, or an amend, that the venue has accepted."""
        return self.path in ORDERS and self.method in ("POST", "PUT") and self.status == 200

    @property
    def takes_back(self) -> bool:
        """Whether it is a cancel."""
        return self.method == "DELETE" and "rder" in self.path


class KillSite(Site):
    """The machine, whose venue notes what it is asked and may be out of order."""

    def __init__(self, folder: Path, venue: FakeVenue, flood: Flood) -> None:
        super().__init__(folder, venue, wide_limits())
        self.flood = flood
        self.asked: list[Asked] = []
        self.broken: tuple[str, ...] = ()
        """Methods that are answered with 503."""
        self._handle = self.exchange.handle
        self.exchange.handle = self._answer  # type: ignore[method-assign]
        names = ", ".join(f'"{name}"' for name in (SYMBOL, *CROWD))
        text = self.settings.read_text().replace(f'"{SYMBOL}"', names)
        text = text.replace(venue.stream_url, flood.url)
        self.settings.write_text('on_terminal_loss = "keep"\n' + text)  # It has none for long.

    def _answer(self, request: VenueRequest, now_ns: int, *, lag_ns: int = 0) -> HttpReply:
        if request.method in self.broken:
            reply = HttpReply(503, {}, b"down")
        else:
            reply = self._handle(request, now_ns, lag_ns=lag_ns)
        said = parse_qs(request.query) | parse_qs(request.body.decode())
        signed_ms = int(said.get("timestamp", ["0"])[0])
        self.asked.append(Asked(request.method, request.path, signed_ms, reply.status))
        return reply

    async def start(self, *flags: str, is_live: bool = True) -> None:
        """Start the engine; one that does not come says why."""
        try:
            await super().start(*flags, is_live=is_live)
        except AssertionError as error:
            raise AssertionError((self.data.parent / "stderr").read_text()[-2_000:]) from error

    def pour(self) -> None:
        """Let the market run."""
        self.flood.pour(PER_S, FRAMES)

    async def hurry(self) -> None:
        """Let it run, and wait until the engine has some of it."""
        before = await self.events()
        self.pour()
        while await self.events() < before + PER_S // 4:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.1)

    async def events(self) -> int:
        """Return how many events the engine has taken in."""
        status = await asyncio.to_thread(cockpit, "status", "--json", data_dir=self.data)
        return int(status.document["seq"])

    # What the venue holds

    def stops(self) -> list[str]:
        """Return the conditional orders that wait there."""
        return [one.client_algo_id for one in self.exchange.algos.open_algos(SYMBOL)]

    def held(self) -> str:
        """Return the position there."""
        return f"{self.exchange.account.position(SYMBOL).qty:f}"

    async def more_are_broken(self, count: int) -> None:
        """Wait until so many more requests were answered with 503."""
        before = len(self.asked)
        await until(
            lambda: sum(one.status == 503 for one in self.asked[before:]) >= count, "more 503"
        )

    def times_shown(self, since: int) -> int:
        """Return how often the venue has told what is open, since so many requests."""
        return sum(
            (one.method, one.path, one.status) == ("GET", "/fapi/v1/openOrders", 200)
            for one in self.asked[since:]
        )

    def check_order(self, before: int = 0) -> None:
        """See that nothing was accepted that was signed after the first cancel of the kill.

        Args:
            before: So many requests had come before the kill; cancels among them are no kill's.
        """
        since = self.asked[before:]
        first_ms = min(one.signed_ms for one in since if one.takes_back)
        late = [one for one in since if one.adds and one.signed_ms > first_ms]
        assert not late, (first_ms, late)

    async def check_dead(self) -> None:
        """See that only what protects is left, that a restart knows, and that nothing leaves."""
        assert self.open_ids() == []
        assert len(self.stops()) == 1, "what protects the position stays"
        assert self.held() == "3"
        placed = dict(self.exchange.placed)
        await self.check_killed()
        if self.process is not None:
            await self.end()
        await self.start()
        await self.check_killed()
        await self.end()
        assert self.exchange.placed == placed

    async def check_killed(self) -> None:
        """See that the engine says that it is killed, and takes no order."""
        refused = await self.say(f"buy 1 abc @ {RESTING[0]}", "--confirm", "C1")
        async with asyncio.timeout(WAIT_S):
            while refused.code == UNREADABLE_EXIT:
                refused = await self.say(f"buy 1 abc @ {RESTING[0]}", "--confirm", "C1")
        assert refused.code == 1, refused.out + refused.err
        assert "kill" in refused.out
        health = await asyncio.to_thread(cockpit, "status", "--health", data_dir=self.data)
        assert health.code == KILLED_EXIT, health.out


@asynccontextmanager
async def a_kill_site(folder: Path) -> AsyncIterator[KillSite]:
    """Run a venue with a market that plays already, and what lets it hurry."""
    capture = write_market(folder / "market.jsonl", time.time_ns(), TENTHS)
    async with FakeVenue(capture, clock=time.time_ns, is_now=True) as venue:
        with a_flood(venue.port) as flood:
            flood.pour(CALM_PER_S, FRAMES)
            site = KillSite(folder, venue, flood)
            try:
                yield site
            finally:
                site.broken = ()
                if site.process is not None:
                    await site.end(signal.SIGKILL)


async def trade(site: Site) -> None:
    """Take a position with its stop, and let two orders rest."""
    await site.insist("arm 1h", "--confirm", ACCOUNT)
    await site.insist("buy 3 abc @ 101.0", "--confirm", "C1")
    await until(lambda: bool(site.exchange.account.trades), "a fill")
    await site.insist("stop sell pos @ 98", "--confirm", "C1")
    await until(lambda: bool(site.exchange.algos.open_algos(SYMBOL)), "a stop")
    await rest(site)


async def rest(site: Site) -> None:
    """Let two orders rest."""
    for price in RESTING:
        await site.insist(f"buy 7 abc @ {price}", "--confirm", "C1")
    await until(lambda: len(site.open_ids()) == len(RESTING), "orders that rest")


async def release(client: Trader) -> None:
    """Take a kill back, and arm."""
    await client.must(ReleaseKill("go on"), word=ACCOUNT)
    await client.until(
        lambda: client.risk is not None and not client.risk.is_latched, "the release"
    )
    await client.must(Arm(3_600), word=ACCOUNT)


async def hammer(client: Trader) -> None:
    """Give one order after the other, each as soon as the last is answered, whatever comes."""
    for tenth in cycle(range(50)):
        price = Decimal(950 + tenth) / 10
        await client.do(SubmitOrder(ABC, "buy", "limit", Decimal(1), price))


def is_verified(client: Trader) -> bool:
    """Whether the report of the kill that stands says that the venue has shown it done."""
    report = client.risk.kill_report if client.risk is not None else ()
    return bool(report) and report[0].endswith(", VERIFIED")


async def until_verified(client: Trader) -> None:
    """Wait until it does."""
    await client.until(client.is_killed, "the kill")
    await client.until(lambda: is_verified(client), "the evidence")


def latch_of(site: Site) -> Path:
    """Return where the kill latch is."""
    return DataFolder(site.data).latch


async def kill(site: Site, *arguments: str, program: str = "cockpit-kill") -> Finished:
    """Run the kill program to its end, in an environment without any other settings."""
    command = [sys.executable, "-m", "cockpit", "kill"]
    if program == "cockpit-kill":
        command = [sys.executable, "-c", "import engine.kill.program as p, sys; sys.exit(p.main())"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "--data-dir", str(site.data), *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        cwd=site.data.parent,
        env={**os.environ, "XDG_CONFIG_HOME": str(site.data.parent / "config")},
    )
    return Finished(done.returncode, done.stdout, done.stderr)
