"""What a review of an order is about: the moment, the order's bearing on positions, the reasons.

An order *shrinks* where everything of it that may fill brings the net position and its owner's
nearer to zero. All sizes are worst cases: whatever works, is sent or is unknown counts in full.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Final, Literal

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits, limit_named
from engine.execution.market_reference import MarketReference
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.orders import HAND, OrderIntent, OrderSpec, Side

EXACT: Final = Context(prec=100)
"""Digits enough for every product of prices, sizes, steps and shares; a NaN raises."""

MARK_BAND: Final = Decimal("0.05")
"""Prices of one market that lie further apart do not bear each other out (R56)."""

Source = Literal["risk file", "set while running", "venue", "ledger", "market data", "account"]


class ReviewMoment(msgspec.Struct, frozen=True):
    """When an order is reviewed, and what is known then beside ledger and market.

    `None` is unknown.
    """

    now_ns: int
    is_live: bool
    markets: Mapping[InstrumentId, MarketReference] = {}
    """Of all instruments with positions or orders; the one under review may be missing."""
    free_margin_share: Decimal | None = None
    liquidation_distance_share: Decimal | None = None
    """Of the position that is nearest to it."""
    faults: tuple[str, ...] = ()
    """Sentences on what forbids new risk: clock off, private stream down, reconcile not clean."""
    instrument_faults: Mapping[InstrumentId, str] = {}
    """The same of what forbids it in one instrument alone."""
    replaces: str = ""
    """Client order id of the working order that this one amends; it counts no more."""


class Reason(msgspec.Struct, frozen=True):
    """Why an order was refused (R53)."""

    code: str
    """The limit's name, or the control's."""
    asked: Decimal
    limit: Decimal
    source: Source
    sentence: str


class Exposure(msgspec.Struct, frozen=True):
    """How far an instrument's net position can still go, in lots.

    `longest` and `shortest` are signed and take the position for what it is. `long_lots` and
    `short_lots` are sizes and count no position on the other side as room: a close, which skips
    the limits, may take it away before the orders fill that relied on it.
    """

    longest: int
    shortest: int
    long_lots: int
    short_lots: int

    @property
    def largest(self) -> int:
        """Largest size on either side."""
        return max(self.long_lots, self.short_lots)

    def with_order(self, side: Side, lots: int) -> "Exposure":
        """Return the exposure with one more order that may flip the position."""
        if side == "buy":
            return Exposure(
                self.longest + lots, self.shortest, self.long_lots + lots, self.short_lots
            )
        return Exposure(self.longest, self.shortest - lots, self.long_lots, self.short_lots + lots)


class Sums(msgspec.Struct, frozen=True):
    """Worst values over all instruments, in dollars; a value to sell is negative."""

    gross: Decimal
    longest: Decimal
    shortest: Decimal


class Review(msgspec.Struct, frozen=True):
    """One order under review, as it would be sent.

    `is_reducing` orders skip the limits of loss and exposure; they carry the reduce-only flag, so
    that the venue clips what the position no longer covers.
    """

    intent: OrderIntent
    asked: OrderSpec
    """As it came: a market order is still one."""
    market: MarketReference
    ledger: Ledger
    limits: RiskLimits
    moment: ReviewMoment
    is_reducing: bool
    open_lots: int
    """What it can still fill: all of it, less the fills of the order that it amends."""
    equity: Decimal | None
    before: Sums | None
    """Exposure of all instruments without the order; None if one cannot be valued."""
    after: Sums | None

    @property
    def spec(self) -> OrderSpec:
        """The order."""
        return self.intent.spec

    @property
    def name(self) -> str:
        """The instrument in words."""
        return symbol_of(self.spec.instrument_id)

    @property
    def mark(self) -> Decimal | None:
        """The price by which the instrument's position is valued."""
        return marks_of({self.spec.instrument_id: self.market}).get(self.spec.instrument_id)

    @property
    def is_by_strategy(self) -> bool:
        """Whether no person asked for it."""
        return self.intent.owner != HAND

    @property
    def may_repeat(self) -> bool:
        """Whether its strategy is listed as one that repeats orders."""
        return any(is_named(self.intent.owner, name) for name in self.limits.allow_repeat)

    def over(self, code: str, asked: Decimal | int, words: str = "") -> Reason:
        """Return the reason for a number beyond a limit of the risk file.

        Args:
            code: The limit's name.
            asked: The number.
            words: What the number is, put after it: `lots`.
        """
        limit = Decimal(getattr(self.limits, code))
        told = f"{plain(asked)} {words}".rstrip()
        known = limit_named(code)
        relation = "below the least" if known and known.is_floor else "above the limit"
        return self.reason(
            code,
            asked,
            limit,
            f"{told} is {relation} of {plain(limit)} ({code}).",
            "set while running" if code in self.ledger.limit_overrides else "risk file",
        )

    def reason(
        self, code: str, asked: Decimal | int, limit: Decimal | int, sentence: str, source: Source
    ) -> Reason:
        """Return a reason of any other kind."""
        return Reason(code, Decimal(asked), Decimal(limit), source, sentence)

    def working(self) -> list[OrderRecord]:
        """Return the working orders of the instrument, without the one that is amended."""
        return [
            order
            for order in self.ledger.working(self.spec.instrument_id)
            if order.client_order_id != self.moment.replaces
        ]


def is_fast(market: MarketReference, limits: RiskLimits) -> bool:
    """Whether the reference moved more than it should within 60 s."""
    move = market.move_60s
    return move is not None and move.is_finite() and move > limits.fast_move_share


