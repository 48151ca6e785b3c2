"""The last hand on an order before it leaves: latch and blunt limits, with counters of its own.

It repeats what the gate has judged, so that a wrong kernel, a wrong wiring or a replayed journal
cannot trade. Cancels pass always and wait for nothing.
"""

from collections import deque
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder

WINDOW_NS: Final = NS_PER_S


class GuardLimits(msgspec.Struct, frozen=True):
    """Limits so wide that the gate's are always reached first."""

    notional_max: Decimal
    orders_per_s_max: int


class Gateway(Protocol):
    """One venue's way in for orders; answers come back as events."""

    def place(self, approved: ApprovedOrder) -> None:
        """Send an order, once."""

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""

    def replace(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> None:
        """Send an amend."""

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return an order's worth by the venue's own reckoning; None if it cannot say."""

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the same of an order that the venue has, at another price and size."""


class GatewayGuard:
    """Stands in front of a gateway; nobody else holds it."""

    def __init__(self, gateway: Gateway, limits: GuardLimits) -> None:
        self._gateway = gateway
        self._limits = limits
        self._sent_ns: deque[int] = deque()
        self.is_latched = False
        self.refused = 0

    def latch(self) -> None:
        """Let nothing pass but cancels, from this moment on."""
        self.is_latched = True

    def release(self) -> None:
        """Let orders pass again."""
        self.is_latched = False

    def place(self, approved: ApprovedOrder, now_ns: int, *, is_flatten: bool = False) -> str:
        """Send an order, or return why not; the latch is read last of all.

        A flatten passes the latch, if it can do nothing but shrink a position and does not rest.
        """
        notional = self._gateway.notional(approved)
        if notional is None:
            return self._refuse("the order's worth is unknown")
        if notional > self._limits.notional_max:
            return self._refuse(f"worth {notional:f}, guard allows {self._limits.notional_max:f}")
        if self._rate(now_ns) >= self._limits.orders_per_s_max:
            return self._refuse(f"more than {self._limits.orders_per_s_max} orders in a second")
        spec = approved.intent.spec
        may_flatten = is_flatten and spec.is_reduce_only and spec.tif == "ioc"
        if self.is_latched and not may_flatten:
            return self._refuse("the kill switch is on")
        self._sent_ns.append(now_ns)
        self._gateway.place(approved)
        return ""

    def replace(self, client_order_id: str, limit: PriceTicks, qty: QtyLots, now_ns: int) -> str:
        """Send an amend, or return why not; it is worth what it makes of the order."""
        problem = self._problem(self._gateway.notional_of(client_order_id, limit, qty), now_ns)
        if problem:
            return self._refuse(problem)
        self._sent_ns.append(now_ns)
        self._gateway.replace(client_order_id, limit, qty)
        return ""

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""
        self._gateway.cancel(client_order_id)

    def _problem(self, notional: Decimal | None, now_ns: int) -> str:
        """Return why something of this worth must not leave; the latch is read last."""
        if notional is None:
            return "the order's worth is unknown"
        if notional > self._limits.notional_max:
            return f"worth {notional:f}, guard allows {self._limits.notional_max:f}"
        if self._rate(now_ns) >= self._limits.orders_per_s_max:
            return f"more than {self._limits.orders_per_s_max} orders in a second"
        return "the kill switch is on" if self.is_latched else ""

    def _rate(self, now_ns: int) -> int:
        while self._sent_ns and self._sent_ns[0] <= now_ns - WINDOW_NS:
            self._sent_ns.popleft()
        return len(self._sent_ns)

    def _refuse(self, reason: str) -> str:
        self.refused += 1
        return f"guard: {reason}"
