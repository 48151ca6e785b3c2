"""Facts of the ledger: what the journal keeps, and the only things that change a ledger.

A fact says what happened, never what should. Folding the facts of a journal onto its checkpoint
gives the same ledger as the run that wrote them, because that run applied nothing else.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import Liquidity, OrderIntent, Side
from engine.model.parents import Parent
from engine.model.trails import TrailRule

TradingState = Literal["active", "reduce_only", "halted", "killed"]
"""From the loosest to the strictest."""


class RunBegan(msgspec.Struct, frozen=True, tag=True):
    """A run took the ledger over; orders that are not final have become unknown."""

    ts_ns: int
    run_id: str
    version: str
    boot: int
    """Counts runs; part of every client order id."""
    limits_hash: str = ""
    """Of the limits that the run began with."""


class InstrumentKnown(msgspec.Struct, frozen=True, tag=True):
    """Steps of an instrument's prices and sizes; the ledger's integers count them."""

    ts_ns: int
    instrument_id: InstrumentId
    tick_size: Decimal
    lot_size: Decimal
    quote: str = ""
    """Currency of its profit and funding; empty: the currency of the account."""


class AccountOpened(msgspec.Struct, frozen=True, tag=True):
    """The account began with this money; said once in the life of a ledger."""

    ts_ns: int
    currency: str
    equity: Decimal
    since_ns: int = 0
    """By the venue's time: what was filled or moved before is part of it."""


class EquityMarked(msgspec.Struct, frozen=True, tag=True):
    """What the account was worth: at 00:00 UTC, at the start of a run, and at a new peak.

    Losses of the day and of the session, and the drawdown, are counted from these.
    """

    ts_ns: int
    equity: Decimal


class OrderIntended(msgspec.Struct, frozen=True, tag=True):
    """The gate approved an order; durable before its first byte leaves."""

    ts_ns: int
    client_order_id: str
    intent: OrderIntent
    book_seq: int
    """Last sequence number of the book that it was judged by."""


class OrderDenied(msgspec.Struct, frozen=True, tag=True):
    """The gate refused an order, and why: codes of the controls with the numbers in words."""

    ts_ns: int
    intent: OrderIntent
    reasons: tuple[str, ...]


class OrderSent(msgspec.Struct, frozen=True, tag=True):
    """The order's bytes went out."""

    ts_ns: int
    client_order_id: str


class OrderUnknown(msgspec.Struct, frozen=True, tag=True):
    """Nobody can say whether the venue has the order; it counts as if it had."""

    ts_ns: int
    client_order_id: str
    reason: str


class OrderAcked(msgspec.Struct, frozen=True, tag=True):
    """The venue has the order."""

    ts_ns: int
    client_order_id: str
    venue_order_id: str
    is_answer: bool = False
    """Whether only the answer to the order itself says so, and nobody has seen it there yet."""


class OrderRejected(msgspec.Struct, frozen=True, tag=True):
    """The venue's rules prove that it never accepted the order."""

    ts_ns: int
    client_order_id: str
    reason: str
    is_by_venue: bool = True
    """False: it never got there, because guard, journal or a crash held it back."""


class OrderFilled(msgspec.Struct, frozen=True, tag=True):
    """Part of the order was executed; counted once per trade id."""

    ts_ns: int
    client_order_id: str
    trade_id: str
    price_ticks: PriceTicks
    qty_lots: QtyLots
    liquidity: Liquidity
    fee: Decimal
    """Paid when positive, received when negative."""
    fee_currency: str
    instrument_id: InstrumentId | None = None
    """As the venue says it; needed for a fill of an order that the ledger does not know (R34)."""
    side: Side | None = None
    off_tick_price: Decimal | None = None
    """The price where it lies between two ticks; `price_ticks` is the nearest then."""


class OrderAdopted(msgspec.Struct, frozen=True, tag=True):
    """The venue has an order that we did not know of, or took for ended: it counts from now on.

    An order made elsewhere is `external`; one of ours keeps its owner.
    """

    ts_ns: int
    client_order_id: str
    venue_order_id: str
    intent: OrderIntent
    filled_lots: int = 0
    """What it had filled before and is booked already, or is part of an adopted position."""


