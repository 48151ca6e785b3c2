"""What an operator may ask of the engine.

Prices and sizes are decimals as asked; the engine rounds them to the venue's steps before it
reviews them. A command that asks for more confirmation than it carries changes nothing: its
outcome says what would happen and what must be typed.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.orders import OrderType, Side, TimeInForce
from engine.model.parents import ChaseEnd, ScaleShape
from engine.model.trails import ATR_CANDLES, ATR_TIMEFRAME_S


class TrailWish(msgspec.Struct, frozen=True):
    """How far behind the best price a stop shall follow.

    `amount` is a distance in price, in ticks, in percent of the best price, or in average true
    ranges of so many closed candles.
    """

    kind: Literal["price", "ticks", "percent", "atr"]
    amount: Decimal
    candles: int = ATR_CANDLES
    timeframe_s: int = ATR_TIMEFRAME_S


class SubmitOrder(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """A new order by hand.

    `stop` and `target` are triggers of protective orders of whatever it fills (a bracket); with a
    `trail` that stop follows the price.
    `book_seq` is the last sequence number of the book that the person looked at; 0 for commands
    from a shell, which looked at none.
    """

    instrument_id: InstrumentId
    side: Side
    type: OrderType
    size: Decimal
    price: Decimal | None = None
    trigger: Decimal | None = None
    tif: TimeInForce = "gtc"
    is_post_only: bool = False
    is_reduce_only: bool = False
    is_protective: bool = False
    tag: str = ""
    book_seq: int = 0
    stop: Decimal | None = None
    target: Decimal | None = None
    trail: TrailWish | None = None


class SetTrail(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Protect the net position by a stop that follows the price, in place of stops by hand."""

    instrument_id: InstrumentId
    wish: TrailWish


