"""Price-time priority matching of one instrument, in ticks and lots.

What comes of an order is a value: its matches, what rests and what was taken back, or a rejection
with its reason. The engine knows no accounts: ticks and lots of the venue, margin, reduce-only and
self-trade prevention are the business of whoever stands in front of it.
"""

from typing import Final, Literal

import msgspec

from engine.execution.level_queue import Resting, SideQueues
from engine.model.market import Level

Side = Literal["buy", "sell"]
BUY: Final = "buy"
SELL: Final = "sell"

TimeInForce = Literal["gtc", "ioc", "fok"]
"""Good till canceled; immediate or cancel; fill or kill (all of it at once, or nothing)."""

RejectReason = Literal[
    "qty_not_positive",
    "price_not_positive",
    "order_id_in_use",
    "order_unknown",
    "post_only_cannot_take",
    "post_only_would_take",
    "fok_cannot_fill",
    "no_liquidity",
]

_KEY_OF_ANY_PRICE: Final = -(2**80)
"""Below every key: a market order takes what is there."""


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """An order as it arrives; without a price it is a market order.

    The number is given by the caller and stays taken as long as the order rests.
    """

    order_id: int
    side: Side
    qty_lots: int
    price_ticks: int | None = None
    tif: TimeInForce = "gtc"
    is_post_only: bool = False


class Match(msgspec.Struct, frozen=True, gc=False):
    """A maker and a taker met, always at the maker's price."""

    maker_id: int
    taker_id: int
    taker_side: Side
    price_ticks: int
    qty_lots: int
    maker_left_lots: int


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """What became of an order: its lots are matched, resting or canceled, and nothing else.

    `canceled_lots` is what an immediate or a market order could not match.
    """

    order_id: int
    matches: tuple[Match, ...]
    resting_lots: int
    canceled_lots: int


