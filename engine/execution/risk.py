"""The risk gate: the one place where an intent becomes an order that may leave.

Every control looks at every order and all that object are reported. The gate keeps nothing: the
ledger counts. Whoever gets an approval applies its `OrderIntended` before he asks again; between
the two lies no await, so that limits count exactly (R51).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Final, Literal

import msgspec

from engine.execution.account_controls import (
    ACCOUNT_CONTROLS,
    losses_of,
    position_loss_of,
    reduce_only,
    references,
)
from engine.execution.ledger import Ledger
from engine.execution.ledger_controls import STRICTNESS
from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits, overridden, override_problem
from engine.execution.market_reference import MarketReference
from engine.execution.order_controls import (
    ORDER_CONTROLS,
    Control,
    clear_of_own,
    collar_code,
    collar_ticks,
    data_gate,
    instrument,
    permission,
    price_collar,
    shape,
    trading_hours,
)
from engine.execution.review import (
    EXACT,
    Reason,
    Review,
    ReviewMoment,
    exposures_of,
    marks_of,
    shrinkable_net,
    shrinkable_own,
    sums_of,
)
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import _BY_THE_GATE, ApprovedOrder, OrderIntent, OrderSpec

StepDown = Literal["reduce_only", "halted", "killed"]

_ALL: Final = (*ORDER_CONTROLS, *ACCOUNT_CONTROLS)
_OF_A_PARENT: Final = (
    shape,
    instrument,
    permission,
    trading_hours,
    data_gate,
    *ACCOUNT_CONTROLS,
)
_TO_FLATTEN: Final = (shape, instrument, price_collar, reduce_only)

_STEPS_DOWN: Final[Mapping[str, StepDown]] = {
    "entries_per_h_max": "halted",
    "losing_exits_per_day_max": "halted",
    "failures_max": "halted",
    "fast_move_share": "reduce_only",
}
"""What a strategy comes to that runs into these limits, until a person raises it again."""


class TradingStateAdvice(msgspec.Struct, frozen=True):
    """A step down that the gate thinks necessary; the kernel makes it a fact."""

    scope: str
    state: StepDown
    reason: str


class RiskRefused(msgspec.Struct, frozen=True):
    """An order that may not leave, and everything that speaks against it."""

    intent: OrderIntent
    reasons: tuple[Reason, ...]
    advice: tuple[TradingStateAdvice, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons in words."""
        return tuple(reason.sentence for reason in self.reasons)


class RiskGate:
    """Reviews orders; the only maker of `ApprovedOrder`."""

    def review(
        self,
        intent: OrderIntent,
        market: MarketReference,
        ledger: Ledger,
        limits: RiskLimits,
        moment: ReviewMoment,
    ) -> ApprovedOrder | RiskRefused:
        """Approve an order or say everything that speaks against it.

        A market order is approved as an immediate limit order at the collar. An order that only
        shrinks the position may pass limits of loss and exposure, and then carries the
        reduce-only flag. The flag is taken from a close that does not shrink the net position
        (D18); such a one is judged as new risk.
        """
        return _judged(_Case(intent, market, ledger, limits, moment), _ALL)

    def review_parent(
        self,
        whole: OrderIntent,
        market: MarketReference,
        ledger: Ledger,
        limits: RiskLimits,
        moment: ReviewMoment,
    ) -> OrderIntent | RiskRefused:
        """Judge what all children of a parent together would make of the account.

        It approves none of them; limits of one order are for each child. The answer is the order
        as it would be sent: without the reduce-only flag where it would not only reduce.
        """
        verdict = _judged(_Case(whole, market, ledger, limits, moment), _OF_A_PARENT)
        return verdict if isinstance(verdict, RiskRefused) else verdict.intent

    def review_flatten(
        self,
        intent: OrderIntent,
        market: MarketReference,
        ledger: Ledger,
        limits: RiskLimits,
        moment: ReviewMoment,
    ) -> ApprovedOrder | RiskRefused:
        """Judge an order of a confirmed flatten (R76): it can only shrink, in any trading state."""
        case = _Case(intent, market, ledger, limits, moment)
        if not (intent.spec.is_reduce_only and _shrinks_net(case)):
            sentence = "A flatten sends reduce-only orders, no larger than the net position."
            return _refused(intent, "reduce_only", sentence)
        return _judged(case, _TO_FLATTEN)


