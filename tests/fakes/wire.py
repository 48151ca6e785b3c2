"""A `MarketWire` whose frames are words: `ack`, `bad`, `broken`; any other is a tick."""

from collections.abc import Sequence

from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote
from engine.venues.base import HttpRequest, SocketPlan

BASE = "https://venue.test"


class FakeWire:
    """Knows the symbols A and B; answers to requests are `ok` or unreadable.

    A tick's instrument is the word, or what was asked for; its update id counts what was decoded.
    """

    def __init__(self, socket_names: Sequence[str] = ("public",)) -> None:
        self._socket_names = socket_names
        self.chosen: tuple[str, ...] = ()
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
        subscriptions = tuple(f"subscribe {symbol}" for symbol in self.chosen)
        return tuple(
            SocketPlan(name, f"wss://venue.test/{name}", subscriptions)
            for name in self._socket_names
        )

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """One request per chosen symbol."""
        return tuple(
            HttpRequest("candles", f"{BASE}/candles/{symbol}", 1, InstrumentId(symbol), 60)
            for symbol in self.chosen
        )

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Ask for a book."""
        return HttpRequest("snapshot", f"{BASE}/depth/{instrument_id}", 20, instrument_id)

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Know no recordings."""
        return None

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode a word."""
        self.frames.append(frame)
        if frame == "ack":
            return ()
        if frame == "bad":
            raise VenuePayloadError("not a frame", "\x1b[2Jbad")
        if frame == "broken":
            raise KeyError(frame)
        return (self._tick(str(frame)),)

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Take `ok` with status 200."""
        if status != 200 or body != b"ok":
            raise VenuePayloadError(f"HTTP {status} for {request.purpose}")
        return (self._tick(request.purpose),)

    def _tick(self, name: str) -> BestQuote:
        self._decoded += 1
        return BestQuote(InstrumentId(name), 100, 1, 101, 1, self._decoded)
