"""Shapes of OKX's messages, as the venue documents them; field names are the venue's.

Unknown fields are ignored. The venue writes numbers and times as texts; sequence numbers alone are
JSON numbers. All are bounded, so that each fits 64 bits on every wire of ours.
"""

from typing import Annotated, Literal

import msgspec

Id = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]
"""Sequence number of a book; -1 before the first."""

Checksum = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class Arg(msgspec.Struct, frozen=True, gc=False):
    """What a message belongs to; channels of a whole kind have no instrument."""

    channel: str = ""
    instId: str = ""  # noqa: N815 - the venue's name


class Opening(msgspec.Struct, gc=False):
    """Any message, as far as needed to know what it is."""

    arg: Arg = Arg()
    event: str = ""
    code: str = ""
    msg: str = ""


class BookLevel(msgspec.Struct, array_like=True, gc=False):
    """Price and size; then an obsolete zero and the number of orders, which are not used."""

    price: str
    size: str


class BookData(msgspec.Struct, gc=False):
    """Levels of `books`; before 2023 without ids, since 2026 with a checksum of 0."""

    asks: list[BookLevel]
    bids: list[BookLevel]
    ts: str
    checksum: Checksum = 0
    prevSeqId: Id | None = None  # noqa: N815 - the venue's name
    seqId: Id | None = None  # noqa: N815


class BooksMessage(msgspec.Struct, gc=False):
    """Message of `books`."""

    arg: Arg
    action: Literal["snapshot", "update"]
    data: list[BookData]


class TickerData(msgspec.Struct, gc=False):
    """Best bid and ask with their sizes, empty where a side is; the day's figures are not used."""

    instId: str  # noqa: N815 - the venue's name
    bidPx: str  # noqa: N815
    bidSz: str  # noqa: N815
    askPx: str  # noqa: N815
    askSz: str  # noqa: N815
    ts: str


class TickersMessage(msgspec.Struct, gc=False):
    """Message of `tickers`."""

    arg: Arg
    data: list[TickerData]


class TradeData(msgspec.Struct, gc=False):
    """A print; `side` is the taker's."""

    instId: str  # noqa: N815 - the venue's name
    tradeId: str  # noqa: N815
    px: str
    sz: str
    side: Literal["buy", "sell"]
    ts: str


class TradesMessage(msgspec.Struct, gc=False):
    """Message of `trades` and `trades-all`."""

    arg: Arg
    data: list[TradeData]


class CandleRow(msgspec.Struct, array_like=True, gc=False):
    """One candle; recordings of old have no columns after `volume_currency`."""

    ts: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    volume_currency: str
    volume_quote: str = ""
    confirm: Literal["", "0", "1"] = ""


class CandlesMessage(msgspec.Struct, gc=False):
    """Message of `candle1m` and its like."""

    arg: Arg
    data: list[CandleRow]


class MarkData(msgspec.Struct, gc=False):
    """A mark price."""

    instId: str  # noqa: N815 - the venue's name
    markPx: str  # noqa: N815
    ts: str


class MarkMessage(msgspec.Struct, gc=False):
    """Message of `mark-price`."""

    arg: Arg
    data: list[MarkData]


class FundingData(msgspec.Struct, gc=False):
    """The rate that is paid at `fundingTime`."""

    instId: str  # noqa: N815 - the venue's name
    fundingRate: str  # noqa: N815
    fundingTime: str  # noqa: N815


class FundingMessage(msgspec.Struct, gc=False):
    """Message of `funding-rate`."""

    arg: Arg
    data: list[FundingData]


class Answer(msgspec.Struct, gc=False):
    """Envelope of every answer of REST; `code` is "0" for success."""

    code: str
    data: msgspec.Raw
    msg: str = ""


class TimeData(msgspec.Struct, gc=False):
    """The venue's clock."""

    ts: str


class InstrumentData(msgspec.Struct, gc=False):
    """One instrument; what does not apply is empty."""

    instId: str  # noqa: N815 - the venue's name
    instType: str  # noqa: N815
    state: str = ""
    baseCcy: str = ""  # noqa: N815
    quoteCcy: str = ""  # noqa: N815
    settleCcy: str = ""  # noqa: N815
    ctType: str = ""  # noqa: N815
    ctVal: str = ""  # noqa: N815
    ctMult: str = ""  # noqa: N815
    ctValCcy: str = ""  # noqa: N815
    tickSz: str = ""  # noqa: N815
    lotSz: str = ""  # noqa: N815
