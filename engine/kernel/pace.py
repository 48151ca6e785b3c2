"""Handler of a loop that stood still: prices were old and nobody was watching."""

from typing import Final

from engine.execution.risk import TradingStateAdvice
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect
from engine.model.envelope import Envelope, LoopLagged
from engine.model.numbers import NS_PER_MS, NS_PER_S

REDUCE_NS: Final = 2 * NS_PER_S
"""From here on a person must look before anything adds risk again (R92)."""


def on_lag(
    state: KernelState, envelope: Envelope, event: LoopLagged, effects: list[Effect]
) -> None:
    """Say so, and step down if it was long."""
    state.loop_stalls += 1
    state.loop_stall_ns = event.late_ns
    state.loop_stall_at_ns = envelope.ts_ns
    where = f" in {event.where}" if event.where else ""
    told = f"stood still for {event.late_ns // NS_PER_MS:,} ms{where}"
    say(state, effects, "warning", "engine", told)
    if event.late_ns > REDUCE_NS:
        step_down(state, effects, [TradingStateAdvice("all", "reduce_only", f"the engine {told}")])
