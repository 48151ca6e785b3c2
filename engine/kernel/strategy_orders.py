"""Orders on their way out: through the gate, and sent after they are recorded."""

from engine.execution.market_reference import MarketReference
from engine.execution.risk import RiskRefused
from engine.kernel.desk import moment_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_now
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect, PlaceOrder
from engine.model.facts import OrderDenied, OrderIntended
from engine.model.instrument import InstrumentId
from engine.model.orders import ApprovedOrder, OrderIntent


def reviewed(
    state: KernelState,
    market: InstrumentState,
    intent: OrderIntent,
    effects: list[Effect],
    *,
    replaces: str = "",
    is_flatten: bool = False,
) -> ApprovedOrder | str:
    """Put an order through the gate; a refusal is recorded and told, its first reason returned.

    Args:
        state: Has the gate.
        market: The order's instrument.
        intent: The order.
        effects: Take what is recorded and told.
        replaces: The working order that this one amends.
        is_flatten: Whether it only flattens, by the narrow gate.
    """
    desk = state.desk
    markets = _references_of(state, market.instrument_id)
    moment = moment_of(desk, markets, state.ts_ns, replaces=replaces)
    review = desk.gate.review_flatten if is_flatten else desk.gate.review
    verdict = review(intent, markets[market.instrument_id], desk.ledger, desk.limits, moment)
    return _refused(state, verdict, effects) if isinstance(verdict, RiskRefused) else verdict


def _refused(state: KernelState, verdict: RiskRefused, effects: list[Effect]) -> str:
    """Record and tell what the gate refused, take its advice, and return its first reason."""
    intent = verdict.intent
    record(state, effects, OrderDenied(state.ts_ns, intent, verdict.sentences))
    step_down(state, effects, verdict.advice)
    told = f"{intent.tag.partition(' ')[0]} refused: {'; '.join(verdict.sentences)}"
    say(state, effects, "warning", intent.owner, told)
    return verdict.sentences[0]


def send(
    state: KernelState,
    market: InstrumentState,
    approved: ApprovedOrder,
    effects: list[Effect],
    *,
    is_flatten: bool = False,
    is_unjournalled: bool = False,
) -> None:
    """Send what the gate approved, after it is recorded."""
    key, book_seq = approved.client_order_id, market.book.last_seq
    record(state, effects, OrderIntended(state.ts_ns, key, approved.intent, book_seq))
    effects.append(PlaceOrder(approved, is_flatten, is_unjournalled))


def _references_of(
    state: KernelState, instrument_id: InstrumentId
) -> dict[InstrumentId, MarketReference]:
    """Return the markets of this instrument and of all with positions or orders."""
    ledger = state.desk.ledger
    return {
        key: reference_now(state, market, is_reviewed=key == instrument_id)
        for key, market in state.instruments.items()
        if key == instrument_id or ledger.net_lots(key) or ledger.working(key)
    }


# Protection, of whomever.


def may_protect(state: KernelState, owner: str, instrument_id: InstrumentId) -> bool:
    """Whether an order that protects what an owner holds could leave at all."""
    trading = state.desk.ledger.trading_state(instrument_id, owner)
    return trading != "killed" and instrument_id in state.instruments


def may_shrink(state: KernelState, owner: str, instrument_id: InstrumentId) -> bool:
    """Whether too large a protection may go, because the right one can follow.

    Where none can, the large one stays: it is clipped to the position, and none protects nothing.
    """
    return state.desk.is_steady and may_protect(state, owner, instrument_id)
