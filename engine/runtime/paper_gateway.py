"""The gateway to the paper venue: gives it the market and the time, and brings its answers back."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from engine.execution.ledger import Ledger
from engine.execution.paper import Markets, PaperMarket, PaperVenue, Resting
from engine.execution.positions import Steps
from engine.kernel.state import InstrumentState, KernelState
from engine.model.effects import VenueRequest
from engine.model.envelope import Event
from engine.model.errors import InvariantBroken
from engine.model.facts import (
    OrderAcked,
    OrderExpired,
    OrderRejected,
    OrderReport,
    OrderSent,
    ReplaceRejected,
)
from engine.model.instrument import InstrumentId
from engine.model.market import BookDelta, BookSnapshot, InstrumentUpdated, ScalesWidened, Trade
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderSpec
from engine.runtime.clock import Clock
from engine.runtime.guard import MayLeave

SOURCE: Final = "gateway:paper"


class PaperGateway:
    """One paper venue for all instruments.

    Args:
        state: The kernel's, read for books and steps.
        put: Takes the venue's answers as private events.
    """

    def __init__(
        self,
        state: KernelState,
        clock: Clock,
        put: Callable[[str, Sequence[Event]], None],
        seed: int,
    ) -> None:
        self._state = state
        self._clock = clock
        self._put = put
        self._venue = PaperVenue(seed)
        self._markets: Markets = {}
        self._steps: dict[InstrumentId, Steps] = {}
        """In which the run before counted."""
        self._handle: asyncio.TimerHandle | None = None
        self._handle_ns: int | None = None

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Send an order; it leaves in this very call."""
        del may_leave
        now_ns = self._clock.now_ns()
        self._put(SOURCE, (OrderSent(now_ns, approved.client_order_id),))
        self._venue.place(approved.client_order_id, approved.intent, now_ns)
        self._arm()

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""
        self._venue.cancel(client_order_id, self._clock.now_ns())
        self._arm()

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Send an amend."""
        del may_leave
        self._venue.replace(client_order_id, limit, qty, self._clock.now_ns())
        self._arm()

    def notional(self, approved: ApprovedOrder) -> Decimal | None:
        """Return an order's worth at its limit, else at the best price to take."""
        spec = approved.intent.spec
        market = self._markets.get(spec.instrument_id)
        if market is None:
            return None
        ticks: int | None = spec.limit_ticks or spec.trigger_ticks
        if ticks is None:
            best = next(market.book.levels(is_bid=spec.side == "sell"), None)
            ticks = None if best is None else best[0] // market.tick_units
        if ticks is None:
            return None
        return ticks * spec.qty_lots * market.tick_size * market.lot_size

    def notional_of(self, client_order_id: str, limit: PriceTicks, qty: QtyLots) -> Decimal | None:
        """Return the worth of an order at another price and size; None once it has ended."""
        order = self._venue.orders.get(client_order_id)
        market = None if order is None else self._markets.get(order.intent.spec.instrument_id)
        if market is None:
            return None
        return limit * qty * market.tick_size * market.lot_size

    def take_back(self, ledger: Ledger) -> None:
        """Go on with the orders of the run before, as its journal tells of them.

        What the venue had acknowledged is open again; what it had not never reached it, because
        an acknowledgement is in the journal before anybody hears of it. So it is with amends.
        """
        now_ns = self._clock.now_ns()
        self._steps = dict(ledger.all_steps)
        reports: list[OrderReport] = []
        resting = []
        for order in ledger.working():
            if not order.venue_order_id:
                reason = "never reached the paper venue"
                reports.append(
                    OrderRejected(now_ns, order.client_order_id, reason, is_by_venue=False)
                )
                continue
            if order.asked_limit_ticks is not None:
                reason = "the amend never reached the paper venue"
                reports.append(ReplaceRejected(now_ns, order.client_order_id, reason))
            left = order.spec.qty_lots - order.filled_lots
            if left <= 0:
                continue  # Only the amend kept it from being filled.
            is_triggered = order.spec.trigger_ticks is None or order.filled_lots > 0
            if is_triggered and not _can_rest(order.spec):
                reason = "the rest lapsed when the run before ended"
                reports.append(OrderExpired(now_ns, order.client_order_id, reason))
                continue
            reports.append(OrderAcked(now_ns, order.client_order_id, order.venue_order_id))
            kept = Resting(order.client_order_id, order.intent, order.venue_order_id, left)
            kept.fills = order.filled_lots
            kept.is_triggered = is_triggered
            resting.append(kept)
        nets = {key: ledger.net_lots(key) for key in ledger.held()}
        self._venue.restore(resting, nets)
        if reports:
            self._put(SOURCE, reports)

    def on_market(self, event: Event) -> None:
        """Show the venue what has just happened in the market; the kernel has it already."""
        now_ns = self._clock.now_ns()
        match event:
            case Trade() if event.is_market:
                units = event.price_ticks, event.qty_lots
                self._venue.on_trade(event.instrument_id, *units, now_ns, self._markets)
            case BookDelta() | BookSnapshot():
                self._venue.on_book(event.instrument_id, now_ns, self._markets)
            case InstrumentUpdated():
                self._learn(self._state.instruments.get(event.instrument.instrument_id))
            case ScalesWidened():
                self._learn(self._state.instruments.get(event.instrument_id))
            case _:
                return
        self._arm()

    def serve(self, request: VenueRequest) -> None:
        """Refuse: what this venue knows is in the ledger already.

        Raises:
            InvariantBroken: It was asked like a venue on the other side of a network.
        """
        raise InvariantBroken(f"the paper venue was asked for {type(request).__name__}")

    @property
    def is_canceling(self) -> bool:
        """Whether cancels are on their way: to this venue none ever is."""
        return False

    def close(self) -> None:
        """Stop the timers."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._handle_ns = None

    def _learn(self, market: InstrumentState | None) -> None:
        if market is None:
            return
        instrument = market.instrument
        if instrument.tick_size is None or instrument.lot_size is None:
            return
        key = market.instrument_id
        before = self._markets.get(key) or self._steps.get(key)
        steps = instrument.tick_size, instrument.lot_size
        if before is not None and (before.tick_size, before.lot_size) != steps:
            ratio = Fraction(before.lot_size) / Fraction(instrument.lot_size)
            self._venue.restep(key, ratio, self._clock.now_ns())
        self._markets[key] = PaperMarket(
            book=market.book,
            tick_units=market.tick_ticks,
            lot_units=max(1, int(instrument.lot_size * Decimal(10) ** market.qty_decimals)),
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            quote=instrument.quote,
        )

    def _advance(self) -> None:
        self._handle = self._handle_ns = None
        answers = self._venue.advance(self._clock.now_ns(), self._markets)
        if answers:
            self._put(SOURCE, answers)
        self._arm()

    def _arm(self) -> None:
        due_ns = self._venue.next_due_ns
        if due_ns == self._handle_ns:
            return
        self.close()
        if due_ns is not None:
            self._handle_ns = due_ns
            wait_s = max(0, due_ns - self._clock.now_ns()) / NS_PER_S
            self._handle = asyncio.get_running_loop().call_later(wait_s, self._advance)


def _can_rest(spec: OrderSpec) -> bool:
    """Whether what an order does not fill at once stays at the venue."""
    return spec.limit_ticks is not None and spec.tif == "gtc"
