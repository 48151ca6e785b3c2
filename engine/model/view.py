"""Immutable pictures of the engine's state for screens.

The engine builds a view of a pane at the frame clock of the screen that asked. A view holds raw
integers with their decimals; turning them into text and colour is the screen's business. Absent
means unknown and is shown so, never as the last good value.
"""

from typing import Literal

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.market import BookState, Freshness, Level
from engine.model.signals import Notice, SignalEnd, SignalStatus, WhaleSide, WhaleType

PaneName = Literal[
    "status",
    "header",
    "book",
    "chart",
    "tape",
    "whales",
    "log",
    "positions",
    "orders",
    "risk",
    "watch",
    "health",
]
PANE_NAMES: tuple[PaneName, ...] = (
    "status",
    "header",
    "book",
    "chart",
    "tape",
    "whales",
    "log",
    "positions",
    "orders",
    "risk",
    "watch",
    "health",
)

Mode = Literal["sim", "paper", "live", "replay"]
FeedState = Literal["connecting", "ok", "slow", "stale", "resync", "down"]


class FeedView(msgspec.Struct, frozen=True, gc=False):
    """One connection to a venue."""

    name: str
    state: FeedState
    age_ns: int | None
    """Since the last message of the venue; None when there was none."""
    retry_in_ns: int | None
    reason: str
    reconnects: int = 0
    """Times that it was opened again since the start."""
    lag_ns: int | None = None
    """From the venue's time of the newest change of a book to its receipt; None while the venue's
    clock was not measured."""


class InstrumentRow(msgspec.Struct, frozen=True, gc=False):
    """One instrument that can be looked at."""

    instrument_id: InstrumentId
    name: str
    last_ticks: int | None
    price_decimals: int


class StatusView(msgspec.Struct, frozen=True, gc=False, tag="status"):
    """The status row: what this engine is and how it is doing."""

    mode: Mode
    venue: str
    feeds: tuple[FeedView, ...]
    instruments: tuple[InstrumentRow, ...]
    events_per_s: float
    inbox_depth: int
    bad_frames: int
    gaps: int
    seq: int
    started_ns: int
    replay_speed: float | None = None
    """None outside replay; 0 means as fast as possible."""
    replay_ended: bool = False
    trade_gaps: int = 0
    """Times after which trades stayed missing."""
    trades_repeated: int = 0
    """Trades that came again, and were dropped."""
    clock_offset_ns: int | None = None
    """How far the venue's clock is ahead; None while it was not measured."""
    looks_only: bool = False
    """Whether another screen, or none, gives the orders."""
    recording: str = ""
    """What is wrong with the recording, as a sentence; nothing while all is well."""
    is_recording: bool = False
    """Whether the run is to be recorded."""


class HeaderView(msgspec.Struct, frozen=True, gc=False, tag="header"):
    """The instrument's line: last, mark, funding."""

    instrument_id: InstrumentId
    price_decimals: int
    last_ticks: int | None
    last_is_up: bool | None
    """Whether the last change of price was upwards; None before the first change."""
    freshness: Freshness
    mark: str | None
    index: str | None
    funding_rate: str | None
    next_funding_ns: int | None
    volume_1h: float
    """Of the last hour, as far as it was listened to, in base units; for display only."""
    qty_decimals: int
    scales_inferred: bool
    """True where the decimals come from the frames, not from the venue's metadata."""


class BookView(msgspec.Struct, frozen=True, gc=False, tag="book"):
    """Levels of the book, summed to price rows of `group_ticks`, best first.

    Bids are summed downwards (a row holds the sizes at its price and above, up to the next row),
    asks upwards, so that a row never looks better than its levels.
    """

    instrument_id: InstrumentId
    state: BookState
    note: str
    """What a book that is not live waits for, in words."""
    state_since_ns: int
    freshness: Freshness
    age_ns: int | None
    price_decimals: int
    qty_decimals: int
    tick_ticks: int
    """The venue's price step in ticks of the decoding scale; 1 where unknown."""
    group_ticks: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    best_bid_ticks: int | None
    best_ask_ticks: int | None


CandleRow = tuple[int, int, int, int, int, float]


class ChartView(msgspec.Struct, frozen=True, gc=False, tag="chart"):
    """The newest candles, oldest first: (open_ns, open, high, low, close, volume).

    Volumes are in base units, for display only: their sums may outgrow 64 bits of lots.
    """

    instrument_id: InstrumentId
    timeframe_s: int
    price_decimals: int
    qty_decimals: int
    freshness: Freshness
    age_ns: int | None
    candles: tuple[CandleRow, ...]
    missed: tuple[tuple[int, int], ...] = ()
    """From and to of the spans of which trades are missing; their candles hold too little."""


class TapeRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One print."""

    ts_ns: int
    price_ticks: int
    qty_lots: int
    buyer_is_taker: bool
    is_market: bool
    is_big: bool


class TapeView(msgspec.Struct, frozen=True, gc=False, tag="tape"):
    """Recent prints, newest first."""

    instrument_id: InstrumentId
    price_decimals: int
    qty_decimals: int
    freshness: Freshness
    age_ns: int | None
    rows: tuple[TapeRow, ...]
    total: int
    """Prints since the start; the difference to the view before says how many are new."""
    buy_share_60s: float | None
    trades_per_s: float


class WhaleRow(msgspec.Struct, frozen=True, gc=False):
    """One whale signal in its newest state."""

    signal_id: int
    ts_ns: int
    instrument_id: InstrumentId
    type: WhaleType
    side: WhaleSide
    price_low_ticks: int
    price_high_ticks: int
    price_decimals: int
    notional_usd: float
    confidence: float
    status: SignalStatus
    end: SignalEnd


class WhalesView(msgspec.Struct, frozen=True, gc=False, tag="whales"):
    """Recent whale signals of all instruments, newest first."""

    rows: tuple[WhaleRow, ...]
    threshold_usd: float | None
    """Of the instrument looked at; None when its detectors are off."""
    off_reason: str


class LogView(msgspec.Struct, frozen=True, gc=False, tag="log"):
    """Newest notices, newest first."""

    rows: tuple[Notice, ...]


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """One owner's position in one instrument; texts are exact decimals, `None` is unknown."""

    instrument_id: InstrumentId
    name: str
    owner: str
    side: Literal["long", "short"]
    size: str
    entry: str
    mark: str | None
    open_profit: str | None
    realised: str
    is_protected: bool
    value: str | None = None
    """At the mark, in the account's currency."""
    margin: str | None = None
    """What of the equity it binds: its value at the entry over the leverage that the account may
    use; None where the venue decides and has not told."""
    stopped_part: str = ""
    """For which part of it a stop stands: `2/3` or `41%`; empty where for all or nothing."""


class PositionsView(msgspec.Struct, frozen=True, gc=False, tag="positions"):
    """Open positions by owner, and the account.

    Fees and funding are as they change the equity: paid is negative.
    """

    rows: tuple[PositionRow, ...]
    currency: str
    equity: str | None
    day_profit: str | None
    realised: str
    fees: str
    funding: str
    other_fees: tuple[str, ...] = ()
    """Paid in currencies that profit does not count, each amount with its name."""


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """One order."""

    client_order_id: str
    short_id: str
    """`o1`, `o2`: counts the orders of this ledger; what people type."""
    instrument_id: InstrumentId
    name: str
    owner: str
    side: Literal["buy", "sell"]
    type: str
    size: str
    filled: str
    price: str
    trigger: str
    price_units: int | None
    """Limit price on the decoding scale of the instrument's book; for marks in the ladder."""
    flags: str
    state: str
    reason: str
    created_ns: int
    tag: str = ""
    """What whoever gave it called it."""
    distance_bps: float | None = None
    """How far its price, or its trigger, is above the market; None where that is not known."""


class FillRow(msgspec.Struct, frozen=True, gc=False):
    """One fill."""

    ts_ns: int
    short_id: str
    name: str
    owner: str
    side: Literal["buy", "sell"]
    size: str
    price: str
    liquidity: str
    fee: str


class ParentRow(msgspec.Struct, frozen=True, gc=False):
    """One parent order that goes on or is paused."""

    parent_id: str
    kind: str
    """`scale`, `twap`, `ice`, `chase`."""
    instrument_id: InstrumentId
    name: str
    side: Literal["buy", "sell"]
    size: str
    filled: str
    share: float
    """Of the size that is filled, 0 to 1."""
    average: str
    """Price of its fills; empty without any."""
    progress: str
    """`12/30 slices`."""
    state: Literal["running", "paused"]
    reason: str
    """Why it is paused."""
    next_ns: int | None
    """When the next child is due, where that is known."""


class OrdersView(msgspec.Struct, frozen=True, gc=False, tag="orders"):
    """Working orders, oldest first; then what ended and what was filled, newest first.

    `parents` are the orders that the engine works through by itself.
    """

    working: tuple[OrderRow, ...]
    ended: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    parents: tuple[ParentRow, ...] = ()


