"""The orders of the ledger: each one's state, fills and size, and which of them still work.

Ended orders are kept as a history of the newest; those that may still fill are kept always.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.execution.ledger_parents import restepped
from engine.execution.order_state import OrderEvent, is_contradiction, next_state
from engine.execution.positions import Steps
from engine.model.facts import (
    CancelRejected,
    CancelRequested,
    OrderAcked,
    OrderAdopted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderReplaced,
    OrderSent,
    OrderUnknown,
    ReplaceRejected,
    ReplaceRequested,
)
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import EXTERNAL, FINAL_STATES, Bracket, OrderIntent, OrderSpec, OrderState

OrderFact = (
    OrderSent
    | OrderUnknown
    | OrderAcked
    | OrderRejected
    | CancelRequested
    | CancelRejected
    | OrderCanceled
    | OrderExpired
    | ReplaceRequested
    | OrderReplaced
    | ReplaceRejected
)
"""What happens to an order besides fills."""

_HALF: Final = Fraction(1, 2)

ENDED_MAX: Final = 1_000


class OrderRecord(msgspec.Struct):
    """One order as far as the facts tell; the ledger alone changes it.

    `intent` is what was approved, with the price and size that the venue has since agreed to.
    """

    client_order_id: str
    intent: OrderIntent
    number: int
    """Orders before it in the life of the ledger."""
    book_seq: int
    created_ns: int
    updated_ns: int
    """When it was last asked for or answered, by our clock; fills come with the venue's time."""
    state_since_ns: int
    """When it came into its state; the age of an unknown one (R26)."""
    state: OrderState = "intent"
    venue_order_id: str = ""
    filled_lots: int = 0
    filled_value: int = 0
    """Sum of price ticks * lots over its fills."""
    fee: dict[str, Decimal] = {}
    """By currency."""
    reason: str = ""
    """Of the last rejection, cancellation, expiry or loss."""
    asked_limit_ticks: PriceTicks | None = None
    asked_qty_lots: QtyLots | None = None
    """Of an amend that is not answered."""
    is_overfilled: bool = False
    closed_lots: int = 0
    """Of its fills, if it has a bracket: closed again by a leg or by another order."""
    is_waived: bool = False
    """Whether a person cancelled this leg of a bracket for good."""
    is_passed: bool = False
    """Whether the market had passed its trigger before it came to the venue."""

    def begin_run(self, ts_ns: int) -> None:
        """Be of before a run that begins: the clock may have been ahead in the run before it."""
        self.created_ns = min(self.created_ns, ts_ns)
        self.updated_ns = min(self.updated_ns, ts_ns)
        self.state_since_ns = min(self.state_since_ns, ts_ns)

    @property
    def spec(self) -> OrderSpec:
        """The order as the venue has it, as far as is known."""
        return self.intent.spec

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in FINAL_STATES

    @property
    def size_lots(self) -> int:
        """The most it can fill in all: an amend may have arrived, or not."""
        return max(self.spec.qty_lots, self.asked_qty_lots or 0)

    @property
    def remaining_lots(self) -> int:
        """The most it can still fill; an unknown one, or a larger amend, counts in full."""
        return 0 if self.is_final else max(0, self.size_lots - self.filled_lots)

    @property
    def bracketed_lots(self) -> int:
        """How much of its fills its bracket still protects."""
        return 0 if self.intent.bracket is None else max(0, self.filled_lots - self.closed_lots)


