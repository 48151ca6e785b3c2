"""What somebody who watches the simulated market sees."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.model.envelope import Event
from engine.model.errors import ConfigError
from engine.model.instrument import InstrumentId
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    Level,
    MarkPrice,
    Trade,
)
from engine.model.numbers import NS_PER_S, unscaled
from engine.venues.simulated.generator import SimulatedMarket
from engine.venues.simulated.spec import SPEC

REPOSITORY = Path(__file__).resolve().parents[5]
START_NS = 1_753_600_000_123_456_789
BITCOIN = InstrumentId("simulated:BTC-PERP")
ETHER = InstrumentId("simulated:ETH-PERP")
BITCOIN_USD_PER_UNIT = 0.1 * 0.001


class Follower:
    """Keeps one instrument's book from its events, as any client would."""

    def __init__(self, instrument_id: InstrumentId) -> None:
        self.instrument_id = instrument_id
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last_seq = 0

    def follow(self, event: Event) -> None:
        """Take in an event; deltas must join."""
        if isinstance(event, BookSnapshot) and event.instrument_id == self.instrument_id:
            self.bids, self.asks = dict(event.bids), dict(event.asks)
            self.last_seq = event.last_seq
        elif isinstance(event, BookDelta) and event.instrument_id == self.instrument_id:
            assert event.prev_seq == self.last_seq
            assert event.first_seq == self.last_seq + 1
            assert event.last_seq >= event.first_seq
            self._apply(self.bids, event.bids)
            self._apply(self.asks, event.asks)
            self.last_seq = event.last_seq

    def touch(self) -> tuple[int, int, int, int]:
        """Return best bid with its size and best ask with its size."""
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]

    def depth(self) -> tuple[list[Level], list[Level]]:
        """Return both sides, best first."""
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())

    def _apply(self, side: dict[int, int], levels: Iterable[Level]) -> None:
        for price, lots in levels:
            side[price] = lots
            if not lots:
                del side[price]


def a_market(*symbols: str, seed: int = 1, intensity: float = 1.0) -> SimulatedMarket:
    return SimulatedMarket(symbols or ("BTC-PERP",), seed, START_NS, intensity)


def a_follower(market: SimulatedMarket) -> Follower:
    """Return somebody who has seen the opening of the first instrument."""
    follower = Follower(BITCOIN)
    for event in market.opening():
        follower.follow(event)
    return follower


def moment_of(event: Event) -> int:
    assert isinstance(event, Trade | BookDelta | BestQuote | MarkPrice)
    return event.ts_venue_ns


