"""Orders in doubt that no answer of the venue settles: a person must look (R45).

Positions of their instruments are not compared meanwhile, so these are halted.
"""

from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.execution.risk import TradingStateAdvice
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.kernel.venue_side import ROUNDS_MAX, Doubt
from engine.model.effects import Effect
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S

STUCK_NS: Final = 120 * NS_PER_S
"""In doubt for longer although the venue has answered; no copy of its lags so far behind."""


def halt_if_stuck(
    state: KernelState, order: OrderRecord, doubt: Doubt, effects: list[Effect]
) -> None:
    """Halt the instrument of an order that no answer settles, once, and name the order."""
    is_old = state.ts_ns - doubt.since_ns >= STUCK_NS
    if is_old and doubt.unsettled >= ROUNDS_MAX and not doubt.is_stuck:
        doubt.is_stuck = True
        state.desk.version += 1
        scope, reason = f"instrument:{order.spec.instrument_id}", stuck_told(state, order, doubt)
        step_down(state, effects, [TradingStateAdvice(scope, "halted", reason)])


def stuck_told(state: KernelState, order: OrderRecord, doubt: Doubt) -> str:
    """Return of which order nothing is settled, and for how long."""
    age_s = (state.ts_ns - doubt.since_ns) // NS_PER_S
    told = f"order {named(order)} ({order.client_order_id}) is in doubt for {age_s} s"
    return f"{told}, and no answer of the venue settles it: look at the venue"


def named(order: OrderRecord) -> str:
    """Return an order as people know it."""
    return f"o{order.number + 1} {order.spec.side} {symbol_of(order.spec.instrument_id)}"
