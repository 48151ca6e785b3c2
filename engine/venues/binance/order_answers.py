"""What confirmed and refused answers to requests about single orders say."""

from typing import Final

from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError
from engine.model.facts import (
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)
from engine.model.orders import OrderType
from engine.venues.binance import account_rows as rows
from engine.venues.binance.order_names import CONDITIONAL, OrderNames
from engine.venues.binance.order_requests import ALGO_ORDER, ORDER, query_child
from engine.venues.binance.private_json import strictly
from engine.venues.binance.steps import Listing
from engine.venues.binance.trade_answers import NOT_FOUND, Ruling
from engine.venues.binance.trade_payloads import (
    AlgoAnswer,
    AlgoCanceled,
    Countdown,
    Done,
    OrderAnswer,
)
from engine.venues.scaling import require
from engine.venues.trading import TradeAnswer, TradeRequest

ENDED_BADLY: Final = frozenset({"EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})

CHILD_KINDS: Final[dict[str, OrderType]] = {"stop": "stop", "take_profit": "take_profit"}
"""What a query's context says of the conditional order that became the one asked for."""


class OrderAnswers:
    """Reads answers; what it cannot read proves nothing."""

    def __init__(self, listing: Listing, names: OrderNames) -> None:
        self._listing = listing
        self._names = names

    def read(self, request: TradeRequest, body: bytes, ts_ns: int) -> TradeAnswer:
        """Read a confirmation."""
        match request.purpose:
            case "place":
                return self._placed(request, body, ts_ns)
            case "amend":
                return self._amended(request, body, ts_ns)
            case "cancel":
                return self._canceled(request, body, ts_ns)
            case "cancel_all":
                return self._canceled_all(body)
            case "dead_man":
                return self._dead_man_set(request, body)
            case _:
                return self._queried(request, body)

    def _placed(self, request: TradeRequest, body: bytes, ts_ns: int) -> TradeAnswer:
        """Read the answer to a new order."""
        key = request.client_order_id
        status: str
        if request.path == ALGO_ORDER:
            algo = self._algo(request, body)
            venue_order_id, status = f"{CONDITIONAL}{algo.algoId}", algo.algoStatus
        else:
            order = self._order(request, body)
            venue_order_id, status = str(order.orderId), order.status
        events: list[Event] = [OrderAcked(ts_ns, key, venue_order_id, is_answer=True)]
        events += _ending(status, key, ts_ns)
        return TradeAnswer("confirmed", tuple(events))

    def _amended(self, request: TradeRequest, body: bytes, ts_ns: int) -> TradeAnswer:
        """Read the answer to an amend, which may also take the order off the book."""
        order = self._order(request, body)
        key = request.client_order_id
        ending = _ending(order.status, key, ts_ns)
        if ending:
            return TradeAnswer("confirmed", ending)
        steps = self._listing.read(order.symbol)
        replaced = OrderReplaced(ts_ns, key, steps.ticks(order.price), steps.lots(order.origQty))
        return TradeAnswer("confirmed", (replaced,))

    def _canceled(self, request: TradeRequest, body: bytes, ts_ns: int) -> TradeAnswer:
        """Read the answer to a cancel."""
        key = request.client_order_id
        canceled = OrderCanceled(ts_ns, key, "canceled by us")
        if request.path == ALGO_ORDER:
            answer = strictly(body, AlgoCanceled)
            require(
                (answer.clientAlgoId, str(answer.code)) == (key, "200"),
                "the answer does not confirm the cancel",
                key,
            )
            return TradeAnswer("confirmed", (canceled,))
        order = self._order(request, body)
        require(order.status == "CANCELED", "a canceled order that is", order.status)
        return TradeAnswer("confirmed", (canceled,))

    def _canceled_all(self, body: bytes) -> TradeAnswer:
        """Read the answer to the cancel of all orders: each is told by the stream."""
        strictly(body, Done)
        return TradeAnswer("confirmed")

    def _dead_man_set(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Read the answer to the dead-man timer."""
        answer = strictly(body, Countdown)
        told = {"symbol": answer.symbol, "countdownTime": str(answer.countdownTime)}
        require(told == dict(request.params), "another timer", str(told))
        return TradeAnswer("confirmed")

    def _queried(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Read the answer to the query of one order; of a triggered one, ask what it became."""
        key = request.client_order_id
        if request.path == ORDER:
            order = self._order(request, body)
            steps = self._listing.read(order.symbol)
            kind = CHILD_KINDS.get(request.context)
            return TradeAnswer("confirmed", rows=(rows.order(order, steps, key, kind),))
        algo = self._algo(request, body)
        steps = self._listing.read(algo.symbol)
        child = self._names.child(key)
        if child is None:
            return TradeAnswer("confirmed", rows=(rows.conditional_order(algo, steps),))
        return TradeAnswer(
            "confirmed",
            next_page=query_child(steps, child, key, rows.conditional_type(algo.orderType)),
        )

    def failed(self, request: TradeRequest, found: Ruling, ts_ns: int) -> TradeAnswer:
        """Return what an answer that confirms nothing means."""
        key, events = request.client_order_id, tuple[Event, ...]()
        if found.verdict == "refused":
            if request.purpose == "place":
                events = (_not_placed(found, key, ts_ns),)
            elif request.purpose == "amend":
                events = (ReplaceRejected(ts_ns, key, found.reason),)
            elif request.purpose == "cancel":
                events = (CancelRejected(ts_ns, key, found.reason),)
        verdict = found.verdict
        if found.code == NOT_FOUND and request.purpose == "order" and verdict == "refused":
            # What a conditional order became exists: that a replica lacks it proves nothing.
            verdict = "unknown" if request.context else "confirmed"
        return TradeAnswer(
            verdict,
            events,
            reason=found.reason,
            is_clock_off=found.is_clock_off,
            is_key_bad=found.is_key_bad,
            pause_ns=found.pause_ns,
            is_ban=found.is_ban,
        )

    def _order(self, request: TradeRequest, body: bytes) -> OrderAnswer:
        """Read an answer, which must be of the order that was asked about."""
        order = strictly(body, OrderAnswer)
        asked = dict(request.params)
        if "orderId" in asked:
            is_it = str(order.orderId) == asked["orderId"]
        else:
            is_it = order.clientOrderId == request.client_order_id
        if not is_it or order.symbol != asked["symbol"]:
            raise VenuePayloadError("the answer is of another order", order.clientOrderId)
        self._names.learn(order.symbol, order.orderId, request.client_order_id)
        return order

    def _algo(self, request: TradeRequest, body: bytes) -> AlgoAnswer:
        """Read an answer, which must be of the conditional order that was asked about."""
        algo = strictly(body, AlgoAnswer)
        steps = self._listing.read(algo.symbol)
        if (algo.clientAlgoId, steps.instrument_id) != (
            request.client_order_id,
            request.instrument_id,
        ):
            raise VenuePayloadError("the answer is of another order", algo.clientAlgoId)
        child = rows.child_of(algo.actualOrderId)
        if child is not None:
            self._names.learn_child(algo.symbol, child, algo.clientAlgoId)
        return algo


def _not_placed(found: Ruling, client_order_id: str, ts_ns: int) -> OrderExpired | OrderRejected:
    """Return how an order ended that the venue did not take."""
    if found.has_lapsed:
        return OrderExpired(ts_ns, client_order_id, found.reason, is_passed=found.is_passed)
    return OrderRejected(ts_ns, client_order_id, found.reason)


def _ending(status: str, client_order_id: str, ts_ns: int) -> tuple[Event, ...]:
    """Return the end of an order that an answer tells; one of fills is told by the fills.

    Raises:
        VenuePayloadError: Nobody has described the status, so nothing is proven.
    """
    known = status in rows.STATES or status in rows.ALGO_STATES or status == rows.FINISHED
    require(known, "a status that nobody has described", status)
    if status == "CANCELED":
        return (OrderCanceled(ts_ns, client_order_id, "canceled by the venue"),)
    if status in ENDED_BADLY:
        return (OrderExpired(ts_ns, client_order_id, f"the venue says {status}"),)
    return ()