class CancelRequested(msgspec.Struct, frozen=True, tag=True):
    """A cancel is on its way."""

    ts_ns: int
    client_order_id: str
    is_waiver: bool = False
    """Whether a person wants nothing in place of this leg of a bracket."""


class CancelRejected(msgspec.Struct, frozen=True, tag=True):
    """The venue did not cancel: the order goes on, or has ended already."""

    ts_ns: int
    client_order_id: str
    reason: str


class OrderCanceled(msgspec.Struct, frozen=True, tag=True):
    """The order is off the book."""

    ts_ns: int
    client_order_id: str
    reason: str


class OrderExpired(msgspec.Struct, frozen=True, tag=True):
    """The rest of the order lapsed: IOC, FOK, post-only that would cross, stop that is too late."""

    ts_ns: int
    client_order_id: str
    reason: str
    is_passed: bool = False
    """Whether it never waited, because the market had passed its trigger before it came."""


class ReplaceRequested(msgspec.Struct, frozen=True, tag=True):
    """An amend is on its way."""

    ts_ns: int
    client_order_id: str
    limit_ticks: PriceTicks
    qty_lots: QtyLots


class OrderReplaced(msgspec.Struct, frozen=True, tag=True):
    """The venue changed price and size; the size is that of the whole order, fills included."""

    ts_ns: int
    client_order_id: str
    limit_ticks: PriceTicks
    qty_lots: QtyLots


class ReplaceRejected(msgspec.Struct, frozen=True, tag=True):
    """The venue left the order as it was, or it has ended already."""

    ts_ns: int
    client_order_id: str
    reason: str


class BracketClosed(msgspec.Struct, frozen=True, tag=True):
    """So much of what an entry filled was closed by other orders than its bracket's legs."""

    ts_ns: int
    client_order_id: str
    lots: int


class TrailSet(msgspec.Struct, frozen=True, tag=True):
    """A stop follows the best price from now on.

    `trail_id` is the client order id of the entry whose bracket asked for it; of one that was asked
    for by itself it is `t1`, `t2`, and it protects `lots`.
    """

    ts_ns: int
    trail_id: str
    instrument_id: InstrumentId
    side: Side
    """Of the stop."""
    rule: TrailRule
    best_ticks: PriceTicks
    stop_ticks: PriceTicks
    lots: int = 0
    replaces: tuple[str, ...] = ()
    """Stops in whose place its own come."""


class TrailMoved(msgspec.Struct, frozen=True, tag=True):
    """The best price since the beginning was better, and the stop comes nearer."""

    ts_ns: int
    trail_id: str
    best_ticks: PriceTicks
    stop_ticks: PriceTicks


class TrailEnded(msgspec.Struct, frozen=True, tag=True):
    """The stop follows no longer."""

    ts_ns: int
    trail_id: str
    reason: str


class ParentStarted(msgspec.Struct, frozen=True, tag=True):
    """A person confirmed an order that the engine works through; its children follow."""

    ts_ns: int
    parent_id: str
    spec: Parent


class ParentPaused(msgspec.Struct, frozen=True, tag=True):
    """No child follows until a person resumes it; what works stays."""

    ts_ns: int
    parent_id: str
    reason: str


class ParentResumed(msgspec.Struct, frozen=True, tag=True):
    """A person lets it go on."""

    ts_ns: int
    parent_id: str


class ParentEnded(msgspec.Struct, frozen=True, tag=True):
    """No child follows any more; what still works is cancelled."""

    ts_ns: int
    parent_id: str
    reason: str


class FundingPaid(msgspec.Struct, frozen=True, tag=True):
    """Funding of a position; paid when positive."""

    ts_ns: int
    instrument_id: InstrumentId
    amount: Decimal
    movement_id: str = ""
    """The venue's own; counted once. Empty where the venue names none."""
    venue_ns: int = 0
    """When it was paid by the venue's clock; 0 where nobody said."""


