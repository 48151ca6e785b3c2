"""Pictures of the desk: positions, orders, limits."""

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Final

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.registry import kind_of
from engine.execution.risk import switched_off
from engine.kernel import killing
from engine.kernel.account import marks_of
from engine.kernel.alarms import alarms, stopped_lots
from engine.kernel.desk import moment_of
from engine.kernel.evidence import troubles
from engine.kernel.parents import active
from engine.kernel.planned_order import margin_of
from engine.kernel.references import reference_now
from engine.kernel.release import limit_uses
from engine.kernel.state import KernelState
from engine.kernel.strategies import Runner, ready_ns
from engine.model.facts import OrderFilled
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.orders import UNJOURNALLED, OrderSpec, OrderState
from engine.model.view import (
    FillRow,
    LimitRow,
    OrderRow,
    OrdersView,
    ParentRow,
    PositionRow,
    PositionsView,
    RiskView,
    StrategyRow,
)

ENDED_ROWS_MAX: Final = 50
FILL_ROWS_MAX: Final = 50

PART_BELOW: Final = 10
"""Parts in smaller ones than a ninth are told in per cent."""

WORDS: Final[dict[OrderState, str]] = {
    "intent": "sending",
    "sent": "sending",
    "partial": "part",
    "pending_cancel": "cancelling",
    "pending_replace": "replacing",
}
"""What the screen calls a state; the others by their name."""


def short_id(order: OrderRecord) -> str:
    """Return the name by which people speak of an order."""
    return f"o{order.number + 1}"


def positions_view(state: KernelState) -> PositionsView:
    """Return the open positions by owner, and the account."""
    ledger = state.desk.ledger
    marks = marks_of(state)
    equity = ledger.equity(marks)
    start = ledger.day_start_equity(state.ts_ns)
    rows = [
        row
        for instrument_id in _of_interest(state)
        for owner in ledger.owners(instrument_id)
        if (row := _position_row(state, owner, instrument_id, marks)) is not None
    ]
    return PositionsView(
        rows=tuple(rows),
        currency=ledger.currency,
        equity=None if equity is None else _money(equity),
        day_profit=None if equity is None or start is None else _money(equity - start),
        realised=_money(ledger.settled_realised),
        fees=_money(-ledger.settled_fees),
        other_fees=tuple(f"{-paid:f} {name}" for name, paid in sorted(ledger.other_fees.items())),
        funding=_money(-ledger.settled_funding),
    )


def orders_view(state: KernelState) -> OrdersView:
    """Return working orders, ended ones, and fills."""
    ledger = state.desk.ledger
    marks = marks_of(state)
    ended = (order for order in reversed(ledger.orders.values()) if order.is_final)
    return OrdersView(
        working=tuple(_order_row(state, order, marks) for order in ledger.working()),
        ended=tuple(_order_row(state, order, {}) for order in islice(ended, ENDED_ROWS_MAX)),
        fills=tuple(
            row
            for fill in islice(reversed(state.desk.fills), FILL_ROWS_MAX)
            if (row := _fill_row(ledger, fill)) is not None
        ),
        parents=tuple(_parent_row(ledger, one) for one in active(state)),
    )


def risk_view(
    state: KernelState, *, is_latched: bool, is_persisted: bool, is_journal_ok: bool
) -> RiskView:
    """Return trading state, arm, kill report and limits in use."""
    desk = state.desk
    uses = limit_uses(state)
    fact = desk.ledger.state_facts.get("all")
    return RiskView(
        trading_state=desk.trading_state,
        trading_reason=fact.reason if fact is not None and desk.trading_state != "active" else "",
        armed_until_ns=desk.armed_until_ns if desk.is_armed(state.ts_ns) else None,
        is_latched=is_latched,
        kill_report=_kill_report(state),
        is_persisted=is_persisted,
        is_journal_ok=is_journal_ok,
        alarms=(*alarms(state), *troubles(state)),
        limits=tuple(
            LimitRow(
                use.name,
                "" if use.use is None else f"{use.use:f}",
                "" if use.limit is None else f"{use.limit:f}",
                None if use.is_off or use.share is None else float(use.share),
                "off" if use.is_off else "",
            )
            for use in uses
        )
        + _without_reference(state, {use.name for use in uses})
        + _without_rate(state),
        strategies=tuple(_strategy_row(state, runner) for runner in desk.runners.values()),
    )


def _without_reference(state: KernelState, shown: Container[str]) -> tuple[LimitRow, ...]:
    """Return the other limits that are not applied somewhere because nothing is known there."""
    desk = state.desk
    off: dict[str, list[str]] = {}
    for key, market in state.instruments.items():
        reference = reference_now(state, market, is_reviewed=True)
        moment = moment_of(desk, {key: reference}, state.ts_ns)
        for code in switched_off(reference, desk.ledger, desk.limits, moment):
            if code not in shown:
                off.setdefault(code, []).append(symbol_of(key))
    return tuple(
        LimitRow(code, "", "", None, f"nothing to judge by yet for {', '.join(names)}")
        for code, names in off.items()
    )


