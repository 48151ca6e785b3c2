"""What happens with a report on an order: a gateway told it, or it follows from an answer."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from engine.kernel import (
    alarms,
    brackets,
    cancels,
    doubts,
    orders,
    protection,
    rejections,
    sights,
    strategies,
    trails,
)
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.effects import Effect
from engine.model.envelope import Envelope

Handler = Callable[[KernelState, Envelope, Any, list[Effect]], None]
"""State, envelope, the report, effects."""


def _on_passed(
    state: KernelState, envelope: Envelope, event: f.OrderExpired, effects: list[Effect]
) -> None:
    """Let what comes in the place of a stop that is too late leave now, not with a timer."""
    del envelope
    if event.is_passed:
        protection.fit(state, effects)
        trails.fit(state, effects)
        brackets.fit(state, effects)


ORDER_ROUTES: Final[dict[type[object], tuple[Handler, ...]]] = {
    f.OrderSent: (orders.on_report, doubts.on_report),
    f.OrderUnknown: (orders.on_report, strategies.on_ended, doubts.on_report),
    f.OrderAcked: (orders.on_report, cancels.on_acked, sights.on_acked, doubts.on_report),
    f.OrderRejected: (
        orders.on_report,
        strategies.on_ended,
        alarms.on_refused,
        rejections.on_rejected,
        doubts.on_report,
    ),
    f.OrderFilled: (
        orders.on_report,
        strategies.on_fill,
        protection.on_fill,
        trails.on_fill,
        brackets.on_fill,
        doubts.on_report,
    ),
    f.CancelRejected: (orders.on_report, cancels.on_rejected, doubts.on_report),
    f.OrderCanceled: (orders.on_report, strategies.on_ended, doubts.on_report),
    f.OrderExpired: (
        orders.on_report,
        strategies.on_ended,
        alarms.on_refused,
        _on_passed,
        doubts.on_report,
    ),
    f.OrderReplaced: (orders.on_report, doubts.on_report),
    f.ReplaceRejected: (orders.on_report, doubts.on_report),
}


def tell(
    state: KernelState,
    envelope: Envelope,
    reports: Iterable[f.OrderReport],
    effects: list[Effect],
) -> None:
    """Let reports happen now, in this order, as if a gateway had sent them."""
    for report in reports:
        for handler in ORDER_ROUTES[type(report)]:
            handler(state, envelope, report, effects)
