"""Public market data of Binance USD-M futures and spot: frames in, events out.

Combined streams only: the stream's name in front of each frame chooses decoder and instrument
with one look-up. Streams that are not read (partial books, tickers, liquidations, those of all
symbols) are let pass without a word. Wire facts: `developers.binance.com`, USD-M and spot market
streams.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Final

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
    SecondQuote,
    Trade,
    TradesFetched,
    TradeStream,
)
from engine.model.numbers import NS_PER_MS
from engine.venues.base import Control, Endpoints, HttpRequest, SocketPlan, Stream, TradeSpan
from engine.venues.binance import payloads, requests, streams
from engine.venues.binance.channel import Channel
from engine.venues.binance.instruments import described, require_name, undescribed
from engine.venues.binance.requests import TIMEFRAMES
from engine.venues.scaling import decoded, events_of, excerpt, require

SYMBOLS_MAX: Final = 2_000
"""More names than Binance lists per venue; a stream of invented ones stops here."""
STREAMS_MAX: Final = 20_000
"""Names remembered with their decoders; beyond, the memory starts anew."""

_NAME_AT: Final = len('{"stream":"')

_SIGNED: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,30})?", re.ASCII)

Handler = Callable[[str | bytes], Sequence[Event]]


class BinanceMarketWire:
    """The `MarketWire` of both Binance venues.

    Args:
        venue: `binance_futures` or `binance`.
        endpoints: Base URLs.
    """

    def __init__(self, venue: str, endpoints: Endpoints) -> None:
        self._venue = venue
        self._stream = endpoints.stream
        self._requests = requests.BinanceRequests(venue, endpoints.rest)
        self._conversation = streams.Conversation()
        self._described: dict[str, Instrument] = {}
        self._channels: dict[str, Channel] = {}
        self._chosen: tuple[InstrumentId, ...] = ()
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
        return (self._requests.metadata(),)

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Fix the instruments, and describe each."""
        for symbol in symbols:
            if symbol not in self._described:
                near = get_close_matches(symbol.upper(), self._described, n=3, cutoff=0.5)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise ConfigError(f"{self._venue} lists no instrument {symbol!r}{hint}")
        channels = [self._channel(symbol) for symbol in dict.fromkeys(symbols)]
        self._chosen = tuple(channel.instrument_id for channel in channels)
        return [channel.describe() for channel in channels]

    def sockets(self) -> tuple[SocketPlan, ...]:
        """Return connections of at most 200 streams: futures keep books apart from the rest."""
        return streams.plans(self._venue, self._stream, self._chosen)

    def history_requests(self) -> tuple[HttpRequest, ...]:
        """Return one request per instrument and timeframe, newest candles."""
        return tuple(self._requests.history(self._chosen))

    def snapshot_by_stream(self, instrument_id: InstrumentId) -> bool:
        """Return False: streams bring changes only."""
        del instrument_id
        return False

    def snapshot_request(self, instrument_id: InstrumentId) -> HttpRequest:
        """Return the request for the top 1,000 levels of each side."""
        return self._requests.snapshot(instrument_id)

    def trades_request(
        self, instrument_id: InstrumentId, stream: TradeStream, missing: TradeSpan
    ) -> HttpRequest | None:
        """Return the request for missed trades."""
        return self._requests.trades(instrument_id, stream, missing)

    def quote_request(self, instrument_id: InstrumentId) -> HttpRequest | None:
        """Return the request for best bid and ask."""
        return self._requests.quote(instrument_id)

    def time_request(self) -> HttpRequest | None:
        """Return the request for the venue's time."""
        return self._requests.time()

    def venue_time_ns(self, body: str | bytes) -> int:
        """Read the venue's time."""
        return decoded(body, payloads.TimeAnswer).serverTime * NS_PER_MS

    def subscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the message that subscribes to these."""
        return (self._conversation.control("SUBSCRIBE", streams),)

    def unsubscribe(self, streams: Sequence[Stream]) -> Sequence[Control]:
        """Return the message that ends these subscriptions."""
        return (self._conversation.control("UNSUBSCRIBE", streams),)

    def acknowledged(self, frame: str | bytes) -> str:
        """Return the number of the message that a frame answers."""
        return streams.acknowledged(frame)

    def is_leaving(self, frame: str | bytes) -> bool:
        """Whether the server shuts down; told within a stream or beside them all."""
        return "serverShutdown" in frame if isinstance(frame, str) else b"serverShutdown" in frame

    def recorded_request(self, url: str) -> HttpRequest | None:
        """Return the request that a recorded URL was."""
        found = requests.recorded(url)
        if found is None:
            return None
        end, symbol = found
        if end == "exchangeInfo":
            return self._requests.metadata()
        if end == "depth" and symbol:
            return self._requests.snapshot(self._channel(symbol).instrument_id)
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
        return events_of(channel, handler, frame)

    def receive_answer(
        self, request: HttpRequest, status: int, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        """Decode exchangeInfo, a depth snapshot or candles."""
        if status != 200:
            raise VenuePayloadError(f"HTTP {status} for {request.purpose}", excerpt(body))
        if request.purpose == "instruments":
            return self._on_exchange_info(decoded(body, payloads.ExchangeInfo))
        channel = self._channel(symbol_of(request.instrument_id))
        decode = {
            "snapshot": self._on_snapshot,
            "candles": self._on_candles,
            "trades": self._on_trades,
            "agg_trades": self._on_agg_trades,
            "quote": self._on_second_quote,
        }[request.purpose]
        return events_of(channel, lambda raw: decode(channel, request, raw, ts_ns), body)

    def _open(self, frame: str | bytes) -> tuple[Channel, Handler] | None:
        control = decoded(frame, payloads.ControlMessage)
        if not control.stream:
            if control.code is not None or bytes(control.error) not in {b"", b"null"}:
                raise VenuePayloadError("the venue reports an error", excerpt(frame))
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
        require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
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
        require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
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
        require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        is_market = data.X == "MARKET"
        require((price > 0 and size > 0) or not is_market, "trade of nothing", data.q)
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
        require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
        price, size = channel.prices[data.p], channel.sizes[data.q]
        require(price > 0 and size > 0, "trade of nothing", data.q)
        ts_ns = data.T * NS_PER_MS
        return (Trade(channel.instrument_id, price, size, not data.m, data.a, ts_ns, "agg_trade"),)

    def _on_kline(self, timeframe_s: int, channel: Channel, frame: str | bytes) -> Sequence[Event]:
        message = self._kline.decode(frame).data
        require(message.s == channel.symbol, "symbol does not fit the stream", message.s)
        body = message.k
        fits = TIMEFRAMES.get(body.i) == timeframe_s
        require(fits, "interval does not fit the stream", body.i)
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
        require(data.s == channel.symbol, "symbol does not fit the stream", data.s)
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
        data = decoded(body, payloads.DepthAnswer)
        bids, asks = channel.levels(data.bids), channel.levels(data.asks)
        require(all(size for _, size in bids + asks), "snapshot level of no size", "")
        ts_ns = data.E * NS_PER_MS
        return (BookSnapshot(channel.instrument_id, bids, asks, data.lastUpdateId, ts_ns),)

    def _on_candles(
        self, channel: Channel, request: HttpRequest, body: str | bytes, ts_ns: int
    ) -> Sequence[Event]:
        prices, sizes = channel.prices, channel.sizes
        length_ns = request.timeframe_s * 1_000 * NS_PER_MS
        events = []
        for row in decoded(body, list[payloads.KlineRow]):
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

    def _on_trades(
        self, channel: Channel, _request: HttpRequest, body: str | bytes, _ts_ns: int
    ) -> Sequence[Event]:
        rows = decoded(body, list[payloads.TradeRow])
        found = (
            (row.id, row.price, row.qty, row.time, row.isBuyerMaker)
            for row in rows
            if row.price and row.qty
        )
        return (_fetched(channel, found, "trade"),)

    def _on_agg_trades(
        self, channel: Channel, _request: HttpRequest, body: str | bytes, _ts_ns: int
    ) -> Sequence[Event]:
        rows = decoded(body, list[payloads.AggTradeRow])
        found = ((row.a, row.p, row.q, row.T, row.m) for row in rows)
        return (_fetched(channel, found, "agg_trade"),)

    def _on_second_quote(
        self, channel: Channel, _request: HttpRequest, body: str | bytes, _ts_ns: int
    ) -> Sequence[Event]:
        data = decoded(body, payloads.QuoteAnswer)
        require(data.symbol == channel.symbol, "symbol of another instrument", data.symbol)
        bid, ask = channel.prices[data.bidPrice], channel.prices[data.askPrice]
        return (SecondQuote(channel.instrument_id, bid, ask, data.time * NS_PER_MS),)

    def _channel(self, symbol: str) -> Channel:
        channel = self._channels.get(symbol)
        if channel is None:
            require_name(symbol)
            require(len(self._channels) < SYMBOLS_MAX, "too many symbols", symbol)
            instrument = self._described.get(symbol) or undescribed(self._venue, symbol)
            channel = self._channels[symbol] = Channel(instrument)
        return channel


def _fetched(
    channel: Channel, found: Iterable[tuple[int, str, str, int, bool]], stream: TradeStream
) -> TradesFetched:
    """Return the trades of an answer; each is id, price, size, time and whether a buyer waited."""
    trades = []
    for trade_id, price_text, size_text, ts_ms, is_buyer_maker in found:
        price, size = channel.prices[price_text], channel.sizes[size_text]
        require(price > 0 and size > 0, "trade of nothing", size_text)
        trade = Trade(
            channel.instrument_id,
            price,
            size,
            not is_buyer_maker,
            trade_id,
            ts_ms * NS_PER_MS,
            stream,
        )
        trades.append(trade)
    trades.sort(key=lambda trade: trade.trade_id)
    return TradesFetched(channel.instrument_id, tuple(trades))


def _let_pass(_channel: Channel, _frame: str | bytes) -> Sequence[Event]:
    return ()


def _money(text: str) -> Decimal:
    require(_SIGNED.fullmatch(text) is not None, "not a plain decimal number", text)
    return Decimal(text)
