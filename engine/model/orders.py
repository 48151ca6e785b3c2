"""Orders: what is asked for, what was approved, and where an order stands.

Prices are whole steps of the venue's tick size and sizes whole lots of its lot size; both are
exact and independent of the decoding scale of market data (`engine.model.numbers`).
"""

from typing import Final, Literal

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.trails import TrailRule

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop", "take_profit"]
"""`stop` and `take_profit` wait for `trigger_ticks` and then act as a market order, or as a limit
order where `limit_ticks` is given."""

CONDITIONAL: Final[tuple[OrderType, ...]] = ("stop", "take_profit")

TimeInForce = Literal["gtc", "ioc", "fok"]
Liquidity = Literal["maker", "taker"]

OrderState = Literal[
    "intent",
    "sent",
    "unknown",
    "open",
    "partial",
    "pending_cancel",
    "pending_replace",
    "filled",
    "canceled",
    "rejected",
    "expired",
    "denied",
]
"""R20; `unknown` means that the venue may or may not have it, and counts as exposure."""

FINAL_STATES: Final[frozenset[OrderState]] = frozenset(
    {"filled", "canceled", "rejected", "expired", "denied"}
)

HAND: Final = "hand"
"""Owner of orders that a person asked for; every other owner is a strategy's id."""

EXTERNAL: Final = "external"
"""Owner of orders and positions that were made elsewhere on the same account (R34)."""

UNJOURNALLED: Final = "NOT JOURNALLED"
"""Last words of the tag of an order that left although the journal could not be written."""


class OrderSpec(msgspec.Struct, frozen=True):
    """The economic content of an order, rounded to the venue's steps."""

    instrument_id: InstrumentId
    side: Side
    type: OrderType
    qty_lots: QtyLots
    limit_ticks: PriceTicks | None = None
    trigger_ticks: PriceTicks | None = None
    tif: TimeInForce = "gtc"
    is_post_only: bool = False
    is_reduce_only: bool = False


class Bracket(msgspec.Struct, frozen=True):
    """Where what an entry fills is to be closed: with a loss, and with a profit."""

    stop_ticks: PriceTicks | None = None
    target_ticks: PriceTicks | None = None
    trail: TrailRule | None = None
    """How its stop follows the best price since the entry; None: it stays where it is."""


class OrderIntent(msgspec.Struct, frozen=True):
    """An order that somebody wants; nothing has approved it yet.

    `signal` names the closed candle or signal that it answers, so that it is answered once (R35).
    `is_protective` marks a protective order of an open position. A `bracket` asks for protection of
    what the order fills; `parent` is the client order id of the entry that such a leg protects.
    `family` names the parent order (`a1`) or the trail (`t1`) that sends it; `close` is that of the
    slices of a close. `supersedes` are the protective orders in whose place it comes: they go when
    it is confirmed, and claim nothing.
    """

    spec: OrderSpec
    owner: str = HAND
    signal: str = ""
    tag: str = ""
    command_id: int = 0
    is_protective: bool = False
    bracket: Bracket | None = None
    parent: str = ""
    family: str = ""
    supersedes: tuple[str, ...] = ()


_BY_THE_GATE: Final = object()


class ApprovedOrder:
    """An order that passed the risk gate; `engine.execution.risk` alone can make one.

    Args:
        client_order_id: Unique for ever; the venue is told it.
        intent: What was reviewed, and what is sent: the same numbers.
        token: Held by the gate.
    """

    __slots__ = ("client_order_id", "intent")

    def __init__(self, client_order_id: str, intent: OrderIntent, token: object) -> None:
        assert token is _BY_THE_GATE, "only the risk gate approves orders"
        self.client_order_id = client_order_id
        self.intent = intent
