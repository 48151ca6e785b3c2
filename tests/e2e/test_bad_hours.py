"""Bad hours from end to end, each part a process: a venue with faults, an engine, a terminal.

What is shown as good is compared, look by look, with the books that the venue truly had.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from cockpit.launch import running_engine
from cockpit.link import join
from engine.fake.server import FakeVenue
from engine.folder import DataFolder
from engine.ingest.health import LIMITS
from engine.model.commands import Arm, StartStrategy, SubmitOrder
from engine.model.instrument import InstrumentId, instrument_id
from engine.model.market import Level
from engine.model.numbers import NS_PER_S
from engine.model.orders import OrderType
from engine.model.view import BookView, RiskView
from engine.port import ViewFrame, Watch
from engine.runtime.host import RunPlan
from engine.runtime.recovery import recover_ledger
from storage.files import DiskFiles
from storage.journal import read_all
from storage.journal_format import Kind
from storage.recording import CaptureReader
from tests.e2e.engines import WAIT_S, headless, seq, seq_above, until
from tests.e2e.terminal import Terminal, stop_engine
from tests.e2e.traders import PANES, Trader, far, trader
from tests.fakes.captures import Line, read_lines, write_lines

pytestmark = pytest.mark.slow

LEVELS = 5
"""Of each side, that are compared at every look."""
ROWS = 1_000
PLAY_S_MAX = 10 * WAIT_S
MUTE_AND_STALL_S = 8
"""More than the hard limit of a book: whoever looks must see it as stale."""

CLOCK_STEP_S = -7_200

Rows = tuple[tuple[tuple[Decimal, Decimal], ...], ...]
"""Price and size of the best bids and of the best asks."""


class Hours(NamedTuple):
    """What is played, at which pace, and who trades on it."""

    venue: str
    command: str
    symbols: tuple[str, ...]
    speed: float
    on_restart: str


BINANCE = Hours("binance_futures", "binance", ("BTCUSDT",), 1, "resume")
OKX = Hours("okx", "okx", ("BTC-USDT", "UNI-USD-SWAP", "BTC-USD-220527"), 0.25, "halted")


# What goes wrong.


def lines_with(lines: Sequence[Line], text: str, first: int, last: int) -> list[int]:
    """Return the numbers of the lines from first to last that hold a text."""
    chosen = enumerate(lines[first - 1 : last], first)
    return [number for number, line in chosen if text in line["raw"]]


def bad_binance(shared: Path) -> tuple[list[Line], str]:
    """Return a minute of the capture, ten seconds of it squeezed into one, and its faults."""
    lines = read_lines(shared / "captures/binance_futures_btcusdt_20240808.jsonl.gz", 16_000)
    first, last = 8_584, 11_078
    begin_ns, saved_ns = lines[first]["recv_ns"], 0
    for line in lines[first:]:
        if line["recv_ns"] <= lines[last]["recv_ns"]:
            saved_ns = (line["recv_ns"] - begin_ns) * 9 // 10
        line["recv_ns"] -= saved_ns
    lost, one, other, twice = lines_with(lines, "depthUpdate", 2_600, 3_300)[::8][:4]
    return lines, (
        f"drop_lines = [{lost}]\nswap_lines = [[{one}, {other}]]\nrepeat_lines = [{twice}]\n"
        "refuse_snapshots = 1\nslow_snapshot_s = 0.3\n"
        "[[disconnect_at_line]]\nline = 3500\n"
        '[[drop]]\nstream = "btcusdt@depth"\nfrom_line = 3787\nto_line = 6500\n'
        f"[[stall_at_line]]\nline = 7272\nseconds = {MUTE_AND_STALL_S}\n"
        "[[drop]]\nshare = 0.05\nfrom_line = 7400\nto_line = 8500\n"
        '[[disconnect_at_line]]\nline = 9500\npath = "public"\n'
        "[[disconnect_at_line]]\nline = 10000\ncode = 1012\n"
        f"[[clock_step_at_line]]\nline = 10500\nseconds = {CLOCK_STEP_S}\n"
        "[[day_cut_at_line]]\nline = 12000\n"
    )


def bad_okx(shared: Path) -> tuple[list[Line], str]:
    """Return the whole capture and its faults."""
    lines = read_lines(shared / "captures/okx.jsonl.gz", 439)
    lost, one, other, twice = lines_with(lines, '"books","instId":"BTC-USDT"', 150, 200)[:4]
    return lines, (
        f"drop_lines = [{lost}]\nswap_lines = [[{one}, {other}]]\nrepeat_lines = [{twice}]\n"
        "refuse_snapshots = 1\nslow_snapshot_s = 0.3\n"
        "[[disconnect_at_line]]\nline = 210\n"
        '[[drop]]\nstream = "books"\nfrom_line = 230\nto_line = 290\n'
        f"[[stall_at_line]]\nline = 310\nseconds = {MUTE_AND_STALL_S}\n"
        "[[drop]]\nshare = 0.1\nfrom_line = 320\nto_line = 380\n"
        f"[[clock_step_at_line]]\nline = 330\nseconds = {CLOCK_STEP_S}\n"
        '[[disconnect_at_line]]\nline = 390\npath = "public"\n'
        "[[day_cut_at_line]]\nline = 415\nnotice_s = 1\n"
    )


# What was true.


class Truth:
    """Every book that a venue had while a capture was played, oldest first."""

    def __init__(self, capture: Path, symbols: tuple[str, ...]) -> None:
        self._books: dict[str, list[Rows]] = {symbol: [] for symbol in symbols}
        venue = FakeVenue(capture, speed=0).core
        venue.start()
        for frame in CaptureReader(capture):
            while venue.counters.lines_played < frame.line:
                venue.play_line(0)
            if any(word in frame.raw for word in ('"bids"', "depthUpdate")):
                for symbol, books in self._books.items():
                    picture = venue.book(symbol)
                    rows = _best(picture.bids), _best(picture.asks)
                    if not books or books[-1] != rows:
                        books.append(rows)
        venue.close()

    def place(self, symbol: str, rows: Rows, at_least: int) -> int | None:
        """Return where a book stands, looked for from a place on; None where it never was."""
        books = self._books[symbol]
        return next((at for at in range(at_least, len(books)) if books[at] == rows), None)

    def last(self, symbol: str) -> Rows:
        """Return the book with which it all ends."""
        return self._books[symbol][-1]


def _best(side: dict[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in islice(side.items(), LEVELS))


# What is shown.


class Witness:
    """Looks at one book, again and again."""

    def __init__(self, symbol: str, truth: Truth) -> None:
        self._symbol = symbol
        self._truth = truth
        self._at = 0
        self.shown: Rows | None = None
        """The newest book that was shown as good."""
        self.is_good = False
        self.bad_spells = 0
        """How often a good book became one that is not, and said so."""
        self.stale_looks = 0

    async def look(self, folder: Path, instrument: InstrumentId) -> None:
        """Look until cancelled."""
        port = await join(DataFolder(folder).socket, "command")
        port.watch(Watch(("book",), instrument, book_rows=ROWS, fps=20))
        try:
            while True:
                message = await port.receive()
                if isinstance(message, ViewFrame) and isinstance(message.view, BookView):
                    self._judge(message.view)
        finally:
            await port.close()

    def _judge(self, view: BookView) -> None:
        """See that what looks good is a book that the venue had, and none older than the last."""
        was_good, self.is_good = self.is_good, view.state == "live" and view.freshness != "stale"
        self.bad_spells += was_good and not self.is_good
        self.stale_looks += view.freshness == "stale"
        if not self.is_good:
            return
        assert view.age_ns is not None
        assert view.age_ns < LIMITS["book"].stale_ns
        self.shown = tuple(
            tuple(_decimals(view, level) for level in side[:LEVELS])
            for side in (view.bids, view.asks)
        )
        at = self._truth.place(self._symbol, self.shown, self._at)
        assert at is not None, f"{self._symbol} had no {self.shown} since its book {self._at}"
        self._at = at

    def is_at_the_end(self) -> bool:
        """Whether the newest good book is the last one of all."""
        return self.shown == self._truth.last(self._symbol)


def _decimals(view: BookView, level: Level) -> tuple[Decimal, Decimal]:
    price, size = level
    return Decimal(price).scaleb(-view.price_decimals), Decimal(size).scaleb(-view.qty_decimals)


@asynccontextmanager
async def witnesses(folder: Path, hours: Hours, truth: Truth) -> AsyncIterator[dict[str, Witness]]:
    """Watch all books until the block is left; whatever they object to is raised."""
    found = {symbol: Witness(symbol, truth) for symbol in hours.symbols}
    async with asyncio.TaskGroup() as group:
        looking = [
            group.create_task(witness.look(folder, instrument_id(hours.venue, symbol)))
            for symbol, witness in found.items()
        ]
        yield found
        for task in looking:
            task.cancel()


# The parts.


class Venue(NamedTuple):
    """A fake venue in a process of its own."""

    settings: str
    log: Path

    def has_ended(self) -> bool:
        """Whether the last line was played."""
        return "the capture has ended" in self.log.read_text()


@contextmanager
def venue_of(hours: Hours, log: Path, *arguments: str) -> Iterator[Venue]:
    """Run `cockpit fake-venue` until the block is left."""
    command = [sys.executable, "-m", "cockpit", "fake-venue", hours.command, *arguments]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + WAIT_S
        while not (words := log.read_text().split()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the venue never began"
            time.sleep(0.02)
        rest, stream = (word.rstrip(";") for word in words if "://" in word)
        symbols = ", ".join(f'"{symbol}"' for symbol in hours.symbols)
        yield Venue(
            f'venue = "{hours.venue}"\ninstruments = [{symbols}]\n'
            f'[endpoints.{hours.venue}]\nrest = "{rest}"\nstream = "{stream}"\n',
            log,
        )
    finally:
        process.terminate()
        process.wait(WAIT_S)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; whatever engine is left on it is ended."""
    with tempfile.TemporaryDirectory(prefix="cockpit-") as name:
        yield Path(name)
        stop_engine(Path(name))


