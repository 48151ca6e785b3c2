"""Requests that may be sent once, over real sockets: what left, and what never did (R23, R70)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from engine.model.errors import HeldBack, VenueUnreachable
from engine.venues.trading import HttpCall
from tests.unit.engine.runtime.test_transport import (
    CERTIFICATE,
    a_closed_port,
    a_server,
    a_transport,
)

BODY = b"symbol=A&signature=1"


class Till:
    """A server that counts what it was sent, and answers when it is told to."""

    def __init__(self) -> None:
        self.received = b""
        self.requests = 0
        self.answers = True

    async def on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request after the other."""
        while part := await reader.read(65_536):
            self.received += part
            self.requests += part.count(b" HTTP/1.1\r\n")
            if not self.answers:
                break
            if part.endswith(BODY):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


OnClient = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_listener(on_client: OnClient, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve, and leave no connection behind."""
    serving: list[asyncio.Task[None]] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await on_client(reader, writer)
        finally:
            await closed(writer)

    def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.ensure_future(served(reader, writer)))

    async with await asyncio.start_server(on_connect, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def a_till(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Till, str]]:
    till = Till()
    async with a_listener(till.on_client, tls) as port:
        yield till, f"{'http' if tls is None else 'https'}://127.0.0.1:{port}/order"


class SlowRelay:
    """Something in between that lets a connection wait before its first byte gets through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait, then carry bytes both ways."""
        self.reached.set()
        await self.go_on.wait()
        answers, asked = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(carry(reader, asked), carry(answers, writer))
        finally:
            await closed(asked)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            writer.write(part)


@asynccontextmanager
async def a_slow_relay(url: str) -> AsyncIterator[tuple[SlowRelay, str]]:
    port = url.rpartition(":")[2].partition("/")[0]
    relay = SlowRelay(int(port))
    async with a_listener(relay.on_client) as own_port:
        yield relay, url.replace(port, str(own_port))


def a_call(url: str) -> HttpCall:
    return HttpCall("POST", url, {"X-MBX-APIKEY": "k"}, BODY)


def trusted_by_nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def nothing() -> None:
    """Let a request leave."""


async def test_a_request_is_sent_as_it_was_signed_and_answered() -> None:
    async with a_transport() as transport, a_till() as (till, url):
        reply = await transport.request(a_call(f"{url}?a=%22x%22&b=1%2C2"), nothing)

        assert (reply.status, reply.body) == (200, b"{}")
        head, _, body = till.received.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /order?a=%22x%22&b=1%2C2 HTTP/1.1\r\n")
        assert b"x-mbx-apikey: k" in head.lower()
        assert body == BODY


async def test_whoever_says_no_before_it_leaves_keeps_every_byte_here() -> None:
    async with a_transport() as transport, a_till() as (till, url):
        await transport.request(a_call(url), nothing)
        before = till.received

        def refuse() -> None:
            raise HeldBack("latched")

        for _ in range(3):
            with pytest.raises(HeldBack, match="latched"):
                await transport.request(a_call(url), refuse)
        await transport.request(a_call(url), nothing)

        assert till.received == before * 2


async def test_the_question_is_asked_once_just_before_the_write() -> None:
    asked: list[int] = []
    async with a_transport() as transport, a_till() as (till, url):
        await transport.request(a_call(url), lambda: asked.append(len(till.received)))

        assert asked == [0]
        assert till.requests == 1


async def test_a_latch_that_closes_during_the_handshake_keeps_the_order_here(
    tmp_path: Path,
) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    is_latched = False

    def ask() -> None:
        if is_latched:
            raise HeldBack("latched")

    async with (
        a_till(serving) as (till, url),
        a_slow_relay(url) as (relay, relayed),
        a_transport(trusting) as transport,
    ):
        order = asyncio.ensure_future(transport.request(a_call(relayed), ask))
        await relay.reached.wait()
        is_latched = True
        relay.go_on.set()
        with pytest.raises(HeldBack):
            await order
        assert till.received == b""

        is_latched = False
        await transport.request(a_call(relayed), ask)
        assert till.requests == 1


async def test_what_never_found_a_server_was_not_sent() -> None:
    url = f"http://127.0.0.1:{a_closed_port()}/order"
    async with a_transport() as transport:
        with pytest.raises(VenueUnreachable) as raised:
            await transport.request(a_call(url), nothing)

    assert raised.value.was_sent is False


async def test_what_waited_in_vain_for_a_connection_was_not_sent() -> None:
    async with (
        a_till() as (_, url),
        a_slow_relay(url) as (_, relayed),
        a_transport(trusted_by_nobody(), open_s=0.2) as transport,
    ):
        with pytest.raises(VenueUnreachable) as raised:
            await transport.request(a_call(relayed.replace("http:", "https:")), nothing)

    assert raised.value.was_sent is False


async def test_what_was_written_and_not_answered_may_have_arrived_and_is_written_once() -> None:
    async with a_transport() as transport, a_till() as (till, url):
        till.answers = False
        with pytest.raises(VenueUnreachable) as raised:
            await transport.request(a_call(url), nothing)

        assert raised.value.was_sent is True
        assert till.requests == 1


async def test_an_order_on_a_kept_connection_that_the_venue_closes_is_not_sent_again() -> None:
    async with a_transport() as transport, a_till() as (till, url):
        await transport.request(a_call(url), nothing)
        till.answers = False
        with pytest.raises(VenueUnreachable) as raised:
            await transport.request(a_call(url), nothing)

        assert raised.value.was_sent is True
        assert till.requests == 2


BROKEN_RECORD = b"\x17\x03\x03\x00\x40" + bytes(64)
HALF_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"
PLAIN_TEXT = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"


def breaking_tls(context: ssl.SSLContext, said: bytes, instead: bytes) -> OnClient:
    """Take a request by TLS, say a part of an answer, and go on with what is no TLS."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        received = b""
        while not received.endswith(BODY):
            try:
                received += tls.read(65_536)
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65_536))
        if said:
            tls.write(said)
        writer.write(outgoing.read() + instead)
        await reader.read()

    return on_client


