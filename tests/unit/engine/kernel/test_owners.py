"""Closes by hand that take from strategies are named, before and after (D18)."""

from engine.kernel.owners import taken_from
from engine.model import commands as c
from tests.builders import BTC, Trader, a_fill, a_trader, sell
from tests.order_facts import Told

GRID, RSI = "grid@BTCUSDT", "rsi@BTCUSDT"


def closing(trader: Trader) -> str:
    trader.do(c.ClosePosition(BTC))
    return trader.newest.client_order_id


def test_a_close_by_hand_names_the_strategies_that_it_takes_from_and_how_much():
    trader = a_trader().holds(3).holds(4, owner=GRID).holds(2, owner=RSI)

    told = "BTCUSDT: takes 4 of grid@BTCUSDT, 2 of rsi@BTCUSDT"
    assert trader.ask(c.ClosePosition(BTC)).sentences == (told,)
    cid = closing(trader)
    assert told in trader.said[-1]

    trader.take(a_fill(cid, 3, 1_000))
    assert not [text for text in trader.said if "closed by hand" in text]
    trader.take(a_fill(cid, 5, 999))
    assert "BTCUSDT: closed by hand 3 of grid@BTCUSDT, 2 of rsi@BTCUSDT" in trader.said
    (notice,) = [one for one in trader.state.notices if "closed by hand" in one.text]
    assert (notice.level, notice.source) == ("warning", "hand")


def test_a_fill_that_is_told_again_is_named_once():
    trader = a_trader().holds(4, owner=GRID)
    cid = closing(trader)
    fill = a_fill(cid, 4, 1_000)

    trader.take(fill, fill)

    (notice,) = [one for one in trader.state.notices if "closed by hand" in one.text]
    assert notice.count == 1


def test_what_is_only_of_hand_needs_no_word():
    trader = a_trader().holds(5).holds(-2, owner=GRID)
    assert trader.ask(c.ClosePosition(BTC)).sentences == ()

    trader.take(a_fill(closing(trader), 3, 1_000))

    assert not [text for text in trader.said if "closed by hand" in text]


def test_a_sale_that_is_no_close_takes_from_nobody():
    trader = a_trader().holds(4, owner=GRID)
    trader.do(sell(1, 1_001))

    trader.take(a_fill(trader.newest.client_order_id, 1, 1_001))

    assert not [text for text in trader.said if "closed by hand" in text]


def test_a_close_that_the_gate_refuses_takes_nothing():
    trader = a_trader().holds(4, owner=GRID)
    trader.state.instruments[BTC].book.invalidate("a test")

    assert "takes" not in " ".join(trader.ask(c.ClosePosition(BTC)).sentences)


def test_sizes_are_told_in_the_instruments_own_unit():
    ledger = Told().open().ledger

    assert taken_from(ledger, BTC, {"hand": -1, GRID: -12}) == "12 of grid@BTCUSDT"
    assert taken_from(Told().ledger, BTC, {GRID: 3}) == "3 of grid@BTCUSDT"
