"""The venue of the simulation: it outlives engines, and its own ledger is the judge's truth.

The matching is that of the paper venue. Around it is what a network and a venue do to answers:
delays, fills told late or twice, cancels that meet a fill or overtake their order. After a crash
it goes on; a new engine asks for its orders and fills, as it would ask a real venue.
"""

import heapq
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.paper import Markets, PaperVenue, Resting, _Arrival
from engine.model import facts as f
from engine.model.chance import Chance
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_MS, NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderSpec
from engine.runtime.clock import Clock
from engine.runtime.guard import MayLeave
from engine.runtime.host import EngineHost
from engine.runtime.paper_gateway import PaperGateway
from tests.sim.frames import Frame
from tests.sim.profiles import Mix

UNKNOWN_NS = 2 * NS_PER_S
SLOW_NS = 5 * NS_PER_S
DOWN_FILL_SHARE = 0.3


class Booked(NamedTuple):
    """One fill, as the venue booked it."""

    fact: f.OrderFilled
    instrument_id: InstrumentId
    signed_lots: int


Query = dict[str, tuple[OrderSpec, bool]]
"""What a new engine asks the fate of: what it believes an order to be, and whether an amend of it
is unanswered. All fills come with the answer."""


class VenueLedger:
    """What happened at the venue, whoever was told of it."""

    def __init__(self) -> None:
        self.accepted: dict[str, int] = {}
        """How often each order was accepted."""
        self.ended: dict[str, f.OrderReport] = {}
        self.fills: list[Booked] = []
        self.nets: dict[InstrumentId, int] = {}
        self.costs: dict[InstrumentId, int] = {}
        """What was paid less what was received, in ticks * lots."""
        self.fees: dict[str, Decimal] = {}
        self.filled: dict[str, int] = {}
        self.flips: list[str] = []
        """Reduce-only orders that turned a position."""

    def book(self, fact: f.OrderFilled, spec: OrderSpec) -> None:
        """Take in a fill."""
        signed = fact.qty_lots if spec.side == "buy" else -fact.qty_lots
        name = spec.instrument_id
        self.fills.append(Booked(fact, name, signed))
        before = self.nets.get(name, 0)
        self.nets[name] = before + signed
        if spec.is_reduce_only and (before * signed >= 0 or abs(signed) > abs(before)):
            self.flips.append(fact.client_order_id)
        self.costs[name] = self.costs.get(name, 0) + signed * fact.price_ticks
        self.fees[fact.fee_currency] = self.fees.get(fact.fee_currency, Decimal(0)) + fact.fee
        filled = self.filled.get(fact.client_order_id, 0) + fact.qty_lots
        self.filled[fact.client_order_id] = filled