@pytest.mark.parametrize("said", [b"", HALF_ANSWER], ids=["at once", "in the answer"])
@pytest.mark.parametrize("instead", [BROKEN_RECORD, PLAIN_TEXT], ids=["broken", "plain"])
async def test_tls_that_breaks_after_the_request_left_says_that_it_may_have_arrived(
    tmp_path: Path, said: bytes, instead: bytes
) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))

    async with (
        a_listener(breaking_tls(serving, said, instead)) as port,
        a_transport(trusting) as transport,
    ):
        with pytest.raises(VenueUnreachable, match="its TLS broke off") as raised:
            await transport.request(a_call(f"https://127.0.0.1:{port}/order"), nothing)

    assert raised.value.was_sent is True


async def test_a_redirect_to_a_name_that_is_none_may_have_been_an_order() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: //xn--a\r\nContent-Length: 0\r\n\r\n")

    async with a_transport() as transport, a_server(redirect) as place:
        with pytest.raises(VenueUnreachable, match="the request failed") as raised:
            await transport.request(a_call(f"http://{place}/order"), nothing)

    assert raised.value.was_sent is True


async def test_nothing_leaves_over_what_was_closed() -> None:
    async with a_till() as (till, url), a_transport() as transport:
        await transport.request(a_call(url), nothing)
        await transport.close()
        with pytest.raises(VenueUnreachable) as raised:
            await transport.request(a_call(url), nothing)

        assert raised.value.was_sent is False
        assert till.requests == 1


async def test_an_error_of_the_one_who_is_asked_is_none_of_the_network() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async with a_transport() as transport, a_till() as (till, url):
        with pytest.raises(ZeroDivisionError):
            await transport.request(a_call(url), fail)

        assert till.received == b""


async def test_a_redirect_of_a_signed_request_is_an_answer_and_not_followed() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n")

    async with a_transport() as transport, a_server(redirect) as place:
        reply = await transport.request(a_call(f"http://{place}/order"), nothing)

        assert reply.status == 307
