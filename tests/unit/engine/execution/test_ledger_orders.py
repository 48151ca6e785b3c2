"""The book of orders by itself: sizes, states that depend on fills, and what is kept."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.ledger_orders import ENDED_MAX, OrderFact, OrderRecord, Orders
from engine.execution.order_state import OrderEvent
from engine.execution.positions import Steps
from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import Bracket
from tests.builders import BTC, ETH, at
from tests.order_facts import a_fill, an_intent


class Desk:
    """Orders, told without a ledger around them."""

    def __init__(self) -> None:
        self.orders = Orders()

    def add(self, order: str = "a", **changed) -> bool:
        """Approve an order."""
        return self.orders.add(f.OrderIntended(at(0), order, an_intent(**changed), 7))

    def take(self, fact: OrderFact, event: OrderEvent) -> bool:
        """Let something happen to an order."""
        return self.orders.take(self.record(fact.client_order_id), fact, event)

    def ack(self, order: str = "a") -> bool:
        """The venue has it."""
        return self.take(f.OrderAcked(at(1), order, "v"), "ack")

    def end(self, order: str = "a") -> bool:
        """The venue cancels it."""
        return self.take(f.OrderCanceled(at(2), order, "asked"), "cancel")

    def ask(self, lots: int, price: int = 101) -> bool:
        """Ask for another size and price."""
        return self.take(
            f.ReplaceRequested(at(2), "a", PriceTicks(price), QtyLots(lots)), "request_replace"
        )

    def replace(self, lots: int, price: int = 101) -> bool:
        """The venue gives it another size and price."""
        return self.take(f.OrderReplaced(at(3), "a", PriceTicks(price), QtyLots(lots)), "replace")

    def reject_replace(self) -> bool:
        """The venue leaves it as it was."""
        return self.take(f.ReplaceRejected(at(3), "a", "too late"), "reject_replace")

    def fill(self, lots: int, order: str = "a", price: int = 100) -> bool:
        """Fill part of it."""
        return self.orders.fill(
            self.record(order), a_fill(order, lots=lots, price=price, ts_ns=at(4))
        )

    def record(self, order: str = "a") -> OrderRecord:
        """Return an order."""
        return self.orders.records[order]

    @property
    def working(self) -> list[str]:
        """Name the working orders."""
        return [record.client_order_id for record in self.orders.list_working(None)]


def a_desk(**changed) -> Desk:
    """Return a desk with one order of ten lots, which the venue has."""
    desk = Desk()
    assert desk.add(**changed)
    assert desk.ack()
    return desk


def test_an_id_is_taken_once():
    desk = Desk()

    assert desk.add("a", lots=1)
    assert not desk.add("a", lots=2)
    assert desk.record().spec.qty_lots == 1
    assert desk.orders.count == 2


def test_what_the_venue_says_of_an_order_is_kept():
    desk = a_desk()
    assert desk.record().venue_order_id == "v"

    assert desk.end()

    assert (desk.record().state, desk.record().reason) == ("canceled", "asked")
    assert (desk.record().updated_ns, desk.record().state_since_ns) == (at(2), at(2))


def test_fills_add_up():
    desk = a_desk()

    assert desk.fill(3, price=100)
    assert desk.record().state == "partial"
    assert desk.fill(7, price=101)

    assert desk.record().state == "filled"
    assert (desk.record().filled_lots, desk.record().filled_value) == (10, 1_007)
    assert desk.record().remaining_lots == 0


def test_more_than_was_asked_for_is_booked_and_flagged():
    desk = a_desk()

    assert not desk.fill(12)

    assert desk.record().state == "filled"
    assert desk.record().filled_lots == 12
    assert desk.record().is_overfilled


def test_an_answer_late_after_a_fill_leaves_the_order_partial():
    desk = Desk()
    desk.add()
    desk.take(f.OrderUnknown(at(1), "a", "no answer"), "lose")

    desk.fill(3)
    assert desk.record().state == "unknown"

    desk.ack()
    assert desk.record().state == "partial"


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_order_with_fills_was_never_refused(is_lost: bool):
    desk = a_desk()
    desk.fill(3)
    if is_lost:
        desk.take(f.OrderUnknown(at(5), "a", "no answer"), "lose")

    assert not desk.take(f.OrderRejected(at(6), "a", "not found"), "reject")

    assert (desk.record().state, desk.record().reason) == ("unknown", "not found")
    assert desk.record().remaining_lots == 7


def test_an_amend_on_its_way_counts_at_the_larger_size():
    desk = a_desk()

    assert desk.ask(15)
    assert desk.record().remaining_lots == 15
    assert not desk.ask(5)

    assert desk.record().remaining_lots == 15


def test_a_smaller_size_counts_once_the_venue_agreed():
    desk = a_desk()

    desk.ask(5)
    assert desk.record().remaining_lots == 10
    assert desk.replace(5)

    assert desk.record().remaining_lots == 5
    assert (desk.record().state, desk.record().spec.limit_ticks) == ("open", 101)


def test_a_fill_of_the_old_size_does_not_end_an_order_that_may_have_grown():
    desk = a_desk()
    desk.ask(15)

    assert desk.fill(10)

    assert (desk.record().state, desk.record().remaining_lots) == ("pending_replace", 5)
    assert desk.replace(15)
    assert (desk.record().state, desk.record().remaining_lots) == ("partial", 5)


def test_it_has_ended_when_the_venue_then_refuses_the_amend():
    desk = a_desk()
    desk.ask(15)
    desk.fill(10)

    assert desk.reject_replace()

    assert (desk.record().state, desk.record().reason) == ("filled", "too late")


def test_an_amend_down_to_what_is_filled_ends_the_order():
    desk = a_desk()
    desk.fill(4)
    desk.ask(4)

    assert desk.replace(4)

    assert desk.record().state == "filled"


def test_an_amend_below_what_is_filled_is_an_overfill():
    desk = a_desk()
    desk.fill(6)
    desk.ask(4)

    assert not desk.replace(4)

    assert desk.record().state == "filled"
    assert desk.record().is_overfilled


def test_a_filled_order_that_the_venue_enlarges_counts_again():
    desk = a_desk()
    desk.fill(10)

    assert not desk.replace(15)

    assert (desk.record().state, desk.record().remaining_lots) == ("unknown", 5)
    assert desk.working == ["a"]


def test_asking_to_amend_an_ended_order_changes_nothing():
    desk = a_desk()
    desk.ask(12)
    desk.end()
    assert desk.record().asked_qty_lots is None

    assert not desk.ask(15)

    assert desk.record().asked_qty_lots is None


@pytest.mark.parametrize(
    "fact", [f.OrderSent(at(5), "a"), f.CancelRequested(at(5), "a")], ids=["sent", "cancel"]
)
def test_an_event_without_details_only_moves(fact: OrderFact):
    desk = Desk()
    desk.add()
    event: OrderEvent = "send" if isinstance(fact, f.OrderSent) else "request_cancel"

    assert desk.take(fact, event)

    assert desk.record().state == {"send": "sent", "request_cancel": "pending_cancel"}[event]


def test_working_orders_come_in_order_of_creation():
    desk = Desk()
    for order in "zab":
        desk.add(order)
    desk.add("e", instrument_id=ETH)
    desk.end("a")

    assert desk.working == ["z", "b", "e"]
    assert [order.client_order_id for order in desk.orders.list_working(ETH)] == ["e"]


def test_an_order_that_comes_back_has_its_old_place():
    desk = Desk()
    for order in "zab":
        desk.add(order)
    desk.take(f.OrderRejected(at(1), "a", "refused"), "reject")

    assert not desk.ack("a")

    assert desk.working == ["z", "a", "b"]
    assert desk.orders.ended == {}


def test_the_oldest_ended_orders_are_forgotten_and_no_working_one():
    desk = Desk()
    desk.add("working")
    for number in range(ENDED_MAX + 2):
        desk.add(f"o{number}")
        desk.end(f"o{number}")

    assert len(desk.orders.records) == ENDED_MAX + 1
    assert "working" in desk.orders.records
    assert "o1" not in desk.orders.records
    assert "o2" in desk.orders.records


def test_an_ended_entry_is_kept_as_long_as_its_bracket_protects_something():
    desk = Desk()
    desk.add("entry", bracket=Bracket(PriceTicks(90)))
    desk.fill(10, "entry")
    desk.add("leg", side="sell", parent="entry")
    for number in range(ENDED_MAX + 2):
        desk.add(f"o{number}")
        desk.end(f"o{number}")
    assert "entry" in desk.orders.records

    desk.fill(10, "leg")

    assert "entry" not in desk.orders.records


def test_where_all_that_ended_have_brackets_the_oldest_is_forgotten():
    desk = Desk()
    for number in range(ENDED_MAX + 1):
        desk.add(f"o{number}", bracket=Bracket(PriceTicks(90)))
        desk.fill(10, f"o{number}")

    assert len(desk.orders.records) == ENDED_MAX
    assert "o0" not in desk.orders.records


def test_a_bracket_protects_what_is_filled_less_what_its_legs_have_closed():
    desk = Desk()
    desk.add("entry", bracket=Bracket(PriceTicks(90)))
    desk.add("leg", side="sell", parent="entry")
    desk.add("bare")

    desk.fill(7, "entry")
    desk.fill(2, "leg", price=90)
    desk.fill(3, "bare")

    assert [desk.record(key).bracketed_lots for key in ("entry", "leg", "bare")] == [5, 0, 0]


def test_a_leg_that_a_person_cancels_is_waived():
    desk = a_desk()
    desk.take(f.CancelRequested(at(2), "a", is_waiver=True), "request_cancel")
    desk.take(f.CancelRequested(at(3), "a"), "request_cancel")

    assert desk.record().is_waived


def test_a_checkpoint_keeps_every_order_of_things():
    desk = Desk()
    for order in "zabyc":
        desk.add(order)
    for order in "ybz":
        desk.end(order)

    data = msgspec.msgpack.encode(desk.orders, order="deterministic")
    again = msgspec.msgpack.decode(data, type=Orders)

    assert list(again.records) == list("zabyc")
    assert list(again.ended) == list("ybz")
    assert list(again.working) == list("ac")


OLD, NEW = Steps(Decimal(1), Decimal(10), "USDT"), Steps(Decimal("0.4"), Decimal(5), "USDT")


def test_new_steps_leave_the_size_and_move_the_price_by_half_a_tick_at_most():
    desk = a_desk(price=101, type="stop", trigger_ticks=102)
    desk.fill(3)
    desk.ask(11, price=102)

    desk.orders.restep(BTC, OLD, NEW)

    order = desk.record()
    assert (order.spec.qty_lots, order.filled_lots, order.filled_value) == (20, 6, 1_500)
    assert (order.spec.limit_ticks, order.spec.trigger_ticks) == (253, 255)
    assert (order.asked_qty_lots, order.asked_limit_ticks) == (22, 255)
    assert desk.orders.sizes(BTC) == [20, 6, 0, 22]


def test_a_bracket_takes_new_steps():
    desk = Desk()
    desk.add("entry", bracket=Bracket(PriceTicks(90), PriceTicks(101)))
    desk.fill(7, "entry")
    desk.add("leg", side="sell", parent="entry")
    desk.fill(2, "leg", price=90)

    desk.orders.restep(BTC, OLD, NEW)

    assert desk.record("entry").intent.bracket == Bracket(PriceTicks(225), PriceTicks(253))
    assert desk.record("entry").bracketed_lots == 10


def test_an_ended_order_that_does_not_fit_new_steps_is_forgotten():
    desk = a_desk(lots=3, type="market", price=None)
    desk.end()
    desk.add("b", instrument_id=ETH)

    desk.orders.restep(BTC, NEW, OLD)

    assert list(desk.orders.records) == ["b"]
    assert desk.orders.ended == {}


def test_an_order_without_prices_takes_new_steps():
    desk = a_desk(lots=4, type="market", price=None)

    desk.orders.restep(BTC, NEW, OLD)

    assert (desk.record().spec.qty_lots, desk.record().spec.limit_ticks) == (2, None)


def test_a_cancel_that_came_too_late_says_nothing_of_how_an_order_ended():
    desk = Desk()
    desk.add()
    desk.ack()
    desk.end()

    desk.take(f.CancelRejected(at(3), "a", "unknown order"), "reject_cancel")

    assert (desk.record().state, desk.record().reason) == ("canceled", "asked")
