"""What a venue says about our orders: booked, told, and failures counted."""

import pytest

from engine.kernel.orders import WORDS
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import HAND
from tests.builders import BTC, Trader, a_fill, a_trader, at, buy, sell

GRID = "grid@BTCUSDT"


def fail(trader: Trader, times: int, owner: str = GRID) -> Trader:
    """Let orders be rejected, one after the other."""
    for _ in range(times):
        trader.take(f.OrderRejected(at(0), trader.works(owner=owner, is_acked=False), "no margin"))
    return trader


def test_a_fill_changes_the_position_and_is_shown():
    trader = a_trader()
    cid = trader.works("buy", 2, 1_000)

    trader.take(fill := a_fill(cid, 2))

    assert trader.ledger.net_lots(BTC) == 2
    assert list(trader.desk.fills) == [fill]
    assert trader.facts == [fill]
    assert trader.said[-1] == "filled buy BTCUSDT"


def test_a_fill_told_twice_is_booked_and_shown_once():
    trader = a_trader()
    cid = trader.works("buy", 2, 1_000)

    trader.take(a_fill(cid, 1), a_fill(cid, 1))

    assert trader.ledger.net_lots(BTC) == 1
    assert len(trader.desk.fills) == 1
    assert trader.said.count("filled buy BTCUSDT") == 1


def test_a_fill_of_an_order_in_a_final_state_is_booked():
    trader = a_trader()
    cid = trader.works("buy", 2, 1_000)
    trader.take(f.OrderCanceled(at(0), cid, "canceled by us"))

    trader.take(a_fill(cid, 1))

    assert trader.ledger.net_lots(BTC) == 1
    assert trader.ledger.orders[cid].state == "canceled"


def test_a_report_on_an_order_that_is_not_ours_is_an_error_for_people():
    trader = a_trader().take(f.OrderAcked(at(0), "stranger", "v-1"))

    assert trader.said[-1] == "contradiction: OrderAcked of stranger, which is not ours"
    assert trader.state.notices[-1].level == "error"
    assert trader.ledger.contradictions == 1


def test_a_fill_of_more_than_was_ordered_is_booked_and_an_error_for_people():
    trader = a_trader()
    cid = trader.works("buy", 5, 1_000)

    trader.take(a_fill(cid, 9))

    assert trader.ledger.net_lots(BTC) == 9
    (told,) = [one for one in trader.state.notices if one.level == "error"]
    assert told.text.startswith("contradiction: Fill ")
    assert told.text.endswith(f" of {cid}, which is open: 9 of 5 lots")


@pytest.mark.parametrize(
    ("report", "level", "text"),
    [
        (f.OrderAcked(at(0), "ID", "v"), "info", "open sell BTCUSDT"),
        (f.OrderRejected(at(0), "ID", "no margin"), "warning", "rejected sell BTCUSDT: no margin"),
        (f.CancelRejected(at(0), "ID", "gone"), "warning", "cancel refused sell BTCUSDT: gone"),
        (f.OrderUnknown(at(0), "ID", "timeout"), "warning", "unknown sell BTCUSDT: timeout"),
        (f.OrderExpired(at(0), "ID", "IOC"), "info", "expired sell BTCUSDT: IOC"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_people_are_told_what_became_of_an_order(report, level, text):
    trader = a_trader()
    cid = trader.works(is_acked=False)

    trader.take(type(report)(*(cid if part == "ID" else part for part in fields(report))))

    assert (trader.state.notices[-1].level, trader.said[-1]) == (level, text)


def fields(report) -> list:
    return [getattr(report, name) for name in report.__struct_fields__]


def test_that_an_order_was_sent_is_no_news():
    trader = a_trader()
    cid = trader.works()
    before = trader.said

    trader.take(f.OrderSent(at(0), cid))

    assert trader.said == before
    assert f.OrderSent not in WORDS


def test_five_failures_in_a_row_halt_a_strategy_until_a_person_looks():
    trader = fail(a_trader(), 4)
    assert trader.ledger.states == {}

    fail(trader, 1)

    assert trader.ledger.states == {f"strategy:{GRID}": "halted"}
    assert trader.said[-2:] == [
        f"strategy:{GRID} is halted: 5 failures in a row",
        f"`resume strategy:{GRID}` goes on",
    ]


def test_a_halt_for_failures_takes_back_what_the_strategy_still_has_and_is_told_once():
    trader = a_trader()
    resting = trader.works("buy", 1, 990, owner=GRID)
    mine = trader.works("buy", 1, 990)

    fail(trader, 6)

    assert trader.ledger.orders[resting].state == "pending_cancel"
    assert trader.ledger.orders[mine].state == "open"
    assert sum("is halted" in text for text in trader.said) == 1


def test_what_never_got_to_the_venue_is_no_failure_of_it():
    trader = fail(a_trader(), 4)

    for _ in range(5):
        cid = trader.works(owner=GRID, is_acked=False)
        trader.take(f.OrderRejected(at(0), cid, "guard: too much", is_by_venue=False))

    assert trader.ledger.failures(f"{GRID}@test") == 4
    assert trader.ledger.states == {}


def test_a_venue_that_acknowledges_again_after_a_restart_does_not_end_the_row():
    trader = a_trader()
    cid = trader.works(owner=GRID)
    fail(trader, 4)

    trader.take(f.OrderAcked(at(0), cid, f"v-{cid}"))

    assert trader.ledger.failures(f"{GRID}@test") == 4


@pytest.mark.parametrize("good", [lambda cid: f.OrderAcked(at(0), cid, "v"), a_fill])
def test_a_success_ends_the_row(good):
    trader = fail(a_trader(), 4)

    trader.take(good(trader.works(owner=GRID, is_acked=False)))
    assert trader.ledger.failures(f"{GRID}@test") == 0

    fail(trader, 4)
    assert trader.ledger.states == {}


def test_a_person_is_told_of_failures_and_can_still_close():
    trader = fail(a_trader().holds(5), 6, owner=HAND)

    assert trader.ledger.failures("hand@test") == 6
    assert trader.do(c.ClosePosition(BTC)).verdict == "accepted"
    assert trader.asked(PlaceOrder)
    assert trader.do(buy(1)).verdict == "accepted"
    assert trader.do(sell(1, 1_015)).verdict == "accepted"


@pytest.mark.parametrize(
    ("report", "is_acked"),
    [
        (lambda cid: f.OrderAcked(at(1), cid, "v-1"), False),
        (lambda cid: f.OrderReplaced(at(1), cid, PriceTicks(1_005), QtyLots(3)), True),
        (lambda cid: f.OrderRejected(at(1), cid, "no margin"), False),
        (lambda cid: f.OrderCanceled(at(1), cid, "by hand"), False),
        (lambda cid: f.OrderExpired(at(1), cid, "by the venue"), False),
    ],
)
def test_what_answer_and_stream_both_tell_is_told_once(report, is_acked):
    trader = a_trader()
    cid = trader.works("sell", 2, is_acked=is_acked)

    before = len(trader.state.notices)
    trader.take(report(cid))
    told = len(trader.state.notices)
    trader.take(report(cid))

    assert (told, len(trader.state.notices)) == (before + 1, told)
