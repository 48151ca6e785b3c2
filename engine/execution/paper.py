"""The paper venue: our orders against the market as it was received.

It is a venue, not a part of the gate or the ledger: it is handed approved orders and the market's
events, and answers with what a venue would say, after a delay. Resting orders have a place in the
queue: the lots ahead of them shrink by trades at their price and never exceed what the level
still shows; a trade through their price fills them, a quote through it as far as it shows lots that
the order has not taken yet. A stop whose price is passed when it comes lapses, as at real venues.
Taking walks the visible depth and nothing beyond it. Reduce-only orders are clipped to the
position. Nobody else reacts to us, and hidden size is unknown.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol

import msgspec

from engine.model.chance import Chance
from engine.model.facts import (
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderReport,
    ReplaceRejected,
)
from engine.model.instrument import InstrumentId
from engine.model.market import BookState, Level
from engine.model.numbers import NS_PER_MS, UNITS_MAX, PriceTicks, QtyLots
from engine.model.orders import Liquidity, OrderIntent, OrderSpec

LATENCY_NS_MIN: Final = 5 * NS_PER_MS
LATENCY_NS_MEAN_MORE: Final = 15 * NS_PER_MS
"""On top of the least, exponentially distributed, on the way there and on the way back."""

MAKER_RATE: Final = Decimal("0.0002")
TAKER_RATE: Final = Decimal("0.0005")


class PaperBook(Protocol):
    """What the paper venue reads of a book."""

    @property
    def state(self) -> BookState:
        """Whether there is a book."""

    def levels(self, *, is_bid: bool) -> Iterator[Level]:
        """Iterate over one side, best first."""

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the size at a price."""


class PaperMarket(msgspec.Struct, frozen=True):
    """One instrument's book, and how its integers become the venue's steps."""

    book: PaperBook
    tick_units: int
    lot_units: int
    tick_size: Decimal
    lot_size: Decimal
    quote: str


class Resting(msgspec.Struct):
    """One order that the venue has."""

    client_order_id: str
    intent: OrderIntent
    venue_order_id: str
    left_lots: int
    ahead_lots: int = 0
    is_triggered: bool = True
    fills: int = 0
    waits_for_book: bool = False
    """Triggered or changed while there was no book; it acts as soon as there is one."""
    taken: dict[int, int] = {}
    """Lots that it took by price: the book goes on showing them, and they are not there."""


class _Arrival(msgspec.Struct, frozen=True, order=True):
    """Something on its way to the venue."""

    due_ns: int
    number: int
    kind: str = msgspec.field(default="place")
    client_order_id: str = ""


