"""The seam to the network: websockets and HTTP, or whatever a test puts in their place.

Every failure is `VenueUnreachable` with a sentence of ours; what a library or a server says
reaches it only cleaned and cut. Nothing here tries again: that is for those who know what is safe.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from engine.model.errors import VenueUnreachable
from engine.model.text import clean
from engine.trust import authorities
from engine.venues.trading import HttpCall, HttpReply

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

MIB: Final = 1024 * 1024
USER_AGENT: Final = "cockpit-trader"
CONNECTIONS_MAX: Final = 100
"""For requests of one transport; more than those who use it allow themselves at once."""
FOREIGN_LETTERS_MAX: Final = 80
"""Of a foreign text inside a sentence of ours."""

CLOSED_BY_US: Final = {
    1002: "it broke the websocket protocol",
    1009: "it sent a message above the limit",
    1011: "no answer to a ping",
}
"""Close codes that our own side sends, and what they mean here."""


HttpAnswer = HttpReply
"""An answer to a GET, whole."""

BeforeSend = Callable[[], None]
"""Called when a request is about to leave; what it raises keeps it here, and is raised on."""


class SocketLink(Protocol):
    """One open websocket."""

    async def receive(self) -> str | bytes:
        """Wait for the next message, however long it takes.

        Raises:
            VenueUnreachable: The connection is gone.
        """

    async def send(self, text: str) -> None:
        """Send one text message.

        Raises:
            VenueUnreachable: The connection is gone.
        """

    async def close(self) -> None:
        """Close it; harmless when it is gone already."""


class Transport(Protocol):
    """What feeds need of a network."""

    async def connect(self, url: str) -> SocketLink:
        """Open a websocket.

        Raises:
            VenueUnreachable: It could not be opened.
        """

    async def get(self, url: str) -> HttpAnswer:
        """Ask once; every status is an answer, redirects too.

        Raises:
            VenueUnreachable: There was no whole answer.
        """

    async def close(self) -> None:
        """Let go of what is kept between calls."""


class TradeTransport(Transport, Protocol):
    """What trading needs of a network besides."""

    async def request(self, call: HttpCall, before_send: BeforeSend) -> HttpReply:
        """Send a request once, and return the answer; every status is one, redirects too.

        `before_send` is called when the connection is made and nothing is left to wait for but the
        write itself.

        Raises:
            VenueUnreachable: There was no whole answer; `was_sent` tells whether it may have left.
        """


class NetworkLimits(msgspec.Struct, frozen=True):
    """Bounds of one connection or request; times in seconds, sizes in bytes after decompression.

    The pings notice a peer that is gone without a word, within `ping_interval_s + ping_answer_s`,
    also while a feed has no reason to expect data.
    """

    open_s: float = 10.0
    """Name, TCP, TLS and upgrade together."""
    close_s: float = 1.0
    ping_interval_s: float = 10.0
    ping_answer_s: float = 10.0
    message_bytes: int = 4 * MIB
    quiet_s: float = 10.0
    """Of one read or write of a request."""
    request_s: float = 30.0
    """Of a request as a whole, so that a body of one byte a second ends too."""
    body_bytes: int = 16 * MIB
    keep_s: float = 5.0
    """How long a connection is kept for the next request."""


class NetworkTransport:
    """The real network.

    * No compression of websockets: measured on recorded futures frames of 280 bytes, inflating
      costs 3 us each, where decoding costs 4. Five sixths of a few Mbit/s are not worth that, and
      nothing can swell up. HTTP answers are few and large; they may come as gzip.
    * No proxies, certificates or passwords from the environment: whoever can set a variable must
      not be able to reroute or read along (`engine.trust`).
    * No redirects, of either kind: the host is the one in the settings.

    Making one costs nothing; the libraries are loaded when it is first used.

    Args:
        limits: Bounds; None for the usual ones.
        tls: Whom to trust; None for the public authorities.
    """

    def __init__(
        self, limits: NetworkLimits | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._limits = limits or NetworkLimits()
        self._tls = tls
        self._tools: _Tools | None = None

    async def connect(self, url: str) -> SocketLink:
        """Open a websocket."""
        limits, tools = self._limits, await self._loaded()
        from websockets.exceptions import ConnectionClosed, WebSocketException

        try:
            connection = await tools.connect(
                url,
                ssl=tools.tls if url.startswith("wss:") else None,
                proxy=None,
                compression=None,
                user_agent_header=USER_AGENT,
                open_timeout=limits.open_s,
                close_timeout=limits.close_s,
                ping_interval=limits.ping_interval_s,
                ping_timeout=limits.ping_answer_s,
                max_size=limits.message_bytes,
            )
        except (OSError, EOFError, ValueError, WebSocketException) as error:
            raise VenueUnreachable(f"{_host(url)}: {_not_opened(error, limits)}") from error
        return _NetworkLink(connection, ConnectionClosed)

    async def get(self, url: str) -> HttpAnswer:
        """Ask once."""
        return await self.request(HttpCall("GET", url, {}), _always)

    async def request(self, call: HttpCall, before_send: BeforeSend) -> HttpReply:
        """Send a request once."""
        limits, tools = self._limits, await self._loaded()
        departure = _Departure(before_send)
        try:
            async with (
                asyncio.timeout(limits.request_s),
                tools.client.stream(
                    call.method,
                    call.url,
                    headers=dict(call.headers),
                    content=call.body or None,
                    extensions={"trace": departure.on_trace},
                ) as response,
            ):
                body = await _read_body(response, limits.body_bytes)
        except Exception as error:
            # More kinds than the libraries tell of get through them (TLS that breaks, a strange
            # name in a redirect), and each must say whether an order may have left.
            if departure.was_refused or isinstance(error, VenueUnreachable):
                raise
            reason = f"{_host(call.url)}: {_not_answered(error)}"
            raise VenueUnreachable(reason, was_sent=departure.has_begun) from error
        return HttpReply(response.status_code, dict(response.headers), body)

    async def close(self) -> None:
        """Close the connections that were kept for the next request."""
        if self._tools is not None:
            await self._tools.client.aclose()

    async def _loaded(self) -> "_Tools":
        if self._tools is None:
            # Imports and certificates take a tenth of a second: too long for the loop.
            self._tools = await asyncio.to_thread(_load, self._limits, self._tls)
        return self._tools


class _Departure:
    """The moment in which one request leaves, as httpx tells of it by its `trace` extension."""

    def __init__(self, before_send: BeforeSend) -> None:
        self._before_send = before_send
        self.was_refused = False
        """By an error of whoever was asked, which is none of the network."""
        self.has_begun = False

    async def on_trace(self, event: str, info: dict[str, Any]) -> None:
        """Ask whether the request may leave, once its connection is there."""
        del info
        if event.endswith(".send_request_headers.started"):
            self.was_refused = True
            self._before_send()
            self.was_refused = False
            self.has_begun = True


def _always() -> None:
    """Let a request leave."""


class _Tools(NamedTuple):
    """What the libraries provide, made once."""

    tls: ssl.SSLContext
    connect: "type[connect]"
    client: "httpx.AsyncClient"


def _load(limits: NetworkLimits, tls: ssl.SSLContext | None) -> _Tools:
    import httpx

    tls = tls or authorities()
    client = httpx.AsyncClient(
        verify=tls,
        trust_env=False,
        follow_redirects=False,
        headers={"user-agent": USER_AGENT, "accept-encoding": "gzip"},
        timeout=httpx.Timeout(limits.quiet_s, connect=limits.open_s),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=limits.keep_s),
    )
    return _Tools(tls, _straight_connect(), client)


class _NetworkLink:
    """A `SocketLink` over the websockets package.

    Args:
        connection: Is open.
        gone: What the package raises when it is not; an import for each message would cost as
            much as decoding it.
    """

    def __init__(self, connection: "ClientConnection", gone: "type[ConnectionClosed]") -> None:
        self._connection = connection
        self._gone = gone

    async def receive(self) -> bytes:
        """Wait for the next message; bytes also of text, because decoders read bytes."""
        try:
            return await self._connection.recv(decode=False)
        except self._gone as error:
            raise VenueUnreachable(_closed(error)) from error

    async def send(self, text: str) -> None:
        """Send one text message."""
        try:
            await self._connection.send(text)
        except self._gone as error:
            raise VenueUnreachable(_closed(error)) from error

    async def close(self) -> None:
        """Close it."""
        await self._connection.close()


def _straight_connect() -> "type[connect]":
    """Return the package's `connect`, without its following of redirects to other hosts."""
    from websockets.asyncio.client import connect

    class StraightConnect(connect):
        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    return StraightConnect


