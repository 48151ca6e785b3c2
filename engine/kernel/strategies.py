"""Running strategies: closed candles in, intents out, and every stop on the way counted.

A strategy fills its look-back from the candles that are there (the venue's history, then its own)
and decides only on candles that closed after it was started. Each candle is answered once, also
across restarts: the answer is recorded before the order. What a strategy holds is protected by
`engine.kernel.protection`, also when it no longer runs.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.execution.rounding import AskedOrder, Unroundable, rounded
from engine.ingest.candles import CandleSeries, Row
from engine.kernel.account import marks_of
from engine.kernel.cancels import cancel
from engine.kernel.closing import slice_lots
from engine.kernel.covers import Exits, exits_of
from engine.kernel.desk import Closing
from engine.kernel.notices import say
from engine.kernel.protection import protecting
from engine.kernel.recording import record
from engine.kernel.references import reference_now
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.strategy_calls import ConditionText, Failed, decided, explained
from engine.kernel.strategy_orders import reviewed, send
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import (
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    SignalActed,
    StrategyStarted,
    StrategyStopped,
)
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import NS_PER_S, unscaled
from engine.model.orders import ApprovedOrder, OrderIntent, OrderSpec, Side
from engine.strategy.candle import (
    ENTER,
    LEAVE,
    QUOTE,
    REVERSE,
    CandleHost,
    Decision,
    Gap,
    Position,
    hold,
)
from engine.strategy.columns import FloatCandle
from engine.strategy.registry import StrategySpec

GRACE_NS: Final = 1 * NS_PER_S
"""After a candle's end, for trades that are late."""

ROWS_MAX: Final = 500
"""Candles that are made up for at once."""

STAGES: Final = ("candles", "signals", "gate", "sent", "filled")
"""Of the funnel; the last three count the orders that answer a signal, not their protection."""


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
        """Of the candle whose signal was the entry; it fills in the next one."""
        self.conditions: tuple[ConditionText, ...] = ()
        """Why it acts next, or what keeps it from it, as it last said."""
        self.is_explained = False
        """Whether that was after the newest candle and the newest fill."""

    @property
    def length_ns(self) -> int:
        """Length of its candles."""
        return self.timeframe_s * NS_PER_S

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
            (self.started_ns, self.entered_open_ns),
        )


def start(state: KernelState, runner: Runner) -> None:
    """Start a strategy: its look-back comes from the candles that have closed already."""
    runner.started_ns = state.ts_ns
    _remember_entry(state, runner)
    market = state.instruments[runner.instrument_id]
    for row in _closed(market, runner, state.ts_ns):
        _feed(runner, market, row)
    runner.last_stop = f"look-back {runner.host.have}/{runner.host.need}"
    state.desk.runners[runner.owner] = runner


def begin(state: KernelState, runner: Runner, effects: list[Effect]) -> None:
    """Start a strategy that a person asked for; it runs until it is stopped, restarts included."""
    start(state, runner)
    name, key, length_s = runner.spec.name, runner.instrument_id, runner.timeframe_s
    started = StrategyStarted(state.ts_ns, runner.owner, name, key, length_s)
    record(state, effects, started)


