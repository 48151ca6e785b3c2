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
        used = [(await http.get("/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)]
        now_ns += 60_000_000_000
        used.append((await http.get("/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"])

    assert used == ["1", "2", "1"]


# Faults


async def synced(book: StrictBook, http: httpx.AsyncClient, symbol: str) -> None:
    """Ask for whole books until one fits."""
    while not book.is_live:
        answer = await http.get("/fapi/v1/depth", params={"symbol": symbol, "limit": 1_000})
        if answer.status_code == 200:
            book.load(answer.json())


async def followed(venue: FakeVenue, opened: ClientConnection, symbol: str) -> StrictBook:
    """Keep one symbol's book as a strict client does, until the capture has ended."""

    async def ask_for_the_end() -> None:
        await venue.finished()
        await opened.send('{"method":"LIST_SUBSCRIPTIONS","id":"end"}')

    book = StrictBook()
    async with rest(venue) as http, asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(ask_for_the_end())
        syncing = tasks.create_task(synced(book, http, symbol))
        async for message in opened:
            if '"id":"end"' in message:
                break
            event = json.loads(message)
            if event["s"] == symbol and not book.take(event):
                await syncing
                syncing = tasks.create_task(synced(book, http, symbol))
    return book


def mutations(shared_dir: Path) -> dict[str, dict[str, Any]]:
    text = (shared_dir / "captures" / f"{SMALL}.mutations.json").read_text()
    return {item["name"]: item for item in json.loads(text)["mutations"]}


@pytest.mark.parametrize("name", ["drop_one_mid", "drop_five", "swap_two", "repeat_one"])
async def test_a_client_finds_each_mutation_and_is_healed_by_the_second_book(
    shared_dir: Path, name: str
):
    path, _ = captured(shared_dir, SMALL)
    mutation = mutations(shared_dir)[name]
    wanted = mutation["expected"]
    faults = Faults(
        drop_lines=tuple(mutation.get("drop_lines", ())),
        swap_lines=tuple(tuple(pair) for pair in mutation.get("swap_lines", ())),
        repeat_lines=tuple(mutation.get("repeat_lines", ())),
    )

    async with (
        FakeVenue(path, speed=0, faults=faults) as venue,
        client(venue, f"/public/ws/{wanted['symbol'].lower()}@depth") as opened,
    ):
        book = await followed(venue, opened, wanted["symbol"])
        truth = venue.book(wanted["symbol"])

    first = book.breaches[0]
    assert {key: first[key] for key in ("U", "u", "pu")} == {
        key: wanted["first_detection"][key] for key in ("U", "u", "pu")
    }
    assert venue.counters.snapshots_served >= 2
    assert venue.counters.frames_dropped == len(faults.drop_lines)
    assert book.last_id == truth.last_update_id
    assert book.sha256_top(50) == hash_of(truth, 50)
    assert hash_of(truth) == expected(shared_dir, SMALL)[wanted["symbol"]]["sha256_all"]


async def test_without_a_snapshot_the_first_request_fails_and_the_second_heals(shared_dir: Path):
    path, _ = captured(shared_dir, SMALL)
    faults = Faults(drop_lines=tuple(mutations(shared_dir)["no_snapshot"]["drop_lines"]))

    async with (
        FakeVenue(path, speed=0, faults=faults) as venue,
        client(venue, "/public/ws/keepusdt@depth") as opened,
    ):
        book = await followed(venue, opened, "KEEPUSDT")

    assert (venue.counters.snapshots_refused, venue.counters.snapshots_served) == (1, 1)
    assert book.is_live
    assert book.breaches == []


async def test_a_client_is_disconnected_comes_back_and_goes_on(tmp_path: Path):
    path = a_recording().write(tmp_path)
    faults = Faults(disconnect_at_line=(Disconnect(4, 1001), Disconnect(6)))
    ids, codes = [], []

    async with FakeVenue(path, speed=0, faults=faults) as venue, rest(venue) as http:
        asking = asyncio.ensure_future(snapshot(http, "ABCUSDT"))
        for _ in range(2):
            async with client(venue, "/public/ws/abcusdt@depth") as opened:
                with suppress(ConnectionClosed):
                    while True:
                        ids.append(json.loads(await opened.recv())["u"])
                codes.append(opened.close_code)
        async with client(venue, "/public/ws/abcusdt@depth") as opened:
            ids.append(json.loads(await opened.recv())["u"])
        await asking

    assert ids == [10, 13, 16, 18]
    assert codes == [1001, 1006]
    assert venue.counters.connects == 3


async def test_faults_come_from_a_file_too(tmp_path: Path):
    path = a_recording().write(tmp_path)
    faults = tmp_path / "faults.toml"
    faults.write_text("refuse_snapshots = 1\nslow_snapshot_s = 0.001")

    async with FakeVenue(path, speed=0, faults=faults) as venue, rest(venue) as http:
        venue.start()
        await asyncio.wait_for(venue.finished(), WAIT_S)
        first = await http.get("/fapi/v1/depth", params={"symbol": "ABCUSDT", "limit": 5})
        second = await http.get("/fapi/v1/depth", params={"symbol": "ABCUSDT", "limit": 5})

    assert [first.status_code, second.status_code] == [503, 200]


# Slow and rude clients


async def test_at_speed_0_a_slow_reader_is_waited_for(tmp_path: Path):
    recording = Recording()
    for number in range(60):
        recording.stream("abcusdt@bookTicker", {"u": number, "padding": "x" * 500_000})
    path = recording.write(tmp_path)
    target = "/public/ws/abcusdt@depth/abcusdt@bookTicker"

    async with (
        FakeVenue(path, speed=0) as venue,
        connect(venue.stream_url + target, max_queue=1) as opened,
    ):
        first = await opened.recv()
        for _ in range(200):
            await asyncio.sleep(0)
        was_finished = venue.is_finished
        others = await messages(opened, 59)

    assert not was_finished
    assert [json.loads(text)["u"] for text in [first, *others]] == list(range(60))


async def test_rude_clients_leave_no_trace(tmp_path: Path):
    path = a_recording().write(tmp_path)

    async with FakeVenue(path) as venue, rest(venue) as http:
        for data in (b"\x00" * 64, b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000, b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", venue.port)
            writer.write(data)
            writer.write_eof()
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
        with pytest.raises(InvalidStatus):
            await connect(venue.stream_url + "/nowhere")
        answer = await http.get("/fapi/v1/ping")

    assert answer.status_code == 200
    assert venue.counters.connects == 0


async def test_leaving_closes_open_connections_and_held_requests(tmp_path: Path):
    path = a_recording().write(tmp_path)

    async with FakeVenue(path) as venue, rest(venue) as http:
        opened = await connect(venue.stream_url + "/public/ws")
        asking = asyncio.ensure_future(snapshot(http, "ABCUSDT"))
        await asyncio.sleep(0)
        await http.get("/fapi/v1/ping")
        await venue.__aexit__(None, None, None)
        await opened.wait_closed()
        with pytest.raises(httpx.HTTPError):
            await asking
        await venue.__aenter__()


# Start


async def test_only_this_machine_is_served(tmp_path: Path):
    async with FakeVenue(a_recording().write(tmp_path)) as venue:
        server = venue._server
        assert server is not None
        assert [item.getsockname()[0] for item in server.sockets] == ["127.0.0.1"]


async def test_a_port_in_use_is_said_in_a_sentence(tmp_path: Path):
    path = a_recording().write(tmp_path)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is in use; choose another"):
            await FakeVenue(path, port=port).__aenter__()


@pytest.mark.parametrize("port", [70_000, -1])
async def test_a_port_that_is_none_is_said_in_a_sentence(tmp_path: Path, port: int):
    path = a_recording().write(tmp_path)

    with pytest.raises(ConfigError, match="a port lies between 0 and 65535"):
        await FakeVenue(path, port=port).__aenter__()


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: float):
    with pytest.raises(ConfigError, match="speed is 0 or more"):
        FakeVenue(a_recording().write(tmp_path), speed=speed)


def test_another_venues_capture_is_refused(tmp_path: Path):
    recording = Recording("nyse")
    recording.add(transport="ws", dir="in", raw="{}")

    with pytest.raises(ConfigError, match="a capture of nyse"):
        FakeVenue(recording.write(tmp_path))


async def test_serving_says_where_and_when_it_has_ended(tmp_path: Path):
    said: list[str] = []
    ended = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            ended.set()

    venue = FakeVenue(a_recording().write(tmp_path), speed=0)
    venue.start()
    serving = asyncio.ensure_future(serve_capture(venue, say))
    await asyncio.wait_for(ended.wait(), WAIT_S)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving

    assert said[0].startswith(f"binance_futures at http://127.0.0.1:{venue.port} and ws://")
    assert said[1].startswith("takes orders with key ")
    assert said[2].startswith("the capture has ended after 6 lines; 0 messages sent")
