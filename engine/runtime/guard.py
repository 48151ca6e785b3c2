"""The last hand on an order before it leaves: latch and blunt limits, with counters of its own.

It repeats what the gate has judged, so that a wrong kernel, a wrong wiring or a replayed journal
cannot trade. Cancels pass always and wait for nothing.
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

import msgspec

from engine.execution.ledger import Ledger
from engine.model.effects import VenueRequest
from engine.model.envelope import Event
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder

WINDOW_NS: Final = NS_PER_S

MayLeave = Callable[[], str]
"""Says why an order must not leave at this very moment; nothing if it may."""


class GuardLimits(msgspec.Struct, frozen=True):
    """Limits so wide that the gate's are always reached first."""

    notional_max: Decimal
    orders_per_s_max: int
    """Amends are among them."""
    lots_max: int | None = None


class Gateway(Protocol):
    """One venue's way in for orders; answers come back as events."""

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Send an order, once, and report `OrderSent` when it leaves.

        What waits before its first byte leaves asks `may_leave` last of all.
        """

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Send an amend, once; `may_leave` as for orders."""

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return an order's worth by the venue's own reckoning; None if it cannot say."""

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the same of an order that the venue has, at another price and size."""


class RunGateway(Gateway, Protocol):
    """A gateway as the host drives it through a run."""

    def take_back(self, ledger: Ledger) -> None:
        """Begin, with the orders of the run before."""

    def on_market(self, event: Event) -> None:
        """See what has just happened in the market; the kernel has it already."""

    def serve(self, request: VenueRequest) -> None:
        """Ask the venue for something that adds no risk."""

    @property
    def is_canceling(self) -> bool:
        """Whether cancels are on their way."""

    def close(self) -> None:
        """End what runs by itself."""


class GatewayGuard:
    """Stands in front of a gateway; nobody else holds it."""

    def __init__(self, gateway: Gateway, limits: GuardLimits) -> None:
        self._gateway = gateway
        self._limits = limits
        self._sent_ns: deque[int] = deque()
        self.is_latched = False
        """By a kill; a release ends it."""
        self.is_halted = False
        """For the rest of the run."""
        self._kills = 0
        self.refused = 0

    def latch(self) -> None:
        """Let only cancels and flattens pass from now on; what else waits to leave never does."""
        self.is_latched = True
        self._kills += 1

    def release(self) -> None:
        """Let orders pass again that only a kill held back."""
        self.is_latched = False

    def halt(self) -> None:
        """Let only cancels and flattens pass, for good."""
        self.is_halted = True

    def place(self, approved: ApprovedOrder, now_ns: int, *, is_flatten: bool = False) -> str:
        """Send an order, or return why not; the latch is read last of all.

        A flatten passes the latch, if it can do nothing but shrink a position and does not rest.
        """
        intent, spec = approved.intent, approved.intent.spec
        problem = ""
        if not (intent.is_protective and spec.is_reduce_only):  # As large as what it protects.
            problem = self._too_large(self._gateway.notional(approved), spec.qty_lots)
        problem = problem or self._too_fast(now_ns)
        if problem:
            return self._refuse(problem)
        may_flatten = is_flatten and spec.is_reduce_only and spec.tif == "ioc"
        may_leave = partial(self._may_leave, self._kills, may_flatten=may_flatten)
        refused = may_leave()
        if not refused:
            self._sent_ns.append(now_ns)
            self._gateway.place(approved, may_leave)
        return refused

    def replace(self, client_order_id: str, limit: PriceTicks, qty: QtyLots, now_ns: int) -> str:
        """Send an amend, or return why not; it is worth what it makes of the order."""
        notional = self._gateway.notional_of(client_order_id, limit, qty)
        problem = self._too_large(notional, qty) or self._too_fast(now_ns)
        if problem:
            return self._refuse(problem)
        may_leave = partial(self._may_leave, self._kills, may_flatten=False)
        refused = may_leave()
        if not refused:
            self._sent_ns.append(now_ns)
            self._gateway.replace(client_order_id, limit, qty, may_leave)
        return refused

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""
        self._gateway.cancel(client_order_id)

    def _too_large(self, notional: Decimal | None, lots: int) -> str:
        """Return which limit of size something breaks; nothing if none."""
        limits = self._limits
        if notional is None:
            return "the order's worth is unknown"
        if notional > limits.notional_max:
            return f"worth {notional:f}, guard allows {limits.notional_max:f}"
        if limits.lots_max is not None and lots > limits.lots_max:
            return f"{lots} lots, guard allows {limits.lots_max}"
        return ""

    def _too_fast(self, now_ns: int) -> str:
        if self._rate(now_ns) >= self._limits.orders_per_s_max:
            return f"more than {self._limits.orders_per_s_max} orders in a second"
        return ""

    def _may_leave(self, kills: int, *, may_flatten: bool) -> str:
        """Return why an order that passed after so many kills must not leave now.

        A kill drops what waits, also where it is released before that would have left (R70).
        """
        if may_flatten:
            return ""
        closed = self._closed
        if not closed and kills != self._kills:
            closed = "killed while it waited to leave"
        return self._refuse(closed) if closed else ""

    @property
    def _closed(self) -> str:
        """Why no order may leave; nothing while orders may."""
        if self.is_halted:
            return "trading is over for this run, something broke: start the engine anew"
        return "the kill switch is on" if self.is_latched else ""

    def _rate(self, now_ns: int) -> int:
        while self._sent_ns and self._sent_ns[0] <= now_ns - WINDOW_NS:
            self._sent_ns.popleft()
        return len(self._sent_ns)

    def _refuse(self, reason: str) -> str:
        self.refused += 1
        return f"guard: {reason}"
