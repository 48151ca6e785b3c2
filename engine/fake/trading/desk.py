"""The venue's order desk: takes orders in, lets them meet the market, books and tells."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.execution.paper import PaperMarket
from engine.fake.trading import user_frames as frames
from engine.fake.trading.account import Account, Execution
from engine.fake.trading.answers import Refusal
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.floor import Floor
from engine.fake.trading.history import History
from engine.fake.trading.records import ZERO, VenueOrder
from engine.model import facts as f
from engine.model.instrument import InstrumentId, instrument_id
from engine.model.numbers import NS_PER_MS, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec

VENUE: Final = "binance_futures"
AMENDMENTS_MAX: Final = 10_000
KNOCKED_OUT: Final = "4"
"""Expiry reason of a reduce-only order that has nothing left to reduce."""


class OrderDesk:
    """Every order of the account, and the market that they meet.

    Args:
        account: Books fills.
        tell: Takes the frames of the private stream.
    """

    def __init__(self, account: Account, tell: Callable[[bytes], None]) -> None:
        self.account = account
        self.floor = Floor()
        self.rules: dict[str, SymbolRules] = {}
        self.marks: dict[str, Decimal] = {}
        self.orders: History[int, VenueOrder] = History(lambda order: not order.is_open)
        self.is_post_only_told = False
        """Whether a post-only order that would take is accepted and expires, instead of refused."""
        self.on_change: Callable[[VenueOrder, int], None] = lambda _order, _now_ns: None
        """Is told of every order that was filled, changed or ended."""
        self._tell = tell
        self._by_client: dict[str, int] = {}
        self._good_till: list[tuple[int, int]] = []
        self._next_id = 8_000_000_001

    # Symbols and prices

    def list_symbol(self, rules: SymbolRules, market: PaperMarket) -> None:
        """Let a symbol be traded."""
        self.rules[rules.symbol] = rules
        self.floor.markets[_instrument(rules.symbol)] = market

    def restep(
        self, rules: SymbolRules, market: PaperMarket, lot_ratio: Fraction, now_ns: int
    ) -> None:
        """Change a symbol's steps: its open orders are canceled."""
        self.floor.restep(_instrument(rules.symbol), lot_ratio, now_ns)
        self._apply(self.floor.take_reports(), now_ns, "CANCELED")
        self.list_symbol(rules, market)

    def price_of(self, symbol: str, units: int) -> Decimal:
        """Return a price from the units of the symbol's book."""
        market = self.floor.markets[_instrument(symbol)]
        return units * market.tick_size / market.tick_units

    def reference(self, symbol: str, *, is_buy: bool) -> Decimal | None:
        """Return the mark price, or what the other side of the book offers; None for neither."""
        mark = self.marks.get(symbol)
        if mark is not None:
            return mark
        level = self.floor.best(_instrument(symbol), is_bid=not is_buy)
        return None if level is None else self.price_of(symbol, level[0])

    def on_trade(self, symbol: str, price_units: int, qty_units: int, now_ns: int) -> None:
        """Let a print of the tape meet the orders."""
        reports = self.floor.trade(_instrument(symbol), price_units, qty_units, now_ns)
        self._apply(reports, now_ns)

    def on_book(self, symbol: str, now_ns: int) -> None:
        """Let a change of the book meet the orders."""
        self._apply(self.floor.book(_instrument(symbol), now_ns), now_ns)

    # What is there

    def open_orders(self, symbol: str = "") -> list[VenueOrder]:
        """Return the open orders of a symbol, or all, oldest first."""
        names = list(self.floor.orders)
        orders = (self._order(int(name)) for name in sorted(names, key=int))
        return [order for order in orders if symbol in {"", order.symbol}]

    def find(self, order_id: int | None, client_order_id: str) -> VenueOrder | None:
        """Return an order by either of its ids, the newest of a client's id."""
        if order_id is None:
            order_id = self._by_client.get(client_order_id, 0)
        return self.orders.get(order_id)

    def all_orders(self) -> Iterator[VenueOrder]:
        """Iterate over every order that ever was, oldest first."""
        return self.orders.newest()

    @property
    def next_due_ns(self) -> int | None:
        """When an order may expire by its own date."""
        return self._good_till[0][0] if self._good_till else None

    def advance(self, now_ns: int) -> None:
        """Let orders expire that are good till now."""
        while self._good_till and self._good_till[0][0] <= now_ns:
            order = self._order(heapq.heappop(self._good_till)[1])
            if order.is_open:
                self.end(order, now_ns, "EXPIRED")

    # Acts

    def place(self, order: VenueOrder, now_ns: int, execution: str = "TRADE") -> VenueOrder:
        """Take in an order that passed the checks; return what became of it at once.

        Args:
            order: Without ids and times of the venue.
            now_ns: The venue's time.
            execution: How fills of it are called that happen now.

        Raises:
            Refusal: It can neither rest nor be filled as it wants.
        """
        ms = now_ns // NS_PER_MS
        order = msgspec.structs.replace(order, order_id=self._next_id, created_ms=ms, updated_ms=ms)
        self._next_id += 1
        reports = self.floor.enter(str(order.order_id), self._intent(order), now_ns)
        is_told = self.is_post_only_told
        refusal = _refusal(order, reports)
        if refusal is not None and not (refusal.code == -5022 and is_told):
            raise refusal
        self._by_client[order.client_order_id] = order.order_id
        if order.good_till_ms:
            heapq.heappush(self._good_till, (order.good_till_ms * NS_PER_MS, order.order_id))
        self._keep(order, "NEW", now_ns)
        self._apply(reports, now_ns, execution=execution)
        return self._order(order.order_id)

    def end(
        self, order: VenueOrder, now_ns: int, status: str = "CANCELED", reason: str = "0"
    ) -> VenueOrder:
        """Take an open order off the book."""
        self.floor.drop(str(order.order_id), now_ns)
        return self._end(order, status, reason, now_ns)

    def amend(self, order: VenueOrder, price: Decimal, qty: Decimal, now_ns: int) -> VenueOrder:
        """Change an open order; one that is filled so far or would take is canceled instead."""
        if qty <= order.executed:
            return self.end(order, now_ns)
        limit, lots = self._steps(order.symbol, price, qty)
        reports = self.floor.change(str(order.order_id), limit, lots, now_ns)
        if isinstance(reports[0], f.ReplaceRejected):
            return self.end(order, now_ns)
        changed = msgspec.structs.replace(
            order,
            price=price,
            qty=qty,
            amendments=order.amendments + 1,
            updated_ms=now_ns // NS_PER_MS,
        )
        self._keep(changed, "AMENDMENT", now_ns)
        self._apply(reports[1:], now_ns)
        return self._order(order.order_id)

    def trade_with(self, order: VenueOrder, lots: int, now_ns: int) -> None:
        """Let somebody trade with an order that rests."""
        self._apply(self.floor.fill(str(order.order_id), lots, now_ns), now_ns)

    # Inside

    def _order(self, order_id: int) -> VenueOrder:
        order = self.orders.get(order_id)
        assert order is not None, "the floor has the desk's orders only"
        return order

    def _steps(self, symbol: str, price: Decimal, qty: Decimal) -> tuple[PriceTicks, QtyLots]:
        market = self.floor.markets[_instrument(symbol)]
        return PriceTicks(int(price / market.tick_size)), QtyLots(int(qty / market.lot_size))

    def _intent(self, order: VenueOrder) -> OrderIntent:
        limit, lots = self._steps(order.symbol, order.price, order.qty)
        is_market = order.type == "MARKET"
        spec = OrderSpec(
            _instrument(order.symbol),
            "buy" if order.side == "BUY" else "sell",
            "market" if is_market else "limit",
            lots,
            None if is_market else limit,
            tif="ioc" if order.tif == "IOC" else "fok" if order.tif == "FOK" else "gtc",
            is_post_only=order.tif == "GTX",
            is_reduce_only=order.is_reduce_only or order.is_close_all,
        )
        return OrderIntent(spec)

    def _apply(
        self,
        reports: Sequence[f.OrderReport],
        now_ns: int,
        ended: str = "EXPIRED",
        execution: str = "TRADE",
    ) -> None:
        """Book and tell what the floor says."""
        symbols: dict[str, None] = {}
        for report in reports:
            match report:
                case f.OrderFilled():
                    order = self._fill(report, now_ns, execution)
                    symbols[order.symbol] = None
                case f.OrderExpired():
                    order = self._order(int(report.client_order_id))
                    self._end(order, ended, _expiry_reason(order, report.reason), now_ns)
                case f.OrderCanceled():
                    order = self._order(int(report.client_order_id))
                    self._end(order, ended, "0", now_ns)
        for symbol in symbols:
            self._knock_out(symbol, now_ns)

    def _fill(self, report: f.OrderFilled, now_ns: int, execution: str) -> VenueOrder:
        order = self._order(int(report.client_order_id))
        market = self.floor.markets[_instrument(order.symbol)]
        price = report.price_ticks * market.tick_size
        qty = report.qty_lots * market.lot_size
        executed = Execution(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=price,
            qty=qty,
            fee=report.fee,
            is_maker=report.liquidity == "maker",
        )
        trade = self.account.book(executed, now_ns)
        filled = order.executed + qty
        ms = now_ns // NS_PER_MS
        order = msgspec.structs.replace(
            order,
            executed=filled,
            quote=order.quote + price * qty,
            realized=order.realized + trade.realized,
            status="FILLED" if filled == order.qty else "PARTIALLY_FILLED",
            updated_ms=ms,
        )
        self.orders.put(order.order_id, order, now_ns)
        account = self.account
        position = account.position(order.symbol)
        self._tell(frames.trade_lite_frame(order, trade, ms))
        self._tell(frames.account_frame("ORDER", account.asset, account.cash, ZERO, position, ms))
        self._tell(frames.order_frame(order, execution, ms, trade))
        self.on_change(order, now_ns)
        return order

    def _knock_out(self, symbol: str, now_ns: int) -> None:
        """Expire reduce-only orders that could only open a position now."""
        net = self.account.position(symbol).qty
        for order in self.open_orders(symbol):
            opens = net <= 0 if order.side == "SELL" else net >= 0
            if order.is_reduce_only and opens:
                self.end(order, now_ns, "EXPIRED", KNOCKED_OUT)

    def _end(self, order: VenueOrder, status: str, reason: str, now_ns: int) -> VenueOrder:
        ended = msgspec.structs.replace(
            order, status=status, expiry_reason=reason, updated_ms=now_ns // NS_PER_MS
        )
        self._keep(ended, status, now_ns)
        return ended

    def _keep(self, order: VenueOrder, execution: str, now_ns: int) -> None:
        self.orders.put(order.order_id, order, now_ns)
        self._tell(frames.order_frame(order, execution, now_ns // NS_PER_MS))
        self.on_change(order, now_ns)


def _instrument(symbol: str) -> InstrumentId:
    return instrument_id(VENUE, symbol)


def _refusal(order: VenueOrder, reports: Sequence[f.OrderReport]) -> Refusal | None:
    """Return why an order was never accepted, by what the floor said of it."""
    first, last = reports[0], reports[-1]
    if isinstance(first, f.OrderRejected):
        return Refusal(-2010, "New order rejected: there is no market.")
    if isinstance(first, f.OrderExpired):
        return Refusal(-5022)
    is_unfilled = not any(isinstance(report, f.OrderFilled) for report in reports)
    if order.tif == "FOK" and isinstance(last, f.OrderExpired) and is_unfilled:
        return Refusal(-5021)
    return None


def _expiry_reason(order: VenueOrder, reason: str) -> str:
    if "reduce-only" in reason:
        return KNOCKED_OUT
    if order.tif == "GTX":
        return "0"
    return "9" if order.type == "MARKET" else "2"
