"""Closing a position that is larger than one order may be: slice after slice (R76).

Each slice fills at once or lapses, and passes the same gate as the first. Before the next one the
position is read again, so that no more is closed than is held: of a person's close the net, of a
strategy's its own. A slice of which nothing was filled ends it: the market has left the collar, and
a person looks. A kill ends it too, but where it flattens; so does a restart.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.execution.market_reference import MarketReference
from engine.execution.order_controls import collar_ticks
from engine.execution.review import reference_ticks, unit_of
from engine.kernel.covers import Holding
from engine.kernel.desk import Closing, Desk
from engine.kernel.notices import say
from engine.kernel.references import reference_now
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import reviewed, send
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S, QtyLots
from engine.model.orders import Side

SOURCE: Final = "close"

FAMILY: Final = "close"
"""Of all slices but the first: they are alike on purpose, and no duplicates."""


def slice_lots(desk: Desk, market: MarketReference, side: Side, lots: int) -> QtyLots:
    """Return how many of so many lots one order may have at the worst price it may get.

    Args:
        desk: Has the limits.
        market: Of the position.
        side: Of the order that closes it.
        lots: All that is to be closed.
    """
    limits = desk.limits_now
    reference, collar = reference_ticks(market), collar_ticks(market, side, limits)
    unit, median = unit_of(market), market.median_trade_lots
    most = [lots]
    if limits.order_lots_max is not None:
        most.append(limits.order_lots_max)
    if unit is not None and reference is not None and collar is not None:
        most.append(int(limits.order_value_max / (max(reference, Decimal(collar)) * unit)))
    if limits.order_medians_max is not None and median is not None and median > 0:
        most.append(int(limits.order_medians_max * median))
    return QtyLots(max(1, min(most)))


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Send the next slice where the one before has ended."""
    del envelope, event
    desk = state.desk
    for holding, closing in list(desk.closings.items()):
        order = desk.ledger.orders.get(closing.client_order_id)
        if order is not None and not order.is_final:
            continue  # Also while nobody knows what became of it.
        filled = 0 if order is None else order.filled_lots
        problem = _problem(state, holding, closing)
        problem = problem or ("" if filled else "nothing of a slice filled")
        held = desk.ledger.closable_lots(*holding)
        lots = abs(held) - closing.goal_lots
        is_done = lots <= 0 or (held > 0) != closing.is_long
        if not (is_done or problem):
            if _is_too_soon(state, closing):
                continue
            problem = _send_slice(state, holding, closing, lots, effects)
        if is_done or problem:
            del desk.closings[holding]
            told = f"stops with {lots} lots left: {problem}" if not is_done else "is done"
            text = f"the close of {symbol_of(holding[1])} {told}"
            say(state, effects, "info" if is_done else "warning", SOURCE, text)


def _is_too_soon(state: KernelState, closing: Closing) -> bool:
    """Whether as many orders have just left as may within a second: the next slice waits."""
    desk = state.desk
    limits = desk.limits_now
    most = min(limits.orders_per_s_max, limits.messages_per_s_max)
    newest = desk.ledger.recent_intents(state.ts_ns - NS_PER_S + 1)
    return not closing.is_flatten and len(newest) >= most


def _problem(state: KernelState, holding: Holding, closing: Closing) -> str:
    """Return why no further slice may leave."""
    desk, (owner, name) = state.desk, holding
    if name not in state.instruments:
        return "it is not watched any more"
    if desk.is_ending:
        return "the run ends"
    if not closing.is_flatten and desk.ledger.trading_state(name, owner) == "killed":
        return "trading is killed"
    if not (desk.is_journal_ok or closing.is_unjournalled):
        return "the journal cannot be written"
    return ""


def _send_slice(
    state: KernelState, holding: Holding, closing: Closing, lots: int, effects: list[Effect]
) -> str:
    """Put the next slice through the gate and send it; returns why it cannot leave."""
    market = state.instruments[holding[1]]
    side: Side = "sell" if closing.is_long else "buy"
    size = slice_lots(state.desk, reference_now(state, market, is_reviewed=True), side, lots)
    spec = replace(closing.intent.spec, qty_lots=size)
    intent = replace(closing.intent, spec=spec, family=FAMILY)
    verdict = reviewed(state, market, intent, effects, is_flatten=closing.is_flatten)
    if isinstance(verdict, str):
        return verdict
    if not verdict.intent.spec.is_reduce_only:
        return "it would not only reduce"
    closing.client_order_id = verdict.client_order_id
    is_flatten, is_unjournalled = closing.is_flatten, closing.is_unjournalled
    send(state, market, verdict, effects, is_flatten=is_flatten, is_unjournalled=is_unjournalled)
    return ""
