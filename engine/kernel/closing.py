"""Closing a position that is larger than one order may be: slice after slice (R76).

Each slice fills at once or lapses, and passes the same gate as the first. Before the next one the
position is read again, so that no more is closed than is held. A slice of which nothing was filled
ends it: the market has left the collar, and a person looks. A kill ends it too, but where it
flattens; so does a restart.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.execution.limits import overridden
from engine.execution.market_reference import MarketReference
from engine.execution.order_controls import collar_ticks
from engine.execution.review import reference_ticks, unit_of
from engine.execution.risk import RiskRefused
from engine.kernel.desk import Closing, Desk, moment_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_now
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import references_of, refused
from engine.model.effects import Effect, PlaceOrder
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import OrderIntended
from engine.model.instrument import InstrumentId, symbol_of, venue_of
from engine.model.numbers import QtyLots
from engine.model.orders import HAND, Side

SOURCE: Final = "close"


def slice_lots(desk: Desk, market: MarketReference, side: Side) -> int | None:
    """Return how many lots one order may have at the worst price it may get; None for any number.

    Args:
        desk: Has the limits.
        market: Of the position.
        side: Of the order that closes it.
    """
    limits = overridden(desk.limits, desk.ledger.limit_overrides)
    reference, collar = reference_ticks(market), collar_ticks(market, side, limits)
    unit, median = unit_of(market), market.median_trade_lots
    most = [] if limits.order_lots_max is None else [limits.order_lots_max]
    if unit is not None and reference is not None and collar is not None:
        most.append(int(limits.order_value_max / (max(reference, Decimal(collar)) * unit)))
    if limits.order_medians_max is not None and median is not None and median > 0:
        most.append(int(limits.order_medians_max * median))
    return max(1, min(most)) if most else None


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Send the next slice where the one before has ended."""
    del envelope, event
    desk = state.desk
    for name, closing in list(desk.closings.items()):
        order = desk.ledger.orders.get(closing.client_order_id)
        if order is not None and not order.is_final:
            continue  # Also while nobody knows what became of it.
        filled = 0 if order is None else order.filled_lots
        problem = _problem(state, name, closing) or ("" if filled else "nothing of a slice filled")
        lots = abs(desk.ledger.net_lots(name)) - closing.goal_lots
        is_done = lots <= 0 or (desk.ledger.net_lots(name) > 0) != closing.is_long
        if not (is_done or problem):
            problem = _send_slice(state, name, closing, lots, effects)
        if is_done or problem:
            del desk.closings[name]
            told = f"stops with {lots} lots left: {problem}" if not is_done else "is done"
            text = f"the close of {symbol_of(name)} {told}"
            say(state, effects, "info" if is_done else "warning", SOURCE, text)


def _problem(state: KernelState, name: InstrumentId, closing: Closing) -> str:
    """Return why no further slice may leave."""
    desk = state.desk
    now = desk.ledger.trading_state(venue=venue_of(name), instrument_id=name, owner=HAND)
    if name not in state.instruments:
        return "it is not watched any more"
    if desk.is_ending:
        return "the run ends"
    if now == "killed" and not closing.is_flatten:
        return "trading is killed"
    if not (desk.is_journal_ok or closing.is_unjournalled):
        return "the journal cannot be written"
    return ""


def _send_slice(
    state: KernelState, name: InstrumentId, closing: Closing, lots: int, effects: list[Effect]
) -> str:
    """Put the next slice through the gate and send it; returns why it cannot leave."""
    desk, market = state.desk, state.instruments[name]
    side: Side = "sell" if closing.is_long else "buy"
    most = slice_lots(desk, reference_now(state, market, is_reviewed=True), side)
    lots = lots if most is None else min(lots, most)
    intent = replace(closing.intent, spec=replace(closing.intent.spec, qty_lots=QtyLots(lots)))
    review = desk.gate.review_flatten if closing.is_flatten else desk.gate.review
    markets = references_of(state, name)
    verdict = review(
        intent, markets[name], desk.ledger, desk.limits, moment_of(desk, markets, state.ts_ns)
    )
    if isinstance(verdict, RiskRefused):
        return refused(state, verdict, effects)
    if not verdict.intent.spec.is_reduce_only:
        return "it would not only reduce"
    closing.client_order_id = verdict.client_order_id
    seq = market.book.last_seq
    record(state, effects, OrderIntended(state.ts_ns, verdict.client_order_id, verdict.intent, seq))
    effects.append(PlaceOrder(verdict, closing.is_flatten, closing.is_unjournalled))
    return ""
