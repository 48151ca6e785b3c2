"""The seeded past: whole, coherent, and ending where trading begins."""

from itertools import pairwise

import pytest

from engine.model.chance import Chance
from engine.model.market import Candle
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.history import TIMEFRAMES_S, HistoryMaker
from engine.venues.simulated.instruments import INSTRUMENTS

START_NS = 1_753_600_987_123_456_789
PRICE = 127_500
BITCOIN = INSTRUMENTS[0]


@pytest.fixture(scope="module")
def by_timeframe() -> dict[int, list[Candle]]:
    history = HistoryMaker(Chance(4), BITCOIN).up_to(START_NS, PRICE)
    found: dict[int, list[Candle]] = {timeframe_s: [] for timeframe_s in TIMEFRAMES_S}
    for candle in history.closed:
        found[candle.timeframe_s].append(candle)
    return found


def test_each_timeframe_has_about_300_candles_without_a_hole(by_timeframe) -> None:
    for timeframe_s, candles in by_timeframe.items():
        opens = [candle.open_ns // NS_PER_S for candle in candles]
        newest = START_NS // NS_PER_S // timeframe_s * timeframe_s
        assert 300 <= len(candles) <= 310
        assert opens == list(range(newest - timeframe_s * len(opens), newest, timeframe_s))
        assert all(candle.is_closed for candle in candles)


def test_the_newest_minute_ends_at_the_opening_price(by_timeframe) -> None:
    assert by_timeframe[60][-1].close_ticks == PRICE * BITCOIN.tick_units


def test_each_candle_begins_where_the_one_before_ended(by_timeframe) -> None:
    for candles in by_timeframe.values():
        for before, after in pairwise(candles):
            assert after.open_ticks == before.close_ticks


def test_every_price_lies_on_the_grid_and_within_the_candle(by_timeframe) -> None:
    for candles in by_timeframe.values():
        for candle in candles:
            prices = (candle.low_ticks, candle.open_ticks, candle.close_ticks, candle.high_ticks)
            assert min(prices) == candle.low_ticks > 0
            assert max(prices) == candle.high_ticks
            assert all(price % BITCOIN.tick_units == 0 for price in prices)
            assert candle.volume_lots > 0
            assert candle.trade_count > 0


def test_a_coarse_candle_is_the_fine_ones_added_up(by_timeframe) -> None:
    for finer_s, timeframe_s in pairwise(TIMEFRAMES_S):
        finer = by_timeframe[finer_s]
        compared = 0
        for candle in by_timeframe[timeframe_s]:
            end_ns = candle.open_ns + timeframe_s * NS_PER_S
            parts = [part for part in finer if candle.open_ns <= part.open_ns < end_ns]
            if len(parts) * finer_s < timeframe_s:
                continue
            compared += 1
            assert candle.open_ticks == parts[0].open_ticks
            assert candle.close_ticks == parts[-1].close_ticks
            assert candle.high_ticks == max(part.high_ticks for part in parts)
            assert candle.low_ticks == min(part.low_ticks for part in parts)
            assert candle.volume_lots == sum(part.volume_lots for part in parts)
            assert candle.trade_count == sum(part.trade_count for part in parts)
        assert compared >= 40


def test_candles_under_way_continue_the_closed_ones(by_timeframe) -> None:
    under_way = HistoryMaker(Chance(4), BITCOIN).up_to(START_NS, PRICE).under_way

    assert [candle.timeframe_s for candle in under_way] == list(TIMEFRAMES_S)
    for candle in under_way:
        before = by_timeframe[candle.timeframe_s][-1]
        assert candle.open_ns == before.open_ns + candle.timeframe_s * NS_PER_S
        assert candle.open_ticks == before.close_ticks
        assert candle.close_ticks == PRICE * BITCOIN.tick_units
        assert not candle.is_closed


def test_a_skipped_hour_is_told_in_whole_periods() -> None:
    maker = HistoryMaker(Chance(4), BITCOIN)

    candles = maker.between(START_NS, START_NS + 3_600 * NS_PER_S, PRICE, PRICE + 200)

    minutes = [candle for candle in candles if candle.timeframe_s == 60]
    assert len(minutes) in (59, 60)
    assert minutes[0].open_ns >= START_NS
    assert minutes[0].open_ticks == PRICE * BITCOIN.tick_units
    assert minutes[-1].close_ticks == (PRICE + 200) * BITCOIN.tick_units
    assert sum(candle.timeframe_s == 300 for candle in candles) in (11, 12)


def test_a_skipped_year_is_told_in_its_last_day() -> None:
    maker = HistoryMaker(Chance(4), BITCOIN)

    candles = maker.between(START_NS, START_NS + 31_536_000 * NS_PER_S, PRICE, PRICE)

    assert sum(candle.timeframe_s == 60 for candle in candles) == 1_500


def test_a_moment_between_two_minutes_has_no_candle() -> None:
    assert HistoryMaker(Chance(4), BITCOIN).between(START_NS, START_NS + 5, PRICE, PRICE) == ()
