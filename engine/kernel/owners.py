"""Whose position a close by hand takes from: the venue nets, so it may be a strategy's (D18)."""

from collections.abc import Mapping
from decimal import Decimal

from engine.execution.ledger import Ledger
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks
from engine.model.orders import HAND, ApprovedOrder


def filled_whole(order: ApprovedOrder, ts_ns: int) -> OrderFilled:
    """Return the fill of all of an order, to look at what it would do; nothing is booked by it."""
    spec = order.intent.spec
    return OrderFilled(
        ts_ns=ts_ns,
        client_order_id=order.client_order_id,
        trade_id="foreseen",
        price_ticks=spec.limit_ticks or spec.trigger_ticks or PriceTicks(1),
        qty_lots=spec.qty_lots,
        liquidity="taker",
        fee=Decimal(0),
        fee_currency="",
    )


def taken_from(ledger: Ledger, instrument_id: InstrumentId, shares: Mapping[str, int]) -> str:
    """Return in words what is taken from strategies; nothing if it is all of hand."""
    steps = ledger.steps(instrument_id)
    lot = Decimal(1) if steps is None else steps.lot_size
    parts = [f"{abs(lots) * lot:f} of {owner}" for owner, lots in shares.items() if owner != HAND]
    return ", ".join(parts)
