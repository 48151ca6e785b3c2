"""Endpoints that change orders: what a request says, what is done, and what is answered."""

from collections.abc import Callable
from typing import Final

import msgspec

from engine.fake.trading import admission
from engine.fake.trading.algos import AlgoDesk
from engine.fake.trading.answers import Refusal, invalid, missing
from engine.fake.trading.desk import AMENDMENTS_MAX, OrderDesk
from engine.fake.trading.params import Params
from engine.fake.trading.records import (
    TRIGGERED_TYPES,
    ZERO,
    AlgoOrder,
    Side,
    VenueOrder,
    algo_row,
    placed_row,
)
from engine.model.numbers import NS_PER_MS

SIDES: Final = frozenset({"BUY", "SELL"})
PLAIN_TYPES: Final = frozenset({"LIMIT", "MARKET"})
TIFS: Final = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD"})
RESPONSES: Final = frozenset({"ACK", "RESULT"})
WORKING_TYPES: Final = frozenset({"CONTRACT_PRICE", "MARK_PRICE"})
GOOD_TILL_MS_MIN: Final = 600_000
CALLBACK_RATE_MAX: Final = 20


class OrderEntry:
    """Reads requests and gives them to the desks.

    Args:
        desk: Plain orders.
        algos: Conditional ones.
        name: Makes the client order id of an order that came without one.
    """

    def __init__(self, desk: OrderDesk, algos: AlgoDesk, name: Callable[[], str]) -> None:
        self._desk = desk
        self._algos = algos
        self._name = name

    def place(self, params: Params, now_ns: int) -> object:
        """Answer POST order."""
        order = self._plain(params, now_ns)
        admission.admit(self._desk, order)
        placed = self._desk.place(order, now_ns)
        if order.response == "ACK":
            placed = msgspec.structs.replace(
                placed, status="NEW", executed=ZERO, quote=ZERO, updated_ms=placed.created_ms
            )
        return placed_row(placed)

    def amend(self, params: Params, now_ns: int) -> object:
        """Answer PUT order."""
        order = self._open_order(params, -2013)
        if not self._desk.rules[order.symbol].is_trading:
            raise Refusal(-5024)
        if order.type != "LIMIT":
            raise Refusal(-5025)
        if order.amendments >= AMENDMENTS_MAX:
            raise Refusal(-5026)
        if params.choice("side", SIDES, -1117) != order.side:
            raise invalid("side")
        price, qty = params.decimal("price"), params.decimal("quantity")
        if (price, qty) == (order.price, order.qty):
            raise Refusal(-5027)
        admission.check_size(self._desk, order, price, qty)
        return placed_row(self._desk.amend(order, price, qty, now_ns))

    def cancel(self, params: Params, now_ns: int) -> object:
        """Answer DELETE order."""
        return placed_row(self._desk.end(self._open_order(params, -2011), now_ns))

    def cancel_all(self, params: Params, now_ns: int) -> object:
        """Answer DELETE allOpenOrders; conditional orders stay."""
        for order in self._desk.open_orders(self._symbol(params)):
            self._desk.end(order, now_ns)
        return _done("The operation of cancel all open order is done.")

    def place_algo(self, params: Params, now_ns: int) -> object:
        """Answer POST algoOrder."""
        return algo_row(self._algos.place(self._conditional(params), now_ns))

    def cancel_algo(self, params: Params, now_ns: int) -> object:
        """Answer DELETE algoOrder."""
        algo = find_algo(self._algos, params)
        if algo is None or not algo.is_open:
            raise Refusal(-2011)
        self._algos.cancel(algo, now_ns)
        named = {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id}
        return {**named, "code": "200", "msg": "success"}

    def cancel_algos(self, params: Params, now_ns: int) -> object:
        """Answer DELETE algoOpenOrders."""
        for algo in self._algos.open_algos(self._symbol(params)):
            self._algos.cancel(algo, now_ns)
        return _done("The operation of cancel all open order is done.")

    def _symbol(self, params: Params) -> str:
        symbol = params.text("symbol")
        if symbol not in self._desk.rules:
            raise Refusal(-1121)
        return symbol

    def _open_order(self, params: Params, code: int) -> VenueOrder:
        symbol = self._symbol(params)
        order = self._desk.find(*named_by(params))
        if order is None or not order.is_open or order.symbol != symbol:
            raise Refusal(code)
        return order

    def _side(self, params: Params) -> Side:
        if params.text("positionSide", "BOTH") != "BOTH":
            raise Refusal(-4061)
        return "BUY" if params.choice("side", SIDES, -1117) == "BUY" else "SELL"

    def _plain(self, params: Params, now_ns: int) -> VenueOrder:
        symbol, kind = self._symbol(params), params.text("type")
        if kind in TRIGGERED_TYPES:
            raise Refusal(-4120)
        if kind not in PLAIN_TYPES:
            raise Refusal(-1116)
        is_limit = kind == "LIMIT"
        _refuse_superfluous(params, is_limit=is_limit)
        tif = params.choice("timeInForce", TIFS, -1115) if is_limit else "GTC"
        good_till_ms = params.number("goodTillDate") if tif == "GTD" else 0
        if good_till_ms and good_till_ms < now_ns // NS_PER_MS + GOOD_TILL_MS_MIN:
            raise invalid("goodTillDate")
        return VenueOrder(
            order_id=0,
            client_order_id=params.text("newClientOrderId", self._name()),
            symbol=symbol,
            side=self._side(params),
            type=kind,
            tif=tif,
            qty=params.decimal("quantity"),
            price=params.decimal("price") if is_limit else ZERO,
            is_reduce_only=params.flag("reduceOnly"),
            good_till_ms=good_till_ms,
            response=params.choice("newOrderRespType", RESPONSES, -1130, "ACK"),
        )

    def _conditional(self, params: Params) -> AlgoOrder:
        if params.text("algoType") != "CONDITIONAL":
            raise invalid("algoType")
        symbol, kind = self._symbol(params), params.text("type")
        if kind not in TRIGGERED_TYPES:
            raise Refusal(-1116)
        is_limit = TRIGGERED_TYPES[kind] == "LIMIT"
        is_trailing = kind == "TRAILING_STOP_MARKET"
        is_close_all = params.flag("closePosition")
        _refuse_superfluous(params, is_limit=is_limit)
        if is_close_all and (params.has("quantity") or params.flag("reduceOnly")):
            raise Refusal(-1106, "Parameter 'quantity' or 'reduceOnly' sent when not required.")
        rate = params.decimal("callbackRate") if is_trailing else ZERO
        if is_trailing and not 0 < rate <= CALLBACK_RATE_MAX:
            raise invalid("callbackRate")
        activates = is_trailing and params.has("activatePrice")
        return AlgoOrder(
            algo_id=0,
            client_algo_id=params.text("clientAlgoId", self._name()),
            symbol=symbol,
            side=self._side(params),
            type=kind,
            tif=params.choice("timeInForce", TIFS, -1115, "GTC"),
            qty=ZERO if is_close_all else params.decimal("quantity"),
            price=params.decimal("price") if is_limit else ZERO,
            trigger_price=ZERO if is_trailing else params.decimal("triggerPrice"),
            activate_price=params.decimal("activatePrice") if activates else ZERO,
            callback_rate=rate,
            working_type=params.choice("workingType", WORKING_TYPES, -1130, "CONTRACT_PRICE"),
            is_reduce_only=params.flag("reduceOnly"),
            is_close_all=is_close_all,
        )


def named_by(params: Params) -> tuple[int | None, str]:
    """Return by which of its ids an order is asked for."""
    if params.has("orderId"):
        return params.number("orderId"), ""
    if params.has("origClientOrderId"):
        return None, params.text("origClientOrderId")
    text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    raise Refusal(-1102, text)


def find_algo(algos: AlgoDesk, params: Params) -> AlgoOrder | None:
    """Return the conditional order that is asked for."""
    if params.has("algoId"):
        return algos.find(params.number("algoId"), "")
    if params.has("clientAlgoId"):
        return algos.find(None, params.text("clientAlgoId"))
    raise missing("algoId")


def _refuse_superfluous(params: Params, *, is_limit: bool) -> None:
    for name in () if is_limit else ("price", "timeInForce"):
        if params.has(name):
            raise Refusal(-1106, f"Parameter '{name}' sent when not required.")


def _done(text: str) -> object:
    return {"code": 200, "msg": text}
