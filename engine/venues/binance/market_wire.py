"""Public market data of Binance USD-M futures and spot: frames in, events out.

Combined streams only: the stream's name in front of each frame chooses decoder and instrument
with one look-up. Streams that are not read (partial books, tickers, liquidations, those of all
symbols) are let pass without a word. Wire facts: `developers.binance.com`, USD-M and spot market
streams.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import Instrument, InstrumentId, symbol_of
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    MarkPrice,
    ScalesWidened,
    Trade,
)
from engine.model.numbers import NS_PER_MS, FinerText
from engine.venues.base import Endpoints, HttpRequest, SocketPlan
from engine.venues.binance import payloads
from engine.venues.binance.channel import Channel, Marks
from engine.venues.binance.instruments import described, undescribed

T = TypeVar("T")

TIMEFRAMES: Final = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
SNAPSHOT_LEVELS: Final = 1_000
HISTORY_CANDLES: Final = 499
STREAMS_PER_SOCKET: Final = 200
SYMBOLS_MAX: Final = 2_000
"""More names than Binance lists per venue; a stream of invented ones stops here."""
SYMBOL_LETTERS_MAX: Final = 40
STREAMS_MAX: Final = 20_000
"""Names remembered with their decoders; beyond, the memory starts anew."""

_NAME_AT: Final = len('{"stream":"')

_SIGNED: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,30})?", re.ASCII)

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding raises: not JSON or of another shape, not UTF-8, nested too deep."""


class _Rest(msgspec.Struct, frozen=True):
    """Where one of the two venues keeps its endpoints, and what they cost."""

    prefix: str
    snapshot_weight: int
    info_weight: int
    candles_weight: int


_REST: Final = {
    "binance_futures": _Rest("/fapi/v1", 20, 1, 2),
    "binance": _Rest("/api/v3", 50, 20, 2),
}


Handler = Callable[[str | bytes], Sequence[Event]]


