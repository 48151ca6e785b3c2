"""What each fact does, above all the ones that cannot be true."""

from decimal import Decimal
from typing import get_args

import pytest

from engine.execution.ledger_facts import HANDLERS, shares_of, take
from engine.execution.ledger_state import LedgerState
from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import Bracket
from tests.builders import BTC, ETH, at
from tests.order_facts import a_fill, an_intent, began, known


def a_state(*facts: f.Fact) -> LedgerState:
    """Return what some facts, told after each other, amount to."""
    state = LedgerState()
    for fact in (began(), known(), *facts):
        take(state, fact)
    return state


def approved(order: str = "a", **changed) -> f.OrderIntended:
    return f.OrderIntended(at(0), order, an_intent(**changed), 7)


def acked(order: str = "a") -> f.OrderAcked:
    return f.OrderAcked(at(1), order, "v")


def replaced(order: str) -> f.OrderReplaced:
    return f.OrderReplaced(at(1), order, PriceTicks(100), QtyLots(5))


def opened(equity: str = "1000") -> f.AccountOpened:
    return f.AccountOpened(at(0), "USDT", Decimal(equity))


def nets(state: LedgerState, instrument_id=BTC) -> int:
    return state.positions.net(instrument_id).lots


def test_every_fact_has_its_handler():
    assert set(HANDLERS) == set(get_args(f.Fact))


def test_what_a_run_finds_working_is_unknown():
    state = a_state(approved("intent"), approved("open"), acked("open"), approved("gone"))
    take(state, f.OrderRejected(at(1), "gone", "refused"))

    take(state, began(2))

    states = {name: order.state for name, order in state.orders.records.items()}
    assert states == {"intent": "unknown", "open": "unknown", "gone": "rejected"}
    assert state.contradictions == 0


def test_what_an_order_answered_is_answered_for_the_next_run():
    state = a_state(approved(owner="trend", signal="15m@1"), approved("b"))
    assert not state.controls.signals.young

    take(state, began(2))

    assert state.controls.signals.young == {"trend\n15m@1"}


def test_a_boot_that_does_not_rise_contradicts():
    state = a_state(began(5), began(5))

    assert (state.boot, state.contradictions) == (5, 1)


@pytest.mark.parametrize(
    ("tick", "lot"), [("0", "1"), ("1", "-1"), ("NaN", "1"), ("1", "1e600000")]
)
def test_impossible_steps_are_refused(tick: str, lot: str):
    state = a_state(known(ETH, tick, lot))

    assert ETH not in state.account.steps
    assert state.contradictions == 1


def test_steps_may_change_under_orders_and_positions():
    state = a_state(approved(lots=4), a_fill(lots=3, price=100))

    take(state, known(BTC, "0.5", "0.1"))

    order = state.orders.records["a"]
    assert (order.spec.qty_lots, order.filled_lots, order.spec.limit_ticks) == (40, 30, 200)
    assert (nets(state), state.positions.net(BTC).cost) == (30, 6_000)
    assert state.contradictions == 0


def test_the_same_steps_again_change_nothing():
    state = a_state(approved(lots=4), a_fill(lots=3), known(BTC, "1.0"))

    assert nets(state) == 3
    assert state.contradictions == 0


def test_a_lot_that_no_longer_divides_the_position_is_refused():
    state = a_state(approved(lots=4), a_fill(lots=3), known(BTC, "1", "2"))

    assert state.account.steps[BTC].lot_size == 1
    assert nets(state) == 3
    assert state.contradictions == 1


def test_profit_does_not_change_its_currency():
    state = a_state(
        approved(), a_fill(), known(BTC, quote="EUR"), known(ETH), known(ETH, quote="E")
    )

    assert (state.account.steps[BTC].quote, state.account.steps[ETH].quote) == ("USDT", "E")
    assert state.contradictions == 1


def test_an_account_opens_once():
    state = a_state(opened("1000"), opened("1000.0"))
    assert state.contradictions == 0

    take(state, opened("5"))

    assert state.account.opening == state.account.peak == 1_000
    assert state.notes == ["The account was opened already, with 1000"]