def _without_rate(state: KernelState) -> tuple[LimitRow, ...]:
    """Return the fees by which no loss is judged: nobody says what their currency is worth."""
    return tuple(
        LimitRow(f"{name} fees", "", "", None, f"{paid:f} {name} count in no loss: no rate of it")
        for name, paid in sorted(state.desk.ledger.other_fees.items())
        if paid
    )


def _strategy_row(state: KernelState, runner: Runner) -> StrategyRow:
    return StrategyRow(
        name=runner.owner,
        instrument_id=runner.instrument_id,
        timeframe_s=runner.timeframe_s,
        state=state.desk.ledger.trading_state(runner.instrument_id, runner.owner),
        have=runner.host.have,
        need=runner.host.need,
        conditions=runner.conditions,
        funnel=tuple(runner.counts.items()),
        last_stop=runner.last_stop,
        ready_ns=ready_ns(state, runner),
    )


def _kill_report(state: KernelState) -> tuple[str, ...]:
    desk = state.desk
    if desk.trading_state != "killed":
        return ()
    working = desk.ledger.working()
    left = [order for order in working if not desk.spares(order)]
    kept = len(working) - len(left)
    asked = desk.kill.asked if desk.kill is not None else ()
    listed = [order for key in asked if (order := desk.ledger.orders.get(key)) is not None]
    states = [order.state for order in listed]
    gone = states.count("canceled")
    is_verified = killing.is_verified(state)
    verdict = "VERIFIED" if is_verified else "NOT VERIFIED"
    lines = [f"{desk.setup.venue}: cancelled {gone}/{len(asked)}, {verdict}"]
    if problem := killing.problem(state):
        lines.append(problem)
    if "filled" in states:
        lines.append(f"{states.count('filled')} filled before the cancel came")
    partly = [order for order in listed if 0 < order.filled_lots < order.size_lots]
    if partly:
        told = ", ".join(_filled_part(desk.ledger, order) for order in partly)
        lines.append(f"filled in part: {told}")
    if left:
        word = "no word yet of" if is_verified else "still working"
        lines.append(f"{word}: " + ", ".join(short_id(order) for order in left))
    if kept:
        lines.append(f"{kept} protective orders stay")
    lines.append("positions: " + (", ".join(_positions_left(state)) or "none"))
    return (*lines, *alarms(state))


def _filled_part(ledger: Ledger, order: OrderRecord) -> str:
    """Tell how much of an order was filled, before and during a kill."""
    steps = ledger.steps(order.spec.instrument_id)
    lot = Decimal(1) if steps is None else steps.lot_size
    filled, size = order.filled_lots * lot, order.spec.qty_lots * lot
    return f"{short_id(order)} {filled:f} of {size:f} {symbol_of(order.spec.instrument_id)}"


def _positions_left(state: KernelState) -> Iterator[str]:
    """Tell what is held, and how far from the price at which the venue closes it, if it tells."""
    desk, marks = state.desk, marks_of(state)
    ends = desk.venue_side.margin.liquidation_prices or {}
    for key in desk.ledger.held():
        steps = desk.ledger.steps(key)
        lot = Decimal(1) if steps is None else steps.lot_size
        text = f"{symbol_of(key)} {desk.ledger.net_lots(key) * lot:+f}"
        mark, end = marks.get(key), ends.get(key)
        yield f"{text}, liquidation {abs(end / mark - 1):.1%} away" if mark and end else text


def _position_row(
    state: KernelState,
    owner: str,
    instrument_id: InstrumentId,
    marks: Mapping[InstrumentId, Decimal],
) -> PositionRow | None:
    desk, ledger = state.desk, state.desk.ledger
    position = ledger.position(owner, instrument_id)
    steps = ledger.steps(instrument_id)
    if not position.lots or steps is None:
        return None
    mark = marks.get(instrument_id)
    entry = steps.average_price(position)
    size = abs(position.lots) * steps.lot_size
    bound = None if entry is None or desk.setup.is_live else margin_of(desk, size * entry)
    stopped = stopped_lots(state, (owner, instrument_id))
    return PositionRow(
        instrument_id=instrument_id,
        name=symbol_of(instrument_id),
        owner=owner,
        side="long" if position.lots > 0 else "short",
        size=f"{size:f}",
        entry="" if entry is None else f"{entry.quantize(steps.tick_size):f}",
        mark=None if mark is None else f"{mark:f}",
        open_profit=None if mark is None else _money(steps.open_profit(position, mark)),
        realised=_money(steps.realised(position)),
        is_protected=stopped >= abs(position.lots),
        value=None if mark is None else _money(size * mark),
        margin=None if bound is None else _money(bound),
        stopped_part=_part(stopped, abs(position.lots)),
    )


