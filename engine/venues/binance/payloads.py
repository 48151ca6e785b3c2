"""Shapes of Binance's messages, as the venue documents them; field names are the venue's.

Unknown fields are ignored: Binance adds some every few months. Integers are bounded, so that
each fits 64 bits on every wire of ours, times also in nanoseconds.
"""

from typing import Annotated

import msgspec

Levels = list[tuple[str, str]]

Ms = Annotated[int, msgspec.Meta(ge=0, le=2**43)]
"""Milliseconds since 1970, to the year 2248."""

Id = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]
"""An update or a trade; -1 where there is none."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class DepthUpdate(msgspec.Struct, gc=False):
    """`<symbol>@depth`; `pu` is sent by futures only."""

    s: str
    U: Id
    u: Id
    b: Levels
    a: Levels
    E: Ms
    T: Ms = 0
    pu: Id = -1


class BookTicker(msgspec.Struct, gc=False):
    """`<symbol>@bookTicker`; spot sends no times."""

    s: str
    u: Id
    b: str
    B: str
    a: str
    A: str
    T: Ms = 0


class TradePrint(msgspec.Struct, gc=False):
    """`<symbol>@trade`; `X` is sent by futures only."""

    s: str
    t: Id
    p: str
    q: str
    T: Ms
    m: bool
    X: str = "MARKET"


class AggTrade(msgspec.Struct, gc=False):
    """`<symbol>@aggTrade`."""

    s: str
    a: Id
    p: str
    q: str
    T: Ms
    m: bool


class KlineBody(msgspec.Struct, gc=False):
    """The candle inside a kline message."""

    t: Ms
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - the venue's name
    c: str
    v: str
    n: Count
    x: bool


class Kline(msgspec.Struct, gc=False):
    """`<symbol>@kline_<interval>`."""

    s: str
    k: KlineBody


class MarkPriceUpdate(msgspec.Struct, gc=False):
    """`<symbol>@markPrice`; `r` is empty or zero and `T` 0 where no funding is scheduled."""

    s: str
    E: Ms
    p: str
    T: Ms
    i: str = ""
    r: str = ""


class DepthMessage(msgspec.Struct, gc=False):
    """A depth update in a combined stream."""

    stream: str
    data: DepthUpdate


class BookTickerMessage(msgspec.Struct, gc=False):
    """A best quote in a combined stream."""

    stream: str
    data: BookTicker


class TradeMessage(msgspec.Struct, gc=False):
    """A trade in a combined stream."""

    stream: str
    data: TradePrint


class AggTradeMessage(msgspec.Struct, gc=False):
    """An aggregated trade in a combined stream."""

    stream: str
    data: AggTrade


class KlineMessage(msgspec.Struct, gc=False):
    """A kline in a combined stream."""

    stream: str
    data: Kline


class MarkPriceMessage(msgspec.Struct, gc=False):
    """A mark price in a combined stream."""

    stream: str
    data: MarkPriceUpdate


class ControlMessage(msgspec.Struct, gc=False):
    """Answer to SUBSCRIBE, or an error; neither belongs to a stream."""

    stream: str = ""
    id: int | str | None = None
    code: int | None = None
    msg: str = ""
    error: msgspec.Raw = msgspec.Raw()


class DepthAnswer(msgspec.Struct, gc=False):
    """Answer of the REST depth endpoint."""

    lastUpdateId: Id  # noqa: N815 - the venue's name
    bids: Levels
    asks: Levels
    E: Ms = 0


class KlineRow(msgspec.Struct, array_like=True, gc=False):
    """One row of the klines endpoint; the columns after the trade count are not used."""

    open_ms: Ms
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_ms: int
    quote_volume: str
    trades: Count


class TradeRow(msgspec.Struct, gc=False):
    """One row of the trades endpoint; futures send prints of nothing for some of no market."""

    id: Id
    price: str
    qty: str
    time: Ms
    isBuyerMaker: bool  # noqa: N815 - the venue's name


class AggTradeRow(msgspec.Struct, gc=False):
    """One row of the aggTrades endpoint."""

    a: Id
    p: str
    q: str
    T: Ms
    m: bool


class QuoteAnswer(msgspec.Struct, gc=False):
    """Answer of the bookTicker endpoint; spot sends no time."""

    symbol: str
    bidPrice: str  # noqa: N815 - the venue's name
    askPrice: str  # noqa: N815
    time: Ms = 0


class TimeAnswer(msgspec.Struct, gc=False):
    """Answer of the time endpoint."""

    serverTime: Ms  # noqa: N815 - the venue's name


class Filter(msgspec.Struct, gc=False):
    """One filter of a symbol; futures say `notional`, spot `minNotional`."""

    filterType: str  # noqa: N815 - the venue's name
    tickSize: str = ""  # noqa: N815
    stepSize: str = ""  # noqa: N815
    notional: str = ""
    minNotional: str = ""  # noqa: N815


class SymbolInfo(msgspec.Struct, gc=False):
    """One symbol of exchangeInfo."""

    symbol: str
    status: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815
    filters: list[Filter] = []
    contractType: str = ""  # noqa: N815


class ExchangeInfo(msgspec.Struct, gc=False):
    """Answer of exchangeInfo, as far as it is used."""

    symbols: list[SymbolInfo]
