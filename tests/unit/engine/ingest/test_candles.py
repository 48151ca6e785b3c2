"""Candles: made of trades, completed by the venue's, corrected by late trades."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.candles import CANDLES_MAX, Candles
from tests.builders import MINUTE_NS, START_NS, a_candle, a_trade


def opens_at(minute: int) -> int:
    return START_NS + minute * MINUTE_NS


def candles_of(*trades, venue=()) -> Candles:
    candles = Candles()
    for candle in venue:
        candles.add_venue_candle(candle)
    for trade in trades:
        candles.add_trade(trade)
    return candles


def minutes(candles: Candles, limit: int = 100) -> list:
    """Return rows of (minute, open, high, low, close, volume, count)."""
    rows = candles.series[60].newest(limit)
    return [((row[0] - START_NS) // MINUTE_NS, *row[1:]) for row in rows]


def in_minute(minute: int, price: int, qty: int = 1, second: int = 0):
    return a_trade(price, qty, ms=1_000 * (60 * minute + second))


def test_a_candle_has_the_first_highest_lowest_and_last_price_and_all_volume():
    candles = candles_of(a_trade(100, 2, ms=0), a_trade(103, 1, ms=10), a_trade(98, 4, ms=59_999))

    assert minutes(candles) == [(0, 100, 103, 98, 98, 7, 3)]


def test_a_trade_on_the_boundary_belongs_to_the_new_candle():
    candles = candles_of(a_trade(100, ms=59_999), a_trade(101, ms=60_000))

    assert [row[:2] for row in minutes(candles)] == [(0, 100), (1, 101)]


def test_a_minute_without_trades_has_no_candle():
    candles = candles_of(in_minute(0, 100), in_minute(2, 101))

    assert [row[0] for row in minutes(candles)] == [0, 2]


def test_longer_candles_add_up_the_shorter_ones():
    candles = candles_of(in_minute(0, 100, 2), in_minute(1, 105, 3), in_minute(30, 90))

    (day,) = candles.series[86_400].own_rows()
    assert day[0] % (86_400 * 1_000_000_000) == 0
    assert day[1:] == (100, 105, 90, 90, 6, 3)


def test_a_late_trade_corrects_the_candle_of_its_time():
    candles = candles_of(in_minute(0, 100), in_minute(1, 101), in_minute(0, 110, 5))

    assert minutes(candles) == [(0, 100, 110, 100, 110, 6, 2), (1, 101, 101, 101, 101, 1, 1)]
    candles.add_trade(in_minute(1, 99))
    assert minutes(candles)[-1] == (1, 101, 101, 99, 99, 2, 2)


def test_a_late_trade_of_a_minute_without_candle_makes_one():
    candles = candles_of(in_minute(0, 100), in_minute(2, 102), in_minute(1, 101))

    assert [row[:2] for row in minutes(candles)] == [(0, 100), (1, 101), (2, 102)]


def test_the_order_of_arrival_decides_neither_volume_nor_extremes():
    trades = [in_minute(0, 100, 1), in_minute(0, 105, 2), in_minute(0, 95, 3), in_minute(1, 99, 4)]

    for order in permutations(trades):
        (first, second) = minutes(candles_of(*order))
        assert (first[2], first[3], *first[5:]) == (105, 95, 6, 3)
        assert second == (1, 99, 99, 99, 99, 4, 1)


# The venue's candles


def test_history_comes_before_what_was_heard():
    history = [a_candle((90, 95, 85, 91), minute=-2), a_candle((91, 99, 90, 98), minute=-1)]

    candles = candles_of(in_minute(0, 100), venue=history)

    assert [row[:5] for row in minutes(candles)] == [
        (-2, 90, 95, 85, 91),
        (-1, 91, 99, 90, 98),
        (0, 100, 100, 100, 100),
    ]
    assert [row[0] for row in minutes(candles, limit=2)] == [-1, 0]
    assert minutes(candles, limit=0) == []


def test_the_candle_in_which_listening_began_is_the_venues():
    candles = candles_of(in_minute(0, 100, second=30), venue=[a_candle((90, 110, 85, 101))])

    assert minutes(candles) == [(0, 90, 110, 85, 101, 7, 3)]


def test_a_late_trade_does_not_make_us_have_listened_before():
    venue = [a_candle((90, 110, 85, 101), minute=0, volume_lots=1)]

    candles = candles_of(in_minute(0, 100, second=30), in_minute(-1, 99), venue=venue)

    assert minutes(candles)[1] == (0, 90, 110, 85, 101, 1, 3)


def test_a_candle_heard_from_its_beginning_is_our_own():
    venue = [a_candle((90, 110, 85, 101), minute=1, volume_lots=2)]

    candles = candles_of(in_minute(0, 100), in_minute(1, 101, 5), venue=venue)

    assert minutes(candles)[1] == (1, 101, 101, 101, 101, 5, 1)


def test_where_trades_were_missed_the_venue_counted_more_and_is_believed():
    venue = [a_candle((90, 110, 85, 101), minute=1, volume_lots=6)]

    candles = candles_of(in_minute(0, 100), in_minute(1, 101, 5), venue=venue)

    assert minutes(candles)[1] == (1, 90, 110, 85, 101, 6, 3)


def test_the_newest_word_of_the_venue_counts():
    candles = candles_of(venue=[a_candle((90, 95, 85, 91)), a_candle((90, 99, 85, 98))])

    assert [row[:5] for row in minutes(candles)] == [(0, 90, 99, 85, 98)]


def test_a_timeframe_that_is_not_kept_is_let_go():
    candles = candles_of(venue=[a_candle(timeframe_s=7)])

    assert all(not series.newest(10) for series in candles.series.values())


# Bounds


def test_only_the_newest_candles_are_kept():
    candles = candles_of(*(in_minute(minute, 100 + minute) for minute in range(CANDLES_MAX + 2)))

    own = list(candles.series[60].own_rows())
    assert len(own) == CANDLES_MAX
    assert own[0][:2] == (opens_at(2), 102)


def test_a_trade_too_late_for_the_oldest_candle_is_dropped_and_counted():
    candles = candles_of(*(in_minute(minute, 100) for minute in range(10, 10 + CANDLES_MAX)))

    candles.add_trade(in_minute(3, 50))

    assert candles.series[60].late_dropped == 1
    assert candles.series[3_600].late_dropped == 0
    assert minutes(candles, limit=CANDLES_MAX)[0][0] == 10


def test_only_the_newest_candles_of_the_venue_are_kept():
    history = [a_candle(minute=minute) for minute in range(CANDLES_MAX, -1, -1)]

    candles = candles_of(venue=history)

    assert len(candles.series[60].venue) == CANDLES_MAX
    assert minutes(candles, limit=CANDLES_MAX)[0][0] == 1


# Finer numbers, digests


def test_finer_numbers_keep_every_candle():
    candles = candles_of(in_minute(0, 100, 2), in_minute(1, 103, 4), venue=[a_candle(minute=-1)])

    candles.widen(10, 100)
    candles.add_trade(in_minute(1, 1_025, 50))

    assert minutes(candles) == [
        (-1, 1000, 1100, 900, 1050, 700, 3),
        (0, 1000, 1000, 1000, 1000, 200, 1),
        (1, 1030, 1030, 1025, 1025, 450, 2),
    ]


def test_the_digest_parts_tell_candles_apart():
    one, other = candles_of(in_minute(0, 100, second=1)), candles_of(in_minute(0, 100, second=2))

    # The same candle, but a different beginning: the venue's word counts for another period.
    assert one.digest_parts() != other.digest_parts()
    assert one.digest_parts() == candles_of(in_minute(0, 100, second=1)).digest_parts()


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 9)), min_size=3, max_size=40), st.data()
)
def test_missed_trades_make_the_same_candles_as_if_they_had_been_heard(prices, data):
    trades = [
        a_trade(price, qty, ms=number * 7_000, trade_id=number + 1)
        for number, (price, qty) in enumerate(prices)
    ]
    first = data.draw(st.integers(1, len(trades) - 1))
    last = data.draw(st.integers(first, len(trades)))
    before, missed, after = trades[:first], trades[first:last], trades[last:]

    candles = candles_of(*before, *after[:1])
    prints = [(one.price_ticks, one.qty_lots, one.ts_venue_ns) for one in missed]
    candles.add_missed(prints, before[-1].ts_venue_ns, after[0].ts_venue_ns if after else 0)
    for trade in after[1:]:
        candles.add_trade(trade)

    assert minutes(candles) == minutes(candles_of(*trades))


def test_gaps_are_remembered_and_part_of_the_digest():
    candles, other = candles_of(in_minute(0, 100)), candles_of(in_minute(0, 100))

    candles.mark_missed((1, 5))

    assert candles.missed_since(5) == ((1, 5),)
    assert candles.missed_since(6) == ()
    assert candles.digest_parts() != other.digest_parts()
