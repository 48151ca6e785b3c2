"""How much of each limit is used: what the risk pane shows, and nothing that decides."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext

import msgspec

from engine.execution.account_controls import losses_of, position_loss_of
from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits, overridden
from engine.execution.market_reference import MarketReference
from engine.execution.review import (
    EXACT,
    Exposure,
    Sums,
    exposures_of,
    lot_value,
    marks_of,
    sums_of,
)
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S


class LimitUse(msgspec.Struct, frozen=True):
    """How much of a limit is used; None is unknown, and then the control is off or denies."""

    name: str
    use: Decimal | None
    limit: Decimal | None
    share: Decimal | None
    is_off: bool
    """By the risk file, or because its reference is missing."""


def utilisation(
    ledger: Ledger,
    markets: Mapping[InstrumentId, MarketReference],
    limits: RiskLimits,
    now_ns: int,
) -> tuple[LimitUse, ...]:
    """Return how much of each limit is used, for the risk pane."""
    limits = overridden(limits, ledger.limit_overrides)
    with localcontext(EXACT):
        equity = ledger.equity(marks_of(markets))
        exposures = exposures_of(ledger, markets)
        sums = None if equity is None else sums_of(exposures, markets)
        return (
            *_uses_of_exposure(limits, equity, sums, _largest(exposures, markets)),
            *_uses_of_losses(ledger, markets, limits, now_ns),
            *_uses_of_orders(ledger, limits, now_ns),
        )


def _largest(
    exposures: Mapping[InstrumentId, Exposure], markets: Mapping[InstrumentId, MarketReference]
) -> Decimal | None:
    """Return the value of the largest exposure; None where one cannot be valued."""
    largest = Decimal(0)
    for instrument_id, exposure in exposures.items():
        lot = lot_value(markets.get(instrument_id))
        if lot is None and exposure.largest:
            return None
        largest = max(largest, exposure.largest * (lot or Decimal(0)))
    return largest


def _uses_of_exposure(
    limits: RiskLimits, equity: Decimal | None, sums: Sums | None, largest: Decimal | None
) -> Iterable[LimitUse]:
    yield _use("position_value_max", largest, limits.position_value_max)
    gross = net = leverage = None
    if sums is not None and equity is not None:
        gross, net = sums.gross, max(sums.longest, -sums.shortest, Decimal(0))
        leverage = gross / equity if equity > 0 else None
    yield _use("gross_value_max", gross, limits.gross_value_max)
    yield _use("net_value_max", net, limits.net_value_max)
    yield _use("leverage_max", leverage, limits.leverage_max)


def _uses_of_losses(
    ledger: Ledger,
    markets: Mapping[InstrumentId, MarketReference],
    limits: RiskLimits,
    now_ns: int,
) -> Iterable[LimitUse]:
    marks = marks_of(markets)
    equity = ledger.equity(marks)
    known = {loss.code: loss for loss in losses_of(ledger, equity, limits, now_ns)}
    for instrument_id, mark in marks.items():
        loss = position_loss_of(ledger, instrument_id, mark, equity, limits)
        if loss is not None and (loss.code not in known or loss.use > known[loss.code].use):
            known[loss.code] = loss
    for code in ("daily_loss_share_max", "drawdown_share_max", "position_loss_share_max"):
        if code in known:
            yield _use(code, max(known[code].use, Decimal(0)), known[code].limit)
        else:
            yield _use(code, None, None)


def _uses_of_orders(ledger: Ledger, limits: RiskLimits, now_ns: int) -> Iterable[LimitUse]:
    working = ledger.working()
    open_by_id: dict[InstrumentId, int] = {}
    unknown_by_id: dict[InstrumentId, int] = {}
    for order in working:
        name = order.spec.instrument_id
        open_by_id[name] = open_by_id.get(name, 0) + 1
        unknown_by_id[name] = unknown_by_id.get(name, 0) + (order.state == "unknown")
    most_open = max(open_by_id.values(), default=0)
    most_unknown = max(unknown_by_id.values(), default=0)
    last_s = len(ledger.recent_intents(now_ns - NS_PER_S + 1))
    last_10min = len(ledger.recent_intents(now_ns - 600 * NS_PER_S + 1))
    for code, use in (
        ("orders_per_s_max", last_s),
        ("orders_per_10min_max", last_10min),
        ("open_orders_max", len(working)),
        ("open_orders_per_instrument_max", most_open),
        ("unknown_orders_per_instrument_max", most_unknown),
    ):
        yield _use(code, Decimal(use), Decimal(getattr(limits, code)))


def _use(name: str, use: Decimal | None, limit: Decimal | None) -> LimitUse:
    if use is None or limit is None:
        return LimitUse(name, use, limit, None, is_off=True)
    return LimitUse(name, use, limit, use / limit if limit > 0 else None, is_off=False)
