"""The private stream: what happens to our orders, and to others of the account, as it happens.

Funding is not read from here: the stream gives its movement no number, so that it could not be
told from the same movement in a report, and would be booked twice. TRADE_LITE repeats a fill that
ORDER_TRADE_UPDATE brings whole.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from engine.model.account import MarginChanged, OrderAnswered, OrderSeen
from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError
from engine.model.facts import (
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
)
from engine.model.numbers import NS_PER_MS
from engine.model.text import clean
from engine.venues.binance import account_rows as rows
from engine.venues.binance.order_names import CONDITIONAL, OrderNames, is_ours
from engine.venues.binance.private_json import strictly
from engine.venues.binance.steps import Listing, Steps, amount
from engine.venues.binance.trade_payloads import (
    AlgoAnswer,
    AlgoUpdate,
    OrderTradeUpdate,
    StreamAlgo,
    StreamHead,
    StreamOrder,
)
from engine.venues.scaling import require

EXPIRED: Final = "listenKeyExpired"

UNREAD: Final = frozenset(
    {
        *("ACCOUNT_UPDATE", "TRADE_LITE", "CONDITIONAL_ORDER_TRIGGER_REJECT", EXPIRED),
        *("STRATEGY_UPDATE", "GRID_UPDATE"),
    }
)
"""Events that change nothing of what we keep; any other that we do not know is refused."""

MARGIN_CALL: Final = "MARGIN_CALL"
MARGIN: Final = frozenset({MARGIN_CALL, "ACCOUNT_CONFIG_UPDATE"})
"""After these the account is asked, which tells all that counts: leverage has another value."""

UNWATCHED: Final = "of an unwatched instrument"
FILLS: Final = frozenset({"TRADE", "CALCULATED"})


class PrivateStream:
    """Decodes frames of the private stream."""

    def __init__(self, listing: Listing, names: OrderNames) -> None:
        self._listing = listing
        self._names = names
        self.ignored: Counter[str] = Counter()
        """How many events of a kind brought nothing."""

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode a frame.

        Raises:
            VenuePayloadError: It cannot be read; the account must be asked anew.
        """
        kind = strictly(frame, StreamHead).e
        if kind == "ORDER_TRADE_UPDATE":
            return self._order(strictly(frame, OrderTradeUpdate), ts_ns)
        if kind == "ALGO_UPDATE":
            return self._algo(strictly(frame, AlgoUpdate), ts_ns)
        if kind in MARGIN:
            return (MarginChanged(self._listing.venue, is_call=kind == MARGIN_CALL),)
        if kind not in UNREAD:
            raise VenuePayloadError("an event that nobody has described", kind)
        self.ignored[kind] += 1
        return ()

    def _order(self, update: OrderTradeUpdate, ts_ns: int) -> Sequence[Event]:
        order = update.o
        steps = self._listing.named(order.s)
        if steps is None:
            self.ignored[UNWATCHED] += 1  # Reports refuse such an account, with a sentence.
            return ()
        self._names.learn(order.s, order.i, order.c)
        key = self._names.find(order.s, order.i)
        assert key is not None, "learned just now"
        if is_ours(key):
            return (_told(order, key, steps, ts_ns),)
        fills = (_fill(order, key, steps),) if order.x in FILLS else ()
        seen = _seen(order, key, steps, update.T)
        return (OrderAnswered(key, ts_ns, seen, fills),)

    def _algo(self, update: AlgoUpdate, ts_ns: int) -> Sequence[Event]:
        algo = update.o
        steps = self._listing.named(algo.s)
        if steps is None:
            self.ignored[UNWATCHED] += 1
            return ()
        child = rows.child_of(algo.ai)
        if child is not None:
            self._names.learn_child(algo.s, child, algo.caid)
        if algo.X in {"TRIGGERED", "FINISHED"} or child is not None:
            self.ignored[f"ALGO_UPDATE {algo.X}"] += 1  # What it became tells the rest.
            return ()
        if algo.X == "TRIGGERING" or not is_ours(algo.caid):  # It may stay so (`STUCK`).
            return (OrderAnswered(algo.caid, ts_ns, _seen_algo(algo, steps, update.T)),)
        return (_told_algo(algo, ts_ns),)


def is_expired(frame: str | bytes) -> bool:
    """Whether a frame says that the stream ends."""
    try:
        return strictly(frame, StreamHead).e == EXPIRED
    except VenuePayloadError:
        return False


def _told(order: StreamOrder, key: str, steps: Steps, ts_ns: int) -> Event:
    """Return what happened to an order of ours."""
    match order.x:
        case "NEW":
            return OrderAcked(ts_ns, key, str(order.i))
        case "TRADE" | "CALCULATED":
            return _fill(order, key, steps)
        case "CANCELED":
            return OrderCanceled(ts_ns, key, "canceled at the venue")
        case "AMENDMENT":
            return OrderReplaced(ts_ns, key, steps.ticks(order.p), steps.lots(order.q))
        case "REJECTED":
            return OrderRejected(ts_ns, key, "refused by the venue")
        case _:  # EXPIRED, or TRADE_PREVENTION.
            is_working = rows.STATES[order.X] in {"open", "partial"}
            require(not is_working, f"{order.x} of an order that is {order.X}", key)
            why = f"{order.X} {order.er}".strip()
            return OrderExpired(ts_ns, key, clean(f"the venue says {why}"))


def _fill(order: StreamOrder, key: str, steps: Steps) -> OrderFilled:
    lots = steps.lots(order.l)
    require(lots > 0 and order.t > 0, "a fill without size or number", key)
    return OrderFilled(
        order.T * NS_PER_MS,
        key,
        str(order.t),
        steps.traded_ticks(order.L),
        lots,
        "maker" if order.m else "taker",
        amount(order.n),
        order.N or "",
        steps.instrument_id,
        rows.SIDES[order.S],
        steps.off_tick(order.L),
    )


def _seen(order: StreamOrder, key: str, steps: Steps, ts_ms: int) -> OrderSeen:
    limit = steps.ticks_or_none(order.p)
    return OrderSeen(
        key,
        str(order.i),
        steps.instrument_id,
        rows.SIDES[order.S],
        rows.plain_type(order.o, limit),
        rows.STATES[order.X],
        steps.lots(order.q),
        steps.lots(order.z),
        limit,
        steps.ticks_or_none(order.sp),
        order.R,
        ts_ms * NS_PER_MS,
    )


def _told_algo(algo: StreamAlgo, ts_ns: int) -> Event:
    """Return what happened to a conditional order of ours that became no other."""
    if algo.X == "NEW":
        return OrderAcked(ts_ns, algo.caid, f"{CONDITIONAL}{algo.aid}")
    if algo.X == "CANCELED":
        return OrderCanceled(ts_ns, algo.caid, "canceled at the venue")
    return OrderExpired(ts_ns, algo.caid, clean(f"the venue says {algo.X} {algo.rm}".strip()))


def _seen_algo(algo: StreamAlgo, steps: Steps, ts_ms: int) -> OrderSeen:
    row = AlgoAnswer(
        algo.aid,
        algo.caid,
        algo.s,
        algo.S,
        algo.o,
        algo.X,
        algo.q,
        algo.p,
        algo.tp,
        algo.R,
        updateTime=ts_ms,
    )
    return rows.conditional_order(row, steps)