def end(state: KernelState, owner: str, reason: str, effects: list[Effect]) -> None:
    """Stop a strategy for good; what would add to its position goes, position and protection stay.

    What fills before the cancel comes is protected all the same.
    """
    state.desk.runners.pop(owner, None)
    for holding in [one for one in state.desk.closings if one[0] == owner]:
        del state.desk.closings[holding]
    record(state, effects, StrategyStopped(state.ts_ns, owner, reason))
    for order in state.desk.ledger.working():
        if order.intent.owner == owner and not order.spec.is_reduce_only:
            cancel(state, order, effects, is_only=True)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Show every candle that has closed to the strategies that wait for it."""
    del envelope, event
    for runner in list(state.desk.runners.values()):
        market = state.instruments[runner.instrument_id]
        for row in _closed(market, runner, state.ts_ns):
            if runner.owner in state.desk.runners:
                _take(state, runner, market, row, effects)
        if runner.owner in state.desk.runners and not runner.is_explained:
            _explain(state, runner, effects)


def on_fill(
    state: KernelState, envelope: Envelope, event: OrderFilled, effects: list[Effect]
) -> None:
    """Count an answer to a signal that is executed; the strategy waits for something else now."""
    del envelope
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is None:
        return
    for other in state.desk.runners.values():  # A close by hand changes their positions too.
        other.is_explained &= other.instrument_id != order.spec.instrument_id
    runner = state.desk.runners.get(order.intent.owner)
    if runner is None:
        return
    if order.intent.signal and order.filled_lots == event.qty_lots:
        runner.counts["filled"] += 1


def on_ended(
    state: KernelState,
    envelope: Envelope,
    event: OrderRejected | OrderCanceled | OrderExpired | OrderUnknown,
    effects: list[Effect],
) -> None:
    """Say why an answer to a signal was not executed, or not whole."""
    del envelope, effects
    order = state.desk.ledger.orders.get(event.client_order_id)
    runner = state.desk.runners.get(order.intent.owner) if order is not None else None
    if order is not None and runner is not None and order.intent.signal:
        purpose = order.intent.tag.partition(" ")[0]
        runner.last_stop = f"{purpose} {order.state}: {event.reason}"


# Candles in.


def _closed(market: InstrumentState, runner: Runner, now_ns: int) -> Sequence[Row]:
    """Return the closed candles that the host has not seen, oldest first."""
    series = market.candles.series[runner.timeframe_s]
    end_ns = now_ns - GRACE_NS - runner.length_ns
    next_ns = runner.host.next_open_ns
    if next_ns is not None and next_ns > end_ns:
        return ()
    rows = series.newest(runner.host.need + 2 if next_ns is None else ROWS_MAX)
    return [
        _completed(series, row)
        for row in rows
        if row[0] <= end_ns and (next_ns is None or row[0] >= next_ns)
    ]


def _completed(series: CandleSeries, row: Row) -> Row:
    """Return a candle that history left unfinished with the trades that were heard since."""
    venue, own = series.venue.get(row[0]), series.own.get(row[0])
    if venue is None or venue.is_closed or own is None or row[0] >= series.first_trade_ns:
        return row
    return (
        row[0],
        venue.open_ticks,
        max(venue.high_ticks, own.high),
        min(venue.low_ticks, own.low),
        own.close,
        venue.volume_lots + own.volume,
        venue.trade_count + own.count,
    )


def _feed(runner: Runner, market: InstrumentState, row: Row) -> Gap | None:
    """Hand a candle to the host; after a gap the look-back begins anew with this very candle."""
    taken = runner.host.update(_floats(market, row))
    if not isinstance(taken, Gap):
        return None
    runner.host = CandleHost(runner.spec.module, runner.spec.params, runner.timeframe_s)
    runner.host.update(_floats(market, row))
    return taken


def _take(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    row: Row,
    effects: list[Effect],
) -> None:
    state.desk.version += 1
    runner.counts["candles"] += 1
    runner.is_explained = False
    gap = _feed(runner, market, row)
    if gap is not None:
        say(state, effects, "warning", runner.owner, f"{gap}: the look-back begins anew")
    if runner.host.have < runner.host.need:
        looked_back = f"look-back {runner.host.have}/{runner.host.need}"
        runner.last_stop = looked_back if gap is None else f"{gap}: {looked_back}"
        return
    signal = f"{runner.timeframe_s}:{row[0]}"
    if row[0] + runner.length_ns <= runner.started_ns:
        runner.last_stop = "the candle closed before the start"
        return
    if state.desk.ledger.has_acted(runner.owner, signal):
        runner.last_stop = "the candle was answered in an earlier run"
        return
    decision = _decided(state, runner, effects)
    if decision.kind not in (ENTER, LEAVE, REVERSE):
        runner.last_stop = "no signal" if decision.kind != QUOTE else "quotes are not traded"
        return
    runner.counts["signals"] += 1
    record(state, effects, SignalActed(state.ts_ns, runner.owner, signal))
    _act(state, runner, market, decision, (signal, effects))


def _decided(state: KernelState, runner: Runner, effects: list[Effect]) -> Decision:
    """Ask a strategy what to do."""
    answer = decided(runner.host, position_of(state, runner))
    if not isinstance(answer, Failed):
        return answer
    _stop_failed(state, runner, answer, effects)
    return hold()


def _explain(state: KernelState, runner: Runner, effects: list[Effect]) -> None:
    """Ask a strategy why it does what it does."""
    runner.is_explained = True
    answer = explained(runner.host, position_of(state, runner))
    if isinstance(answer, Failed):
        _stop_failed(state, runner, answer, effects)
    else:
        runner.conditions = answer


def _stop_failed(state: KernelState, runner: Runner, failed: Failed, effects: list[Effect]) -> None:
    end(state, runner.owner, failed.error, effects)
    told = f"stopped: {failed.told}; its position and protection stay"
    say(state, effects, "error", runner.owner, told)


# Orders out.


def _act(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    decision: Decision,
    answer: tuple[str, list[Effect]],
) -> None:
    """Close first, as far as that is asked for; what cannot be closed is not reversed."""
    if decision.kind in (LEAVE, REVERSE) and not _leave(state, runner, market, *answer):
        return
    if decision.kind in (ENTER, REVERSE):
        _enter(state, runner, market, decision, answer)


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
    exits = Exits(decision.stop_pct, decision.target_pct, decision.stop, decision.target)
    approved = _approved(
        state, runner, market, OrderIntent(spec, runner.owner, signal, exits.tag), effects
    )
    if approved is not None:
        state.desk.closings.pop((runner.owner, runner.instrument_id), None)
        runner.entered_open_ns = _open_ns(signal)
        _send(state, runner, market, approved, effects)


def _leave(
    state: KernelState, runner: Runner, market: InstrumentState, signal: str, effects: list[Effect]
) -> bool:
    """Close the position, in slices where it is large; False if not all of it goes now.

    Its protection stays until nothing is held any more (`cancel_orphans`): the close may not fill.
    What does not only reduce goes with it, though: both of them filled would open another.
    """
    lots = state.desk.ledger.position(runner.owner, runner.instrument_id).lots
    if lots == 0:
        runner.last_stop = "nothing to leave"
        return True
    if not state.desk.is_steady:
        runner.last_stop = "no close can be sent; the protection stays"
        return False
    side: Side = "sell" if lots > 0 else "buy"
    reference = reference_now(state, market, is_reviewed=True)
    size = slice_lots(state.desk, reference, side, abs(lots))
    spec = OrderSpec(runner.instrument_id, side, "market", size, is_reduce_only=True)
    intent = OrderIntent(spec, runner.owner, signal, "leave")
    approved = _approved(state, runner, market, intent, effects)
    if approved is None:
        return False
    for order in protecting(state, runner.owner, runner.instrument_id):
        if not order.spec.is_reduce_only:
            cancel(state, order, effects)
    _send(state, runner, market, approved, effects)
    if size < abs(lots):
        rest = replace(intent, signal="")
        closing = Closing(approved.client_order_id, rest, goal_lots=0, is_long=lots > 0)
        state.desk.closings[runner.owner, runner.instrument_id] = closing
    return size == abs(lots)


def _approved(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    intent: OrderIntent,
    effects: list[Effect],
) -> ApprovedOrder | None:
    """Put the answer to a signal through the gate; a refusal is why it went no further."""
    runner.counts["gate"] += 1
    verdict = reviewed(state, market, intent, effects)
    if not isinstance(verdict, str):
        return verdict
    runner.last_stop = verdict
    return None


def _send(
    state: KernelState,
    runner: Runner,
    market: InstrumentState,
    approved: ApprovedOrder,
    effects: list[Effect],
) -> None:
    send(state, market, approved, effects)
    runner.counts["sent"] += 1
    runner.last_stop = ""


# What a strategy is told of itself, and people of it.


def ready_ns(state: KernelState, runner: Runner) -> int:
    """Return when the look-back is complete if every candle comes; 0 when it is (D20)."""
    missing = runner.host.need - runner.host.have
    if missing <= 0:
        return 0
    begun_ns = state.ts_ns - state.ts_ns % runner.length_ns
    next_ns = runner.host.next_open_ns or begun_ns
    return next_ns + missing * runner.length_ns + GRACE_NS


def position_of(state: KernelState, runner: Runner) -> Position:
    """Return a strategy's own position as it sees it."""
    ledger = state.desk.ledger
    held = ledger.position(runner.owner, runner.instrument_id)
    steps = ledger.steps(runner.instrument_id)
    entry = steps.average_price(held) if steps is not None else None
    side = (held.lots > 0) - (held.lots < 0)
    passed = ((runner.host.next_open_ns or 0) - runner.entered_open_ns) // runner.length_ns
    # The candle of the signal is not counted, nor that in which it was filled.
    candles = max(0, passed - 2) if side else 0
    return Position(side, 0.0 if entry is None else float(entry), candles)


def _remember_entry(state: KernelState, runner: Runner) -> None:
    """Go on with the newest entry that was filled before the start."""
    for order in reversed(state.desk.ledger.orders.values()):
        intent = order.intent
        is_entry = intent.owner == runner.owner and exits_of(intent.tag) is not None
        if is_entry and order.filled_lots:
            runner.entered_open_ns = _open_ns(intent.signal)
            return


def _open_ns(signal: str) -> int:
    """Return the open time of the candle that a signal names."""
    return int(signal.partition(":")[2])


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
