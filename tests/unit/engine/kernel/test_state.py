"""What is kept of an instrument, and how it is counted finer."""

from decimal import Decimal
from typing import Any

import pytest

from engine.ingest.book import NO_FLOOR
from engine.kernel.desk import DeskSetup
from engine.kernel.state import InstrumentState, KernelState, SignalIds
from engine.model.instrument import InstrumentId
from tests.builders import a_delta, a_quote, a_snapshot, a_trade, an_instrument, at, shown


def a_market(price_decimals: int = 0, qty_decimals: int = 0, **changed: Any) -> InstrumentState:
    market = InstrumentState(an_instrument(**changed), price_decimals, qty_decimals)
    market.make_detectors(SignalIds())
    return market


@pytest.mark.parametrize(
    ("tick", "price_decimals", "ticks"),
    [("0.5", 1, 5), ("0.01", 2, 1), ("10", 0, 10), ("0.01", 0, 1), (None, 3, 1)],
)
def test_the_venues_step_is_told_in_our_ticks(tick, price_decimals, ticks):
    tick_size = Decimal(tick) if tick else None
    market = a_market(price_decimals, tick_size=tick_size)

    assert market.tick_ticks == ticks


def test_what_never_came_has_no_age():
    market = a_market()
    assert (market.book_age_ns(at(0)), market.trade_age_ns(at(0))) == (None, None)

    market.book_ns, market.trade_ns = at(0), at(100)

    assert (market.book_age_ns(at(300)), market.trade_age_ns(at(300))) == (300e6, 200e6)


@pytest.mark.parametrize("quote", ["USD", "USDT", "USDC"])
def test_dollar_quotes_have_detectors_and_a_floor_in_ticks_times_lots(quote):
    market = a_market(2, 3, quote=quote)

    assert market.detectors
    assert market.detectors_off == ""
    assert market.book.addition_floor == 25_000 * 10**5


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        ("BTC", "off: thresholds are in dollars, the quote is BTC"),
        ("", "off: quote currency unknown"),
    ],
)
def test_other_quotes_have_no_detectors_and_say_so(quote, reason):
    market = a_market(quote=quote)

    assert (market.detectors, market.detectors_off) == ((), reason)


def test_an_inverse_contract_has_no_detectors_and_says_so():
    market = a_market(quote="USD", is_inverse=True)

    assert market.detectors == ()
    assert market.detectors_off == "off: sizes of an inverse contract are no base amounts"
    assert market.book.addition_floor == NO_FLOOR


def test_finer_numbers_reach_everything_that_is_kept():
    market = a_market()
    market.book.apply_snapshot(a_snapshot("100x5", "101x2"), at(0))
    market.candles.add_trade(a_trade(100, 3))
    market.tape.add(a_trade(100, 3), at(0))
    market.quotes.on_top(10, (100, 5, 101, 2))
    market.last_ticks = 100

    market.widen(1, 2)

    assert shown(market.book) == "1000x500 | 1010x200"
    assert next(market.candles.series[60].own_rows())[1:] == (1000, 1000, 1000, 1000, 300, 1)
    assert [trade.qty_lots for trade in market.tape.newest(1)] == [300]
    assert market.quotes.on_quote(a_quote("1000x500", "1010x200", 10))
    assert market.last_ticks == 1000
    assert market.book.addition_floor == 25_000 * 10**3
    assert (market.price_decimals, market.qty_decimals) == (1, 2)


def test_without_a_price_there_is_none_to_count_finer():
    market = a_market(quote="BTC")

    market.widen(1, 0)

    assert market.last_ticks is None
    assert market.book.addition_floor == NO_FLOOR


@pytest.mark.parametrize("coarser", [(1, 3), (3, 1)])
def test_numbers_never_become_coarser(coarser):
    market = a_market(2, 2)

    with pytest.raises(AssertionError):
        market.widen(*coarser)


def test_signal_ids_count_up_from_one():
    ids = SignalIds()

    assert [ids.take(), ids.take(), ids.last] == [1, 2, 2]


def test_the_order_in_which_instruments_came_is_not_part_of_the_digest():
    one, other = KernelState(), KernelState()
    names = [InstrumentId("test:A"), InstrumentId("test:B")]

    for state, order in ((one, names), (other, names[::-1])):
        for name in order:
            state.instruments[name] = InstrumentState(an_instrument(name), 0, 0)

    assert one.digest_parts() == other.digest_parts()


def test_what_waits_for_a_snapshot_is_part_of_the_digest():
    one, other = a_market(), a_market()
    one.book.apply(a_delta(11, bids="99x1"), at(0))
    other.book.apply(a_delta(11, bids="99x2"), at(0))

    assert one.digest_parts() != other.digest_parts()


def test_a_state_trades_as_it_was_set_up():
    assert KernelState().desk.setup == DeskSetup()
    assert KernelState(DeskSetup("test", starts_armed=True)).desk.is_armed(at(0))


def test_the_desk_is_part_of_the_digest():
    one, other = KernelState(), KernelState(DeskSetup(starts_armed=True))

    assert one.digest_parts() != other.digest_parts()
