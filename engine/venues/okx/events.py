"""What OKX's messages about one instrument say, as events.

Each function decodes one whole frame, or the data of one whole answer, with the scales of the
instrument's channel. What it remembers there it remembers last, so a refused frame leaves nothing.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

import msgspec

from engine.model.envelope import Event
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
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.okx import payloads
from engine.venues.okx.channel import Channel
from engine.venues.okx.payloads import Arg
from engine.venues.scaling import decoded, require

T = TypeVar("T")

TIMEFRAMES: Final = {"1m": 60, "5m": 300, "15m": 900, "1H": 3_600, "4H": 14_400, "1Dutc": 86_400}
"""By the venue's name. Its `6H` to `1M` begin at Hong Kong's midnight and are never ours."""

NO_ID: Final = -1

_SIGNED: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,30})?", re.ASCII)
_ID_DIGITS_MAX: Final = 18
_MS_DIGITS_MAX: Final = 13
"""Milliseconds since 1970, to the year 2286."""

_books = msgspec.json.Decoder(payloads.BooksMessage)
_tickers = msgspec.json.Decoder(payloads.TickersMessage)
_trades = msgspec.json.Decoder(payloads.TradesMessage)
_candles = msgspec.json.Decoder(payloads.CandlesMessage)
_marks = msgspec.json.Decoder(payloads.MarkMessage)
_fundings = msgspec.json.Decoder(payloads.FundingMessage)

Decode = Callable[[Arg, Channel, str | bytes], Sequence[Event]]


def decoder_of(kind: str) -> Decode | None:
    """Return how messages of a channel are read; None for those that are not."""
    timeframe_s = TIMEFRAMES.get(kind.removeprefix("candle"))
    if timeframe_s and kind.startswith("candle"):
        return partial(_on_candles, timeframe_s)
    return _DECODERS.get(kind)


def of_snapshot(channel: Channel, body: str | bytes) -> Sequence[Event]:
    """Read a book that was asked for; one without a number joins no stream."""
    data = _only(body, list[payloads.BookData])
    require(data.seqId is not None, "a book without seqId joins no stream", "")
    events = [_snapshot(channel, data, is_streamed=False)]
    channel.is_streamed = False
    return events


def of_history(
    timeframe_s: int, ts_ns: int, channel: Channel, body: str | bytes
) -> Sequence[Event]:
    """Read candles that were asked for, which come newest first."""
    rows = decoded(body, list[payloads.CandleRow])
    return [_candle(channel, row, timeframe_s, ts_ns) for row in reversed(rows)]


def of_trades(channel: Channel, body: str | bytes) -> Sequence[Event]:
    """Read single prints that were asked for, which come newest first."""
    items = decoded(body, list[payloads.TradeData])
    trades = [_trade(channel, item, "trade") for item in items]
    trades.sort(key=lambda trade: trade.trade_id)
    return (TradesFetched(channel.instrument_id, trades),)


def of_ticker(channel: Channel, body: str | bytes) -> Sequence[Event]:
    """Read a ticker that was asked for; without both sides it is no answer."""
    data = _only(body, list[payloads.TickerData])
    require(data.instId == channel.symbol, "another instrument", data.instId)
    bid, ask = channel.prices[data.bidPx], channel.prices[data.askPx]
    return (SecondQuote(channel.instrument_id, bid, ask, time_ns(data.ts)),)


def of_time(body: str | bytes) -> int:
    """Read the venue's time."""
    return time_ns(_only(body, list[payloads.TimeData]).ts)


def time_ns(text: str) -> int:
    """Return the moment of a text of milliseconds.

    Raises:
        VenuePayloadError: It is none.
    """
    return _count(text, _MS_DIGITS_MAX) * NS_PER_MS


def _on_books(arg: Arg, channel: Channel, frame: str | bytes) -> Sequence[Event]:
    message = _books.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    if message.action == "update":
        return [_delta(channel, data) for data in message.data]
    events = [_snapshot(channel, data, is_streamed=True) for data in message.data]
    channel.is_streamed = True
    return events


def _on_tickers(arg: Arg, channel: Channel, frame: str | bytes) -> Sequence[Event]:
    message = _tickers.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    prices, sizes = channel.prices, channel.sizes
    events = []
    for data in message.data:
        require(data.instId == channel.symbol, "another instrument", data.instId)
        if not (data.bidPx and data.askPx):
            continue  # Empty where a side of the book is.
        bid, ask = (prices[data.bidPx], sizes[data.bidSz]), (prices[data.askPx], sizes[data.askSz])
        quote = BestQuote(channel.instrument_id, *bid, *ask, NO_ID, time_ns(data.ts))
        events.append(quote)
    return events


