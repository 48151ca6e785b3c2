"""Walls in books that nobody thought of: seen once, ended rightly, in any unit."""

from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.detection.base import Scales
from engine.detection.wall import COOL_DOWN_NS
from engine.ingest.book import Book
from engine.model.market import BookDelta, BookSnapshot, Level, Trade
from engine.model.numbers import NS_PER_MS
from engine.model.signals import WhaleSignal
from tests.builders import BTC, START_NS, a_trade, a_wall_detector

COOL_MS = COOL_DOWN_NS // NS_PER_MS
MID = 10_000
THRESHOLD = 25_000.0
LOTS = st.integers(1, 20)
"""Of the ordinary levels; 3 lots at 10,000 are above the threshold."""

BOOKS = st.tuples(st.lists(LOTS, min_size=3, max_size=12), st.lists(LOTS, min_size=3, max_size=12))


class Market:
    """A book, its detector and all signals, counted in units that can become finer."""

    def __init__(
        self, sizes: tuple[Sequence[int], Sequence[int]], factors: tuple[int, int] = (1, 1)
    ) -> None:
        self.factors = factors
        self.detector = a_wall_detector(THRESHOLD, scales_of(factors))
        self.book = Book("contiguous_ids")
        self.signals: list[WhaleSignal] = []
        self.ms = 0
        bids = [(MID - 1 - at, size) for at, size in enumerate(sizes[0])]
        asks = [(MID + 1 + at, size) for at, size in enumerate(sizes[1])]
        self.book.apply_snapshot(BookSnapshot(BTC, self.fine(bids), self.fine(asks), 0), START_NS)
        self._set_floor()

    def fine(self, levels: Sequence[Level]) -> list[Level]:
        """Return levels in the units of this market."""
        price, qty = self.factors
        return [(at * price, size * qty) for at, size in levels]

    def widen(self, factors: tuple[int, int]) -> None:
        """Count finer from now on."""
        self.factors = factors
        self.book.widen(*factors)
        self.detector.rescale(scales_of(factors), *factors)
        self._set_floor()

    def set(self, price: int, size: int, ms: int = 0) -> None:
        """Let so much time pass and a level become so large."""
        self.ms += ms
        level, seq = self.fine([(price, size)]), self.book.last_seq + 1
        bids, asks = (level, []) if price < MID else ([], level)
        self.book.apply(BookDelta(BTC, bids, asks, seq, seq), self._now_ns)
        self.signals += self.detector.on_book(self.book, self._now_ns)

    def hit(self, price: int, qty: int) -> None:
        """Let a taker trade against a level; the book does not know yet."""
        ((at, lots),) = self.fine([(price, qty)])
        trade: Trade = a_trade(at, lots, sells=price < MID)
        self.signals += self.detector.on_trade(trade, self.book, self._now_ns)

    def size_at(self, price: int) -> int:
        """Return the lots at a price."""
        return self.book.size_at(price * self.factors[0], is_bid=price < MID) // self.factors[1]

    @property
    def told(self) -> list[tuple]:
        """What was reported, in units that do not depend on the scale."""
        return [
            (one.signal_id, one.side, one.status, one.end, round(one.notional_usd, 3), one.ts_ns)
            for one in self.signals
        ]

    @property
    def ends(self) -> list[tuple[str, str]]:
        """Status and end of all signals."""
        return [(one.status, one.end) for one in self.signals]

    @property
    def _now_ns(self) -> int:
        return START_NS + self.ms * NS_PER_MS

    def _set_floor(self) -> None:
        price, qty = self.factors
        self.book.addition_floor = int(self.detector.addition_floor_usd * price * qty)


def scales_of(factors: tuple[int, int]) -> Scales:
    return Scales(len(str(factors[0])) - 1, len(str(factors[1])) - 1)


PLACES = st.integers(-12, 12).filter(bool).map(lambda at: MID + at)
WALLS = st.integers(300, 3_000)
"""Lots far above four ordinary levels, and above 1 % of any such book."""


