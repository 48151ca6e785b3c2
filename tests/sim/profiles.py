"""What a seed may meet: every world draws its own mix, with many faults switched off."""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from engine.execution.limits import RiskLimits, paper_limits
from engine.kernel.desk import OnRestart
from engine.model.chance import Chance

PROFILES: Final = ("CLEAN", "CRASH")
"""CLEAN: nothing is lost, delays only. CRASH: the same, and engine or machine die now and then.

Either has its quiet seeds: no person, but a strategy that runs for a while; with CRASH it dies
soon after its orders.
"""

QUIET_SHARE: Final = 0.15

TWO: Final = ("BTC-PERP", "ETH-PERP")

LIMITS: Final[RiskLimits] = msgspec.structs.replace(
    paper_limits(),
    order_value_max=Decimal(20_000),
    position_value_max=Decimal(40_000),
    open_orders_per_instrument_max=8,
    unknown_orders_per_instrument_max=8,
    failures_max=1_000,
)
"""So narrow that a random operator runs into them."""


class Mix(NamedTuple):
    """What one seed draws; shares are of the things they are about."""

    latency_mean_s: float
    slow_share: float
    """Orders that travel for seconds and are told as unknown meanwhile."""
    overtaking_share: float
    """Cancels that come to the venue before their order."""
    late_share: float
    """Fills told after what followed them."""
    repeat_share: float
    """Fills told again."""
    crossing_share: float
    """Cancels and amends that meet a fill at the venue."""
    sync_mean_s: float
    sync_stall_share: float
    """Syncs that take longer than an order waits for."""
    intensity: float
    pause_mean_s: float
    steps: int
    lives: int
    """Crashes and one."""
    symbols: tuple[str, ...]
    opening_s: float
    """What a person waits before the first command."""
    quiet_s: int
    """How long strategies run without a person; 0 for a person, who may start one."""
    is_paper: bool
    """The shipped paper venue, which ends with the process; else a venue that goes on."""
    sigkill_share: float
    """Deaths of the process alone: what was written stays; else the power goes."""
    on_restart: OnRestart | None


def draw(profile: str, chance: Chance) -> Mix:
    """Return the mix of a seed."""
    assert profile in PROFILES
    is_crash = profile == "CRASH"
    is_quiet = chance.happens(QUIET_SHARE)
    crashes = chance.between(1, 4) if is_crash else 0
    return Mix(
        latency_mean_s=chance.pick((0.001, 0.01, 0.05, 0.2)),
        slow_share=chance.pick((0.0, 0.0, 0.05, 0.2)),
        overtaking_share=chance.pick((0.0, 0.0, 0.2)),
        late_share=chance.pick((0.0, 0.0, 0.3)),
        repeat_share=chance.pick((0.0, 0.3)),
        crossing_share=chance.pick((0.0, 0.3, 0.6)),
        sync_mean_s=chance.pick((0.0002, 0.002, 0.02)),
        sync_stall_share=chance.pick((0.0, 0.0, 0.02)),
        intensity=0.5,
        pause_mean_s=chance.pick((0.05, 0.3, 1.0)),
        steps=0 if is_quiet else chance.between(20, 60),
        lives=1 + crashes,
        symbols=TWO,
        opening_s=0.1 if is_quiet else 1.0,
        quiet_s=900 if is_quiet else 0,
        is_paper=is_crash and chance.happens(0.25),
        sigkill_share=chance.pick((0.0, 0.3)),
        on_restart=chance.pick((None, "resume")),
    )
