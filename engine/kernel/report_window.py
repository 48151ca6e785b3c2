"""Since when a report of the venue tells of fills."""

from engine.execution.reconcile import SETTLED_NS
from engine.kernel.state import KernelState
from engine.model.account import TradeRules


def report_since_ns(state: KernelState, rules: TradeRules) -> int:
    """Return the venue's time from which on fills are asked for: before the last agreement.

    So much before it that no copy of the venue's can have lagged further behind.
    """
    desk = state.desk
    known_ns = desk.ledger.confirmed_ns or desk.venue_side.began_ns
    error_ns = max((abs(one.offset_ns) for one in state.clocks.values()), default=0)
    return max(0, known_ns - rules.replica_lag_ns - SETTLED_NS - error_ns)
