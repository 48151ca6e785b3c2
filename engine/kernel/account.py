"""Handlers of the account: what the ledger must know before anything is traded, and its day."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from engine.execution.positions import Steps
from engine.execution.review import mark_ticks
from engine.execution.risk import TradingStateAdvice, advise
from engine.kernel import killing
from engine.kernel.cancels import ask, cancel
from engine.kernel.desk import moment_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_now
from engine.kernel.report_window import report_since_ns
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.kernel.venue_clock import ahead_ns
from engine.model.effects import Effect
from engine.model.envelope import (
    Envelope,
    RunStarted,
    StorageDegraded,
    StorageRestored,
    TimerFired,
)
from engine.model.facts import (
    AccountOpened,
    EquityMarked,
    InstrumentKnown,
    RunBegan,
)
from engine.model.instrument import Instrument, InstrumentId, symbol_of
from engine.model.market import InstrumentUpdated
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL

UNVALUED_NS: Final = 15 * NS_PER_S
"""The account's worth may be unknown for so long; then trading only reduces."""

PEAK_STEP: Final = Decimal("1.001")
"""A new peak is marked when it is higher by a thousandth, not at every tick."""


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Begin the run in the ledger; on paper the first one opens the account.

    Where orders leave the program, the venue's first report opens it.
    """
    del envelope
    desk = state.desk
    _remember_kill(state)
    record(state, effects, _began(state, event))
    if desk.setup.is_live:
        told = f"live with cockpit {event.version}, risk file {desk.limits.file_hash[:12]}"
        say(state, effects, "info", "risk", told)
    if not desk.ledger.currency and desk.setup.rules is None:
        setup = desk.setup
        opened = AccountOpened(state.ts_ns, setup.currency, setup.paper_equity)
        record(state, effects, opened)


def _began(state: KernelState, event: RunStarted) -> RunBegan:
    desk = state.desk
    boot, limits_hash = desk.ledger.boot + 1, desk.limits.file_hash
    return RunBegan(state.ts_ns, event.run_id, event.version, boot, limits_hash)


def _remember_kill(state: KernelState) -> None:
    """Go on with the report of a kill of an earlier run: what changed since it was asked to go."""
    desk = state.desk
    fact = desk.ledger.state_facts.get("all")
    if fact is None or fact.state != "killed":
        return
    since = [one for one in desk.ledger.orders.values() if one.updated_ns >= fact.ts_ns]
    asked = [one.client_order_id for one in since if not one.intent.is_protective]
    desk.note_kill(fact.ts_ns, fact.reason, asked)


def on_instrument(
    state: KernelState, envelope: Envelope, event: InstrumentUpdated, effects: list[Effect]
) -> None:
    """Tell the ledger in which steps an instrument is counted."""
    del envelope
    key = event.instrument.instrument_id
    if _learn_steps(state, event.instrument, effects):
        return
    orders = len(state.desk.ledger.working(key))
    told = f"{symbol_of(key)} has other steps: {orders} orders in the old ones are canceled, and"
    say(state, effects, "warning", "risk", f"{told} no new one leaves before it is settled")


def _learn_steps(state: KernelState, instrument: Instrument, effects: list[Effect]) -> bool:
    """Tell the ledger new steps, once no order works in the old ones; whether it knows them.

    The gate refuses orders in an instrument as long as the ledger counts it otherwise.
    """
    key, ledger = instrument.instrument_id, state.desk.ledger
    tick, lot, steps = instrument.tick_size, instrument.lot_size, ledger.steps(key)
    if tick is None or lot is None:
        return True
    if steps is not None and (steps.tick_size, steps.lot_size) == (tick, lot):
        return True
    known = InstrumentKnown(state.ts_ns, key, tick, lot, instrument.quote)
    if steps is not None and _may_meet_old_fills(state, key, steps, Steps(tick, lot, "")):
        return False
    for order in ledger.working(key):
        if order.intent.owner != EXTERNAL:
            cancel(state, order, effects)
    if ledger.working(key) or ledger.steps_problem(known):
        return False
    record(state, effects, known)
    _forget_counted(state, key, effects)
    return True


def _forget_counted(state: KernelState, key: InstrumentId, effects: list[Effect]) -> None:
    """Let go of what was counted in steps that hold no more: the rest of a close, a difference."""
    desk = state.desk
    for holding in [one for one in desk.closings if one[1] == key]:
        del desk.closings[holding]
        text = f"the close of {symbol_of(key)} stops: its steps changed"
        say(state, effects, "warning", "close", text)
    if desk.venue_side.mismatches.pop(key, None) is not None:
        desk.venue_side.agreed_ns = None
        desk.venue_side.ask_by(state.ts_ns)


def _may_meet_old_fills(state: KernelState, key: InstrumentId, old: Steps, new: Steps) -> bool:
    """Whether the next report may still bring fills between two of the new steps.

    It could not be read, then, nor could any after it. Until then what works stays, and protects.
    """
    side, rules = state.desk.venue_side, state.desk.setup.rules
    is_finer = old.price_in(new, 1).denominator == old.lots_in(new, 1).denominator == 1
    if rules is None or is_finer:
        return False
    newest_ns = max(side.filled_ns.get(key, 0), side.began_ns)
    return report_since_ns(state, rules) <= newest_ns + ahead_ns(state)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Mark the equity at the first chance of a run and of a day, and at a peak; step down."""
    del envelope, event
    desk = state.desk
    for market in state.instruments.values():
        _learn_steps(state, market.instrument, effects)
    if not desk.ledger.currency:  # Nothing can be lost before the account is open.
        return
    marks = marks_of(state)
    equity = desk.ledger.equity(marks)
    _judge_worth(state, effects, equity, marks)
    if equity is not None and _is_worth_marking(state, equity):
        record(state, effects, EquityMarked(state.ts_ns, equity))
    held = [key for key in state.instruments if desk.ledger.net_lots(key)]
    markets = {key: reference_now(state, state.instruments[key]) for key in held}
    moment = moment_of(desk, markets, state.ts_ns)
    was = desk.trading_state
    step_down(state, effects, advise(desk.ledger, desk.limits, moment))
    if was != desk.trading_state == "killed":
        _sweep(state, effects, desk.ledger.state_facts["all"].reason)


