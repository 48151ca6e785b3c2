"""What an order must satisfy before the matching sees it: ids, filters, reduce-only and margin."""

import re
from decimal import Decimal
from typing import Final

from engine.fake.trading import filters
from engine.fake.trading.answers import Refusal
from engine.fake.trading.desk import OrderDesk
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.records import ZERO, Side, VenueOrder

CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)


def admit(desk: OrderDesk, order: VenueOrder) -> None:
    """Refuse an order that the venue does not take.

    Raises:
        Refusal: With the code of the first rule that is not kept.
    """
    rules = desk.rules[order.symbol]
    if not rules.is_trading:
        raise Refusal(-4140)
    check_client_id(order.client_order_id)
    working = desk.open_orders()
    if any(one.client_order_id == order.client_order_id for one in working):
        raise Refusal(-4116)
    if sum(one.symbol == order.symbol for one in working) >= rules.orders_max:
        raise Refusal(-2025)
    check_size(desk, order, order.price, order.qty)
    if order.is_reduce_only or order.is_close_all:
        check_reduces(desk, order.symbol, order.side)
    else:
        _check_margin(desk, rules, order)


def check_client_id(client_order_id: str) -> None:
    """Refuse letters that an id of a client must not have."""
    if CLIENT_ID.fullmatch(client_order_id) is None:
        raise Refusal(-4015)


def check_size(desk: OrderDesk, order: VenueOrder, price: Decimal, qty: Decimal) -> None:
    """Refuse a price or size that the filters do not allow."""
    rules, is_buy = desk.rules[order.symbol], order.side == "BUY"
    is_market = order.type == "MARKET"
    filters.check_qty(rules, qty, is_market=is_market)
    if not is_market:
        filters.check_price(rules, price, desk.marks.get(order.symbol), is_buy=is_buy)
    if not (order.is_reduce_only or order.is_close_all):
        worth = desk.reference(order.symbol, is_buy=is_buy) if is_market else price
        filters.check_notional(rules, worth, qty)


def check_reduces(desk: OrderDesk, symbol: str, side: Side) -> None:
    """Refuse a reduce-only order that could only open a position."""
    net = desk.account.position(symbol).qty
    if (net <= 0) if side == "SELL" else (net >= 0):
        raise Refusal(-2022)


def free_margin(desk: OrderDesk) -> Decimal:
    """Return the cash that backs neither a position nor an order that may open one."""
    free = desk.account.cash
    for position in desk.account.positions():
        rules = desk.rules[position.symbol]
        price = desk.reference(position.symbol, is_buy=position.qty < 0) or position.entry_price
        free += position.qty * price - position.cost
        free -= abs(position.qty) * price / rules.leverage
    for order in desk.open_orders():
        if not order.is_reduce_only:
            left = order.qty - order.executed
            free -= left * order.price / desk.rules[order.symbol].leverage
    return free


def _check_margin(desk: OrderDesk, rules: SymbolRules, order: VenueOrder) -> None:
    is_buy = order.side == "BUY"
    price = order.price or desk.reference(order.symbol, is_buy=is_buy)
    if price is None:
        return  # There is no market either; the matching says so.
    net = desk.account.position(order.symbol).qty
    closes = min(order.qty, max(ZERO, -net if is_buy else net))
    if (order.qty - closes) * price / rules.leverage > free_margin(desk):
        raise Refusal(-2019)
