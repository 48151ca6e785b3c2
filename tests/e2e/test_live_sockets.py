"""Captures played by the fake venue over real sockets: the engine ends in the true book."""

import hashlib
import json
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import Faults, load_faults
from engine.fake.server import FakeVenue
from engine.kernel.state import InstrumentState
from engine.model.instrument import instrument_id
from engine.research.replay_report import book_text
from engine.runtime.host import EngineHost
from engine.venues.base import Endpoints
from tests.e2e.engines import engine_on, until

pytestmark = pytest.mark.slow  # Seven engines; files play the same captures at once.

FUTURES = "binance_futures"
BTC = "binance_futures_btcusdt_20240808"
SPOT = "binance_spot_ethusdt_20240808"


def expected(shared_dir: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (shared_dir / f"captures/{name}.expected.json").read_text()
    )
    return document


async def play(
    shared_dir: Path, name: str, faults: Faults | None = None
) -> tuple[EngineHost, FakeVenue]:
    """Play a capture as fast as it is read, until the engine has taken in all of it."""
    document = expected(shared_dir, name)
    venue_name, symbols = document["venue"], tuple(document["symbols"])
    capture = shared_dir / f"captures/{name}.jsonl.gz"
    async with FakeVenue(capture, speed=0, faults=faults) as venue:
        endpoints = Endpoints(rest=venue.rest_url, stream=venue.stream_url)
        async with engine_on(venue_name, endpoints, symbols) as host:
            await venue.finished()
            for symbol in symbols:
                await until(partial(is_caught_up, host, venue, venue_name, symbol), symbol)
            return host, venue


def market_of(host: EngineHost, venue_name: str, symbol: str) -> InstrumentState:
    return host.state.instruments[instrument_id(venue_name, symbol)]


def is_caught_up(host: EngineHost, venue: FakeVenue, venue_name: str, symbol: str) -> bool:
    market = market_of(host, venue_name, symbol)
    return market.book.state == "live" and market.book.last_seq >= venue.book(symbol).last_update_id


def top_text(levels: dict[str, str]) -> str:
    return ",".join(f"{plain(price)}:{plain(size)}" for price, size in islice(levels.items(), 50))


def plain(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", [FUTURES, SPOT, BTC])
async def test_through_sockets_the_capture_ends_in_the_same_book(
    shared_dir: Path, name: str
) -> None:
    host, _ = await play(shared_dir, name)

    document = expected(shared_dir, name)
    for symbol, wanted in document["symbols"].items():
        market = market_of(host, document["venue"], symbol)
        scales = market.price_decimals, market.qty_decimals
        assert market.book.gaps == 0
        assert market.book.last_seq == wanted["last_update_id"]
        assert sha(book_text(market.book, *scales, None)) == wanted["sha256_all"]
        assert market.trades == wanted["trades"]
    assert host.state.bad_frames == 0


MUTATIONS = ["drop_one_mid", "drop_five", "swap_two", "repeat_one"]


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_loss_on_the_way_is_noticed_and_the_true_book_fetched_again(
    shared_dir: Path, tmp_path: Path, mutation: str
) -> None:
    cases = json.loads((shared_dir / f"captures/{FUTURES}.mutations.json").read_text())
    case = next(one for one in cases["mutations"] if one["name"] == mutation)
    keys = ("drop_lines", "swap_lines", "repeat_lines")
    file = tmp_path / "faults.toml"
    file.write_text("\n".join(f"{key} = {json.dumps(case[key])}" for key in keys if key in case))

    host, venue = await play(shared_dir, FUTURES, load_faults(file))

    symbol = case["expected"]["symbol"]
    market = market_of(host, FUTURES, symbol)
    truth = venue.book(symbol)
    assert market.book.gaps >= 1
    assert market.book.snapshots >= 2
    assert (
        market.book.last_seq == expected(shared_dir, FUTURES)["symbols"][symbol]["last_update_id"]
    )
    told = book_text(market.book, market.price_decimals, market.qty_decimals, 50)
    assert told == f"bids={top_text(truth.bids)};asks={top_text(truth.asks)}"


async def test_a_connection_that_drops_comes_back_to_the_true_book(
    shared_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "faults.toml"
    file.write_text("[[disconnect_at_line]]\nline = 700\n")

    host, venue = await play(shared_dir, FUTURES, load_faults(file))

    assert venue.counters.connects > 2
    for symbol in expected(shared_dir, FUTURES)["symbols"]:
        market = market_of(host, FUTURES, symbol)
        assert market.book.last_seq == venue.book(symbol).last_update_id