def _judge_worth(
    state: KernelState,
    effects: list[Effect],
    equity: Decimal | None,
    marks: Mapping[InstrumentId, Decimal],
) -> None:
    """While the worth is unknown no loss can be seen: no new risk, and after a while a step down.

    A person resumes; prices that come back lift no step (R55).
    """
    desk = state.desk
    if equity is not None:
        if desk.worth_fault:
            say(state, effects, "info", "risk", "the account's worth is known again")
        desk.unvalued_ns, desk.worth_fault = None, ""
        return
    unpriced = [symbol_of(key) for key in desk.ledger.held() if key not in marks]
    why = f"no price of {', '.join(unpriced)} can be relied on" if unpriced else "no rate"
    fault = f"the account's worth is unknown: {why}"
    if desk.unvalued_ns is None:
        desk.unvalued_ns = state.ts_ns
        say(state, effects, "warning", "risk", f"{fault}; no order that adds risk leaves")
    desk.worth_fault = fault
    if state.ts_ns - desk.unvalued_ns >= UNVALUED_NS:
        step_down(state, effects, [TradingStateAdvice("all", "reduce_only", fault)])


def _sweep(state: KernelState, effects: list[Effect], reason: str) -> None:
    """Cancel all that does not protect an open position, as a kill by hand does."""
    desk = state.desk
    asked = [one.client_order_id for one in desk.ledger.working() if not desk.protects(one)]
    desk.note_kill(state.ts_ns, reason, asked)
    killing.begin(state, effects)
    for client_order_id in asked:
        ask(state, client_order_id, effects)


def _is_worth_marking(state: KernelState, equity: Decimal) -> bool:
    """Whether a mark is due; none is while what we count may not be what the venue has."""
    ledger = state.desk.ledger
    if state.desk.setup.rules is not None and state.desk.venue_side.agreed_ns is None:
        return False
    if ledger.day_start_equity(state.ts_ns) is None or ledger.session_start_equity is None:
        return True
    return ledger.peak_equity is not None and equity > ledger.peak_equity * PEAK_STEP


def on_storage(
    state: KernelState,
    envelope: Envelope,
    event: StorageDegraded | StorageRestored,
    effects: list[Effect],
) -> None:
    """Refuse new risk while the journal cannot be written."""
    del envelope
    if isinstance(event, StorageDegraded):
        state.desk.is_journal_ok = False
        text = f"{event.reason}: no order that adds risk leaves; cancels and kill work"
        say(state, effects, "error", "journal", text)
    else:
        state.desk.is_journal_ok = True
        say(state, effects, "info", "journal", "written again")
    state.desk.version += 1


def marks_of(state: KernelState) -> dict[InstrumentId, Decimal]:
    """Return the prices by which open positions are valued; unknown ones are missing."""
    marks = {}
    for key, market in state.instruments.items():
        tick = market.instrument.tick_size
        ticks = mark_ticks(reference_now(state, market))
        if tick is not None and ticks is not None:
            marks[key] = ticks * tick
    return marks
