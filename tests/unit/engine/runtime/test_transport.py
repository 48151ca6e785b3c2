"""The real network, against servers of our own on 127.0.0.1 that behave in every bad way."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from engine.model.errors import VenueUnreachable
from engine.runtime.transport import HttpAnswer, NetworkLimits, NetworkTransport

CERTIFICATE = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIHN2zcTpbz1pYuHL1+tQlJI927KEKMB091KFGFcsbw3goAoGCCqGSM49
AwEHoUQDQgAE+cNEUAtXeoYnK/QnX9la0G5qRQZrtTjWxRcjgpJC5HW5ooMynlWo
0Ftq/SO2scNCGXO/ZTG5u1mtjUQCbRPjKw==
-----END EC PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBYzCCAQigAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAxjb2NrcGl0
IHRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBcxFTATBgNV
BAMMDGNvY2twaXQgdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPnDRFAL
V3qGJyv0J1/ZWtBuakUGa7U41sUXI4KSQuR1uaKDMp5VqNBbav0jtrHDQhlzv2Ux
ubtZrY1EAm0T4yujQzBBMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB
/zAdBgNVHQ4EFgQUDkzQsaCjEH4k9uJglX/TdZvl2hwwCgYIKoZIzj0EAwIDSQAw
RgIhAOW+UIbp1ty7dikJQbTpj1rhrTbuDZN64RW2mzWQGRN1AiEA+phubS/A+bKi
QvOQ0nn33DDC2X1DiZiOwKwnNd6bqyM=
-----END CERTIFICATE-----
"""
"""Signed by itself, for 127.0.0.1, with its key: worth nothing anywhere else."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_transport(
    tls: ssl.SSLContext | None = None, /, **limits: float
) -> AsyncIterator[NetworkTransport]:
    transport = NetworkTransport(NetworkLimits(**limits), tls)  # type: ignore[arg-type]  # whatever a test changes
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def a_websocket_server(
    handle: Callable[[ServerConnection], Awaitable[None]],
    answer: Callable[[ServerConnection, Request], Response | None] | None = None,
) -> AsyncIterator[str]:
    async with serve(handle, "127.0.0.1", 0, process_request=answer) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"


@asynccontextmanager
async def a_server(talk: Talk, *, speaks_first: bool = False) -> AsyncIterator[str]:
    """Serve whatever `talk` writes, once a request has come; yields host and port."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not speaks_first:
                await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(on_client, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def says(*parts: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(parts)

    return talk


async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def linger(connection: ServerConnection) -> None:
    await connection.wait_closed()


def a_closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def why_not_open(url: str, **limits: float) -> str:
    async with a_transport(**limits) as transport:
        with pytest.raises(VenueUnreachable) as caught:
            await transport.connect(url)
        return str(caught.value)


async def why_lost(handle: Callable[[ServerConnection], Awaitable[None]], **limits: float) -> str:
    async with a_websocket_server(handle) as url, a_transport(**limits) as transport:
        link = await transport.connect(url)
        with pytest.raises(VenueUnreachable) as caught:
            await link.receive()
        await link.close()
        return str(caught.value)


async def why_not_got(talk: Talk, **limits: float) -> str:
    async with a_server(talk) as place, a_transport(**limits) as transport:
        with pytest.raises(VenueUnreachable) as caught:
            await transport.get(f"http://{place}/info")
        return str(caught.value).replace(place, "HOST")


async def got(talk: Talk, **limits: float) -> HttpAnswer:
    async with a_server(talk) as place, a_transport(**limits) as transport:
        return await transport.get(f"http://{place}/info")


# Websockets


async def test_what_is_sent_arrives_and_what_comes_back_is_bytes() -> None:
    async with a_websocket_server(echo) as url, a_transport() as transport:
        link = await transport.connect(url)
        await link.send('{"method": "SUBSCRIBE"}')
        answer = await link.receive()
        await link.close()

    assert answer == b'{"method": "SUBSCRIBE"}'


async def test_the_handshake_says_who_asks_and_wants_no_compression() -> None:
    seen: list[Request] = []

    def note(_: ServerConnection, request: Request) -> None:
        seen.append(request)

    async with a_websocket_server(linger, note) as url, a_transport() as transport:
        link = await transport.connect(url)
        await link.close()

    assert seen[0].headers["User-Agent"] == "cockpit-trader"
    assert "Sec-WebSocket-Extensions" not in seen[0].headers


async def test_a_venue_that_closes_says_why_and_its_words_are_cleaned() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(1008, "Too many\x1b[2J requests")

    assert await why_lost(close) == "closed by the venue (1008 Too many?[2J requests)"


async def test_a_venue_that_closes_without_a_word_is_told_apart_from_a_broken_line() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close()

    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    assert await why_lost(close) == "closed by the venue (1000)"
    assert await why_lost(break_off) == "connection lost"


async def test_sending_over_a_closed_connection_is_a_loss_too() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(1001)

    async with a_websocket_server(close) as url, a_transport() as transport:
        link = await transport.connect(url)
        with pytest.raises(VenueUnreachable):
            await link.receive()
        with pytest.raises(VenueUnreachable, match="closed by the venue"):
            await link.send("hello?")
        await link.close()


async def test_a_message_above_the_limit_ends_the_connection() -> None:
    async def shout(connection: ServerConnection) -> None:
        await connection.send("x" * 2_000)
        await connection.wait_closed()

    assert await why_lost(shout, message_bytes=1_000) == "it sent a message above the limit"


async def test_a_peer_that_answers_no_pings_is_gone() -> None:
    is_over = asyncio.Event()

    async def freeze(connection: ServerConnection) -> None:
        transport = connection.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await is_over.wait()
        transport.abort()

    impatient = a_transport(ping_interval_s=0.02, ping_answer_s=0.02, close_s=0.05)
    async with a_websocket_server(freeze) as url, impatient as transport:
        link = await transport.connect(url)
        with pytest.raises(VenueUnreachable, match="no answer to a ping"):
            await link.receive()
        is_over.set()
        await link.close()


async def test_nobody_listens() -> None:
    port = a_closed_port()

    assert await why_not_open(f"ws://127.0.0.1:{port}/x") == (
        f"127.0.0.1:{port}: connection refused"
    )


async def test_a_server_that_accepts_and_never_upgrades_is_left() -> None:
    async with a_server(says_nothing) as place:
        reason = await why_not_open(f"ws://{place}/stream", open_s=0.05)

    assert reason == f"{place}: not open within 0.05 s"


async def test_a_refused_upgrade_tells_the_status() -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.NOT_FOUND, "no")

    async with a_websocket_server(linger, refuse) as url:
        assert (await why_not_open(url)).endswith(": answered 404 instead of opening")


async def test_an_upgrade_is_not_followed_to_another_place() -> None:
    visits = 0

    async def note(connection: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        await connection.close()

    async with a_websocket_server(note) as elsewhere:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\n\r\n".encode()
        async with a_server(says(moved)) as place:
            reason = await why_not_open(f"ws://{place}/stream")

    assert reason == f"{place}: answered 302 instead of opening"
    assert visits == 0


async def test_a_server_of_something_else_is_told() -> None:
    async with a_server(says(b"220 mail.test ESMTP\r\n\r\n")) as place:
        reason = await why_not_open(f"ws://{place}/stream")

    assert reason == f"{place}: did not answer like a websocket"


@pytest.mark.parametrize("url", ["https://venue.test/x", "ws://[::1/", "venue.test", ""])
async def test_an_address_that_is_none_is_told(url: str) -> None:
    assert (await why_not_open(url)).endswith(": not the address of a websocket")


async def test_a_plain_server_at_a_secure_address_is_told() -> None:
    async with a_server(says(b"220 mail.test ESMTP\r\n"), speaks_first=True) as place:
        reason = await why_not_open(f"wss://user:secret@{place}/stream")

    assert reason == f"{place}: no common TLS"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    path.write_text(CERTIFICATE)
    return path


@asynccontextmanager
async def a_secure_server(certificate: Path) -> AsyncIterator[str]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with serve(echo, "127.0.0.1", 0, ssl=tls) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async with a_secure_server(certificate) as place, a_transport() as transport:
        reason = await why_not_open(f"wss://{place}/stream")
        with pytest.raises(VenueUnreachable, match="certificate not trusted"):
            await transport.get(f"https://{place}/info")

    assert reason.startswith(f"{place}: certificate not trusted (self")


async def test_who_can_set_a_variable_vouches_for_nobody(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate.parent))

    async with a_secure_server(certificate) as place, a_transport() as transport:
        reason = await why_not_open(f"wss://{place}/stream")
        with pytest.raises(VenueUnreachable, match="certificate not trusted"):
            await transport.get(f"https://{place}/info")

    assert "certificate not trusted" in reason


async def test_a_certificate_that_is_vouched_for_is_accepted(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)

    async with a_secure_server(certificate) as place, a_transport(trusting) as transport:
        link = await transport.connect(f"wss://{place}/stream")
        await link.send("hello")
        answer = await link.receive()
        await link.close()

    assert answer == b"hello"


async def test_a_name_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "who?")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    assert await why_not_open("ws://venue.test/x") == "venue.test: host name not found"
    async with a_transport() as transport:
        with pytest.raises(VenueUnreachable, match=r"venue\.test: host name not found"):
            await transport.get("http://venue.test/")