def plain(number: Decimal | int) -> str:
    """Return a number for people: no exponent, no idle zeros, 8 decimals at most."""
    text = f"{Decimal(number):,.8f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def is_named(owner: str, name: str) -> bool:
    """Whether an owner is this strategy, on whatever instrument: `grid` or `grid@BTC`."""
    return owner == name or (
        owner.startswith(name) and not (owner[len(name)].isalnum() or owner[len(name)] == "_")
    )


def reference_ticks(market: MarketReference) -> Decimal | None:
    """Return the price by which limits are judged: mid of a live book, else mark, else last.

    An old one is better than none for what reduces; new risk is refused by then.
    """
    known = (
        _whole_mid(market),
        mark_ticks(market),
        market.mark_ticks,
        market.mid_ticks,
        market.last_ticks,
    )
    return next((Decimal(ticks) for ticks in known if ticks is not None), None)


def mark_ticks(market: MarketReference) -> Decimal | None:
    """Return the price by which positions are valued: mark, else mid, else last.

    One that stands alone counts. Of several, the first counts that another bears out; where none
    agree, the price is unknown rather than wrong.
    """
    known = (
        market.mark_ticks if market.is_mark_recent else None,
        _whole_mid(market),
        market.last_ticks if market.is_last_recent else None,
    )
    found = [Decimal(ticks) for ticks in known if ticks is not None]
    if len(found) == 1:
        return found[0]
    for at, price in enumerate(found):
        others = (*found[:at], *found[at + 1 :])
        if any(abs(price - other) <= other * MARK_BAND for other in others):
            return price
    return None


def _whole_mid(market: MarketReference) -> Decimal | None:
    is_whole = market.book_state == "live" and market.freshness in ("fresh", "slow")
    return market.mid_ticks if is_whole else None


def unit_of(market: MarketReference) -> Decimal | None:
    """Return the worth of one tick times one lot in the quote currency; None without steps."""
    tick, lot = market.instrument.tick_size, market.instrument.lot_size
    return None if tick is None or lot is None else tick * lot


def exposure_of(ledger: Ledger, instrument_id: InstrumentId, replaces: str = "") -> Exposure:
    """Return how far the net position can go if everything that works fills on one side.

    Orders with the reduce-only flag can bring it to zero at most: the venue clips them.
    """
    net = ledger.net_lots(instrument_id)
    free = {"buy": 0, "sell": 0}
    flagged = {"buy": 0, "sell": 0}
    for order in ledger.working(instrument_id):
        if order.client_order_id != replaces:
            kind = flagged if order.spec.is_reduce_only else free
            kind[order.spec.side] += order.remaining_lots
    highest = net if net >= 0 else min(0, net + flagged["buy"])
    lowest = net if net <= 0 else max(0, net - flagged["sell"])
    return Exposure(
        highest + free["buy"],
        lowest - free["sell"],
        max(net, 0) + free["buy"],
        max(-net, 0) + free["sell"],
    )


def marks_of(markets: Mapping[InstrumentId, MarketReference]) -> dict[InstrumentId, Decimal]:
    """Return the prices by which positions are valued, of those that have one."""
    return {
        instrument_id: ticks * market.instrument.tick_size
        for instrument_id, market in markets.items()
        if (ticks := mark_ticks(market)) is not None and market.instrument.tick_size is not None
    }


def sums_of(
    exposures: Mapping[InstrumentId, Exposure], markets: Mapping[InstrumentId, MarketReference]
) -> Sums | None:
    """Return the worst values of all exposures together; None if one has no price or step."""
    gross = longest = shortest = Decimal(0)
    for instrument_id, exposure in exposures.items():
        lot = lot_value(markets.get(instrument_id))
        if lot is None:
            if exposure.largest:
                return None
            continue
        gross += exposure.largest * lot
        longest += exposure.longest * lot
        shortest += exposure.shortest * lot
    return Sums(gross, longest, shortest)


def lot_value(market: MarketReference | None) -> Decimal | None:
    """Return the worth of one lot at the mark; None without a price or a step."""
    if market is None:
        return None
    unit, ticks = unit_of(market), mark_ticks(market)
    return None if unit is None or ticks is None else ticks * unit


def exposures_of(
    ledger: Ledger, instrument_ids: Iterable[InstrumentId], replaces: str = ""
) -> dict[InstrumentId, Exposure]:
    """Return the exposure of these instruments, and of all with positions or orders, by id."""
    working = [order.spec.instrument_id for order in ledger.working()]
    return {
        instrument_id: exposure_of(ledger, instrument_id, replaces)
        for instrument_id in sorted({*working, *ledger.held(), *instrument_ids})
    }


def shrinkable_net(intent: OrderIntent, net: int, working: Iterable[OrderRecord]) -> int:
    """Return how many lots on the order's side bring the net position to zero.

    Flagged orders of the same group that work already have a claim on it; those of other groups
    have none, so that a position may have a stop and a target and be closed by hand as well: the
    venue clips whichever comes late. Nor have protective orders in whose place this one comes.
    """
    claimed = sum(
        order.remaining_lots
        for order in working
        if order.spec.side == intent.spec.side
        and order.spec.is_reduce_only
        and _group(order.intent) == _group(intent)
        and not (intent.is_protective and order.client_order_id in intent.supersedes)
    )
    return max(0, _toward_zero(net, intent.spec.side) - claimed)


def shrinkable_own(intent: OrderIntent, lots: int, working: Iterable[OrderRecord]) -> int:
    """Return how many lots on the order's side bring its owner's position to zero.

    The owner's working orders count as for the net.
    """
    own = [order for order in working if order.intent.owner == intent.owner]
    return shrinkable_net(intent, lots, own)


def _toward_zero(lots: int, side: Side) -> int:
    return max(0, lots if side == "sell" else -lots)


def _group(intent: OrderIntent) -> str:
    return intent.spec.type if intent.is_protective else ""
