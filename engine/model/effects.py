"""What the kernel asks the shells to do: the only outputs of a step."""

import msgspec

from engine.model.commands import CommandOutcome
from engine.model.facts import Fact
from engine.model.instrument import InstrumentId
from engine.model.market import TradeStream
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderType
from engine.model.signals import Notice, WhaleSignal


class RequestSnapshot(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Fetch the whole book of an instrument."""

    instrument_id: InstrumentId


class RenewBook(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Subscribe anew to the book of an instrument: its stream stands still."""

    instrument_id: InstrumentId


class RequestTrades(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Fetch trades that were missed; both ids are exclusive, `before_id` 0 means up to now.

    Answered with one `TradesFetched` of the same number, and `TradesMissed` where that is not all.
    """

    instrument_id: InstrumentId
    stream: TradeStream
    after_id: int
    before_id: int
    number: int


class RequestQuote(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Ask for best bid and ask by another way than the book's (R5)."""

    instrument_id: InstrumentId


class Watch(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Subscribe to another instrument."""

    symbol: str


class Unwatch(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Subscribe to an instrument no longer."""

    instrument_id: InstrumentId


FeedRequest = RenewBook | RequestTrades | RequestQuote | Watch | Unwatch
"""What a source of market data is asked for, besides snapshots."""


class SetTimer(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Send `TimerFired` with this key at `due_ns`; replaces a timer of the same key."""

    key: str
    due_ns: int


class Notify(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Tell people."""

    notice: Notice


class Publish(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Hand a signal to whoever listens outside the kernel."""

    signal: WhaleSignal


class Record(msgspec.Struct, frozen=True):
    """Keep a fact; what leaves because of it waits until it is kept."""

    fact: Fact


class PlaceOrder(msgspec.Struct, frozen=True):
    """Send an order, after everything recorded so far is on the disk."""

    approved: ApprovedOrder
    is_flatten: bool = False
    """Of a confirmed flatten: it may leave while killed, because it can only shrink (R76)."""
    is_unjournalled: bool = False
    """Of a close that a person confirmed while the disk was bad: it waits for none (D17)."""


class SendCancel(msgspec.Struct, frozen=True):
    """Send a cancel, at once."""

    client_order_id: str


class SendReplace(msgspec.Struct, frozen=True):
    """Send an amend, after everything recorded so far is on the disk."""

    client_order_id: str
    limit_ticks: PriceTicks
    qty_lots: QtyLots


class CancelAllOrders(msgspec.Struct, frozen=True):
    """Ask the venue to cancel every order of an instrument, at once."""

    instrument_id: InstrumentId


class CancelShown(msgspec.Struct, frozen=True):
    """Cancel an order that the venue shows and that the ledger does not count.

    Nothing follows from its answer: the next report shows whether it is gone.
    """

    client_order_id: str
    instrument_id: InstrumentId
    type: OrderType


class QueryOrder(msgspec.Struct, frozen=True):
    """Ask the venue for one order; answered with `OrderAnswered` or `QueryFailed`."""

    client_order_id: str


class RequestReport(msgspec.Struct, frozen=True):
    """Ask the venue for the whole account, with fills and cash since a time of the venue's.

    Answered with one `AccountReported` or `ReportFailed` of the same number.
    """

    number: int
    since_ns: int
    cash_since_ns: int | None = None
    """Of cash alone, where that is to be looked for further back."""


class SetDeadMan(msgspec.Struct, frozen=True):
    """Let the venue cancel an instrument's orders after so long without a word; 0 ends it."""

    instrument_id: InstrumentId
    after_ns: int


VenueRequest = CancelAllOrders | CancelShown | QueryOrder | RequestReport | SetDeadMan
"""What a gateway is asked besides single orders; none of it can add risk."""


class CommandResult(msgspec.Struct, frozen=True):
    """Tell an operator what became of a command."""

    operator: str
    command_id: int
    outcome: CommandOutcome
    sends: tuple[str, ...] = ()
    """Its own orders and amends: when none of them leaves, the command is refused after all."""


Effect = (
    RequestSnapshot
    | FeedRequest
    | SetTimer
    | Notify
    | Publish
    | Record
    | PlaceOrder
    | SendCancel
    | SendReplace
    | VenueRequest
    | CommandResult
)