class _Case(msgspec.Struct, frozen=True):
    """What was handed over."""

    intent: OrderIntent
    market: MarketReference
    ledger: Ledger
    limits: RiskLimits
    moment: ReviewMoment

    @property
    def open_lots(self) -> int:
        """What the order can still fill; an amended one keeps what it has filled."""
        amended = self.ledger.orders.get(self.moment.replaces)
        return self.intent.spec.qty_lots - (0 if amended is None else amended.filled_lots)

    @property
    def markets(self) -> dict[InstrumentId, MarketReference]:
        """All markets, the order's own among them."""
        return {**self.moment.markets, self.market.instrument.instrument_id: self.market}


def _judged(case: _Case, controls: tuple[Control, ...]) -> ApprovedOrder | RiskRefused:
    assert case.intent.spec.instrument_id == case.market.instrument.instrument_id
    overrides = case.ledger.limit_overrides
    wrong = [override_problem(name, value) for name, value in overrides.items()]
    if any(wrong):
        problem = "; ".join(filter(None, wrong))
        sentence = f"A limit that was set while running cannot be applied: {problem}."
        return _refused(case.intent, "gate_failed", sentence)
    with localcontext(EXACT):
        try:
            review, reasons = _reviewed(case, controls)
        except (ArithmeticError, LookupError) as error:
            sentence = f"A control failed, and nothing leaves without it: {error!r}."
            return _refused(case.intent, "gate_failed", sentence)
    if reasons:
        return RiskRefused(case.intent, reasons, _advice_on(case.intent, reasons))
    client_order_id = case.moment.replaces or case.ledger.next_client_order_id()
    return ApprovedOrder(client_order_id, review.intent, _BY_THE_GATE)


def _reviewed(case: _Case, controls: tuple[Control, ...]) -> tuple[Review, tuple[Reason, ...]]:
    """Judge the order as it is, and where that fails and it shrinks, as one that reduces."""
    limits = overridden(case.limits, case.ledger.limit_overrides)
    case = msgspec.structs.replace(case, limits=limits)
    if case.intent.spec.is_reduce_only:
        review = _review_of(case, is_reducing=_shrinks_net(case))
        return review, _objections(review, controls)
    review = _review_of(case, is_reducing=False)
    reasons = _objections(review, controls)
    if reasons and _shrinks_net(case) and _shrinks_own(case):
        review = _review_of(case, is_reducing=True)
        reasons = _objections(review, controls)
    return review, reasons


def _refused(intent: OrderIntent, code: str, sentence: str) -> RiskRefused:
    lots = Decimal(intent.spec.qty_lots)
    return RiskRefused(intent, (Reason(code, lots, Decimal(0), "ledger", sentence),))


def _shrinks_net(case: _Case) -> bool:
    instrument_id = case.intent.spec.instrument_id
    net = case.ledger.net_lots(instrument_id)
    return case.open_lots <= shrinkable_net(case.intent, net, _others(case))


def _shrinks_own(case: _Case) -> bool:
    held = case.ledger.position(case.intent.owner, case.intent.spec.instrument_id).lots
    return case.open_lots <= shrinkable_own(case.intent, held, _others(case))


def _others(case: _Case) -> list[OrderRecord]:
    return [
        order
        for order in case.ledger.working(case.intent.spec.instrument_id)
        if order.client_order_id != case.moment.replaces
    ]


def _review_of(case: _Case, *, is_reducing: bool) -> Review:
    asked, markets = case.intent.spec, case.markets
    spec = _as_sent(asked, case, is_reducing=is_reducing)
    exposures = exposures_of(case.ledger, markets, case.moment.replaces)
    mine = exposures[asked.instrument_id]
    after = {**exposures, asked.instrument_id: mine.with_order(spec.side, case.open_lots)}
    equity = case.ledger.equity(marks_of(markets))
    return Review(
        intent=msgspec.structs.replace(case.intent, spec=spec),
        asked=asked,
        market=case.market,
        ledger=case.ledger,
        limits=case.limits,
        moment=case.moment,
        is_reducing=is_reducing,
        open_lots=case.open_lots,
        equity=equity,
        before=None if equity is None else sums_of(exposures, markets),
        after=None if equity is None else sums_of(after, markets),
    )


def _as_sent(asked: OrderSpec, case: _Case, *, is_reducing: bool) -> OrderSpec:
    """Return the order in the form in which it leaves."""
    sent = msgspec.structs.replace(asked, is_reduce_only=is_reducing)
    if asked.type != "market":
        return sent
    ticks = collar_ticks(case.market, asked.side, case.limits)
    if ticks is not None:
        ticks = clear_of_own(ticks, case.market, asked.side, _others(case))
    return msgspec.structs.replace(sent, type="limit", limit_ticks=ticks, tif="ioc")


