"""The account as the venue reports it: when it is asked for, and what an answer changes."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.kernel.desk import moment_of
from engine.kernel.reconcile import LOST_NS
from engine.model import account as a
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import RequestReport, SendCancel
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL, HAND
from tests.builders import BTC, ETH, a_fill, an_instrument, an_update, at, buy, sell
from tests.unit.engine.kernel.live_desk import CASH, LiveDesk, a_live_desk, held, seen

UP = a.PrivateUp("test")
DOWN = a.PrivateDown("test", "closed by the venue", at(0))


def faults(desk: LiveDesk) -> tuple[str, ...]:
    return moment_of(desk.desk, {}, desk.now_ns).faults


def theirs(trade: str = "t9", lots: int = 2, **changed) -> f.OrderFilled:
    """A fill of an order that was made elsewhere."""
    fields = {"trade_id": trade, "instrument_id": BTC, "side": "buy"} | changed
    return a_fill("web_1", lots, **fields)


def differs(desk: LiveDesk, lots: int = 7, times: int = 1) -> LiveDesk:
    """Let the venue report so many lots of BTC, so often."""
    for _ in range(times):
        desk.waits_for_report()
        desk.reports(positions=[held(lots)])
    return desk


# When it is asked for.


def test_a_start_asks_and_so_does_a_stream_that_opens():
    desk = a_live_desk(is_clean=False)
    assert desk.waits_for_report() == 1

    assert desk.tells(UP).wait(1_000).asked(RequestReport)[0].number == 2


def test_on_paper_nothing_is_asked_for_and_nothing_is_taken_in():
    desk = a_live_desk(rules=None, is_clean=False)
    before = desk.kernel.ledger_digest()
    desk.reports(positions=[held(5)])
    desk.tells(a.CashSeen(at(0), "m1", "transfer", "USDT", Decimal(5)))

    assert desk.wait(60_000).asked(RequestReport) == []
    assert desk.kernel.ledger_digest() == before
    assert desk.ledger.currency == "USDT"


def test_a_report_that_agrees_is_followed_by_one_after_half_a_minute():
    desk = a_live_desk()

    assert desk.wait(29_750).asked(RequestReport) == []
    assert len(desk.wait(250).asked(RequestReport)) == 1
    assert desk.wait(29_000).asked(RequestReport) == []


def test_fills_are_asked_for_since_the_last_agreement_and_a_little_before():
    desk = a_live_desk()
    confirmed_ns = desk.ledger.confirmed_ns

    (asked,) = desk.wait(30_000).asked(RequestReport)

    assert asked.since_ns == confirmed_ns - 50 * NS_PER_S
    assert asked.since_ns > 0


def test_while_an_order_is_in_doubt_the_account_is_asked_for_each_five_seconds():
    desk = a_live_desk()
    cid = desk.sends()
    desk.wait(2_000)

    assert desk.wait(5_000).asked(RequestReport)
    desk.reports()
    assert desk.wait(5_000).asked(RequestReport)
    assert desk.ledger.orders[cid].state == "unknown"


def test_what_contradicts_is_a_reason_to_ask_but_not_all_the_time():
    desk = a_live_desk().wait(5_000)
    desk.tells(f.OrderAcked(desk.now_ns, "stranger", "v1"))
    assert len(desk.wait(250).asked(RequestReport)) == 1
    desk.reports().tells(f.OrderAcked(desk.now_ns, "stranger", "v1"))

    assert desk.wait(500).asked(RequestReport) == []
    assert len(desk.wait(500).asked(RequestReport)) == 1


def test_a_report_that_failed_changes_nothing_and_is_asked_for_again():
    desk = a_live_desk()
    desk.waits_for_report()
    before = desk.kernel.ledger_digest()

    desk.tells(a.ReportFailed(desk.side.number, "HTTP 503"))

    assert desk.kernel.ledger_digest() == before
    assert desk.wait(4_750).asked(RequestReport) == []
    assert desk.wait(250).asked(RequestReport)
    desk.tells(a.ReportFailed(1, "late"))
    assert desk.side.is_waiting


def test_a_report_that_nobody_answers_is_asked_for_again():
    desk = a_live_desk()
    number = desk.waits_for_report()
    wait_ms = LOST_NS // 1_000_000

    assert desk.wait(wait_ms - 250).asked(RequestReport) == []
    assert desk.wait(250).asked(RequestReport)[0].number == number + 1


@pytest.mark.parametrize("event", [UP, DOWN])
def test_a_report_that_the_stream_has_overtaken_is_ignored(event):
    desk = a_live_desk()
    number = desk.waits_for_report()
    desk.tells(event)

    desk.reports(positions=[held(7)], number=number)
    desk.reports(positions=[held(7)], number=number - 1)

    assert desk.side.mismatches == {}
    assert desk.side.agreed_ns is None


def test_the_same_report_twice_is_one():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(fills=[theirs()], positions=[held(2)])
    before = desk.kernel.ledger_digest()

    desk.reports(fills=[theirs()], positions=[held(2)])

    assert desk.kernel.ledger_digest() == before


# The data gate.


def test_nothing_that_adds_risk_leaves_before_the_account_agrees():
    desk = a_live_desk(is_clean=False)
    assert desk.do(buy()).verdict == "refused"
    desk.waits_for_report()
    desk.tells(UP).wait(1_000)
    assert faults(desk) == ("the account was not compared with the venue's yet",)

    desk.reports()

    assert faults(desk) == ()
    assert desk.do(buy()).verdict == "accepted"


def test_without_the_private_stream_only_what_reduces_leaves():
    desk = a_live_desk().holds(5)
    desk.tells(DOWN)

    assert desk.do(buy()).verdict == "refused"
    assert desk.do(sell(5, is_reduce_only=True)).verdict == "accepted"
    assert faults(desk)[0] == "the private stream is down (closed by the venue)"
    desk.tells(UP).waits_for_report()
    desk.tells(a.ReportFailed(desk.side.number, "HTTP 503"))
    assert faults(desk) == ("the account was not compared with the venue's yet (HTTP 503)",)


def test_people_hear_once_that_the_private_stream_is_down_however_often_it_is_tried():
    desk = a_live_desk()
    told = "the private stream is down"

    desk.tells(DOWN, a.PrivateDown("test", "HTTP 503", at(1)))

    assert [text for text in desk.said if told in text] == [
        f"test: {told} (closed by the venue): no order that adds risk leaves"
    ]
    assert faults(desk)[0] == f"{told} (HTTP 503)"
    desk.tells(UP, DOWN)
    assert len([text for text in desk.said if told in text]) == 2


def test_an_agreement_that_is_too_old_is_none():
    desk = a_live_desk()
    desk.wait(120_000)
    assert faults(desk) == ()

    desk.wait(1_000)

    assert faults(desk) == ("the account last agreed with the venue's 121 s ago (no answer)",)
    desk.side.report_fault = ""
    assert faults(desk) == ("the account last agreed with the venue's 121 s ago",)


def test_a_ban_forbids_new_risk_until_it_ends():
    desk = a_live_desk()
    until_ns = desk.now_ns + 20 * NS_PER_S
    desk.tells(a.RateUsed("test", 100, until_ns, "HTTP 418"))
    assert faults(desk) == ("the venue answers nothing for another 20 s (HTTP 418)",)
    assert desk.said[-1].startswith("test answers nothing for 20 s (HTTP 418)")

    desk.wait(21_000).tells(a.RateUsed("test", 10), a.RateUsed("test", 20))

    assert faults(desk) == ()
    assert desk.said.count("test answers again") == 1


def test_people_hear_once_that_a_rate_limit_is_nearly_used():
    desk = a_live_desk()
    desk.tells(a.RateUsed("test", 70), a.RateUsed("test", 80), a.RateUsed("test", 90))

    assert [text for text in desk.said if "is used" in text] == ["80 % of what test allows is used"]


@pytest.mark.parametrize(
    ("may_trade", "may_withdraw", "word"),
    [(True, True, "may withdraw"), (False, False, "may not trade")],
)
def test_a_key_that_may_too_much_or_too_little_halts(may_trade, may_withdraw, word):
    desk = a_live_desk()
    desk.tells(a.RightsSeen("test", may_trade, may_withdraw))

    assert desk.desk.trading_state == "halted"
    assert word in faults(desk)[0]


@pytest.mark.parametrize("may_trade", [True, None])
def test_a_key_that_may_trade_or_of_which_nothing_is_told_is_no_fault(may_trade):
    desk = a_live_desk().tells(a.RightsSeen("test", may_trade, None))

    assert desk.desk.trading_state == "active"


@pytest.mark.parametrize("is_call", [True, False])
def test_the_account_is_asked_at_once_when_its_margin_is_another(is_call):
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports()
    assert desk.wait(2_000).asked(RequestReport) == []

    desk.tells(a.MarginChanged("test", is_call))

    assert any("MARGIN CALL" in note.text for note in desk.state.notices) == is_call
    assert desk.wait(250).asked(RequestReport)


# The beginning of an account.


def test_money_that_moves_before_the_account_is_open_is_in_its_balance():
    desk = a_live_desk(is_clean=False).tells(UP)
    desk.tells(a.CashSeen(at(0), "m1", "transfer", "USDT", Decimal(5)))

    assert desk.facts == []


# What is booked.


def test_a_fill_that_nobody_told_of_is_booked_once_and_counts_as_a_repair():
    desk = a_live_desk().wait(20_000)
    cid = desk.rests(lots=2)
    fill = a_fill(cid, 1, 1_010)
    desk.wait(10_000).waits_for_report()

    desk.reports(seen(cid, "partial", 2, filled=1), fills=[fill], positions=[held(-1)])

    assert desk.ledger.orders[cid].filled_lots == 1
    assert desk.side.repairs == 1
    assert desk.side.agreed_ns == desk.now_ns
    desk.waits_for_report()
    desk.reports(seen(cid, "partial", 2, filled=1), fills=[fill], positions=[held(-1)])
    assert desk.side.repairs == 1


def test_a_fill_that_the_stream_may_still_tell_of_is_no_repair():
    desk = a_live_desk()
    cid = desk.rests(lots=2)
    desk.waits_for_report()
    fill = replace(a_fill(cid, 1, 1_010), ts_ns=desk.now_ns)

    desk.reports(seen(cid, "partial", 2, filled=1), fills=[fill], positions=[held(-1)])

    assert (desk.side.repairs, desk.ledger.net_lots(BTC)) == (0, -1)


def test_money_that_moves_is_counted_once():
    desk = a_live_desk().holds(1)
    funding = a.CashSeen(at(0), "f1", "funding", "USDT", Decimal("-0.3"), BTC)
    deposit = a.CashSeen(at(0), "d1", "transfer", "USDT", Decimal(100))

    desk.tells(funding, deposit, funding, deposit)

    assert desk.ledger.funding == {BTC: Decimal("0.3")}
    assert desk.ledger.settled_cash == CASH + 100 - Decimal("0.3")


def test_money_that_only_a_report_tells_of_is_counted():
    desk = a_live_desk()
    desk.waits_for_report()
    deposit = a.CashSeen(at(0), "d1", "transfer", "USDT", Decimal(100))

    desk.reports(cash=(deposit,), balance=CASH + 100)

    assert desk.ledger.settled_cash == CASH + 100
    assert desk.side.cash is None


def test_a_difference_of_cash_is_told_and_kept_and_told_to_be_over():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(balance=CASH - 1)
    told = "the cash differs in USDT: ours 50000, the venue's 49999"
    assert f.BalanceDiffered(desk.now_ns, "USDT", CASH, CASH - 1) in desk.facts
    desk.waits_for_report()
    desk.reports(balance=CASH - 1)
    assert desk.said.count(told) == 1

    desk.waits_for_report()
    desk.reports()

    assert desk.said[-1] == "the cash is the venue's again"
    assert desk.ledger.settled_cash == CASH


def test_while_the_cash_differs_movements_are_looked_for_an_hour_further_back():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(balance=CASH - 1)
    confirmed_ns = desk.ledger.confirmed_ns

    (asked,) = desk.wait(30_000).asked(RequestReport)

    assert asked.since_ns == confirmed_ns - 50 * NS_PER_S
    assert asked.cash_since_ns == asked.since_ns - 3_600 * NS_PER_S


def test_cash_is_not_compared_with_a_balance_that_may_miss_the_newest_fill():
    desk = a_live_desk()
    cid = desk.rests()
    desk.waits_for_report()
    desk.tells(a_fill(cid, 1, 1_010, fee=Decimal(1)))

    desk.reports(balance=CASH, positions=[held(-1)])

    assert desk.side.cash is None


# Orders.


def test_an_order_made_elsewhere_is_shown_counted_and_left_alone():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(seen("web_1", "partial", 5, filled=2))

    order = desk.ledger.orders["web_1"]
    assert (order.intent.owner, order.remaining_lots, order.state) == (EXTERNAL, 3, "partial")
    assert "order web_1: sell BTCUSDT was made elsewhere and counts as ours" in desk.said
    desk.do(c.SetReduceOnly("all"))
    assert desk.wait(5_000).asked(SendCancel) == []
    desk.do(c.EngageKill())
    assert SendCancel("web_1") in desk.asked(SendCancel)


@pytest.mark.parametrize("filled", [1, 3])
def test_an_order_made_elsewhere_is_filled_as_far_as_the_venue_says(filled: int):
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(seen("web_1", "partial", 5, filled=2))
    desk.wait(10_000).waits_for_report()
    desk.reports(shown := seen("web_1", "partial", 5, filled=filled))

    desk.wait(250).answers("web_1", shown)

    assert desk.ledger.orders["web_1"].remaining_lots == 5 - filled
    assert desk.side.doubts == {}


def test_an_order_made_elsewhere_that_is_gone_is_asked_for_and_ends():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(seen("", "open", 5, venue_order_id="77"))
    assert [order.state for order in desk.ledger.working()] == ["open"]
    desk.wait(10_000).waits_for_report()

    desk.reports()
    assert desk.wait(250).queried() == ["#77"]
    desk.answers("#77", seen("", "canceled", 5, venue_order_id="77"))

    assert desk.ledger.orders["#77"].state == "canceled"


def test_an_order_that_a_report_does_not_show_is_asked_for_singly():
    desk = a_live_desk()
    cid = desk.rests()
    desk.wait(20_000).waits_for_report()

    desk.reports()

    assert desk.ledger.orders[cid].state == "open"
    assert desk.wait(250).queried() == [cid]
    assert desk.side.agreed_ns != desk.now_ns


def test_an_order_that_has_just_changed_is_not_judged_by_a_report():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.rests()
    intended = desk.works(is_acked=False)
    desk.ledger.orders[intended].created_ns = desk.now_ns

    desk.reports()

    assert desk.side.doubts == {}


def test_what_was_heard_of_forgotten_orders_is_forgotten():
    desk = a_live_desk()
    desk.side.heard_ns["gone"] = at(0)
    desk.waits_for_report()
    desk.reports()

    assert desk.side.heard_ns == {}


# Positions.


def test_a_position_that_stays_different_halts_its_instrument_and_names_the_numbers():
    desk = differs(a_live_desk())
    assert "the venue has +7" in desk.said[-1]
    differs(desk)
    assert desk.ledger.trading_state(BTC, HAND) == "active"
    assert "the position of BTCUSDT is not the venue's, which has 7 lots" in faults(desk)

    differs(desk, times=7)
    assert desk.ledger.trading_state(BTC, HAND) == "active"
    differs(desk, times=1)

    assert desk.ledger.trading_state(BTC, HAND) == "halted"
    told = "our fills make +0 lots of BTCUSDT, the venue has +7"
    assert told in desk.ledger.state_facts[f"instrument:{BTC}"].reason
    assert desk.do(buy()).verdict == "refused"
    assert desk.desk.trading_state == "active"


def test_a_position_that_agrees_again_is_no_mismatch_any_more():
    desk = differs(a_live_desk())

    differs(desk, lots=0)

    assert faults(desk) == ()
    assert "the position of BTCUSDT is the venue's again" in desk.said


def test_a_position_that_was_filled_just_now_is_not_judged():
    desk = a_live_desk()
    cid = desk.rests()
    desk.waits_for_report()
    desk.tells(a_fill(cid, 1, 1_010))

    desk.reports()

    assert desk.side.mismatches == {}
    assert desk.wait(5_000).asked(RequestReport)


def test_an_order_in_doubt_hides_no_difference_of_another_instrument():
    desk = a_live_desk()
    desk.take(an_update(an_instrument(ETH, is_trading=True)))
    cid = desk.rests(lots=2)
    shown = seen(cid, "partial", 2, filled=1)  # Of a fill that the venue never lists.
    desk.wait(20_000)
    for _ in range(10):
        desk.waits_for_report()
        desk.reports(shown, positions=[held(3), held(7, instrument_id=ETH)])

    assert list(desk.side.doubts) == [cid]
    assert list(desk.side.mismatches) == [ETH]
    assert desk.ledger.trading_state(ETH, HAND) == "halted"


def test_a_difference_stays_one_while_an_order_of_its_instrument_is_in_doubt():
    desk = differs(a_live_desk())
    cid = desk.rests(lots=2)
    desk.wait(20_000).waits_for_report()

    desk.reports(seen(cid, "partial", 2, filled=1))

    assert list(desk.side.mismatches) == [BTC]
