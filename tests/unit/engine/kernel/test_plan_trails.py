"""The command that lets a stop follow the price."""

from decimal import Decimal

import pytest

from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.trails import TrailRule
from tests.builders import BTC, ETH, Trader, a_fill, a_trader, stop_sell

BY_40 = c.TrailWish("ticks", Decimal(40))


def trail(by: c.TrailWish = BY_40) -> c.SetTrail:
    return c.SetTrail(BTC, by)


def accepted(trader: Trader) -> Trader:
    for order in trader.ledger.working():
        if not order.venue_order_id:
            key = order.client_order_id
            trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return trader


def test_the_preview_shows_the_stop_and_what_it_follows():
    outcome = a_trader().holds(10).ask(trail())

    assert outcome.level == 1
    assert outcome.sentences == ("t1 follows the price at 40 ticks",)
    (order,) = outcome.orders
    assert (order.side, order.type, order.size, order.trigger) == ("sell", "stop", "10", "960")


def test_it_reduces_and_needs_no_arming_but_a_second_look():
    assert a_trader(is_armed=False).holds(10).ask(trail()).level == 2


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (c.TrailWish("ticks", Decimal(-1)), "a stop cannot trail by -1"),
        (c.TrailWish("ticks", Decimal(500)), "0.5"),
    ],
    ids=repr,
)
def test_a_distance_that_cannot_be_is_refused(by, told):
    outcome = a_trader().holds(10).do(trail(by))

    assert outcome.verdict == "refused"
    assert told in outcome.sentences[0]


def test_without_a_position_or_a_price_there_is_nothing_to_follow():
    trader = a_trader()
    assert trader.do(trail()).sentences == ("no position that a stop could follow",)
    assert "watched" in trader.do(c.SetTrail(ETH, BY_40)).sentences[0]

    old = a_trader().holds(10)
    old.wait(6_000)
    told = "no price can be relied on that a stop could follow"
    assert old.do(trail()).sentences == (told,)


def test_it_takes_the_place_of_a_stop_by_hand_and_is_no_looser():
    trader = a_trader().holds(10)
    trader.do(stop_sell(10, 980))
    before = accepted(trader).newest.client_order_id

    assert trader.do(trail()).orders[0].trigger == "980"
    assert trader.asked(PlaceOrder) == []  # The stop that is there is where the trail begins.
    assert trader.ledger.trails["t1"].replaces == (before,)


def test_it_replaces_a_looser_stop_once_its_own_is_confirmed():
    trader = a_trader().holds(10)
    trader.do(stop_sell(10, 940))
    before = accepted(trader).newest.client_order_id
    trader.do(trail())
    assert [effect.approved.intent.supersedes for effect in trader.asked(PlaceOrder)] == [(before,)]

    accepted(trader).wait(250)

    assert [effect.client_order_id for effect in trader.asked(SendCancel)] == [before]


def test_a_trail_follows_a_trail_and_never_loosens():
    trader = a_trader().holds(10)
    trader.do(trail())
    accepted(trader).do(trail(c.TrailWish("ticks", Decimal(60))))

    assert list(trader.ledger.trails) == ["t2"]
    assert trader.ledger.trails["t2"].stop_ticks == 960


def test_the_trail_of_a_bracket_is_left_alone():
    trader = a_trader().holds(10)
    key = trader.works("buy", 1, 1_000)
    trader.ledger.apply(a_fill(key, 1))
    began = f.TrailSet(0, key, BTC, "sell", TrailRule("ticks", Decimal(40), 40), 1_000, 960)  # type: ignore[arg-type]  # plain numbers
    trader.ledger.apply(began)

    trader.do(trail())

    assert "t1" in trader.ledger.trails
    assert f.TrailEnded(trader.now_ns, key, "t1 follows it") not in trader.facts


def test_where_other_stops_claim_the_position_it_is_refused():
    trader = a_trader().holds(10)
    trader.stops(lots=10, trigger=950, owner="grid@BTCUSDT", is_protective=True)

    outcome = trader.do(trail())

    assert outcome.sentences == ("other stops protect this position already: cancel them first",)


def test_a_stop_that_is_canceled_by_hand_ends_its_trail():
    trader = a_trader().holds(10)
    trader.do(trail())
    key = accepted(trader).newest.client_order_id

    assert trader.do(c.CancelOrders((key,))).level == 2

    assert trader.ledger.trails == {}
    assert trader.wait(1_000).asked(PlaceOrder) == []
