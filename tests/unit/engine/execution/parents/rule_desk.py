"""What a rule sees: whatever a test does not name is an idle market around 1,000."""

from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.base import Amend, Place, Seen
from engine.execution.parents.registry import kind_of
from engine.model.numbers import PriceTicks
from engine.model.orders import OrderState, TimeInForce
from engine.model.parents import Parent
from tests.builders import at
from tests.order_facts import an_intent


def a_child(
    lots: int = 10, filled: int = 0, state: OrderState = "open", ms: int = 0, **changed: object
) -> OrderRecord:
    """Return a child that last changed so many milliseconds after the start."""
    intent = an_intent(lots=lots, family="a1", **changed)  # type: ignore[arg-type]  # whatever a test changes
    key = f"c-{ms}"
    return OrderRecord(
        key, intent, 0, 0, at(0), at(ms), at(ms), state, filled_lots=filled, venue_order_id="v"
    )


def seen(spec: Parent, *working: OrderRecord, ms: int = 0, **changed: object) -> Seen:
    """Return the moment; fields of the record are named by their own names."""
    market: dict = {"bid_ticks": 1_000, "ask_ticks": 1_001, "taking_ticks": 1_010}
    market |= {name: changed.pop(name) for name in list(changed) if name in market}
    newest = changed.pop("newest", working[-1] if working else None)
    left = changed.pop("left_lots", spec.qty_lots)
    record = ParentRecord("a1", spec, at(0), at(0), **changed)  # type: ignore[arg-type]  # whatever a test changes
    record.newest = newest.client_order_id if isinstance(newest, OrderRecord) else ""
    return Seen(at(ms), record=record, left_lots=left, working=working, newest=newest, **market)  # type: ignore[arg-type]  # whatever a test changes


def moves(spec: Parent, *working: OrderRecord, **changed: object) -> list:
    """Return what the rule of a parent wants."""
    return list(kind_of(spec).step(spec, seen(spec, *working, **changed)))  # type: ignore[arg-type]  # whatever a test changes


def place(
    lots: int, price: int | None = None, tif: TimeInForce = "gtc", *, is_post_only: bool = False
) -> Place:
    return Place(lots, None if price is None else PriceTicks(price), tif, is_post_only)


def amend(order: OrderRecord, price: int) -> Amend:
    return Amend(order, PriceTicks(price))