class Canceled(msgspec.Struct, frozen=True, gc=False):
    """An order left the book unmatched by this many lots."""

    order_id: int
    qty_lots: int


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Nothing was changed by this request, for this reason."""

    order_id: int
    reason: RejectReason


class Matching:
    """The book of one instrument, order by order."""

    __slots__ = ("_asks", "_bids", "_resting")

    def __init__(self) -> None:
        self._bids = SideQueues(is_bid=True)
        self._asks = SideQueues(is_bid=False)
        self._resting: dict[int, Resting] = {}

    @property
    def best_bid(self) -> Level | None:
        """Highest bid and the lots there."""
        level = self._bids.best()
        return None if level is None else (level.price_ticks, level.lots)

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask and the lots there."""
        level = self._asks.best()
        return None if level is None else (level.price_ticks, level.lots)

    def depth(self) -> tuple[list[Level], list[Level]]:
        """Return price and total lots of all bids and asks, best first."""
        return list(self._bids.depth()), list(self._asks.depth())

    def depth_before_changes(self) -> tuple[list[Level], list[Level]]:
        """Return the depth as it was when `collect_changes` was last called."""
        return self._bids.depth_before(), self._asks.depth_before()

    def collect_changes(self) -> tuple[list[Level], list[Level]]:
        """Return bids and asks whose lots differ from the last call, best first; 0 means gone.

        Between two calls one number is kept per price that was touched.
        """
        return self._bids.collect_changes(), self._asks.collect_changes()

    def lots_left(self, order_id: int) -> int:
        """Return what rests of an order; 0 if it is not in the book."""
        order = self._resting.get(order_id)
        return 0 if order is None else order.qty_lots

    def submit(self, request: OrderRequest) -> Accepted | Rejected:
        """Match an order against the other side, then rest or cancel what is left of it."""
        reason = self._reason_to_reject(request)
        if reason is not None:
            return Rejected(request.order_id, reason)
        return self._execute(request)

    def cancel(self, order_id: int) -> Canceled | Rejected:
        """Take an order out of the book."""
        order = self._resting.get(order_id)
        if order is None:
            return Rejected(order_id, "order_unknown")
        lots = order.qty_lots
        self._remove(order, lots)
        return Canceled(order_id, lots)

    def amend(self, order_id: int, price_ticks: int, qty_lots: int) -> Accepted | Rejected:
        """Give a resting order another price or size; `qty_lots` is what shall be left of it.

        At the same price a smaller size keeps its place. Anything else goes to the back of its
        level and may match on the way. A rejected amendment leaves the order as it was.
        """
        order = self._resting.get(order_id)
        if order is None:
            return Rejected(order_id, "order_unknown")
        if qty_lots <= 0:
            return Rejected(order_id, "qty_not_positive")
        if price_ticks == order.price_ticks and qty_lots <= order.qty_lots:
            if qty_lots < order.qty_lots:
                self._remove(order, order.qty_lots - qty_lots)
            return Accepted(order_id, (), qty_lots, 0)
        side: Side = BUY if order.is_buy else SELL
        request = OrderRequest(
            order_id, side, qty_lots, price_ticks, is_post_only=order.is_post_only
        )
        reason = self._reason_of_price(request)
        if reason is not None:
            return Rejected(order_id, reason)
        self._remove(order, order.qty_lots)
        return self._execute(request)

    def _reason_to_reject(self, request: OrderRequest) -> RejectReason | None:
        if request.qty_lots <= 0:
            return "qty_not_positive"
        if request.order_id in self._resting:
            return "order_id_in_use"
        if request.price_ticks is not None:
            return self._reason_of_price(request)
        if request.is_post_only:
            return "post_only_cannot_take"
        if not self._opposite(request).keys:
            return "no_liquidity"
        return self._reason_of_tif(request)

    def _reason_of_price(self, request: OrderRequest) -> RejectReason | None:
        assert request.price_ticks is not None
        if request.price_ticks <= 0:
            return "price_not_positive"
        if request.is_post_only:
            if request.tif != "gtc":
                return "post_only_cannot_take"
            opposite = self._opposite(request)
            if opposite.keys and opposite.keys[-1] >= opposite.sign * request.price_ticks:
                return "post_only_would_take"
        return self._reason_of_tif(request)

    def _reason_of_tif(self, request: OrderRequest) -> RejectReason | None:
        if request.tif != "fok":
            return None
        opposite = self._opposite(request)
        found = opposite.lots_up_to(_key_limit(opposite, request), request.qty_lots)
        return "fok_cannot_fill" if found < request.qty_lots else None

    def _execute(self, request: OrderRequest) -> Accepted:
        opposite = self._opposite(request)
        left, matches = self._match(request, opposite)
        if not left:
            return Accepted(request.order_id, matches, 0, 0)
        if request.price_ticks is None or request.tif != "gtc":
            return Accepted(request.order_id, matches, 0, left)
        self._rest(request, request.price_ticks, left)
        return Accepted(request.order_id, matches, left, 0)

    def _match(self, request: OrderRequest, opposite: SideQueues) -> tuple[int, tuple[Match, ...]]:
        left = request.qty_lots
        key_limit = _key_limit(opposite, request)
        keys = opposite.keys
        if not keys or keys[-1] < key_limit:
            return left, ()
        matches: list[Match] = []
        while left and keys and keys[-1] >= key_limit:
            level = opposite.levels[opposite.sign * keys[-1]]
            maker = next(iter(level.orders.values()))
            lots = min(left, maker.qty_lots)
            left -= lots
            opposite.take(level, maker, lots)
            if not maker.qty_lots:
                del self._resting[maker.order_id]
            matches.append(
                Match(
                    maker.order_id,
                    request.order_id,
                    request.side,
                    level.price_ticks,
                    lots,
                    maker.qty_lots,
                )
            )
        return left, tuple(matches)

    def _rest(self, request: OrderRequest, price_ticks: int, lots: int) -> None:
        is_buy = request.side == BUY
        order = Resting(request.order_id, is_buy, price_ticks, lots, request.is_post_only)
        self._resting[order.order_id] = order
        (self._bids if is_buy else self._asks).put(order)

    def _remove(self, order: Resting, lots: int) -> None:
        side = self._bids if order.is_buy else self._asks
        side.take(side.levels[order.price_ticks], order, lots)
        if not order.qty_lots:
            del self._resting[order.order_id]

    def _opposite(self, request: OrderRequest) -> SideQueues:
        return self._asks if request.side == BUY else self._bids


def _key_limit(opposite: SideQueues, request: OrderRequest) -> int:
    if request.price_ticks is None:
        return _KEY_OF_ANY_PRICE
    return opposite.sign * request.price_ticks