class PaperVenue:
    """Holds orders, fills them against the market, and says so.

    Args:
        seed: Of the delays.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed)
        self._arrivals: list[_Arrival] = []
        self._placing: dict[str, OrderIntent] = {}
        self._replacing: dict[str, tuple[PriceTicks, QtyLots]] = {}
        self._answers: deque[tuple[int, OrderReport]] = deque()
        self._orders: dict[str, Resting] = {}
        self._nets: dict[InstrumentId, int] | None = {}
        self._last: dict[InstrumentId, tuple[int, int]] = {}
        """Newest price of a trade, ours among them, and the units in a tick then."""
        self._number = 0
        self._last_arrival_ns = 0

    @property
    def orders(self) -> dict[str, Resting]:
        """What the venue has, by client order id; not to be changed from outside."""
        return self._orders

    @property
    def next_due_ns(self) -> int | None:
        """When something arrives at the venue, or an answer arrives here."""
        dues = [self._arrivals[0].due_ns] if self._arrivals else []
        dues += [self._answers[0][0]] if self._answers else []
        return min(dues, default=None)

    def place(self, client_order_id: str, intent: OrderIntent, now_ns: int) -> None:
        """Take an order in; it reaches the venue after a delay."""
        self._placing[client_order_id] = intent
        self._travel("place", client_order_id, now_ns)

    def cancel(self, client_order_id: str, now_ns: int) -> None:
        """Ask for an order to be canceled."""
        self._travel("cancel", client_order_id, now_ns)

    def replace(self, client_order_id: str, limit: PriceTicks, qty: QtyLots, now_ns: int) -> None:
        """Ask for another price and size; the order goes to the back of the queue."""
        self._replacing[client_order_id] = (limit, qty)
        self._travel("replace", client_order_id, now_ns)

    def restore(
        self, orders: Iterable[Resting], nets: Mapping[InstrumentId, int] | None = None
    ) -> None:
        """Take back what the journal says was open, at the back of every queue.

        While the program was down nothing was filled: nobody watched the market.

        Args:
            orders: What was open.
            nets: Net positions in signed lots. Without them the venue does not know what an order
                could reduce, and takes reduce-only orders at their word.
        """
        self._nets = None if nets is None else dict(nets)
        for order in orders:
            order.ahead_lots = UNITS_MAX  # The next look at the book cuts it to what is there.
            self._orders[order.client_order_id] = order

    def restep(self, instrument_id: InstrumentId, lot_ratio: Fraction, now_ns: int) -> None:
        """Change an instrument's steps: no order in the old ones survives.

        Args:
            instrument_id: The instrument.
            lot_ratio: New lots that an old one holds.
            now_ns: Time.
        """
        reason = "the venue changed the steps of this instrument"
        for order in [one for one in self._orders.values() if _is_of(one.intent, instrument_id)]:
            del self._orders[order.client_order_id]
            self._answer(OrderCanceled(now_ns, order.client_order_id, reason), now_ns)
        for key in [key for key, one in self._placing.items() if _is_of(one, instrument_id)]:
            del self._placing[key]
            self._answer(OrderRejected(now_ns, key, reason), now_ns)
        self._last.pop(instrument_id, None)
        if self._nets is not None and instrument_id in self._nets:
            self._nets[instrument_id] = int(self._nets[instrument_id] * lot_ratio)

    def advance(self, now_ns: int, markets: "Markets") -> Sequence[OrderReport]:
        """Let arrive what is due, and return the answers that have come back by now."""
        while self._arrivals and self._arrivals[0].due_ns <= now_ns:
            arrival = heapq.heappop(self._arrivals)
            act = {"place": self._enter, "cancel": self._drop, "replace": self._change}
            act[arrival.kind](arrival.client_order_id, arrival.due_ns, markets)
        answers = []
        while self._answers and self._answers[0][0] <= now_ns:
            answers.append(self._answers.popleft()[1])
        return answers

    def on_trade(
        self,
        instrument_id: InstrumentId,
        price_units: int,
        qty_units: int,
        now_ns: int,
        markets: "Markets",
    ) -> None:
        """Let a print of the tape fill what stood in its way, and trigger stops."""
        market = markets.get(instrument_id)
        if market is None:
            return
        self._last[instrument_id] = price_units, market.tick_units
        left = qty_units // market.lot_units
        for order in list(self._orders.values()):
            if order.intent.spec.instrument_id != instrument_id or order.waits_for_book:
                continue
            if not order.is_triggered:
                self._trigger(order, price_units, now_ns, market)
                continue
            limit = order.intent.spec.limit_ticks
            assert limit is not None, "only orders with a price rest"
            limit_units = limit * market.tick_units
            is_buy = order.intent.spec.side == "buy"
            is_through = price_units < limit_units if is_buy else price_units > limit_units
            if is_through:
                self._fill(order, limit, order.left_lots, "maker", now_ns, market)
            elif price_units == limit_units:
                passed = min(order.ahead_lots, left)
                order.ahead_lots -= passed
                got = min(left - passed, order.left_lots)
                left -= passed + max(got, 0)
                if got > 0:
                    self._fill(order, limit, got, "maker", now_ns, market)

    def on_book(self, instrument_id: InstrumentId, now_ns: int, markets: "Markets") -> None:
        """Let a change of the book shorten queues, and fill what it went through."""
        market = markets.get(instrument_id)
        if market is None or market.book.state != "live":
            return
        for order in list(self._orders.values()):
            spec = order.intent.spec
            if spec.instrument_id != instrument_id or not order.is_triggered:
                continue
            if order.waits_for_book:
                order.waits_for_book = False
                self._execute(order, now_ns, market)
                continue
            assert spec.limit_ticks is not None, "only orders with a price rest"
            order.ahead_lots = min(order.ahead_lots, _shown(market, order))
            _forget_gone(market, order)
            came = list(_visible(market, order))
            if came:
                _note_taken(order, came)
                lots = sum(lots for _, lots in came)
                self._fill(order, spec.limit_ticks, lots, "maker", now_ns, market)

    def _travel(self, kind: str, client_order_id: str, now_ns: int) -> None:
        """Send something to the venue; no cancel overtakes the order that it is for."""
        self._number += 1
        due_ns = max(now_ns + self._delay_ns(), self._last_arrival_ns)
        self._last_arrival_ns = due_ns
        heapq.heappush(self._arrivals, _Arrival(due_ns, self._number, kind, client_order_id))

    def _answer(self, fact: OrderReport, now_ns: int) -> None:
        """Send an answer; those of one venue arrive in the order in which they were sent."""
        due_ns = now_ns + self._delay_ns()
        if self._answers:
            due_ns = max(due_ns, self._answers[-1][0])
        self._answers.append((due_ns, fact))

    def _delay_ns(self) -> int:
        return LATENCY_NS_MIN + int(self._chance.exponential(LATENCY_NS_MEAN_MORE))

    def _enter(self, client_order_id: str, now_ns: int, markets: "Markets") -> None:
        intent = self._placing.pop(client_order_id, None)
        if intent is None:
            return  # Its instrument got other steps while it was on its way.
        market = markets.get(intent.spec.instrument_id)
        if market is None or market.book.state != "live":
            reason = "the paper venue has no book of this instrument"
            self._answer(OrderRejected(now_ns, client_order_id, reason), now_ns)
            return
        order = Resting(client_order_id, intent, f"p-{client_order_id}", intent.spec.qty_lots)
        if intent.spec.trigger_ticks is not None:
            last = self._last.get(intent.spec.instrument_id)
            if last is not None and _is_met(intent.spec, *last):
                reason = "its price is passed: it would trigger at once"
                lapsed = OrderExpired(now_ns, client_order_id, reason, is_passed=True)
                self._answer(lapsed, now_ns)
                return
            order.is_triggered = False
        elif intent.spec.is_post_only and _crosses(market, order):
            reason = "post-only order would take"
            self._answer(OrderExpired(now_ns, client_order_id, reason), now_ns)
            return
        self._orders[client_order_id] = order
        self._answer(OrderAcked(now_ns, client_order_id, order.venue_order_id), now_ns)
        if order.is_triggered:
            self._execute(order, now_ns, market)

    def _execute(self, order: Resting, now_ns: int, market: PaperMarket) -> None:
        """Take what is visible within the limit; what is left rests or lapses."""
        spec = order.intent.spec
        takes = list(_visible(market, order))
        reachable = min(sum(lots for _, lots in takes), self._room(order))
        if spec.tif == "fok" and reachable < order.left_lots:
            self._lapse(order, "fill-or-kill: not enough in reach", now_ns)
            return
        _note_taken(order, takes)
        for price, lots in takes:
            if order.client_order_id not in self._orders:
                return
            self._last[spec.instrument_id] = price * market.tick_units, market.tick_units
            self._fill(order, price, lots, "taker", now_ns, market)
        if order.client_order_id not in self._orders:
            return
        if spec.limit_ticks is None or spec.tif != "gtc":
            self._lapse(order, "nothing more in reach", now_ns)
        else:
            order.ahead_lots = _shown(market, order)

    def _trigger(self, order: Resting, price_units: int, now_ns: int, market: PaperMarket) -> None:
        if _is_met(order.intent.spec, price_units, market.tick_units):
            order.is_triggered = True
            self._act(order, now_ns, market)

    def _act(self, order: Resting, now_ns: int, market: PaperMarket) -> None:
        """Execute an order now, or as soon as there is a book."""
        if market.book.state == "live":
            self._execute(order, now_ns, market)
        else:
            order.waits_for_book = True

    def _room(self, order: Resting) -> int:
        """Return the most that may be filled: a reduce-only order never opens a position."""
        spec = order.intent.spec
        if self._nets is None or not spec.is_reduce_only:
            return UNITS_MAX
        net = self._nets.get(spec.instrument_id, 0)
        return max(0, net if spec.side == "sell" else -net)

    def _fill(
        self,
        order: Resting,
        price: int,
        lots: int,
        liquidity: Liquidity,
        now_ns: int,
        market: PaperMarket,
    ) -> None:
        lots = min(lots, self._room(order))
        if lots == 0:
            self._lapse(order, "reduce-only: no position is left to reduce", now_ns)
            return
        spec = order.intent.spec
        if self._nets is not None:
            signed = lots if spec.side == "buy" else -lots
            self._nets[spec.instrument_id] = self._nets.get(spec.instrument_id, 0) + signed
        order.left_lots -= lots
        order.fills += 1
        rate = MAKER_RATE if liquidity == "maker" else TAKER_RATE
        value = price * lots * market.tick_size * market.lot_size
        self._answer(
            OrderFilled(
                now_ns,
                order.client_order_id,
                f"{order.client_order_id}-{order.fills}",
                PriceTicks(price),
                QtyLots(lots),
                liquidity,
                value * rate,
                market.quote,
            ),
            now_ns,
        )
        if order.left_lots == 0:
            del self._orders[order.client_order_id]

    def _lapse(self, order: Resting, reason: str, now_ns: int) -> None:
        del self._orders[order.client_order_id]
        self._answer(OrderExpired(now_ns, order.client_order_id, reason), now_ns)

    def _drop(self, client_order_id: str, now_ns: int, markets: "Markets") -> None:
        del markets
        if self._orders.pop(client_order_id, None) is None:
            reason = "unknown order"
            self._answer(CancelRejected(now_ns, client_order_id, reason), now_ns)
        else:
            self._answer(OrderCanceled(now_ns, client_order_id, "canceled by us"), now_ns)

    def _change(self, client_order_id: str, now_ns: int, markets: "Markets") -> None:
        limit, qty = self._replacing.pop(client_order_id)
        order = self._orders.get(client_order_id)
        market = markets.get(order.intent.spec.instrument_id) if order is not None else None
        if order is None or market is None:
            self._answer(ReplaceRejected(now_ns, client_order_id, "unknown order"), now_ns)
            return
        filled = order.intent.spec.qty_lots - order.left_lots
        if qty <= filled:
            reason = "the new size is filled already"
            self._answer(ReplaceRejected(now_ns, client_order_id, reason), now_ns)
            return
        spec = msgspec.structs.replace(order.intent.spec, limit_ticks=limit, qty_lots=qty)
        changed = msgspec.structs.replace(order.intent, spec=spec)
        moved = Resting(client_order_id, changed, order.venue_order_id, qty - filled)
        moved.fills, moved.taken = order.fills, order.taken
        moved.is_triggered = order.is_triggered
        if moved.is_triggered and spec.is_post_only and _crosses(market, moved):
            reason = "post-only order would take"
            self._answer(ReplaceRejected(now_ns, client_order_id, reason), now_ns)
            return
        del self._orders[client_order_id]  # Behind our own orders at its price too.
        self._orders[client_order_id] = moved
        self._answer(OrderReplaced(now_ns, client_order_id, limit, qty), now_ns)
        if moved.is_triggered:
            self._act(moved, now_ns, market)


Markets = dict[InstrumentId, PaperMarket]
"""By instrument; one that is missing is not known to the venue."""


def _is_met(spec: OrderSpec, price_units: int, tick_units: int) -> bool:
    """Whether a price triggers an order: stops wait for a worse one, targets for a better one."""
    assert spec.trigger_ticks is not None, "only orders with a trigger wait"
    trigger_units = spec.trigger_ticks * tick_units
    waits_above = (spec.side == "buy") == (spec.type == "stop")
    return price_units >= trigger_units if waits_above else price_units <= trigger_units


def _is_of(intent: OrderIntent, instrument_id: InstrumentId) -> bool:
    return intent.spec.instrument_id == instrument_id


def _shown(market: PaperMarket, order: Resting) -> int:
    """Return the lots that the book shows at an order's price."""
    spec = order.intent.spec
    assert spec.limit_ticks is not None, "only orders with a price rest"
    units = market.book.size_at(spec.limit_ticks * market.tick_units, is_bid=spec.side == "buy")
    return units // market.lot_units


