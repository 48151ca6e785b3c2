"""How protective orders take each other's place: the new one first, then the old (R29, R33).

No venue changes the size or the trigger of a conditional order, and a position whose stop is
cancelled first is bare for a round trip, or for good. So what is to stay is sent beside what is to
go, which goes once the venue has shown the new one. All of them only reduce. Never is more than one
such exchange under way: what comes between waits for its end, unless a part has no protection.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.sights import hangs, is_there
from engine.kernel.state import KernelState
from engine.model.numbers import NS_PER_S
from engine.model.orders import OrderIntent

RETRY_NS: Final = 3 * NS_PER_S
"""After an order that was refused, before the next one."""

RETRY_NS_MAX: Final = 60 * NS_PER_S
"""Between two attempts that are refused again and again: the time doubles until then."""

LEGS_MAX: Final = 4
"""Working orders of one kind; the small ones of many part fills then become one."""

FAILED: Final = ("rejected", "expired")


class Moves(NamedTuple):
    """What is to be done next for one kind of protection."""

    lots: int = 0
    """Of the order to send; 0 for none."""
    supersedes: tuple[str, ...] = ()
    """In whose place it comes."""
    gone: tuple[OrderRecord, ...] = ()
    """What is to be cancelled now."""


def is_shown(state: KernelState, orders: Iterable[OrderRecord]) -> bool:
    """Whether the venue has shown all of these."""
    return all(is_there(state, order) for order in orders)


def shared_out(
    working: Iterable[OrderRecord],
) -> tuple[list[OrderRecord], list[OrderRecord]]:
    """Return the orders that are to stay, and those in whose place one of them has come."""
    orders = list(working)
    leaving = {cid for order in orders for cid in order.intent.supersedes}
    late = [order for order in orders if order.client_order_id in leaving]
    return [order for order in orders if order.client_order_id not in leaving], late


def moves(
    state: KernelState,
    lots: int,
    current: Sequence[OrderRecord],
    late: Sequence[OrderRecord],
    *,
    may_shrink: bool,
) -> Moves:
    """Return what brings protection of one kind to a size.

    One that hangs protects nothing and is to go for another, where the settings say so.

    Args:
        state: Knows what the venue has shown.
        lots: What is to be protected.
        current: The working orders that are to stay.
        late: Those that are to go for them.
        may_shrink: Whether what takes the place of too large a one could leave.
    """
    if state.desk.setup.on_unprotected != "nothing":
        hung = [one for one in current if one.spec.is_reduce_only and hangs(state, one)]
        current, late = [one for one in current if one not in hung], (*late, *hung)
    held = sum(order.remaining_lots for order in current)
    if held < lots:  # A part is bare, or an exchange begins.
        return Moves(lots - held, _names(late))
    gone = _surplus(current, lots)
    loose = tuple(order for order in gone if not order.spec.is_reduce_only)
    if loose:  # It could open a position.
        return Moves(gone=loose)
    if late and lots:
        return Moves(gone=tuple(late)) if is_shown(state, current) else Moves()
    return _fewer(state, lots, current, (*late, *gone)) if may_shrink else Moves()


def _fewer(
    state: KernelState, lots: int, current: Sequence[OrderRecord], gone: Sequence[OrderRecord]
) -> Moves:
    """Return what makes too much of it right, or one of many: nothing is bare meanwhile."""
    kept = [order for order in current if order not in gone]
    missing = lots - sum(order.remaining_lots for order in kept)
    if missing:
        return Moves(missing, _names(gone))
    if not is_shown(state, kept):
        return Moves()
    if not gone and len(kept) > LEGS_MAX:
        return Moves(lots, _names(kept))
    return Moves(gone=tuple(gone))


def is_due(
    state: KernelState, orders: Iterable[OrderRecord], refused_ns: int = 0, *, is_exchange: bool
) -> bool:
    """Whether enough time has passed since attempts that failed.

    Args:
        state: Has the time.
        orders: All of the kind, also ended ones, in order of creation.
        refused_ns: When the gate last refused one; no message was lost on it.
        is_exchange: Whether the next one takes the place of others: how those fared does not put
            off what protects a bare part.
    """
    known = list(orders)
    leaving = {cid for order in known for cid in order.intent.supersedes}
    failed: list[OrderRecord] = []
    alike = [one for one in known if bool(one.intent.supersedes) == is_exchange]
    for order in reversed(
        [one for one in alike if not one.is_passed]
    ):  # Another follows (`passed`).
        is_of_run = order.created_ns >= state.desk.venue_side.began_ns
        if order.client_order_id in leaving or not (is_of_run and _has_failed(order)):
            break
        failed.append(order)
    due_ns = refused_ns + RETRY_NS
    if failed and state.desk.setup.on_unprotected == "nothing":
        return False
    if failed:
        waits = len(failed) - (failed[0].state == "canceled")  # That once is no refusal.
        wait_ns = min(RETRY_NS << min(waits - 1, 7), RETRY_NS_MAX) if waits else 0
        due_ns = max(due_ns, failed[0].updated_ns + wait_ns)
    return state.ts_ns >= due_ns


def is_safe_beside(intent: OrderIntent) -> bool:
    """Whether an approved order may work beside those that it is to replace: it only reduces."""
    return intent.spec.is_reduce_only or not intent.supersedes


def _has_failed(order: OrderRecord) -> bool:
    """Whether an order protected nothing: it was refused, or taken away as soon as it was there."""
    is_brief = order.updated_ns - order.created_ns < RETRY_NS
    is_gone = order.state in FAILED or (order.state == "canceled" and is_brief)
    return is_gone and not order.filled_lots


def _surplus(orders: Iterable[OrderRecord], lots: int) -> list[OrderRecord]:
    """Return the orders that are too much for so many lots.

    The largest that fit stay; one that is going anyway takes no room from another.
    """
    kept = 0
    gone = []
    for order in sorted(
        orders, key=lambda one: (one.state == "pending_cancel", -one.remaining_lots, one.number)
    ):
        if kept + order.remaining_lots <= lots:
            kept += order.remaining_lots
        else:
            gone.append(order)
    return gone


def _names(orders: Iterable[OrderRecord]) -> tuple[str, ...]:
    return tuple(order.client_order_id for order in orders)
