"""What the venue shows of an account, in our vocabulary and exact numbers."""

from collections.abc import Container
from typing import Final

from engine.model.account import BalanceSeen, CashSeen, OrderSeen, PositionSeen, SeenState
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_MS, PriceTicks, QtyLots
from engine.model.orders import OrderType, Side
from engine.model.text import clean
from engine.venues.binance.order_names import CONDITIONAL
from engine.venues.binance.steps import Steps, amount
from engine.venues.binance.trade_payloads import (
    AlgoAnswer,
    AnyStatus,
    BalanceRow,
    IncomeRow,
    OrderAnswer,
    PositionRow,
    TradeRow,
)
from engine.venues.binance.trade_payloads import Side as VenueSide
from engine.venues.scaling import require

SIDES: Final[dict[VenueSide, Side]] = {"BUY": "buy", "SELL": "sell"}

TRAILING: Final = "TRAILING_STOP_MARKET"

TYPES: Final[dict[str, OrderType]] = {
    "LIMIT": "limit",
    "MARKET": "market",
    "LIQUIDATION": "market",
    "STOP": "stop",
    "STOP_MARKET": "stop",
    TRAILING: "stop",
    "TAKE_PROFIT": "take_profit",
    "TAKE_PROFIT_MARKET": "take_profit",
}
"""One that is not listed is of an order made elsewhere, and is read by what the order has."""

STATES: Final[dict[AnyStatus, SeenState]] = {
    "NEW": "open",
    "PARTIALLY_FILLED": "partial",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}

ALGO_STATES: Final[dict[AnyStatus, SeenState]] = {
    "NEW": "open",
    "TRIGGERING": "open",
    "TRIGGERED": "open",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "REJECTED": "expired",  # It was accepted, and refused only when it was triggered.
}
"""Of a conditional order that became no other; the rest of its life is the other's."""

FINISHED: Final = "FINISHED"
"""Of a conditional order that became another one."""

STUCK: Final = frozenset({"TRIGGERING", "TRIGGERED"})
"""It should become another order at once; one that stays so protects nothing."""

WAITING: Final[tuple[SeenState, ...]] = ("open", "partial")
WORD_WIDTH: Final = 40

BOOKED_WITH_FILLS: Final = frozenset({"REALIZED_PNL", "COMMISSION"})
"""Income that fills bring, and that is booked with them."""

TRANSFERS: Final = frozenset(
    {
        *("TRANSFER", "INTERNAL_TRANSFER", "CROSS_COLLATERAL_TRANSFER"),
        *("COIN_SWAP_DEPOSIT", "COIN_SWAP_WITHDRAW", "STRATEGY_UMFUTURES_TRANSFER"),
        "AUTO_EXCHANGE",
    }
)


def order(
    row: OrderAnswer,
    steps: Steps,
    client_order_id: str | None = None,
    kind: OrderType | None = None,
) -> OrderSeen:
    """Return a plain order as it is seen.

    Args:
        row: The venue's words.
        steps: Of its instrument.
        client_order_id: Of the conditional order that became this one.
        kind: Of that one.
    """
    limit = steps.ticks_or_none(row.price)
    return OrderSeen(
        client_order_id or row.clientOrderId,
        str(row.orderId),
        steps.instrument_id,
        SIDES[row.side],
        kind or plain_type(row.type, limit),
        STATES.get(row.status, "unclear"),
        steps.lots(row.origQty),
        steps.lots(row.executedQty),
        limit,
        steps.ticks_or_none(row.stopPrice),
        row.reduceOnly,
        row.updateTime * NS_PER_MS,
        _unclear("status", row.status, STATES),
    )


