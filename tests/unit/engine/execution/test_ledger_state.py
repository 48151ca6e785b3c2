"""Contradictions in a ledger's state, and what is in cash that was taken whole."""

from decimal import Decimal

from engine.execution.ledger_facts import ACCEPTED, take
from engine.execution.ledger_state import NOTES_MAX, LedgerState
from engine.model import facts as f
from tests.builders import BTC, at
from tests.order_facts import a_fill
from tests.unit.engine.execution.test_ledger_facts import a_state, known_btc


def test_contradictions_are_counted_and_the_newest_kept_in_words():
    state = LedgerState()

    for number in range(NOTES_MAX + 2):
        state.contradict(f"no. {number}")

    assert state.contradictions == NOTES_MAX + 2
    assert len(state.notes) == NOTES_MAX
    assert (state.notes[0], state.notes[-1]) == ("no. 2", f"no. {NOTES_MAX + 1}")


# Money that was taken whole.


def a_foreign_fill(trade: str = "t1") -> f.OrderFilled:
    """A fill of up to when a position was adopted, with a fee."""
    fields: dict = {"instrument_id": BTC, "side": "buy", "fee": Decimal(1), "ts_ns": at(5)}
    return a_fill("web", trade, 3, **fields)


def test_a_fill_made_elsewhere_in_an_accepted_position_costs_its_fee_once():
    confirmed = f.AccountConfirmed(at(0), at(0))
    adopted = f.PositionAdopted(at(9), BTC, 3, Decimal(100), until_ns=at(5))
    state = a_state(known_btc(), confirmed, adopted)
    take(state, a_foreign_fill())
    take(state, a_foreign_fill())

    assert state.account.fees == {"USDT": 1}
    assert state.positions.net(BTC).lots == 3
    assert (state.contradictions, state.duplicate_fills) == (0, 1)


def test_the_fee_of_a_fill_in_the_opening_position_is_in_the_opening_cash():
    adopted = f.PositionAdopted(at(9), BTC, 3, Decimal(100), until_ns=at(5))
    state = a_state(known_btc(), adopted)
    take(state, a_foreign_fill())

    assert state.account.fees == {}


def test_the_fee_of_a_fill_in_accepted_cash_does_not_count_again():
    confirmed = f.AccountConfirmed(at(0), at(0))
    adopted = f.PositionAdopted(at(9), BTC, 3, Decimal(100), until_ns=at(5))
    cash = f.CashMoved(at(9), "m1", ACCEPTED, "USDT", Decimal(-1), at(7))
    state = a_state(known_btc(), confirmed, adopted, cash)
    take(state, a_foreign_fill())

    assert state.account.fees == {}
