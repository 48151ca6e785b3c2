"""A run that begins by a clock that is right, after one whose clock was ahead."""

from decimal import Decimal

from engine.execution.ledger_account import DAY_NS
from engine.model import facts as f
from engine.model.numbers import NS_PER_MS, NS_PER_S
from tests.builders import BTC, at
from tests.order_facts import Told, an_intent, began


def test_a_day_of_a_clock_that_was_ahead_is_today_and_forgets_no_loss():
    told = Told().open("1000").say(f.EquityMarked(at(0) + 2 * DAY_NS, Decimal(1_100)))

    told.say(began(2, at(1)), f.EquityMarked(at(1), Decimal(900)))

    assert told.ledger.day_start_equity(at(5)) == 1_100
    told.say(f.EquityMarked(at(5) + DAY_NS, Decimal(800)))
    assert told.ledger.day_start_equity(at(5) + DAY_NS) == 800


def test_what_was_sent_by_a_clock_that_was_ahead_is_recent_no_longer_than_what_was_sent_now():
    told = Told()
    hour_ns = 3_600 * NS_PER_S
    told.say(f.OrderIntended(at(0) + hour_ns, "a", an_intent(), 1))
    told.say(f.CancelRequested(at(0) + hour_ns, "a"))
    assert told.ledger.changes_since(at(5)) == len(told.ledger.recent_intents(at(5))) == 1

    told.say(began(2, at(1)))

    assert told.ledger.changes_since(at(1)) == len(told.ledger.recent_intents(at(1))) == 1
    assert told.ledger.changes_since(at(2)) == len(told.ledger.recent_intents(at(2))) == 0


def test_so_it_is_with_positions_that_ended_at_a_loss():
    told = Told().open()
    told.ms += 2 * DAY_NS // NS_PER_MS
    told.trade("rsi", 1, 100).trade("rsi", -1, 90)
    now_ns = at(1)
    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS) == 1

    told.say(began(2, now_ns))

    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS - 1) == 1
    assert told.ledger.losing_exits("rsi", BTC, now_ns + DAY_NS) == 0
