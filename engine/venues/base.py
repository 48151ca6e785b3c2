"""What every venue provides, and the values that pass between a wire and its shell.

A wire never opens anything: it says which connections and requests it wants, is handed what came
back, and returns events. So the same lines serve live sockets, recordings, tests and benchmarks.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId


class SocketPlan(msgspec.Struct, frozen=True):
    """One websocket that the wire wants open.

    `name` is short and stable (`public`, `market`); `on_open` are the text messages to send once
    it is open, in order.
    """

    name: str
    url: str
    on_open: tuple[str, ...] = ()


class HttpRequest(msgspec.Struct, frozen=True):
    """One GET that the wire wants made; reading it again is always safe.

    `purpose` tells the wire what the answer is (`instruments`, `snapshot`, `candles`); `weight`
    is its cost in the venue's own rate limit.
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
    """Public market data of one venue."""

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Return what must be asked, and answered, before any socket opens."""

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Fix the instruments to subscribe to, after the metadata came, and describe them.

        Raises:
            ConfigError: The venue does not list a symbol; the nearest name is in the message.
        """

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return the connections for the chosen instruments."""

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return requests for recent candles of the chosen instruments; each may fail alone."""

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for a whole book."""

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


class VenueSpec(msgspec.Struct, frozen=True):
    """One line of the registry: a venue's name and how to make its wire.

    `wire` is None for a venue that needs no network. `instruments` are those watched when the
    user names none. `combined` brings a recorded message, given with the URL of its connection,
    into the form that names its stream; None where all messages do.
    """

    name: str
    title: str
    instruments: tuple[str, ...]
    endpoints: Endpoints | None
    wire: Callable[[Endpoints], MarketWire] | None
    combined: Callable[[str, str], str] | None = None