def is_wall(before: dict[int, int], after: Follower, level: Level) -> bool:
    """Apply the wall rule to a level that changed: added size, share of depth, median."""
    price, lots = level
    visible = sorted(p * q for side in (after.bids, after.asks) for p, q in side.items())
    added = price * (lots - before.get(price, 0))
    return (
        added * BITCOIN_USD_PER_UNIT >= 8 * 25_000
        and price * lots >= 0.01 * sum(visible)
        and added >= 4 * visible[len(visible) // 2]
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_wall_appears_within_45_seconds(seed) -> None:
    market = a_market(seed=seed)
    follower = a_follower(market)
    walls = []

    for event in market.advance(START_NS + 45 * NS_PER_S):
        bids, asks = dict(follower.bids), dict(follower.asks)
        follower.follow(event)
        if isinstance(event, BookDelta):
            best_bid, _, best_ask, _ = follower.touch()
            walls += [
                (event.ts_venue_ns - START_NS, (best_bid - level[0]) // 5)
                for level in event.bids
                if is_wall(bids, follower, level)
            ]
            walls += [
                (event.ts_venue_ns - START_NS, (level[0] - best_ask) // 5)
                for level in event.asks
                if is_wall(asks, follower, level)
            ]

    assert len(walls) == 1
    after_ns, distance_ticks = walls[0]
    assert after_ns >= 10 * NS_PER_S
    assert 3 <= distance_ticks <= 22


def test_deltas_rebuild_the_venues_own_book_and_quotes_are_its_touch() -> None:
    market = a_market(intensity=5.0)
    follower = a_follower(market)
    desk = market._floors[0].desk
    now_ns = START_NS
    quotes = 0

    for _ in range(300):
        now_ns = market._heap[0][0]
        for event in market.advance(now_ns):
            follower.follow(event)
            if isinstance(event, BookDelta):
                assert follower.depth() == desk.matching.depth()
            if isinstance(event, BestQuote):
                quotes += 1
                assert event.update_id == follower.last_seq
                assert follower.touch() == (
                    event.bid_ticks,
                    event.bid_lots,
                    event.ask_ticks,
                    event.ask_lots,
                )

    assert quotes > 5


def test_trades_happen_only_at_prices_that_stood_in_the_book() -> None:
    market = a_market()
    desk = market._floors[0].desk
    trades = 0

    while trades < 150:
        bids, asks = (dict(side) for side in desk.matching.depth())
        for event in market.advance(market._heap[0][0]):
            if isinstance(event, Trade):
                trades += 1
                # A step posts and takes at once; what it takes was there before.
                assert event.price_ticks in (asks if event.buyer_is_taker else bids)


def test_the_book_is_never_crossed_and_never_thin() -> None:
    market = a_market(intensity=3.0)
    follower = a_follower(market)

    for event in market.advance(START_NS + 20 * NS_PER_S):
        follower.follow(event)
        if isinstance(event, BookDelta):
            assert max(follower.bids) < min(follower.asks)
            assert min(len(follower.bids), len(follower.asks)) >= 60


def test_events_come_in_order_of_time_and_trades_are_numbered() -> None:
    market = a_market("BTC-PERP", "ETH-PERP")

    events = market.advance(START_NS + 10 * NS_PER_S)

    moments = [moment_of(event) for event in events if not isinstance(event, Candle)]
    numbers = [e.trade_id for e in events if isinstance(e, Trade) and e.instrument_id == ETHER]
    assert moments == sorted(moments)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_mark_is_told_each_second_near_the_mid() -> None:
    market = a_market()
    follower = a_follower(market)
    marks = 0

    for event in market.advance(START_NS + 20 * NS_PER_S):
        follower.follow(event)
        if isinstance(event, MarkPrice):
            marks += 1
            bid, _, ask, _ = follower.touch()
            assert abs(float(event.mark) / unscaled(bid + ask, 1) * 2 - 1) < 0.0005
    assert marks == 20


def test_time_in_slices_is_time_as_a_whole() -> None:
    whole = a_market(*SPEC.instruments)
    sliced = a_market(*SPEC.instruments)
    step_ns = 37_000_001

    events = whole.advance(START_NS + 200 * step_ns)
    parts = [event for n in range(1, 201) for event in sliced.advance(START_NS + n * step_ns)]

    assert parts == events
    assert len(events) > 500


def test_an_instruments_market_does_not_depend_on_the_others() -> None:
    alone = a_market().advance(START_NS + 5 * NS_PER_S)
    among = a_market("BTC-PERP", "SOL-PERP").advance(START_NS + 5 * NS_PER_S)

    mine = [e for e in among if getattr(e, "instrument_id", None) == BITCOIN]
    assert mine == alone


def test_seeds_differ_and_time_does_not_run_backwards() -> None:
    market = a_market(seed=1)

    events = market.advance(START_NS + NS_PER_S)

    assert events != a_market(seed=2).advance(START_NS + NS_PER_S)
    assert market.advance(START_NS) == []


DIGEST_PROGRAM = f"""
import hashlib
import msgspec
from engine.venues.simulated.generator import SimulatedMarket
market = SimulatedMarket(("BTC-PERP", "SOL-PERP"), 7, {START_NS})
events = market.opening() + market.advance({START_NS} + 15 * 10**9)
print(len(events), hashlib.sha256(msgspec.msgpack.encode(events)).hexdigest())
"""


def test_the_same_seed_gives_the_same_events_in_every_process() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", DIGEST_PROGRAM],
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            check=True,
            text=True,
            timeout=30,
        ).stdout
        for seed in ("1", "2")
    ]

    assert outputs[0] == outputs[1]
    assert int(outputs[0].split()[0]) > 4_000


def test_who_sleeps_for_an_hour_gets_candles_and_a_fresh_book() -> None:
    market = a_market()
    follower = a_follower(market)
    for event in market.advance(START_NS + 3 * NS_PER_S):
        follower.follow(event)
    before = follower.last_seq

    events = market.advance(START_NS + 3_603 * NS_PER_S)

    books = [event for event in events if isinstance(event, BookSnapshot)]
    minutes = [e for e in events if isinstance(e, Candle) and e.timeframe_s == 60 and e.is_closed]
    assert [book.last_seq for book in books] == [before + 1]
    assert len(minutes) >= 59
    assert len(events) < 1_000
    for event in [*events, *market.advance(START_NS + 3_620 * NS_PER_S)]:
        follower.follow(event)
    assert follower.last_seq > before + 100


def test_work_is_bounded_for_a_dense_flow_too() -> None:
    market = a_market(intensity=100.0)

    events = market.advance(START_NS + 30 * NS_PER_S)

    assert market.catch_up_ns < NS_PER_S
    assert 100 < len(events) < 20_000


def test_intensity_scales_the_flow() -> None:
    calm = a_market().advance(START_NS + 2 * NS_PER_S)
    busy = a_market(intensity=20.0).advance(START_NS + 2 * NS_PER_S)

    assert len(busy) > 8 * len(calm)


def test_a_snapshot_can_be_asked_for_at_any_time() -> None:
    market = a_market()
    follower = a_follower(market)
    for event in market.advance(START_NS + 2 * NS_PER_S):
        follower.follow(event)

    snapshot = market.snapshot(BITCOIN)

    assert snapshot is not None
    assert snapshot.last_seq == follower.last_seq
    assert (list(snapshot.bids), list(snapshot.asks)) == follower.depth()
    assert market.snapshot(ETHER) is None


def test_an_unknown_instrument_is_refused() -> None:
    with pytest.raises(ConfigError, match="ETH-PERP"):
        a_market("ETH")
