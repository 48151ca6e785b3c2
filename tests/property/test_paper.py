"""The paper venue under any order of orders, prints and books: what can never happen."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.execution.paper import Markets, PaperMarket, PaperVenue
from engine.ingest.book import Book
from engine.model.facts import (
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderReport,
)
from engine.model.numbers import NS_PER_MS, NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec, OrderType, Side, TimeInForce
from tests.builders import BTC, START_NS, a_book

PRICES = st.integers(95, 105)
LOTS = st.integers(1, 12)


@st.composite
def specs(draw: st.DrawFn) -> OrderSpec:
    """Any order that the gate lets pass."""
    side: Side = draw(st.sampled_from(("buy", "sell")))
    limit = draw(st.none() | PRICES)
    trigger = draw(st.none() | PRICES)
    kind: OrderType = "market" if limit is None else "limit"
    if trigger is not None:
        kind = draw(st.sampled_from(("stop", "take_profit")))
    post = draw(st.booleans()) and limit is not None
    tif: TimeInForce = "gtc" if post else draw(st.sampled_from(("gtc", "ioc", "fok")))
    return OrderSpec(
        BTC,
        side,
        kind,
        QtyLots(draw(LOTS)),
        None if limit is None else PriceTicks(limit),
        None if trigger is None else PriceTicks(trigger),
        tif,
        post,
        draw(st.booleans()),
    )


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Any book that is not crossed."""
    best_bid = draw(st.integers(95, 103))
    best_ask = draw(st.integers(best_bid + 1, 105))
    bids = " ".join(f"{best_bid - i}x{draw(LOTS)}" for i in range(draw(st.integers(1, 3))))
    asks = " ".join(f"{best_ask + i}x{draw(LOTS)}" for i in range(draw(st.integers(1, 3))))
    return a_book(bids, asks)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), specs()),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("replace"), st.tuples(st.integers(0, 9), PRICES, LOTS)),
        st.tuples(st.just("trade"), st.tuples(PRICES, LOTS)),
        st.tuples(st.just("book"), books()),
        st.tuples(st.just("wait"), st.integers(0, 100)),
    ),
    max_size=25,
)


class Played:
    """A venue that has gone through some steps, watched at each of them."""

    def __init__(self, book: Book, steps: Sequence, seed: int = 1) -> None:
        self.paper = PaperVenue(seed)
        self.now_ns = START_NS
        self.markets: Markets = {}
        self.specs: dict[str, OrderSpec] = {}
        self.sizes: dict[str, set[int]] = {}
        self.limits: dict[str, set[int]] = {}
        self.told: list[OrderReport] = []
        self.prints: list[int] = []
        self.book(book)
        for name, what in steps:
            getattr(self, name)(what)
            self.look()
        self.wait(10_000)

    def place(self, spec: OrderSpec) -> None:
        """Send an order."""
        cid = f"o{len(self.specs)}"
        self.specs[cid] = spec
        self.sizes[cid] = {spec.qty_lots}
        self.limits[cid] = set() if spec.limit_ticks is None else {spec.limit_ticks}
        self.paper.place(cid, OrderIntent(spec), self.now_ns)

    def cancel(self, number: int) -> None:
        """Cancel an order, or one that never was."""
        self.paper.cancel(f"o{number}", self.now_ns)

    def replace(self, what: tuple[int, int, int]) -> None:
        """Amend an order that has a price."""
        number, price, lots = what
        cid = f"o{number}"
        if self.limits.get(cid):
            self.sizes[cid].add(lots)
            self.limits[cid].add(price)
            self.paper.replace(cid, PriceTicks(price), QtyLots(lots), self.now_ns)

    def trade(self, what: tuple[int, int]) -> None:
        """Print on the tape."""
        self.prints.append(what[0])
        self.paper.on_trade(BTC, *what, self.now_ns, self.markets)

    def book(self, book: Book) -> None:
        """Show another book."""
        self.markets[BTC] = PaperMarket(book, 1, 1, Decimal(1), Decimal(1), "USDT")
        self.paper.on_book(BTC, self.now_ns, self.markets)

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.now_ns += ms * NS_PER_MS
        self.told += self.paper.advance(self.now_ns, self.markets)

    def look(self) -> None:
        """What holds at every moment."""
        for order in self.paper.orders.values():
            spec = order.intent.spec
            assert order.left_lots > 0
            if order.is_triggered:
                assert spec.limit_ticks is not None
                assert spec.tif == "gtc"

    def of(self, cid: str, kind: type[OrderReport]) -> list:
        """Answers of one kind about an order."""
        return [
            fact for fact in self.told if fact.client_order_id == cid and isinstance(fact, kind)
        ]

    def filled(self, cid: str) -> int:
        """Lots that were filled of an order."""
        return sum(fill.qty_lots for fill in self.of(cid, OrderFilled))