class SimVenue(PaperVenue):
    """A venue with a memory of its own and an unreliable way to it.

    Args:
        chance: Draws all that is random here.
        mix: What may go wrong, and how often.
    """

    def __init__(self, chance: Chance, mix: Mix) -> None:
        super().__init__(chance.next_u64())
        self._draws = chance
        self._mix = mix
        self.ledger = VenueLedger()
        self.specs: dict[str, OrderSpec] = {}
        """Of every order that ever came here, as it is by now."""
        self._told: list[tuple[int, int, f.OrderReport]] = []
        self._told_last_ns = 0
        self._sent_last_ns: dict[str, int] = {}
        self._queries: dict[str, Query] = {}

    # On the way here.

    @property
    def next_due_ns(self) -> int | None:
        """When something arrives at the venue, or an answer arrives at the engine."""
        dues = [self._arrivals[0].due_ns] if self._arrivals else []
        dues += [self._told[0][0]] if self._told else []
        return min(dues, default=None)

    def ask(self, query: Query, now_ns: int) -> None:
        """Ask for orders and fills; arrives behind everything that was sent before."""
        self._number += 1
        name = f"query {self._number}"
        self._queries[name] = query
        due_ns = max([now_ns, *(one.due_ns for one in self._arrivals)]) + self._delay_ns()
        heapq.heappush(self._arrivals, _Arrival(due_ns, self._number, "query", name))

    def advance(self, now_ns: int, markets: Markets) -> Sequence[f.OrderReport]:
        """Let arrive what is due, and return the answers that have come back by now."""
        while self._arrivals and self._arrivals[0].due_ns <= now_ns:
            self._arrive(heapq.heappop(self._arrivals), markets)
        answers = []
        while self._told and self._told[0][0] <= now_ns:
            answers.append(heapq.heappop(self._told)[2])
        return answers

    def _arrive(self, arrival: _Arrival, markets: Markets) -> None:
        act: dict[str, Callable[[str, int, Markets], None]] = {
            "place": self._enter,
            "cancel": self._drop,
            "replace": self._change,
            "query": self._answer_query,
        }
        act[arrival.kind](arrival.client_order_id, arrival.due_ns, markets)

    def _travel(self, kind: str, client_order_id: str, now_ns: int) -> None:
        """Send something here; what is about one order arrives in order, most of the time."""
        self._number += 1
        due_ns = now_ns + self._delay_ns()
        if kind == "place":
            self.specs[client_order_id] = self._placing[client_order_id].spec
            if self._draws.happens(self._mix.slow_share):
                due_ns += UNKNOWN_NS + self._draws.below(SLOW_NS)
                lost = f.OrderUnknown(now_ns + UNKNOWN_NS, client_order_id, "no answer in 2 s")
                self._tell_at(now_ns + UNKNOWN_NS, lost)
        overtakes = kind == "cancel" and self._draws.happens(self._mix.overtaking_share)
        if not overtakes:
            due_ns = max(due_ns, self._sent_last_ns.get(client_order_id, 0))
            self._sent_last_ns[client_order_id] = due_ns
        heapq.heappush(self._arrivals, _Arrival(due_ns, self._number, kind, client_order_id))

    def _delay_ns(self) -> int:
        return NS_PER_MS // 10 + int(self._draws.exponential(self._mix.latency_mean_s) * NS_PER_S)

    # At the venue.

    def _drop(self, client_order_id: str, now_ns: int, markets: Markets) -> None:
        self._cross(client_order_id, now_ns, markets)
        super()._drop(client_order_id, now_ns, markets)

    def _change(self, client_order_id: str, now_ns: int, markets: Markets) -> None:
        self._cross(client_order_id, now_ns, markets)
        super()._change(client_order_id, now_ns, markets)

    def _cross(self, client_order_id: str, now_ns: int, markets: Markets) -> None:
        """Let somebody trade with the order just before the message about it is read."""
        order = self._orders.get(client_order_id)
        if order is not None and self._draws.happens(self._mix.crossing_share):
            self._trade_with(order, now_ns, markets)

    def _trade_with(self, order: Resting, now_ns: int, markets: Markets) -> None:
        spec = order.intent.spec
        market = markets.get(spec.instrument_id)
        if market is None or spec.limit_ticks is None or not order.is_triggered:
            return
        lots = self._draws.between(1, order.left_lots)
        if self._draws.happens(0.4):
            lots = order.left_lots
        self._fill(order, spec.limit_ticks, lots, "maker", now_ns, market)

    def go_down(self, now_ns: int, markets: Markets) -> None:
        """The engine died: of what it had sent a part arrives, and nothing of what it was told.

        Somebody may trade with what rests while nobody watches.
        """
        arriving = self._draws.between(0, len(self._arrivals))
        waiting = sorted(self._arrivals)
        self._arrivals.clear()
        for arrival in waiting[:arriving]:
            if arrival.kind != "query":
                self._arrive(arrival, markets)
        self._placing.clear()
        self._replacing.clear()
        self._queries.clear()
        for order in list(self._orders.values()):
            if order.client_order_id in self._orders and self._draws.happens(DOWN_FILL_SHARE):
                self._trade_with(order, now_ns, markets)
        self._told.clear()

    # On the way back.

    def _answer(self, fact: f.OrderReport, now_ns: int) -> None:
        """Book what happened, then tell it."""
        name = fact.client_order_id
        match fact:
            case f.OrderAcked():
                self.ledger.accepted[name] = self.ledger.accepted.get(name, 0) + 1
            case f.OrderFilled():
                self.ledger.book(fact, self.specs[name])
            case f.OrderReplaced():
                limit, lots = fact.limit_ticks, fact.qty_lots
                spec = msgspec.structs.replace(self.specs[name], limit_ticks=limit, qty_lots=lots)
                self.specs[name] = spec
            case f.OrderCanceled() | f.OrderExpired() | f.OrderRejected():
                self.ledger.ended[name] = fact
        self._tell(fact, now_ns)

    def _tell(self, fact: f.OrderReport, now_ns: int) -> None:
        """Send an answer; answers keep their order but for fills, which may be late or repeated."""
        due_ns = max(now_ns + self._delay_ns(), self._told_last_ns)
        if isinstance(fact, f.OrderFilled):
            if self._draws.happens(self._mix.repeat_share):
                self._tell_at(due_ns + int(self._draws.exponential(1.0) * NS_PER_S), fact)
            if self._draws.happens(self._mix.late_share):
                self._tell_at(due_ns + int(self._draws.exponential(0.7) * NS_PER_S), fact)
                return
        self._told_last_ns = due_ns
        self._tell_at(due_ns, fact)

    def _tell_at(self, due_ns: int, fact: f.OrderReport) -> None:
        self._number += 1
        heapq.heappush(self._told, (due_ns, self._number, fact))

    def _answer_query(self, name: str, now_ns: int, markets: Markets) -> None:
        del markets
        query = self._queries.pop(name)
        for booked in self.ledger.fills:
            self._tell(booked.fact, now_ns)
        for client_order_id, (believed, is_asked) in query.items():
            self._tell_fate(client_order_id, believed, is_asked, now_ns)

    def _tell_fate(
        self, client_order_id: str, believed: OrderSpec, is_asked: bool, now_ns: int
    ) -> None:
        order = self._orders.get(client_order_id)
        if order is None:
            self._tell_end(client_order_id, believed, is_asked, now_ns)
            return
        spec = order.intent.spec
        if (spec.limit_ticks, spec.qty_lots) != (believed.limit_ticks, believed.qty_lots):
            assert spec.limit_ticks is not None
            changed = f.OrderReplaced(now_ns, client_order_id, spec.limit_ticks, spec.qty_lots)
            self._tell(changed, now_ns)
        elif is_asked:
            self._tell(f.ReplaceRejected(now_ns, client_order_id, "it never came"), now_ns)
        self._tell(f.OrderAcked(now_ns, client_order_id, order.venue_order_id), now_ns)

    def _tell_end(
        self, client_order_id: str, believed: OrderSpec, is_asked: bool, now_ns: int
    ) -> None:
        spec = self.specs.get(client_order_id, believed)
        if (spec.limit_ticks, spec.qty_lots) != (believed.limit_ticks, believed.qty_lots):
            assert spec.limit_ticks is not None
            changed = f.OrderReplaced(now_ns, client_order_id, spec.limit_ticks, spec.qty_lots)
            self._tell(changed, now_ns)
        elif is_asked:
            self._tell(f.ReplaceRejected(now_ns, client_order_id, "it never came"), now_ns)
        ended = self.ledger.ended.get(client_order_id)
        if ended is not None:
            self._tell(ended, now_ns)
        elif not self.ledger.accepted.get(client_order_id):
            self._tell(f.OrderRejected(now_ns, client_order_id, "it never came"), now_ns)


