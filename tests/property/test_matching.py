"""The matching engine against a model too slow to be wrong: one list, searched each time."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.execution.matching import (
    BUY,
    SELL,
    Accepted,
    Canceled,
    Match,
    Matching,
    OrderRequest,
    Rejected,
    Side,
)
from engine.model.market import Level


class _Order(msgspec.Struct):
    """An order of the model."""

    order_id: int
    side: Side
    price: int
    lots: int
    is_post_only: bool


class NaiveMatching:
    """All orders in one list, in order of arrival."""

    def __init__(self) -> None:
        self.orders: list[_Order] = []

    def opposite(self, request: OrderRequest) -> list[_Order]:
        """Return whom an order may meet, in the order in which it meets them."""
        sign = 1 if request.side == BUY else -1
        others = [
            order
            for order in self.orders
            if order.side != request.side
            and (request.price_ticks is None or sign * order.price <= sign * request.price_ticks)
        ]
        return sorted(others, key=lambda order: sign * order.price)

    def submit(self, request: OrderRequest) -> Accepted | Rejected:
        """Match, then rest or cancel."""
        others = self.opposite(request)
        if request.is_post_only and others:
            return Rejected(request.order_id, "post_only_would_take")
        if request.price_ticks is None and not others:
            return Rejected(request.order_id, "no_liquidity")
        if request.tif == "fok" and sum(order.lots for order in others) < request.qty_lots:
            return Rejected(request.order_id, "fok_cannot_fill")
        left = request.qty_lots
        matches = []
        for order in others:
            lots = min(left, order.lots)
            if not lots:
                break
            left -= lots
            order.lots -= lots
            matches.append(
                Match(order.order_id, request.order_id, request.side, order.price, lots, order.lots)
            )
        self.orders = [order for order in self.orders if order.lots]
        if left and request.tif == "gtc" and request.price_ticks is not None:
            self.orders.append(
                _Order(
                    request.order_id, request.side, request.price_ticks, left, request.is_post_only
                )
            )
            return Accepted(request.order_id, tuple(matches), left, 0)
        return Accepted(request.order_id, tuple(matches), 0, left)

    def cancel(self, order_id: int) -> Canceled | Rejected:
        """Take an order out."""
        for order in self.orders:
            if order.order_id == order_id:
                self.orders.remove(order)
                return Canceled(order_id, order.lots)
        return Rejected(order_id, "order_unknown")

    def amend(self, order_id: int, price: int, lots: int) -> Accepted | Rejected:
        """Shrink in place, or leave and come again."""
        for order in self.orders:
            if order.order_id == order_id:
                if price == order.price and lots <= order.lots:
                    order.lots = lots
                    return Accepted(order_id, (), lots, 0)
                request = OrderRequest(
                    order_id, order.side, lots, price, is_post_only=order.is_post_only
                )
                if order.is_post_only and self.opposite(request):
                    return Rejected(order_id, "post_only_would_take")
                self.orders.remove(order)
                return self.submit(request)
        return Rejected(order_id, "order_unknown")

    def depth(self) -> tuple[list[Level], list[Level]]:
        """Return both sides, best first."""
        sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for order in self.orders:
            side = sides[order.side == SELL]
            side[order.price] = side.get(order.price, 0) + order.lots
        return sorted(sides[0].items(), reverse=True), sorted(sides[1].items())


PRICES = st.integers(95, 105)
LOTS = st.integers(1, 12)
ORDERS = st.builds(
    OrderRequest,
    order_id=st.just(0),
    side=st.sampled_from([BUY, SELL]),
    qty_lots=LOTS,
    price_ticks=PRICES,
    tif=st.sampled_from(["gtc", "gtc", "gtc", "ioc", "fok"]),
)
POST_ONLY = st.builds(
    OrderRequest,
    order_id=st.just(0),
    side=st.sampled_from([BUY, SELL]),
    qty_lots=LOTS,
    price_ticks=PRICES,
    is_post_only=st.just(True),
)
MARKET = st.builds(
    OrderRequest, order_id=st.just(0), side=st.sampled_from([BUY, SELL]), qty_lots=LOTS
)
CANCELS = st.tuples(st.just("cancel"), st.integers(1, 40))
AMENDS = st.tuples(st.just("amend"), st.integers(1, 40), PRICES, LOTS)
Step = OrderRequest | tuple[str, int] | tuple[str, int, int, int]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(ORDERS, ORDERS, POST_ONLY, MARKET, CANCELS, AMENDS), max_size=60
)

Venue = Matching | NaiveMatching
Outcome = Accepted | Canceled | Rejected


def run(venue: Venue, step: Step, number: int) -> Outcome:
    if isinstance(step, OrderRequest):
        return venue.submit(msgspec.structs.replace(step, order_id=number))
    if len(step) == 2:
        return venue.cancel(step[1])
    return venue.amend(step[1], step[2], step[3])


def apply_levels(side: dict[int, int], levels: Sequence[Level]) -> None:
    for price, lots in levels:
        side[price] = lots
        if not lots:
            del side[price]


@given(STEPS)
def test_every_outcome_is_that_of_the_naive_model(steps: list[Step]) -> None:
    book, model = Matching(), NaiveMatching()

    for number, step in enumerate(steps, start=1):
        assert run(book, step, number) == run(model, step, number)
        assert book.depth() == model.depth()


@given(STEPS)
def test_lots_are_conserved_and_the_book_is_never_crossed(steps: list[Step]) -> None:
    book = Matching()
    entered = left = 0

    for number, step in enumerate(steps, start=1):
        resting = sum(lots for side in book.depth() for _, lots in side)
        outcome = run(book, step, number)
        if isinstance(outcome, Accepted) and isinstance(step, OrderRequest):
            matched = sum(match.qty_lots for match in outcome.matches)
            assert matched + outcome.resting_lots + outcome.canceled_lots == step.qty_lots
            entered, left = outcome.resting_lots, matched
        elif isinstance(outcome, Canceled):
            entered, left = 0, outcome.qty_lots
        elif isinstance(outcome, Rejected):
            entered = left = 0
        if not (isinstance(outcome, Accepted) and not isinstance(step, OrderRequest)):
            now = sum(lots for side in book.depth() for _, lots in side)
            assert now == resting + entered - left
        if book.best_bid is not None and book.best_ask is not None:
            assert book.best_bid[0] < book.best_ask[0]


@given(STEPS)
def test_all_or_nothing_and_post_only_hold_whatever_the_book(steps: list[Step]) -> None:
    book = Matching()

    for number, step in enumerate(steps, start=1):
        outcome = run(book, step, number)
        if not isinstance(step, OrderRequest) or isinstance(outcome, Rejected):
            continue
        assert isinstance(outcome, Accepted)
        if step.tif == "fok":
            assert outcome.resting_lots == outcome.canceled_lots == 0
        if step.is_post_only:
            assert outcome.matches == ()


@given(STEPS, st.integers(1, 7))
def test_collected_changes_rebuild_the_depth(steps: list[Step], every: int) -> None:
    book = Matching()
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}

    for number, step in enumerate(steps, start=1):
        run(book, step, number)
        if number % every == 0:
            before = (sorted(bids.items(), reverse=True), sorted(asks.items()))
            assert book.depth_before_changes() == before
            changed_bids, changed_asks = book.collect_changes()
            apply_levels(bids, changed_bids)
            apply_levels(asks, changed_asks)
            assert (sorted(bids.items(), reverse=True), sorted(asks.items())) == book.depth()
