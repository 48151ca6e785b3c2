"""Running strategies: closed candles in, intents out, and every stop on the way counted.

A strategy fills its look-back from the candles that are there (the venue's history, then its own)
and decides only on candles that closed after it was started. Each candle is answered once, also
across restarts: the answer is recorded before the order.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

from engine.execution.risk import RiskRefused
from engine.execution.rounding import AskedOrder, Unroundable, rounded, trigger_ticks_of
from engine.ingest.candles import Row
from engine.kernel.account import marks_of
from engine.kernel.desk import moment_of
from engine.kernel.freshness import book_freshness
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_of
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect, PlaceOrder, SendCancel
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import (
    CancelRequested,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    SignalActed,
)
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import NS_PER_S, unscaled
from engine.model.orders import OrderIntent, OrderSpec, Side
from engine.strategy.candle import ENTER, LEAVE, REVERSE, CandleHost, Decision, Gap, Position
from engine.strategy.columns import FloatCandle
from engine.strategy.registry import StrategySpec

GRACE_NS: Final = 1 * NS_PER_S
"""After a candle's end, for trades that are late."""

STAGES: Final = ("candles", "signals", "gate", "sent", "filled")


class Runner:
    """One strategy on one instrument."""

    def __init__(self, spec: StrategySpec, instrument_id: InstrumentId, timeframe_s: int) -> None:
        self.spec = spec
        self.instrument_id = instrument_id
        self.timeframe_s = timeframe_s
        self.host = CandleHost(spec.module, spec.params, timeframe_s)
        self.counts = dict.fromkeys(STAGES, 0)
        self.last_stop = ""
        self.started_ns = 0
        self.entered_open_ns = 0
        self.stop_pct = 0.0
        self.target_pct = 0.0

    @property
    def owner(self) -> str:
        """Owner of its orders and of its virtual position."""
        return f"{self.spec.name}@{symbol_of(self.instrument_id)}"

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        return (
            self.owner,
            self.timeframe_s,
            self.host.state(),
            list(self.counts.items()),
            (self.started_ns, self.entered_open_ns, self.stop_pct, self.target_pct),
        )


