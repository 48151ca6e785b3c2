"""What orders a command would make or change: amends, closes, and a market that is not whole."""

from decimal import Decimal

import pytest

from engine.model import commands as c
from engine.model.effects import PlaceOrder
from engine.model.envelope import StorageDegraded, StorageRestored
from engine.model.facts import OrderDenied, OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.orders import HAND
from tests.builders import (
    BTC,
    ETH,
    a_delta,
    a_fill,
    a_trader,
    an_instrument,
    an_update,
    buy,
    set_state,
    stop_sell,
)

GHOST = InstrumentId("test:GHOST")


# Amends.


def test_an_order_that_has_ended_is_not_amended_and_its_state_is_told():
    trader = a_trader()
    cid = trader.works("buy", 1, 990)
    trader.take(a_fill(cid))

    for key, state in ((cid, "filled"), ("nobody", "unknown")):
        (sentence,) = trader.do(c.AmendOrder(key, size=Decimal(2))).sentences
        assert sentence == f"order {key} cannot be amended: it is {state}"


def test_only_orders_with_a_price_are_amended():
    trader = a_trader().holds(5)

    outcome = trader.do(c.AmendOrder(trader.stops(), size=Decimal(2)))

    assert outcome.sentences == ("only limit orders can be amended",)


def test_an_amend_to_what_an_order_is_already_is_refused():
    trader = a_trader()
    cid = trader.works("buy", 2, 990)

    same = trader.do(c.AmendOrder(cid, Decimal(990), Decimal(2)))

    assert (same.verdict, same.sentences) == ("refused", ("that is its price and size already",))
    assert trader.do(c.AmendOrder(cid, Decimal(991))).verdict == "accepted"


def test_an_amend_passes_the_gate():
    trader = a_trader()
    cid = trader.works("buy", 1, 990)

    assert "order_value_max" in trader.do(c.AmendOrder(cid, size=Decimal(40))).sentences[0]
    (denied,) = [fact for fact in trader.facts if isinstance(fact, OrderDenied)]
    assert denied.intent.spec.qty_lots == 40
    assert trader.do(c.AmendOrder(cid, size=Decimal("NaN"))).verdict == "refused"


def test_an_order_without_the_flag_is_not_amended_as_if_it_reduced():
    """The venue would not clip it: the flag that the gate asks for cannot be amended in."""
    trader = a_trader().holds(5)
    cid = trader.works("sell", 1, 1_010)
    set_state(trader, "all", "reduce_only")

    outcome = trader.do(c.AmendOrder(cid, size=Decimal(5)))

    assert outcome.verdict == "refused"
    assert "only leave as reduce-only" in outcome.sentences[0]


def test_an_amended_protective_order_stays_protective():
    trader = a_trader().holds(5)
    cid = trader.stops(lots=5, limit_ticks=945)
    trader.works("sell", 5, 1_010, is_reduce_only=True)

    outcome = trader.do(c.AmendOrder(cid, price=Decimal(948)))

    assert outcome.verdict == "accepted"


# Closing.


def test_a_close_takes_from_hand_first_and_then_from_strategies():
    trader = a_trader().holds(4).holds(6, owner="mean_reversion@BTCUSDT")

    trader.do(c.ClosePosition(BTC, Decimal("0.7")))

    order = trader.newest
    assert (order.spec.side, order.spec.qty_lots, order.spec.is_reduce_only) == ("sell", 7, True)
    trader.take(a_fill(order.client_order_id, 7))
    assert trader.ledger.position(HAND, BTC).lots == 0
    assert trader.ledger.position("mean_reversion@BTCUSDT", BTC).lots == 3


def test_a_share_is_rounded_down_to_lots():
    trader = a_trader().holds(-7)

    trader.do(c.ClosePosition(BTC, Decimal("0.5"), Decimal(1_000)))

    spec = trader.newest.spec
    assert (spec.side, spec.qty_lots, spec.limit_ticks, spec.tif) == ("buy", 3, 1_000, "gtc")


@pytest.mark.parametrize("share", ["NaN", "0", "-0.5", "1.01", "Infinity", "1e999999"])
def test_a_share_that_is_none_is_refused(share):
    (sentence,) = a_trader().holds(5).do(c.ClosePosition(BTC, Decimal(share))).sentences

    assert "cannot be closed" in sentence
    assert len(sentence) < 200


def test_less_than_a_lot_is_not_closed():
    (sentence,) = a_trader().holds(5).do(c.ClosePosition(BTC, Decimal("0.1"))).sentences

    assert sentence == "0.1 of 5 lots is no size to close"


def test_nothing_held_is_nothing_to_close():
    assert a_trader().do(c.ClosePosition()).sentences == ("no position to close",)


def test_all_positions_are_closed_by_orders_of_their_own():
    trader = a_trader()
    trader.take(an_update(an_instrument(ETH, is_trading=True)), a_delta(10, instrument_id=ETH))
    trader.state.instruments[ETH].book = trader.market.book
    trader.state.instruments[ETH].book_ns = trader.now_ns
    trader.holds(5).holds(-3, instrument_id=ETH)

    outcome = trader.do(c.ClosePosition())

    assert len(set(outcome.client_order_ids)) == 2
    assert [(o.instrument_id, o.side, o.size) for o in outcome.orders] == [
        (BTC, "sell", "5"),
        (ETH, "buy", "3"),
    ]


def test_a_position_of_what_is_not_watched_is_not_taken_for_closed():
    trader = a_trader().holds(3, instrument_id=GHOST)

    assert trader.do(c.ClosePosition()).sentences == ("no instrument 'GHOST' is watched",)