@pytest.mark.parametrize(
    "fact",
    [
        opened("NaN"),
        f.EquityMarked(at(0), Decimal("Infinity")),
        f.FundingPaid(at(0), BTC, Decimal("sNaN")),
        f.LimitSet(at(0), "order_lots_max", Decimal("NaN")),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_an_amount_outside_this_world_is_refused(fact: f.Fact):
    state, untouched = a_state(fact), a_state()

    assert state.contradictions == 1
    assert (state.account, state.controls) == (untouched.account, untouched.controls)


def test_a_worth_is_marked():
    assert a_state(f.EquityMarked(at(0), Decimal(7))).account.peak == 7


def test_an_id_intended_twice_contradicts():
    assert a_state(approved(), approved()).contradictions == 1


@pytest.mark.parametrize("fact", [acked("x"), replaced("x")])
def test_news_of_an_order_that_is_not_ours_is_counted(fact: f.Fact):
    state = a_state(fact)

    assert state.contradictions == 1
    assert "x, which is not ours" in state.notes[0]


def test_an_impossible_event_is_counted_in_words():
    state = a_state(approved(), replaced("a"))

    assert state.notes == ["OrderReplaced of a, which is intent"]


def test_a_fill_is_booked_once():
    state = a_state(approved(), a_fill(), a_fill(), a_fill(trade="t2"))

    assert (nets(state), state.duplicate_fills) == (8, 1)
    assert state.orders.records["a"].filled_lots == 8


def test_the_same_trade_number_of_another_instrument_is_another_trade():
    state = a_state(approved(), approved("b", instrument_id=ETH), a_fill(), a_fill("b"))

    assert (nets(state), nets(state, ETH), state.duplicate_fills) == (4, 4, 0)


def test_both_halves_of_a_trade_with_ourselves_are_booked():
    state = a_state(approved(), approved("b", side="sell"), a_fill(), a_fill("b"))

    assert (nets(state), state.duplicate_fills) == (0, 0)
    assert state.orders.records["b"].filled_lots == 4


def test_a_fill_is_booked_whatever_was_said_of_its_order():
    state = a_state(approved(), f.OrderRejected(at(1), "a", "refused"), a_fill())

    assert nets(state) == 4
    assert state.orders.records["a"].state == "unknown"
    assert state.notes == ["Fill t1 of a, which is rejected: 4 of 10 lots"]


def test_an_overfill_is_booked_and_told():
    state = a_state(approved(), a_fill(lots=11))

    assert nets(state) == 11
    assert state.orders.records["a"].is_overfilled
    assert state.contradictions == 1


def test_a_fill_of_a_foreign_order_is_external_if_the_venue_says_of_what():
    state = a_state(a_fill("x", instrument_id=BTC, side="sell", fee=Decimal(1)))

    assert state.positions.of("external", BTC).lots == -4
    assert state.account.fees == {"USDT": 1}
    assert state.contradictions == 1


@pytest.mark.parametrize(
    "fill",
    [a_fill("x"), a_fill("x", side="buy"), a_fill(lots=0), a_fill(lots=-3)],
    ids=["whose", "of what", "nothing", "negative"],
)
def test_a_fill_that_says_too_little_cannot_be_booked(fill: f.OrderFilled):
    state = a_state(approved(), fill)

    assert nets(state) == 0
    assert state.contradictions == 1


def test_the_venue_knows_better_which_side_was_filled():
    state = a_state(approved(), a_fill(side="sell", instrument_id=ETH))

    assert (nets(state), nets(state, ETH)) == (0, -4)


def test_fees_are_kept_by_order_and_currency():
    fees = [("USDT", "1"), ("BNB", "0.1"), ("USDT", "-0.5")]
    fills = [
        a_fill(trade=str(number), lots=1, fee=Decimal(fee), fee_currency=currency)
        for number, (currency, fee) in enumerate(fees)
    ]
    state = a_state(approved(), *fills)

    assert state.orders.records["a"].fee == {"USDT": Decimal("0.5"), "BNB": Decimal("0.1")}
    assert state.account.fees == state.orders.records["a"].fee


def test_a_fee_outside_this_world_does_not_stop_the_fill():
    state = a_state(approved(), a_fill(fee=Decimal("NaN")))

    assert nets(state) == 4
    assert state.account.fees == {}
    assert state.contradictions == 1


def test_who_gets_a_fill_can_be_asked_before_it_is_taken_in():
    close = approved("close", side="sell", is_reduce_only=True)
    state = a_state(approved(owner="trend"), a_fill(lots=6), close)
    fill = a_fill("close", "t2", lots=4)

    assert shares_of(state, fill) == {"trend": -4}

    take(state, fill)
    assert shares_of(state, fill) == shares_of(state, a_fill("x")) == {}
    assert state.positions.of("trend", BTC).lots == 2


def test_what_the_rest_says_is_kept():
    state = a_state(
        f.FundingPaid(at(0), BTC, Decimal(2)),
        f.TradingStateSet(at(0), "all", "halted", "loss"),
        f.FailureCounted(at(0), "trend/test", 3),
        f.SignalActed(at(0), "trend", "15m@1"),
        f.LimitSet(at(0), "order_lots_max", Decimal(5)),
        f.LimitSet(at(0), "gross_max", None),
    )

    assert state.account.funding == {BTC: 2}
    assert state.controls.scopes["all"].state == "halted"
    assert state.controls.failures == {"trend/test": 3}
    assert "trend\n15m@1" in state.controls.signals
    assert state.controls.overrides == {"order_lots_max": 5}
    assert state.contradictions == 0


def test_refusals_and_commands_are_for_the_journal():
    denied = f.OrderDenied(at(0), an_intent(), ("collar",))

    assert a_state(denied, f.CommandHandled(at(0), "me", "buy 1", "done")) == a_state()


@pytest.mark.parametrize("lots", [0, -1, 5])
def test_a_bracket_cannot_lose_more_than_it_protects(lots):
    state = a_state(approved(bracket=Bracket(PriceTicks(90))), a_fill(lots=4))

    take(state, f.BracketClosed(at(2), "a", lots))

    assert state.contradictions == 1
    assert state.orders.records["a"].bracketed_lots == 4


def test_a_bracket_loses_what_was_closed_otherwise():
    state = a_state(approved(bracket=Bracket(PriceTicks(90))), a_fill(lots=4))

    take(state, f.BracketClosed(at(2), "a", 3))
    take(state, f.BracketClosed(at(2), "nobody", 3))

    assert state.orders.records["a"].bracketed_lots == 1
    assert state.contradictions == 1


# What the venue's reports add.


def adopted(order: str = "web", lots: int = 10, filled: int = 0) -> f.OrderAdopted:
    return f.OrderAdopted(at(5), order, "v9", an_intent(lots=lots, owner="external"), filled)


def test_an_order_made_elsewhere_works_and_is_no_order_of_ours_today():
    state = a_state(adopted(filled=4))

    order = state.orders.records["web"]
    assert (order.state, order.remaining_lots, order.venue_order_id) == ("partial", 6, "v9")
    assert state.controls.orders == {}
    assert list(state.orders.working) == ["web"]


def test_an_order_that_had_ended_works_again_as_the_venue_shows_it():
    state = a_state(approved(), f.OrderCanceled(at(1), "a", "asked"), adopted("a", lots=12))

    order = state.orders.records["a"]
    assert (order.state, order.size_lots, order.intent.owner) == ("open", 12, "hand")
    assert list(state.orders.working) == ["a"]
    assert state.contradictions == 0


def test_an_order_made_elsewhere_is_filled_as_far_as_the_venue_says():
    state = a_state(adopted(filled=4), adopted(filled=1))

    assert state.orders.records["web"].remaining_lots == 9
    assert state.contradictions == 0


@pytest.mark.parametrize(
    "fact", [adopted("a"), adopted(lots=0), adopted(filled=10), adopted(filled=-1)], ids=str
)
def test_an_order_that_works_already_or_has_nothing_left_is_not_adopted(fact: f.OrderAdopted):
    state = a_state(approved(), fact)

    assert state.contradictions == 1
    assert list(state.orders.records) == ["a"]


def test_what_was_done_elsewhere_takes_from_those_who_held_it():
    state = a_state(approved(lots=4), a_fill(lots=4))

    take(state, a_fill("web", "t8", 6, instrument_id=BTC, side="sell"))

    assert state.positions.of("hand", BTC).lots == 0
    assert state.positions.of("external", BTC).lots == state.positions.net(BTC).lots == -2
    assert state.controls.exits == {}


def known_btc() -> f.InstrumentKnown:
    return f.InstrumentKnown(at(0), BTC, Decimal("0.5"), Decimal(1), "USDT")


def test_an_adopted_position_is_external_and_costs_exactly_its_price():
    state = a_state(known_btc(), f.PositionAdopted(at(1), BTC, 3, Decimal("100.7")))

    net = state.positions.net(BTC)
    assert net.lots == state.positions.of("external", BTC).lots == 3
    steps = state.account.steps[BTC]
    assert steps.realised(net) + steps.open_profit(net, Decimal("100.7")) == 0


@pytest.mark.parametrize(
    ("instrument", "lots", "price"),
    [("test:X", 3, "1"), (BTC, 0, "1"), (BTC, 3, "-1"), (BTC, 3, "NaN"), (BTC, 2**40, "99999")],
)
def test_a_position_that_cannot_be_counted_is_not_adopted(instrument, lots: int, price: str):
    state = a_state(known_btc(), f.PositionAdopted(at(1), instrument, lots, Decimal(price)))

    assert state.contradictions == 1
    assert state.positions.nets == {}


def test_a_fill_that_an_adopted_position_has_is_not_booked_again():
    adopted = f.PositionAdopted(at(9), BTC, 3, Decimal(100), until_ns=at(5))
    state = a_state(known_btc(), adopted)

    for trade, ts_ns in (("t1", at(5)), ("t2", at(6))):
        fill = a_fill("web", trade, 3, ts_ns=ts_ns, instrument_id=BTC, side="buy")
        assert shares_of(state, fill) == ({} if trade == "t1" else {"external": 3})
        take(state, fill)

    assert state.positions.net(BTC).lots == 6


def test_a_fill_of_ours_that_an_adopted_position_has_still_fills_its_order():
    confirmed = f.AccountConfirmed(at(0), at(0))
    adopted = f.PositionAdopted(at(9), BTC, 4, Decimal(100), until_ns=at(5))
    state = a_state(known_btc(), approved(), confirmed, adopted)
    take(state, a_fill("a", fee=Decimal(1)))

    assert state.orders.records["a"].filled_lots == 4
    assert state.account.fees == {"USDT": 1}
    assert state.positions.net(BTC).lots == 4


def test_the_newest_agreement_is_remembered():
    state = a_state(f.AccountConfirmed(at(9), at(8)), f.AccountConfirmed(at(10), at(7)))

    assert state.confirmed_ns == at(8)


def test_money_that_moves_is_counted_once_and_is_no_profit():
    moved = f.CashMoved(at(3), "m1", "transfer", "USDT", Decimal(50))
    state = a_state(f.AccountOpened(at(0), "USDT", Decimal(100)), moved, moved)
    take(state, f.CashMoved(at(3), "m2", "transfer", "USDT", Decimal("NaN")))

    account = state.account
    marks = {account.opening, account.day_start, account.session_start, account.peak}
    assert marks == {Decimal(150)}
    assert state.contradictions == 1


def test_funding_that_is_told_twice_is_paid_once():
    paid = f.FundingPaid(at(3), BTC, Decimal(2), "m1")
    nameless = f.FundingPaid(at(3), BTC, Decimal(2))
    state = a_state(paid, paid, nameless, nameless)

    assert state.account.funding == {BTC: 6}


def test_a_difference_of_balances_changes_nothing():
    state = a_state()
    take(state, f.BalanceDiffered(at(1), "USDT", Decimal(1), Decimal(2)))

    assert state.account.opening is None


def test_what_the_venue_took_for_itself_is_a_loss():
    taken = f.CashMoved(at(3), "m1", "other", "USDT", Decimal(-30))
    account = a_state(f.AccountOpened(at(0), "USDT", Decimal(100)), taken).account

    assert account.opening == 70
    assert account.day_start == account.session_start == account.peak == 100


def test_a_position_that_is_accepted_later_takes_no_mark_back():
    opened = f.AccountOpened(at(0), "USDT", Decimal(100))
    adopted = f.PositionAdopted(at(1), BTC, 3, Decimal(90))

    assert a_state(known_btc(), opened, adopted).account.peak is None
    state = a_state(known_btc(), opened, f.AccountConfirmed(at(0), at(0)), adopted)
    assert state.account.day_start == state.account.session_start == state.account.peak == 100