class LimitRow(msgspec.Struct, frozen=True, gc=False):
    """One limit and how much of it is used."""

    name: str
    use: str
    limit: str
    share: float | None
    """0 to 1 and beyond; None for a control that is off."""
    off_reason: str


class StrategyRow(msgspec.Struct, frozen=True, gc=False):
    """One strategy on one instrument."""

    name: str
    instrument_id: InstrumentId
    timeframe_s: int
    state: str
    have: int
    need: int
    conditions: tuple[tuple[str, str, str, bool], ...]
    """Name, value, threshold, whether it holds."""
    funnel: tuple[tuple[str, int], ...]
    """`candles`, `signals`, `gate`, `sent`, `filled` with their counts."""
    last_stop: str
    """Why the last signal went no further."""
    ready_ns: int = 0
    """When the look-back is complete if every candle comes; 0 when it is."""


class RiskView(msgspec.Struct, frozen=True, gc=False, tag="risk"):
    """Trading state, arm state, kill report, limits in use, strategies."""

    trading_state: str
    trading_reason: str
    armed_until_ns: int | None
    """None when disarmed; 0 means without end."""
    is_latched: bool
    kill_report: tuple[str, ...]
    is_persisted: bool
    """Whether the latch is on disk."""
    is_journal_ok: bool
    limits: tuple[LimitRow, ...]
    strategies: tuple[StrategyRow, ...]
    alarms: tuple[str, ...] = ()
    """What needs a person now and stands until it is mended, in words."""


class WatchRow(msgspec.Struct, frozen=True, gc=False):
    """One watched instrument and how current what is known of it is."""

    instrument_id: InstrumentId
    name: str
    price_decimals: int
    last_ticks: int | None
    last_freshness: Freshness
    day_ago_ticks: int | None
    """The price 24 hours ago; None where no candle reaches that far."""
    spread_ticks: int | None
    """None unless the book is live."""
    state: BookState
    freshness: Freshness
    """Of the book."""
    age_ns: int | None
    is_held: bool
    """Whether a position is open in it."""


class WatchView(msgspec.Struct, frozen=True, gc=False, tag="watch"):
    """All watched instruments, in the order in which they came."""

    rows: tuple[WatchRow, ...]


class BookHealth(msgspec.Struct, frozen=True, gc=False):
    """How current the book of one instrument is."""

    name: str
    state: BookState
    freshness: Freshness
    age_ns: int | None


class HealthView(msgspec.Struct, frozen=True, gc=False, tag="health"):
    """Whether the engine is well: what a person, or a supervisor of a headless run, looks at."""

    feeds: tuple[FeedView, ...]
    books: tuple[BookHealth, ...]
    clock_offset_ns: int | None
    """How far the venue's clock is ahead; None while it was not measured."""
    trading_state: str
    trading_reason: str
    is_latched: bool
    is_latch_persisted: bool
    """Whether an engaged latch is on disk."""
    is_journal_ok: bool
    is_recording: bool
    """Whether the run is to be recorded."""
    recording: str
    """What is wrong with the recording, as a sentence; nothing while all is well."""
    inbox_depth: int
    loop_stalls: int
    """Times that the engine stood still for longer than it may."""
    loop_stall_ns: int
    """How long the last of them was."""
    loop_stall_at_ns: int
    """When the last of them ended; 0 when there was none."""
    screens: tuple[str, ...]
    """The operators at the attached screens, in the order in which they came."""
    holder: str
    """Which of them gives the orders; empty: nobody."""
    alarms: tuple[str, ...]
    part_failures: int = 0
    """Times that a part of the engine failed by an error of the program."""
    inbox_age_ns: int = 0
    """How long the oldest of the data that waits has waited."""
    feed_stops: int = 0
    """Times that feeds stopped reading because too much waited."""
    parts_down: tuple[tuple[str, str], ...] = ()
    """Parts that stay down for the rest of the run, each with its error."""
    repairs: int = 0
    """What had to be brought into the ledger from the venue's answers: nobody had told of it."""
    contradictions: int = 0
    """Reports that contradicted what was known, over the life of the ledger."""


View = (
    StatusView
    | HeaderView
    | BookView
    | ChartView
    | TapeView
    | WhalesView
    | LogView
    | PositionsView
    | OrdersView
    | RiskView
    | WatchView
    | HealthView
)
