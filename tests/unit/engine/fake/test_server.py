"""The fake venue over real sockets, with websockets' client and httpx."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.fake.faults import Disconnect, Faults
from engine.fake.server import FakeVenue, serve_capture
from engine.fake.text_book import BookPicture
from engine.model.errors import ConfigError
from tests.unit.engine.fake.captures import Recording, StrictBook, a_recording, book_hash

SMALL = "binance_futures"
LARGE = ("binance_futures_btcusdt_20240808", "binance_spot_ethusdt_20240808")
SYMBOLS = ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
PUBLIC = ("depth@100ms", "bookTicker")
MARKET = ("aggTrade", "kline_1m")
WAIT_S = 30


def names(kinds: Sequence[str], symbols: Sequence[str] = SYMBOLS) -> str:
    return "/".join(f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds)


def captured(shared_dir: Path, name: str) -> tuple[Path, list[dict[str, Any]]]:
    path = shared_dir / "captures" / f"{name}.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        return path, [json.loads(line) for line in lines]


def expected(shared_dir: Path, name: str) -> dict[str, Any]:
    text = (shared_dir / "captures" / f"{name}.expected.json").read_text()
    symbols: dict[str, Any] = json.loads(text)["symbols"]
    return symbols


def hash_of(picture: BookPicture, count: int | None = None) -> str:
    bids, asks = (
        [(Decimal(price), Decimal(size)) for price, size in side.items()][:count]
        for side in (picture.bids, picture.asks)
    )
    return book_hash(bids, asks)


@asynccontextmanager
async def client(venue: FakeVenue, target: str) -> AsyncIterator[ClientConnection]:
    async with connect(venue.stream_url + target, max_queue=None) as opened:
        yield opened


@asynccontextmanager
async def rest(venue: FakeVenue) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=venue.rest_url, timeout=WAIT_S) as http:
        yield http


async def snapshot(http: httpx.AsyncClient, symbol: str, prefix: str = "/fapi/v1") -> bytes:
    answer = await http.get(f"{prefix}/depth", params={"symbol": symbol, "limit": 1_000})
    return answer.content


async def messages(opened: ClientConnection, count: int) -> list[str]:
    async with asyncio.timeout(WAIT_S):
        return [str(await opened.recv()) for _ in range(count)]


async def drained(opened: ClientConnection) -> list[str]:
    """Return what came until the venue closed, or until a question was answered."""
    await opened.send('{"method":"LIST_SUBSCRIPTIONS","id":"end"}')
    found = []
    async with asyncio.timeout(WAIT_S):
        async for message in opened:
            if '"id":"end"' in message:
                break
            found.append(str(message))
    return found


# What arrives


async def test_every_frame_arrives_in_order_byte_for_byte(shared_dir: Path):
    path, lines = captured(shared_dir, SMALL)
    frames = [line["raw"] for line in lines if line.get("dir") == "in"]

    async with (
        FakeVenue(path, speed=0) as venue,
        client(venue, f"/public/stream?streams={names(PUBLIC)}") as public,
        client(venue, f"/market/stream?streams={names(MARKET)}") as market,
        rest(venue) as http,
    ):
        bodies = await asyncio.gather(*(snapshot(http, symbol) for symbol in SYMBOLS))
        await asyncio.wait_for(venue.finished(), WAIT_S)
        came = [await drained(public), await drained(market)]
        info = await http.get("/fapi/v1/exchangeInfo")

    of_market = [frame for frame in frames if any(f"@{kind}" in frame[:60] for kind in MARKET)]
    assert came == [[frame for frame in frames if frame not in set(of_market)], of_market]
    assert list(bodies) == [lines[at]["raw"].encode() for at in (4, 6, 9, 12)]
    assert info.content == lines[0]["raw"].encode()
    assert venue.counters.frames_sent == len(frames) == 1_535
    assert (venue.counters.connects, venue.counters.snapshots_served) == (2, 4)


@pytest.mark.parametrize(
    "name", [SMALL, *(pytest.param(large, marks=pytest.mark.slow) for large in LARGE)]
)
async def test_the_true_book_is_the_expected_one(shared_dir: Path, name: str):
    path, _ = captured(shared_dir, name)

    async with FakeVenue(path, speed=0) as venue:
        venue.start()
        await asyncio.wait_for(venue.finished(), WAIT_S)
        books = {symbol: venue.book(symbol) for symbol in expected(shared_dir, name)}

    for symbol, wanted in expected(shared_dir, name).items():
        assert books[symbol].last_update_id == wanted["last_update_id"]
        assert hash_of(books[symbol]) == wanted["sha256_all"]
        assert hash_of(books[symbol], 50) == wanted["sha256_top50"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
async def test_a_busy_capture_arrives_whole_at_any_pace_name(shared_dir: Path, name: str):
    path, lines = captured(shared_dir, name)
    symbol, is_spot = ("ETHUSDT", True) if "spot" in name else ("BTCUSDT", False)
    target = "/ws/" if is_spot else "/public/ws/"
    prefix = "/api/v3" if is_spot else "/fapi/v1"

    async with (
        FakeVenue(path, speed=0) as venue,
        client(venue, target + names(("depth", "bookTicker", "trade"), [symbol])) as opened,
        rest(venue) as http,
    ):
        reader = asyncio.ensure_future(messages(opened, len(lines) - 1))
        body = await snapshot(http, symbol, prefix)
        came = await reader

    frames = [line["raw"] for line in lines if line.get("dir") == "in"]
    start = len('","data":')
    assert came == [frame[frame.index('","data":') + start : -1] for frame in frames]
    assert [body] == [line["raw"].encode() for line in lines if line["transport"] == "http"]


async def test_subscribing_over_an_open_socket_and_any_pace_of_depth(tmp_path: Path):
    path = a_recording().write(tmp_path)

    async with FakeVenue(path, speed=0) as venue, client(venue, "/public/stream") as opened:
        await opened.send('{"method":"SUBSCRIBE","params":["abcusdt@depth"],"id":7}')
        acknowledged, first = await messages(opened, 2)

    assert acknowledged == '{"result":null,"id":7}'
    assert first.startswith('{"stream":"abcusdt@depth","data":{"e":"depthUpdate",')


async def test_what_is_not_served_is_acknowledged_and_silent(tmp_path: Path):
    path = a_recording().write(tmp_path)
    silent = ["ABCUSDT@depth", "abcusdt@depth@250ms", "nosuch@depth", "abcusdt@aggTrade"]

    async with (
        FakeVenue(path, speed=0) as venue,
        client(venue, "/public/ws") as public,
        client(venue, "/market/ws") as market,
    ):
        await public.send(json.dumps({"method": "SUBSCRIBE", "params": silent, "id": 1}))
        wrong_path = ["abcusdt@depth", "abcusdt@trade"]
        await market.send(json.dumps({"method": "SUBSCRIBE", "params": wrong_path, "id": 2}))
        venue.start()
        await asyncio.wait_for(venue.finished(), WAIT_S)
        came = [await drained(public), await drained(market)]

    assert came == [['{"result":null,"id":1}'], ['{"result":null,"id":2}']]


async def test_spot_streams_are_at_the_root(tmp_path: Path):
    recording = a_recording("binance")
    path = recording.write(tmp_path)

    async with (
        FakeVenue(path, speed=0) as venue,
        client(venue, "/ws/abcusdt@trade") as raw,
        client(venue, "/stream?streams=abcusdt@depth@100ms") as combined,
        rest(venue) as http,
    ):
        body = await snapshot(http, "ABCUSDT", "/api/v3")
        await asyncio.wait_for(venue.finished(), WAIT_S)
        trades, depths = await drained(raw), await drained(combined)

    assert body == recording.raws[1].encode()
    assert trades == [json.dumps(json.loads(recording.raws[4])["data"], separators=(",", ":"))]
    assert depths == [recording.raws[at] for at in (0, 2, 3, 5)]


async def test_after_the_end_sockets_stay_open_and_rest_answers(tmp_path: Path):
    path = a_recording().write(tmp_path)

    async with (
        FakeVenue(path, speed=0) as venue,
        client(venue, "/public/ws") as opened,
        rest(venue) as http,
    ):
        venue.start()
        await asyncio.wait_for(venue.finished(), WAIT_S)
        await (await opened.ping())
        answer = await http.get("/fapi/v1/ping")
        wrong = await http.get("/fapi/v1/depth", params={"symbol": "WRONG", "limit": 1_000})

    assert venue.is_finished
    assert (answer.text, answer.headers["X-MBX-USED-WEIGHT-1M"]) == ("{}", "1")
    assert (wrong.status_code, wrong.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})


async def test_a_clock_can_be_handed_in(tmp_path: Path):
    now_ns = 60_000_000_000
    path = a_recording().write(tmp_path)

    async with FakeVenue(path, clock=lambda: now_ns) as venue, rest(venue) as http:
        used = [
            (await http.get("/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)
        ]
        now_ns += 60_000_000_000
        used.append((await http.get("/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"])

    assert used == ["1", "2", "1"]


# Faults


async def follow(
    venue: FakeVenue, opened: ClientConnection, http: httpx.AsyncClient, symbol: str
) -> StrictBook:
    """Keep one symbol's book as a strict client does, until the capture has ended."""
    book = StrictBook()
    book.load_task = None  # type: ignore[attr-defined]  # the request under way, if any
    done = False
    await opened.send('{"method":"LIST_SUBSCRIPTIONS","id":"end"}') if done else None

    async def resync() -> None:
        while not book.is_live:
            answer = await http.get("/fapi/v1/depth", params={"symbol": symbol, "limit": 1_000})
            if answer.status_code == 200:
                book.load(answer.json())

    syncing = asyncio.ensure_future(resync())
    ending = asyncio.ensure_future(venue.finished())
    ending.add_done_callback(
        lambda _: asyncio.ensure_future(opened.send('{"method":"LIST_SUBSCRIPTIONS","id":"end"}'))
    )
    async for message in opened:
        if '"id":"end"' in message:
            break
        event = json.loads(message)
        if event["s"] == symbol and not book.take(event):
            await syncing
            syncing = asyncio.ensure_future(resync())
    await syncing
    await ending
    return book