def wait_until_gone(folder: Path) -> None:
    """Wait until nobody answers on a folder."""
    deadline = time.monotonic() + WAIT_S
    while running_engine(DataFolder(folder)) is not None:
        assert time.monotonic() < deadline, "the engine lives"
        time.sleep(0.02)


def digest_begun_with(folder: Path) -> str:
    """Return the digest of the ledger that the newest run has begun with."""
    records = read_all(DiskFiles(), DataFolder(folder).journal)
    begun = [record.payload for _, record in records if record.kind is Kind.CHECKPOINT]
    return sha256(begun[-1]).hexdigest()


# The hours.


async def trade(client: Trader, hours: Hours) -> None:
    """Take a position, let an order rest, start a strategy."""
    instrument = instrument_id(hours.venue, hours.symbols[0])
    client.port.watch(Watch(PANES, instrument, book_rows=LEVELS, fps=20))
    book = await client.book()
    await client.must(Arm())
    await buy(client, instrument, "market", None)
    await client.until(lambda: client.positions != {}, "the position")
    rests = await buy(client, instrument, "limit", far(book, "buy"))
    await client.until(lambda: client.shows(rests, "open"), "the order rests")
    await client.must(StartStrategy("mean_reversion", instrument, 60))


async def buy(
    client: Trader, instrument: InstrumentId, kind: OrderType, price: Decimal | None
) -> str:
    """Buy as soon as the gate lets it: while the book is whole."""
    outcome = None
    for thousandths in range(10, 200):  # The same order twice in two seconds would be refused.
        size = Decimal(thousandths) / 1_000
        outcome = await client.do(SubmitOrder(instrument, "buy", kind, size, price))
        if outcome.verdict == "accepted":
            return outcome.client_order_ids[0]
        await asyncio.sleep(0.1)
    pytest.fail(f"never let through: {outcome}")


