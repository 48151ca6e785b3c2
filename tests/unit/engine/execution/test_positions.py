"""Positions in lots and money, and whose they are."""

from decimal import Decimal
from fractions import Fraction

import pytest

from engine.execution.positions import (
    Position,
    Positions,
    Steps,
    closing_lots,
    is_sane,
    plain,
    proportion,
    signed_lots,
    total,
)
from engine.model import facts as f
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, a_fill, began, known

STEPS = Steps(Decimal("0.5"), Decimal("0.01"), "USDT")


def held(*fills: tuple[int, int]) -> Position:
    """Return the position after fills of (lots, price)."""
    position = Position()
    for lots, price in fills:
        position.fill(lots, price)
    return position


def several(**lots: int) -> Positions:
    """Return positions of BTC bought and sold at 100."""
    positions = Positions()
    for owner, held_lots in lots.items():
        positions.book(BTC, {owner: held_lots}, 100)
    return positions


def closed_by_hand(positions: Positions, lots: int) -> dict[str, int]:
    return positions.shares("hand", BTC, lots, is_reduce_only=True)


def test_buying_twice_averages_the_entry():
    position = held((1, 100), (3, 104))

    assert (position.lots, position.cost, position.realised) == (4, 412, 0)
    assert position.average_ticks == 103


def test_nothing_held_has_no_entry():
    assert Position().average_ticks is None
    assert STEPS.average_price(Position()) is None


def test_selling_a_part_realises_that_part():
    position = held((4, 100), (-1, 110))

    assert (position.lots, position.cost, position.realised) == (3, 300, 10)


def test_a_cost_that_does_not_divide_loses_nothing():
    position = held((2, 10), (1, 11), (-1, 10), (-1, 10), (-1, 10))

    assert (position.lots, position.cost, position.realised) == (0, 0, -1)


def test_a_short_earns_when_the_price_falls():
    position = held((-4, 100), (1, 90))

    assert (position.lots, position.cost, position.realised) == (-3, -300, 10)
    assert position.average_ticks == 100


def test_a_flip_closes_and_then_opens():
    position = held((4, 100), (-10, 110))

    assert (position.lots, position.cost, position.realised) == (-6, -660, 40)


def test_values_become_money_through_tick_and_lot():
    position = held((4, 100), (-1, 110))

    assert STEPS.realised(position) == Decimal("0.05")
    assert STEPS.open_profit(position, Decimal("55.5")) == Decimal("0.165")
    assert STEPS.average_price(position) == Decimal(50)


@pytest.mark.parametrize(
    ("position", "fill", "closed"),
    [(5, -3, 3), (5, -9, 5), (5, 3, 0), (-5, 3, -3), (-5, 9, -5), (-5, -3, 0), (0, 3, 0)],
)
def test_a_fill_closes_at_most_what_is_held(position: int, fill: int, closed: int):
    assert closing_lots(position, fill) == closed


def test_a_sale_is_negative():
    assert (signed_lots("buy", 3), signed_lots("sell", 3)) == (3, -3)


def test_a_strategy_is_given_its_own_fills():
    positions = several(hand=5, trend=5)

    assert positions.shares("trend", BTC, -3, is_reduce_only=True) == {"trend": -3}
    assert positions.shares("hand", BTC, -9, is_reduce_only=False) == {"hand": -9}


def test_a_close_by_hand_takes_from_hand_first():
    assert closed_by_hand(several(hand=5, trend=5), -4) == {"hand": -4}


def test_then_it_takes_from_the_strategies_in_proportion():
    positions = several(hand=1, grid=6, trend=3, short=-4)

    assert closed_by_hand(positions, -7) == {"hand": -1, "grid": -4, "trend": -2}


def test_an_odd_lot_goes_to_the_largest_remainder_and_then_by_name():
    assert proportion(2, {"b": 4, "a": 1}) == {"b": 2, "a": 0}
    assert proportion(1, {"b": 3, "a": 3}) == {"b": 0, "a": 1}
    assert proportion(3, {"c": 2, "b": 2, "a": 2}) == {"a": 1, "b": 1, "c": 1}


def test_what_nobody_holds_is_hands():
    assert closed_by_hand(several(trend=3), -5) == {"hand": -2, "trend": -3}
    assert closed_by_hand(several(trend=3), 5) == {"hand": 5}


def test_a_short_is_closed_by_buying():
    assert closed_by_hand(several(hand=-2, trend=-3), 4) == {"hand": 2, "trend": 2}


