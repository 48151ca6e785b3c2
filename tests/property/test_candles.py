"""Candles and tape against plain sums, in whatever order the trades come."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.candles import TIMEFRAMES_S, Candles
from engine.ingest.tape import Tape
from engine.model.market import Candle, Trade
from engine.model.numbers import NS_PER_MS, NS_PER_S
from tests.builders import BTC, START_NS, a_candle, a_trade

EventT = TypeVar("EventT", Trade, Candle)

TRADES = st.builds(
    a_trade,
    st.integers(90, 110),
    st.integers(1, 5),
    sells=st.booleans(),
    ms=st.one_of(
        st.integers(0, 180_000),
        st.sampled_from([0, 59_999, 60_000, 60_001, 119_999, 120_000, 3_600_000]),
    ),
)
MANY = st.lists(TRADES, min_size=1, max_size=25)
VENUE_CANDLES = st.builds(
    a_candle,
    st.tuples(*[st.integers(90, 110)] * 4),
    minute=st.integers(-2, 3),
    volume_lots=st.integers(0, 20),
    timeframe_s=st.sampled_from([60, 300]),
).map(lambda candle: msgspec.structs.replace(candle, open_ns=period_of(candle)))
FACTORS = st.sampled_from([(1, 10), (10, 1), (100, 1_000), (10**6, 10**6)])


def period_of(candle: Candle) -> int:
    return candle.open_ns - candle.open_ns % (candle.timeframe_s * NS_PER_S)


def candles_of(trades: Sequence[Trade]) -> Candles:
    candles = Candles()
    for trade in trades:
        candles.add_trade(trade)
    return candles


@given(MANY)
def test_every_candle_is_the_plain_sum_of_the_trades_of_its_time(trades):
    candles = candles_of(trades)

    for timeframe_s in TIMEFRAMES_S:
        length_ns = timeframe_s * NS_PER_S
        by_period: dict[int, list[Trade]] = {}
        for trade in trades:
            by_period.setdefault(trade.ts_venue_ns // length_ns * length_ns, []).append(trade)
        rows = list(candles.series[timeframe_s].own_rows())
        assert [row[0] for row in rows] == sorted(by_period)
        for open_ns, *prices, volume, count in rows:
            inside = by_period[open_ns]
            ticks = [trade.price_ticks for trade in inside]
            assert prices == [ticks[0], max(ticks), min(ticks), ticks[-1]]
            assert volume == sum(trade.qty_lots for trade in inside)
            assert count == len(inside)


@given(MANY, st.randoms(use_true_random=False))
def test_the_order_of_trades_changes_neither_volume_nor_extremes(trades, random):
    shuffled = list(trades)
    random.shuffle(shuffled)

    for timeframe_s in TIMEFRAMES_S:
        found = [
            [
                (open_ns, high, low, volume, count)
                for open_ns, _, high, low, _, volume, count in candles.series[
                    timeframe_s
                ].own_rows()
            ]
            for candles in (candles_of(trades), candles_of(shuffled))
        ]
        assert found[0] == found[1]


@given(st.lists(st.one_of(TRADES, VENUE_CANDLES), max_size=20))
def test_no_candle_is_invented_or_shown_twice(events):
    candles = Candles()
    told = set()
    for event in events:
        if isinstance(event, Trade):
            candles.add_trade(event)
            told.add(event.ts_venue_ns // (60 * NS_PER_S) * 60 * NS_PER_S)
        else:
            candles.add_venue_candle(event)
            if event.timeframe_s == 60:
                told.add(event.open_ns)

    rows = candles.series[60].newest(100)
    assert [row[0] for row in rows] == sorted(told)
    assert candles.series[60].newest(2) == rows[-2:]


def finer(event: EventT, factors: tuple[int, int]) -> EventT:
    """Return the event with its numbers counted finer."""
    price, qty = factors
    fields = {
        name: getattr(event, name) * (price if name.endswith("_ticks") else qty)
        for name in event.__struct_fields__
        if name.endswith(("_ticks", "_lots"))
    }
    return msgspec.structs.replace(event, **fields)


@given(st.lists(st.one_of(TRADES, VENUE_CANDLES), max_size=20), FACTORS, st.integers(0, 20))
def test_candles_widened_on_the_way_are_those_that_were_fine_from_the_start(
    events, factors, widened_at
):
    coarse, fine = Candles(), Candles()
    scale = (1, 1)

    for number, event in enumerate([*events, None]):
        if number == widened_at % (len(events) + 1):
            coarse.widen(*factors)
            scale = factors
        for candles, by in ((coarse, scale), (fine, factors)):
            if isinstance(event, Trade):
                candles.add_trade(finer(event, by))
            elif event is not None:
                candles.add_venue_candle(finer(event, by))

    assert coarse.digest_parts() == fine.digest_parts()
    for timeframe_s in TIMEFRAMES_S:
        assert coarse.series[timeframe_s].newest(50) == fine.series[timeframe_s].newest(50)


# The tape, by the time of arrival

ARRIVALS = st.lists(
    st.tuples(st.integers(0, 4_000), st.integers(90, 110), st.integers(0, 5), st.booleans()),
    max_size=20,
).map(lambda arrivals: [(1_000 * second // 10, *rest) for second, *rest in sorted(arrivals)])


def tape_of(arrivals: Sequence[tuple[int, int, int, bool]]) -> Tape:
    tape = Tape()
    for ms, price, qty, sells in arrivals:
        tape.add(a_trade(price, qty, sells=sells), START_NS + ms * NS_PER_MS)
    return tape


@given(ARRIVALS, st.integers(0, 10_000_000), st.sampled_from([1, 10, 60]))
def test_sums_of_the_tape_are_those_of_whole_seconds(arrivals, wait_ms, window_s):
    tape = tape_of(arrivals)
    now_ms = (arrivals[-1][0] if arrivals else 0) + wait_ms

    def inside(seconds: int) -> list[tuple[int, int, bool]]:
        first = now_ms // 1_000 - seconds
        return [tuple(rest) for ms, *rest in arrivals if ms // 1_000 > first]

    now_ns = START_NS + now_ms * NS_PER_MS
    assert tape.volume_lots(now_ns) == sum(qty for _, qty, _ in inside(3_600))
    assert tape.trades_per_s(now_ns, window_s) == len(inside(window_s)) / window_s
    bought = sum(price * qty for price, qty, sells in inside(window_s) if not sells)
    total = sum(price * qty for price, qty, _ in inside(window_s))
    assert tape.buy_share(now_ns, window_s) == (bought / total if total else None)


@given(ARRIVALS, FACTORS, st.integers(0, 20))
def test_a_tape_widened_on_the_way_is_one_that_was_fine_from_the_start(
    arrivals, factors, widened_at
):
    price_by, qty_by = factors
    widened_at %= len(arrivals) + 1
    coarse = tape_of(arrivals[:widened_at])

    coarse.widen(*factors)
    fine = [(ms, price * price_by, qty * qty_by, sells) for ms, price, qty, sells in arrivals]
    for ms, price, qty, sells in fine[widened_at:]:
        coarse.add(a_trade(price, qty, sells=sells), START_NS + ms * NS_PER_MS)

    assert coarse.digest_parts() == tape_of(fine).digest_parts()
    assert all(trade.instrument_id == BTC for trade in coarse.newest(5))
