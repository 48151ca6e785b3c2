"""Binance's messages as a capture holds them, read just far enough to play them again.

Written apart from the wire of `engine.venues`, so that the two can be judged by each other.
"""

from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

Levels = list[tuple[str, str]]
"""Price and size in the venue's own texts."""


class Delta(msgspec.Struct, gc=False):
    """Payload of a depth stream."""

    symbol: str = msgspec.field(name="s")
    first_id: int = msgspec.field(name="U")
    last_id: int = msgspec.field(name="u")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")
    event_ms: int = msgspec.field(name="E", default=0)
    matched_ms: int = msgspec.field(name="T", default=0)
    previous_id: int | None = msgspec.field(name="pu", default=None)
    """Sent by futures only."""


class Snapshot(msgspec.Struct, gc=False):
    """Answer of the depth endpoint."""

    last_id: int = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    event_ms: int = msgspec.field(name="E", default=0)
    matched_ms: int = msgspec.field(name="T", default=0)


class Quote(msgspec.Struct, gc=False):
    """Payload of `bookTicker`."""

    bid: str = msgspec.field(name="b")
    bid_size: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_size: str = msgspec.field(name="A")


class Print(msgspec.Struct, gc=False):
    """Payload of `trade` and `aggTrade`."""

    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    traded_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")
    kind: str = msgspec.field(name="X", default="MARKET")
    single_id: int = msgspec.field(name="t", default=0)
    aggregated_id: int = msgspec.field(name="a", default=0)


class KlineBody(msgspec.Struct, gc=False):
    """The inner part of a kline payload."""

    open_ms: int = msgspec.field(name="t")
    close_ms: int = msgspec.field(name="T")
    interval: str = msgspec.field(name="i")
    open: str = msgspec.field(name="o")
    high: str = msgspec.field(name="h")
    low: str = msgspec.field(name="l")
    close: str = msgspec.field(name="c")
    volume: str = msgspec.field(name="v")
    trades: int = msgspec.field(name="n")
    quote_volume: str = msgspec.field(name="q")
    taker_volume: str = msgspec.field(name="V")
    taker_quote_volume: str = msgspec.field(name="Q")


class Kline(msgspec.Struct, gc=False):
    """Payload of a kline stream."""

    body: KlineBody = msgspec.field(name="k")


class Mark(msgspec.Struct, gc=False):
    """Payload of a mark price stream."""

    event_ms: int = msgspec.field(name="E")
    mark: str = msgspec.field(name="p")
    next_funding_ms: int = msgspec.field(name="T", default=0)
    index: str = msgspec.field(name="i", default="0.00000000")
    settle: str = msgspec.field(name="P", default="0.00000000")
    rate: str = msgspec.field(name="r", default="0.00000000")


class StreamFrame(msgspec.Struct, frozen=True, gc=False):
    """One recorded message of a stream."""

    stream: str
    payload: bytes
    """The bytes of the data, untouched."""
    raw: bytes
    is_combined: bool

    @property
    def symbol(self) -> str:
        """The instrument's name as REST spells it; empty for streams of all of them."""
        return "" if self.stream.startswith("!") else self.stream.partition("@")[0].upper()

    @property
    def kind(self) -> str:
        """What the stream carries: `depth`, `trade`, `kline_1m`."""
        return self.stream.partition("@")[2].partition("@")[0]


class _Combined(msgspec.Struct, gc=False):
    stream: str
    data: msgspec.Raw


class _Bare(msgspec.Struct, gc=False):
    e: str = ""
    s: str = ""
    u: int | None = None
    k: msgspec.Raw = msgspec.Raw()


class _Interval(msgspec.Struct, gc=False):
    i: str


_BARE_STREAMS: Final = {
    "depthUpdate": "depth@100ms",
    "trade": "trade",
    "aggTrade": "aggTrade",
    "bookTicker": "bookTicker",
    "markPriceUpdate": "markPrice@1s",
    "forceOrder": "forceOrder",
}

_combined = msgspec.json.Decoder(_Combined)
_bare = msgspec.json.Decoder(_Bare)
delta_decoder = msgspec.json.Decoder(Delta)
quote_decoder = msgspec.json.Decoder(Quote)
print_decoder = msgspec.json.Decoder(Print)
kline_decoder = msgspec.json.Decoder(Kline)
mark_decoder = msgspec.json.Decoder(Mark)
snapshot_decoder = msgspec.json.Decoder(Snapshot)


def stream_frame(raw: str) -> StreamFrame | None:
    """Return the message of a stream, or None for anything else, such as an acknowledgement."""
    text = raw.encode()
    try:
        combined = _combined.decode(text)
    except msgspec.DecodeError:
        stream = _bare_stream(text)
        return StreamFrame(stream, text, text, is_combined=False) if stream else None
    return StreamFrame(combined.stream, bytes(combined.data), text, is_combined=True)


def _bare_stream(text: bytes) -> str:
    try:
        bare = _bare.decode(text)
        if bare.e == "kline" and bytes(bare.k):
            interval = msgspec.json.decode(bare.k, type=_Interval).i
            return f"{bare.s.lower()}@kline_{interval}"
    except msgspec.DecodeError:
        return ""
    # Spot sends its best quotes without an event type.
    event = bare.e or ("bookTicker" if bare.u is not None else "")
    kind = _BARE_STREAMS.get(event)
    return f"{bare.s.lower()}@{kind}" if kind and bare.s else ""


def decoded(decoder: msgspec.json.Decoder[T], text: bytes) -> T | None:
    """Return what the decoder reads, or None: a damaged frame is played, but teaches nothing."""
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        return None


def number(text: str) -> Decimal:
    """Return the number of a price or size; raises `InvalidOperation` on anything else."""
    value = Decimal(text)
    if not value.is_finite():
        raise InvalidOperation(text)
    return value