class CashMoved(msgspec.Struct, frozen=True, tag=True):
    """Money came to the account or left it, not by trading; counted once per movement.

    It is no profit and no loss: what losses are counted from moves with it.
    """

    ts_ns: int
    movement_id: str
    kind: str
    currency: str
    amount: Decimal
    """Received when positive."""
    venue_ns: int = 0
    """When it moved by the venue's clock; 0 where nobody said."""


class PositionAdopted(msgspec.Struct, frozen=True, tag=True):
    """The venue has more or less of an instrument than our fills make; `external` holds the rest.

    Said when the account is opened, or when a person accepts a difference by name (R40). What
    shrinks the net position is taken from those who hold it.
    """

    ts_ns: int
    instrument_id: InstrumentId
    lots: int
    """Signed: what the venue has less what we had."""
    price: Decimal
    until_ns: int = 0
    """Fills of up to then, by the venue's time, are part of it; 0 where nobody can say."""


class AccountConfirmed(msgspec.Struct, frozen=True, tag=True):
    """A report of the venue and the ledger agreed; all fills before `asked_ns` are known."""

    ts_ns: int
    asked_ns: int


class BalanceDiffered(msgspec.Struct, frozen=True, tag=True):
    """The cash that the venue shows is not what our facts make: kept, and explained by nobody."""

    ts_ns: int
    currency: str
    ours: Decimal
    venues: Decimal


class TradingStateSet(msgspec.Struct, frozen=True, tag=True):
    """Trading of a scope was tightened or released.

    `scope` is `all`, `venue:NAME`, `instrument:ID` or `strategy:NAME`.
    """

    ts_ns: int
    scope: str
    state: TradingState
    reason: str
    operator: str = ""
    """Who did it; empty: a rule."""
    before: "TradingStateSet | None" = None
    """What comes back when a person answers the question that this asks; None: it asks nothing."""


class FailureCounted(msgspec.Struct, frozen=True, tag=True):
    """One more failure in a row of a strategy at a venue, or the end of the row (`count` 0)."""

    ts_ns: int
    breaker: str
    count: int


class SignalActed(msgspec.Struct, frozen=True, tag=True):
    """A strategy has answered a closed candle or signal; it never answers it again."""

    ts_ns: int
    owner: str
    signal: str


class StrategyStarted(msgspec.Struct, frozen=True, tag=True):
    """A strategy runs from now on, also in the runs after this one, until it is stopped."""

    ts_ns: int
    owner: str
    name: str
    instrument_id: InstrumentId
    timeframe_s: int


class StrategyStopped(msgspec.Struct, frozen=True, tag=True):
    """A strategy no longer runs."""

    ts_ns: int
    owner: str
    reason: str


class LimitSet(msgspec.Struct, frozen=True, tag=True):
    """A limit was changed while running; None: what the risk file says holds again."""

    ts_ns: int
    name: str
    value: Decimal | None


class CommandHandled(msgspec.Struct, frozen=True, tag=True):
    """A line of an operator and what became of it."""

    ts_ns: int
    operator: str
    line: str
    outcome: str


Fact = (
    RunBegan
    | InstrumentKnown
    | AccountOpened
    | EquityMarked
    | OrderIntended
    | OrderDenied
    | OrderSent
    | OrderUnknown
    | OrderAcked
    | OrderRejected
    | OrderFilled
    | OrderAdopted
    | CancelRequested
    | CancelRejected
    | OrderCanceled
    | OrderExpired
    | ReplaceRequested
    | OrderReplaced
    | ReplaceRejected
    | BracketClosed
    | TrailSet
    | TrailMoved
    | TrailEnded
    | ParentStarted
    | ParentPaused
    | ParentResumed
    | ParentEnded
    | FundingPaid
    | CashMoved
    | PositionAdopted
    | AccountConfirmed
    | BalanceDiffered
    | TradingStateSet
    | FailureCounted
    | SignalActed
    | StrategyStarted
    | StrategyStopped
    | LimitSet
    | CommandHandled
)

OrderReport = (
    OrderSent
    | OrderUnknown
    | OrderAcked
    | OrderRejected
    | OrderFilled
    | CancelRejected
    | OrderCanceled
    | OrderExpired
    | OrderReplaced
    | ReplaceRejected
)
"""What a gateway tells about an order; each is an event first and a fact after."""