async def _read_body(response: "httpx.Response", bytes_max: int) -> bytes:
    parts = []
    left = bytes_max
    async for part in response.aiter_bytes():
        left -= len(part)
        if left < 0:
            host = _host(str(response.url))
            raise VenueUnreachable(f"{host}: answer above {bytes_max // MIB} MiB")
        parts.append(part)
    return b"".join(parts)


def _host(url: str) -> str:
    try:
        place = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        place = ""
    return clean(place, FOREIGN_LETTERS_MAX) or "no host"


def _not_opened(error: Exception, limits: NetworkLimits) -> str:
    from websockets.exceptions import InvalidStatus, InvalidURI

    match error:
        case TimeoutError():
            return f"not open within {limits.open_s:g} s"
        case OSError():
            return _network_reason(error)
        case InvalidStatus():
            return f"answered {error.response.status_code} instead of opening"
        case InvalidURI() | ValueError():
            return "not the address of a websocket"
        case _:
            return "did not answer like a websocket"


def _not_answered(error: Exception) -> str:
    import httpx

    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no whole answer in time"
    if isinstance(error, ssl.SSLError):  # Of a handshake it comes wrapped.
        return "its TLS broke off"
    deepest: OSError | None = None
    cause: BaseException | None = error
    while cause is not None:
        deepest = cause if isinstance(cause, OSError) else deepest
        cause = cause.__cause__ or cause.__context__
    return _http_reason(error) if deepest is None else _network_reason(deepest)


def _http_reason(error: Exception) -> str:
    import httpx

    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "not an address for requests"
        case httpx.DecodingError():
            return "the answer could not be unpacked"
        case httpx.RemoteProtocolError():
            return "the answer broke off or is not HTTP"
        case httpx.HTTPError():
            return "the connection was lost"
        case _:
            return f"the request failed ({type(error).__name__})"


def _network_reason(error: OSError) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "host name not found"
        case ssl.SSLCertVerificationError():
            why = clean(str(error.verify_message), FOREIGN_LETTERS_MAX)
            return f"certificate not trusted ({why})"
        case ssl.SSLError():
            return "no common TLS"
        case _:
            # Of several addresses that all failed asyncio makes one error without a number.
            return os.strerror(error.errno).lower() if error.errno else "could not be reached"


def _closed(error: "ConnectionClosed") -> str:
    theirs, ours = error.rcvd, error.sent
    if theirs is not None and error.rcvd_then_sent is not False:
        said = f" {clean(theirs.reason, FOREIGN_LETTERS_MAX)}" if theirs.reason else ""
        return f"closed by the venue ({theirs.code}{said})"
    if ours is not None:
        return CLOSED_BY_US.get(ours.code, "closed from our side")
    return "connection lost"