def test_a_position_that_cannot_be_closed_is_named_and_the_others_are_closed():
    trader = a_trader().holds(5).holds(3, instrument_id=GHOST)

    outcome = trader.do(c.ClosePosition())

    assert outcome.verdict == "accepted"
    assert outcome.sentences == ("GHOST stays: no instrument 'GHOST' is watched",)
    assert [order.approved.intent.spec.instrument_id for order in trader.asked(PlaceOrder)] == [BTC]


def test_what_the_gate_refuses_of_a_close_of_all_is_recorded():
    trader = a_trader()
    trader.take(an_update(an_instrument(ETH, is_trading=True)), a_delta(10, instrument_id=ETH))
    trader.state.instruments[ETH].book = trader.market.book
    trader.holds(5).holds(-3, instrument_id=ETH)
    trader.take(an_update(an_instrument(is_trading=False)))

    outcome = trader.do(c.ClosePosition())

    (denied,) = [fact for fact in trader.facts if isinstance(fact, OrderDenied)]
    assert denied.intent.spec.instrument_id == BTC
    assert "does not trade" in denied.reasons[0]
    assert outcome.sentences == (f"BTCUSDT stays: {denied.reasons[0]}",)
    assert [order.approved.intent.spec.instrument_id for order in trader.asked(PlaceOrder)] == [ETH]


def test_only_what_is_killed_is_flattened_by_a_close_of_all():
    trader = a_trader()
    trader.take(an_update(an_instrument(ETH, is_trading=True)), a_delta(10, instrument_id=ETH))
    trader.state.instruments[ETH].book = trader.market.book
    trader.holds(5).holds(-3, instrument_id=ETH)
    set_state(trader, f"instrument:{BTC}", "killed")

    trader.do(c.ClosePosition())

    assert [order.is_flatten for order in trader.asked(PlaceOrder)] == [True, False]


def test_an_order_is_not_amended_to_what_is_filled_already():
    trader = a_trader()
    cid = trader.works("buy", 10, 990)
    trader.take(a_fill(cid, 4, 990))

    assert trader.do(c.AmendOrder(cid, size=Decimal(4))).sentences == (
        "4 of 10 lots are filled; ask for more",
    )
    assert trader.do(c.AmendOrder(cid, size=Decimal(5))).verdict == "accepted"


def test_a_partly_filled_close_is_amended():
    trader = a_trader().holds(10)
    cid = trader.works("sell", 10, 1_010, is_reduce_only=True)
    trader.take(a_fill(cid, 4, 1_010))

    assert trader.do(c.AmendOrder(cid, price=Decimal(1_005))).verdict == "accepted"


def test_while_killed_a_close_may_only_shrink_and_does_not_rest():
    trader = a_trader().holds(5)
    trader.say(c.EngageKill())

    trader.do(c.ClosePosition(BTC, price=Decimal(1_000)))

    (placed,) = trader.asked(PlaceOrder)
    assert placed.is_flatten
    assert placed.approved.intent.spec.tif == "ioc"
    assert trader.do(buy(1)).verdict == "refused"


def test_a_position_killed_for_its_loss_can_be_closed():
    trader = a_trader().holds(5)
    set_state(trader, f"instrument:{BTC}", "killed")

    assert trader.do(c.ClosePosition(BTC)).verdict == "accepted"


# Not known yet.


def test_a_book_that_is_not_whole_refuses_new_risk():
    trader = a_trader().take(a_delta(99))

    assert "only reducing is possible" in trader.do(buy(1)).sentences[0]


def test_fills_of_an_amended_order_count_by_what_the_venue_says():
    trader = a_trader()
    cid = trader.works("buy", 5, 990)
    trader.do(c.AmendOrder(cid, size=Decimal(8)))

    trader.take(a_fill(cid, 5, 990))

    assert isinstance(trader.facts[0], OrderFilled)
    assert trader.ledger.orders[cid].remaining_lots == 3


# Closing while the journal cannot be written (D17).


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_confirmed_close_leaves_without_the_journal_and_is_marked(is_killed: bool):
    trader = a_trader().holds(5)
    if is_killed:
        trader.say(c.EngageKill())
    trader.take(StorageDegraded("disk full"))

    asked = trader.ask(c.ClosePosition(BTC))
    assert (asked.verdict, asked.level) == ("accepted", 2)
    told = "NOT JOURNALLED: a crash now would forget this close"
    assert asked.sentences == (told,)
    assert trader.say(c.ClosePosition(BTC), confirm=1).verdict == "needs_confirmation"
    assert trader.asked(PlaceOrder) == []
    trader.do(c.ClosePosition(BTC))

    (placed,) = trader.asked(PlaceOrder)
    assert (placed.is_unjournalled, placed.is_flatten) == (True, is_killed)
    assert placed.approved.intent.tag == "close NOT JOURNALLED"
    assert told in trader.said[-1]


def test_nothing_but_a_close_leaves_without_the_journal():
    trader = a_trader().holds(5).take(StorageDegraded("disk full"))

    assert trader.do(buy(1)).verdict == "refused"
    trader.do(stop_sell())
    assert [one.is_unjournalled for one in trader.asked(PlaceOrder)] == [False]


def test_with_a_good_journal_a_close_waits_for_it():
    trader = a_trader().holds(5).take(StorageDegraded("disk full"), StorageRestored())

    assert trader.do(c.ClosePosition(BTC)).sentences == ()
    (placed,) = trader.asked(PlaceOrder)
    assert (placed.is_unjournalled, placed.approved.intent.tag) == (False, "close")
