"""The gateway to a real venue: orders out, once each; answers, reports and the private stream in.

It decides nothing. What was proved becomes the events that follow from it; what was not proved is
unknown, and it is for the kernel to ask until evidence comes (R24, R25).
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from loguru import logger

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.positions import Steps
from engine.kernel.state import KernelState
from engine.model import account as a
from engine.model.effects import (
    CancelAllOrders,
    CancelShown,
    QueryOrder,
    RequestReport,
    SetDeadMan,
    VenueRequest,
)
from engine.model.envelope import Event, TimerFired, WallClockMoved
from engine.model.errors import HeldBack, UnsupportedByVenue, VenueUnreachable
from engine.model.facts import (
    CancelRejected,
    OrderFilled,
    OrderRejected,
    OrderSent,
    OrderUnknown,
    ReplaceRejected,
)
from engine.model.instrument import Instrument, InstrumentId
from engine.model.market import InstrumentUpdated
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderIntent, OrderSpec
from engine.runtime.feed_ports import StartPart, StartTask, reason_of
from engine.runtime.guard import MayLeave
from engine.runtime.private_stream import PrivateStream
from engine.runtime.trade_rest import BeforeLeaving, Exchange, TradePorts, TradeRest
from engine.venues.trading import TradeRequest

LEAVE_NS: Final = 2 * NS_PER_S
"""An order that could not leave within this does not leave at all: the market has moved on."""
TURN_NS: Final = NS_PER_S
"""Of that it waits so long at most for the rate budget."""
ORDERS_MAX: Final = 64
"""Orders and amends on their way at once; further ones are refused."""
CANCELS_AT_ONCE: Final = 32
CANCELS_MAX: Final = 3
"""Of one order on their way: a stuck one must not hold up the next."""
ASKED_AT_ONCE: Final = 4
"""Questions on their way at once; further ones wait, one for each order at most."""
LISTING_NS: Final = 60 * NS_PER_S
"""After a report that brought nothing, instruments may have been added that it is of."""


class GatewayParts(NamedTuple):
    """What the host and the composition root lend a gateway."""

    ports: TradePorts
    state: KernelState
    """The kernel's; it is read and never changed."""
    put: Callable[[str, Sequence[Event]], None]
    start_task: StartTask
    keep: StartPart


