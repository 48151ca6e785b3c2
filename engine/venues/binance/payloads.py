"""Shapes of Binance's messages, as the venue documents them; field names are the venue's.

Unknown fields are ignored: Binance adds some every few months.
"""

import msgspec

Levels = list[tuple[str, str]]


class DepthUpdate(msgspec.Struct, gc=False):
    """`<symbol>@depth`; `pu` is sent by futures only."""

    s: str
    U: int
    u: int
    b: Levels
    a: Levels
    E: int
    T: int = 0
    pu: int = -1


class BookTicker(msgspec.Struct, gc=False):
    """`<symbol>@bookTicker`; spot sends no times."""

    s: str
    u: int
    b: str
    B: str
    a: str
    A: str
    T: int = 0


class TradePrint(msgspec.Struct, gc=False):
    """`<symbol>@trade`; `X` is sent by futures only."""

    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    X: str = "MARKET"


class AggTrade(msgspec.Struct, gc=False):
    """`<symbol>@aggTrade`."""

    s: str
    a: int
    p: str
    q: str
    T: int
    m: bool


class KlineBody(msgspec.Struct, gc=False):
    """The candle inside a kline message."""

    t: int
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - the venue's name
    c: str
    v: str
    n: int
    x: bool


class Kline(msgspec.Struct, gc=False):
    """`<symbol>@kline_<interval>`."""

    s: str
    k: KlineBody


class MarkPriceUpdate(msgspec.Struct, gc=False):
    """`<symbol>@markPrice`; `r` is empty or zero and `T` 0 where no funding is scheduled."""

    s: str
    E: int
    p: str
    T: int
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

    lastUpdateId: int  # noqa: N815 - the venue's name
    bids: Levels
    asks: Levels
    E: int = 0


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
