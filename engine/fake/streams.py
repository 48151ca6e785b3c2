"""Binance's stream names and addresses: which stream exists where, and who gets its frames."""

from collections.abc import Iterator
from typing import Final, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from engine.fake.binance_frames import StreamFrame

STREAMS_MAX: Final = 1_024
"""Per connection; the venue closes a connection that asks for more."""

PUBLIC_KINDS: Final = frozenset({"depth", "bookTicker", "trade", "rpiDepth"})
"""Of USD-M futures since the split of April 2026; everything else is under `/market`."""

DEPTH_PACES: Final = frozenset({"depth", "depth@0ms", "depth@100ms", "depth@500ms"})
"""Names of one recorded depth stream; the venue itself knows no `depth@250ms` either."""

Group = Literal["", "public", "market", "private", "business"]


class StreamAddress(msgspec.Struct, frozen=True):
    """What the URL of a websocket says."""

    group: Group
    """Empty at the stream root, where spot lives."""
    is_combined: bool
    names: tuple[str, ...]
    """Of streams; of the private group the listenKey."""


class StreamOutlet(Protocol):
    """Where the frames of one websocket go."""

    def send_text(self, text: bytes) -> None:
        """Send one message."""

    def send_ping(self, payload: bytes) -> None:
        """Send a ping."""

    def close(self, code: int, reason: str = "") -> None:
        """End the connection; 1006 ends it without a word."""


class StreamSession:
    """One websocket and what it subscribed to, in order."""

    __slots__ = ("address", "heard_ns", "names", "outlet", "ping_ns")

    def __init__(self, address: StreamAddress, outlet: StreamOutlet, now_ns: int) -> None:
        self.address = address
        self.outlet = outlet
        self.names: dict[str, None] = {}
        self.ping_ns = now_ns
        """When the last ping left."""
        self.heard_ns = now_ns
        """When the client last answered one."""


class Subscriptions:
    """Who gets which stream."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._by_stream: dict[str, dict[tuple[int, str], StreamSession]] = {}
        self._numbers: dict[StreamSession, int] = {}
        self._opened = 0

    @property
    def sessions(self) -> list[StreamSession]:
        """Open websockets, oldest first."""
        return list(self._numbers)

    def open(self, session: StreamSession) -> None:
        """Take in a websocket without subscriptions."""
        self._opened += 1
        self._numbers[session] = self._opened

    def is_open(self, session: StreamSession) -> bool:
        """Whether the websocket was taken in and not forgotten since."""
        return session in self._numbers

    def close(self, session: StreamSession) -> None:
        """Forget an open websocket and its subscriptions."""
        self.remove(session, tuple(session.names))
        del self._numbers[session]

    def add(self, session: StreamSession, names: tuple[str, ...]) -> None:
        """Subscribe; a name that does not exist there is remembered and stays silent."""
        for name in names:
            session.names[name] = None
            if self._serves(session.address.group, name):
                place = (self._numbers[session], name)
                self._by_stream.setdefault(source_stream(name), {})[place] = session

    def remove(self, session: StreamSession, names: tuple[str, ...]) -> None:
        """Unsubscribe."""
        for name in names:
            session.names.pop(name, None)
            listeners = self._by_stream.get(source_stream(name), {})
            listeners.pop((self._numbers[session], name), None)

    def listeners(self, stream: str) -> Iterator[tuple[str, StreamSession]]:
        """Yield subscribed name and websocket of everyone who gets a recorded stream."""
        found = self._by_stream.get(source_stream(stream), {})
        for (_, name), session in list(found.items()):
            yield name, session

    def has_listener(self, stream: str) -> bool:
        """Whether anybody gets this stream."""
        return bool(self._by_stream.get(source_stream(stream)))

    def has_depth_listener(self) -> bool:
        """Whether anybody gets any book."""
        return any(
            listeners and stream.endswith("@depth") for stream, listeners in self._by_stream.items()
        )

    def _serves(self, group: Group, name: str) -> bool:
        if self._venue == "binance":
            return True
        kind = name.partition("@")[2].partition("@")[0].rstrip("0123456789")
        is_public = kind in PUBLIC_KINDS or name == "!bookTicker"
        # The retired root still delivers books and nothing of the other path.
        return is_public == (group != "market")


def source_stream(name: str) -> str:
    """Return the name under which all paces of one depth stream are one."""
    symbol, _, kind = name.partition("@")
    return f"{symbol}@depth" if kind in DEPTH_PACES else name


def message_for(frame: StreamFrame, name: str, *, is_combined: bool) -> bytes:
    """Return the text that a subscriber of `name` gets; the payload's bytes stay as recorded."""
    if not is_combined:
        return frame.payload
    if frame.is_combined and name == frame.stream:
        return frame.raw
    return b'{"stream":"%b","data":%b}' % (name.encode(), frame.payload)


def stream_address(venue: str, target: str) -> StreamAddress | None:
    """Read the target of a websocket's handshake; None where the venue has nothing."""
    parts = urlsplit(target)
    first, *rest = parts.path.lstrip("/").split("/")
    group: Group = ""
    if venue == "binance_futures" and first == "private":
        keys = parse_qs(parts.query).get("listenKey", rest[1:])
        is_private = rest[:1] == ["ws"] and any(keys)
        return StreamAddress("private", False, tuple(keys[:1])) if is_private else None
    if venue == "binance_futures" and first in {"public", "market"}:
        group = "public" if first == "public" else "market"
        first, *rest = rest or [""]
    if first not in {"ws", "stream"} or (first == "stream" and any(rest)):
        return None
    listed = "/".join(parse_qs(parts.query).get("streams", ()))
    names = [unquote(name) for name in rest] + listed.split("/")
    return StreamAddress(group, first == "stream", tuple(name for name in names if name))