# Requests


async def test_an_answer_is_whole_and_its_header_names_are_lower_case() -> None:
    answer = await got(
        says(b"HTTP/1.1 200 OK\r\nX-MBX-Used-Weight: 20\r\nContent-Length: 2\r\n\r\n{}")
    )

    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["x-mbx-used-weight"] == "20"


@pytest.mark.parametrize("status", [301, 404, 418, 429, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    head = f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n"

    answer = await got(says(head.encode(), b"no"))

    assert (answer.status, answer.body) == (status, b"no")


async def test_a_packed_answer_is_unpacked() -> None:
    body = gzip.compress(b"[1, 2, 3]")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"

    assert (await got(says(head.encode(), body))).body == b"[1, 2, 3]"


async def test_an_answer_above_the_limit_is_refused_however_small_it_was_packed() -> None:
    body = gzip.compress(b"x" * 3_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"

    reason = await why_not_got(says(head.encode(), body), body_bytes=2 * 1024 * 1024)

    assert reason == "HOST: answer above 2 MiB"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"],
            "HOST: the answer broke off or is not HTTP",
        ),
        ([b"220 mail.test ESMTP\r\n\r\n"], "HOST: the answer broke off or is not HTTP"),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"],
            "HOST: the answer could not be unpacked",
        ),
        ([], "HOST: the answer broke off or is not HTTP"),
    ],
)
async def test_a_damaged_answer_is_none(parts: list[bytes], reason: str) -> None:
    assert await why_not_got(says(*parts)) == reason


