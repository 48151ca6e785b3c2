"""What becomes of orders when a run ends on purpose (R133); positions and their protection stay.

Strategies run again with the next run, unless they are stopped; until then nothing new leaves.
"""

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.cancels import cancel
from engine.kernel.desk import RUN_ENDS
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, RunEnding
from engine.model.orders import EXTERNAL


def on_run_ending(
    state: KernelState, envelope: Envelope, event: RunEnding, effects: list[Effect]
) -> None:
    """Let nothing that adds risk leave any more, and cancel what works unless it is to be kept."""
    del envelope, event
    desk = state.desk
    desk.is_ending = True
    going = leaving(state)
    for order in going:
        cancel(state, order, effects, is_only=True)
    kept = len(desk.ledger.working()) - len(going)
    told = f"{RUN_ENDS}: {len(going)} orders are cancelled, {kept} stay at the venue"
    say(state, effects, "info", "orders", told)


def leaving(state: KernelState) -> list[OrderRecord]:
    """Return the orders that are to be gone before the run may end."""
    return [] if state.desk.setup.on_exit == "keep" else unattended(state)


def unattended(state: KernelState) -> list[OrderRecord]:
    """Return the orders that should not be there when nobody watches them."""
    desk = state.desk
    return [
        order
        for order in desk.ledger.working()
        if order.intent.owner != EXTERNAL and not desk.protects(order)
    ]
