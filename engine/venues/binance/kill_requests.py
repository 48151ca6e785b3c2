"""What a kill asks: all that is open and held, in the venue's words, and cancels of it.

Nothing need be known of an instrument, not even its steps: an order that is listed can be canceled
by its number, so that no kill fails because of an instrument that nobody watches (R79).
"""

from decimal import Decimal
from typing import Final

import msgspec

from engine.venues.binance.account_requests import (
    OPEN_ALGO_ORDERS,
    OPEN_ORDERS,
    OPEN_ORDERS_WEIGHT,
    POSITIONS,
    POSITIONS_WEIGHT,
)
from engine.venues.binance.account_rows import child_of
from engine.venues.binance.order_requests import ALGO_ORDER, ALL_ORDERS, ORDER
from engine.venues.binance.private_json import strictly
from engine.venues.binance.steps import amount
from engine.venues.binance.trade_payloads import Name, Number, PositionRow
from engine.venues.trading import HeldPosition, OpenOrder, TradeAnswer, TradeRequest

SURVEY: Final = (
    TradeRequest("survey", "GET", OPEN_ORDERS, weight=OPEN_ORDERS_WEIGHT, is_read=True),
    TradeRequest("survey", "GET", OPEN_ALGO_ORDERS, weight=OPEN_ORDERS_WEIGHT, is_read=True),
    TradeRequest("survey", "GET", POSITIONS, weight=POSITIONS_WEIGHT, is_read=True),
)
"""Plain orders first: they are what can fill now."""


class PlainRow(msgspec.Struct, gc=False):
    """One row of openOrders: no more than a cancel needs, so that no new word is in the way."""

    symbol: Name
    orderId: Number  # noqa: N815 - the venue's name
    clientOrderId: str = ""  # noqa: N815
    side: str = ""
    reduceOnly: bool = False  # noqa: N815


class ConditionalRow(msgspec.Struct, gc=False):
    """One row of openAlgoOrders."""

    symbol: Name
    algoId: Number  # noqa: N815 - the venue's name
    clientAlgoId: str = ""  # noqa: N815
    side: str = ""
    reduceOnly: bool = False  # noqa: N815
    closePosition: bool = False  # noqa: N815
    actualOrderId: str | int | None = None  # noqa: N815


class PlainState(msgspec.Struct, gc=False):
    """How an order stands."""

    status: Name


class ConditionalState(msgspec.Struct, gc=False):
    """How a conditional order stands."""

    algoStatus: Name  # noqa: N815 - the venue's name


def clear(symbol: str) -> TradeRequest:
    """Return what cancels the plain orders of a symbol."""
    return TradeRequest("clear", "DELETE", ALL_ORDERS, (("symbol", symbol),))


def cancel_open(order: OpenOrder) -> TradeRequest:
    """Return what cancels an order by the venue's own number."""
    return TradeRequest("clear", "DELETE", *_numbered(order))


def fate(order: OpenOrder) -> TradeRequest:
    """Return the query of how an order stands, whose only row is the venue's word for it."""
    return TradeRequest("survey", "GET", *_numbered(order), is_read=True)


def read(request: TradeRequest, body: bytes) -> TradeAnswer:
    """Read what is open or held, or how one order stands.

    Raises:
        VenuePayloadError: A row cannot be read, so nothing of it counts.
    """
    return TradeAnswer("confirmed", rows=_rows(request.path, body))


def _numbered(order: OpenOrder) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return where an order is kept, and its number there."""
    if order.is_conditional:
        return ALGO_ORDER, (("algoId", order.order_id),)
    return ORDER, (("symbol", order.symbol), ("orderId", order.order_id))


def _rows(path: str, body: bytes) -> tuple[OpenOrder | HeldPosition | str, ...]:
    if path == ORDER:
        return (strictly(body, PlainState).status,)
    if path == ALGO_ORDER:
        return (strictly(body, ConditionalState).algoStatus,)
    if path == OPEN_ORDERS:
        return tuple(map(_plain, strictly(body, list[PlainRow])))
    if path == OPEN_ALGO_ORDERS:
        # One that became another order is listed as that.
        found = strictly(body, list[ConditionalRow])
        return tuple(_conditional(row) for row in found if child_of(row.actualOrderId) is None)
    held = map(_position, strictly(body, list[PositionRow]))
    return tuple(row for row in held if row.qty)


def _plain(row: PlainRow) -> OpenOrder:
    return OpenOrder(
        row.symbol,
        str(row.orderId),
        row.clientOrderId,
        is_buy=row.side == "BUY",
        is_reduce_only=row.reduceOnly,
    )


def _conditional(row: ConditionalRow) -> OpenOrder:
    return OpenOrder(
        row.symbol,
        str(row.algoId),
        row.clientAlgoId,
        is_buy=row.side == "BUY",
        is_conditional=True,
        is_reduce_only=row.reduceOnly or row.closePosition,
    )


def _position(row: PositionRow) -> HeldPosition:
    return HeldPosition(
        row.symbol, amount(row.positionAmt), _price(row.markPrice), _price(row.liquidationPrice)
    )


def _price(text: str) -> Decimal | None:
    """Return a price that the venue may leave out, or write as zero."""
    return (amount(text) or None) if text else None