class VenueGateway:
    """The way in for orders of one account at one venue."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        ports = parts.ports
        self._source = f"gateway:{ports.venue}"
        self._wire = ports.wire
        self._clock = ports.clock
        self._orders = parts.state.desk.ledger
        self._rest = TradeRest(ports, lambda event: self._put((event,)))
        self._stream = PrivateStream(ports, self._rest, self._put)
        self._steps: dict[InstrumentId, Steps] = {}
        """Of each instrument, as the wire has learned them."""
        self._leaving = 0
        """Orders and amends on their way."""
        self._canceling: dict[str, int] = {}
        """Cancels on their way: of an order, or of all of an instrument."""
        self._asking: dict[str, None] = {}
        """Orders of which a question is on its way or waits."""
        self._is_reporting = False
        self._listed_ns: int | None = None
        """When the venue last told the steps of its instruments; None: it is to be asked."""
        self._cancel_lanes = asyncio.Semaphore(CANCELS_AT_ONCE)
        self._ask_lanes = asyncio.Semaphore(ASKED_AT_ONCE)
        self._is_closed = False

    # What the guard lets pass

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Send an order, once."""
        client_order_id = approved.client_order_id
        if self._leaving >= ORDERS_MAX:
            self._hold_back(client_order_id, f"more than {ORDERS_MAX} orders are on their way")
            return
        self._leaving += 1
        leaving = self._place(approved, may_leave, self._clock.now_ns() + LEAVE_NS)
        self._start(leaving, f"place {client_order_id}")

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Send an amend, once."""
        order = self._orders.orders.get(client_order_id)
        if order is None or self._leaving >= ORDERS_MAX:
            reason = "no such order" if order is None else "too many orders are on their way"
            self._put((ReplaceRejected(self._clock.now_ns(), client_order_id, reason),))
            return
        self._leaving += 1
        due_ns = self._clock.now_ns() + LEAVE_NS
        leaving = self._replace(order, (limit, qty), may_leave, due_ns)
        self._start(leaving, f"amend {client_order_id}")

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel; one that is not answered may be followed by another."""
        order = self._orders.orders.get(client_order_id)
        underway = self._canceling.get(client_order_id, 0)
        if order is None or underway >= CANCELS_MAX:
            logger.warning("cancel_not_sent {}, {} on their way", client_order_id, underway)
            return
        self._canceling[client_order_id] = underway + 1
        self._start(self._cancel(client_order_id, order.spec), f"cancel {client_order_id}")

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return an order's worth at its limit, else at its trigger or the best price to take."""
        spec = approved.intent.spec
        market = self._parts.state.instruments.get(spec.instrument_id)
        if market is None:
            return None
        ticks: int | None = spec.limit_ticks or spec.trigger_ticks
        if ticks is None:
            best = next(market.book.levels(is_bid=spec.side == "sell"), None)
            ticks = None if best is None else best[0] // market.tick_ticks
        return None if ticks is None else self._worth(spec.instrument_id, ticks * spec.qty_lots)

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the worth of an order at another price and size; None once it has ended."""
        order = self._orders.orders.get(client_order_id)
        if order is None or order.is_final:
            return None
        return self._worth(order.spec.instrument_id, limit * qty)

    # What the host wants

    def take_back(self, ledger: Ledger) -> None:
        """Begin: learn the clock, open the stream, know the steps of the run before."""
        self._orders = ledger
        self._learn_steps()
        self._parts.keep(self._rest.run, f"{self._source}/clock")
        self._parts.keep(self._stream.run, f"{self._source}/stream")

    def on_market(self, event: Event) -> None:
        """Learn new steps when the ledger counts in them, and no sooner.

        What waits to leave was approved in the old ones, and is written in them.
        """
        if isinstance(event, InstrumentUpdated | TimerFired):
            self._learn_steps()
        elif isinstance(event, WallClockMoved):
            self._rest.measure_again()

    def _learn_steps(self) -> None:
        for key, steps in self._orders.all_steps.items():
            if self._steps.get(key) != steps:
                self._steps[key] = steps
                tick, lot = steps.tick_size, steps.lot_size
                self._wire.learn(Instrument(key, "previous_id", tick_size=tick, lot_size=lot))

    def serve(self, request: VenueRequest) -> None:
        """Do what the kernel asks of a venue besides orders."""
        match request:
            case CancelAllOrders(instrument_id):
                self._cancel_all(instrument_id)
            case CancelShown():
                self._cancel_shown(request)
            case QueryOrder(client_order_id):
                self._query(client_order_id)
            case RequestReport():
                self._report(request)
            case SetDeadMan(instrument_id):
                self._start(self._set_dead_man(request), f"dead man {instrument_id}")

    @property
    def is_canceling(self) -> bool:
        """Whether cancels are on their way."""
        return bool(self._canceling)

    def close(self) -> None:
        """Send nothing more."""
        self._is_closed = True

    # Orders

    async def _place(self, approved: ApprovedOrder, may_leave: MayLeave, due_ns: int) -> None:
        name = approved.client_order_id
        sent = lambda ns: self._put((OrderSent(ns, name),))  # noqa: E731 - one line says it
        leave = self._before_leaving(may_leave, due_ns, sent)
        try:
            request = self._wire.place(name, approved.intent)
            exchange = await self._sent(request, leave, is_reserved=_adds_no_risk(approved.intent))
        except (UnsupportedByVenue, HeldBack) as error:
            self._hold_back(name, reason_of(error))
        except VenueUnreachable as error:
            if error.was_sent:
                self._lose(name, reason_of(error))
            else:
                self._hold_back(name, f"it never left: {reason_of(error)}")
        else:
            rejected = OrderRejected(self._clock.now_ns(), name, exchange.answer.reason)
            self._take_answer(name, exchange, rejected)
        finally:
            self._leaving -= 1

    async def _replace(
        self,
        order: OrderRecord,
        asked: tuple[PriceTicks, QtyLots],
        may_leave: MayLeave,
        due_ns: int,
    ) -> None:
        name = order.client_order_id
        leave = self._before_leaving(may_leave, due_ns, lambda _: None)
        try:
            request = self._wire.amend(name, order.intent, *asked)
            exchange = await self._sent(request, leave, is_reserved=_adds_no_risk(order.intent))
        except (UnsupportedByVenue, HeldBack, VenueUnreachable) as error:
            if isinstance(error, VenueUnreachable) and error.was_sent:
                self._lose(name, reason_of(error))
            else:
                now_ns = self._clock.now_ns()
                self._put((ReplaceRejected(now_ns, name, reason_of(error)),))
        else:
            rejected = ReplaceRejected(self._clock.now_ns(), name, exchange.answer.reason)
            self._take_answer(name, exchange, rejected)
        finally:
            self._leaving -= 1

    def _before_leaving(
        self, may_leave: MayLeave, due_ns: int, tell_sent: Callable[[int], None]
    ) -> BeforeLeaving:
        """Return what is asked when the first byte is about to leave; the guard has the last word.

        Nothing is awaited between its word and the write. It must leave by `due_ns`, reckoned from
        when it came here: the process may have been stopped before its task began.
        """

        def leave(signed_ns: int) -> None:
            if self._clock.now_ns() > due_ns:
                raise HeldBack(f"it could not leave within {LEAVE_NS // NS_PER_S} s")
            problem = may_leave()
            if problem:
                raise HeldBack(problem)
            tell_sent(signed_ns)

        return leave

    async def _sent(
        self, request: TradeRequest, leave: BeforeLeaving, *, is_reserved: bool
    ) -> Exchange:
        return await self._rest.ask(
            request, patience_ns=TURN_NS, is_reserved=is_reserved, before_leaving=leave
        )

    def _take_answer(self, name: str, exchange: Exchange, rejected: Event) -> None:
        answer = exchange.answer
        match answer.verdict:
            case "confirmed":
                self._put(answer.events)
                self._stream.expect_news(exchange.left_ns)
            case "refused":
                self._put(answer.events or (rejected,))
            case "unknown":
                self._lose(name, answer.reason)

    def _hold_back(self, client_order_id: str, reason: str) -> None:
        now_ns = self._clock.now_ns()
        self._put((OrderRejected(now_ns, client_order_id, reason, is_by_venue=False),))

    def _lose(self, client_order_id: str, reason: str) -> None:
        self._put((OrderUnknown(self._clock.now_ns(), client_order_id, reason),))

    # Cancels: whatever proves nothing is asked again by the kernel

    async def _cancel(self, client_order_id: str, spec: OrderSpec) -> None:
        try:
            request = self._wire.cancel(client_order_id, spec.instrument_id, spec.type)
            async with self._cancel_lanes:
                exchange = await self._rest.ask(request)
        except (UnsupportedByVenue, VenueUnreachable) as error:
            logger.warning("cancel_unanswered {} {}", client_order_id, reason_of(error))
            return
        finally:
            self._no_longer_canceling(client_order_id)
        answer = exchange.answer
        if answer.verdict == "unknown":
            logger.warning("cancel_unknown {} {}", client_order_id, answer.reason)
            return
        rejected = CancelRejected(self._clock.now_ns(), client_order_id, answer.reason)
        self._take_answer(client_order_id, exchange, rejected)

    def _no_longer_canceling(self, name: str) -> None:
        self._canceling[name] -= 1
        if not self._canceling[name]:
            del self._canceling[name]

    def _cancel_all(self, instrument_id: InstrumentId) -> None:
        try:
            requests = self._wire.cancel_all(instrument_id)
        except UnsupportedByVenue as error:
            logger.error("cancel_all_impossible {} {}", instrument_id, reason_of(error))
            return
        self._cancel_parts(instrument_id, requests)

    def _cancel_shown(self, shown: CancelShown) -> None:
        name = shown.client_order_id
        try:
            request = self._wire.cancel(name, shown.instrument_id, shown.type)
        except UnsupportedByVenue as error:
            logger.error("cancel_impossible {} {}", name, reason_of(error))
            return
        self._cancel_parts(name, (request,))

    def _cancel_parts(self, name: str, requests: Sequence[TradeRequest]) -> None:
        underway = self._canceling.get(name, 0)
        if underway >= CANCELS_MAX * len(requests):
            logger.warning("cancel_all_not_sent {}, {} on their way", name, underway)
            return
        for request in requests:
            self._canceling[name] = self._canceling.get(name, 0) + 1
            self._start(self._cancel_part(name, request), f"cancel all {name}")

    async def _cancel_part(self, name: str, request: TradeRequest) -> None:
        """Send what ends orders that nobody named; it waits for no cancel of a single one.

        Nothing is told of any of them: the stream and the next report do that.
        """
        try:
            answer = (await self._rest.ask(request)).answer
        except VenueUnreachable as error:
            logger.warning("cancel_all_unanswered {} {}", name, reason_of(error))
            return
        finally:
            self._no_longer_canceling(name)
        if answer.verdict != "confirmed":
            logger.warning("cancel_all_failed {} {} {}", name, answer.verdict, answer.reason)

    # Questions

    def _query(self, client_order_id: str) -> None:
        order = self._orders.orders.get(client_order_id)
        if order is None:
            self._put((a.QueryFailed(client_order_id, "no such order"),))
        elif client_order_id not in self._asking:
            self._asking[client_order_id] = None
            self._start(self._ask_for(order.spec, client_order_id), f"query {client_order_id}")

    async def _ask_for(self, spec: OrderSpec, name: str) -> None:
        try:
            async with self._ask_lanes:
                self._put((await self._order_answered(spec, name),))
        except (UnsupportedByVenue, VenueUnreachable) as error:
            self._put((a.QueryFailed(name, reason_of(error)),))
        finally:
            del self._asking[name]

    async def _order_answered(self, spec: OrderSpec, name: str) -> a.OrderAnswered:
        rows, asked_ns = await self._rest.rows(
            self._wire.query(name, spec.instrument_id, spec.type)
        )
        order = next((row for row in rows if isinstance(row, a.OrderSeen)), None)
        fills: tuple[OrderFilled, ...] = ()
        if order is not None and order.filled_lots and order.venue_order_id:
            request = self._wire.order_fills(spec.instrument_id, order.venue_order_id)
            rows, _ = await self._rest.rows(request)
            fills = tuple(row for row in rows if isinstance(row, OrderFilled))
        return a.OrderAnswered(name, asked_ns, order, fills)

    def _report(self, request: RequestReport) -> None:
        if self._is_reporting:
            self._put((a.ReportFailed(request.number, "another report is on its way"),))
            return
        self._is_reporting = True
        self._start(self._report_account(request), f"report {request.number}")

    async def _report_account(self, request: RequestReport) -> None:
        """Ask for everything, to the last page; a part is no information (R41)."""
        rows: list[object] = []
        asked_ns: int | None = None
        try:
            await self._learn_listing()
            until_ns = self._rest.venue_ns(self._clock.now_ns())
            since = request.since_ns, until_ns, request.cash_since_ns
            for part in self._wire.report(*since):
                found, left_ns = await self._rest.rows(part)
                asked_ns = left_ns if asked_ns is None else asked_ns
                rows += found
        except VenueUnreachable as error:
            if self._listed_ns is not None and self._clock.now_ns() - self._listed_ns > LISTING_NS:
                self._listed_ns = None
            self._put((a.ReportFailed(request.number, reason_of(error)),))
            return
        finally:
            self._is_reporting = False
        reported = a.AccountReported(
            number=request.number,
            asked_ns=self._clock.now_ns() if asked_ns is None else asked_ns,
            since_ns=request.since_ns,
            orders=tuple(row for row in rows if isinstance(row, a.OrderSeen)),
            fills=tuple(row for row in rows if isinstance(row, OrderFilled)),
            positions=tuple(row for row in rows if isinstance(row, a.PositionSeen)),
            balances=tuple(row for row in rows if isinstance(row, a.BalanceSeen)),
            cash=tuple(row for row in rows if isinstance(row, a.CashSeen)),
        )
        self._put((reported,))

    async def _learn_listing(self) -> None:
        """Let the wire know every instrument: the account may hold any, whatever is watched."""
        request = self._wire.listing()
        if request is not None and self._listed_ns is None:
            await self._rest.rows(request)
            self._listed_ns = self._clock.now_ns()

    async def _set_dead_man(self, wanted: SetDeadMan) -> None:
        try:
            request = self._wire.dead_man(wanted.instrument_id, wanted.after_ns)
            if request is None:
                raise UnsupportedByVenue("the venue has no such timer")
            answer, _, left_ns = await self._rest.ask(request)
            if answer.verdict != "confirmed":
                raise VenueUnreachable(answer.reason or answer.verdict)
        except (UnsupportedByVenue, VenueUnreachable) as error:
            self._put((a.DeadManFailed(wanted.instrument_id, reason_of(error)),))
            return
        due_ns = left_ns + wanted.after_ns if wanted.after_ns else 0
        self._put((a.DeadManSet(wanted.instrument_id, due_ns),))

    # Small things

    def _worth(self, instrument_id: InstrumentId, ticks_times_lots: int) -> Decimal | None:
        market = self._parts.state.instruments.get(instrument_id)
        steps = None if market is None else market.instrument
        if steps is None or steps.tick_size is None or steps.lot_size is None:
            return None
        return ticks_times_lots * steps.tick_size * steps.lot_size

    def _put(self, events: Sequence[Event]) -> None:
        if events:
            self._parts.put(self._source, events)

    def _start(self, work: Coroutine[Any, Any, None], what: str) -> None:
        if self._is_closed:
            work.close()
            return
        self._parts.start_task(work, f"{self._source}/{what}")


def _adds_no_risk(intent: OrderIntent) -> bool:
    """Whether an order can only shrink a position: it may use what is kept back (R33)."""
    return intent.spec.is_reduce_only or intent.is_protective