class BinanceMarketWire:
    """The `MarketWire` of both Binance venues.

    Args:
        venue: `binance_futures` or `binance`.
        endpoints: Base URLs.
    """

    def __init__(self, venue: str, endpoints: Endpoints) -> None:
        self._venue = venue
        self._endpoints = endpoints
        self._rest = _REST[venue]
        self._described: dict[str, Instrument] = {}
        self._channels: dict[str, Channel] = {}
        self._chosen: tuple[str, ...] = ()
        self._handlers: dict[str | bytes, tuple[Channel, Handler]] = {}
        self._depth = msgspec.json.Decoder(payloads.DepthMessage)
        self._ticker = msgspec.json.Decoder(payloads.BookTickerMessage)
        self._trade = msgspec.json.Decoder(payloads.TradeMessage)
        self._agg_trade = msgspec.json.Decoder(payloads.AggTradeMessage)
        self._kline = msgspec.json.Decoder(payloads.KlineMessage)
        self._mark = msgspec.json.Decoder(payloads.MarkPriceMessage)

    # What it wants

    def metadata_requests(self) -> tuple[HttpRequest, ...]:
        """Return the request for exchangeInfo."""
        url = f"{self._endpoints.rest}{self._rest.prefix}/exchangeInfo"
        return (HttpRequest("instruments", url, self._rest.info_weight),)

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Fix the instruments, and describe each."""
        for symbol in symbols:
            if symbol not in self._described:
                near = get_close_matches(symbol.upper(), self._described, n=3, cutoff=0.5)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise ConfigError(f"{self._venue} lists no instrument {symbol!r}{hint}")
        self._chosen = tuple(dict.fromkeys(symbols))
        return [self._channel(symbol).describe() for symbol in self._chosen]

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return connections of at most 200 streams: futures keep books apart from the rest."""
        base = self._endpoints.stream
        if self._venue == "binance":
            names = self._names(("trade", "depth@100ms", "bookTicker", "kline_1m"))
            return _plans("stream", f"{base}/stream", names)
        public = self._names(("depth@100ms", "bookTicker", "trade"))
        market = self._names(("aggTrade", "kline_1m", "markPrice@1s"))
        return (
            *_plans("public", f"{base}/public/stream", public),
            *_plans("market", f"{base}/market/stream", market),
        )

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return one request per instrument and timeframe, newest candles."""
        return tuple(
            HttpRequest(
                "candles",
                f"{self._endpoints.rest}{self._rest.prefix}/klines"
                f"?symbol={symbol}&interval={text}&limit={HISTORY_CANDLES}",
                self._rest.candles_weight,
                self._channel(symbol).instrument_id,
                seconds,
            )
            for text, seconds in TIMEFRAMES.items()
            for symbol in self._chosen
        )

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for the top 1,000 levels of each side."""
        url = (
            f"{self._endpoints.rest}{self._rest.prefix}/depth"
            f"?symbol={symbol_of(instrument_id)}&limit={SNAPSHOT_LEVELS}"
        )
        return HttpRequest("snapshot", url, self._rest.snapshot_weight, instrument_id)

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Return the request that a recorded URL was."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if parts.path.endswith("/exchangeInfo"):
            return self.metadata_requests()[0]
        symbol = parse_qs(parts.query).get("symbol", [""])[0]
        if parts.path.endswith("/depth") and symbol:
            return self.snapshot_request(self._channel(symbol).instrument_id)
        return None

    # What came

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode one frame of a combined stream."""
        quote: str | bytes = '"' if isinstance(frame, str) else b'"'
        end = frame.find(quote, _NAME_AT)  # type: ignore[arg-type]  # same type as the frame
        found = self._handlers.get(frame[_NAME_AT:end])
        if found is None:
            found = self._open(frame)
            if found is None:
                return ()
        channel, handler = found
        before = channel.marks()
        try:
            events = handler(frame)
        except FinerText as finer:
            return self._widen(channel, partial(handler, frame), finer, before)
        except VenuePayloadError:
            channel.reset(before)
            raise
        except _UNREADABLE as error:
            raise _unreadable(error, frame) from error
        return events if channel.announced else [channel.describe(), *events]

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Decode exchangeInfo, a depth snapshot or candles."""
        if status != 200:
            raise VenuePayloadError(f"HTTP {status} for {request.purpose}", _excerpt(body))
        if request.purpose == "instruments":
            return self._on_exchange_info(_decoded(body, payloads.ExchangeInfo))
        channel = self._channel(symbol_of(request.instrument_id))
        decode = self._on_snapshot if request.purpose == "snapshot" else self._on_candles
        attempt = partial(decode, channel, request, body, ts_ns)
        before = channel.marks()
        try:
            events = attempt()
        except FinerText as finer:
            return self._widen(channel, attempt, finer, before)
        except VenuePayloadError:
            channel.reset(before)
            raise
        return events if channel.announced else [channel.describe(), *events]

    def _widen(
        self,
        channel: Channel,
        attempt: Callable[[], Sequence[Event]],
        finer: FinerText,
        before: Marks,
    ) -> Sequence[Event]:
        """Decode again with finer scales; a frame that fails in the end leaves them as they were.

        The instrument is described with the scales before, so that the widening that follows has
        something to widen.
        """
        described = [] if channel.announced else [channel.describe()]
        try:
            while True:
                finer.scale.widen(finer.decimals)
                try:
                    events = attempt()
                except FinerText as again:
                    finer = again
                    continue
                break
        except VenuePayloadError:
            channel.reset(before)
            channel.announced = not described
            raise
        prices, sizes = channel.prices.decimals, channel.sizes.decimals
        return [*described, ScalesWidened(channel.instrument_id, prices, sizes), *events]

    def _open(self, frame: str | bytes) -> tuple[Channel, Handler] | None:
        control = _decoded(frame, payloads.ControlMessage)
        if not control.stream:
            if control.code is not None or bytes(control.error) not in {b"", b"null"}:
                raise VenuePayloadError("the venue reports an error", _excerpt(frame))
            return None
        symbol, _, kind = control.stream.partition("@")
        if not kind or symbol.startswith("!"):
            return None
        channel = self._channel(symbol.upper())
        found = (channel, partial(self._handler_for(kind), channel))
        if len(self._handlers) >= STREAMS_MAX:
            self._handlers.clear()
        self._handlers[control.stream] = self._handlers[control.stream.encode()] = found
        return found

    def _handler_for(self, kind: str) -> Callable[[Channel, str | bytes], Sequence[Event]]:
        timeframe_s = TIMEFRAMES.get(kind.removeprefix("kline_"))
        if timeframe_s and kind.startswith("kline_"):
            return partial(self._on_kline, timeframe_s)
        return {
            "depth": self._on_depth,
            "bookTicker": self._on_ticker,
            "trade": self._on_trade,
            "aggTrade": self._on_agg_trade,
            "markPrice": self._on_mark,
        }.get(kind.partition("@")[0], _let_pass)

    def _on_depth(self, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._depth.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        return (
            BookDelta(
                channel.instrument_id,
                channel.levels(data.b),
                channel.levels(data.a),
                data.U,
                data.u,
                data.pu,
                (data.T or data.E) * NS_PER_MS,
            ),
        )

    def _on_ticker(self, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._ticker.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        prices, sizes = channel.prices, channel.sizes
        return (
            BestQuote(
                channel.instrument_id,
                prices[data.b],
                sizes[data.B],
                prices[data.a],
                sizes[data.A],
                data.u,
                data.T * NS_PER_MS,
            ),
        )

    def _on_trade(self, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._trade.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        is_market = data.X == "MARKET"
        _require((price > 0 and size > 0) or not is_market, "trade of nothing", data.q)
        return (
            Trade(
                channel.instrument_id,
                price,
                size,
                not data.m,
                data.t,
                data.T * NS_PER_MS,
                "trade",
                is_market,
            ),
        )

    def _on_agg_trade(self, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._agg_trade.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        _require(price > 0 and size > 0, "trade of nothing", data.q)
        ts_ns = data.T * NS_PER_MS
        return (Trade(channel.instrument_id, price, size, not data.m, data.a, ts_ns, "agg_trade"),)

    def _on_kline(self, timeframe_s: int, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        message = self._kline.decode(frame).data
        _require(message.s == channel.symbol, "symbol does not fit the stream", message.s)
        body = message.k
        fits = TIMEFRAMES.get(body.i) == timeframe_s
        _require(fits, "interval does not fit the stream", body.i)
        prices = channel.prices
        return (
            Candle(
                channel.instrument_id,
                timeframe_s,
                body.t * NS_PER_MS,
                prices[body.o],
                prices[body.h],
                prices[body.l],
                prices[body.c],
                channel.sizes[body.v],
                body.n,
                body.x,
            ),
        )

    def _on_mark(self, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._mark.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        return (
            MarkPrice(
                channel.instrument_id,
                _money(data.p),
                _money(data.i) if data.i else None,
                _money(data.r) if data.r and data.T else None,
                data.T * NS_PER_MS,
                data.E * NS_PER_MS,
            ),
        )

    def _on_exchange_info(self, info: payloads.ExchangeInfo) -> Sequence[Event]:
        """Take in what can be used: one strange symbol must not hide the hundreds of others."""
        self._described = {}
        for item in info.symbols:
            with suppress(VenuePayloadError):
                _require_name(item.symbol)
                self._described[item.symbol] = described(self._venue, item)
        updates: list[Event] = []
        for channel in self._channels.values():
            instrument = self._described.get(channel.symbol)
            if instrument is not None and instrument != channel.instrument:
                channel.take(instrument)
                updates += [channel.describe()] if channel.announced else []
        return updates

    def _on_snapshot(
        self, channel: Channel, _request: HttpRequest, body: str | bytes, _ts_ns: int
    ) -> Sequence[Event]:
        data = _decoded(body, payloads.DepthAnswer)
        bids, asks = channel.levels(data.bids), channel.levels(data.asks)
        _require(all(size for _, size in bids + asks), "snapshot level of no size", "")
        ts_ns = data.E * NS_PER_MS
        return (BookSnapshot(channel.instrument_id, bids, asks, data.lastUpdateId, ts_ns),)

    def _on_candles(
        self, channel: Channel, request: HttpRequest, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        prices, sizes = channel.prices, channel.sizes
        length_ns = request.timeframe_s * 1_000 * NS_PER_MS
        events = []
        for row in _decoded(body, list[payloads.KlineRow]):
            open_ns = row.open_ms * NS_PER_MS
            ohlc = prices[row.open], prices[row.high], prices[row.low], prices[row.close]
            events.append(
                Candle(
                    channel.instrument_id,
                    request.timeframe_s,
                    open_ns,
                    *ohlc,
                    sizes[row.volume],
                    row.trades,
                    open_ns + length_ns <= ts_ns,
                )
            )
        return events

    def _channel(self, symbol: str) -> Channel:
        channel = self._channels.get(symbol)
        if channel is None:
            _require_name(symbol)
            _require(len(self._channels) < SYMBOLS_MAX, "too many symbols", symbol)
            instrument = self._described.get(symbol) or undescribed(self._venue, symbol)
            channel = self._channels[symbol] = Channel(instrument)
        return channel

    def _names(self, kinds: tuple[str, ...]) -> list[str]:
        return [f"{symbol.lower()}@{kind}" for symbol in self._chosen for kind in kinds]


def _plans(name: str, url: str, streams: list[str]) -> tuple[SocketPlan, ...]:
    """Spread streams over connections: a refused one takes all of its connection along."""
    parts = range(0, len(streams), STREAMS_PER_SOCKET)
    return tuple(
        SocketPlan(
            name if at == 0 else f"{name}{at // STREAMS_PER_SOCKET + 1}",
            url,
            (_subscription(streams[at : at + STREAMS_PER_SOCKET]),),
        )
        for at in parts
    )


def _subscription(streams: list[str]) -> str:
    message = {"method": "SUBSCRIBE", "params": streams, "id": 1}
    return msgspec.json.encode(message).decode()


def _require(condition: bool, field: str, excerpt: str) -> None:
    if not condition:
        raise VenuePayloadError(field, excerpt)


def _require_name(symbol: str) -> None:
    is_name = 0 < len(symbol) <= SYMBOL_LETTERS_MAX and symbol.isprintable()
    _require(is_name, "not a symbol", symbol)


def _let_pass(_channel: Channel, _frame: str | bytes) -> Sequence[Event]:
    return ()


def _money(text: str) -> Decimal:
    _require(_SIGNED.fullmatch(text) is not None, "not a plain decimal number", text)
    return Decimal(text)


def _decoded(body: str | bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except _UNREADABLE as error:
        raise _unreadable(error, body) from error


def _unreadable(error: Exception, frame: str | bytes) -> VenuePayloadError:
    return VenuePayloadError(f"unreadable: {error}"[:160], _excerpt(frame))


def _excerpt(body: str | bytes) -> str:
    return body[:120] if isinstance(body, str) else body[:120].decode("ascii", "replace")
