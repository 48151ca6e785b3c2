"""An order before it is sent: in words and figures, and how much confirmation it asks for."""

from decimal import Decimal
from typing import Final

from engine.kernel.desk import Desk
from engine.kernel.references import reference_of
from engine.kernel.state import InstrumentState
from engine.model import commands as c
from engine.model.orders import OrderSpec

SOFT_SHARE: Final = Decimal("0.5")
"""Of the largest order value; above it the size must be typed (R36)."""
THROUGH_SHARE: Final = Decimal("0.02")
"""A limit so far through the market must be confirmed by a typed word."""


def describe(
    desk: Desk, market: InstrumentState, spec: OrderSpec, net_lots: int | None = None
) -> c.PlannedOrder:
    """Return an order in words and figures.

    Args:
        desk: Has the position.
        market: The order's instrument.
        spec: The order.
        net_lots: The net position that it changes, if that is another than now.
    """
    instrument = market.instrument
    tick, lot = instrument.tick_size or Decimal(0), instrument.lot_size or Decimal(0)
    size = spec.qty_lots * lot
    price = _judging_price(market, spec)
    notional = None if price is None else size * price
    signed = size if spec.side == "buy" else -size
    before = desk.ledger.net_lots(spec.instrument_id) if net_lots is None else net_lots
    margin = margin_of(desk, notional)
    flags: list[str] = [] if spec.tif == "gtc" else [spec.tif]
    flags += ["post"] if spec.is_post_only else []
    flags += ["reduce"] if spec.is_reduce_only else []
    return c.PlannedOrder(
        instrument_id=spec.instrument_id,
        side=spec.side,
        type=spec.type,
        size=f"{size:f}",
        price="" if spec.limit_ticks is None else f"{spec.limit_ticks * tick:f}",
        trigger="" if spec.trigger_ticks is None else f"{spec.trigger_ticks * tick:f}",
        flags=" ".join(flags),
        notional="" if notional is None else f"{notional:.2f}",
        margin="" if margin is None else f"{margin:.2f}",
        position_after=f"{before * lot + signed:f}",
    )


def margin_of(desk: Desk, value: Decimal | None) -> Decimal | None:
    """Return what of the equity a value binds at the leverage that the account may use."""
    leverage = desk.limits_now.leverage_max
    return None if value is None or not leverage else value / leverage


def level_of(
    desk: Desk, market: InstrumentState, spec: OrderSpec, now_ns: int, *, reduces: bool
) -> c.ConfirmLevel:
    """Return how much confirmation an order asks for."""
    price = _judging_price(market, spec)
    lot = market.instrument.lot_size
    if price is not None and lot is not None and not reduces:
        soft = desk.limits_now.order_value_max * SOFT_SHARE
        if price * lot * spec.qty_lots > soft:
            return 3
    if _is_far_through(market, spec):
        return 3
    if spec.type == "market" or (reduces and not desk.is_armed(now_ns)):
        return 2
    return 1


def _is_far_through(market: InstrumentState, spec: OrderSpec) -> bool:
    reference = reference_of(market, "fresh", is_reviewed=False)
    mid = reference.mid_ticks
    if spec.limit_ticks is None or mid is None:
        return False
    through = spec.limit_ticks - mid if spec.side == "buy" else mid - spec.limit_ticks
    return through > mid * THROUGH_SHARE


def _judging_price(market: InstrumentState, spec: OrderSpec) -> Decimal | None:
    tick = market.instrument.tick_size
    reference = reference_of(market, "fresh", is_reviewed=False)
    best = reference.ask_ticks if spec.side == "buy" else reference.bid_ticks
    ticks = spec.limit_ticks or spec.trigger_ticks or best
    return None if tick is None or ticks is None else ticks * tick


def size_text(market: InstrumentState, spec: OrderSpec) -> str:
    """Return the size as it is shown, and typed to confirm it."""
    return f"{spec.qty_lots * (market.instrument.lot_size or Decimal(0)):f}"


def held_text(order: c.PlannedOrder) -> str:
    """Return the position after an order as people say it: `LONG 0.5`, `SHORT 4`, `FLAT`."""
    after = Decimal(order.position_after)
    return f"{'LONG' if after > 0 else 'SHORT'} {abs(after):f}" if after else "FLAT"
