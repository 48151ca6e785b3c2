"""Orders that the engine works through by itself: each is a parent whose children are orders.

Sizes and prices are whole lots and ticks. A parent is confirmed once, as a whole; every child of it
passes the gate when it is sent.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import Side

ScaleShape = Literal["flat", "lin", "geo"]
ChaseEnd = Literal["stop", "mkt"]


class Scale(msgspec.Struct, frozen=True, tag=True):
    """Limit orders spread evenly over a range of prices.

    Sizes are equal, grow like 1, 2, 3 from the first price to the last, or by `ratio` each.
    """

    instrument_id: InstrumentId
    side: Side
    qty_lots: QtyLots
    first_ticks: PriceTicks
    last_ticks: PriceTicks
    count: int
    shape: ScaleShape = "flat"
    ratio: Decimal = Decimal(1)
    is_post_only: bool = False
    is_reduce_only: bool = False
    tag: str = ""


class Twap(msgspec.Struct, frozen=True, tag=True):
    """Slices that take from the market one after the other, never beyond `limit_ticks`."""

    instrument_id: InstrumentId
    side: Side
    qty_lots: QtyLots
    duration_ns: int
    count: int
    jitter_percent: Decimal = Decimal(0)
    """How much of the time between two slices is left to chance."""
    limit_ticks: PriceTicks | None = None
    is_reduce_only: bool = False
    tag: str = ""


class Iceberg(msgspec.Struct, frozen=True, tag=True):
    """One slice at a time at one price; the next follows when the one before is filled."""

    instrument_id: InstrumentId
    side: Side
    qty_lots: QtyLots
    limit_ticks: PriceTicks
    show_lots: QtyLots
    is_post_only: bool = False
    is_reduce_only: bool = False
    tag: str = ""


class Chase(msgspec.Struct, frozen=True, tag=True):
    """A post-only order that stays at the best price of its side.

    It follows up to `worst_ticks`, so often and so long; what is left then is taken from the market
    or left alone.
    """

    instrument_id: InstrumentId
    side: Side
    qty_lots: QtyLots
    worst_ticks: PriceTicks
    duration_ns: int
    then: ChaseEnd = "stop"
    is_reduce_only: bool = False
    tag: str = ""


Parent = Scale | Twap | Iceberg | Chase