def test_the_owners_add_up_to_the_venue():
    positions = several(hand=5, trend=-8)

    assert positions.net(BTC).lots == -3
    assert positions.owners(BTC) == ["hand", "trend"]
    assert positions.of("trend", BTC).lots == -8


def test_who_holds_nothing_is_no_owner():
    positions = several(hand=5)
    positions.book(BTC, {"hand": -5}, 100)

    assert positions.owners(BTC) == []
    assert positions.owners(ETH) == []
    assert positions.of("hand", ETH) == positions.net(ETH) == Position()


def test_numbers_of_old_steps_are_told_in_new_ones():
    new = Steps(Decimal("0.1"), Decimal("0.02"), "USDT")

    assert STEPS.price_in(new, 3) == 15
    assert STEPS.lots_in(new, 3) == Fraction(3, 2)
    assert STEPS.value_in(new, 4) == 10


@pytest.mark.parametrize("tick", ["0.1", "2", "0.3"])
def test_new_steps_lose_no_money(tick: str):
    positions = several(hand=4)
    positions.book(BTC, {"hand": -1}, 103)
    position, new = positions.net(BTC), Steps(Decimal(tick), Decimal("0.001"), "USDT")
    before = STEPS.realised(position) + STEPS.open_profit(position, Decimal(60))

    positions.restep(BTC, STEPS, new)

    assert positions.sizes(BTC) == [30, 30]
    assert new.realised(position) + new.open_profit(position, Decimal(60)) == before


def test_an_instrument_without_positions_takes_any_steps():
    positions = Positions()

    positions.restep(BTC, STEPS, STEPS)

    assert positions.sizes(BTC) == []


@pytest.mark.parametrize(
    ("amount", "shown"), [("1.500", "1.5"), ("-0.00", "0"), ("1E+3", "1000"), ("NaN", "NaN")]
)
def test_equal_amounts_have_one_form(amount: str, shown: str):
    assert str(plain(Decimal(amount))) == shown


def test_a_sum_is_exact():
    assert total([Decimal("1e19"), Decimal("1e-30"), Decimal("-1e19")]) == Decimal("1e-30")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e20", "-1e600000", "1e-31"])
def test_an_amount_outside_this_world_is_not_sane(amount: str):
    assert not is_sane(Decimal(amount))


@pytest.mark.parametrize("amount", ["0", "-99999999999999999999", "1e-30"])
def test_an_amount_of_this_world_is_sane(amount: str):
    assert is_sane(Decimal(amount))


# What the ledger takes for a position at all.


def told() -> Told:
    """Return a ledger with an account of 1,000 in which BTC has a tick of a half."""
    opened = f.AccountOpened(at(0), "USDT", Decimal(1_000))
    return Told().say(began(), opened, known(BTC, "0.5"))


def bought(lots: int, price: int, **changed: object) -> f.OrderFilled:
    """Return a fill of nobody's order."""
    return a_fill("web", "t1", lots, price, instrument_id=BTC, side="buy", **changed)


@pytest.mark.parametrize("out", ["100.75", "99.5"])
def test_a_fill_between_two_ticks_counts_with_its_exact_price(out: str):
    ledger, fills = told(), {"buy": Decimal("100.2"), "sell": Decimal(out)}

    for side, price in fills.items():
        ticks, rest = divmod(price, Decimal("0.5"))
        terms = {"instrument_id": BTC, "side": side, "off_tick_price": price if rest else None}
        ledger.say(a_fill("web", side, 3, int(ticks), **terms))

    cash = 1_000 + 3 * (fills["sell"] - fills["buy"])
    assert ledger.ledger.settled_cash == ledger.ledger.booked_cash == cash


@pytest.mark.parametrize(
    "fill",
    [
        bought(2**30, 2**30),
        bought(2**57, 0),
        bought(3, 100, off_tick_price=Decimal("NaN")),
    ],
    ids=["worth", "size", "price"],
)
def test_a_fill_that_no_checkpoint_could_count_is_not_booked(fill: f.OrderFilled):
    ledger = told().say(fill).ledger

    assert (ledger.net_lots(BTC), ledger.contradictions) == (0, 1)


def test_steps_in_which_a_position_could_not_be_counted_are_refused():
    finer = f.InstrumentKnown(at(2), BTC, Decimal("1e-12"), Decimal(1), "USDT")

    ledger = told().say(bought(2**20, 2**20), finer).ledger

    steps = ledger.steps(BTC)
    assert steps is not None
    assert steps.tick_size == Decimal("0.5")
    assert ledger.contradictions == 2  # The fill is of nobody's order.