def _on_trades(
    stream: TradeStream, arg: Arg, channel: Channel, frame: str | bytes
) -> Sequence[Event]:
    message = _trades.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    return [_trade(channel, data, stream) for data in message.data]


def _on_candles(
    timeframe_s: int, arg: Arg, channel: Channel, frame: str | bytes
) -> Sequence[Event]:
    message = _candles.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    return [_candle(channel, row, timeframe_s, 0) for row in message.data]


def _on_mark(arg: Arg, channel: Channel, frame: str | bytes) -> Sequence[Event]:
    message = _marks.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    newest = channel.mark_price
    for data in message.data:
        require(data.instId == channel.symbol, "another instrument", data.instId)
        newest = _money(data.markPx), time_ns(data.ts)
    channel.mark_price = newest
    return _mark_price(channel)


def _on_funding(arg: Arg, channel: Channel, frame: str | bytes) -> Sequence[Event]:
    """Keep the rate; it is told with a mark price."""
    message = _fundings.decode(frame)
    require(message.arg == arg, "the arg changes", message.arg.instId)
    newest = channel.funding
    for data in message.data:
        require(data.instId == channel.symbol, "another instrument", data.instId)
        rate = _money(data.fundingRate) if data.fundingRate else None
        newest = rate, time_ns(data.fundingTime)
    channel.funding = newest
    return _mark_price(channel)


_DECODERS: Final[dict[str, Decode]] = {
    "books": _on_books,
    "tickers": _on_tickers,
    "trades": partial(_on_trades, "agg_trade"),
    "trades-all": partial(_on_trades, "trade"),
    "mark-price": _on_mark,
    "funding-rate": _on_funding,
}


def _snapshot(channel: Channel, data: payloads.BookData, *, is_streamed: bool) -> BookSnapshot:
    bids, asks = channel.levels(data.bids), channel.levels(data.asks)
    require(all(size for _, size in bids + asks), "snapshot level of no size", "")
    return BookSnapshot(
        channel.instrument_id,
        bids,
        asks,
        data.seqId or 0,
        time_ns(data.ts),
        is_streamed,
        data.checksum,
    )


def _delta(channel: Channel, data: payloads.BookData) -> BookDelta:
    """Return changes of a book; those of old have no ids and so no place but the next."""
    both = (data.seqId is None) == (data.prevSeqId is None)
    require(both, "one id without the other", "")
    seq = data.seqId or 0
    return BookDelta(
        channel.instrument_id,
        channel.levels(data.bids),
        channel.levels(data.asks),
        seq,
        seq,
        data.prevSeqId or 0,
        time_ns(data.ts),
        data.checksum,
    )


def _trade(channel: Channel, data: payloads.TradeData, stream: TradeStream) -> Trade:
    require(data.instId == channel.symbol, "another instrument", data.instId)
    price, size = channel.prices[data.px], channel.sizes[data.sz]
    require(price > 0 and size > 0, "trade of nothing", data.sz)
    trade_id = _count(data.tradeId, _ID_DIGITS_MAX)
    is_buy = data.side == "buy"
    return Trade(channel.instrument_id, price, size, is_buy, trade_id, time_ns(data.ts), stream)


def _candle(channel: Channel, row: payloads.CandleRow, timeframe_s: int, now_ns: int) -> Candle:
    """Return a candle; the venue does not say how many trades are in it."""
    prices = channel.prices
    open_ns = time_ns(row.ts)
    is_over = open_ns + timeframe_s * NS_PER_S <= now_ns
    return Candle(
        channel.instrument_id,
        timeframe_s,
        open_ns,
        prices[row.open],
        prices[row.high],
        prices[row.low],
        prices[row.close],
        channel.sizes[row.volume],
        0,
        row.confirm == "1" if row.confirm else is_over,
    )


def _mark_price(channel: Channel) -> Sequence[Event]:
    if channel.mark_price is None:
        return ()
    (mark, ts_ns), (rate, due_ns) = channel.mark_price, channel.funding
    return (MarkPrice(channel.instrument_id, mark, None, rate, due_ns, ts_ns),)


def _only(body: str | bytes, shape: type[list[T]]) -> T:
    items = decoded(body, shape)
    require(len(items) == 1, f"{len(items)} answers to one question", "")
    return items[0]


def _count(text: str, digits_max: int) -> int:
    is_count = text.isascii() and text.isdigit() and len(text) <= digits_max
    require(is_count, "not a count", text[:40])
    return int(text)


def _money(text: str) -> Decimal:
    require(_SIGNED.fullmatch(text) is not None, "not a plain decimal number", text[:40])
    return Decimal(text)