@given(books(), STEPS)
def test_every_lot_is_filled_left_or_given_back(book: Book, steps: Sequence):
    played = Played(book, steps)

    for cid, spec in played.specs.items():
        replaced = played.of(cid, OrderReplaced)
        size = replaced[-1].qty_lots if replaced else spec.qty_lots
        resting = played.paper.orders.get(cid)
        ends = [
            end
            for kind in (OrderCanceled, OrderExpired, OrderRejected)
            for end in played.of(cid, kind)
        ]
        if resting is not None:
            assert played.filled(cid) + resting.left_lots == size
            assert ends == []
        else:
            assert len(ends) + (played.filled(cid) == size) == 1
        assert played.filled(cid) <= size


@given(books(), STEPS)
def test_a_fill_is_never_worse_than_a_limit_that_was_asked_for(book: Book, steps: Sequence):
    played = Played(book, steps)

    for cid, limits in played.limits.items():
        for fill in played.of(cid, OrderFilled) if limits else ():
            is_buy = played.specs[cid].side == "buy"
            assert fill.price_ticks <= max(limits) if is_buy else fill.price_ticks >= min(limits)


@given(books(), STEPS)
def test_post_only_pays_no_taker_fee_unless_it_was_triggered(book: Book, steps: Sequence):
    played = Played(book, steps)

    for cid, spec in played.specs.items():
        if spec.is_post_only and spec.trigger_ticks is None:
            assert all(fill.liquidity == "maker" for fill in played.of(cid, OrderFilled))


@given(books(), STEPS)
def test_fill_or_kill_is_whole_or_nothing(book: Book, steps: Sequence):
    played = Played(book, [step for step in steps if step[0] != "replace"])

    for cid, spec in played.specs.items():
        if spec.tif == "fok":
            assert played.filled(cid) in (0, spec.qty_lots)


@given(books(), STEPS)
def test_reduce_only_never_opens_or_flips(book: Book, steps: Sequence):
    played = Played(book, steps)

    net = 0
    for fill in (fact for fact in played.told if isinstance(fact, OrderFilled)):
        spec = played.specs[fill.client_order_id]
        after = net + (fill.qty_lots if spec.side == "buy" else -fill.qty_lots)
        if spec.is_reduce_only:
            assert abs(after) < abs(net)
            assert after * net >= 0
        net = after


@given(books(), STEPS)
def test_a_stop_does_nothing_before_its_trigger_was_printed(book: Book, steps: Sequence):
    played = Played(book, steps)

    for cid, spec in played.specs.items():
        if spec.trigger_ticks is None or not played.filled(cid):
            continue
        waits_above = (spec.side == "buy") == (spec.type == "stop")
        reached = max(played.prints) if waits_above else -min(played.prints)
        assert reached >= (spec.trigger_ticks if waits_above else -spec.trigger_ticks)


@given(books(), STEPS)
def test_answers_come_in_order_and_trade_ids_once(book: Book, steps: Sequence):
    played = Played(book, steps)

    ids = Counter(fact.trade_id for fact in played.told if isinstance(fact, OrderFilled))
    assert set(ids.values()) <= {1}
    for cid in played.specs:
        about = [fact for fact in played.told if fact.client_order_id == cid]
        firsts = [fact for fact in about if isinstance(fact, OrderAcked | OrderFilled)]
        assert all(isinstance(fact, OrderAcked) for fact in firsts[:1])
        last_of_all = [fact.ts_ns for fact in about]
        assert last_of_all == sorted(last_of_all)


@given(books(), STEPS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_answers(book: Book, steps: Sequence, seed: int):
    assert Played(book, steps, seed).told == Played(book, steps, seed).told


@given(st.integers(1, 20), st.lists(st.tuples(st.booleans(), LOTS), max_size=20))
def test_the_queue_ahead_only_shrinks_and_never_exceeds_what_is_shown(
    shown: int, steps: Sequence[tuple[bool, int]]
):
    venue = Played(a_book(f"100x{shown}", "105x1"), ())
    venue.place(OrderSpec(BTC, "buy", "limit", QtyLots(1_000), PriceTicks(100)))
    venue.wait(NS_PER_S // NS_PER_MS)
    order = venue.paper.orders["o0"]
    ahead, left = order.ahead_lots, order.left_lots
    assert ahead == shown

    for is_trade, lots in steps:
        if is_trade:
            venue.trade((100, lots))
            passed = min(ahead, lots)
            assert order.ahead_lots == ahead - passed
            assert order.left_lots == left - (lots - passed)
        else:
            venue.book(a_book(f"100x{lots}", "105x1"))
            assert order.ahead_lots == min(ahead, lots)
        ahead, left = order.ahead_lots, order.left_lots


@given(st.lists(LOTS, min_size=2, max_size=5), LOTS)
def test_own_orders_at_one_price_share_a_print(sizes: Sequence[int], printed: int):
    venue = Played(a_book("99x1", "105x1"), ())
    for lots in sizes:
        venue.place(OrderSpec(BTC, "buy", "limit", QtyLots(lots), PriceTicks(100)))
        venue.wait(1_000)

    venue.trade((100, printed))
    venue.wait(1_000)

    assert sum(venue.filled(cid) for cid in venue.specs) == min(printed, sum(sizes))
