"""Requests about single orders, in the venue's words and exact numbers (R30).

Plain orders are amended, canceled and asked for by our client order id. Stops and take-profits are
conditional orders, kept by a service of their own with ids of their own; once triggered they are
plain orders that bear the same client order id.
"""

from typing import Final

from engine.model.errors import UnsupportedByVenue
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_MS, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec, OrderType
from engine.venues.binance.order_names import OrderNames
from engine.venues.binance.steps import Listing, Steps
from engine.venues.trading import TradeRequest

ORDER: Final = "/fapi/v1/order"
ALGO_ORDER: Final = "/fapi/v1/algoOrder"
ALL_ORDERS: Final = "/fapi/v1/allOpenOrders"
COUNTDOWN: Final = "/fapi/v1/countdownCancelAll"

COUNTDOWN_WEIGHT: Final = 10

Params = tuple[tuple[str, str], ...]

_TIFS: Final = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK"}
_CONDITIONAL_TYPES: Final = {
    ("stop", False): "STOP_MARKET",
    ("stop", True): "STOP",
    ("take_profit", False): "TAKE_PROFIT_MARKET",
    ("take_profit", True): "TAKE_PROFIT",
}


class OrderRequests:
    """Writes requests about single orders."""

    def __init__(self, listing: Listing, names: OrderNames) -> None:
        self._listing = listing
        self._names = names

    def place(self, client_order_id: str, intent: OrderIntent) -> TradeRequest:
        """Return the request that places an order.

        ACK is asked for, not RESULT: it is answered soonest, and fills are booked from what names
        their trade and fee, which no answer to an order does.

        Raises:
            UnsupportedByVenue: The venue has no such order.
        """
        spec = intent.spec
        steps = self._listing.write(spec.instrument_id)
        _require_sane(spec)
        if is_conditional(spec.type):
            path, params = ALGO_ORDER, _conditional(client_order_id, spec, steps)
        else:
            path, params = ORDER, _plain(client_order_id, spec, steps)
        return TradeRequest(
            "place",
            "POST",
            path,
            params,
            weight=0,  # It counts as an order, and costs weight only where it is refused.
            order_count=1,
            client_order_id=client_order_id,
            instrument_id=spec.instrument_id,
        )

    def amend(
        self, client_order_id: str, intent: OrderIntent, limit: PriceTicks, qty: QtyLots
    ) -> TradeRequest:
        """Return the request that changes price and whole size of a limit order.

        Raises:
            UnsupportedByVenue: It is no limit order.
        """
        spec = intent.spec
        steps = self._listing.write(spec.instrument_id)
        if spec.type != "limit":
            raise UnsupportedByVenue(f"binance_futures amends limit orders, not a {spec.type}")
        if limit <= 0 or qty <= 0:
            raise UnsupportedByVenue(f"an order cannot have price {limit} and size {qty}")
        params = (
            ("symbol", steps.symbol),
            ("side", spec.side.upper()),
            ("quantity", steps.qty_text(qty)),
            ("price", steps.price_text(limit)),
            ("origClientOrderId", client_order_id),
        )
        return TradeRequest(
            "amend",
            "PUT",
            ORDER,
            params,
            order_count=1,
            client_order_id=client_order_id,
            instrument_id=spec.instrument_id,
        )

    def cancel(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the request that cancels an order, where it is now."""
        path, params = self._whereabouts(client_order_id, instrument_id, kind)
        return TradeRequest(
            "cancel",
            "DELETE",
            path,
            params,
            client_order_id=client_order_id,
            instrument_id=instrument_id,
        )

    def cancel_all(self, instrument_id: InstrumentId) -> TradeRequest:
        """Return what cancels the plain orders of an instrument."""
        steps = self._listing.write(instrument_id)
        symbol = (("symbol", steps.symbol),)
        return TradeRequest("cancel_all", "DELETE", ALL_ORDERS, symbol, instrument_id=instrument_id)

    def dead_man(self, instrument_id: InstrumentId, after_ns: int) -> TradeRequest:
        """Return what sets the dead-man timer of an instrument; 0 ends it."""
        steps = self._listing.write(instrument_id)
        params = (("symbol", steps.symbol), ("countdownTime", str(after_ns // NS_PER_MS)))
        return TradeRequest(
            "dead_man",
            "POST",
            COUNTDOWN,
            params,
            weight=COUNTDOWN_WEIGHT,
            instrument_id=instrument_id,
        )

    def query(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the query of one order."""
        child = self._names.child(client_order_id)
        if child is not None:
            return query_child(self._listing.write(instrument_id), child, client_order_id, kind)
        path, params = self._whereabouts(client_order_id, instrument_id, kind)
        return TradeRequest(
            "order",
            "GET",
            path,
            params,
            is_read=True,
            client_order_id=client_order_id,
            instrument_id=instrument_id,
        )

    def _whereabouts(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> tuple[str, Params]:
        """Return where an order is kept now, and what it is called there."""
        steps = self._listing.write(instrument_id)
        child = self._names.child(client_order_id)
        if is_conditional(kind) and child is None:
            return ALGO_ORDER, (("clientAlgoId", client_order_id),)
        return ORDER, _named(steps, client_order_id, child)


def query_child(steps: Steps, number: int, client_order_id: str, kind: OrderType) -> TradeRequest:
    """Return the query of what a conditional order became: it exists, whatever a replica says."""
    return TradeRequest(
        "order",
        "GET",
        ORDER,
        _named(steps, client_order_id, number),
        is_read=True,
        client_order_id=client_order_id,
        instrument_id=steps.instrument_id,
        context=kind,
    )


def is_conditional(kind: OrderType) -> bool:
    """Whether the venue keeps such an order until it is triggered."""
    return kind in {"stop", "take_profit"}


def _require_sane(spec: OrderSpec) -> None:
    """Refuse what the venue has no word for, instead of sending something near it.

    Raises:
        UnsupportedByVenue: It has none.
    """
    problem = ""
    if spec.qty_lots <= 0:
        problem = f"an order of {spec.qty_lots} lots"
    elif spec.limit_ticks is not None and spec.limit_ticks <= 0:
        problem = f"a price of {spec.limit_ticks} ticks"
    elif (spec.type == "limit") != (spec.limit_ticks is not None) and not is_conditional(spec.type):
        problem = f"a {spec.type} order with limit {spec.limit_ticks}"
    elif is_conditional(spec.type) != (spec.trigger_ticks is not None):
        problem = f"a {spec.type} order with trigger {spec.trigger_ticks}"
    elif spec.trigger_ticks is not None and spec.trigger_ticks <= 0:
        problem = f"a trigger of {spec.trigger_ticks} ticks"
    elif spec.is_post_only and (spec.limit_ticks is None or spec.tif != "gtc"):
        problem = f"a post-only {spec.type} order that is {spec.tif}"
    elif spec.limit_ticks is None and spec.tif == "fok":
        problem = "a market order that is filled whole or not at all"
    if problem:
        raise UnsupportedByVenue(f"binance_futures has no such order: {problem}")


def _plain(client_order_id: str, spec: OrderSpec, steps: Steps) -> Params:
    return (
        ("symbol", steps.symbol),
        ("side", spec.side.upper()),
        ("type", spec.type.upper()),
        *_limit(spec, steps),
        ("quantity", steps.qty_text(spec.qty_lots)),
        *_reduce_only(spec),
        ("newClientOrderId", client_order_id),
        ("newOrderRespType", "ACK"),
    )


def _conditional(client_order_id: str, spec: OrderSpec, steps: Steps) -> Params:
    """Return the parameters of a conditional order.

    It is triggered by trades, as the paper venue does, not by the mark price. Whether the service
    takes reduceOnly from accounts in one-way mode was seen in libraries, not by us.
    """
    assert spec.trigger_ticks is not None, "checked before"
    return (
        ("algoType", "CONDITIONAL"),
        ("symbol", steps.symbol),
        ("side", spec.side.upper()),
        ("type", _CONDITIONAL_TYPES[spec.type, spec.limit_ticks is not None]),
        *_limit(spec, steps),
        ("quantity", steps.qty_text(spec.qty_lots)),
        ("triggerPrice", steps.price_text(spec.trigger_ticks)),
        ("workingType", "CONTRACT_PRICE"),
        *_reduce_only(spec),
        ("clientAlgoId", client_order_id),
    )


def _limit(spec: OrderSpec, steps: Steps) -> Params:
    """Return time in force and price; a market order has neither, and the venue refuses them."""
    if spec.limit_ticks is None:
        return ()
    tif = "GTX" if spec.is_post_only else _TIFS[spec.tif]
    return (("timeInForce", tif), ("price", steps.price_text(spec.limit_ticks)))


def _reduce_only(spec: OrderSpec) -> Params:
    return (("reduceOnly", "true"),) if spec.is_reduce_only else ()


def _named(steps: Steps, client_order_id: str, number: int | None) -> Params:
    if number is not None:
        return (("symbol", steps.symbol), ("orderId", str(number)))
    return (("symbol", steps.symbol), ("origClientOrderId", client_order_id))
