"""What every venue provides, and the values that pass between a wire and its shell.

A wire never opens anything: it says which connections and requests it wants, is handed what came
back, and returns events. So the same lines serve live sockets, recordings, tests and benchmarks.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from engine.model.account import TradeRules
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import StreamClass, TradeStream
from engine.venues.trading import Credentials, TradeWire


class Stream(msgspec.Struct, frozen=True):
    """One subscription of one connection, by the venue's own name for it."""

    name: str
    stream_class: StreamClass
    instrument_id: InstrumentId


class Control(msgspec.Struct, frozen=True):
    """A message that changes what a connection carries.

    `awaited` are the words by which the venue confirms it, as `acknowledged` reads them.
    """

    text: str
    awaited: tuple[str, ...] = ()


class SocketPlan(msgspec.Struct, frozen=True):
    """One websocket that the wire wants open.

    `name` is short and stable (`public`, `market`); `on_open` are the text messages to send once
    it is open, in order. `streams` is the desired state of its subscriptions: they are asked for
    after `on_open`, and changed while it is open. A plan that is all `on_open` is changed by
    another connection.
    """

    name: str
    url: str
    on_open: tuple[str, ...] = ()
    streams: tuple[Stream, ...] = ()
    ping: str = ""
    """Sent from time to time, and answered, where the venue wants to hear text; else empty."""
    quiet_s: int = 30
    """How long it may bring no event and still be in order."""


class TradeSpan(msgspec.Struct, frozen=True):
    """Trades between two ids, both exclusive; 0 for the end that is not known yet."""

    after_id: int
    before_id: int


class HttpRequest(msgspec.Struct, frozen=True):
    """One GET that the wire wants made; reading it again is always safe.

    `purpose` tells the wire what the answer is (`instruments`, `snapshot`, `candles`, `trades`,
    `quote`, `time`); `weight` is its cost in the venue's own rate limit.
    """

    purpose: str
    url: str
    weight: int = 1
    instrument_id: InstrumentId = InstrumentId("")
    timeframe_s: int = 0


class Endpoints(msgspec.Struct, frozen=True):
    """Base URLs of a venue, without a slash at the end; settings may point them elsewhere."""

    rest: str
    stream: str


class MarketWire(Protocol):
    """Public market data of one venue.

    Only `receive`, `receive_answer` and `choose` may change what is decoded later: a recording
    holds no other calls, and must lead a fresh wire to the same events.
    """

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Return what must be asked, and answered, before any socket opens."""

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Fix the instruments to subscribe to, after the metadata came, and describe them.

        May be called again with others; what it raises leaves the choice as it was.

        Raises:
            ConfigError: The venue does not list a symbol; the nearest name is in the message.
        """

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return the connections for the chosen instruments."""

    def snapshot_by_stream(self, instrument_id: InstrumentId) -> bool:
        """Whether to get the next whole book by renewing its stream; else by request.

        Asked once for each book that is needed: the answer may change with what came of the last.
        """

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return requests for recent candles of the chosen instruments; each may fail alone."""

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for a whole book."""

    def trades_request(
        self, instrument_id: InstrumentId, stream: TradeStream, missing: TradeSpan
    ) -> HttpRequest | None:
        """Return the request for the trades of a span, from either end; None if there is none.

        The answer is one `TradesFetched`, oldest first. It may hold trades outside of the span:
        that shows how far it reaches.
        """

    def quote_request(self, instrument_id: InstrumentId) -> HttpRequest | None:
        """Return the request for best bid and ask, whose answer is a `SecondQuote`."""

    def time_request(self) -> HttpRequest | None:
        """Return the request for the venue's time; None if there is none."""

    def venue_time_ns(self, body: str | bytes) -> int:
        """Read the answer to `time_request`.

        Raises:
            VenuePayloadError: It is not what the venue documents.
        """

    def subscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that subscribe an open connection to these."""

    def unsubscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that end these subscriptions."""

    def acknowledged(self, frame: str | bytes) -> str:
        """Return which word of a `Control` this frame is; nothing if it confirms none.

        Asked while something is to be confirmed, also of frames that were not decoded.
        """

    def is_leaving(self, frame: str | bytes) -> bool:
        """Whether the venue announces to end this connection, so that another should take over.

        Asked only for frames that brought no event.
        """

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode one websocket message received at `ts_ns`.

        Raises:
            VenuePayloadError: It cannot be read; nothing of it was taken.
        """

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Decode the answer to a request.

        Raises:
            VenuePayloadError: It is not the answer that the venue documents.
        """

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Return the request that a recorded URL was; None if it is none of ours."""


class TradeSpec(msgspec.Struct, frozen=True):
    """How a venue is traded at: its wire for one account, and what it can do for orders."""

    wire: Callable[[Endpoints, Credentials], TradeWire]
    rules: TradeRules


class VenueSpec(msgspec.Struct, frozen=True):
    """One line of the registry: a venue's name and how to make its wire.

    `wire` is None for a venue that needs no network. `instruments` are those watched when the
    user names none. `combined` brings a recorded message, given with the URL of its connection,
    into the form that names its stream; None where all messages do. `kind_of` returns symbol and
    kind of a recorded message, for those who count them: no symbol where it belongs to none.
    `trade` is None where nothing real can be traded.
    """

    name: str
    title: str
    instruments: tuple[str, ...]
    endpoints: Endpoints | None
    wire: Callable[[Endpoints], MarketWire] | None
    combined: Callable[[str, str], str] | None = None
    kind_of: Callable[[str], tuple[str, str]] | None = None
    trade: TradeSpec | None = None
