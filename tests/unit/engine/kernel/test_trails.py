"""Trailing stops: they only come nearer, and there is never none at the venue."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from engine.execution.ledger import Ledger
from engine.kernel.trails import generations, intent_of, range_ticks, rule_of
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.orders import HAND
from engine.model.trails import TrailRule
from tests.builders import (
    BTC,
    Trader,
    a_candle,
    a_fill,
    a_mark,
    a_trader,
    an_instrument,
    buy,
    sell,
    set_state,
)


def wish(kind: str = "ticks", amount: str = "40", **changed: object) -> c.TrailWish:
    return c.TrailWish(kind, Decimal(amount), **changed)  # type: ignore[arg-type]  # whatever a test changes


def trailing(lots: int = 10, amount: str = "40", side: int = 1) -> Trader:
    """A position whose stop follows the price and is confirmed."""
    trader = a_trader().holds(side * lots)
    assert trader.do(c.SetTrail(BTC, wish(amount=amount))).verdict == "accepted"
    return accepted(trader)


def accepted(trader: Trader) -> Trader:
    """Let the venue take every stop that it has not."""
    for order in trader.ledger.working():
        if not order.venue_order_id:
            key = order.client_order_id
            trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return trader


def marked(trader: Trader, mark: str) -> Trader:
    """Let the mark price be this, and look at it."""
    return trader.take(a_mark(mark)).wait(250)


def stops(trader: Trader) -> list[int | None]:
    """Return the triggers of the stops that work."""
    return [order.spec.trigger_ticks for order in trader.ledger.working()]


def placed(trader: Trader) -> list[tuple]:
    specs = [effect.approved.intent.spec for effect in trader.asked(PlaceOrder)]
    return [(spec.type, spec.qty_lots, spec.trigger_ticks) for spec in specs]


def canceled(trader: Trader) -> list[str]:
    return [effect.client_order_id for effect in trader.asked(SendCancel)]


# Following.


def test_a_stop_follows_the_price_up_and_stays_when_it_falls():
    trader = trailing()
    first = trader.newest.client_order_id
    assert stops(trader) == [960]

    marked(trader, "1010.5")
    assert placed(trader) == [("stop", 10, 970)]
    assert canceled(trader) == []  # The first goes when the second is confirmed.
    assert trader.newest.intent.supersedes == (first,)
    assert trader.newest.spec.is_reduce_only

    accepted(trader).wait(250)
    assert canceled(trader) == [first]
    trader.take(f.OrderCanceled(trader.now_ns, first, "by us"))

    assert marked(trader, "990").facts == []
    assert marked(trader, "1010").facts == []
    assert stops(trader) == [970]


def test_a_stop_of_a_short_position_follows_down():
    trader = trailing(side=-1)
    assert stops(trader) == [1_041]

    marked(trader, "985.5")

    assert placed(trader) == [("stop", 10, 1_026)]
    assert trader.newest.spec.side == "buy"


def test_a_small_step_is_not_worth_a_message():
    trader = trailing()

    assert marked(trader, "1001").facts == []
    assert placed(marked(trader, "1002")) == [("stop", 10, 962)]


def settled(trader: Trader) -> Trader:
    """Let the venue take a move and end it."""
    accepted(trader).wait(250)
    for key in canceled(trader):
        trader.take(f.OrderCanceled(trader.now_ns, key, "by us"))
    return trader


def test_a_price_that_climbs_slowly_moves_the_stop_six_times_a_minute():
    trader = trailing(amount="60")
    moves = 0
    for mark in range(1_001, 1_041):  # A second each.
        trader.wait(500)
        moves += len(placed(marked(trader, str(mark))))
        settled(trader)

    assert moves == 4  # And not 13.
    assert trader.ledger.trails["t1"].stop_ticks >= 1_040 - 60 - 3


def test_a_move_of_a_quarter_of_the_distance_waits_for_no_other():
    trader = settled(marked(trailing(), "1002"))
    assert placed(marked(trader, "1011")) == []

    assert placed(marked(trader, "1013")) == [("stop", 10, 973)]


def test_a_small_move_that_waited_is_made_though_the_price_has_fallen_since():
    trader = settled(marked(trailing(), "1002"))
    marked(trader, "1010")
    marked(trader, "990")

    assert placed(trader.wait(8_000)) == []
    assert placed(trader.wait(2_000)) == [("stop", 10, 970)]


def test_a_stop_follows_further_only_when_the_move_before_has_ended():
    trader = trailing()
    marked(trader, "1010")
    marked(trader, "1020")
    assert trader.ledger.trails["t1"].stop_ticks == 980
    assert stops(trader) == [960, 970]

    accepted(trader).wait(250)
    assert placed(trader) == []  # The first is asked to go, and has not gone yet.
    first = trader.ledger.working()[0].client_order_id
    trader.take(f.OrderCanceled(trader.now_ns, first, "by us")).wait(250)

    assert placed(trader) == [("stop", 10, 980)]


def test_a_stop_that_is_refused_leaves_the_one_before_and_comes_again():
    trader = trailing()
    marked(trader, "1010")
    trader.take(f.OrderRejected(trader.now_ns, trader.newest.client_order_id, "no"))

    assert trader.wait(2_500).asked(PlaceOrder) == []
    assert stops(trader) == [960]
    assert placed(marked(trader, "1010").wait(500)) == [("stop", 10, 970)]


def test_a_stop_whose_fate_is_unknown_keeps_the_one_before():
    trader = trailing()
    marked(trader, "1010")
    trader.take(f.OrderUnknown(trader.now_ns, trader.newest.client_order_id, "no answer"))

    assert canceled(trader.wait(1_000)) == []
    assert stops(trader) == [960, 970]


def test_what_the_gate_refuses_is_not_tried_at_once_again():
    trader = trailing()
    tight = {"orders_per_10min_max": 0}
    trader.desk.limits = replace(trader.desk.limits, **tight)
    marked(trader, "1010")
    denied = [fact for fact in trader.facts if isinstance(fact, f.OrderDenied)]
    assert len(denied) == 1
    assert trader.desk.trails_refused_ns == {"t1": trader.now_ns}

    assert trader.wait(1_000).asked(PlaceOrder) == []
    assert trader.ledger.trails["t1"].stop_ticks == 970
    trader.ledger.apply(f.TrailEnded(trader.now_ns, "t1", "a test"))
    assert trader.wait(250).desk.trails_refused_ns == {}


def test_nothing_moves_while_no_price_can_be_relied_on():
    trader = trailing().wait(6_000)  # The book is old, and nothing else is known.

    assert trader.ledger.trails["t1"].moves == 0
    trader.take(a_mark("1030")).wait(20_000)
    before = trader.ledger.trails["t1"].moves
    assert trader.wait(20_000).ledger.trails["t1"].moves == before


def test_nothing_moves_while_the_steps_change():
    trader = trailing()
    trader.market.instrument = an_instrument(is_trading=True, tick_size=Decimal(2))

    assert marked(trader, "1040").ledger.trails["t1"].moves == 0


def test_a_trail_of_an_instrument_that_is_gone_stays_where_it_is():
    trader = trailing()
    del trader.state.instruments[BTC]

    assert trader.wait(250).ledger.trails["t1"].stop_ticks == 960


def test_nothing_is_sent_while_killed_and_the_stop_stays():
    trader = trailing()
    set_state(trader, "all", "killed")

    assert placed(marked(trader, "1010")) == []
    assert stops(trader) == [960]


# Its size.


def test_a_trail_shrinks_and_ends_with_the_position():
    trader = trailing()
    trader.ledger.apply(a_fill(trader.works("sell", 4, 1_000), 4))
    key = trader.ledger.working()[0].client_order_id

    trader.wait(250)
    assert placed(trader) == [("stop", 6, 960)]
    accepted(trader).wait(250)
    assert canceled(trader) == [key]
    trader.take(f.OrderCanceled(trader.now_ns, key, "by us"))

    trader.take(a_fill(trader.newest.client_order_id, 6, 959))
    assert trader.ledger.trails == {}
    assert f.TrailEnded(trader.now_ns, "t1", "its position is closed") in trader.facts


def test_a_position_that_is_closed_otherwise_takes_the_stop_with_it():
    trader = trailing()
    trader.ledger.apply(a_fill(trader.works("sell", 10, 1_000), 10))

    trader.wait(250)

    assert trader.ledger.trails == {}
    assert len(canceled(trader)) == 1


def test_a_growing_position_keeps_the_size_that_was_protected():
    trader = trailing().holds(5)

    trader.wait(250)

    assert placed(trader) == []


def test_a_stop_that_would_not_only_reduce_does_not_leave():
    trader = trailing()
    key = trader.newest.client_order_id
    trader.take(f.OrderCanceled(trader.now_ns, key, "by the venue"))
    trader.stops(lots=10)  # Somebody else's, that claims all of it.

    assert placed(trader.wait(250)) == []
    assert trader.desk.trails_refused_ns


# Restart.


def test_a_restart_goes_on_from_the_high_water_mark():
    trader = trailing()
    marked(trader, "1030")
    again = Ledger.from_bytes(trader.ledger.to_bytes())

    trail = again.trails["t1"]
    assert (trail.best_ticks, trail.stop_ticks) == (1_030, 990)


# The bracket.


def test_a_bracket_may_trail():
    trader = a_trader()
    assert trader.do(buy(10, 1_000, trail=wish())).orders[1].trigger == "960"
    key = trader.newest.client_order_id
    trader.take(f.OrderAcked(trader.now_ns, key, "v"), a_fill(key, 4))
    assert placed(trader) == [("stop", 4, 960)]
    accepted(trader)

    marked(trader, "1010")
    assert placed(trader) == [("stop", 4, 970)]
    late = accepted(trader).ledger.working()[1].client_order_id
    assert canceled(trader.wait(250)) == [late]
    trader.take(f.OrderCanceled(trader.now_ns, late, "by us"))
    trader.take(a_fill(key, 6, 1_001))
    assert placed(trader) == [("stop", 6, 970)]

    accepted(trader)
    for order in trader.ledger.working():
        trader.take(a_fill(order.client_order_id, order.remaining_lots, 969))
    assert trader.ledger.trails == {}


def test_the_stop_of_a_bracket_is_where_a_trail_begins_if_it_is_nearer():
    trader = a_trader()
    order = buy(10, 1_000, trail=wish(), stop=Decimal(980))
    assert trader.do(order).orders[1].trigger == "980"
    key = trader.newest.client_order_id

    trader.take(f.OrderAcked(trader.now_ns, key, "v"), a_fill(key, 10))

    assert stops(trader) == [980]


def test_a_waived_stop_begins_no_trail():
    trader = a_trader()
    trader.do(sell(10, 1_001, trail=wish()))
    key = trader.newest.client_order_id
    trader.take(f.OrderAcked(trader.now_ns, key, "v"), a_fill(key, 4, 1_001))
    leg = accepted(trader).newest.client_order_id
    trader.do(c.CancelOrders((leg,)))
    trader.take(f.OrderCanceled(trader.now_ns, leg, "by hand"))
    assert placed(trader.wait(250)) == []

    trader.ledger.apply(f.TrailEnded(trader.now_ns, key, "a test"))
    assert placed(trader.wait(250)) == []
    assert trader.ledger.trails == {}


def test_an_entry_that_nothing_could_follow_is_refused():
    trader = a_trader()
    told = ("a stop cannot trail by 0",)
    assert trader.do(buy(10, 1_000, trail=wish(amount="0"))).sentences == told

    trader.wait(6_000)
    told = ("no price is known that a stop could follow",)
    assert trader.do(buy(10, None, trail=wish())).sentences == told


# The parts.


def test_stops_are_shared_out_by_their_price():
    trader = trailing()
    trail = trader.ledger.trails["t1"]
    (working,) = trader.ledger.working()

    found = generations(trader.state, intent_of(trail, 10), [working], trail)
    assert (found.current, found.late) == ([working], [])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (wish("price", "40.5"), TrailRule("ticks", Decimal("40.5"), 40)),
        (wish("percent", "0.5"), TrailRule("percent", Decimal("0.5"), 5)),
        (wish("ticks", "0"), "a stop cannot trail by 0"),
        (wish("ticks", "NaN"), "a stop cannot trail by NaN"),
        (wish("ticks", "1E+13"), "a stop cannot trail by 1E+13"),
        (wish("atr", "2", candles=0), "a range of 0 candles of 60 s is not kept"),
        (wish("atr", "2", timeframe_s=61), "a range of 14 candles of 61 s is not kept"),
        (wish("atr", "2"), "no range is known: it takes 15 closed candles of 1 min"),
    ],
    ids=repr,
)
def test_a_distance_as_asked_becomes_ticks(asked, expected):
    trader = a_trader()

    assert rule_of(trader.state, trader.market, asked, 1_000) == expected


def test_without_steps_there_is_no_distance():
    trader = a_trader()
    trader.market.instrument = an_instrument(tick_size=None)

    told = rule_of(trader.state, trader.market, wish(), 1_000)

    assert told == "The venue has not said in which steps a price may be."


def with_candles(trader: Trader, count: int = 4, height: int = 20) -> Trader:
    """Let there be closed candles of this height, and one that is under way."""
    for minute in range(count):
        top = 1_000 + height
        trader.take(a_candle((1_000, top, 1_000, 1_000), minute=minute - count))
    return trader.take(a_candle((1_000, 5_000, 1_000, 1_000), minute=0, is_closed=False))


def test_a_range_is_of_closed_candles():
    trader = with_candles(a_trader())

    assert range_ticks(trader.state, trader.market, 3, 60) == Fraction(20)
    assert range_ticks(trader.state, trader.market, 4, 60) is None


def test_a_stop_may_follow_by_the_range_of_candles():
    trader = with_candles(a_trader().holds(10))
    asked = c.SetTrail(BTC, wish("atr", "2", candles=3))
    assert trader.do(asked).verdict == "accepted"
    assert stops(trader) == [960]
    accepted(trader)

    marked(trader, "1010")

    assert placed(trader) == [("stop", 10, 970)]
    assert trader.newest.intent.owner == HAND