def _part(stopped: int, lots: int) -> str:
    """Return for which part of a position a stop stands; never more than does."""
    if not 0 < stopped < lots:
        return ""
    share = Fraction(stopped, lots)
    is_short = share.denominator < PART_BELOW
    return f"{share}" if is_short else f"{max(1, int(share * 100))}%"


def _of_interest(state: KernelState) -> list[InstrumentId]:
    """Return what is watched, and what is held all the same."""
    return list(dict.fromkeys((*state.instruments, *state.desk.ledger.held())))


def _order_row(
    state: KernelState, order: OrderRecord, marks: Mapping[InstrumentId, Decimal]
) -> OrderRow:
    spec = order.spec
    market = state.instruments.get(spec.instrument_id)
    steps = state.desk.ledger.steps(spec.instrument_id)
    tick = steps.tick_size if steps else Decimal(0)
    lot = steps.lot_size if steps else Decimal(0)
    notes = [UNJOURNALLED] if order.intent.tag.endswith(UNJOURNALLED) else []
    notes += [order.reason] if order.reason else []
    flags = [] if spec.tif == "gtc" else [spec.tif.upper()]
    flags += ["PO"] if spec.is_post_only else []
    flags += ["RO"] if spec.is_reduce_only else []
    bracket = order.intent.bracket
    flags += ["TP"] if bracket is not None and bracket.target_ticks is not None else []
    flags += ["SL"] if bracket is not None and bracket.stop_ticks is not None else []
    flags += ["TR"] if bracket is not None and bracket.trail is not None else []
    flags += [order.intent.family] if order.intent.family else []
    return OrderRow(
        client_order_id=order.client_order_id,
        short_id=short_id(order),
        instrument_id=spec.instrument_id,
        name=symbol_of(spec.instrument_id),
        owner=order.intent.owner,
        side=spec.side,
        type=spec.type,
        size=f"{spec.qty_lots * lot:f}",
        filled=f"{order.filled_lots * lot:f}",
        price="" if spec.limit_ticks is None else f"{spec.limit_ticks * tick:f}",
        trigger="" if spec.trigger_ticks is None else f"{spec.trigger_ticks * tick:f}",
        price_units=None
        if spec.limit_ticks is None or market is None
        else spec.limit_ticks * market.tick_ticks,
        flags=" ".join(flags),
        state=WORDS.get(order.state, order.state),
        reason=": ".join(notes),
        created_ns=order.created_ns,
        tag=order.intent.tag,
        distance_bps=_distance_bps(spec, tick, marks.get(spec.instrument_id)),
    )


def _distance_bps(spec: OrderSpec, tick: Decimal, mark: Decimal | None) -> float | None:
    ticks = spec.trigger_ticks or spec.limit_ticks
    if not mark or ticks is None:
        return None
    return float((ticks * tick / mark - 1) * 10_000)


def _parent_row(ledger: Ledger, parent: ParentRecord) -> ParentRow:
    spec, steps = parent.spec, ledger.steps(parent.spec.instrument_id)
    tick, lot = (steps.tick_size, steps.lot_size) if steps else (Decimal(0), Decimal(0))
    kind = kind_of(spec)
    words, next_ns = kind.progress(spec, parent)
    average = Decimal(parent.filled_value) / parent.filled_lots if parent.filled_lots else None
    return ParentRow(
        parent_id=parent.parent_id,
        kind=kind.word,
        instrument_id=spec.instrument_id,
        name=symbol_of(spec.instrument_id),
        side=spec.side,
        size=f"{spec.qty_lots * lot:f}",
        filled=f"{parent.filled_lots * lot:f}",
        share=min(1.0, parent.filled_lots / spec.qty_lots),
        average="" if average is None else f"{(average * tick).quantize(tick):f}",
        progress=words,
        state="running" if parent.state == "running" else "paused",
        reason=parent.reason,
        next_ns=next_ns if parent.state == "running" else None,
    )


def _fill_row(ledger: Ledger, fill: OrderFilled) -> FillRow | None:
    order = ledger.orders.get(fill.client_order_id)
    steps = ledger.steps(order.spec.instrument_id) if order is not None else None
    if order is None or steps is None:
        return None
    return FillRow(
        ts_ns=fill.ts_ns,
        short_id=short_id(order),
        name=symbol_of(order.spec.instrument_id),
        owner=order.intent.owner,
        side=order.spec.side,
        size=f"{fill.qty_lots * steps.lot_size:f}",
        price=f"{steps.fill_price(fill):f}",
        liquidity=fill.liquidity,
        fee=f"{fill.fee:f}",
    )


def _money(amount: Decimal) -> str:
    return f"{amount:z.2f}"
