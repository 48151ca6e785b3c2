"""Public market data of OKX v5: frames in, events out.

The beginning of a frame, up to the end of its `arg`, chooses decoder and instrument with one
look-up. Channels that are not read are let pass without a word. Wire facts: `okx.com/docs-v5`,
"Public Data" and the market data of "Order Book Trading".
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import Instrument, InstrumentId, symbol_of
from engine.model.market import TradeStream
from engine.model.numbers import NS_PER_S
from engine.venues.base import Control, Endpoints, HttpRequest, SocketPlan, Stream, TradeSpan
from engine.venues.okx import events, payloads
from engine.venues.okx.channel import Channel
from engine.venues.okx.instruments import VENUE, described, undescribed
from engine.venues.okx.streams import controls, name_of, plans
from engine.venues.scaling import decoded, events_of, excerpt, require

INST_TYPES: Final = ("SPOT", "SWAP", "FUTURES")
SNAPSHOT_LEVELS: Final = 400
"""As many as the channel holds."""
HISTORY_CANDLES: Final = 300
TRADES_PER_ANSWER: Final = 100
SYMBOLS_MAX: Final = 5_000
"""More names than OKX lists; a stream of invented ones stops here."""
SYMBOL_LETTERS_MAX: Final = 40
HANDLERS_MAX: Final = 20_000
"""Beginnings of frames remembered with their decoders; beyond, the memory starts anew."""

UPGRADE: Final = "64008"
"""Code of the notice before an upgrade of the service."""

RENEWALS_MAX: Final = 200
"""In an hour: two requests each, of the 480 that a connection may make."""
HOUR_NS: Final = 3_600 * NS_PER_S

Handler = Callable[[str | bytes], Sequence[Event]]


class OkxMarketWire:
    """The `MarketWire` of OKX.

    Args:
        endpoints: Base URLs.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._described: dict[str, Instrument] = {}
        self._channels: dict[str, Channel] = {}
        self._chosen: tuple[str, ...] = ()
        self._handlers: dict[str | bytes, tuple[Channel, Handler]] = {}
        self._renewals_ns: deque[int] = deque(maxlen=RENEWALS_MAX)
        self._ts_ns = 0

    # What it wants

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Return one request per kind of instrument."""
        return tuple(
            HttpRequest("instruments", self._url("public/instruments", instType=kind))
            for kind in INST_TYPES
        )

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Fix the instruments, and describe each."""
        for symbol in symbols:
            if symbol not in self._described:
                near = get_close_matches(symbol.upper(), self._described, n=3, cutoff=0.5)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise ConfigError(f"{VENUE} lists no instrument {symbol!r}{hint}")
        self._chosen = tuple(dict.fromkeys(symbols))
        return [self._channel(symbol).describe() for symbol in self._chosen]

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return connections for books, trades and prices, and others for candles and prints."""
        chosen = [self._channel(symbol).instrument_id for symbol in self._chosen]
        return tuple(plans(self._endpoints.stream, chosen))

    def subscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that subscribe to these."""
        return controls("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the messages that end these subscriptions."""
        return controls("unsubscribe", streams)

    def acknowledged(self, frame: str | bytes) -> str:
        """Return what a frame confirms, in the words of `controls`."""
        with suppress(VenuePayloadError):
            opening = decoded(frame, payloads.Opening)
            if opening.event in {"subscribe", "unsubscribe"}:
                return f"{opening.event} {name_of(opening.arg)}"
        return ""

    def is_leaving(self, frame: str | bytes) -> bool:
        """Whether the service is upgraded within the minute."""
        with suppress(VenuePayloadError):
            return decoded(frame, payloads.Opening).code == UPGRADE
        return False

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return one request per instrument and timeframe, newest candles."""
        return tuple(
            HttpRequest(
                "candles",
                self._url("market/candles", instId=symbol, bar=bar, limit=HISTORY_CANDLES),
                instrument_id=self._channel(symbol).instrument_id,
                timeframe_s=seconds,
            )
            for bar, seconds in events.TIMEFRAMES.items()
            for symbol in self._chosen
        )

    def snapshot_by_stream(self, instrument_id: InstrumentId) -> bool:
        """Whether the next whole book comes when the stream is asked for anew.

        So it does as long as the venue opens the stream with one; it announced to end that. Where
        none came, the next is asked for by request, and if that is refused, by stream again.
        """
        channel = self._channel(symbol_of(instrument_id))
        by_stream = channel.is_streamed and self._may_renew()
        channel.is_streamed = not by_stream
        if by_stream:
            self._renewals_ns.append(self._ts_ns)
        return by_stream

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for as many levels as the stream holds."""
        symbol = symbol_of(instrument_id)
        url = self._url("market/books", instId=symbol, sz=SNAPSHOT_LEVELS, source=0)
        return HttpRequest("snapshot", url, instrument_id=instrument_id)

    def trades_request(
        self, instrument_id: InstrumentId, stream: TradeStream, missing: TradeSpan
    ) -> HttpRequest | None:
        """Return the request for single prints; nothing tells which of them a sum holds."""
        if stream != "trade":
            return None
        page = {"after": missing.before_id} if missing.before_id else {}
        query = {"instId": symbol_of(instrument_id), "type": 1, "limit": TRADES_PER_ANSWER, **page}
        url = self._url("market/history-trades", **query)
        return HttpRequest("trades", url, instrument_id=instrument_id)

    def quote_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for the ticker."""
        url = self._url("market/ticker", instId=symbol_of(instrument_id))
        return HttpRequest("quote", url, instrument_id=instrument_id)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's time."""
        return HttpRequest("time", self._url("public/time"))

    def venue_time_ns(self, body: str | bytes) -> int:
        """Read the venue's time."""
        return events.of_time(_data(body, "time"))

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Return the request that a recorded URL was."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if parts.path.endswith("/public/instruments") and query.get("instType") in INST_TYPES:
            return self.metadata_requests()[INST_TYPES.index(query["instType"])]
        if parts.path.endswith("/market/books") and "instId" in query:
            return self.snapshot_request(self._channel(query["instId"]).instrument_id)
        return None

    # What came

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode one frame."""
        self._ts_ns = ts_ns
        brace: str | bytes = "}" if isinstance(frame, str) else b"}"
        end = frame.find(brace) + 1  # type: ignore[arg-type]  # same type as the frame
        found = self._handlers.get(frame[:end])
        if found is None:
            found = self._open(frame, end)
            if found is None:
                return ()
        channel, handler = found
        return events_of(channel, handler, frame)

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Decode a list of instruments, a book, candles, trades or a quote."""
        if status != 200:
            raise VenuePayloadError(f"HTTP {status} for {request.purpose}", excerpt(body))
        data = _data(body, request.purpose)
        if request.purpose == "instruments":
            return self._on_instruments(decoded(data, list[payloads.InstrumentData]))
        channel = self._channel(symbol_of(request.instrument_id))
        answers: dict[str, Callable[[Channel, str | bytes], Sequence[Event]]] = {
            "snapshot": events.of_snapshot,
            "candles": partial(events.of_history, request.timeframe_s, ts_ns),
            "trades": events.of_trades,
            "quote": events.of_ticker,
        }
        return events_of(channel, partial(answers[request.purpose], channel), data)

    def _open(self, frame: str | bytes, end: int) -> tuple[Channel, Handler] | None:
        if frame in {"pong", b"pong"}:
            return None
        opening = decoded(frame, payloads.Opening)
        if opening.event == "error":
            raise VenuePayloadError(f"the venue reports error {opening.code}", opening.msg[:120])
        if opening.event or not opening.arg.instId:
            return None
        decode = events.decoder_of(opening.arg.channel)
        if decode is None:
            return None
        channel = self._channel(opening.arg.instId)
        found = channel, partial(decode, opening.arg, channel)
        if _begins_with(frame, end, opening.arg):
            if len(self._handlers) >= HANDLERS_MAX:
                self._handlers.clear()
            self._handlers[frame[:end]] = found
        return found

    def _on_instruments(self, items: list[payloads.InstrumentData]) -> Sequence[Event]:
        """Take in what can be used: one strange name must not hide the hundreds of others."""
        for item in items:
            with suppress(VenuePayloadError):
                _require_name(item.instId)
                self._described[item.instId] = described(item)
        updates: list[Event] = []
        for channel in self._channels.values():
            before, now = channel.instrument, self._described.get(channel.symbol)
            if now is not None and now != before:
                channel.take(now)
                if channel.announced and channel.instrument != before:
                    updates.append(channel.describe())
        return updates

    def _channel(self, symbol: str) -> Channel:
        channel = self._channels.get(symbol)
        if channel is None:
            _require_name(symbol)
            require(len(self._channels) < SYMBOLS_MAX, "too many instruments", symbol)
            instrument = self._described.get(symbol) or undescribed(symbol)
            channel = self._channels[symbol] = Channel(instrument)
        return channel

    def _may_renew(self) -> bool:
        asked = self._renewals_ns
        return len(asked) < RENEWALS_MAX or self._ts_ns - asked[0] >= HOUR_NS

    def _url(self, path: str, **query: object) -> str:
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        return f"{self._endpoints.rest}/api/v5/{path}" + (f"?{asked}" if asked else "")


def _data(body: str | bytes, purpose: str) -> bytes:
    """Return what is inside an answer of success."""
    answer = decoded(body, payloads.Answer)
    if answer.code != "0":
        raise VenuePayloadError(f"code {answer.code[:10]} for {purpose}", answer.msg[:120])
    return bytes(answer.data)


def _begins_with(frame: str | bytes, end: int, arg: payloads.Arg) -> bool:
    """Whether a frame's beginning says by itself what the frame is about."""
    begin = frame[:end] + "}" if isinstance(frame, str) else frame[:end] + b"}"
    with suppress(VenuePayloadError):
        return decoded(begin, payloads.Opening).arg == arg
    return False


def _require_name(symbol: str) -> None:
    is_name = 0 < len(symbol) <= SYMBOL_LETTERS_MAX and symbol.isprintable()
    require(is_name, "not an instrument", symbol)
