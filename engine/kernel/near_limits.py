"""The alert of a limit of exposure that is nearly used: before an order is refused for it (R54)."""

from decimal import Decimal
from typing import Final

from engine.kernel.notices import say
from engine.kernel.release import limit_uses
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.numbers import NS_PER_S

EVERY_NS: Final = 1 * NS_PER_S

NEAR: Final = Decimal("0.7")
"""From this share on people hear of it."""

FAR: Final = Decimal("0.6")
"""Below this one it has ended: a price that swings is told of once."""

LIMITS: Final = (
    "position_value_max",
    "gross_value_max",
    "net_value_max",
    "leverage_max",
    "open_orders_max",
    "open_orders_per_instrument_max",
)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Look at every limit of exposure, and tell of one that begins to be near."""
    del envelope, event
    desk = state.desk
    if not desk.ledger.currency or state.ts_ns - desk.alerts.looked_ns < EVERY_NS:
        return
    desk.alerts.looked_ns = state.ts_ns
    for use in limit_uses(state):
        if use.name not in LIMITS or use.share is None:
            continue  # What is unknown begins nothing and ends nothing.
        if use.share < FAR:
            desk.alerts.near_limits.pop(use.name, None)
        elif use.share >= NEAR and use.name not in desk.alerts.near_limits:
            desk.alerts.near_limits[use.name] = None
            told = f"{100 * use.share:.0f} % of {use.name} ({use.limit:f}) is used"
            say(state, effects, "warning", "risk", told)
