"""Controls of the account: trading state, positions, exposure, losses, margin, open orders.

Each control looks at one review and returns its reason, or None. What only forbids new risk lets
reducing orders pass. Worst cases are counted: every working order in full, as if it filled.
"""

from decimal import Decimal
from typing import Final

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits
from engine.execution.order_controls import Control, collar_code
from engine.execution.review import (
    Reason,
    Review,
    exposure_of,
    is_fast,
    lot_value,
    plain,
    reference_ticks,
    shrinkable_net,
    shrinkable_own,
)
from engine.model.instrument import InstrumentId, venue_of
from engine.model.numbers import NS_PER_S
from engine.model.orders import HAND

_DOLLARS: Final = "USD"


class Loss(msgspec.Struct, frozen=True):
    """A loss beside what it may be, in dollars."""

    code: str
    use: Decimal
    limit: Decimal


def trading_state(review: Review) -> Reason | None:
    """The strictest state of all that the order falls under lets it pass.

    What only reduces passes in every state but the latched one, where a confirmed flatten has a
    gate of its own.
    """
    spec = review.spec
    state = review.ledger.trading_state(spec.instrument_id, review.intent.owner)
    if state == "active" or (state != "killed" and review.is_reducing):
        return None
    allowed = "no order leaves" if state == "killed" else "only orders that reduce leave"
    sentence = f"Trading is {state} for {review.name} by {review.intent.owner}: {allowed}."
    return review.reason("trading_state", spec.qty_lots, 0, sentence, "ledger")


def reduce_only(review: Review) -> Reason | None:
    """A close closes what its owner has, less what is being closed already, and never flips."""
    if not review.asked.is_reduce_only:
        return None
    intent, owner = review.intent, review.intent.owner
    held = review.ledger.position(owner, review.spec.instrument_id).lots
    if owner == HAND and review.spec.is_reduce_only:
        left = shrinkable_net(
            intent, review.ledger.net_lots(review.spec.instrument_id), review.working()
        )
    else:
        left = shrinkable_own(intent, held, review.working())
    lots = review.open_lots
    if lots <= left:
        return None
    sentence = (
        f"Closing {lots} lots of {review.name} would flip the position of {owner}:"
        f" {left} lots are left to close."
    )
    return review.reason("reduce_only", lots, left, sentence, "ledger")


def position_value(review: Review) -> Reason | None:
    """The instrument's position with all its orders is worth no more than the limit."""
    lot = lot_value(review.market)
    if review.is_reducing or lot is None:
        return None
    spec = review.spec
    exposure = exposure_of(review.ledger, spec.instrument_id, review.moment.replaces)
    after = exposure.with_order(spec.side, review.open_lots)
    value = lot * (after.long_lots if spec.side == "buy" else after.short_lots)
    if value <= review.limits.position_value_max:
        return None
    return review.over("position_value_max", value, _DOLLARS)


def gross_value(review: Review) -> Reason | None:
    """All positions together are worth no more than the limit, or the order does not add."""
    if review.is_reducing or review.before is None or review.after is None:
        return None
    value = review.after.gross
    if value <= review.limits.gross_value_max or value <= review.before.gross:
        return None
    return review.over("gross_value_max", value, _DOLLARS)


def net_value(review: Review) -> Reason | None:
    """Longs less shorts, and shorts less longs, are worth no more than the limit."""
    if review.is_reducing or review.after is None:
        return None
    is_buy = review.spec.side == "buy"
    value = review.after.longest if is_buy else -review.after.shortest
    if value <= review.limits.net_value_max:
        return None
    return review.over("net_value_max", value, _DOLLARS)


def leverage(review: Review) -> Reason | None:
    """Gross stays within so many times the equity, or the order does not add."""
    if review.is_reducing or review.before is None or review.after is None:
        return None
    if review.equity is None or review.equity <= 0:
        return None  # As a reference it is missing or broken.
    gross = review.after.gross
    if gross <= review.limits.leverage_max * review.equity or gross <= review.before.gross:
        return None
    return review.over("leverage_max", gross / review.equity, "times the equity")


