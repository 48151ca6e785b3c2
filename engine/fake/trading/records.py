"""Orders and trades as the venue keeps them, and how its answers and frames spell them."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.fake.trading.answers import money_text, plain_text

Side = Literal["BUY", "SELL"]

OPEN_STATES: Final = frozenset({"NEW", "PARTIALLY_FILLED"})
ALGO_OPEN_STATES: Final = frozenset({"NEW", "TRIGGERING"})
ALGO_LIVE_STATES: Final = frozenset({"NEW", "TRIGGERING", "TRIGGERED"})

TRIGGERED_TYPES: Final = {
    "STOP": "LIMIT",
    "STOP_MARKET": "MARKET",
    "TAKE_PROFIT": "LIMIT",
    "TAKE_PROFIT_MARKET": "MARKET",
    "TRAILING_STOP_MARKET": "MARKET",
}
"""Conditional types, and what acts once they are triggered."""

ZERO: Final = Decimal(0)


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order in the book, or that was."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: str
    tif: str
    qty: Decimal
    price: Decimal = ZERO
    is_reduce_only: bool = False
    is_close_all: bool = False
    status: str = "NEW"
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    realized: Decimal = ZERO
    created_ms: int = 0
    updated_ms: int = 0
    good_till_ms: int = 0
    amendments: int = 0
    original_type: str = ""
    trigger_price: Decimal = ZERO
    response: str = "ACK"
    """What its sender wants to hear: ACK or RESULT."""
    expiry_reason: str = "0"

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self.status in OPEN_STATES

    @property
    def average_price(self) -> Decimal:
        """Mean price of what was filled; 0 for nothing."""
        return self.quote / self.executed if self.executed else ZERO


class AlgoOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One conditional order; it is no order in the book until it is triggered."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    type: str
    tif: str
    qty: Decimal
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    """Percent, of a trailing stop."""
    extreme: Decimal = ZERO
    """Best price since a trailing stop is active; 0 before."""
    working_type: str = "CONTRACT_PRICE"
    is_reduce_only: bool = False
    is_close_all: bool = False
    status: str = "NEW"
    created_ms: int = 0
    updated_ms: int = 0
    triggered_ms: int = 0
    actual_order_id: int = 0
    executed: Decimal = ZERO
    average_price: Decimal = ZERO
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it still waits to be triggered."""
        return self.status in ALGO_OPEN_STATES


class VenueTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of the account."""

    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    """Paid when positive."""
    realized: Decimal
    time_ms: int
    booked_ns: int
    is_maker: bool
    asset: str


class Income(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of cash; received when positive."""

    tran_id: int
    kind: str
    amount: Decimal
    time_ms: int
    booked_ns: int
    asset: str
    symbol: str = ""
    info: str = ""
    trade_id: str = ""


class Position(msgspec.Struct, frozen=True):
    """One symbol's net position."""

    symbol: str
    qty: Decimal = ZERO
    """Signed; in base currency."""
    cost: Decimal = ZERO
    """What was paid for it, with the sign of `qty`."""
    updated_ms: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Average price of entry; 0 when flat."""
        return self.cost / self.qty if self.qty else ZERO


def order_row(order: VenueOrder) -> dict[str, object]:
    """Return an order as REST shows it."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": plain_text(order.price),
        "avgPrice": money_text(order.average_price),
        "origQty": plain_text(order.qty),
        "executedQty": plain_text(order.executed),
        "cumQuote": money_text(order.quote),
        "timeInForce": order.tif,
        "type": order.type,
        "reduceOnly": order.is_reduce_only,
        "closePosition": order.is_close_all,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": plain_text(order.trigger_price),
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": order.good_till_ms,
        "priceProtect": False,
        "origType": order.original_type or order.type,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def placed_row(order: VenueOrder) -> dict[str, object]:
    """Return an order as the answers to placing, amending and canceling it show it."""
    row = order_row(order)
    del row["time"]
    row["cumQty"] = row["executedQty"]
    return row


def algo_row(algo: AlgoOrder) -> dict[str, object]:
    """Return a conditional order as REST shows it."""
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": "BOTH",
        "timeInForce": algo.tif,
        "quantity": plain_text(algo.qty),
        "algoStatus": algo.status,
        "actualOrderId": str(algo.actual_order_id) if algo.actual_order_id else "",
        "actualPrice": money_text(algo.average_price),
        "actualQty": plain_text(algo.executed),
        "triggerPrice": plain_text(algo.trigger_price),
        "price": plain_text(algo.price),
        "activatePrice": plain_text(algo.activate_price),
        "callbackRate": plain_text(algo.callback_rate),
        "workingType": algo.working_type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "closePosition": algo.is_close_all,
        "priceProtect": False,
        "reduceOnly": algo.is_reduce_only,
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": 0,
    }


def trade_row(trade: VenueTrade) -> dict[str, object]:
    """Return a fill as REST shows it; it names the order by the venue's id only."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": plain_text(trade.price),
        "qty": plain_text(trade.qty),
        "realizedPnl": money_text(trade.realized),
        "quoteQty": plain_text(trade.price * trade.qty),
        "commission": money_text(trade.fee),
        "commissionAsset": trade.asset,
        "time": trade.time_ms,
        "positionSide": "BOTH",
        "buyer": trade.side == "BUY",
        "maker": trade.is_maker,
    }


def income_row(income: Income) -> dict[str, object]:
    """Return a movement of cash as REST shows it."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": money_text(income.amount),
        "asset": income.asset,
        "info": income.info or income.kind,
        "time": income.time_ms,
        "tranId": income.tran_id,
        "tradeId": income.trade_id,
    }
