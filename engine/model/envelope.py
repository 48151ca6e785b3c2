"""The envelope: every fact that can change a decision, numbered and timed."""

import msgspec

from engine.model.commands import OperatorCommand
from engine.model.facts import OrderReport
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    FeedDown,
    FeedUp,
    FrameRefused,
    InstrumentUpdated,
    MarkPrice,
    ScalesWidened,
    Trade,
)


class TimerFired(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A timer that the kernel set has come due."""

    key: str
    due_ns: int


class RunStarted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """First event of every run."""

    run_id: str
    version: str


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
    | TimerFired
    | RunStarted
    | OperatorCommand
    | OrderReport
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
