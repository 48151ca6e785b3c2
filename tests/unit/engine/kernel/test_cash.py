"""Cash that is not the venue's: no new risk until it is, or a person accepts it by name."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.kernel.desk import moment_of
from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from tests.builders import BTC, ETH, a_delta, a_fill, at, buy
from tests.unit.engine.kernel.live_desk import CASH, LiveDesk, a_live_desk, held

THEIRS = Decimal(30_000)
NUMBERS = "USDT: ours 50000, the venue's 30000"
ACCEPT = c.Accept("difference USDT")


def faults(desk: LiveDesk) -> tuple[str, ...]:
    return moment_of(desk.desk, {}, desk.now_ns).faults


def differs(desk: LiveDesk | None = None, theirs: Decimal = THEIRS, times: int = 1) -> LiveDesk:
    """Let the venue report that cash, so often."""
    desk = desk or a_live_desk()
    for _ in range(times):
        desk.wait(20_000).waits_for_report()
        desk.reports(balance=theirs)
    return desk


def quoted(desk: LiveDesk) -> LiveDesk:
    """Let the book be of now."""
    return desk.take(a_delta(11, bids="998x1", prev=10))


# What it forbids.


def test_a_difference_that_stands_forbids_new_risk_and_is_told_once():
    desk = differs(times=2)
    assert faults(desk) == ()

    differs(desk, times=2)

    [fault] = faults(desk)
    answer = "`accept difference USDT` takes the venue's word"
    assert fault == f"the cash is not the venue's ({NUMBERS}); {answer}"
    outcome = quoted(desk).do(buy())
    assert (outcome.verdict, fault in outcome.sentences[0]) == ("refused", True)
    assert desk.said.count(f"no order that adds risk leaves: {fault}") == 1
    assert desk.said.count(f"the cash differs in {NUMBERS}") == 1


def test_a_copy_that_lags_behind_is_waited_for_however_often_it_is_asked():
    desk = a_live_desk()
    for _ in range(5):
        desk.side.due_ns = 0
        desk.waits_for_report()
        desk.reports(balance=THEIRS)

    assert faults(desk) == ()


def test_a_start_and_a_stream_that_opens_again_wait_for_no_further_report():
    desk = differs()
    desk.tells(a.PrivateUp("test"))

    differs(desk)

    assert "the cash is not the venue's" in faults(desk)[0]
    assert "the account agrees with the venue's" not in desk.said[-3:]
    assert desk.desk.version


@pytest.mark.parametrize("cents", ["0.009", "-0.00999999"])
def test_what_digits_make_forbids_nothing(cents: str):
    desk = differs(theirs=CASH + Decimal(cents), times=6)

    assert faults(desk) == ()
    assert any(text.startswith("the cash differs in") for text in desk.said)


def test_a_cent_forbids():
    assert faults(differs(theirs=CASH - Decimal("0.01"), times=4))


def test_a_difference_that_shrinks_to_digits_forbids_no_more():
    desk = differs(times=4)

    differs(desk, CASH - Decimal("0.001"))

    assert faults(desk) == ()


def test_a_difference_that_changes_is_the_same_one_and_is_told_anew():
    desk = differs(times=3)

    differs(desk, THEIRS - 1)

    assert "the venue's 29999" in faults(desk)[0]
    differed = [one for one in desk.facts if isinstance(one, f.BalanceDiffered)]
    assert differed == [f.BalanceDiffered(desk.now_ns, "USDT", CASH, THEIRS - 1)]


def test_a_movement_that_is_listed_late_ends_it_at_once():
    desk = differs(times=4)

    desk.tells(a.CashSeen(at(0), "w1", "transfer", "USDT", THEIRS - CASH)).wait(250)

    assert faults(desk) == ()
    assert desk.side.cash is None
    assert desk.said[-1] == "the cash is the venue's again"


def test_a_report_that_agrees_ends_it():
    desk = differs(times=4)

    differs(desk, CASH)

    assert faults(desk) == ()
    assert desk.side.cash is None


# What a person says to it.


def test_a_person_takes_the_venues_word_by_name_and_nothing_of_it_is_a_loss():
    desk = differs(times=4)
    assert desk.ledger.day_start_equity(desk.now_ns) == desk.ledger.peak_equity == CASH
    assert desk.say(ACCEPT).verdict == "needs_confirmation"

    outcome = desk.do(ACCEPT)

    assert outcome.sentences[0] == "-20000 USDT count from now on, as neither profit nor loss"
    assert desk.ledger.booked_cash == THEIRS
    assert desk.ledger.day_start_equity(desk.now_ns) == THEIRS
    assert desk.ledger.peak_equity == THEIRS
    desk.wait(250)
    assert faults(desk) == ()
    assert quoted(desk).do(buy()).verdict == "accepted"
    assert desk.do(ACCEPT).verdict == "refused"


def test_cash_that_is_the_venues_needs_no_answer():
    outcome = a_live_desk().do(ACCEPT)

    assert outcome.sentences == ("the cash in USDT is the venue's",)


def test_cash_that_moved_since_is_accepted_only_with_the_next_report():
    desk = differs(times=4)
    desk.tells(a.CashSeen(at(0), "d1", "transfer", "USDT", Decimal(5)))

    assert "wait for the next report" in desk.do(ACCEPT).sentences[0]

    differs(desk, THEIRS)
    assert desk.do(ACCEPT).verdict == "accepted"
    assert desk.ledger.booked_cash == THEIRS


def test_it_is_accepted_once_in_a_command():
    desk = differs(times=4)

    assert desk.do(ACCEPT, ACCEPT).verdict == "refused"


def test_a_fill_of_before_that_is_told_later_costs_no_second_fee():
    desk = a_live_desk()
    desk.tells(ClockMeasured("test", offset_ns=-7_200 * NS_PER_S, round_trip_ns=0))
    desk.waits_for_report()
    seen = a.PositionSeen(BTC, 2, Decimal(1_000), updated_ns=desk.now_ns - 7_200 * NS_PER_S)
    desk.reports(positions=[seen], balance=CASH - 3)
    desk.do(c.Accept(f"difference {BTC}"))
    for _ in range(4):
        desk.wait(20_000).waits_for_report()
        desk.reports(positions=[seen], balance=CASH - 3)
    desk.do(ACCEPT)
    fields: dict = {"instrument_id": BTC, "side": "buy", "fee": Decimal(3)}
    fill = replace(a_fill("web_1", 2, **fields), ts_ns=seen.updated_ns)

    desk.waits_for_report()
    desk.reports(fills=[fill], positions=[held(2)], balance=CASH - 3)

    assert (desk.ledger.booked_cash, desk.side.cash) == (CASH - 3, None)


@pytest.mark.parametrize(("more", "is_fault"), [("10", False), ("10.009", False), ("11", True)])
def test_what_the_entry_of_an_open_position_explains_forbids_nothing(more: str, is_fault: bool):
    desk = a_live_desk().holds(5)
    ours = desk.ledger.booked_cash
    assert ours is not None

    for _ in range(4):
        desk.wait(20_000).waits_for_report()
        desk.reports(positions=[held(5, "1002")], balance=ours + Decimal(more))

    assert any("the cash is not the venue's" in one for one in faults(desk)) is is_fault


@pytest.mark.parametrize(("more", "taken"), [("13", "+3 USDT"), ("10", "")])
def test_what_the_entry_of_an_open_position_explains_is_not_accepted(more: str, taken: str):
    desk = a_live_desk().holds(5)
    ours = desk.ledger.booked_cash
    assert ours is not None
    for _ in range(4):
        desk.wait(20_000).waits_for_report()
        desk.reports(positions=[held(5, "1002")], balance=ours + Decimal(more))

    outcome = desk.do(ACCEPT)

    told = taken or "the difference lies in the entry of open positions"
    assert outcome.sentences[0].startswith(told)
    assert desk.ledger.booked_cash == ours + (3 if taken else 0)


def test_what_is_listed_flat_or_is_not_known_explains_nothing():
    desk = a_live_desk()
    for _ in range(4):
        desk.wait(20_000).waits_for_report()
        flat = [held(0, "1002"), held(0, instrument_id=ETH)]
        desk.reports(positions=flat, balance=THEIRS)

    assert any("the cash is not the venue's" in one for one in faults(desk))