async def test_a_server_that_says_nothing_is_left() -> None:
    assert await why_not_got(says_nothing, quiet_s=0.05) == "HOST: no whole answer in time"


async def test_a_body_of_one_byte_at_a_time_ends_too() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert await why_not_got(drip, request_s=0.1) == "HOST: no whole answer in time"


async def test_a_plain_server_asked_securely_is_told() -> None:
    plain = a_server(says(b"220 mail.test ESMTP\r\n"), speaks_first=True)
    async with plain as place, a_transport() as transport:
        with pytest.raises(VenueUnreachable, match="no common TLS"):
            await transport.get(f"https://{place}/info")


async def test_a_request_to_nobody_is_refused() -> None:
    port = a_closed_port()

    async with a_transport() as transport:
        with pytest.raises(VenueUnreachable, match=rf"127.0.0.1:{port}: connection refused"):
            await transport.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("url", ["ftp://venue.test/x", "venue.test", "http://[::1/", ""])
async def test_an_address_that_is_none_cannot_be_asked(url: str) -> None:
    async with a_transport() as transport:
        with pytest.raises(VenueUnreachable, match="not an address for requests"):
            await transport.get(url)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "WS_PROXY", "ws_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{a_closed_port()}")

    answer = await got(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    async with a_websocket_server(echo) as url, a_transport() as transport:
        link = await transport.connect(url)
        await link.close()

    assert answer.status == 200


async def test_closing_a_transport_that_was_never_used_is_nothing() -> None:
    await NetworkTransport().close()
