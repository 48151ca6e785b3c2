"""Which parts of trading are killed, and what falls under each.

A part is a venue, an instrument or a strategy.
"""

from typing import Final

from engine.execution.ledger_controls import ALL, scopes_of
from engine.execution.ledger_orders import OrderRecord
from engine.execution.reconcile import name_of
from engine.kernel.state import KernelState
from engine.model.account import OrderSeen
from engine.model.orders import EXTERNAL

STRATEGY: Final = "strategy:"
"""Begins the scope of one."""


def killed_scopes(state: KernelState) -> list[str]:
    """Return the scopes that are killed; where everything is, its parts are not looked at."""
    killed = [scope for scope, now in state.desk.ledger.states.items() if now == "killed"]
    return [ALL] if ALL in killed else killed


def is_of_strategy(scope: str) -> bool:
    """Whether a scope shares its instruments with others."""
    return scope.startswith(STRATEGY)


def working_under(state: KernelState, scope: str) -> list[OrderRecord]:
    """Return the working orders that fall under a scope."""
    return [
        order
        for order in state.desk.ledger.working()
        if scope in scopes_of(order.spec.instrument_id, order.intent.owner)
    ]


def is_under(state: KernelState, scope: str, seen: OrderSeen) -> bool:
    """Whether an order that the venue shows falls under a scope, whoever made it."""
    order = state.desk.ledger.orders.get(name_of(seen))
    owner = EXTERNAL if order is None else order.intent.owner
    return scope in scopes_of(seen.instrument_id, owner)
