"""Signs Binance requests; the only place that holds a secret, and it never lets go of it (R114).

What is signed is the encoded text that is sent, byte for byte: query string and body with nothing
between them. Parameters of POST and PUT travel in the body, where no log of addresses shows them;
those of GET and DELETE in the query string, because many a proxy drops the body of a DELETE.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Container, Iterable, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from engine.model.errors import ConfigError
from engine.venues.trading import Credentials, HttpCall

Route = tuple[str, str]
"""Method and path."""

VENUE_HOSTS: Final = frozenset(
    {
        *("fapi.binance.com", "demo-fapi.binance.com", "testnet.binancefuture.com"),
        *("api.binance.com", "demo-api.binance.com"),
    }
)
STREAM_HOSTS: Final = frozenset(
    {"fstream.binance.com", "fstream.binancefuture.com", "demo-fstream.binance.com"}
)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Where a fake venue runs: nothing leaves the machine, so it needs no TLS."""

IN_BODY: Final = frozenset({"POST", "PUT"})
FORM: Final = "application/x-www-form-urlencoded"

HIDDEN: Final = b"***"
_SIGNATURE: Final = re.compile(rb"(?<=signature=)[^&\s\"']+")

SEED_BYTES: Final = 32
PKCS8_ED25519: Final = bytes.fromhex("302e020100300506032b657004220420")
"""What precedes the seed in the only form in which an Ed25519 key is written (RFC 8410)."""

Parameters = Iterable[tuple[str, str]]


def encoded(params: Parameters) -> str:
    """Return parameters as they are sent and signed: percent-encoded UTF-8."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params)


class Signer:
    """Makes the bytes of requests with one key, for the routes it was given and no others.

    Args:
        credentials: The key.
        routes: Base URLs, each with what may be signed for it.

    Raises:
        ConfigError: The key cannot be what it says it is.
    """

    __slots__ = ("_key", "_routes", "_sign")

    def __init__(
        self, credentials: Credentials, routes: Iterable[tuple[str, Sequence[Route]]]
    ) -> None:
        if not (credentials.key.isascii() and credentials.key.isprintable() and credentials.key):
            raise ConfigError("the key of binance_futures is empty or holds a strange letter")
        if not credentials.secret:
            raise ConfigError("the secret of binance_futures is empty")
        self._key = credentials.key
        self._sign = (
            _Hmac(credentials) if credentials.kind == "hmac-sha256" else _Ed25519(credentials)
        )
        self._routes = frozenset(
            (origin, *route) for origin, allowed in routes for route in allowed
        )

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return "Signer(***)"

    def hide(self, answer: bytes) -> bytes:
        """Return an answer without the key and the signature, which a proxy may have repeated."""
        return _SIGNATURE.sub(HIDDEN, answer.replace(self._key.encode(), HIDDEN))

    def call(
        self,
        origin: str,
        route: Route,
        params: Sequence[tuple[str, str]],
        *,
        timestamp_ms: int | None,
        has_key: bool = True,
    ) -> HttpCall:
        """Return a request as it leaves.

        Args:
            origin: Base URL.
            route: Method and path.
            params: In the order in which they are sent.
            timestamp_ms: Time of the signature; None for a request that needs none.
            has_key: Whether the venue is told who asks.

        Raises:
            ConfigError: It is none that may be signed.
        """
        method, path = route
        self._require_allowed(origin, route)
        text = encoded(params)
        if timestamp_ms is not None:
            text += f"{'&' if text else ''}timestamp={timestamp_ms}"
            text += f"&signature={quote(self._sign(text), safe='')}"
        headers = {"X-MBX-APIKEY": self._key} if has_key else {}
        if method in IN_BODY and text:
            headers["Content-Type"] = FORM
            return HttpCall(method, f"{origin}{path}", headers, text.encode("ascii"))
        return HttpCall(method, f"{origin}{path}?{text}" if text else f"{origin}{path}", headers)

    def _require_allowed(self, origin: str, route: Route) -> None:
        method, path = route
        if (origin, method, path) not in self._routes:
            raise ConfigError(f"nothing may be signed for {method} {path} of {origin!r}")
        if not _is_trusted(origin, "http", VENUE_HOSTS):
            raise ConfigError(
                f"nothing may be signed for {origin!r}: it is no https address of Binance's API,"
                " nor on this machine"
            )


def require_own_stream(origin: str) -> None:
    """Refuse an address that must not learn the key of the private stream (R115).

    Raises:
        ConfigError: It is neither Binance's nor on this machine.
    """
    if not _is_trusted(origin, "ws", STREAM_HOSTS):
        raise ConfigError(
            f"no private stream may be at {origin!r}: it is no wss address of Binance's streams,"
            " nor on this machine"
        )


def _is_trusted(origin: str, scheme: str, hosts: Container[str]) -> bool:
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return False
    if host in LOOPBACK:
        return parts.scheme in {scheme, f"{scheme}s"}
    return parts.scheme == f"{scheme}s" and host in hosts


class _Hmac:
    """HMAC-SHA256, in lower-case hexadecimal."""

    __slots__ = ("_keyed",)

    def __init__(self, credentials: Credentials) -> None:
        self._keyed = hmac.new(credentials.secret.encode(), digestmod=hashlib.sha256)

    def __call__(self, text: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()


class _Ed25519:
    """Ed25519, in base64."""

    __slots__ = ("_pair",)

    def __init__(self, credentials: Credentials) -> None:
        # Loading it costs more than all the rest of the wire, and most keys need none of it.
        from solders.keypair import Keypair

        self._pair = Keypair.from_seed(_seed_of(credentials.secret))

    def __call__(self, text: str) -> str:
        return base64.b64encode(bytes(self._pair.sign_message(text.encode()))).decode("ascii")


def _seed_of(pem: str) -> bytes:
    """Return the seed of a private key in PEM.

    Raises:
        ConfigError: It is none; the message shows nothing of it.
    """
    words = pem.split()
    body = "".join(words[3:-3]) if words[:3] == ["-----BEGIN", "PRIVATE", "KEY-----"] else ""
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    seed = raw.removeprefix(PKCS8_ED25519)
    if len(raw) != len(PKCS8_ED25519) + SEED_BYTES or len(seed) != SEED_BYTES:
        raise ConfigError(
            "the secret of binance_futures is no Ed25519 private key: it is written as PEM,"
            " from -----BEGIN PRIVATE KEY----- on, without a passphrase"
        )
    return seed