def daily_loss(review: Review) -> Reason | None:
    """New risk ends at the loss of the day or of the session."""
    return _lost(review, "daily_loss_share_max")


def drawdown(review: Review) -> Reason | None:
    """New risk ends at the loss since the highest equity."""
    return _lost(review, "drawdown_share_max")


def position_loss(review: Review) -> Reason | None:
    """A position that loses too much is not added to."""
    if review.is_reducing:
        return None
    instrument_id = review.spec.instrument_id
    price, equity = review.mark, review.equity
    loss = position_loss_of(review.ledger, instrument_id, price, equity, review.limits)
    return None if loss is None or loss.use < loss.limit else _reached(review, loss)


def free_margin(review: Review) -> Reason | None:
    """Some of the margin stays free."""
    share, least = review.moment.free_margin_share, review.limits.free_margin_share_min
    if share is None or least is None or review.is_reducing:
        return None
    if not share.is_finite() or share >= least:
        return None
    return review.over("free_margin_share_min", share, "of the margin is free, which")


def liquidation_distance(review: Review) -> Reason | None:
    """No position is near its liquidation."""
    share = review.moment.liquidation_distance_share
    least = review.limits.liquidation_distance_share_min
    if share is None or least is None or review.is_reducing:
        return None
    if not share.is_finite() or share >= least:
        return None
    return review.over("liquidation_distance_share_min", share, "away from liquidation")


def open_orders(review: Review) -> Reason | None:
    """So many orders work at a time, of unknown fate or not."""
    replaced = 1 if review.moment.replaces else 0
    count = 1 + len(review.ledger.working()) - replaced
    if count <= review.limits.open_orders_max:
        return None
    return review.over("open_orders_max", count, "working orders")


def open_orders_of_instrument(review: Review) -> Reason | None:
    """So many orders work at a time in one instrument."""
    count = 1 + len(review.working())
    if count <= review.limits.open_orders_per_instrument_max:
        return None
    return review.over("open_orders_per_instrument_max", count, f"working orders in {review.name}")


def unknown_orders(review: Review) -> Reason | None:
    """Few orders are of unknown fate, and none for long, before new risk is added beside them."""
    unknown = [order for order in review.working() if order.state == "unknown"]
    if review.is_reducing or not unknown:
        return None
    if len(unknown) > review.limits.unknown_orders_per_instrument_max:
        return review.over("unknown_orders_per_instrument_max", len(unknown), "unknown orders")
    since_ns = min(order.state_since_ns for order in unknown)
    age_s = Decimal(review.moment.now_ns - since_ns) / NS_PER_S
    if age_s <= review.limits.unknown_age_s_max:
        return None
    return review.over("unknown_age_s_max", age_s, "s of an order's unknown fate")


def circuit_breaker(review: Review) -> Reason | None:
    """A strategy that failed so often in a row at a venue waits for a person."""
    if review.is_reducing or not review.is_by_strategy:
        return None
    name = breaker_of(review.intent.owner, venue_of(review.spec.instrument_id))
    failures, most = review.ledger.failures(name), review.limits.failures_max
    if failures < most:
        return None
    sentence = f"{failures} failures in a row reach the limit of {most} (failures_max)."
    return review.reason("failures_max", failures, most, sentence, "risk file")


def fast_move(review: Review) -> Reason | None:
    """Strategies only reduce while the market runs."""
    if review.is_reducing or not review.is_by_strategy:
        return None
    if not is_fast(review.market, review.limits):
        return None
    return review.over("fast_move_share", review.market.move_60s or 0, "moved within 60 s")


def breaker_of(owner: str, venue: str) -> str:
    """Return the name under which the ledger counts failures of a strategy at a venue."""
    return f"{owner}@{venue}"


