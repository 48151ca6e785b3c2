"""What the engine noticed: whale signals and notices for people."""

from typing import Literal

import msgspec

from engine.model.instrument import InstrumentId

WhaleType = Literal[
    "wall", "ladder", "iceberg", "absorption", "spoof", "sweep", "liq_cascade", "flow"
]
WhaleSide = Literal["bid", "ask", "buy", "sell"]
"""`bid` and `ask` for resting types, `buy` and `sell` for aggressive ones."""

SignalStatus = Literal["open", "update", "closed"]
SignalEnd = Literal["", "filled", "pulled", "moved", "broken"]

CONFIDENCE_MIN = 0.60
CONFIDENCE_SPAN = 0.35


class WhaleSignal(msgspec.Struct, frozen=True, gc=False):
    """One large participant's behaviour, reported when it is seen, when it changes, when it ends.

    `price_low_ticks` and `price_high_ticks` are equal for types at one price. `confidence` is
    0.60 to 0.95.
    """

    signal_id: int
    ts_ns: int
    instrument_id: InstrumentId
    type: WhaleType
    side: WhaleSide
    price_low_ticks: int
    price_high_ticks: int
    notional_usd: float
    confidence: float
    evidence: dict[str, float]
    status: SignalStatus = "open"
    end: SignalEnd = ""
    opened_ns: int = 0


NoticeLevel = Literal["info", "warning", "error"]


class Notice(msgspec.Struct, frozen=True, gc=False):
    """One line for the log pane."""

    ts_ns: int
    level: NoticeLevel
    source: str
    text: str
    count: int = 1
    """How many times in a row the same line came."""