def start(state: KernelState, runner: Runner) -> None:
    """Start a strategy: its look-back comes from the candles that have closed already."""
    runner.started_ns = state.ts_ns
    market = state.instruments[runner.instrument_id]
    for row in _closed(market, runner, state.ts_ns):
        runner.host.update(_floats(market, row))
    state.desk.runners[runner.owner] = runner


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Show every candle that has closed to the strategies that wait for it."""
    del envelope, event
    for runner in state.desk.runners.values():
        market = state.instruments.get(runner.instrument_id)
        if market is None:
            continue
        for row in _closed(market, runner, state.ts_ns):
            _take(state, runner, market, row, effects)


def on_fill(
    state: KernelState, envelope: Envelope, event: OrderFilled, effects: list[Effect]
) -> None:
    """Protect a position that a strategy has entered; a closed one needs no protection."""
    del envelope
    order = state.desk.ledger.orders.get(event.client_order_id)
    runner = state.desk.runners.get(order.intent.owner) if order is not None else None
    if order is None or runner is None:
        return
    runner.counts["filled"] += 1
    lots = state.desk.ledger.position(runner.owner, runner.instrument_id).lots
    if lots == 0:
        _cancel_protection(state, runner, effects)
    elif order.is_final and not order.spec.is_reduce_only:
        _protect(state, runner, lots, effects)


def _closed(market: InstrumentState, runner: Runner, now_ns: int) -> Iterable[Row]:
    """Return the closed candles that the host has not seen, oldest first."""
    series = market.candles.series[runner.timeframe_s]
    end_ns = now_ns - GRACE_NS - runner.timeframe_s * NS_PER_S
    next_ns = runner.host.next_open_ns
    if next_ns is not None and next_ns > end_ns:
        return ()
    rows = series.newest(runner.host.need + 2 if next_ns is None else 500)
    return [row for row in rows if row[0] <= end_ns and (next_ns is None or row[0] >= next_ns)]


def _take(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    row: Row,
    effects: list[Effect],
) -> None:
    state.desk.version += 1
    runner.counts["candles"] += 1
    taken = runner.host.update(_floats(market, row))
    if isinstance(taken, Gap):
        runner.last_stop = str(taken)
        runner.host = CandleHost(runner.spec.module, runner.spec.params, runner.timeframe_s)
        return
    if taken is None or runner.host.have < runner.host.need:
        runner.last_stop = f"look-back {runner.host.have}/{runner.host.need}"
        return
    signal = f"{runner.timeframe_s}:{row[0]}"
    if row[0] + runner.timeframe_s * NS_PER_S <= runner.started_ns:
        runner.last_stop = "the candle closed before the start"
        return
    if state.desk.ledger.has_acted(runner.owner, signal):
        runner.last_stop = "the candle was answered in an earlier run"
        return
    _act(state, runner, market, signal, effects)


def _act(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    signal: str,
    effects: list[Effect],
) -> None:
    position = position_of(state, runner)
    decision = runner.host.decide(position)
    if decision.kind not in (ENTER, LEAVE, REVERSE):
        runner.last_stop = "no signal"
        return
    runner.counts["signals"] += 1
    record(state, effects, SignalActed(state.ts_ns, runner.owner, signal))
    if decision.kind in (LEAVE, REVERSE):
        _cancel_protection(state, runner, effects)
        _leave(state, runner, market, signal, effects)
    if decision.kind in (ENTER, REVERSE):
        runner.stop_pct, runner.target_pct = decision.stop_pct, decision.target_pct
        runner.entered_open_ns = int(signal.partition(":")[2])
        _enter(state, runner, market, decision, (signal, effects))


def _enter(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    decision: Decision,
    answer: tuple[str, list[Effect]],
) -> None:
    signal, effects = answer
    equity = state.desk.ledger.equity(marks_of(state))
    last = market.last_ticks
    if equity is None or not last:
        runner.last_stop = "equity or price is unknown"
        return
    price = Decimal(last).scaleb(-market.price_decimals)
    size = Decimal(str(decision.size)) * equity / price
    side: Side = "buy" if decision.side > 0 else "sell"
    spec = rounded(AskedOrder(side, "market", size), market.instrument)
    if isinstance(spec, Unroundable):
        runner.last_stop = spec.sentence
        return
    _send(state, runner, market, OrderIntent(spec, runner.owner, signal, "enter"), effects)


def _leave(
    state: KernelState, runner: Runner, market: InstrumentState, signal: str, effects: list[Effect]
) -> None:
    lots = state.desk.ledger.position(runner.owner, runner.instrument_id).lots
    if lots == 0:
        return
    spec = OrderSpec(
        runner.instrument_id,
        "sell" if lots > 0 else "buy",
        "market",
        abs(lots),  # type: ignore[arg-type]  # lots of the ledger are lots
        is_reduce_only=True,
    )
    _send(state, runner, market, OrderIntent(spec, runner.owner, signal, "leave"), effects)


def _protect(state: KernelState, runner: Runner, lots: int, effects: list[Effect]) -> None:
    market = state.instruments[runner.instrument_id]
    ledger = state.desk.ledger
    steps = ledger.steps(runner.instrument_id)
    held = ledger.position(runner.owner, runner.instrument_id)
    entry = steps.average_price(held) if steps is not None else None
    if entry is None:
        return
    side: Side = "sell" if lots > 0 else "buy"
    sign = 1 if lots > 0 else -1
    wanted: tuple[tuple[Literal["stop", "take_profit"], float], ...] = (
        ("stop", -runner.stop_pct),
        ("take_profit", runner.target_pct),
    )
    for kind, percent in wanted:
        if not percent:
            continue
        trigger = entry * (1 + sign * Decimal(str(percent)) / 100)
        ticks = trigger_ticks_of(trigger, side, kind, market.instrument)
        if isinstance(ticks, Unroundable):
            runner.last_stop = ticks.sentence
            continue
        spec = OrderSpec(
            runner.instrument_id,
            side,
            kind,
            abs(lots),  # type: ignore[arg-type]  # lots of the ledger are lots
            trigger_ticks=ticks,
            is_reduce_only=True,
        )
        intent = OrderIntent(spec, runner.owner, tag=kind, is_protective=True)
        _send(state, runner, market, intent, effects)


def _cancel_protection(state: KernelState, runner: Runner, effects: list[Effect]) -> None:
    for order in state.desk.ledger.working(runner.instrument_id):
        is_own = order.intent.owner == runner.owner and order.intent.is_protective
        if is_own and order.state != "pending_cancel":
            record(state, effects, CancelRequested(state.ts_ns, order.client_order_id))
            effects.append(SendCancel(order.client_order_id))


def _send(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    intent: OrderIntent,
    effects: list[Effect],
) -> None:
    desk = state.desk
    runner.counts["gate"] += 1
    reference = reference_of(market, book_freshness(state, market, state.ts_ns))
    moment = moment_of(desk, {runner.instrument_id: reference}, state.ts_ns)
    verdict = desk.gate.review(intent, reference, desk.ledger, desk.limits, moment)
    if isinstance(verdict, RiskRefused):
        reasons = tuple(reason.sentence for reason in verdict.reasons)
        record(state, effects, OrderDenied(state.ts_ns, intent, reasons))
        step_down(state, effects, verdict.advice)
        runner.last_stop = reasons[0]
        say(state, effects, "warning", runner.owner, f"refused: {'; '.join(reasons)}")
        return
    intended = OrderIntended(
        state.ts_ns, verdict.client_order_id, verdict.intent, market.book.last_seq
    )
    record(state, effects, intended)
    effects.append(PlaceOrder(verdict))
    runner.counts["sent"] += 1
    runner.last_stop = ""


def position_of(state: KernelState, runner: Runner) -> Position:
    """Return a strategy's own position as it sees it."""
    ledger = state.desk.ledger
    held = ledger.position(runner.owner, runner.instrument_id)
    steps = ledger.steps(runner.instrument_id)
    entry = steps.average_price(held) if steps is not None else None
    side = (held.lots > 0) - (held.lots < 0)
    passed_ns = (runner.host.next_open_ns or 0) - runner.entered_open_ns
    candles = passed_ns // (runner.timeframe_s * NS_PER_S) if side else 0
    return Position(side, 0.0 if entry is None else float(entry), candles)


def _floats(market: InstrumentState, row: Row) -> FloatCandle:
    open_ns, opened, high, low, closed, volume, _ = row
    decimals = market.price_decimals
    return FloatCandle(
        open_ns,
        unscaled(opened, decimals),
        unscaled(high, decimals),
        unscaled(low, decimals),
        unscaled(closed, decimals),
        unscaled(volume, market.qty_decimals),
    )
