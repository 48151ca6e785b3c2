"""Endpoints that only read: the account as it is, or as a lagging replica still sees it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypeVar

from engine.fake.trading.account import Account
from engine.fake.trading.algos import AlgoDesk
from engine.fake.trading.answers import Refusal, invalid, money_text, plain_text
from engine.fake.trading.auth import KeyRights
from engine.fake.trading.desk import OrderDesk
from engine.fake.trading.order_entry import find_algo, named_by
from engine.fake.trading.params import Params
from engine.fake.trading.records import (
    ZERO,
    Position,
    VenueOrder,
    algo_row,
    income_row,
    order_row,
    trade_row,
)
from engine.model.numbers import NS_PER_MS

T = TypeVar("T")

MAINTENANCE: Final = Decimal("0.004")
"""Share of a position's worth below which the venue closes it."""

DAY_MS: Final = 24 * 3_600_000
WINDOW_MS: Final = 7 * DAY_MS
FORGOTTEN_MS: Final = 3 * DAY_MS
"""Orders that ended without a fill are not found any more after so long."""


class Queries:
    """Answers questions; every answer is of the moment `as_of_ns`.

    Args:
        desk: Plain orders.
        algos: Conditional ones.
    """

    def __init__(self, desk: OrderDesk, algos: AlgoDesk) -> None:
        self._desk = desk
        self._algos = algos

    @property
    def _account(self) -> Account:
        return self._desk.account

    def order(self, params: Params, as_of_ns: int) -> object:
        """Answer GET order."""
        symbol = self._symbol(params)
        found = self._desk.find(*named_by(params))
        order = found and self._desk.orders.at(found.order_id, as_of_ns)
        if not order or order.symbol != symbol or _is_forgotten(order, as_of_ns):
            raise Refusal(-2013)
        return order_row(order)

    def open_order(self, params: Params, as_of_ns: int) -> object:
        """Answer GET openOrder."""
        symbol = self._symbol(params)
        found = self._desk.find(*named_by(params))
        order = found and self._desk.orders.at(found.order_id, as_of_ns)
        if not order or order.symbol != symbol or not order.is_open:
            raise Refusal(-2013)
        return order_row(order)

    def open_orders(self, params: Params, as_of_ns: int) -> object:
        """Answer GET openOrders."""
        symbol = self._symbol_or_all(params)
        orders = self._desk.orders.recent(as_of_ns)
        return [
            order_row(order) for order in orders if order.is_open and symbol in {"", order.symbol}
        ]

    def all_orders(self, params: Params, as_of_ns: int) -> object:
        """Answer GET allOrders."""
        symbol = self._symbol_or_all(params)
        since_ms, until_ms = _window(params, as_of_ns)
        from_id = params.number("orderId", 0)
        found = [
            order
            for order in self._desk.orders.all_at(as_of_ns)
            if symbol in {"", order.symbol}
            and order.order_id >= from_id
            and since_ms <= order.created_ms <= until_ms
            and not _is_forgotten(order, as_of_ns)
        ]
        from_front = from_id > 0 or params.has("startTime")
        limit = _limit(params, 500)
        return [order_row(order) for order in (found[:limit] if from_front else found[-limit:])]

    def trades(self, params: Params, as_of_ns: int) -> object:
        """Answer GET userTrades."""
        symbol = self._symbol_or_all(params)
        if params.has("fromId") and (params.has("startTime") or params.has("endTime")):
            raise Refusal(-1128, "Combination of optional parameters invalid.")
        from_id = params.number("fromId", 0)
        by_id = params.has("fromId") or params.has("orderId")
        since_ms, until_ms = (0, 2**62) if by_id else _window(params, as_of_ns)
        order_id = params.number("orderId", 0)
        found = [
            trade
            for trade in self._account.trades
            if trade.booked_ns <= as_of_ns
            and symbol in {"", trade.symbol}
            and trade.trade_id >= from_id
            and order_id in {0, trade.order_id}
            and since_ms <= trade.time_ms <= until_ms
        ]
        from_front = params.has("fromId") or params.has("startTime")
        limit = _limit(params, 500)
        return [trade_row(trade) for trade in (found[:limit] if from_front else found[-limit:])]

    def income(self, params: Params, as_of_ns: int) -> object:
        """Answer GET income."""
        kind, symbol = params.text("incomeType", ""), params.text("symbol", "")
        since_ms, until_ms = _window(params, as_of_ns)
        limit, page = _limit(params, 100), max(params.number("page", 1), 1)
        found = [
            one
            for one in self._account.income
            if one.booked_ns <= as_of_ns
            and kind in {"", one.kind}
            and symbol in {"", one.symbol}
            and since_ms <= one.time_ms <= until_ms
        ]
        return [income_row(one) for one in _page(found, page, limit)]

    def algo(self, params: Params, as_of_ns: int) -> object:
        """Answer GET algoOrder."""
        found = find_algo(self._algos, params)
        algo = found and self._algos.algos.at(found.algo_id, as_of_ns)
        if not algo:
            raise Refusal(-2013)
        return algo_row(algo)

    def open_algos(self, params: Params, as_of_ns: int) -> object:
        """Answer GET openAlgoOrders."""
        symbol = self._symbol_or_all(params)
        algos = self._algos.algos.recent(as_of_ns)
        return [algo_row(algo) for algo in algos if algo.is_open and symbol in {"", algo.symbol}]

    def positions(self, params: Params, as_of_ns: int) -> object:
        """Answer GET positionRisk: what is held, or has open orders."""
        symbol = self._symbol_or_all(params)
        held = {one.symbol: one for one in self._account.positions_at(as_of_ns) if one.qty}
        for order in self._desk.orders.recent(as_of_ns):
            if order.is_open:
                held.setdefault(order.symbol, Position(order.symbol))
        rows = [one for name, one in sorted(held.items()) if symbol in {"", name}]
        return [self._position_row(one, as_of_ns) for one in rows]

    def balance(self, params: Params, as_of_ns: int) -> object:
        """Answer GET balance."""
        del params
        cash = money_text(self._account.cash_at(as_of_ns))
        margin, free = self._margin(as_of_ns)
        return [
            {
                "accountAlias": "SgsR",
                "asset": self._account.asset,
                "balance": cash,
                "crossWalletBalance": cash,
                "crossUnPnl": money_text(margin - self._account.cash_at(as_of_ns)),
                "availableBalance": money_text(free),
                "maxWithdrawAmount": money_text(free),
                "marginAvailable": True,
                "updateTime": self._account.cash_changed_ns(as_of_ns) // NS_PER_MS,
            }
        ]

    def account(self, params: Params, as_of_ns: int) -> object:
        """Answer GET account."""
        cash = money_text(self._account.cash_at(as_of_ns))
        asset = {"asset": self._account.asset, "walletBalance": cash}
        return {
            "totalWalletBalance": cash,
            "availableBalance": money_text(self._margin(as_of_ns)[1]),
            "assets": [asset],
            "positions": self.positions(params, as_of_ns),
        }

    def _mark(self, position: Position) -> Decimal:
        symbol, is_buy = position.symbol, position.qty < 0
        return self._desk.reference(symbol, is_buy=is_buy) or position.entry_price

    def _margin(self, as_of_ns: int) -> tuple[Decimal, Decimal]:
        """Return what backs the positions, with their profit, and what of it is free."""
        held = [(one, self._mark(one)) for one in self._account.positions_at(as_of_ns)]
        rest = [one for one in self._desk.orders.recent(as_of_ns) if one.is_open]
        adding = [one for one in rest if not one.is_reduce_only]
        shares = {name: 1 / Decimal(rules.leverage) for name, rules in self._desk.rules.items()}
        left = [(one, one.price * (one.qty - one.executed)) for one in adding]
        bound = sum((worth * shares[one.symbol] for one, worth in left), ZERO)
        bound += sum((abs(one.qty) * mark * shares[one.symbol] for one, mark in held), ZERO)
        profit = sum((one.qty * mark - one.cost for one, mark in held), ZERO)
        margin = self._account.cash_at(as_of_ns) + profit
        return margin, max(ZERO, margin - bound)

    def _liquidation_price(self, position: Position, mark: Decimal, as_of_ns: int) -> Decimal:
        """Return where the loss of this position alone leaves too little; 0 where it never does."""
        if not position.qty:
            return ZERO
        spare = self._margin(as_of_ns)[0] - MAINTENANCE * abs(position.qty) * mark
        return max(ZERO, mark - spare / position.qty)

    def _position_row(self, position: Position, as_of_ns: int) -> dict[str, object]:
        entry, mark = position.entry_price, self._mark(position)
        return {
            "symbol": position.symbol,
            "positionSide": "BOTH",
            "positionAmt": plain_text(position.qty),
            "entryPrice": money_text(entry),
            "breakEvenPrice": money_text(entry),
            "markPrice": money_text(mark),
            "unRealizedProfit": money_text(position.qty * mark - position.cost),
            "liquidationPrice": money_text(self._liquidation_price(position, mark, as_of_ns)),
            "notional": money_text(position.qty * mark),
            "marginAsset": self._account.asset,
            "updateTime": position.updated_ms,
        }

    def _symbol(self, params: Params) -> str:
        symbol = params.text("symbol")
        if symbol not in self._desk.rules:
            raise Refusal(-1121)
        return symbol

    def _symbol_or_all(self, params: Params) -> str:
        return self._symbol(params) if params.has("symbol") else ""


