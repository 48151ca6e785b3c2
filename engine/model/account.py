"""What a venue says of an account when it is asked, and by its private stream.

All of it is what the venue shows at some moment, never what is true for sure: an answer may be
older than what is known, and no answer is no information (R41).
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderType, Side

SeenState = Literal["open", "partial", "filled", "canceled", "expired", "rejected", "unclear"]
"""`unclear`: the venue shows the order and says of it what nobody has described."""

BY_VENUE_ID: Final = "#"
"""First letter of our name for an order whose venue tells no client order id; its own follows."""


class OrderSeen(msgspec.Struct, frozen=True):
    """One order as the venue shows it.

    `client_order_id` is empty where the venue tells none; an order placed elsewhere has an id that
    is not ours. `updated_ns` is the venue's time of its last change, 0 where it sends none.
    """

    client_order_id: str
    venue_order_id: str
    instrument_id: InstrumentId
    side: Side
    type: OrderType
    state: SeenState
    qty_lots: QtyLots
    filled_lots: int
    limit_ticks: PriceTicks | None = None
    trigger_ticks: PriceTicks | None = None
    is_reduce_only: bool = False
    updated_ns: int = 0
    reason: str = ""
    """Why it ended or hangs, or the word that makes it unclear."""
    is_triggered: bool = False
    """Whether its trigger was met while the order that it becomes is not there: it is stuck."""


class PositionSeen(msgspec.Struct, frozen=True):
    """One position as the venue shows it: signed lots and the average price of entry.

    `liquidation_price` is where the venue closes it by force: 0 where it says that it never does,
    None where it does not tell.
    """

    instrument_id: InstrumentId
    lots: int
    entry_price: Decimal
    liquidation_price: Decimal | None = None
    updated_ns: int = 0
    """The venue's time of its last fill; 0 where it tells none."""


class BalanceSeen(msgspec.Struct, frozen=True):
    """Cash of one currency, without the profit of open positions.

    `margin` is what backs positions and orders in it, with their open profit, and `free` what of
    that none of them needs; None where the venue does not tell.
    """

    currency: str
    amount: Decimal
    margin: Decimal | None = None
    free: Decimal | None = None
    updated_ns: int = 0
    """The venue's time of its last change; 0 where it tells none."""


class CashSeen(msgspec.Struct, frozen=True, tag=True):
    """Money that moved by other ways than fills: funding, transfers; received when positive.

    `movement_id` is the venue's own, unique with `kind`.
    """

    ts_ns: int
    movement_id: str
    kind: Literal["funding", "transfer", "other"]
    currency: str
    amount: Decimal
    instrument_id: InstrumentId | None = None


class OrderAnswered(msgspec.Struct, frozen=True, tag=True):
    """The answer to a query of one order, with all of its fills.

    `order` is None when the venue says that it has none, which proves little by itself (R24).
    `asked_ns` is when the query left.
    """

    client_order_id: str
    asked_ns: int
    order: OrderSeen | None
    fills: tuple[OrderFilled, ...] = ()


class QueryFailed(msgspec.Struct, frozen=True, tag=True):
    """A query of one order brought no information."""

    client_order_id: str
    reason: str


class AccountReported(msgspec.Struct, frozen=True, tag=True):
    """The whole account, every page of it: open orders, fills and cash since, positions, balances.

    `number` is that of the request, `asked_ns` when its first query left. A position that is not
    listed is flat; an order that is not listed is not open.
    """

    number: int
    asked_ns: int
    since_ns: int
    orders: tuple[OrderSeen, ...]
    fills: tuple[OrderFilled, ...]
    positions: tuple[PositionSeen, ...]
    balances: tuple[BalanceSeen, ...]
    cash: tuple[CashSeen, ...] = ()


class ReportFailed(msgspec.Struct, frozen=True, tag=True):
    """A report of the account brought no information, or not all of it."""

    number: int
    reason: str


class PrivateUp(msgspec.Struct, frozen=True, tag=True):
    """The private stream is open: what happens to our orders is told as it happens."""

    venue: str


class PrivateDown(msgspec.Struct, frozen=True, tag=True):
    """The private stream is not open, or cannot be relied on since `since_ns`."""

    venue: str
    reason: str
    since_ns: int


class DeadManSet(msgspec.Struct, frozen=True, tag=True):
    """The venue will cancel an instrument's orders at `due_ns` unless it hears again; 0 is off."""

    instrument_id: InstrumentId
    due_ns: int


class DeadManFailed(msgspec.Struct, frozen=True, tag=True):
    """The venue's dead-man timer could not be set or renewed."""

    instrument_id: InstrumentId
    reason: str


class RateUsed(msgspec.Struct, frozen=True, tag=True):
    """How much of a venue's rate limit is used, in percent, and until when nothing may be asked.

    `banned_until_ns` is 0 where nothing is forbidden. Sent when a tenth is crossed or a ban begins
    or ends, not with every answer.
    """

    venue: str
    used_pct: int
    banned_until_ns: int = 0
    reason: str = ""


class RightsSeen(msgspec.Struct, frozen=True, tag=True):
    """What the key may do, where the venue tells; None where it does not."""

    venue: str
    may_trade: bool | None
    may_withdraw: bool | None


class MarginChanged(msgspec.Struct, frozen=True, tag=True):
    """Positions bind another part of the account than before, by no act of ours, or too much."""

    venue: str
    is_call: bool = False
    """Whether the venue warns that it will close positions unless there is more."""


VenueReport = (
    OrderAnswered
    | QueryFailed
    | AccountReported
    | ReportFailed
    | PrivateUp
    | PrivateDown
    | DeadManSet
    | DeadManFailed
    | RateUsed
    | RightsSeen
    | MarginChanged
    | CashSeen
)
"""What a gateway tells besides the reports of single orders."""


class TradeRules(msgspec.Struct, frozen=True):
    """What a venue can do for orders; a run that trades there is decided by it.

    `validity_ns` is the life of a signed request (R24). `replica_lag_ns` is how old an answer of
    the venue may be at worst. A dead-man timer of `dead_man_ns` 0 does not exist. Whatever is not
    confirmed of a venue is set to the worse.
    """

    validity_ns: int
    replica_lag_ns: int
    amends: bool
    cancel_all_covers_stops: bool
    dead_man_ns: int
    dead_man_covers_stops: bool
    dead_man_min_ns: int = 0
    """To which a kill shortens the timer; 0: to nothing."""