def losses_of(
    ledger: Ledger, equity: Decimal | None, limits: RiskLimits, now_ns: int
) -> tuple[Loss, ...]:
    """Return loss of the day and drawdown beside their limits, those that are known."""
    peak = ledger.peak_equity
    if equity is None or peak is None:
        return ()
    starts = (ledger.day_start_equity(now_ns), ledger.session_start_equity)
    days = [
        Loss("daily_loss_share_max", start - equity, start * limits.daily_loss_share_max)
        for start in starts
        if start is not None
    ]
    worst = sorted(days, key=lambda loss: loss.use - loss.limit)[-1:]
    fall = Loss("drawdown_share_max", peak - equity, peak * limits.drawdown_share_max)
    return (*worst, fall)


def position_loss_of(
    ledger: Ledger,
    instrument_id: InstrumentId,
    price: Decimal | None,
    equity: Decimal | None,
    limits: RiskLimits,
) -> Loss | None:
    """Return the open loss of a net position beside its limit; None if it is unknown."""
    steps = ledger.steps(instrument_id)
    if price is None or equity is None or steps is None:
        return None
    loss = -steps.open_profit(ledger.net(instrument_id), price)
    return Loss("position_loss_share_max", loss, equity * limits.position_loss_share_max)


def _lost(review: Review, code: str) -> Reason | None:
    if review.is_reducing:
        return None
    losses = losses_of(review.ledger, review.equity, review.limits, review.moment.now_ns)
    for loss in losses:
        if loss.code == code and loss.use >= loss.limit:
            return _reached(review, loss)
    return None


def _reached(review: Review, loss: Loss) -> Reason:
    sentence = (
        f"A loss of {plain(loss.use)} {_DOLLARS} reaches the limit of {plain(loss.limit)}"
        f" ({loss.code})."
    )
    return review.reason(loss.code, loss.use, loss.limit, sentence, "risk file")


# References: what a control needs to know, and what happens if it is not known.


class Reference(msgspec.Struct, frozen=True):
    """What one control judges by; None is missing."""

    code: str
    value: Decimal | int | None
    may_be_zero: bool = False

    @property
    def is_broken(self) -> bool:
        """Whether it is there and cannot be true."""
        if self.value is None:
            return False
        value = Decimal(self.value)
        return not value.is_finite() or value < 0 or (value == 0 and not self.may_be_zero)


def references(review: Review) -> tuple[Reference, ...]:
    """Return what the controls that are on judge this order by."""
    limits, market, moment = review.limits, review.market, review.moment
    day = review.ledger.day_start_equity(moment.now_ns) or review.ledger.session_start_equity
    gross = None if review.before is None else review.before.gross
    found = [
        Reference(collar_code(market, limits), reference_ticks(market)),
        Reference("fast_move_share", market.move_60s, may_be_zero=True),
        Reference("position_value_max", lot_value(market)),
        Reference("gross_value_max", gross, may_be_zero=True),
        Reference("leverage_max", review.equity),
        Reference("daily_loss_share_max", day),
        Reference("drawdown_share_max", review.ledger.peak_equity),
    ]
    optional: tuple[tuple[Decimal | int | None, Reference], ...] = (
        (limits.order_medians_max, Reference("order_medians_max", market.median_trade_lots)),
        (limits.free_margin_share_min, _share("free_margin_share_min", moment.free_margin_share)),
        (
            limits.liquidation_distance_share_min if _has_position(review) else None,
            _share("liquidation_distance_share_min", moment.liquidation_distance_share),
        ),
    )
    return (*found, *(reference for limit, reference in optional if limit is not None))


def _has_position(review: Review) -> bool:
    return bool(review.ledger.held())


def _share(code: str, value: Decimal | None) -> Reference:
    return Reference(code, value, may_be_zero=True)


ACCOUNT_CONTROLS: Final[tuple[Control, ...]] = (
    trading_state,
    reduce_only,
    position_value,
    gross_value,
    net_value,
    leverage,
    daily_loss,
    drawdown,
    position_loss,
    free_margin,
    liquidation_distance,
    open_orders,
    open_orders_of_instrument,
    unknown_orders,
    circuit_breaker,
    fast_move,
)