class SimGateway(PaperGateway):
    """The way of one engine to the venue; tells the judge of every frame."""

    def __init__(
        self,
        host: EngineHost,
        clock: Clock,
        venue: PaperVenue,
        on_frame: Callable[[Frame], None],
    ) -> None:
        super().__init__(host.state, clock, host.report_all, 0)
        self._venue = venue
        self._on_frame = on_frame

    @property
    def venue(self) -> PaperVenue:
        """The venue behind it."""
        return self._venue

    @property
    def markets(self) -> Markets:
        """What this run knows of the markets."""
        return self._markets

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Send an order."""
        self._note("place", approved.client_order_id, approved.intent.spec)
        super().place(approved, may_leave)

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""
        self._note("cancel", client_order_id)
        super().cancel(client_order_id)

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Send an amend."""
        order = self._venue.orders.get(client_order_id)
        spec = None if order is None else order.intent.spec
        self._note("replace", client_order_id, spec, limit, qty)
        super().replace(client_order_id, limit, qty, may_leave)

    def take_back(self, ledger: Ledger) -> None:
        """Ask the venue what became of everything."""
        if not isinstance(self._venue, SimVenue):
            super().take_back(ledger)
            return
        asked: Query = {
            order.client_order_id: (order.spec, order.asked_qty_lots is not None)
            for order in ledger.working()
        }
        self._venue.ask(asked, self._clock.now_ns())
        self._arm()

    def is_quiet(self) -> bool:
        """Whether nothing is on its way in either direction."""
        return self._venue.next_due_ns is None

    def _note(
        self,
        kind: str,
        client_order_id: str,
        spec: OrderSpec | None = None,
        limit: int | None = None,
        lots: int | None = None,
    ) -> None:
        now_ns = self._clock.now_ns()
        self._on_frame(Frame(now_ns, kind, client_order_id, spec, limit, lots))