def rights_row(rights: KeyRights) -> object:
    """Answer GET apiRestrictions, of the wallet's own interface."""
    return {
        "ipRestrict": False,
        "createTime": 1_700_000_000_000,
        "enableReading": True,
        "enableWithdrawals": rights.may_withdraw,
        "enableInternalTransfer": rights.may_withdraw,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": rights.may_trade,
        "enableVanillaOptions": False,
        "enableSpotAndMarginTrading": False,
        "enablePortfolioMarginTrading": False,
    }


def _window(params: Params, as_of_ns: int) -> tuple[int, int]:
    """Return which times are asked for: seven days, the last ones where nothing is said."""
    now_ms = as_of_ns // NS_PER_MS
    if params.has("startTime"):
        since_ms = params.number("startTime")
        until_ms = params.number("endTime", since_ms + WINDOW_MS)
    else:
        until_ms = params.number("endTime", now_ms)
        since_ms = max(0, until_ms - WINDOW_MS)
    if until_ms - since_ms > WINDOW_MS:
        raise Refusal(-4165, "Invalid time interval: Maximum time interval is 7 days.")
    if until_ms < since_ms:
        raise invalid("startTime")
    return since_ms, until_ms


def _limit(params: Params, default: int) -> int:
    limit = params.number("limit", default)
    if not 1 <= limit <= 1_000:
        raise invalid("limit")
    return limit


def _page(rows: Iterable[T], page: int, limit: int) -> list[T]:
    return list(rows)[(page - 1) * limit : page * limit]


def _is_forgotten(order: VenueOrder, as_of_ns: int) -> bool:
    is_old = order.updated_ms < as_of_ns // NS_PER_MS - FORGOTTEN_MS
    return is_old and not order.is_open and not order.executed
