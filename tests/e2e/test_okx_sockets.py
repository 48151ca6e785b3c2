"""The feed shell against a local OKX over real sockets: books of old and of today, their faults.

The capture is of a time before sequence numbers; a second one is the same with numbers as they are
sent today, and a checksum of 0.
"""

import hashlib
import json
import subprocess
import sys
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import Disconnect, Faults
from engine.fake.server import FakeVenue
from engine.kernel.state import InstrumentState
from engine.model.instrument import instrument_id
from engine.research.replay_report import book_text
from engine.runtime.host import EngineHost
from engine.venues.base import Endpoints
from tests.e2e.engines import engine_on, until
from tests.fakes.captures import read_lines, write_lines

pytestmark = pytest.mark.slow  # Sixteen engines; files play the same captures at once.

SYMBOLS = ("BTC-USDT", "UNI-USD-SWAP", "BTC-USD-220527")
BTC = "BTC-USDT"
BTC_LINE = 249
SNAPSHOT_LINE = 56
LINES = 439


@pytest.fixture(scope="module")
def numbered(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the capture with sequence numbers in all books."""
    lines = read_lines(shared_dir / "captures/okx.jsonl.gz", LINES)
    numbers = count(1_000, 7)
    last: dict[str, int] = {}
    for line in lines:
        message = json.loads(line["raw"]) if line.get("dir") == "in" else {}
        if "action" in message:
            symbol = message["arg"]["instId"]
            before = -1 if message["action"] == "snapshot" else last[symbol]
            last[symbol] = next(numbers)
            ids = {"prevSeqId": before, "seqId": last[symbol], "checksum": 0}
            message["data"][0] |= ids
            line["raw"] = json.dumps(message)
    return write_lines(tmp_path_factory.mktemp("okx") / "numbered.jsonl", lines)


async def play(capture: Path, faults: Faults | None = None) -> tuple[EngineHost, FakeVenue]:
    """Play a capture as fast as it is read, until every book is the venue's."""
    async with FakeVenue(capture, speed=0, faults=faults) as venue:
        endpoints = Endpoints(rest=venue.rest_url, stream=venue.stream_url)
        async with engine_on("okx", endpoints, SYMBOLS) as host:
            await venue.finished()
            for symbol in SYMBOLS:
                await until(partial(is_true, host, venue, symbol), symbol)
            return host, venue


def market_of(host: EngineHost, symbol: str) -> InstrumentState:
    return host.state.instruments[instrument_id("okx", symbol)]


def shown(host: EngineHost, symbol: str) -> str:
    market = market_of(host, symbol)
    return book_text(market.book, market.price_decimals, market.qty_decimals, None)


def is_true(host: EngineHost, venue: FakeVenue, symbol: str) -> bool:
    picture = venue.book(symbol)
    sides = (
        ",".join(f"{plain(price)}:{plain(size)}" for price, size in side.items())
        for side in (picture.bids, picture.asks)
    )
    is_live = market_of(host, symbol).book.state == "live"
    return is_live and shown(host, symbol) == "bids={};asks={}".format(*sides)


def plain(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def expected(shared_dir: Path) -> dict[str, Any]:
    symbols: dict[str, Any] = json.loads((shared_dir / "captures/okx.expected.json").read_text())
    return symbols["symbols"]


@pytest.mark.parametrize("has_ids", [False, True], ids=["of old", "of today"])
async def test_through_sockets_the_capture_ends_in_the_same_book(
    shared_dir: Path, numbered: Path, has_ids: bool
) -> None:
    host, venue = await play(numbered if has_ids else shared_dir / "captures/okx.jsonl.gz")

    for symbol, wanted in expected(shared_dir).items():
        market = market_of(host, symbol)
        assert (market.book.gaps, market.book.snapshots) == (0, 1)
        assert hashlib.sha256(shown(host, symbol).encode()).hexdigest() == wanted["sha256_all"]
        assert market.trades == wanted["trades"]
        assert market.book.checksums_equal == (0 if has_ids else wanted["checksum_ok"])
    assert host.state.bad_frames == 0
    assert venue.counters.snapshots_served == 0


OLD, TODAY = False, True


@pytest.mark.parametrize(
    ("has_ids", "faults"),
    [
        pytest.param(OLD, Faults(drop_lines=(BTC_LINE,)), id="lost, of old"),
        pytest.param(OLD, Faults(swap_lines=((315, 318),)), id="overtaken, of old"),
        pytest.param(OLD, Faults(drop_lines=(SNAPSHOT_LINE,)), id="no first book, of old"),
        pytest.param(TODAY, Faults(drop_lines=(BTC_LINE,)), id="lost"),
        pytest.param(TODAY, Faults(swap_lines=((315, 318),)), id="overtaken"),
        pytest.param(TODAY, Faults(repeat_lines=(BTC_LINE,)), id="repeated"),
        pytest.param(TODAY, Faults(drop_lines=(SNAPSHOT_LINE,)), id="no first book"),
        pytest.param(TODAY, Faults(drop_lines=(BTC_LINE,), refuse_snapshots=1), id="refused"),
        pytest.param(TODAY, Faults(drop_lines=(BTC_LINE,), slow_snapshot_s=0.3), id="late"),
    ],
)
async def test_a_loss_on_the_way_is_noticed_and_the_book_begun_anew(
    shared_dir: Path, numbered: Path, has_ids: bool, faults: Faults
) -> None:
    host, venue = await play(numbered if has_ids else shared_dir / "captures/okx.jsonl.gz", faults)

    assert market_of(host, BTC).book.gaps >= 1
    assert venue.counters.snapshots_served >= 1
    assert market_of(host, "UNI-USD-SWAP").book.gaps == 0


@pytest.mark.parametrize("drop_lines", [(), (BTC_LINE,)], ids=["clean", "lost"])
async def test_a_venue_that_streams_no_first_book_is_asked_for_it(
    numbered: Path, drop_lines: tuple[int, ...]
) -> None:
    faults = Faults(no_stream_snapshots=True, drop_lines=drop_lines)

    host, venue = await play(numbered, faults)

    gap = market_of(host, "UNI-USD-SWAP").last_gap
    assert gap is not None
    assert gap.kind == "update_before_snapshot"
    assert venue.counters.snapshots_served >= len(SYMBOLS)


@pytest.mark.parametrize("path", ["", "public"])
async def test_connections_that_drop_come_back_to_the_true_book(numbered: Path, path: str) -> None:
    faults = Faults(disconnect_at_line=(Disconnect(line=300, path=path),))

    host, venue = await play(numbered, faults)

    assert venue.counters.connects >= 3
    assert market_of(host, BTC).book.snapshots >= 2


def test_a_capture_of_another_venue_than_asked_for_is_refused(shared_dir: Path) -> None:
    capture = shared_dir / "captures/okx.jsonl.gz"
    command = [sys.executable, "-m", "cockpit", "fake-venue", "binance", "--capture", str(capture)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cockpit: {capture} is of okx, not of binance\n"