@given(BOOKS, PLACES, WALLS)
def test_a_lone_big_order_is_reported_once_with_its_size(sizes, price, lots):
    market = Market(sizes)
    before = market.size_at(price)

    market.set(price, before + lots)
    for ms in (10, 2_000, 60_000):
        market.set(price, before + lots, ms)

    (signal,) = market.signals
    assert (signal.status, signal.price_low_ticks) == ("open", price)
    assert signal.side == ("bid" if price < MID else "ask")
    assert signal.notional_usd == lots * price
    assert 0.60 <= signal.confidence <= 0.95


@given(BOOKS, PLACES, WALLS, st.lists(st.integers(1, 100), min_size=1, max_size=6))
def test_an_order_that_is_hit_while_it_is_placed_is_still_seen(sizes, price, lots, hits):
    """`add = new - old + executed`: what the book shows is not all that came."""
    market = Market(sizes)
    before = market.size_at(price)
    executed = min(sum(hits), before + lots - 1)
    assume(before + lots - executed >= 300)

    for qty in hits:
        market.hit(price, min(qty, executed))
        executed -= min(qty, executed)
        if not executed:
            break
    traded = min(sum(hits), before + lots - 1)
    market.set(price, before + lots - traded)

    (signal,) = market.signals
    # Of what came, as much as still rests.
    assert signal.notional_usd == min(lots, before + lots - traded) * price


@given(
    BOOKS,
    PLACES,
    WALLS,
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), min_size=1, max_size=12),
)
def test_flicker_within_the_cool_down_is_not_reported_again(sizes, price, lots, rhythm):
    assume(sum(map(sum, rhythm)) < COOL_MS)
    market = Market(sizes)
    before = market.size_at(price) if market.size_at(price) > 1 or abs(price - MID) > 3 else 1

    market.set(price, before + lots)
    market.set(price, before)
    for shown_ms, hidden_ms in rhythm:
        market.set(price, before + lots, hidden_ms)
        market.set(price, before, shown_ms)
    assert market.ends == [("open", ""), ("closed", "pulled")]

    market.set(price, before + lots, COOL_MS)
    assert market.ends[2:] == [("open", "")]


@given(BOOKS, PLACES, WALLS, st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_a_wall_ends_filled_where_it_traded_and_pulled_where_it_did_not(sizes, price, lots, steps):
    filled, pulled = Market(sizes), Market(sizes)
    whole = filled.size_at(price) + lots
    for market in (filled, pulled):
        market.set(price, whole)

    for qty in [*steps, whole]:
        left = max(1, filled.size_at(price) - qty)
        filled.hit(price, filled.size_at(price) - left)
        for market in (filled, pulled):
            market.set(price, left, 10)

    assert filled.ends == [("open", ""), ("closed", "filled")]
    assert pulled.ends == [("open", ""), ("closed", "pulled")]


@given(BOOKS, st.lists(st.tuples(PLACES, st.integers(1, 400), st.integers(0, 3_000)), max_size=20))
def test_every_signal_is_opened_once_and_closed_at_most_once(sizes, changes):
    market = Market(sizes)

    for price, size, ms in changes:
        market.set(price, size, ms)

    by_id: dict[int, list[str]] = {}
    for signal in market.signals:
        by_id.setdefault(signal.signal_id, []).append(signal.status)
    assert all(states in (["open"], ["open", "closed"]) for states in by_id.values())
    assert list(by_id) == list(range(1, len(by_id) + 1))


@given(
    BOOKS,
    st.lists(
        st.tuples(st.booleans(), PLACES, st.integers(1, 400), st.integers(0, 900)),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([(1, 10), (10, 1), (100, 1_000)]),
    st.integers(0, 20),
)
def test_a_detector_widened_on_the_way_sees_what_one_of_fine_units_sees(
    sizes, events, factors, widened_at
):
    coarse, fine = Market(sizes), Market(sizes, factors)

    for number, (is_trade, price, lots, ms) in enumerate(events):
        if number == widened_at % len(events):
            coarse.widen(factors)
        for market in (coarse, fine):
            if is_trade:
                market.hit(price, lots)
            else:
                market.set(price, lots, ms)
        assert coarse.told == fine.told
    assert coarse.detector.digest_parts() == fine.detector.digest_parts()