async def clock_offset_s(folder: Path) -> float | None:
    """Return how far the engine takes the venue's clock to be ahead, in seconds."""
    port = await join(DataFolder(folder).socket, "command")
    try:
        reply = await port.status()
    finally:
        await port.close()
    assert reply.health is not None
    offset_ns = reply.health.clock_offset_ns
    return None if offset_ns is None else offset_ns / NS_PER_S


async def clock_steps(folder: Path) -> None:
    """Wait until the step of the venue's clock is measured, whatever its pace adds to it."""
    while (before_s := await clock_offset_s(folder)) is None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
    async with asyncio.timeout(PLAY_S_MAX):
        while (await clock_offset_s(folder) or 0) > before_s + CLOCK_STEP_S / 2:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)


async def live_through(folder: Path, hours: Hours, truth: Truth, venue: Venue) -> None:
    """Trade, and watch the books until they are the venue's last."""
    async with witnesses(folder, hours, truth) as found, trader(folder) as client:
        stepping = asyncio.ensure_future(clock_steps(folder))
        await trade(client, hours)
        async with asyncio.timeout(PLAY_S_MAX):
            while not venue.has_ended():  # noqa: ASYNC110 - another process tells it in a file
                await asyncio.sleep(0.1)
        for symbol, witness in found.items():
            await until(witness.is_at_the_end, f"the last book of {symbol}")
            assert witness.bad_spells >= 2  # The stall and the cuts, whatever else hit it.
            assert witness.stale_looks > 0
        await stepping


