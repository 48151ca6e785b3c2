"""The trading side of the state: armed or not, what protects, what a kill has asked for."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.review import mark_ticks
from engine.kernel.desk import ARMED_FOR_EVER, Desk, DeskSetup, moment_of
from engine.kernel.references import reference_now
from engine.kernel.venue_side import UNSURE_NS
from engine.model import account as a
from engine.model.facts import TradingStateSet
from tests.builders import BTC, a_fill, a_trader, at, buy
from tests.unit.engine.kernel.live_desk import CASH, LiveDesk, a_live_desk


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


# Margin and liquidation, as the venue tells them.


def distance(desk: LiveDesk) -> Decimal | None:
    markets = {key: reference_now(desk.state, one) for key, one in desk.state.instruments.items()}
    return moment_of(desk.desk, markets, desk.now_ns).liquidation_distance_share


def asked_anew(desk: LiveDesk) -> LiveDesk:
    """Let the stream open anew: what is asked then is asked soon, while the book is young."""
    desk.tells(a.PrivateUp("test")).waits_for_report()
    return desk


def shown(desk: LiveDesk, price: str | None, **changed) -> LiveDesk:
    """Let the venue report a position in BTC with where it would end."""
    end = None if price is None else Decimal(price)
    asked_anew(desk)
    return desk.reports(
        positions=[a.PositionSeen(BTC, desk.ledger.net_lots(BTC), Decimal(1), end)], **changed
    )


def test_a_review_is_told_how_much_of_the_margin_is_free():
    desk = a_live_desk()
    assert moment_of(desk.desk, {}, desk.now_ns).free_margin_share is None

    desk.waits_for_report()
    desk.reports(balances=(a.BalanceSeen("USDT", CASH, Decimal(100), Decimal(25)),))

    assert moment_of(desk.desk, {}, desk.now_ns).free_margin_share == Decimal("0.25")


def test_a_review_is_told_how_near_a_liquidation_is():
    desk = a_live_desk().holds(5)
    tick = desk.state.instruments[BTC].instrument.tick_size
    mark = mark_ticks(reference_now(desk.state, desk.state.instruments[BTC]))
    assert tick is not None
    assert mark is not None

    assert distance(desk) == 1  # No report has shown it yet.
    assert distance(shown(desk, str(mark * tick * 3 / 4))) == Decimal("0.25")
    assert distance(shown(desk, "0")) == 1
    assert distance(shown(desk, None)) is None


def test_a_liquidation_price_needs_a_price_beside_it_and_a_position():
    desk = shown(a_live_desk().holds(5), "1")
    assert moment_of(desk.desk, {}, desk.now_ns).liquidation_distance_share is None

    desk.holds(-5)
    assert distance(desk) == 1


def test_before_a_report_nobody_knows_of_a_liquidation():
    assert distance(a_live_desk(is_clean=False)) is None


def test_a_position_that_is_new_is_asked_for_soon():
    desk = a_live_desk()
    desk.wait(1_000)
    cid = desk.rests()
    desk.tells(a_fill(cid, price=1_010))
    assert desk.side.due_ns == desk.now_ns + UNSURE_NS

    shown(desk, "5000")
    due_ns = desk.side.due_ns
    desk.tells(a_fill(desk.rests(), price=1_010, trade_id="again"))
    assert desk.side.due_ns == due_ns


def test_live_an_order_that_adds_risk_needs_margin_and_distance():
    desk = a_live_desk()
    desk.desk.setup = msgspec.structs.replace(desk.desk.setup, is_live=True)
    margin, end = "free_margin_share_min", "liquidation_distance_share_min"

    def refusal() -> str:
        return " ".join(desk.ask(buy()).sentences)

    assert margin in refusal()

    money = (a.BalanceSeen("USDT", CASH, CASH, CASH),)
    asked_anew(desk).reports(balances=money)
    assert margin not in refusal()

    desk.holds(1)
    assert end not in refusal()
    shown(desk, "999", balances=money)
    assert end in refusal()
    shown(desk, "1", balances=money)
    assert end not in refusal()
    shown(desk, "1", balances=(a.BalanceSeen("USDT", CASH, CASH, CASH / 5),))
    assert margin in refusal()
