"""Handlers of the account: what the ledger must know before anything is traded, and its day."""

from decimal import Decimal

from engine.execution.review import mark_ticks
from engine.execution.risk import advise
from engine.kernel.desk import moment_of
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.references import reference_of
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect
from engine.model.envelope import (
    Envelope,
    RunStarted,
    StorageDegraded,
    StorageRestored,
    TimerFired,
)
from engine.model.facts import AccountOpened, EquityMarked, InstrumentKnown, RunBegan
from engine.model.instrument import InstrumentId
from engine.model.market import InstrumentUpdated


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Begin the run in the ledger; the first run opens the account."""
    del envelope
    desk = state.desk
    boot = desk.ledger.boot + 1
    record(state, effects, RunBegan(state.ts_ns, event.run_id, event.version, boot))
    if desk.trading_state == "killed":
        desk.armed_until_ns = None
    if not desk.ledger.currency:
        setup = desk.setup
        opened = AccountOpened(state.ts_ns, setup.currency, setup.paper_equity)
        record(state, effects, opened)


def on_instrument(
    state: KernelState, envelope: Envelope, event: InstrumentUpdated, effects: list[Effect]
) -> None:
    """Tell the ledger in which steps an instrument is counted."""
    del envelope
    instrument = event.instrument
    tick, lot = instrument.tick_size, instrument.lot_size
    if tick is None or lot is None:
        return
    steps = state.desk.ledger.steps(instrument.instrument_id)
    if steps is None or (steps.tick_size, steps.lot_size) != (tick, lot):
        key = instrument.instrument_id
        known = InstrumentKnown(state.ts_ns, key, tick, lot, instrument.quote)
        record(state, effects, known)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Mark the equity at the first chance of a run and of a day; step down on losses."""
    del envelope, event
    desk = state.desk
    if desk.ledger.day_start_equity(state.ts_ns) is None:
        equity = desk.ledger.equity(marks_of(state))
        if equity is not None:
            record(state, effects, EquityMarked(state.ts_ns, equity))
    held = [key for key in state.instruments if desk.ledger.net_lots(key)]
    if held:
        markets = {key: reference_of(state.instruments[key], "fresh") for key in held}
        moment = moment_of(desk, markets, state.ts_ns)
        step_down(state, effects, advise(desk.ledger, desk.limits, moment))


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
        ticks = mark_ticks(reference_of(market, "fresh"))
        if tick is not None and ticks is not None:
            marks[key] = ticks * tick
    return marks