def _visible(market: PaperMarket, order: Resting) -> Iterator[tuple[int, int]]:
    """Iterate over (ticks, lots) that an order can take, best first, no more than it needs.

    A price between two ticks counts as the worse one. What it took before is not there any more,
    although the book shows it.
    """
    spec = order.intent.spec
    is_buy = spec.side == "buy"
    need = order.left_lots
    for price_units, size_units in market.book.levels(is_bid=not is_buy):
        ticks = -(-price_units // market.tick_units) if is_buy else price_units // market.tick_units
        if spec.limit_ticks is not None:
            is_beyond = ticks > spec.limit_ticks if is_buy else ticks < spec.limit_ticks
            if is_beyond:
                return
        lots = min(size_units // market.lot_units - order.taken.get(ticks, 0), need)
        if lots > 0:
            need -= lots
            yield ticks, lots
        if not need:
            return


def _note_taken(order: Resting, takes: Iterable[tuple[int, int]]) -> None:
    for ticks, lots in takes:
        order.taken[ticks] = order.taken.get(ticks, 0) + lots


def _forget_gone(market: PaperMarket, order: Resting) -> None:
    """Lots that the book has stopped showing may come again as new ones."""
    is_bid = order.intent.spec.side == "sell"
    for ticks, lots in list(order.taken.items()):
        shown = market.book.size_at(ticks * market.tick_units, is_bid=is_bid) // market.lot_units
        order.taken[ticks] = min(lots, shown)
        if not shown:
            del order.taken[ticks]


def _crosses(market: PaperMarket, order: Resting) -> bool:
    return next(_visible(market, order), None) is not None
