"""Rounding against arithmetic on digits, and limits under random orders, fills and losses."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.execution.rounding import (
    Unroundable,
    limit_ticks_of,
    lots_of,
    trigger_ticks_of,
)
from engine.model.facts import OrderCanceled
from engine.model.numbers import UNITS_MAX
from engine.model.orders import ApprovedOrder, Side
from tests.builders import BTC, an_instrument
from tests.unit.engine.execution.gate_desk import Desk, an_intent

DIGITS = st.integers(1, 10**18)
DECIMALS = st.integers(0, 12)
STEP = st.tuples(st.sampled_from([1, 2, 5, 25, 125, 3]), DECIMALS)
SIDES = st.sampled_from(["buy", "sell"])


def text(digits: int, decimals: int) -> str:
    """Write digits with a point, by hand."""
    padded = str(digits).rjust(decimals + 1, "0")
    return f"{padded[: len(padded) - decimals]}.{padded[len(padded) - decimals :]}".rstrip(".")


def steps_between(digits: int, decimals: int, step: tuple[int, int]) -> tuple[int, bool]:
    """Return how many whole steps a number holds, and whether something is left.

    Both are brought to the same power of ten, and only integers are divided.
    """
    most = max(decimals, step[1])
    number, size = digits * 10 ** (most - decimals), step[0] * 10 ** (most - step[1])
    return number // size, number % size != 0


def checked(found: int | Unroundable, wanted: int) -> None:
    if wanted == 0:
        assert isinstance(found, Unroundable)
        assert found.code == "too_small"
    elif wanted >= UNITS_MAX:
        assert isinstance(found, Unroundable)
        assert found.code == "too_large"
    else:
        assert found == wanted


@given(DIGITS, DECIMALS, STEP)
def test_lots_are_those_of_integer_arithmetic(digits: int, decimals: int, step: tuple[int, int]):
    instrument = an_instrument(lot_size=Decimal(text(*step)))
    whole, _ = steps_between(digits, decimals, step)

    checked(lots_of(Decimal(text(digits, decimals)), instrument), whole)


@given(DIGITS, DECIMALS, STEP, SIDES)
def test_prices_are_those_of_integer_arithmetic(
    digits: int, decimals: int, step: tuple[int, int], side: Side
):
    instrument = an_instrument(tick_size=Decimal(text(*step)))
    price = Decimal(text(digits, decimals))
    whole, has_rest = steps_between(digits, decimals, step)

    down, up = whole, whole + has_rest
    checked(limit_ticks_of(price, side, instrument), down if side == "buy" else up)
    checked(trigger_ticks_of(price, side, "stop", instrument), up if side == "sell" else down)
    checked(
        trigger_ticks_of(price, side, "take_profit", instrument), down if side == "sell" else up
    )


ORDER = st.tuples(
    st.sampled_from(["order", "order", "order", "fill", "cancel"]),
    SIDES,
    st.integers(1, 6),
    st.sampled_from(["hand", "rsi", "grid"]),
    st.booleans(),
    st.integers(0, 7),
)


@given(st.lists(ORDER, max_size=40))
def test_whatever_fills_no_limit_is_exceeded_and_no_close_opens(actions: list):
    desk = Desk(
        position_value_max=Decimal(9_000),
        gross_value_max=Decimal(8_000),
        open_orders_max=6,
        open_orders_per_instrument_max=5,
    )
    for kind, side, lots, owner, is_reduce_only, which in actions:
        working = desk.ledger.working()
        if kind == "order":
            # Apart from each other, so that orders of both sides can work.
            price = 990 if side == "buy" else 1_010
            intent = an_intent(side, lots, price, owner=owner, is_reduce_only=is_reduce_only)
            before = abs(desk.ledger.net_lots(intent.spec.instrument_id))
            answer = desk.submit(intent)
            if isinstance(answer, ApprovedOrder) and answer.intent.spec.is_reduce_only:
                assert lots <= before
        elif working:
            order = working[which % len(working)]
            if kind == "cancel":
                desk.tell(OrderCanceled(desk.now_ns, order.client_order_id, "by hand"))
            else:
                fill_as_the_venue_does(desk, order, lots)
        check_limits(desk)


def fill_as_the_venue_does(desk: Desk, order, lots: int) -> None:
    """Fill some of an order; the venue clips what is flagged to the net position."""
    net = desk.ledger.net_lots(order.spec.instrument_id)
    lots = min(lots, order.remaining_lots)
    if order.spec.is_reduce_only:
        lots = min(lots, max(0, net if order.spec.side == "sell" else -net))
    if lots:
        desk.fill(order.client_order_id, lots)
    else:
        desk.tell(OrderCanceled(desk.now_ns, order.client_order_id, "nothing left to reduce"))


def check_limits(desk: Desk) -> None:
    working = desk.ledger.working()
    assert len(working) <= 5
    free = {"buy": 0, "sell": 0}
    for order in working:
        if not order.spec.is_reduce_only:
            free[order.spec.side] += order.remaining_lots
    net = sum(desk.ledger.net_lots(instrument_id) for instrument_id in desk.ledger.held())
    assert max(net, 0) + free["buy"] <= 8
    assert max(-net, 0) + free["sell"] <= 8


def test_a_close_leaves_no_room_to_orders_that_relied_on_the_position():
    """Found by search: the short was counted as room for the purchase, then closed before it."""
    desk = Desk(position_value_max=Decimal(8_000), gross_value_max=Decimal(8_000)).hold(-5)
    desk.send("buy", 13, 990)

    desk.send("buy", 5, 995, is_reduce_only=True)
    for order in desk.ledger.working():
        desk.fill(order.client_order_id, order.remaining_lots)

    assert desk.ledger.net_lots(BTC) <= 8