def _objections(review: Review, controls: tuple[Control, ...]) -> tuple[Reason, ...]:
    found = [control(review) for control in controls]
    return (*(reason for reason in found if reason is not None), *_without_reference(review))


def _without_reference(review: Review) -> Iterable[Reason]:
    """Yield what speaks against an order whose controls do not know what they need.

    Without a price no market order can be limited, and live none at all leaves. What else is
    missing forbids new risk when live; what is broken forbids it always (R52).
    """
    price = collar_code(review.market, review.limits)
    for reference in references(review):
        is_missing = reference.value is None
        if not (is_missing or reference.is_broken):
            continue
        if reference.code == price:
            is_off = is_missing and not review.moment.is_live and review.asked.type != "market"
        else:
            is_off = review.is_reducing or (is_missing and not review.moment.is_live)
        if not is_off:
            problem = "is not known" if is_missing else f"cannot be {reference.value}"
            sentence = f"What {reference.code} is judged by {problem}; nothing passes without it."
            lots = review.spec.qty_lots
            yield review.reason(reference.code, lots, 0, sentence, "market data")


def _advice_on(intent: OrderIntent, reasons: tuple[Reason, ...]) -> tuple[TradingStateAdvice, ...]:
    return tuple(
        TradingStateAdvice(f"strategy:{intent.owner}", state, reason.sentence)
        for reason in reasons
        if reason.source in ("risk file", "set while running")
        and (state := _STEPS_DOWN.get(reason.code)) is not None
    )


# What people see of the limits, and what the account as a whole asks for.


def switched_off(
    market: MarketReference, ledger: Ledger, limits: RiskLimits, moment: ReviewMoment
) -> tuple[str, ...]:
    """Return the limits that are not applied in this market because nothing is known (D15).

    Live there are none: what is not known denies.
    """
    if moment.is_live:
        return ()
    spec = OrderSpec(
        market.instrument.instrument_id, "buy", "limit", QtyLots(1), limit_ticks=PriceTicks(1)
    )
    case = _Case(OrderIntent(spec, owner="strategy"), market, ledger, limits, moment)
    with localcontext(EXACT):
        found = references(_review_of(case, is_reducing=False))
    return tuple(reference.code for reference in found if reference.value is None)


def advise(
    ledger: Ledger, limits: RiskLimits, moment: ReviewMoment
) -> tuple[TradingStateAdvice, ...]:
    """Return the steps down that losses and margin ask for and that were not yet taken.

    Below `step_down_share` of a loss limit nothing, from there on only reducing, at all of it the
    kill switch: for everything, or for the instrument whose position it is.
    """
    limits = overridden(limits, ledger.limit_overrides)
    with localcontext(EXACT):
        found = [*_advice_on_losses(ledger, limits, moment), *_advice_on_margin(limits, moment)]
    states = ledger.states
    return tuple(
        advice
        for advice in found
        if STRICTNESS.index(advice.state) > STRICTNESS.index(states.get(advice.scope, "active"))
    )


def _advice_on_losses(
    ledger: Ledger, limits: RiskLimits, moment: ReviewMoment
) -> Iterable[TradingStateAdvice]:
    marks = marks_of(moment.markets)
    equity = ledger.equity(marks)
    losses = [("all", loss) for loss in losses_of(ledger, equity, limits, moment.now_ns)]
    for instrument_id, mark in marks.items():
        loss = position_loss_of(ledger, instrument_id, mark, equity, limits)
        if loss is not None:
            losses.append((f"instrument:{instrument_id}", loss))
    for scope, loss in losses:
        if loss.use <= 0 or loss.use < loss.limit * limits.step_down_share:
            continue
        share = 100 * loss.use / loss.limit if loss.limit > 0 else Decimal(100)
        sentence = f"{loss.code} is used by {share:.0f} %."
        is_whole = loss.use >= loss.limit
        yield TradingStateAdvice(scope, "killed" if is_whole else "reduce_only", sentence)


def _advice_on_margin(limits: RiskLimits, moment: ReviewMoment) -> Iterable[TradingStateAdvice]:
    pairs = (
        ("free_margin_share_min", moment.free_margin_share, limits.free_margin_share_min),
        (
            "liquidation_distance_share_min",
            moment.liquidation_distance_share,
            limits.liquidation_distance_share_min,
        ),
    )
    for code, share, least in pairs:
        if share is None or least is None or (share.is_finite() and share >= least):
            continue
        sentence = f"{share:.3f} is below the least of {least} ({code})."
        yield TradingStateAdvice("all", "reduce_only", sentence)
