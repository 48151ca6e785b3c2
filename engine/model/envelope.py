"""The envelope: every fact that can change a decision, numbered and timed."""

import msgspec

from engine.model.account import VenueReport
from engine.model.commands import OperatorCommand
from engine.model.facts import OrderReport
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    ClockMeasured,
    FeedDown,
    FeedUp,
    FrameRefused,
    InstrumentUpdated,
    MarkPrice,
    ScalesWidened,
    SecondQuote,
    StreamSilent,
    SubscriptionRefused,
    Trade,
    TradesFetched,
    TradesMissed,
)


class TimerFired(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A timer that the kernel set has come due."""

    key: str
    due_ns: int


class RunStarted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """First event of every run."""

    run_id: str
    version: str
    """Of the program, with a hash of the code that decides."""
    is_after_crash: bool = False
    """Whether the run before this one ended without saying so."""


class RunEnding(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The run is about to end in good order: what happens to orders is decided now."""


class ScreenJoined(msgspec.Struct, frozen=True, tag=True):
    """A screen is attached. One that only looks gives no orders until it takes them over."""

    operator: str
    looks_only: bool = False


class ScreenLeft(msgspec.Struct, frozen=True, tag=True):
    """A screen is gone: left, closed or cut off."""

    operator: str


class LoopLagged(msgspec.Struct, frozen=True, tag=True):
    """The engine's loop stood still, and what it was doing."""

    late_ns: int
    where: str = ""


class PartFailed(msgspec.Struct, frozen=True, tag=True):
    """A part of the engine failed by an error of the program."""

    name: str
    error: str
    """Its type; the log has the rest."""
    restarts: int
    """Times that it was started again within a minute, this time included."""
    is_given_up: bool = False
    """Whether it is not started again: it has failed too often."""


class DiskSeen(msgspec.Struct, frozen=True, tag=True):
    """How much the disk of the data folder has left for us."""

    free_bytes: int
    total_bytes: int


class WallClockMoved(msgspec.Struct, frozen=True, tag=True):
    """The machine's clock was set, or the machine slept; engine time went on without a step."""

    step_ns: int
    ahead_ns: int
    """How far it is ahead of engine time since."""


class StorageDegraded(msgspec.Struct, frozen=True, tag=True):
    """The journal cannot be written; nothing that adds risk may leave."""

    reason: str


class StorageRestored(msgspec.Struct, frozen=True, tag=True):
    """The journal can be written again."""


Event = (
    Trade
    | BookSnapshot
    | BookDelta
    | BestQuote
    | Candle
    | MarkPrice
    | InstrumentUpdated
    | ScalesWidened
    | FeedUp
    | FeedDown
    | FrameRefused
    | StreamSilent
    | SubscriptionRefused
    | SecondQuote
    | TradesFetched
    | TradesMissed
    | ClockMeasured
    | TimerFired
    | RunStarted
    | RunEnding
    | OperatorCommand
    | ScreenJoined
    | ScreenLeft
    | LoopLagged
    | PartFailed
    | DiskSeen
    | WallClockMoved
    | OrderReport
    | VenueReport
    | StorageDegraded
    | StorageRestored
)


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """One event as the kernel receives it.

    `seq` is given when the event is taken from the inbox, starts at 1 and has no gaps. `ts_ns` is
    engine time and never runs backwards within a run. `source` names who sent the event:
    `feed:binance_futures/public`, `timer`, `engine`.
    """

    seq: int
    ts_ns: int
    source: str
    event: Event
