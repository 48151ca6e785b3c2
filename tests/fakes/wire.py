"""A `MarketWire` whose frames are words: `ack`, `bad`, `broken`; any other is a tick.

With streams, its subscriptions are `+A` and `-A`, acknowledged by the same word, and a tick of A is
the word `A`; `A 7` is trade 7 of A, and `A book 7` the change 7 of its book.
"""

from collections.abc import Sequence

from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, BookDelta, StreamClass, Trade, TradesFetched, TradeStream
from engine.model.numbers import NS_PER_MS
from engine.venues.base import Control, HttpRequest, SocketPlan, Stream, TradeSpan

BASE = "https://venue.test"


class FakeWire:
    """Knows the symbols A and B; answers to requests are `ok` or unreadable.

    A tick's instrument is the word, or what was asked for; its update id counts what was decoded.
    """

    def __init__(
        self,
        socket_names: Sequence[str] = ("public",),
        *,
        has_streams: bool = False,
        stream_class: StreamClass = "quote",
    ) -> None:
        self._socket_names = socket_names
        self._stream_class: StreamClass = stream_class
        self._has_streams = has_streams
        self.has_time = False
        self.pages: dict[str, tuple[int, ...]] = {}
        """Ids of the trades that an answer holds, by the end of its URL."""
        self.chosen: tuple[str, ...] = ()
        self.streams_books_of: set[InstrumentId] = set()
        self.frames: list[str | bytes] = []
        self._decoded = 0

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Ask for the list of instruments."""
        return (HttpRequest("instruments", f"{BASE}/info"),)

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Know A and B, describe what was chosen."""
        for symbol in symbols:
            if symbol not in ("A", "B"):
                raise ConfigError(f"fake lists no instrument {symbol!r}")
        self.chosen = tuple(symbols)
        return [self._tick(symbol) for symbol in symbols]

    def sockets(self) -> tuple[SocketPlan, ...]:
        """One socket per name, each subscribing to everything."""
        if self._has_streams:
            kind = self._stream_class
            streams = tuple(Stream(symbol, kind, InstrumentId(symbol)) for symbol in self.chosen)
            return tuple(
                SocketPlan(name, f"wss://venue.test/{name}", streams=streams)
                for name in self._socket_names
            )
        subscriptions = tuple(f"subscribe {symbol}" for symbol in self.chosen)
        return tuple(
            SocketPlan(name, f"wss://venue.test/{name}", subscriptions)
            for name in self._socket_names
        )

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """One request per chosen symbol."""
        return tuple(
            HttpRequest(
                "candles", f"{BASE}/candles/{symbol}", 1, InstrumentId(f"fake:{symbol}"), 60
            )
            for symbol in self.chosen
        )

    def snapshot_by_stream(self, instrument_id: InstrumentId) -> bool:
        """Bring whole books by request only, unless told otherwise."""
        return instrument_id in self.streams_books_of

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Ask for a book."""
        return HttpRequest("snapshot", f"{BASE}/depth/{instrument_id}", 20, instrument_id)

    def trades_request(
        self, instrument_id: InstrumentId, stream: TradeStream, missing: TradeSpan
    ) -> HttpRequest | None:
        """Ask for trades by their ids; there are none of B."""
        if instrument_id == "fake:B":
            return None
        url = f"{BASE}/trades/{missing.after_id}-{missing.before_id}"
        return HttpRequest("trades", url, 1, instrument_id)

    def quote_request(self, instrument_id: InstrumentId) -> HttpRequest | None:
        """Ask for best bid and ask; there are none of B."""
        if instrument_id == "fake:B":
            return None
        return HttpRequest("quote", f"{BASE}/quote/{instrument_id}", 1, instrument_id)

    def time_request(self) -> HttpRequest | None:
        """Ask for the time, where the venue of the test has one."""
        return HttpRequest("time", f"{BASE}/time") if self.has_time else None

    def venue_time_ns(self, body: str | bytes) -> int:
        """Read a number of milliseconds."""
        try:
            return int(body) * NS_PER_MS
        except ValueError:
            raise VenuePayloadError("not a time") from None

    def subscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """One message for each."""
        return [Control(f"+{stream.name}", (f"+{stream.name}",)) for stream in streams]

    def unsubscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """One message for each."""
        return [Control(f"-{stream.name}", (f"-{stream.name}",)) for stream in streams]

    def acknowledged(self, frame: str | bytes) -> str:
        """Read the word that was said."""
        return str(frame) if str(frame)[:1] in ("+", "-") else ""

    def is_leaving(self, frame: str | bytes) -> bool:
        """Know one word for it."""
        return frame == "leaving"

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Know no recordings."""
        return None

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode a word."""
        self.frames.append(frame)
        if frame in ("ack", "leaving") or self.acknowledged(frame):
            return ()
        if frame == "bad":
            raise VenuePayloadError("not a frame", "\x1b[2Jbad")
        if frame == "broken":
            raise KeyError(frame)
        name, *rest = str(frame).split()
        if rest and rest[0] == "book":
            return (BookDelta(InstrumentId(name), [], [], int(rest[1]), int(rest[1])),)
        if rest:
            return (self._trade(name, int(rest[0])),)
        return (self._tick(name),)

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Take `ok` with status 200."""
        if status != 200 or body != b"ok":
            raise VenuePayloadError(f"HTTP {status} for {request.purpose}")
        if request.purpose == "trades":
            ids = self.pages[request.url.rpartition("/")[2]]
            trades = tuple(self._trade(request.instrument_id, number) for number in ids)
            return (TradesFetched(request.instrument_id, trades),)
        return (self._tick(request.purpose),)

    def _trade(self, name: str, number: int) -> Trade:
        self._decoded += 1
        return Trade(InstrumentId(name), 100, 1, True, number, number * NS_PER_MS)

    def _tick(self, name: str) -> BestQuote:
        self._decoded += 1
        return BestQuote(InstrumentId(name), 100, 1, 101, 1, self._decoded)
