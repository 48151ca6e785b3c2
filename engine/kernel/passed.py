"""Stops and targets that come too late: the market has passed the price at which they were to act.

No venue takes such an order, however often it is sent, and what it was for has happened already. So
what it would have become leaves in its place: a close of the same size, at once. The venue alone
decides that a price is passed, by its own last trade: ours may be older than the fill that is to
be protected.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.succession import RETRY_NS_MAX
from engine.model.effects import Effect
from engine.model.instrument import symbol_of
from engine.model.orders import OrderIntent, OrderSpec

PASSED: Final = " passed"
"""End of the tag of a close that leaves in the place of a stop or a target."""

VALID_NS: Final = RETRY_NS_MAX
"""So long the venue's word that a price is passed holds; then the order itself is tried again."""


def kind_of(order: OrderRecord) -> str:
    """Return the type of an order, or of that in whose place it closes."""
    tag = order.intent.tag
    return tag.removesuffix(PASSED) if tag.endswith(PASSED) else order.spec.type


def is_close(order: OrderRecord) -> bool:
    """Whether an order closes in the place of one that came too late."""
    return order.intent.tag.endswith(PASSED)


def is_closing(orders: Iterable[OrderRecord]) -> bool:
    """Whether such a close is under way; what it leaves is seen when it has ended."""
    return any(is_close(order) and not order.is_final for order in orders)


def is_late(state: KernelState, tries: Sequence[OrderRecord]) -> bool:
    """Whether the venue has said that it is too late for an order of this kind.

    Args:
        state: Has the time.
        tries: All of the kind, also ended ones, in order of creation.
    """
    asked = [order for order in tries if not is_close(order)]
    if not asked or not asked[-1].is_passed:
        return False
    newest = asked[-1]
    return state.ts_ns - newest.updated_ns < VALID_NS and not _has_entered_since(state, newest)


def instead(state: KernelState, wanted: OrderIntent, tries: Sequence[OrderRecord]) -> OrderIntent:
    """Return what is to be sent for a stop or a target: itself, or the close in its place."""
    if not is_late(state, tries):
        return wanted
    spec = wanted.spec
    close = OrderSpec(spec.instrument_id, spec.side, "market", spec.qty_lots, is_reduce_only=True)
    return replace(wanted, spec=close, tag=spec.type + PASSED, supersedes=())


def tell(state: KernelState, sent: OrderIntent, effects: list[Effect]) -> None:
    """Say that a close has left in the place of another order, if it has."""
    if sent.tag.endswith(PASSED):
        kind = sent.tag.removesuffix(PASSED).replace("_", "-")
        text = f"{symbol_of(sent.spec.instrument_id)}: closed, as the price of its {kind} is passed"
        say(state, effects, "error", sent.owner, text)


def _has_entered_since(state: KernelState, late: OrderRecord) -> bool:
    """Whether the owner has added to his position later, which that order was not for."""
    return any(
        order.number > late.number
        and order.filled_lots
        and not order.spec.is_reduce_only
        and (order.intent.owner, order.spec.instrument_id)
        == (late.intent.owner, late.spec.instrument_id)
        for order in state.desk.ledger.orders.values()
    )
