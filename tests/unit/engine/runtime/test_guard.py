"""The guard: its own limits, whatever the gate has said, and the latch last of all."""

from decimal import Decimal

import msgspec
import pytest

from engine.model import orders as o
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder
from engine.runtime.guard import GatewayGuard, GuardLimits, MayLeave
from tests.order_facts import an_intent

PRICE = 100
LIMITS = GuardLimits(notional_max=Decimal(1_000), orders_per_s_max=3)


class Venue:
    """A gateway that remembers; orders are worth lots times 100."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.is_lost = False
        self.guard: GatewayGuard | None = None
        self.latches = False
        self.may_leave: MayLeave = lambda: "nothing was sent"

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Take an order."""
        self.may_leave = may_leave
        self.got.append(f"place {approved.client_order_id}")

    def cancel(self, client_order_id: str) -> None:
        """Take a cancel."""
        self.got.append(f"cancel {client_order_id}")

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Take an amend."""
        self.may_leave = may_leave
        self.got.append(f"replace {client_order_id}")

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return the worth of an order."""
        return self._worth(approved.intent.spec.qty_lots)

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the worth of an amend."""
        return self._worth(qty)

    def _worth(self, lots: int) -> Decimal | None:
        if self.latches and self.guard is not None:
            self.guard.latch()
        return None if self.is_lost else Decimal(lots * PRICE)


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def guard(venue: Venue) -> GatewayGuard:
    return GatewayGuard(venue, LIMITS)


def place(guard: GatewayGuard, lots: int = 1, now_ns: int = 0) -> str:
    return guard.place(ApprovedOrder("a", an_intent(lots=lots), o._BY_THE_GATE), now_ns)


def replace(guard: GatewayGuard, lots: int = 1, now_ns: int = 0) -> str:
    return guard.replace("a", PriceTicks(PRICE), QtyLots(lots), now_ns)


SENDERS = pytest.mark.parametrize("send", [place, replace])


@SENDERS
def test_what_is_worth_as_much_as_allowed_passes_and_no_more(guard, venue, send) -> None:
    assert send(guard, 10) == ""
    assert send(guard, 11) == "guard: worth 1100, guard allows 1000"

    assert len(venue.got) == 1
    assert guard.refused == 1


@SENDERS
def test_lots_have_a_limit_of_their_own_where_they_have_one(venue, send) -> None:
    guard = GatewayGuard(venue, msgspec.structs.replace(LIMITS, lots_max=4))

    assert send(guard, 4) == ""
    assert send(guard, 5) == "guard: 5 lots, guard allows 4"


@pytest.mark.parametrize(
    ("is_protective", "is_reduce_only", "refused"),
    [
        (True, True, ""),
        (True, False, "guard: worth 1100, guard allows 1000"),
        (False, True, "guard: worth 1100, guard allows 1000"),
    ],
)
def test_protection_is_as_large_as_what_it_protects(
    guard, venue, is_protective: bool, is_reduce_only: bool, refused: str
) -> None:
    intent = an_intent(lots=11, is_protective=is_protective, is_reduce_only=is_reduce_only)

    assert guard.place(ApprovedOrder("a", intent, o._BY_THE_GATE), 0) == refused


def test_protection_has_the_same_rate(guard, venue) -> None:
    intent = an_intent(is_protective=True, is_reduce_only=True)

    said = [guard.place(ApprovedOrder("a", intent, o._BY_THE_GATE), 0) for _ in range(4)]

    assert said == ["", "", "", "guard: more than 3 orders in a second"]


@SENDERS
def test_what_nobody_can_value_stays_here(guard, venue, send) -> None:
    venue.is_lost = True

    assert "unknown" in send(guard)
    assert venue.got == []


def test_orders_and_amends_share_a_rate(guard, venue) -> None:
    assert place(guard) == replace(guard) == place(guard) == ""

    assert "3 orders in a second" in place(guard, now_ns=NS_PER_S - 1)
    assert "3 orders in a second" in replace(guard, now_ns=NS_PER_S - 1)
    assert place(guard, now_ns=NS_PER_S) == ""


@SENDERS
def test_what_was_refused_does_not_count_towards_the_rate(guard, venue, send) -> None:
    for _ in range(10):
        send(guard, 11)

    assert send(guard) == ""


@SENDERS
def test_latched_lets_cancels_pass_and_nothing_else(guard, venue, send) -> None:
    guard.latch()

    assert "kill switch" in send(guard)
    guard.cancel("b")
    assert venue.got == ["cancel b"]

    guard.release()
    assert send(guard) == ""


@SENDERS
def test_a_halt_lets_cancels_pass_and_outlives_a_release(guard, venue, send) -> None:
    guard.halt()
    guard.latch()
    guard.release()

    assert "over for this run" in send(guard)
    guard.cancel("b")
    assert venue.got == ["cancel b"]


@SENDERS
def test_the_latch_is_read_last(guard, venue, send) -> None:
    venue.guard = guard
    venue.latches = True

    assert "kill switch" in send(guard)
    assert venue.got == []


def test_cancels_have_no_rate(guard, venue) -> None:
    for _ in range(100):
        guard.cancel("a")

    assert len(venue.got) == 100


@SENDERS
def test_what_waits_asks_again_before_it_leaves(guard, venue, send) -> None:
    assert send(guard) == ""
    assert venue.may_leave() == ""

    guard.latch()

    assert venue.may_leave() == "guard: the kill switch is on"
    assert guard.refused == 1


@SENDERS
def test_what_waited_through_a_kill_never_leaves(guard, venue, send) -> None:
    send(guard)
    guard.latch()
    guard.release()

    assert venue.may_leave() == "guard: killed while it waited to leave"
    assert send(guard) == venue.may_leave() == ""


def test_a_flatten_that_waits_leaves_also_after_a_kill(guard, venue) -> None:
    spec = msgspec.structs.replace(an_intent().spec, is_reduce_only=True, tif="ioc")
    intent = msgspec.structs.replace(an_intent(), spec=spec)
    guard.latch()

    assert guard.place(ApprovedOrder("a", intent, o._BY_THE_GATE), 0, is_flatten=True) == ""
    guard.latch()

    assert venue.may_leave() == ""


@pytest.mark.parametrize(
    ("is_flatten", "is_reduce_only", "tif"),
    [(False, True, "ioc"), (True, False, "ioc"), (True, True, "gtc")],
    ids=["no flatten", "may add", "rests"],
)
def test_only_a_flatten_that_shrinks_and_does_not_rest_passes_the_latch(
    guard, venue, is_flatten: bool, is_reduce_only: bool, tif: str
) -> None:
    order = ApprovedOrder("a", an_intent(is_reduce_only=is_reduce_only, tif=tif), o._BY_THE_GATE)
    guard.latch()

    refused = guard.place(order, 0, is_flatten=is_flatten)

    assert refused == "guard: the kill switch is on"
    assert venue.got == []


def test_a_flatten_has_the_same_limits(guard, venue) -> None:
    intent = an_intent(lots=11, is_reduce_only=True, tif="ioc")
    guard.latch()

    refused = guard.place(ApprovedOrder("a", intent, o._BY_THE_GATE), 0, is_flatten=True)

    assert refused == "guard: worth 1100, guard allows 1000"
    assert venue.got == []
