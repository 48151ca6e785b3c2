"""Market data as immutable facts.

Prices are ticks, sizes are lots of the instrument's decoding scale (`engine.model.numbers`);
times are integer nanoseconds since 1970 UTC. `ts_venue_ns` is the venue's own time, 0 where it
sends none.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from engine.model.instrument import Instrument, InstrumentId

Level = tuple[int, int]
"""Price in ticks and size in lots."""

TradeStream = Literal["trade", "agg_trade"]
"""Single prints, or prints of one taker order at one price added up."""


StreamClass = Literal["book", "quote", "trade", "candle", "mark"]
"""What a subscription brings."""

BookState = Literal["waiting", "live", "invalid"]
"""`waiting`: no snapshot yet; `invalid`: continuity was lost, a new snapshot is being fetched."""

Freshness = Literal["fresh", "slow", "stale", "none"]
"""By R4's limits; `none`: nothing of this kind was received yet."""


class Addition(msgspec.Struct, frozen=True, gc=False):
    """A level that grew in one delta."""

    is_bid: bool
    price_ticks: int
    old_lots: int
    new_lots: int


class Trade(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A print of the tape."""

    instrument_id: InstrumentId
    price_ticks: int
    qty_lots: int
    buyer_is_taker: bool
    trade_id: int
    ts_venue_ns: int
    stream: TradeStream = "trade"
    is_market: bool = True
    """False for prints outside the order book (insurance fund, auto-deleveraging)."""


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, tag=True):
    """All levels that the venue shows, best first."""

    instrument_id: InstrumentId
    bids: Sequence[Level]
    asks: Sequence[Level]
    last_seq: int
    ts_venue_ns: int = 0
    is_streamed: bool = False
    """It came over the connection that carries the changes: what was said there before is over."""
    checksum: int = 0


class BookDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Changed levels with their new sizes; a size of 0 removes the level."""

    instrument_id: InstrumentId
    bids: Sequence[Level]
    asks: Sequence[Level]
    first_seq: int
    last_seq: int
    prev_seq: int = 0
    """Last sequence number of the event before, where the venue sends it; else 0."""
    ts_venue_ns: int = 0
    checksum: int = 0
    """Of the book after these changes, by `engine.ingest.checksum`; 0 where none is sent."""


class BestQuote(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Best bid and ask with their sizes."""

    instrument_id: InstrumentId
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    update_id: int
    """Of the event after which the book looked so; -1 where the venue does not say."""
    ts_venue_ns: int = 0


class Candle(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Open, high, low, close and volume of one period."""

    instrument_id: InstrumentId
    timeframe_s: int
    open_ns: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    trade_count: int
    is_closed: bool


class MarkPrice(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Mark and index price, and the funding that is due next.

    Decimals, because venues send them finer than any tick. `funding_rate` is None where no
    funding is scheduled.
    """

    instrument_id: InstrumentId
    mark: Decimal
    index: Decimal | None
    funding_rate: Decimal | None
    next_funding_ns: int
    ts_venue_ns: int


class InstrumentUpdated(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What the venue says about an instrument, at the start or when it changed.

    The decimals are those of the decoding scale from now on, never fewer than before.
    """

    instrument: Instrument
    price_decimals: int
    qty_decimals: int


class ScalesWidened(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A venue sent a finer number; from the next event on ticks and lots count finer units."""

    instrument_id: InstrumentId
    price_decimals: int
    qty_decimals: int


class FeedUp(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A connection to a venue is open and subscribed."""

    feed: str


class FeedDown(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A connection is gone or could not be made; the next try is at `retry_at_ns`."""

    feed: str
    reason: str
    retry_at_ns: int
    attempt: int


class StreamSilent(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A subscription brought nothing although it was acknowledged; it is asked for again."""

    feed: str
    stream: str


class SecondQuote(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Best bid and ask from another source than the book: asked for, not streamed."""

    instrument_id: InstrumentId
    bid_ticks: int
    ask_ticks: int
    ts_venue_ns: int = 0


class TradesFetched(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Trades that were asked for because they may have been missed, oldest first.

    `number` is that of the request; `is_whole`: nothing is missing any more.
    """

    instrument_id: InstrumentId
    trades: Sequence[Trade]
    number: int = 0
    is_whole: bool = False


class TradesMissed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The venue did not give all the trades of a request: a gap that stays (R9)."""

    instrument_id: InstrumentId
    number: int
    reason: str


class ClockMeasured(msgspec.Struct, frozen=True, gc=False, tag=True):
    """How far the venue's clock is ahead of engine time, by the fastest of several answers.

    The true offset lies within half of `round_trip_ns` around it (R15).
    """

    venue: str
    offset_ns: int
    round_trip_ns: int


class SubscriptionRefused(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An instrument that was asked for cannot be had."""

    symbol: str
    reason: str


class FrameRefused(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A frame that could not be read; it changed nothing but this counter."""

    feed: str
    reason: str


MarketEvent = Trade | BookSnapshot | BookDelta | BestQuote | Candle | MarkPrice