def conditional_order(row: AlgoAnswer, steps: Steps) -> OrderSeen:
    """Return a conditional order that became no other one as it is seen.

    Of a type that nobody has described nobody knows what it waits for, nor what it becomes. Where
    one that trails has come the venue does not tell: the trigger that it states is to be ignored.

    Raises:
        VenuePayloadError: It became another one, and the venue does not say which.
    """
    is_child_missing = row.algoStatus == FINISHED
    require(
        not is_child_missing, "a finished order without the order that it became", row.clientAlgoId
    )
    state = ALGO_STATES.get(row.algoStatus, "unclear")
    why = _unclear("status", row.algoStatus, ALGO_STATES)
    if state in WAITING and row.orderType not in TYPES:
        state, why = "unclear", _unclear("type", row.orderType, TYPES)
    return OrderSeen(
        row.clientAlgoId,
        f"{CONDITIONAL}{row.algoId}",
        steps.instrument_id,
        SIDES[row.side],
        conditional_type(row.orderType),
        state,
        steps.lots(row.quantity) if row.quantity else QtyLots(0),
        0,
        steps.ticks_or_none(row.price),
        None if row.orderType == TRAILING else steps.ticks_or_none(row.triggerPrice),
        row.reduceOnly or row.closePosition,
        row.updateTime * NS_PER_MS,
        row.algoStatus if row.algoStatus in STUCK else why,
        is_triggered=row.algoStatus in STUCK,
    )


def _unclear(field: str, word: str, known: Container[str]) -> str:
    """Return which word of the venue leaves an order unclear; nothing where it is known."""
    return "" if word in known else f"{field} {clean(word, WORD_WIDTH)}"


def plain_type(kind: str, limit: PriceTicks | None) -> OrderType:
    """Return the type of a plain order.

    One that nobody has described is no conditional one, even with a trigger: the type says by
    which way an order is canceled.
    """
    return TYPES.get(kind, "market" if limit is None else "limit")


def conditional_type(kind: str) -> OrderType:
    """Return the type of a conditional order; one that nobody has described is a stop."""
    return TYPES.get(kind, "stop")


def child_of(number: str | int | None) -> int | None:
    """Return the number of what a conditional order became; none before it is triggered.

    Raises:
        VenuePayloadError: It is no number.
    """
    text = str(number or "")
    if text in {"", "0"}:
        return None
    require(text.isascii() and text.isdigit() and len(text) <= 19, "no order number", text)
    return int(text)


def fill(row: TradeRow, client_order_id: str, steps: Steps) -> OrderFilled:
    """Return a fill; its fee is paid when positive, as the stream writes it.

    A price between two ticks is told exactly, too. A size is never rounded.
    """
    return OrderFilled(
        row.time * NS_PER_MS,
        client_order_id,
        str(row.id),
        steps.traded_ticks(row.price),
        _some(steps.lots(row.qty), row.qty),
        "maker" if row.maker else "taker",
        amount(row.commission),
        row.commissionAsset,
        steps.instrument_id,
        SIDES[row.side],
        steps.off_tick(row.price),
    )


def position(row: PositionRow, steps: Steps) -> PositionSeen:
    """Return a position.

    Raises:
        VenuePayloadError: Long and short are kept apart, which our ledger has no place for.
    """
    require(
        row.positionSide == "BOTH",
        "the account is in hedge mode: set it to one-way mode at the venue",
        row.symbol,
    )
    return PositionSeen(
        steps.instrument_id,
        steps.signed_lots(row.positionAmt),
        amount(row.entryPrice),
        amount(row.liquidationPrice) if row.liquidationPrice else None,
        row.updateTime * NS_PER_MS,
    )


def balance(row: BalanceRow) -> BalanceSeen:
    """Return the cash of a currency, and what of its margin is free."""
    margin, free = None, None
    if row.crossWalletBalance and row.crossUnPnl and row.availableBalance:
        margin = amount(row.crossWalletBalance) + amount(row.crossUnPnl)
        free = amount(row.availableBalance)
    return BalanceSeen(row.asset, amount(row.balance), margin, free, row.updateTime * NS_PER_MS)


def cash(row: IncomeRow, instrument_id: InstrumentId | None) -> CashSeen:
    """Return a movement of money, which the venue numbers within its kind and currency."""
    kind = row.incomeType
    return CashSeen(
        row.time * NS_PER_MS,
        f"{kind}:{row.tranId}:{row.asset}",
        "funding" if kind == "FUNDING_FEE" else "transfer" if kind in TRANSFERS else "other",
        row.asset,
        amount(row.income),
        instrument_id,
    )


def _some(lots: QtyLots, text: str) -> QtyLots:
    require(lots > 0, "a fill of nothing", text)
    return lots