async def go_on(folder: Path, hours: Hours, truth: Truth) -> RiskView:
    """Watch the books of the next engine until they are the venue's last."""
    async with witnesses(folder, hours, truth) as found, trader(folder) as client:
        for symbol, witness in found.items():
            await until(witness.is_at_the_end, f"the last book of {symbol}")
        await client.until(lambda: client.risk is not None, "the trading state")
        await client.until(lambda: client.positions != {}, "the position")
        assert client.risk is not None
        return client.risk


@pytest.mark.parametrize(
    ("hours", "bad"), [(BINANCE, bad_binance), (OKX, bad_okx)], ids=["binance", "okx"]
)
def test_bad_hours_show_no_bad_book_and_a_killed_engine_goes_on_with_the_same_ledger(
    shared_dir: Path,
    tmp_path: Path,
    folder: Path,
    hours: Hours,
    bad: Callable[[Path], tuple[list[Line], str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COCKPIT_ON_RESTART", hours.on_restart)
    lines, script = bad(shared_dir)
    capture = write_lines(tmp_path / "capture.jsonl", lines)
    settings, faults = tmp_path / "cockpit.toml", tmp_path / "faults.toml"
    faults.write_text(script)
    truth = Truth(capture, hours.symbols)
    played = ("--capture", str(capture), "--speed")

    with venue_of(
        hours, tmp_path / "bad", *played, str(hours.speed), "--faults", str(faults)
    ) as venue:
        settings.write_text(venue.settings)
        terminal = Terminal("--data-dir", str(folder), "--settings", str(settings))
        try:
            terminal.wait_for(hours.symbols[0])
            asyncio.run(live_through(folder, hours, truth, venue))
        finally:
            terminal.close()
            terminal.wait_until_gone()
        seq_above(folder, seq(folder))
        pid = int(DataFolder(folder).lock.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(folder)
    DataFolder(folder).socket.unlink(missing_ok=True)
    plan = RunPlan(mode="paper", venue=hours.venue, run_id="test", version="test")
    before, _, _ = recover_ledger(DataFolder(folder), plan)

    with venue_of(hours, tmp_path / "good", *played, str(4 * hours.speed)) as venue:
        settings.write_text(venue.settings)
        with headless(folder, "--settings", str(settings)):
            risk = asyncio.run(go_on(folder, hours, truth))

    assert digest_begun_with(folder) == before.digest()
    assert before.held()
    assert before.working()
    assert risk.trading_state == ("active" if hours.on_restart == "resume" else "halted")
    left = [f"mean_reversion@{hours.symbols[0]}"] if hours.on_restart == "resume" else []
    assert [row.name for row in risk.strategies] == left
