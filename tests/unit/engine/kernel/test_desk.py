"""The trading side of the state: armed or not, what protects, what a kill has asked for."""

import pytest

from engine.kernel.desk import ARMED_FOR_EVER, Desk, DeskSetup, moment_of
from engine.model.facts import TradingStateSet
from tests.builders import a_trader, at


@pytest.mark.parametrize(
    ("until", "is_armed"), [(None, False), (ARMED_FOR_EVER, True), (at(1), True), (at(0), False)]
)
def test_armed_ends_with_its_time(until, is_armed):
    desk = Desk(DeskSetup())
    desk.armed_until_ns = until

    assert desk.is_armed(at(0)) is is_armed


def test_only_simulation_starts_armed():
    assert not Desk(DeskSetup()).is_armed(at(0))
    assert Desk(DeskSetup(starts_armed=True)).is_armed(at(0))


def test_the_account_is_active_until_something_is_said():
    desk = Desk(DeskSetup())
    first = desk.trading_state
    assert first == "active"

    desk.ledger.apply(TradingStateSet(at(0), "all", "halted", "a test"))

    assert desk.trading_state == "halted"


def test_what_protects_reduces_an_open_position_and_is_called_protective():
    trader = a_trader()
    stop = trader.ledger.orders[trader.stops()]
    entry = trader.ledger.orders[trader.works("buy", 1, 990, is_protective=True)]
    target = trader.ledger.orders[trader.works(is_reduce_only=True)]
    assert not trader.desk.protects(stop)

    trader.holds(1)

    assert [trader.desk.protects(order) for order in (stop, entry, target)] == [True, False, False]


def test_a_kill_that_goes_on_adds_to_its_report():
    desk = Desk(DeskSetup(starts_armed=True))

    desk.note_kill(at(0), "by hand", ["a", "b"])
    desk.note_kill(at(1), "again", ["b", "c"])

    assert desk.kill is not None
    assert (desk.kill.reason, desk.kill.asked) == ("again", ("a", "b", "c"))
    assert desk.armed_until_ns is None


def test_whatever_decides_what_happens_next_is_in_the_digest():
    def parts(change) -> tuple:
        trader = a_trader()
        change(trader.desk)
        return trader.desk.digest_parts()

    changes = [
        lambda desk: None,
        lambda desk: setattr(desk, "armed_until_ns", at(9)),
        lambda desk: setattr(desk, "is_journal_ok", False),
        lambda desk: desk.note_kill(at(0), "by hand", ()),
        lambda desk: desk.ledger.apply(TradingStateSet(at(0), "all", "halted", "")),
    ]

    assert len({repr(parts(change)) for change in changes}) == len(changes)


def test_a_review_is_told_that_the_journal_cannot_be_written():
    desk = Desk(DeskSetup(is_live=True))
    assert moment_of(desk, {}, at(0)).faults == ()

    desk.is_journal_ok = False

    moment = moment_of(desk, {}, at(0), replaces="a")
    assert moment.faults == ("the journal cannot be written",)
    assert (moment.is_live, moment.replaces) == (True, "a")
