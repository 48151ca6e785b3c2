"""Decoders that are recorded: a venue's wire and the simulated market, with the recorder beside.

What goes into a decoder is recorded before it is decoded, so that a frame that breaks something is
in the recording too. What only asks a wire something changes nothing in it and is not recorded.
"""

from collections.abc import Sequence

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import BookSnapshot, TradeStream
from engine.runtime.clock import Clock
from engine.runtime.recorder import Recorder
from engine.venues.base import Control, HttpRequest, MarketWire, SocketPlan, Stream, TradeSpan
from engine.venues.simulated.generator import SimulatedMarket
from storage.recording_format import Call


class RecordedWire:
    """A `MarketWire` whose frames, answers and choices are recorded.

    Args:
        wire: Does the work.
    """

    def __init__(self, wire: MarketWire, recorder: Recorder, clock: Clock) -> None:
        self._wire = wire
        self._recorder = recorder
        self._clock = clock

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Record and decode a message."""
        line = self._recorder.frame(frame, ts_ns)
        events = self._wire.receive(frame, ts_ns)
        if events:
            self._recorder.gave(line, events)
        return events

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Record and decode an answer."""
        line = self._recorder.answer(request.url, request, status, body, ts_ns)
        events = self._wire.receive_answer(request, status, body, ts_ns)
        self._recorder.gave(line, events)
        return events

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Record and make a choice of instruments."""
        line = self._recorder.call(Call(0, self._clock.now_ns(), "", "choose", (tuple(symbols),)))
        events = self._wire.choose(symbols)
        self._recorder.gave(line, events)
        return events

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Return what must be asked before any socket opens."""
        return self._wire.metadata_requests()

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return the connections."""
        return self._wire.sockets()

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return requests for recent candles."""
        return self._wire.history_requests()

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for a whole book."""
        return self._wire.snapshot_request(instrument_id)

    def snapshot_by_stream(self, instrument_id: InstrumentId) -> bool:
        """Return whether a whole book comes by its stream."""
        return self._wire.snapshot_by_stream(instrument_id)

    def trades_request(
        self, instrument_id: InstrumentId, stream: TradeStream, missing: TradeSpan
    ) -> HttpRequest | None:
        """Return the request for the trades of a span."""
        return self._wire.trades_request(instrument_id, stream, missing)

    def quote_request(self, instrument_id: InstrumentId) -> HttpRequest | None:
        """Return the request for best bid and ask."""
        return self._wire.quote_request(instrument_id)

    def time_request(self) -> HttpRequest | None:
        """Return the request for the venue's time."""
        return self._wire.time_request()

    def venue_time_ns(self, body: str | bytes) -> int:
        """Read the answer to `time_request`."""
        return self._wire.venue_time_ns(body)

    def subscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that subscribe."""
        return self._wire.subscribe(streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that end subscriptions."""
        return self._wire.unsubscribe(streams)

    def acknowledged(self, frame: str | bytes) -> str:
        """Return which word of a `Control` a frame is."""
        return self._wire.acknowledged(frame)

    def is_leaving(self, frame: str | bytes) -> bool:
        """Return whether the venue announces the end of the connection."""
        return self._wire.is_leaving(frame)

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Return the request that a recorded URL was."""
        return self._wire.recorded_request(url)


class RecordedMarkets:
    """Opens simulated markets, of which the recording holds the seed and the moments asked for."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._opened = 0

    def open(
        self, symbols: Sequence[str], seed: int, start_ns: int, intensity: float
    ) -> "RecordedMarket":
        """Open a market.

        Raises:
            ConfigError: A symbol is not in the table.
        """
        market = SimulatedMarket(symbols, seed, start_ns, intensity)
        number = self._opened
        self._opened += 1
        arguments = (number, tuple(symbols), seed, start_ns, intensity)
        line = self._recorder.call(Call(0, start_ns, "", "open", arguments))
        opening = market.opening()
        self._recorder.gave(line, opening)
        return RecordedMarket(market, opening, number, self._recorder, self._clock)


class RecordedMarket:
    """One simulated market, with its number in the recording."""

    def __init__(
        self,
        market: SimulatedMarket,
        opening: list[Event],
        number: int,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._market = market
        self._opening = opening
        self._number = number
        self._recorder = recorder
        self._clock = clock

    def opening(self) -> list[Event]:
        """Return what the market shows first."""
        return list(self._opening)

    def advance(self, now_ns: int) -> list[Event]:
        """Record how far, and return what happened until then."""
        line = self._recorder.call(Call(0, now_ns, "", "advance", (self._number,)))
        events = self._market.advance(now_ns)
        self._recorder.gave(line, events)
        return events

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Record who was asked for, and return its book."""
        arguments = (self._number, str(instrument_id))
        line = self._recorder.call(Call(0, self._clock.now_ns(), "", "snapshot", arguments))
        snapshot = self._market.snapshot(instrument_id)
        if snapshot is not None:
            self._recorder.gave(line, (snapshot,))
        return snapshot
