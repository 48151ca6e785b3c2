"""Orders of running strategies: through the gate, and the protection of what they hold.

Protection follows the position: after a fill that ends an order, and by the next timer where a
position came otherwise (an entry that lapsed after a part, a close by hand, a stop that was
refused). Where the position is gone, its protection goes.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from engine.execution.ledger_orders import OrderRecord
from engine.execution.market_reference import MarketReference
from engine.execution.risk import RiskRefused
from engine.execution.rounding import Unroundable, trigger_ticks_of
from engine.kernel.desk import moment_of
from engine.kernel.freshness import book_freshness
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_of
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect, PlaceOrder, SendCancel
from engine.model.facts import CancelRequested, OrderDenied, OrderIntended
from engine.model.instrument import InstrumentId, venue_of
from engine.model.numbers import NS_PER_S, QtyLots
from engine.model.orders import HAND, ApprovedOrder, OrderIntent, OrderSpec, Side

if TYPE_CHECKING:
    from engine.kernel.strategies import Runner

ProtectiveType = Literal["stop", "take_profit"]

ANSWER_NS: Final = 2 * NS_PER_S
"""An entry, a close or a cancel without an answer for longer is not waited for."""

RETRY_NS: Final = 3 * NS_PER_S
"""Between two attempts to protect the same position."""


def reviewed(
    state: KernelState,
    runner: "Runner",
    market: InstrumentState,
    intent: OrderIntent,
    effects: list[Effect],
) -> ApprovedOrder | None:
    """Put an order through the gate; a refusal is recorded, shown and told."""
    desk = state.desk
    if intent.signal:
        runner.counts["gate"] += 1
    markets = _references(state, runner.instrument_id)
    moment = moment_of(desk, markets, state.ts_ns)
    reference = markets[market.instrument_id]
    verdict = desk.gate.review(intent, reference, desk.ledger, desk.limits, moment)
    if not isinstance(verdict, RiskRefused):
        return verdict
    record(state, effects, OrderDenied(state.ts_ns, intent, verdict.sentences))
    step_down(state, effects, verdict.advice)
    runner.last_stop = verdict.sentences[0]
    told = f"{intent.tag.partition(' ')[0]} refused: {'; '.join(verdict.sentences)}"
    say(state, effects, "warning", runner.owner, told)
    return None


def send(
    state: KernelState,
    runner: "Runner",
    market: InstrumentState,
    approved: ApprovedOrder,
    effects: list[Effect],
) -> None:
    """Send what the gate approved, after it is recorded."""
    intent = approved.intent
    intended = OrderIntended(state.ts_ns, approved.client_order_id, intent, market.book.last_seq)
    record(state, effects, intended)
    effects.append(PlaceOrder(approved))
    if intent.signal:
        runner.counts["sent"] += 1
        runner.last_stop = ""


def _references(
    state: KernelState, instrument_id: InstrumentId
) -> dict[InstrumentId, MarketReference]:
    """Return the markets of this instrument and of all with positions or orders."""
    ledger = state.desk.ledger
    return {
        key: reference_of(market, book_freshness(state, market, state.ts_ns))
        for key, market in state.instruments.items()
        if key == instrument_id or ledger.net_lots(key) or ledger.working(key)
    }


# Protection.


def watch(state: KernelState, runner: "Runner", effects: list[Effect]) -> None:
    """Protect by timer what no fill has, unless nothing may leave anyway."""
    scope = state.desk.ledger.trading_state(
        venue=venue_of(runner.instrument_id),
        instrument_id=runner.instrument_id,
        owner=runner.owner,
    )
    if scope in ("active", "reduce_only") and state.ts_ns - runner.protected_ns >= RETRY_NS:
        protect(state, runner, effects)


def protect(state: KernelState, runner: "Runner", effects: list[Effect]) -> None:
    """Bring stop and target to the size of the position, once the orders under way have ended.

    Too small a one is joined by another for the rest; too large a one goes, and the right one
    follows when it is gone.
    """
    lots = state.desk.ledger.position(runner.owner, runner.instrument_id).lots
    if not lots or _is_under_way(state, runner):
        return
    side: Side = "sell" if lots > 0 else "buy"
    kinds: tuple[ProtectiveType, ...] = ("stop", "take_profit")
    for kind in kinds:
        working = [
            order
            for order in protecting(state, runner)
            if (order.spec.type, order.spec.side) == (kind, side)
        ]
        missing = abs(lots) - sum(order.remaining_lots for order in working)
        if missing < 0:
            for order in working:
                cancel(state, order, effects)
        elif missing > 0:
            _place(state, runner, (kind, side, QtyLots(missing)), effects)


def _place(
    state: KernelState,
    runner: "Runner",
    wanted: tuple[ProtectiveType, Side, QtyLots],
    effects: list[Effect],
) -> None:
    """Send one protective order."""
    kind, side, lots = wanted
    market = state.instruments[runner.instrument_id]
    trigger = _trigger(state, runner, kind, side)
    if trigger is None:
        return
    runner.protected_ns = state.ts_ns
    ticks = trigger_ticks_of(trigger, side, kind, market.instrument)
    if isinstance(ticks, Unroundable):
        runner.last_stop = ticks.sentence
        say(state, effects, "warning", runner.owner, f"no {kind}: {ticks.sentence}")
        return
    spec = OrderSpec(
        runner.instrument_id, side, kind, lots, trigger_ticks=ticks, is_reduce_only=True
    )
    intent = OrderIntent(spec, runner.owner, tag=kind, is_protective=True)
    approved = reviewed(state, runner, market, intent, effects)
    if approved is not None:
        send(state, runner, market, approved, effects)


def _trigger(
    state: KernelState, runner: "Runner", kind: ProtectiveType, side: Side
) -> Decimal | None:
    """Return the price at which a position is closed; None if the strategy wants none."""
    decision, ledger = runner.entry, state.desk.ledger
    steps = ledger.steps(runner.instrument_id)
    held = ledger.position(runner.owner, runner.instrument_id)
    entry = None if steps is None else steps.average_price(held)
    if decision is None or entry is None:
        return None
    percent, distance = (
        (decision.stop_pct, decision.stop)
        if kind == "stop"
        else (decision.target_pct, decision.target)
    )
    away = Decimal(str(distance)) or entry * Decimal(str(percent)) / 100
    if not away:
        return None
    return entry - away if (kind == "stop") == (side == "sell") else entry + away


def protecting(state: KernelState, runner: "Runner") -> list[OrderRecord]:
    """Return the working orders that protect what a strategy holds."""
    return [
        order
        for order in state.desk.ledger.working(runner.instrument_id)
        if order.intent.owner == runner.owner and order.intent.is_protective
    ]


def _is_under_way(state: KernelState, runner: "Runner") -> bool:
    """Whether an entry or a close may still change the position."""
    return any(
        order.intent.owner == runner.owner
        and not order.intent.is_protective
        and state.ts_ns - order.updated_ns < ANSWER_NS
        for order in state.desk.ledger.working(runner.instrument_id)
    )


def cancel_orphans(state: KernelState, effects: list[Effect]) -> None:
    """Cancel protection of what is no longer held, whoever closed it (R33).

    That of a person protects the net position, and is an orphan only if it could open another.
    """
    ledger = state.desk.ledger
    for order in ledger.working():
        owner, instrument_id = order.intent.owner, order.spec.instrument_id
        if not order.intent.is_protective or (owner == HAND and not order.spec.is_reduce_only):
            continue
        lots = (
            ledger.net_lots(instrument_id)
            if owner == HAND
            else ledger.position(owner, instrument_id).lots
        )
        if (lots if order.spec.side == "sell" else -lots) <= 0:
            cancel(state, order, effects)


def cancel(state: KernelState, order: OrderRecord, effects: list[Effect]) -> None:
    """Ask once for a cancel; again only where nobody knows what became of it."""
    is_lost = order.state == "unknown"
    if order.state == "pending_cancel" or (is_lost and state.ts_ns - order.updated_ns < ANSWER_NS):
        return
    record(state, effects, CancelRequested(state.ts_ns, order.client_order_id))
    effects.append(SendCancel(order.client_order_id))
