"""Instruments that come and go while the engine runs."""

from engine.kernel.views import build, status_view
from engine.model import commands as c
from engine.model.effects import Unwatch, Watch
from engine.model.market import SubscriptionRefused
from engine.model.signals import WhaleSignal
from engine.model.view import WhalesView
from tests.builders import (
    BTC,
    ETH,
    Trader,
    a_delta,
    a_snapshot,
    a_trader,
    a_wish,
    an_instrument,
    an_update,
    buy,
    some_facts,
)
from tests.unit.engine.kernel.parent_desk import filled, started, twap


def a_pair() -> Trader:
    """Return a desk that watches BTC and ETH."""
    return a_trader().take(an_update(an_instrument(ETH, is_trading=True)))


def names(trader: Trader) -> list[str]:
    view = status_view(trader.state, trader.now_ns, some_facts())
    return [row.name for row in view.instruments]


def test_another_instrument_is_asked_for_by_the_venues_name():
    trader = a_trader()

    assert trader.do(c.WatchInstrument("kPEPE")).verdict == "accepted"
    assert trader.asked(Watch) == [Watch("kPEPE")]

    trader.take(an_update(an_instrument(ETH)))
    assert names(trader) == ["BTCUSDT", "ETHUSDT"]


def test_what_is_watched_is_not_asked_for_again():
    outcome = a_trader().do(c.WatchInstrument("BTCUSDT"))

    assert outcome.sentences == ("BTCUSDT is watched already",)


def test_what_the_venue_does_not_have_is_told():
    trader = a_trader().take(SubscriptionRefused("XYZ", "test lists no instrument 'XYZ'"))

    assert trader.said[-1] == "sub XYZ: test lists no instrument 'XYZ'"


def test_an_instrument_that_nothing_needs_is_left_and_forgotten():
    trader = a_pair()

    assert trader.do(c.UnwatchInstrument(BTC)).verdict == "accepted"

    assert trader.asked(Unwatch) == [Unwatch(BTC)]
    assert names(trader) == ["ETHUSDT"]
    assert build("book", trader.state, a_wish(), trader.now_ns, some_facts()) is None
    trader.take(a_delta(11), a_snapshot())
    assert trader.state.unknown_instrument == 2


def test_its_signals_go_with_it():
    trader = a_pair()
    for number, key in enumerate((BTC, ETH)):
        trader.state.signals[number] = WhaleSignal(
            number, trader.now_ns, key, "wall", "bid", 1, 1, 1.0, 0.6, {}
        )

    trader.do(c.UnwatchInstrument(BTC))

    view = build("whales", trader.state, a_wish(), trader.now_ns, some_facts())
    assert isinstance(view, WhalesView)
    assert [row.instrument_id for row in view.rows] == [ETH]


def test_an_order_needs_its_instrument():
    trader = a_pair()
    trader.works()

    assert trader.do(c.UnwatchInstrument(BTC)).sentences == (
        "an order works in BTCUSDT: cancel it first",
    )


def test_a_position_needs_its_instrument():
    outcome = a_pair().holds(1).do(c.UnwatchInstrument(BTC))

    assert outcome.sentences == ("a position is open in BTCUSDT: close it first",)


def test_a_strategy_needs_its_instrument_until_the_same_line_stops_it():
    trader = a_pair()
    trader.do(c.StartStrategy("mean_reversion", BTC))

    refused = trader.do(c.UnwatchInstrument(BTC))
    assert refused.sentences == ("mean_reversion@BTCUSDT runs on it: stop it first",)

    both = trader.do(c.StopStrategy("mean_reversion", BTC), c.UnwatchInstrument(BTC))
    assert both.verdict == "accepted"


def test_a_parent_needs_its_instrument_also_while_none_of_its_orders_works():
    trader = started(twap(), a_pair())
    filled(trader, 2)

    refused = trader.do(c.UnwatchInstrument(BTC))
    assert refused.sentences[-1] == "a1 works on it: cancel it first"

    both = trader.do(c.CancelParents(("a1",)), c.UnwatchInstrument(BTC))
    assert "a1 works on it: cancel it first" not in both.sentences


def test_the_last_instrument_stays():
    outcome = a_trader().do(c.UnwatchInstrument(BTC))

    assert outcome.sentences == ("BTCUSDT is the last instrument",)
    both = a_pair().do(c.UnwatchInstrument(BTC), c.UnwatchInstrument(ETH))
    assert both.sentences == ("ETHUSDT is the last instrument",)


def test_what_nobody_watches_cannot_be_left():
    assert a_trader().do(c.UnwatchInstrument(ETH)).verdict == "refused"


def test_one_line_cannot_leave_an_instrument_and_trade_in_it():
    trader = a_pair()

    after = trader.do(c.UnwatchInstrument(BTC), buy())
    assert after.sentences == ("no instrument 'BTCUSDT' is watched; did you mean BTCUSDT?",)

    before = trader.do(buy(), c.UnwatchInstrument(BTC))
    assert before.sentences == ("an order works in BTCUSDT: cancel it first",)
    assert names(trader) == ["BTCUSDT", "ETHUSDT"]
