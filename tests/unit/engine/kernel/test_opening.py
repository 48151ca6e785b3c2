"""An account begins once every copy that the venue answers from has what moved in it last."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.kernel.opening import SETTLING_NS_MAX
from engine.kernel.report_window import report_since_ns
from engine.model import account as a
from engine.model.effects import RequestReport
from engine.model.facts import OrderFilled
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL
from tests.builders import BTC, ETH, a_fill, at
from tests.unit.engine.kernel.live_desk import CASH, RULES, LiveDesk, a_live_desk, held, seen

LAG_NS = 45 * NS_PER_S
FEE = Decimal(1)
JUST_NOW = "money moved in the account just now: it begins after"


def asked() -> LiveDesk:
    """Return a desk that knows no account and has asked for one."""
    desk = a_live_desk(is_clean=False).tells(a.PrivateUp("test"))
    desk.waits_for_report()
    return desk


def bought(lots: int) -> OrderFilled:
    """A fill of an order that was made elsewhere."""
    return a_fill("web_1", lots, instrument_id=BTC, side="buy", fee=FEE)


def faults(desk: LiveDesk) -> str:
    return " ".join(desk.side.faults(desk.now_ns))


def test_the_first_report_opens_the_account_with_what_the_venue_has():
    desk = asked()
    assert desk.ledger.currency == ""

    desk.reports(
        positions=[held(3, "1000.5")],
        fills=[replace(bought(2), ts_ns=at(-60_000))],
        balances=(a.BalanceSeen("USDT", CASH), a.BalanceSeen("BNB", Decimal(2))),
    )

    assert desk.ledger.booked_cash == CASH
    assert desk.ledger.position(EXTERNAL, BTC).lots == desk.ledger.net_lots(BTC) == 3
    assert "the account begins with 50000 USDT; held: BTCUSDT +3 lots" in desk.said
    assert desk.side.agreed_ns is not None
    assert desk.ledger.equity({BTC: Decimal(1000)}) is not None


def test_what_an_account_begins_with_was_lost_before_today():
    desk = asked()

    desk.reports(positions=[held(3, "1500")]).wait(1_000)

    worth = desk.ledger.equity({BTC: Decimal("1000.5")})
    assert worth == desk.ledger.day_start_equity(desk.now_ns) == desk.ledger.peak_equity


def test_an_account_does_not_begin_with_what_nobody_can_value():
    desk = asked()

    desk.reports(seen("web_1"), positions=[held(3, instrument_id=ETH)])

    assert desk.ledger.currency == ""
    assert list(desk.ledger.orders) == ["web_1"], "a kill must be able to cancel it"
    assert "`sub` it" in faults(desk)
    assert desk.wait(5_000).asked(RequestReport)


def test_the_fee_of_a_fill_that_a_balance_lacks_is_not_counted_as_money():
    desk = asked()
    filled_ns = desk.now_ns - NS_PER_S
    fill = replace(bought(3), ts_ns=filled_ns)

    desk.reports(seen("web_2"), fills=[fill], positions=[held(3)], balance=CASH)
    assert desk.ledger.currency == ""
    assert f"{JUST_NOW} 49 s without" in faults(desk)
    assert list(desk.ledger.orders) == ["web_2"], "a kill must be able to cancel it"

    while not desk.ledger.currency:
        assert desk.now_ns < filled_ns + LAG_NS + 12 * NS_PER_S
        desk.waits_for_report()
        desk.reports(seen("web_2"), fills=[fill], positions=[held(3)], balance=CASH - FEE)

    assert desk.now_ns >= filled_ns + LAG_NS + 5 * NS_PER_S
    assert desk.ledger.booked_cash == CASH - FEE
    assert desk.side.agreed_ns == desk.now_ns


@pytest.mark.parametrize("kind", ["cash", "positions"])
def test_so_it_is_with_money_that_moves_and_with_a_position_that_changed(kind: str):
    desk = asked()
    now_ns = desk.now_ns
    rows: dict = {
        "cash": (a.CashSeen(now_ns, "m1", "transfer", "USDT", Decimal(5)),),
        "positions": (a.PositionSeen(BTC, 3, Decimal(1_000), updated_ns=now_ns),),
    }

    desk.reports(**{kind: rows[kind]})

    assert JUST_NOW in faults(desk)


def test_so_it_is_with_a_fill_that_only_the_stream_has_told_of():
    desk = asked()
    desk.tells(bought(3))

    desk.reports(positions=[held(3)])

    assert JUST_NOW in faults(desk)


def test_a_fill_of_long_ago_that_is_told_of_now_holds_up_nothing():
    desk = asked()
    desk.tells(replace(bought(3), ts_ns=desk.now_ns - 60 * NS_PER_S))

    desk.reports(positions=[held(3)])

    assert desk.ledger.currency == "USDT"


def test_the_times_of_the_venue_are_compared_with_its_own_clock():
    desk = asked()
    desk.take(ClockMeasured("test", offset_ns=60 * NS_PER_S, round_trip_ns=0))
    moved = a.CashSeen(desk.now_ns, "m1", "transfer", "USDT", Decimal(5))

    desk.reports(cash=(moved,))

    assert desk.ledger.currency == "USDT"


def test_an_account_does_not_begin_with_a_report_that_was_asked_for_by_a_wrong_clock():
    """Ours is a minute ahead: the report tells of less than has moved since."""
    desk = asked()
    since_ns = report_since_ns(desk.state, RULES)
    desk.take(ClockMeasured("test", offset_ns=-60 * NS_PER_S, round_trip_ns=0))

    desk.reports(since_ns=since_ns)

    assert desk.ledger.currency == ""
    assert "asked for before the venue's clock was known" in faults(desk)
    desk.waits_for_report()
    desk.reports(since_ns=report_since_ns(desk.state, RULES))
    assert desk.ledger.currency == "USDT"


def test_an_account_that_moves_all_the_time_begins_in_the_end_and_people_are_told():
    desk = asked()
    began_ns = desk.now_ns
    while not desk.ledger.currency:
        assert desk.now_ns <= began_ns + SETTLING_NS_MAX + 6 * NS_PER_S
        moved = a.CashSeen(desk.now_ns, "m1", "transfer", "USDT", Decimal(5))
        desk.reports(cash=(moved,))
        desk.waits_for_report()

    assert desk.now_ns >= began_ns + SETTLING_NS_MAX
    told = "it moves all the time: this cash may be off by what was filled and paid just now"
    assert desk.said.count(told) == 1