class Orders(msgspec.Struct):
    """All working orders and the newest of the ended ones."""

    records: dict[str, OrderRecord] = {}
    ended: dict[str, int] = {}
    """Final orders with the number of their ending, in that order."""
    count: int = 0
    endings: int = 0
    working: dict[str, None] = {}
    """Those that are not final, in order of creation."""

    def __post_init__(self) -> None:
        """Put what came from a checkpoint, where keys are sorted by name, into order again."""
        self.records = dict(sorted(self.records.items(), key=lambda item: item[1].number))
        self.ended = dict(sorted(self.ended.items(), key=lambda item: item[1]))
        self._find_working()

    def add(self, fact: OrderIntended) -> bool:
        """Take in an order; False if its id is taken."""
        self.count += 1
        if fact.client_order_id in self.records:
            return False
        self.records[fact.client_order_id] = OrderRecord(
            client_order_id=fact.client_order_id,
            intent=fact.intent,
            number=self.count - 1,
            book_seq=fact.book_seq,
            created_ns=fact.ts_ns,
            updated_ns=fact.ts_ns,
            state_since_ns=fact.ts_ns,
        )
        self.working[fact.client_order_id] = None
        return True

    def adopt(self, fact: OrderAdopted) -> None:
        """Take in an order that the venue has, or let one of ours work again.

        How much of one made elsewhere is filled is what the venue says: its fills may have been
        booked before anybody knew of it.
        """
        order = self.records.get(fact.client_order_id)
        if order is None:
            approved = OrderIntended(fact.ts_ns, fact.client_order_id, fact.intent, 0)
            self.add(approved)
            order = self.records[fact.client_order_id]
        if order.intent.owner == EXTERNAL:
            order.filled_lots = fact.filled_lots
            order.filled_value = fact.filled_lots * (fact.intent.spec.limit_ticks or 0)
        order.venue_order_id = fact.venue_order_id
        order.intent = msgspec.structs.replace(order.intent, spec=fact.intent.spec)
        order.updated_ns = max(order.updated_ns, fact.ts_ns)
        self._enter(order, _fitting(order, "open"), fact.ts_ns)

    def list_working(self, instrument_id: InstrumentId | None) -> list[OrderRecord]:
        """Return those that are not final, in order of creation."""
        records = [self.records[key] for key in self.working]
        if instrument_id is None:
            return records
        return [record for record in records if record.spec.instrument_id == instrument_id]

    def take(self, order: OrderRecord, fact: OrderFact, event: OrderEvent) -> bool:
        """Let something happen to an order; False if it contradicts what was known of it."""
        is_agreed = True
        match fact:
            case OrderAcked():
                order.venue_order_id = fact.venue_order_id
            case ReplaceRequested():
                _ask(order, fact)
            case OrderReplaced():  # Its answer may cross the last fill, and then fits it.
                was_full = order.state == "filled"
                is_agreed = _amend(order, fact)
                is_agreed &= not was_full or order.filled_lots >= fact.qty_lots
            case ReplaceRejected():
                _forget_asked(order)
                order.reason = fact.reason
            case CancelRequested():
                order.is_waived |= fact.is_waiver
            case CancelRejected() if not order.is_final:  # Else it says nothing of how it ended.
                order.reason = fact.reason
            case OrderRejected() if order.filled_lots:
                # Its fills prove that it was accepted; whether the rest stands is to be asked.
                event, is_agreed, order.reason = "lose", False, fact.reason
            case OrderExpired():
                order.reason, order.is_passed = fact.reason, fact.is_passed
            case OrderRejected() | OrderUnknown() | OrderCanceled():
                order.reason = fact.reason
        return self.move(order, event, fact.ts_ns) and is_agreed

    def move(self, order: OrderRecord, event: OrderEvent, ts_ns: int) -> bool:
        """Bring an order into its next state; False if the event contradicts the state."""
        order.updated_ns = max(order.updated_ns, ts_ns)
        return self._advance(order, event, ts_ns)

    def _advance(self, order: OrderRecord, event: OrderEvent, ts_ns: int) -> bool:
        is_wrong = is_contradiction(order.state, event)
        state = _fitting(order, next_state(order.state, event) or order.state)
        if state != order.state:
            self._enter(order, state, ts_ns)
        return not is_wrong

    def fill(self, order: OrderRecord, fact: OrderFilled) -> bool:
        """Add a fill to an order; False if it contradicts the order's state or size."""
        order.filled_lots += fact.qty_lots
        order.filled_value += fact.price_ticks * fact.qty_lots
        entry = self.records.get(order.intent.parent)
        if entry is not None:
            entry.closed_lots += min(fact.qty_lots, entry.bracketed_lots)
        is_full = order.filled_lots >= order.size_lots
        is_agreed = self._advance(order, "full_fill" if is_full else "part_fill", fact.ts_ns)
        return not _note_overfill(order) and is_agreed

    def sizes(self, instrument_id: InstrumentId) -> list[int]:
        """Return every size of an instrument's working orders that must stay whole lots."""
        return [
            lots
            for order in self.list_working(instrument_id)
            for lots in (
                order.spec.qty_lots,
                order.filled_lots,
                order.closed_lots,
                order.asked_qty_lots or 0,
            )
        ]

    def restep(self, instrument_id: InstrumentId, old: Steps, new: Steps) -> None:
        """Count an instrument's orders in new steps; ended ones that do not fit are forgotten."""
        of_it = [
            order for order in self.records.values() if order.spec.instrument_id == instrument_id
        ]
        for order in of_it:
            sizes = (order.spec.qty_lots, order.filled_lots, order.closed_lots)
            if all(old.lots_in(new, lots).denominator == 1 for lots in sizes):
                _restep(order, old, new)
            else:
                del self.records[order.client_order_id]
                del self.ended[order.client_order_id]

    def _enter(self, order: OrderRecord, state: OrderState, ts_ns: int) -> None:
        was_final, order.state = order.is_final, state
        order.state_since_ns = ts_ns
        if order.is_final:
            _forget_asked(order)
        if order.is_final and not was_final:
            self._end(order.client_order_id)
        elif was_final and not order.is_final:
            del self.ended[order.client_order_id]
            self._find_working()

    def _end(self, client_order_id: str) -> None:
        del self.working[client_order_id]
        self.ended[client_order_id] = self.endings
        self.endings += 1
        if len(self.ended) > ENDED_MAX:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Forget the oldest ended order that no bracket hangs on."""
        free = (key for key in self.ended if not self.records[key].bracketed_lots)
        oldest = next(free, next(iter(self.ended)))
        del self.ended[oldest]
        del self.records[oldest]

    def _find_working(self) -> None:
        self.working = {key: None for key, order in self.records.items() if not order.is_final}


def _ask(order: OrderRecord, fact: ReplaceRequested) -> None:
    """Note an amend that is on its way; of several the largest size counts."""
    if not order.is_final:
        order.asked_limit_ticks = fact.limit_ticks
        order.asked_qty_lots = QtyLots(max(fact.qty_lots, order.asked_qty_lots or 0))


def _amend(order: OrderRecord, fact: OrderReplaced) -> bool:
    """Give an order what the venue says it has; False if more than that is filled."""
    spec = msgspec.structs.replace(order.spec, limit_ticks=fact.limit_ticks, qty_lots=fact.qty_lots)
    order.intent = msgspec.structs.replace(order.intent, spec=spec)
    _forget_asked(order)
    return not _note_overfill(order)


def _restep(order: OrderRecord, old: Steps, new: Steps) -> None:
    """Count an order in new steps, prices to the nearest tick."""

    def price(ticks: PriceTicks | None) -> PriceTicks | None:
        return None if ticks is None else PriceTicks(int(old.price_in(new, ticks) + _HALF))

    def size(lots: int) -> QtyLots:
        return QtyLots(int(old.lots_in(new, lots)))

    spec = msgspec.structs.replace(
        order.spec,
        qty_lots=size(order.spec.qty_lots),
        limit_ticks=price(order.spec.limit_ticks),
        trigger_ticks=price(order.spec.trigger_ticks),
    )
    bracket = order.intent.bracket
    if bracket is not None:
        trail = None if bracket.trail is None else restepped(bracket.trail, old, new)
        bracket = Bracket(price(bracket.stop_ticks), price(bracket.target_ticks), trail)
    order.intent = msgspec.structs.replace(order.intent, spec=spec, bracket=bracket)
    order.filled_lots = size(order.filled_lots)
    order.closed_lots = size(order.closed_lots)
    order.filled_value = int(old.value_in(new, order.filled_value))
    order.asked_limit_ticks = price(order.asked_limit_ticks)
    if order.asked_qty_lots is not None:
        order.asked_qty_lots = size(order.asked_qty_lots)


def _forget_asked(order: OrderRecord) -> None:
    """The amend that was on its way is answered, or no longer matters."""
    order.asked_limit_ticks = order.asked_qty_lots = None


def _fitting(order: OrderRecord, state: OrderState) -> OrderState:
    """Return the state that agrees with what is filled; the table knows no sizes."""
    if state == "filled":
        return "filled" if order.filled_lots >= order.size_lots else "unknown"
    if state in FINAL_STATES:
        return state
    if order.filled_lots >= order.size_lots:
        return "filled"
    return "partial" if state == "open" and order.filled_lots else state


def _note_overfill(order: OrderRecord) -> bool:
    """Whether more was filled than the order ever asked for."""
    is_overfilled = order.filled_lots > order.size_lots
    order.is_overfilled |= is_overfilled
    return is_overfilled