class StartScale(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Limit orders spread over a range of prices; `size` is that of all of them."""

    instrument_id: InstrumentId
    side: Side
    size: Decimal
    first: Decimal
    last: Decimal
    count: int
    shape: ScaleShape = "flat"
    ratio: Decimal = Decimal(1)
    is_post_only: bool = False
    is_reduce_only: bool = False
    tag: str = ""
    book_seq: int = 0


class StartTwap(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Slices over some time that take from the market, never beyond a limit."""

    instrument_id: InstrumentId
    side: Side
    size: Decimal
    duration_s: int
    count: int
    jitter_percent: Decimal = Decimal(0)
    limit: Decimal | None = None
    is_reduce_only: bool = False
    tag: str = ""
    book_seq: int = 0


class StartIceberg(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """A limit order of which the venue sees one slice of `show` at a time."""

    instrument_id: InstrumentId
    side: Side
    size: Decimal
    price: Decimal
    show: Decimal
    is_post_only: bool = False
    is_reduce_only: bool = False
    tag: str = ""
    book_seq: int = 0


class StartChase(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """A post-only order that stays at the best price of its side, up to `worst`, for some time."""

    instrument_id: InstrumentId
    side: Side
    size: Decimal
    worst: Decimal
    duration_s: int
    then: ChaseEnd = "stop"
    is_reduce_only: bool = False
    tag: str = ""
    book_seq: int = 0


class ResumeParent(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Let a paused parent go on with what is left of it."""

    parent_id: str


class CancelParents(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """End these parents and cancel their working orders."""

    parent_ids: tuple[str, ...]


class CancelOrders(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Cancel these orders, named by client order id."""

    client_order_ids: tuple[str, ...]


class CancelAll(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Cancel all working orders, those of one instrument or side where named.

    Protective orders of open positions are spared unless `with_stops`, orders that somebody made
    elsewhere unless `with_external`.
    """

    instrument_id: InstrumentId = InstrumentId("")
    side: Side | None = None
    with_stops: bool = False
    with_external: bool = False


class AmendOrder(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Change price, size or both of a working limit order; `size` is that of the whole order."""

    client_order_id: str
    price: Decimal | None = None
    size: Decimal | None = None


class ClosePosition(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Close a share of the net position, at market or at a limit price; no instrument means all."""

    instrument_id: InstrumentId = InstrumentId("")
    share: Decimal = Decimal(1)
    price: Decimal | None = None


ARM_S: Final = 900
"""For how long orders by hand are armed where nothing else is said."""


class Arm(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Allow orders by hand that add risk, for a while."""

    duration_s: int = ARM_S


class Disarm(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Allow them no longer."""


class EngageKill(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """The kill switch: no new order leaves, everything is cancelled except protective stops.

    With `with_stops` those go, too, which is confirmed: before that nothing happens.
    """

    reason: str = "by hand"
    with_stops: bool = False


class ReleaseKill(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Let trading begin again after a kill."""

    reason: str = ""


class Resume(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Raise a trading state that was lowered, one step."""

    scope: str = "all"


class SetReduceOnly(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Lower a scope to orders that reduce."""

    scope: str = "all"


class SetLimit(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Change a limit of the gate while running (R54)."""

    name: str
    """As in the risk file."""
    value: Decimal | None
    """None: what the risk file says holds again."""


class StartStrategy(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Start a preset on an instrument."""

    name: str
    instrument_id: InstrumentId
    timeframe_s: int = 0
    """0 is the preset's own."""


class StopStrategy(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Stop a running strategy; its position and protective orders stay."""

    name: str
    instrument_id: InstrumentId


class TakeOrders(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Let the screen that says it give the orders; the one that gave them looks from now on."""


class Accept(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Answer a question that the engine asks; `what` is its name.

    `restart` is asked by a start, `difference` and an instrument's id by a position that is not
    the venue's.
    """

    what: str


class WatchInstrument(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Subscribe to another instrument of the venue, by the venue's own name."""

    symbol: str


class UnwatchInstrument(msgspec.Struct, frozen=True, tag_field="do", tag=True):
    """Subscribe to an instrument no longer; refused while anything needs it."""

    instrument_id: InstrumentId


Action = (
    SubmitOrder
    | SetTrail
    | StartScale
    | StartTwap
    | StartIceberg
    | StartChase
    | ResumeParent
    | CancelParents
    | CancelOrders
    | CancelAll
    | AmendOrder
    | ClosePosition
    | Arm
    | Disarm
    | EngageKill
    | ReleaseKill
    | Resume
    | SetReduceOnly
    | SetLimit
    | StartStrategy
    | StopStrategy
    | TakeOrders
    | Accept
    | WatchInstrument
    | UnwatchInstrument
)

ConfirmLevel = Literal[0, 1, 2, 3]
"""C0 nothing, C1 Enter, C2 Enter twice, C3 a typed word (`ui.md` §5 of the design)."""


class OperatorCommand(msgspec.Struct, frozen=True, tag=True):
    """One line of an operator: the actions it stands for, in order, all or none.

    `line` is what was typed, for the journal. `confirm` is the level given, `word` what was typed
    for C3. A dry command is judged to the end and changes nothing.
    """

    command_id: int
    operator: str
    line: str
    actions: tuple[Action, ...]
    confirm: ConfirmLevel = 0
    word: str = ""
    is_dry: bool = False


class PlannedOrder(msgspec.Struct, frozen=True):
    """One order as it would be sent, and what it would do; texts are exact decimals."""

    instrument_id: InstrumentId
    side: Side
    type: OrderType
    size: str
    price: str
    trigger: str
    flags: str
    notional: str
    margin: str
    position_after: str


class CommandOutcome(msgspec.Struct, frozen=True):
    """What became of a command, or would become of a dry one.

    `refused`: nothing happened, `sentences` say why. `needs_confirmation`: nothing happened;
    `level` is what is asked, `word` what must be typed for C3.
    """

    verdict: Literal["accepted", "refused", "needs_confirmation"]
    sentences: tuple[str, ...] = ()
    level: ConfirmLevel = 0
    word: str = ""
    orders: tuple[PlannedOrder, ...] = ()
    client_order_ids: tuple[str, ...] = ()
