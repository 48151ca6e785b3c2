"""What the gate is told of a market, in the venue's steps."""

from decimal import Decimal

import pytest

from engine.kernel.references import lot_units, reference_now, reference_of
from tests.builders import Run, a_mark, a_snapshot, a_trade, an_instrument, an_update

FINE = an_instrument(tick_size=Decimal("0.5"), lot_size=Decimal("0.1"))


def a_fine_market(bids: str = "1003x5", asks: str = "1006x5") -> Run:
    """Return a market of which prices have one decimal and steps of a half, sizes two decimals."""
    run = Run().take(an_update(FINE, 1, 2), a_snapshot(bids, asks))
    run.market.book.apply_snapshot(a_snapshot(bids, asks), run.now_ns)
    return run


def test_a_price_between_two_ticks_is_rounded_away_from_the_market():
    reference = reference_of(a_fine_market().market, "fresh")

    assert (reference.bid_ticks, reference.ask_ticks) == (200, 202)
    assert (reference.book_state, reference.freshness, reference.book_seq) == ("live", "fresh", 10)


@pytest.mark.parametrize(("price", "ticks"), [(1_002, 200), (1_003, 201), (1_005, 201)])
def test_the_last_price_goes_to_the_nearest_tick(price, ticks):
    run = a_fine_market().take(a_trade(price))

    assert reference_of(run.market, "fresh").last_ticks == ticks


def test_the_mark_goes_to_the_nearest_tick():
    run = a_fine_market().take(a_mark("100.3"))

    assert reference_of(run.market, "fresh").mark_ticks == 201


def test_what_is_unknown_is_none():
    reference = reference_of(Run().take(an_update()).market, "none")

    assert (reference.bid_ticks, reference.ask_ticks, reference.last_ticks) == (None, None, None)
    assert (reference.mark_ticks, reference.median_trade_lots) == (None, None)


def test_without_a_tick_there_is_no_mark():
    run = Run().take(an_update(an_instrument(tick_size=None)), a_mark())

    assert reference_of(run.market, "fresh").mark_ticks is None


def test_few_trades_have_no_typical_size():
    run = a_fine_market().take(*(a_trade(qty=10 * size) for size in range(1, 50)))
    assert reference_of(run.market, "fresh").median_trade_lots is None

    run.take(a_trade(qty=500))

    assert reference_of(run.market, "fresh").median_trade_lots == 26


def test_a_typical_size_is_one_lot_at_least():
    run = a_fine_market().take(*(a_trade(qty=1) for _ in range(50)))

    assert reference_of(run.market, "fresh").median_trade_lots == 1


def test_a_lot_is_told_on_the_decoding_scale():
    assert lot_units(a_fine_market().market) == 10
    assert lot_units(Run().take(an_update(an_instrument(lot_size=None))).market) == 1


def test_a_reviewed_market_knows_how_far_its_price_has_moved_within_a_minute():
    run = a_fine_market().take(a_trade(100))
    run.ms = 2_000
    run.take(a_trade(106))
    run.ms = 61_000
    run.take(a_snapshot())

    assert reference_now(run.state, run.market).move_60s is None
    assert reference_now(run.state, run.market, is_reviewed=True).move_60s == Decimal("0.06")
