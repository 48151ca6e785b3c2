"""Public market data of Binance USD-M futures and spot: frames in, events out.

Combined streams only: the stream's name in front of each frame chooses decoder and instrument
with one look-up. Wire facts: `developers.binance.com`, USD-M and spot market streams.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
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
    InstrumentUpdated,
    Level,
    MarkPrice,
    ScalesWidened,
    Trade,
)
from engine.model.numbers import NS_PER_MS, FinerText, TextScale, decimals_of
from engine.venues.base import Endpoints, HttpRequest, SocketPlan
from engine.venues.binance import payloads
from engine.venues.binance.instruments import described, undescribed

T = TypeVar("T")

TIMEFRAMES: Final = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
SNAPSHOT_LEVELS: Final = 1_000
HISTORY_CANDLES: Final = 499
STREAMS_PER_SUBSCRIBE: Final = 200
SYMBOLS_MAX: Final = 2_000
"""More names than Binance lists per venue; a stream of invented ones stops here."""

_NAME_AT: Final = len('{"stream":"')


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


class _Channel:
    """One instrument on the wire: its id and the scales of its texts."""

    __slots__ = ("announced", "instrument", "instrument_id", "prices", "sizes", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.instrument_id = instrument.instrument_id
        self.symbol = symbol_of(instrument.instrument_id)
        self.prices = TextScale(decimals_of(instrument.tick_size or Decimal(1)))
        self.sizes = TextScale(decimals_of(instrument.lot_size or Decimal(1)))
        self.announced = False

    def levels(self, texts: payloads.Levels) -> list[Level]:
        prices, sizes = self.prices, self.sizes
        return [(prices[price], sizes[size]) for price, size in texts]

    def describe(self) -> InstrumentUpdated:
        self.announced = True
        return InstrumentUpdated(self.instrument, self.prices.decimals, self.sizes.decimals)


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
        self._channels: dict[str, _Channel] = {}
        self._chosen: tuple[str, ...] = ()
        self._handlers: dict[str | bytes, tuple[_Channel, Handler]] = {}
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
        """Return one connection for spot, two for futures (books apart from the rest)."""
        base = self._endpoints.stream
        if self._venue == "binance":
            names = self._names(("trade", "depth@100ms", "bookTicker", "kline_1m"))
            return (SocketPlan("stream", f"{base}/stream", _subscriptions(names)),)
        public = self._names(("depth@100ms", "bookTicker", "trade"))
        market = self._names(("aggTrade", "kline_1m", "markPrice@1s"))
        return (
            SocketPlan("public", f"{base}/public/stream", _subscriptions(public)),
            SocketPlan("market", f"{base}/market/stream", _subscriptions(market)),
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
        parts = urlsplit(url)
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
        try:
            events = handler(frame)
        except FinerText as finer:
            return self._widen(channel, partial(handler, frame), finer)
        except msgspec.DecodeError as error:
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
        try:
            events = attempt()
        except FinerText as finer:
            return self._widen(channel, attempt, finer)
        return events if channel.announced else [channel.describe(), *events]

    def _widen(
        self, channel: _Channel, attempt: Callable[[], Sequence[Event]], finer: FinerText
    ) -> Sequence[Event]:
        """Decode again with finer scales; a frame that fails in the end leaves them as they were.

        The instrument is described with the scales before, so that the widening that follows has
        something to widen.
        """
        before = [(scale, scale.decimals, scale.largest) for scale in _scales(channel)]
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
        except (VenuePayloadError, msgspec.DecodeError) as error:
            for scale, decimals, largest in before:
                scale.reset(decimals, largest)
            channel.announced = not described
            if isinstance(error, msgspec.DecodeError):
                raise _unreadable(error, "") from error
            raise
        prices, sizes = channel.prices.decimals, channel.sizes.decimals
        return [*described, ScalesWidened(channel.instrument_id, prices, sizes), *events]

    def _open(self, frame: str | bytes) -> tuple[_Channel, Handler] | None:
        control = _decoded(frame, payloads.ControlMessage)
        if not control.stream:
            if control.code is not None or control.error:
                raise VenuePayloadError("the venue reports an error", _excerpt(frame))
            return None
        symbol, _, kind = control.stream.partition("@")
        handler = self._handler_for(kind)
        if handler is None:
            raise VenuePayloadError("stream that was not asked for", control.stream)
        channel = self._channel(symbol.upper())
        found = (channel, partial(handler, channel))
        self._handlers[control.stream] = self._handlers[control.stream.encode()] = found
        return found

    def _handler_for(self, kind: str) -> Callable[[_Channel, str | bytes], Sequence[Event]] | None:
        return {
            "depth": self._on_depth,
            "bookTicker": self._on_ticker,
            "trade": self._on_trade,
            "aggTrade": self._on_agg_trade,
            "kline_1m": self._on_kline,
            "markPrice": self._on_mark,
        }.get(kind.partition("@")[0])

    def _on_depth(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
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

    def _on_ticker(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
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

    def _on_trade(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._trade.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        is_market = data.X == "MARKET"
        _require(size > 0 or not is_market, "trade of no size", data.q)
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

    def _on_agg_trade(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
        data = self._agg_trade.decode(frame).data
        _require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        _require(size > 0, "trade of no size", data.q)
        ts_ns = data.T * NS_PER_MS
        return (Trade(channel.instrument_id, price, size, not data.m, data.a, ts_ns, "agg_trade"),)

    def _on_kline(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
        message = self._kline.decode(frame).data
        _require(message.s == channel.symbol, "symbol does not fit the stream", message.s)
        body = message.k
        prices = channel.prices
        return (
            Candle(
                channel.instrument_id,
                TIMEFRAMES[body.i],
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

    def _on_mark(self, channel: _Channel, frame: str | bytes) -> Sequence[Event]:
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
        self._described = {item.symbol: described(self._venue, item) for item in info.symbols}
        return ()

    def _on_snapshot(
        self, channel: _Channel, _request: HttpRequest, body: str | bytes, _ts_ns: int
    ) -> Sequence[Event]:
        data = _decoded(body, payloads.DepthAnswer)
        bids, asks = channel.levels(data.bids), channel.levels(data.asks)
        _require(all(size for _, size in bids + asks), "snapshot level of no size", "")
        ts_ns = data.E * NS_PER_MS
        return (BookSnapshot(channel.instrument_id, bids, asks, data.lastUpdateId, ts_ns),)

    def _on_candles(
        self, channel: _Channel, request: HttpRequest, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        prices, sizes = channel.prices, channel.sizes
        length_ns = request.timeframe_s * 1_000 * NS_PER_MS
        events = []
        for row in _decoded(body, list[_KlineRow]):
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

    def _channel(self, symbol: str) -> _Channel:
        channel = self._channels.get(symbol)
        if channel is None:
            _require(len(self._channels) < SYMBOLS_MAX, "too many symbols", symbol)
            instrument = self._described.get(symbol) or undescribed(self._venue, symbol)
            channel = self._channels[symbol] = _Channel(instrument)
        return channel

    def _names(self, kinds: tuple[str, ...]) -> list[str]:
        return [f"{symbol.lower()}@{kind}" for symbol in self._chosen for kind in kinds]


class _KlineRow(msgspec.Struct, array_like=True, gc=False):
    """One row of the klines endpoint; the columns after the trade count are not used."""

    open_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_ms: int
    quote_volume: str
    trades: int


def _subscriptions(names: list[str]) -> tuple[str, ...]:
    return tuple(
        msgspec.json.encode(
            {
                "method": "SUBSCRIBE",
                "params": names[at : at + STREAMS_PER_SUBSCRIBE],
                "id": at // STREAMS_PER_SUBSCRIBE + 1,
            }
        ).decode()
        for at in range(0, len(names), STREAMS_PER_SUBSCRIBE)
    )


def _scales(channel: _Channel) -> tuple[TextScale, TextScale]:
    return channel.prices, channel.sizes


def _require(condition: bool, field: str, excerpt: str) -> None:
    if not condition:
        raise VenuePayloadError(field, excerpt)


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise VenuePayloadError("not a number", text) from error
    _require(value.is_finite(), "not a finite number", text)
    return value


def _decoded(body: str | bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error, body) from error


def _unreadable(error: Exception, frame: str | bytes) -> VenuePayloadError:
    return VenuePayloadError(f"unreadable: {error}"[:160], _excerpt(frame))


def _excerpt(body: str | bytes) -> str:
    return body[:120] if isinstance(body, str) else body[:120].decode("ascii", "replace")
